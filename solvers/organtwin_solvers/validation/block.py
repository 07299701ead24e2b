"""Blocks of tetrahedra for verification: a regular grid of the unit cube, mapped to the shape that a case needs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh

FACES = ("x0", "x1", "y0", "y1", "z0", "z1")


def block(
    cells: tuple[int, int, int],
    shape: Callable[[NDArray[np.float64]], NDArray[np.float64]] | tuple[float, float, float],
    name: str = "block",
) -> OrganMesh:
    """A mapped unit cube, each of its cells split into six tetrahedra.

    Parameters
    ----------
    cells : 3 ints
        Cells along each axis.
    shape : callable or 3 floats
        Maps points (n, 3) of the unit cube to mm; or the edge lengths in mm.

    Returns
    -------
    OrganMesh
        With the boundaries "x0", "x1", "y0", "y1", "z0", "z1": where that coordinate of the cube is 0 or 1.
    """
    _, ny, nz = cells
    grid = np.stack(np.meshgrid(*(np.arange(n + 1) for n in cells), indexing="ij"), axis=-1).reshape(-1, 3)
    unit = grid / np.array(cells)
    points = shape(unit) if callable(shape) else unit * np.array(shape)
    corner = np.stack(np.meshgrid(*(np.arange(n) for n in cells), indexing="ij"), axis=-1).reshape(-1, 3)
    tets = []
    for order in permutations(range(3)):  # Kuhn: one tetrahedron per way along the edges of a cell
        way = [corner]
        for axis in order:
            way.append(way[-1] + np.eye(3, dtype=int)[axis])
        tets.append(np.stack([(p[:, 0] * (ny + 1) + p[:, 1]) * (nz + 1) + p[:, 2] for p in way], axis=1))
    cells_ = np.concatenate(tets)
    a, b, c, d = (points[cells_[:, k]] for k in range(4))
    inverted = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) < 0
    cells_[inverted] = cells_[inverted][:, [0, 2, 1, 3]]

    faces = np.concatenate([cells_[:, k] for k in ([1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1])])
    _, first, count = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    outer = faces[first[count == 1]]
    tags = np.full(len(outer), -1, np.int16)
    for tag in range(6):
        tags[(unit[outer][:, :, tag // 2] == tag % 2).all(axis=1)] = tag
    return OrganMesh(
        name=name,
        structure=name,
        points_mm=points,
        tets=cells_.astype(np.int32),
        boundary_triangles=outer.astype(np.int32),
        boundary_tags=tags,
        boundaries={face: tag for tag, face in enumerate(FACES)},
    )


def nearest_point(mesh: OrganMesh, place_mm: tuple[float, float, float]) -> int:
    """Index of the point at ``place_mm``."""
    return int(np.linalg.norm(np.asarray(mesh.points_mm) - np.array(place_mm), axis=1).argmin())
