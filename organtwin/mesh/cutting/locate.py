"""Which tetrahedron a point lies in."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
TOLERANCE = 1e-9


@numba.njit(cache=True, nogil=True)
def barycentric(p: Any, a: Any, b: Any, c: Any, d: Any, out: Any) -> None:
    """Weights of the corners of a tetrahedron at p, written to ``out`` (4,)."""
    u0, u1, u2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    v0, v1, v2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    w0, w1, w2 = d[0] - a[0], d[1] - a[1], d[2] - a[2]
    q0, q1, q2 = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    six = u0 * (v1 * w2 - v2 * w1) + u1 * (v2 * w0 - v0 * w2) + u2 * (v0 * w1 - v1 * w0)
    if six == 0.0:
        out[:] = -1.0
        return
    out[1] = (q0 * (v1 * w2 - v2 * w1) + q1 * (v2 * w0 - v0 * w2) + q2 * (v0 * w1 - v1 * w0)) / six
    out[2] = (u0 * (q1 * w2 - q2 * w1) + u1 * (q2 * w0 - q0 * w2) + u2 * (q0 * w1 - q1 * w0)) / six
    out[3] = (u0 * (v1 * q2 - v2 * q1) + u1 * (v2 * q0 - v0 * q2) + u2 * (v0 * q1 - v1 * q0)) / six
    out[0] = 1.0 - out[1] - out[2] - out[3]


@numba.njit(cache=True, nogil=True)
def _cells(points: Any, tets: Any, low: Any, size: float, shape: Any, m: int) -> Any:
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for k in range(3):
        a, b = np.inf, -np.inf
        for corner in range(4):
            a, b = min(a, points[tets[m, corner], k]), max(b, points[tets[m, corner], k])
        first[k] = min(max(int((a - low[k]) / size), 0), shape[k] - 1)
        last[k] = min(max(int((b - low[k]) / size), 0), shape[k] - 1)
    return first, last


@numba.njit(cache=True, nogil=True)
def _located(queries: Any, points: Any, tets: Any, low: Any, size: float, shape: Any, tolerance: float) -> Any:
    starts = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    for m in range(len(tets)):
        first, last = _cells(points, tets, low, size, shape, m)
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                for k in range(first[2], last[2] + 1):
                    starts[(i * shape[1] + j) * shape[2] + k + 1] += 1
    for i in range(len(starts) - 1):
        starts[i + 1] += starts[i]
    fill = starts[:-1].copy()
    inside = np.empty(starts[-1], np.int32)
    for m in range(len(tets)):
        first, last = _cells(points, tets, low, size, shape, m)
        for i in range(first[0], last[0] + 1):
            for j in range(first[1], last[1] + 1):
                for k in range(first[2], last[2] + 1):
                    cell = (i * shape[1] + j) * shape[2] + k
                    inside[fill[cell]] = m
                    fill[cell] += 1
    found = np.full(len(queries), -1, np.int32)
    weights = np.zeros((len(queries), 4))
    own = np.empty(4)
    for q in range(len(queries)):
        p = queries[q]
        cell, out = 0, False
        for k in range(3):
            at = int(np.floor((p[k] - low[k]) / size))
            out = out or at < 0 or at >= shape[k]
            cell = cell * shape[k] + at
        if out:
            continue
        best = -tolerance
        for e in range(starts[cell], starts[cell + 1]):
            m = inside[e]
            barycentric(p, points[tets[m, 0]], points[tets[m, 1]], points[tets[m, 2]], points[tets[m, 3]], own)
            least = min(own[0], own[1], own[2], own[3])
            if least > best:
                best = least
                found[q] = m
                weights[q] = own
                if least > 0.0:
                    break
    return found, weights


def locate(queries: Points, points: Points, tets: NDArray[np.int32]) -> tuple[NDArray[np.int32], Points]:
    """The tetrahedron of each query point (k,), -1 outside of all, and its corners' weights (k, 4)."""
    if len(queries) == 0 or len(tets) == 0:
        return np.full(len(queries), -1, np.int32), np.zeros((len(queries), 4))
    corners = points[tets]
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    size = max(float(np.median(np.ptp(corners, axis=1))), float((high - low).max()) / 200.0, 1e-9)
    low = low - 1e-6 * size
    shape = np.maximum(np.ceil((high + 1e-6 * size - low) / size).astype(np.int64), 1)
    made: tuple[NDArray[np.int32], Points] = _located(
        np.ascontiguousarray(queries, float), points, tets, low, size, shape, TOLERANCE
    )
    return made
