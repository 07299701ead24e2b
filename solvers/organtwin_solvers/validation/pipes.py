"""Vessel meshes made from a formula: what verification cases flow through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Cap, OrganMesh

Points = NDArray[np.float64]


def pipe(
    radius_mm: float,
    length_mm: float,
    rings: int,
    layers: int,
    *,
    shape: Callable[[Points], Points] | None = None,
    name: str = "pipe",
) -> OrganMesh:
    """A straight round pipe along +z from z = 0 (cap "inlet") to z = length (cap "outlet").

    Parameters
    ----------
    radius_mm, length_mm : float
    rings, layers : int
        Cells along the radius and along the axis: 18 * rings**2 * layers tetrahedra.
    shape : callable, optional
        Maps the (n, 3) points of the straight pipe to where they shall be (to bend or narrow it).
    """
    disc, triangles = _disc(rings)
    z = np.linspace(0.0, length_mm, layers + 1)
    points = np.column_stack([np.tile(disc * radius_mm, (layers + 1, 1)), np.repeat(z, len(disc))])
    tets = _prisms([triangles] * layers, len(disc))
    straight = points[_outer_faces(tets)]
    at_start = np.isclose(straight[..., 2], 0.0).all(axis=1)
    at_end = np.isclose(straight[..., 2], length_mm).all(axis=1)
    regions = np.where(at_start, 1, np.where(at_end, 2, 0))
    return vessel(points if shape is None else shape(points), tets, regions, ["inlet", "outlet"], name)


def turned(
    heights_mm: NDArray[np.floating],
    radii_mm: NDArray[np.floating],
    *,
    core: int | None = None,
    narrow: tuple[int, int] = (0, 0),
    name: str = "turned",
) -> OrganMesh:
    """A round vessel along z whose rings of points lie where they are told, like a piece from the lathe.

    Points lie a little outside their radius, so that the polygon through each ring has the area of the circle.

    Parameters
    ----------
    heights_mm : (layers + 1,) floats
        z of each layer of points, rising.
    radii_mm : (layers + 1, rings) floats
        Radius of each ring of points in each layer, rising.
    core, narrow : int and 2 ints, optional
        Between these two layers of points only the inner ``core`` rings are there: sudden contraction and expansion.
    """
    layers, rings = len(heights_mm) - 1, radii_mm.shape[1]
    disc, triangles = _disc(rings)
    ring = np.round(rings * np.hypot(*disc.T)).astype(int)
    sector = np.pi / (3.0 * np.maximum(ring, 1))  # ring k is a polygon of 6 k sides
    along = disc / np.maximum(np.hypot(*disc.T), 1e-300)[:, None] * np.sqrt(sector / np.sin(sector))[:, None]
    reach = np.column_stack([np.zeros(layers + 1), radii_mm])[:, ring]
    z = np.repeat(heights_mm, len(disc))
    points = np.column_stack([(reach[..., None] * along).reshape(-1, 2), z])
    inner = triangles[(ring[triangles] <= (rings if core is None else core)).all(axis=1)]
    first, last = narrow
    tets = _prisms([inner if first <= layer < last else triangles for layer in range(layers)], len(disc))
    used, tets = np.unique(tets, return_inverse=True)
    points, tets = points[used], tets.reshape(-1, 4)
    ends = points[_outer_faces(tets)][..., 2]
    regions = np.where((ends == z[0]).all(axis=1), 1, np.where((ends == z[-1]).all(axis=1), 2, 0))
    return vessel(points, tets, regions, ["inlet", "outlet"], name)


def toward_wall(radius_mm: float, ratio: float) -> Callable[[Points], Points]:
    """A ``shape`` that makes cells at the wall ``ratio`` times thinner than on the axis."""
    bend = np.arccosh(np.sqrt(max(ratio, 1.0 + 1e-6)))

    def shape(points: Points) -> Points:
        s = np.hypot(points[:, 0], points[:, 1]) / radius_mm
        stretch = np.tanh(bend * s) / (np.tanh(bend) * np.where(s > 0, s, 1.0))
        return points * np.column_stack([stretch, stretch, np.ones(len(s))])

    return shape


def closing(cells: int, ratio: float) -> NDArray[np.float64]:
    """(cells + 1,) numbers from 0 to 1 that come closer, the last ``ratio`` times closer than the first."""
    steps = np.geomspace(1.0, 1.0 / ratio, cells)
    return np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])


def closing_to_both(cells: int, ratio: float) -> NDArray[np.float64]:
    """(cells + 1,) numbers from 0 to 1, closer at both ends; ``cells`` is even."""
    half = closing(cells // 2, ratio)
    return np.concatenate([0.5 * (1.0 - half[::-1]), 0.5 + 0.5 * half[1:]])


def tee(width_mm: float, stem_mm: float, branch_mm: float, cells: int, name: str = "tee") -> OrganMesh:
    """A square channel along +z that meets a square cross channel along x: one "inlet", mirror images "left" and "right".

    ``cells`` across the width; the mesh is its own mirror image in x = 0.
    """
    h = width_mm / cells
    across, up, along = cells // 2, round(stem_mm / h), round(branch_mm / h)
    cubes = [(i, j, k) for k in range(up + cells) for j in range(cells) for i in range(across)]
    cubes += [(i, j, k) for k in range(up, up + cells) for j in range(cells) for i in range(across, across + along)]
    corners, tets = _kuhn(np.array(cubes))
    half = corners * h
    n = len(half)
    points = np.concatenate([half, half * [-1, 1, 1]])
    twin = np.where(half[:, 0] == 0, np.arange(n), np.arange(n) + n)  # points of the mirror plane are shared
    tets = np.concatenate([tets, twin[tets]])
    used, tets = np.unique(tets, return_inverse=True)
    points, tets = points[used], tets.reshape(-1, 4)
    faces = points[_outer_faces(tets)]
    end = (across + along) * h
    regions = np.select(
        [np.isclose(faces[..., axis], value).all(axis=1) for axis, value in ((2, 0.0), (0, end), (0, -end))],
        [1, 2, 3],
        0,
    )
    return vessel(points, tets, regions, ["inlet", "left", "right"], name)


def vessel(
    points: Points, tets: NDArray[np.integer], regions: NDArray[np.integer], caps: list[str], name: str
) -> OrganMesh:
    """The OrganMesh of these tetrahedra; ``regions`` is 0 (wall) or 1 + index of the cap, one per outer face.

    The order of faces is that of :func:`_outer_faces`. The first cap is the inlet.
    """
    faces = _outer_faces(tets)
    a, b, c, d = (points[tets[:, i]] for i in range(4))
    swap = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) < 0
    tets = np.where(swap[:, None], tets[:, [0, 1, 3, 2]], tets)
    faces = _turned_outward(points, tets, faces)
    made = []
    for index, cap in enumerate(caps, start=1):
        corner = points[faces[regions == index]]
        normals = 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        total, area = normals.sum(axis=0), float(np.linalg.norm(normals, axis=1).sum())
        centre = np.average(corner.mean(axis=1), axis=0, weights=np.linalg.norm(normals, axis=1))
        made.append(
            Cap(
                name=cap,
                role="inlet" if index == 1 else "outlet",
                centre_mm=tuple(centre),
                normal=tuple(total / np.linalg.norm(total)),
                area_mm2=area,
                radius_mm=float(np.sqrt(area / np.pi)),
            )
        )
    return OrganMesh(
        name=name,
        structure="vessel",
        points_mm=points,
        tets=tets.astype(np.int32),
        boundary_triangles=faces.astype(np.int32),
        boundary_tags=(regions + 1).astype(np.int16),
        boundaries={"wall": 1, **{cap: index + 2 for index, cap in enumerate(caps)}},
        caps=tuple(made),
        mesher="formula",
        report={"tets": float(len(tets)), "nodes": float(len(points))},
    )


def _disc(rings: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Unit disc: ring k carries 6 k points; 6 rings**2 triangles of like size."""
    points, triangles = [np.zeros((1, 2))], []
    first = [0] + [1 + 3 * k * (k - 1) for k in range(1, rings + 1)]
    for k in range(1, rings + 1):
        angle = 2 * np.pi * np.arange(6 * k) / (6 * k)
        points.append(k / rings * np.column_stack([np.cos(angle), np.sin(angle)]))
        inner = (lambda j, k=k: first[k - 1] + j % (6 * (k - 1))) if k > 1 else (lambda j: 0)
        outer = lambda j, k=k: first[k] + j % (6 * k)  # noqa: E731
        for sector in range(6):
            for j in range(k):
                o, i = sector * k + j, sector * (k - 1) + j
                triangles.append((inner(i), outer(o), outer(o + 1)))
                if j < k - 1:
                    triangles.append((inner(i), outer(o + 1), inner(i + 1)))
    return np.concatenate(points), np.array(triangles)


