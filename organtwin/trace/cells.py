"""Tetrahedra that know their neighbours, so that a moving point is found by a step to the next cell and no search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.model import OrganMesh

OUTSIDE = -32_768  # beyond a boundary face that has no tag
# corners of the face opposite to each corner
_FACES = np.array([(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)])


@dataclass(frozen=True, eq=False)
class Cells:
    """``tets`` (m, 4); ``neighbours`` (m, 4): the cell beyond the face opposite to each corner, or ``-1 - tag`` of the
    boundary there (:data:`OUTSIDE` where it has none); ``first_mm`` (m, 3) the first corner and ``inverse`` (m, 3, 3) of the
    edges from it, which give barycentric weights; ``size_mm`` (m,) the edge of a cube around a cell.
    """

    tets: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    first_mm: NDArray[np.float64]
    inverse: NDArray[np.float64]
    size_mm: NDArray[np.float64]
    centres: cKDTree

    @classmethod
    def of(cls, mesh: OrganMesh) -> Cells:
        """Of a mesh; about a second for a million tetrahedra."""
        points, tets = np.asarray(mesh.points_mm, np.float64), np.asarray(mesh.tets, np.int64)
        corners = points[tets]
        edges = np.moveaxis(corners[:, 1:] - corners[:, :1], 1, 2)
        return cls(
            tets=tets,
            neighbours=_neighbours(
                tets, np.asarray(mesh.boundary_triangles), np.asarray(mesh.boundary_tags), len(points)
            ),
            first_mm=np.ascontiguousarray(corners[:, 0]),
            inverse=np.ascontiguousarray(np.linalg.inv(edges)),
            size_mm=np.abs(np.linalg.det(edges)) ** (1 / 3),
            centres=cKDTree(corners.mean(axis=1)),
        )

    def find(self, places_mm: NDArray[Any]) -> NDArray[np.int64]:
        """(n,) the cell in which each place (n, 3) lies, negative outside."""
        from organtwin.trace.kernels import walk_all

        places = np.asarray(places_mm, np.float64).reshape(-1, 3)
        found = np.full(len(places), OUTSIDE, np.int64)
        _, near = self.centres.query(places, k=min(8, len(self.tets)))
        for start in np.asarray(near).reshape(len(places), -1).T:  # a walk may end at a wall that bulges inwards
            missing = np.flatnonzero(found < 0)
            if len(missing) == 0:
                break
            found[missing] = walk_all(
                places[missing], start[missing].astype(np.int64), self.first_mm, self.inverse, self.neighbours
            )
        return found

    def near_boundary(
        self, mesh: OrganMesh, name: str, count: int, weights: NDArray[Any] | None = None, chance: int = 20
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """``count`` places just inside a boundary, and their cells: the same ones each time.

        They are spread by area, or by ``weights`` (t,) of the triangles of the boundary. ``chance`` makes others of them.
        """
        triangles = np.asarray(mesh.boundary(name), np.int64)
        corners = np.asarray(mesh.points_mm, np.float64)[triangles]
        share = areas_of(corners) if weights is None else np.asarray(weights, np.float64)
        behind = self._behind(mesh, name)
        random = np.random.default_rng(chance)
        # equal shares, one place in each: spread more evenly than by chance alone
        steps = (np.arange(count) + random.random(count)) / max(count, 1) * share.sum()
        chosen = np.minimum(np.searchsorted(np.cumsum(share), steps), len(share) - 1)
        on_cap = np.einsum("ij,ijk->ik", random.dirichlet(np.ones(3), size=count), corners[chosen])
        middle = np.asarray(mesh.points_mm)[self.tets[behind[chosen]]].mean(axis=1)
        return on_cap + 0.02 * (middle - on_cap), behind[chosen]

    def _behind(self, mesh: OrganMesh, name: str) -> NDArray[np.int64]:
        """(t,) the cell behind each triangle of a boundary."""
        cell, opposite = np.nonzero(self.neighbours == -1 - mesh.boundaries[name])
        keys = np.sort(self.tets[cell[:, None], _FACES[opposite]], axis=1)
        known = {tuple(key): c for key, c in zip(keys.tolist(), cell.tolist(), strict=True)}
        return np.array([known[tuple(sorted(t))] for t in mesh.boundary(name).tolist()], np.int64)


def areas_of(corners_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(t,) of triangles (t, 3, 3)."""
    sides = np.cross(corners_mm[:, 1] - corners_mm[:, 0], corners_mm[:, 2] - corners_mm[:, 0])
    return np.asarray(np.linalg.norm(sides, axis=1) / 2)


def _neighbours(tets: NDArray[np.int64], triangles: NDArray[Any], tags: NDArray[Any], points: int) -> NDArray[np.int64]:
    """(m, 4), see :class:`Cells`."""

    def keys(faces: NDArray[Any]) -> NDArray[Any]:
        ordered = np.sort(np.asarray(faces, np.int64), axis=1)
        pair = ordered[:, 0] * points + ordered[:, 1]
        if points < 2_000_000:  # three point numbers fit 64 bits
            return pair * points + ordered[:, 2]
        made = np.empty(len(pair), dtype=[("pair", np.int64), ("third", np.int64)])
        made["pair"], made["third"] = pair, ordered[:, 2]
        return made

    key = keys(tets[:, _FACES].reshape(-1, 3))
    order = np.argsort(key, kind="stable")
    twin = np.flatnonzero(key[order[1:]] == key[order[:-1]])
    one, other = order[twin], order[twin + 1]
    made = np.full(len(key), OUTSIDE, np.int64)
    made[one], made[other] = other // 4, one // 4
    if len(triangles):
        outer = np.flatnonzero(made < 0)
        known = keys(triangles)
        sorter = np.argsort(known)
        at = np.clip(np.searchsorted(known, key[outer], sorter=sorter), 0, len(known) - 1)
        hit = known[sorter[at]] == key[outer]
        made[outer[hit]] = -1 - tags[sorter[at[hit]]].astype(np.int64)
    return np.ascontiguousarray(made.reshape(-1, 4))
