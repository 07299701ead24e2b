"""The nearest place on a triangle surface, with the side on which a point lies and whether it lies past a border."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]

NEIGHBOURS = 6  # nearest vertices whose triangles are looked at
FACE = 0  # of a triangle; 1, 2, 3 are its edges ab, bc, ca and 4, 5, 6 its corners


@numba.njit(cache=True, nogil=True)
def foot_on_triangle(p: Any, a: Any, b: Any, c: Any, foot: Any) -> int:
    """Nearest point of a triangle to p, written to ``foot``; returns where on it (Ericson 2005, 5.1.5)."""
    d1 = d2 = d3 = d4 = d5 = d6 = 0.0
    for k in range(3):
        ab, ac = b[k] - a[k], c[k] - a[k]
        d1 += ab * (p[k] - a[k])
        d2 += ac * (p[k] - a[k])
        d3 += ab * (p[k] - b[k])
        d4 += ac * (p[k] - b[k])
        d5 += ab * (p[k] - c[k])
        d6 += ac * (p[k] - c[k])
    vc, vb, va = d1 * d4 - d3 * d2, d5 * d2 - d1 * d6, d3 * d6 - d5 * d4
    where = FACE
    if d1 <= 0.0 and d2 <= 0.0:
        where = 4
    elif d3 >= 0.0 and d4 <= d3:
        where = 5
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        where = 1
    elif d6 >= 0.0 and d5 <= d6:
        where = 6
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        where = 3
    elif va <= 0.0 and d4 >= d3 and d5 >= d6:
        where = 2
    for k in range(3):
        if where == 4:
            foot[k] = a[k]
        elif where == 5:
            foot[k] = b[k]
        elif where == 6:
            foot[k] = c[k]
        elif where == 1:
            foot[k] = a[k] + d1 / (d1 - d3) * (b[k] - a[k])
        elif where == 3:
            foot[k] = a[k] + d2 / (d2 - d6) * (c[k] - a[k])
        elif where == 2:
            foot[k] = b[k] + (d4 - d3) / ((d4 - d3) + (d5 - d6)) * (c[k] - b[k])
        else:
            foot[k] = a[k] + vb / (va + vb + vc) * (b[k] - a[k]) + vc / (va + vb + vc) * (c[k] - a[k])
    return where


@numba.njit(cache=True, nogil=True)
def _feet(
    queries: Any,
    near: Any,
    points: Any,
    triangles: Any,
    starts: Any,
    around: Any,
    normals: Any,
    edge_normals: Any,
    corner_normals: Any,
    edge_border: Any,
    corner_border: Any,
    feet: Any,
    directions: Any,
    past: Any,
    which: Any,
) -> None:
    foot = np.empty(3)
    for i in range(len(queries)):
        best = math.inf
        p = queries[i]
        for j in range(near.shape[1]):
            v = near[i, j]
            for at in range(starts[v], starts[v + 1]):
                t = around[at]
                where = foot_on_triangle(
                    p, points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]], foot
                )
                d = (p[0] - foot[0]) ** 2 + (p[1] - foot[1]) ** 2 + (p[2] - foot[2]) ** 2
                if d < best:
                    best = d
                    feet[i] = foot
                    which[i] = t
                    if where == 0:
                        directions[i] = normals[t]
                        past[i] = False
                    elif where <= 3:
                        directions[i] = edge_normals[t, where - 1]
                        past[i] = edge_border[t, where - 1]
                    else:
                        directions[i] = corner_normals[triangles[t, where - 4]]
                        past[i] = corner_border[triangles[t, where - 4]]


class NearestOnSurface:
    """Nearest places on a surface of roughly even triangles, which may have borders.

    The side is that of the pseudo-normal of the nearest face, edge or corner (Baerentzen and Aanaes 2005); past a border
    the surface goes on flat.
    """

    def __init__(self, points: Points, triangles: NDArray[Any]) -> None:
        used, numbered = np.unique(triangles, return_inverse=True)
        self.points = np.ascontiguousarray(points[used], float)
        self.triangles = np.ascontiguousarray(numbered.reshape(-1, 3), np.int32)
        n = len(self.points)
        a, b, c = (self.points[self.triangles[:, k]] for k in range(3))
        cross = np.cross(b - a, c - a)
        self._normals = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-300)
        self._tree = cKDTree(self.points)
        self._starts = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(self.triangles.ravel(), minlength=n), out=self._starts[1:])
        self._around = np.argsort(self.triangles.ravel(), kind="stable") // 3
        self._corner_normals = self._angle_weighted(n)
        self._edge_normals, self._edge_border = self._at_edges(n)
        self._corner_border = np.zeros(n, bool)
        for k in range(3):
            rim = self._edge_border[:, k]
            self._corner_border[self.triangles[rim, k]] = True
            self._corner_border[self.triangles[rim, (k + 1) % 3]] = True

    def _angle_weighted(self, n: int) -> Points:
        sums = np.zeros((n, 3))
        for k in range(3):
            here = self.points[self.triangles[:, k]]
            one = self.points[self.triangles[:, (k + 1) % 3]] - here
            two = self.points[self.triangles[:, (k + 2) % 3]] - here
            angle = np.arctan2(np.linalg.norm(np.cross(one, two), axis=1), np.einsum("ij,ij->i", one, two))
            for axis in range(3):
                sums[:, axis] += np.bincount(self.triangles[:, k], angle * self._normals[:, axis], minlength=n)
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300))

    def _at_edges(self, n: int) -> tuple[Points, NDArray[np.bool_]]:
        m = len(self.triangles)
        ends = np.stack([self.triangles, np.roll(self.triangles, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64)
        keys = ends.min(axis=1) * n + ends.max(axis=1)
        _, number, times = np.unique(keys, return_inverse=True, return_counts=True)
        sums = np.stack([np.bincount(number, np.repeat(self._normals[:, k], 3)) for k in range(3)], axis=1)
        sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)
        return sums[number].reshape(m, 3, 3), (times[number] == 1).reshape(m, 3)

    @property
    def box(self) -> tuple[Points, Points]:
        """Lowest and highest coordinates."""
        return self.points.min(axis=0), self.points.max(axis=0)

    def at(self, queries: Points) -> tuple[Points, Points, NDArray[np.bool_], NDArray[np.int64]]:
        """Feet (n, 3), unit normals there (n, 3), whether they lie on a border (n,), and the triangles (n,)."""
        queries = np.ascontiguousarray(queries, float)
        count = min(NEIGHBOURS, len(self.points))
        near = np.asarray(self._tree.query(queries, k=count)[1]).reshape(len(queries), count)
        feet, directions = np.zeros_like(queries), np.zeros_like(queries)
        past, which = np.zeros(len(queries), bool), np.zeros(len(queries), np.int64)
        _feet(
            queries,
            near,
            self.points,
            self.triangles,
            self._starts,
            self._around,
            self._normals,
            self._edge_normals,
            self._corner_normals,
            self._edge_border,
            self._corner_border,
            feet,
            directions,
            past,
            which,
        )
        return feet, directions, past, which

    def near(self, queries: Points, within_mm: float) -> NDArray[np.bool_]:
        """False where a query lies farther than ``within_mm`` outside of the surface's box."""
        low, high = self.box
        return np.asarray(((queries >= low - within_mm) & (queries <= high + within_mm)).all(axis=1))

    def distance(self, queries: Points, within_mm: float = np.inf) -> NDArray[np.float64]:
        """(n,) distances, negative inside an outward oriented closed surface; infinite where farther than ``within_mm`` from
        the surface's box."""
        out = np.full(len(queries), np.inf)
        near = self.near(queries, within_mm)
        feet, directions, _, _ = self.at(queries[near])
        away = queries[near] - feet
        out[near] = np.copysign(np.linalg.norm(away, axis=1), np.einsum("ij,ij->i", away, directions))
        return out