def _prisms(layers: list[NDArray[np.integer]], points_per_layer: int) -> NDArray[np.int64]:
    """Three tetrahedra over each triangle of each layer."""
    tets = []
    for layer, triangles in enumerate(layers):
        low, high = layer * points_per_layer, (layer + 1) * points_per_layer
        a, b, c = np.sort(triangles, axis=1).T  # sorted corners: neighbours cut their common quadrilateral alike
        tets += [
            np.column_stack([a + low, b + low, c + low, c + high]),
            np.column_stack([a + low, b + low, b + high, c + high]),
            np.column_stack([a + low, a + high, b + high, c + high]),
        ]
    return np.concatenate(tets)


def _kuhn(cubes: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Six tetrahedra in each unit cube; corner points as numbers of cubes."""
    paths = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    steps = np.array([np.cumsum([[0, 0, 0], *np.eye(3, dtype=int)[list(path)]], axis=0) for path in paths])
    corners = (cubes[:, None, None, :] + steps[None]).reshape(-1, 3)
    points, index = np.unique(corners, axis=0, return_inverse=True)
    return points.astype(float), index.reshape(-1, 4)


def _outer_faces(tets: NDArray[np.integer]) -> NDArray[np.integer]:
    faces = np.concatenate([tets[:, [1, 2, 3]], tets[:, [0, 2, 3]], tets[:, [0, 1, 3]], tets[:, [0, 1, 2]]])
    _, first, count = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    return np.sort(faces[first[count == 1]], axis=1)


def _turned_outward(points: Points, tets: NDArray[np.integer], faces: NDArray[np.integer]) -> NDArray[np.integer]:
    sides = np.concatenate(
        [np.column_stack([np.sort(np.delete(tets, k, axis=1), axis=1), tets[:, k]]) for k in range(4)]
    )
    order = np.lexsort(sides[:, :3].T[::-1])
    _, first = np.unique(sides[order, :3], axis=0, return_index=True)
    keys = {tuple(row[:3]): row[3] for row in sides[order[first]]}
    inside = points[[keys[tuple(face)] for face in faces]]
    a, b, c = (points[faces[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), inside - a) > 0
    return np.where(inward[:, None], faces[:, [0, 2, 1]], faces)
