"""How far every voxel is from a mask, exactly, between voxel centres.

Lower envelopes of parabolas, one axis after the other (Felzenszwalb and Huttenlocher, "Distance transforms of sampled
functions", Theory of Computing 8, 2012): several times as fast as SciPy's, which also seeks the nearest voxel itself.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def squared_mm2(mask: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """(nk, nj, ni) squared distance to the nearest voxel of the mask, infinite where it has none; ``spacing_mm`` along i, j, k,
    axes at right angles."""
    squared = np.where(mask, np.float32(0), np.float32(np.inf))
    for axis in (2, 1, 0):
        if squared.shape[axis] > 1:
            moved = np.moveaxis(squared, axis, -1)
            lines = np.ascontiguousarray(moved).reshape(-1, squared.shape[axis])
            _envelopes(lines, float(spacing_mm[2 - axis]))
            squared = np.moveaxis(lines.reshape(moved.shape), -1, axis)
    return squared


@numba.njit(cache=True)
def _envelopes(lines: NDArray[np.float32], step: float) -> None:  # pragma: no cover
    """In place, for every line f: min over q of f(q) + (step (p - q))²."""
    rows, n = lines.shape
    square = step * step
    for row in range(rows):
        line = lines[row]
        root = np.empty(n, np.int64)  # where the parabolas stand that form the envelope
        cross = np.empty(n + 1, np.float64)  # between which places each is lowest
        value = np.empty(n, np.float64)
        top = -1
        for q in range(n):
            value[q] = line[q]
            if not np.isfinite(value[q]):
                continue
            at = -np.inf
            while top >= 0:
                other = root[top]
                at = 0.5 * ((value[q] - value[other]) / square / (q - other) + q + other)
                if at > cross[top]:
                    break
                top -= 1
            top += 1
            root[top] = q
            cross[top] = at if top > 0 else -np.inf
        if top < 0:
            continue
        current = 0
        for p in range(n):
            while current < top and cross[current + 1] < p:
                current += 1
            off = p - root[current]
            line[p] = value[root[current]] + square * off * off
