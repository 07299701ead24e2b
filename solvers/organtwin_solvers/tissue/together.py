"""An organ and neighbours that give way, as one mesh of several pieces, so that they are solved as one problem.

The organ comes first: its points, tetrahedra and triangles keep their numbers. A neighbour is held by what lies behind
it: where its surface is farther from the organ than halfway to its farthest point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.model import OrganMesh, TissueCase
from organtwin_solvers.tissue.regions import Mask, Regions

BEHIND = 0.5  # of the way from its nearest to its farthest point


@dataclass(frozen=True)
class Together:
    """One mesh of an organ and its neighbours.

    ``mesh`` is all of them, ``case`` gives the neighbours their material, ``first`` (n + 1,) are the first triangles of
    the organ, of each neighbour, and their number; ``behind`` has the points of ``mesh`` where each neighbour is held.
    """

    mesh: OrganMesh
    case: TissueCase
    first: tuple[int, ...]
    behind: dict[str, NDArray[np.int64]]

    def triangles(self, piece: int) -> Mask:
        """Mask over the triangles of ``mesh``: of the organ (0), or of a neighbour (from 1 on)."""
        mask = np.zeros(self.first[-1], bool)
        mask[self.first[piece] : self.first[piece + 1]] = True
        return mask

    def regions(self, regions: Regions) -> Regions:
        """Regions of the organ as regions of the whole mesh."""
        more = np.zeros(self.first[-1] - self.first[1], bool)
        return replace(
            regions,
            **{name: tuple(np.concatenate([mask, more]) for mask in masks) for name, masks in vars(regions).items()},
        )


def together(organ: OrganMesh, case: TissueCase, neighbours: Mapping[str, OrganMesh]) -> Together:
    """Join ``neighbours``, by the names that people know them by, to ``organ``; they are of the case's neighbour_material."""
    assert case.neighbour_material is not None
    meshes = [organ, *neighbours.values()]
    points = [np.asarray(mesh.points_mm, float) for mesh in meshes]
    start = np.cumsum([0, *(len(p) for p in points)])
    tets = np.concatenate([np.asarray(mesh.tets) + at for mesh, at in zip(meshes, start, strict=False)])
    triangles = [np.asarray(mesh.boundary_triangles) + at for mesh, at in zip(meshes, start, strict=False)]

    parts = np.zeros(len(organ.tets), np.int16) - 1 if organ.materials_of_cells is None else organ.materials_of_cells
    highest = max([-1, int(np.max(parts)), *organ.materials.values()])
    of_cells, materials, made_of, behind = [np.asarray(parts)], dict(organ.materials), dict(case.materials), {}
    skin = cKDTree(points[0][np.unique(organ.boundary_triangles)])
    for i, (name, mesh) in enumerate(neighbours.items(), 1):
        key = name if name not in materials else f"neighbour {i}"
        materials[key], made_of[key] = highest + i, case.neighbour_material
        of_cells.append(np.full(len(mesh.tets), highest + i, np.int16))
        surface = np.unique(triangles[i])
        away, _ = skin.query(points[i][surface - start[i]])
        behind[name] = surface[away >= away.min() + BEHIND * (away.max() - away.min())]
    tags = [np.asarray(organ.boundary_tags), *(np.full(len(t), -1, np.int16) for t in triangles[1:])]
    mesh = organ.with_(
        points_mm=np.concatenate(points),
        tets=tets.astype(np.int32),
        boundary_triangles=np.concatenate(triangles).astype(np.int32),
        boundary_tags=np.concatenate(tags),
        materials=materials,
        materials_of_cells=np.concatenate(of_cells).astype(np.int16),
    )
    first = tuple(int(n) for n in np.cumsum([0, *(len(t) for t in triangles)]))
    return Together(mesh, case.with_(materials=made_of), first, behind)


__all__ = ["Together", "together"]
