"""Parts inside a mesh, as a tumour or a vessel in the liver: smaller cells near them, and each cell given to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.mesh import child, quality
from organtwin.mesh import triangles as tri
from organtwin.model import Segmentation

FINER = 0.5  # edges near a part, in those of the organ
GROWING = 0.4  # how fast they grow with the distance from it
LEAST_DIHEDRAL_DEG = 8.0

# where a cell is looked at: its middle, and points towards its corners (barycentric)
INSIDE = np.array([[0.25] * 4, *(np.full((4, 4), 0.15) + 0.4 * np.eye(4))])


@dataclass(frozen=True)
class Parted:
    """A mesh with finer cells near its parts, and the material of each: 0 is the organ, 1 the first part, and so on."""

    points: tri.Points
    tets: NDArray[np.int32]
    material: NDArray[np.int16]
    refined: bool


def with_parts(
    points: tri.Points,
    tets: NDArray[np.int32],
    segmentation: Segmentation,
    parts: Sequence[str],
    *,
    edge_mm: float | None = None,
    beat: Callable[[], None] = lambda: None,
) -> Parted:
    """Refine near parts, inside an unchanged boundary, and sample the labels in the cells.

    Parameters
    ----------
    points, tets
        The mesh of the whole organ.
    segmentation : Segmentation
        Where the parts have labels of their own.
    edge_mm : float, optional
        Edges near the parts; by default half of those of the mesh.
    """
    lengths = np.linalg.norm(points[tets[:, 0]] - points[tets[:, 1]], axis=1)
    edge = float(np.median(lengths))
    near = min(edge, edge_mm if edge_mm is not None else FINER * edge)
    sizes = np.minimum(edge, near + GROWING * _distance_mm(points, segmentation, parts, edge))
    refined = near < 0.95 * edge
    if refined:
        try:
            made = child.call(
                "organtwin.mesh.parts:_mmg",
                {"points": points, "tets": tets, "shell": quality.boundary(tets), "sizes": sizes},
                beat,
                240.0,
            )
        except child.ChildFailed:
            refined = False
        else:
            new, cells, _ = tri.compact(made["points"], quality.oriented(made["points"], made["tets"]))
            refined = _sound(new, cells, points, tets)
            if refined:
                points, tets = new, cells
    return Parted(points, tets, materials(points, tets, segmentation, parts), refined)


def materials(
    points: tri.Points, tets: NDArray[np.int32], segmentation: Segmentation, parts: Sequence[str]
) -> NDArray[np.int16]:
    """(m,) the number of the part, from 1, that most of a cell lies in; 0 for the rest."""
    number = np.zeros(256, np.int16)
    for n, key in enumerate(parts, start=1):
        number[segmentation.segment(key).label] = n
    labels = np.asarray(segmentation.labels)
    votes = np.zeros((len(tets), len(parts) + 1), np.int8)
    for weights in INSIDE:
        places = np.einsum("c,mcx->mx", weights, points[tets])
        kji = np.rint(segmentation.grid.to_index(places)).astype(int)[:, ::-1]
        kji = np.clip(kji, 0, np.array(labels.shape) - 1)
        votes[np.arange(len(tets)), number[labels[tuple(kji.T)]]] += 1
    return votes.argmax(axis=1).astype(np.int16)


def _distance_mm(
    points: tri.Points, segmentation: Segmentation, parts: Sequence[str], edge: float
) -> NDArray[np.float64]:
    """Distance of points to the nearest part."""
    mask = np.isin(np.asarray(segmentation.labels), [segmentation.segment(key).label for key in parts])
    kji = segmentation.grid.to_index(points)[:, ::-1]
    low = np.maximum(np.floor(kji.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(kji.max(axis=0)).astype(int) + 2, mask.shape)
    spacing = segmentation.grid.spacing_mm[::-1]
    step = np.maximum(1, (0.25 * edge / spacing).astype(int))  # as fine as the cells need
    box = mask[low[0] : high[0] : step[0], low[1] : high[1] : step[1], low[2] : high[2] : step[2]]
    if not box.any():
        return np.full(len(points), np.inf)
    distance = ndimage.distance_transform_edt(~box, sampling=spacing * step)
    return np.asarray(ndimage.map_coordinates(distance, ((kji - low) / step).T, order=1, mode="nearest"))


def _sound(points: tri.Points, tets: NDArray[np.int32], before: tri.Points, cells: NDArray[np.int32]) -> bool:
    """Whether the same room is filled, with cells that are good enough."""
    volumes = quality.volumes(points, tets)
    least = min(LEAST_DIHEDRAL_DEG, float(quality.dihedral_angles_deg(before, cells).min()))
    return bool(
        volumes.min() > 0
        and np.isclose(volumes.sum(), quality.volumes(before, cells).sum(), rtol=1e-6)
        and len(quality.boundary(tets)) == len(quality.boundary(cells))
        and quality.dihedral_angles_deg(points, tets).min() >= 0.9 * least
    )


def _mmg(points: NDArray[Any], tets: NDArray[Any], shell: NDArray[Any], sizes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    import mmgpy

    mesh = mmgpy.MmgMesh3D()
    mesh.set_mesh_size(vertices=len(points), tetrahedra=len(tets), triangles=len(shell))
    mesh.set_vertices(points)
    mesh.set_tetrahedra(tets.astype(np.int32))
    mesh.set_triangles(shell.astype(np.int32), np.ones(len(shell), np.int32))
    mesh.set_field("metric", sizes[:, None])
    mesh.remesh(nosurf=1, angle=0, hgrad=1.4, verbose=-1)
    return {"points": mesh.get_vertices(), "tets": np.asarray(mesh.get_tetrahedra())}
