"""A plane through tetrahedra, and what flows through it: exact for fields that are linear in each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

# of a cell with its corners above the plane first: the cut edges in turn, by the number of corners above
_CUT_EDGES = {1: ((0, 1), (0, 2), (0, 3)), 2: ((0, 2), (0, 3), (1, 3), (1, 2)), 3: ((3, 0), (3, 1), (3, 2))}


@dataclass(frozen=True, eq=False)
class Cut:
    """Triangles (t, 3) over ``points_mm`` (k, 3), each point on an edge ``pairs`` (k, 2) between two points of the mesh,
    at ``share`` (k,) of the way; ``normal`` (3,) of length one.
    """

    normal: NDArray[np.float64]
    points_mm: NDArray[np.float64]
    triangles: NDArray[np.int64]
    pairs: NDArray[np.int64]
    share: NDArray[np.float64]

    def values(self, field: NDArray[Any]) -> NDArray[np.float64]:
        """Point values of the mesh (n, ...) at the points of the cut (k, ...)."""
        share = self.share.reshape(-1, *(1,) * (field.ndim - 1))
        return np.asarray(field[self.pairs[:, 0]] * (1 - share) + field[self.pairs[:, 1]] * share, np.float64)

    @property
    def areas_mm2(self) -> NDArray[np.float64]:
        """(t,) of the triangles."""
        a, b, c = (self.points_mm[self.triangles[:, n]] for n in range(3))
        return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)

    @property
    def area_mm2(self) -> float:
        return float(self.areas_mm2.sum())

    @property
    def centre_mm(self) -> NDArray[np.float64]:
        """(3,) of the area."""
        return self.mean(self.points_mm)

    def mean(self, values: NDArray[Any]) -> Any:
        """Mean over the area of values (k, ...) that are linear in each triangle."""
        weights = self.areas_mm2 / max(self.area_mm2, 1e-300)
        return np.einsum("t,t...->...", weights, values[self.triangles].mean(axis=1))

    def flow_mm3_per_s(self, velocity: NDArray[Any]) -> float:
        """Through the plane, along its normal, of velocities (k, 3) mm/s at the points of the cut."""
        return float(self.mean(velocity) @ self.normal) * self.area_mm2


def cut(
    points_mm: NDArray[Any],
    tets: NDArray[Any],
    origin_mm: ArrayLike,
    normal: ArrayLike,
    *,
    connected: bool = True,
) -> Cut | None:
    """Cut a mesh with a plane.

    Parameters
    ----------
    points_mm, tets : (n, 3), (m, 4)
    origin_mm, normal : (3,) a point of the plane and its direction
    connected : only the part nearest to ``origin_mm``: a plane across one branch also meets the others

    Returns
    -------
    Cut or None
        None when the plane misses the mesh.
    """
    points, origin = np.asarray(points_mm, np.float64), np.asarray(origin_mm, np.float64)
    towards = np.asarray(normal, np.float64) / np.linalg.norm(np.asarray(normal, np.float64))
    height = (points - origin) @ towards
    height = np.where(np.abs(height) < 1e-9, 1e-9, height)  # never just through a point
    above = height > 0
    number = above[tets].sum(axis=1)
    triangles: list[NDArray[np.int64]] = []
    for count, edges in _CUT_EDGES.items():
        cells = np.asarray(tets)[number == count].astype(np.int64)
        if len(cells) == 0:
            continue
        ordered = np.take_along_axis(cells, np.argsort(~above[cells], axis=1, kind="stable"), axis=1)
        low = np.stack([np.minimum(ordered[:, a], ordered[:, b]) for a, b in edges], axis=1)
        high = np.stack([np.maximum(ordered[:, a], ordered[:, b]) for a, b in edges], axis=1)
        key = low * len(points) + high
        triangles += [key[:, (0, 1, 2)], key[:, (0, 2, 3)]] if count == 2 else [key]
    if not triangles:
        return None
    keys, numbered = np.unique(np.concatenate(triangles), return_inverse=True)
    corners = numbered.reshape(-1, 3)
    pairs = np.stack([keys // len(points), keys % len(points)], axis=1)
    share = height[pairs[:, 0]] / (height[pairs[:, 0]] - height[pairs[:, 1]])
    places = points[pairs[:, 0]] * (1 - share[:, None]) + points[pairs[:, 1]] * share[:, None]
    made = Cut(towards, places, corners, pairs, share)
    return _nearest_part(made, origin) if connected else made


def _nearest_part(made: Cut, origin: NDArray[np.float64]) -> Cut:
    count = len(made.points_mm)
    rows, columns = made.triangles[:, (0, 1)].ravel(), made.triangles[:, (1, 2)].ravel()
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(count, count))
    parts, part = connected_components(graph, directed=False)
    if parts == 1:
        return made
    middles = made.points_mm[made.triangles].mean(axis=1)
    own = part[made.triangles[np.argmin(np.linalg.norm(middles - origin, axis=1)), 0]]
    kept = np.flatnonzero(part == own)
    renumbered = np.full(count, -1)
    renumbered[kept] = np.arange(len(kept))
    triangles = renumbered[made.triangles[part[made.triangles[:, 0]] == own]]
    return Cut(made.normal, made.points_mm[kept], triangles, made.pairs[kept], made.share[kept])
