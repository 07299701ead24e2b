"""How far points are from the wall of a vessel: the radius of the largest ball around each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]

CANDIDATES = 12  # triangles looked at for each point: those with the nearest centres


class WallDistance:
    """Distances to a triangle surface, ``triangles`` (k, 3) of ``points_mm`` (n, 3)."""

    def __init__(self, points_mm: Points, triangles: NDArray[np.integer]) -> None:
        self._corners = np.asarray(points_mm, float)[triangles]
        self._tree = cKDTree(self._corners.mean(axis=1))
        self._rough = cKDTree(np.concatenate([points_mm[np.unique(triangles)], self._corners.mean(axis=1)]))

    def rough(self, points: Points) -> NDArray[np.float64]:
        """(n,) distances to the corners and centres of the triangles: fast, a little long."""
        return np.asarray(self._rough.query(points)[0])

    def __call__(self, points: Points) -> NDArray[np.float64]:
        """(n,) distances to the triangles themselves."""
        _, near = self._tree.query(points, k=min(CANDIDATES, len(self._corners)))
        near = near.reshape(len(points), -1)
        return np.sqrt(_squared(points[:, None, :], self._corners[near]).min(axis=1))


def _squared(p: Points, corners: Points) -> NDArray[np.float64]:
    """Squared distances of points (..., 3) to triangles (..., 3, 3)."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    normal = np.cross(b - a, c - a)
    size = np.maximum(_dot(normal, normal), 1e-300)
    inside = np.ones(np.broadcast_shapes(p.shape, a.shape)[:-1], bool)
    edges = np.full(inside.shape, np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        along, beside = end - start, p - start
        inside &= _dot(np.cross(along, beside), normal) >= 0
        part = np.clip(_dot(beside, along) / np.maximum(_dot(along, along), 1e-300), 0.0, 1.0)
        off = beside - part[..., None] * along
        edges = np.minimum(edges, _dot(off, off))
    return np.where(inside, _dot(p - a, normal) ** 2 / size, edges)


def _dot(a: Points, b: Points) -> NDArray[np.float64]:
    return np.asarray(np.einsum("...i,...i->...", a, b))
