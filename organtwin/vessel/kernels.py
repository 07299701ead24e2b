"""What is compiled: rays through a field of values. Indices are in the order of the array (k, j, i)."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Numbers = NDArray[np.float64]


@numba.njit(cache=True)
def value(field: Field, k: float, j: float, i: float) -> float:  # pragma: no cover (compiled)
    """Trilinear; beyond the border that of the border."""
    nk, nj, ni = field.shape
    k = min(max(k, 0.0), nk - 1.0)
    j = min(max(j, 0.0), nj - 1.0)
    i = min(max(i, 0.0), ni - 1.0)
    k0, j0, i0 = min(int(k), max(nk - 2, 0)), min(int(j), max(nj - 2, 0)), min(int(i), max(ni - 2, 0))
    k1, j1, i1 = min(k0 + 1, nk - 1), min(j0 + 1, nj - 1), min(i0 + 1, ni - 1)
    a, b, c = k - k0, j - j0, i - i0
    low = (1 - b) * ((1 - c) * field[k0, j0, i0] + c * field[k0, j0, i1]) + b * (
        (1 - c) * field[k0, j1, i0] + c * field[k0, j1, i1]
    )
    high = (1 - b) * ((1 - c) * field[k1, j0, i0] + c * field[k1, j0, i1]) + b * (
        (1 - c) * field[k1, j1, i0] + c * field[k1, j1, i1]
    )
    return (1 - a) * low + a * high


@numba.njit(cache=True)
def first_outside(
    field: Field, start: Numbers, ray: Numbers, reach: Numbers, step: float, level: Numbers, most: Numbers
) -> Numbers:  # pragma: no cover (compiled)
    """(n, m) mm at which the field first falls below ``level`` (n,), or rises above ``most`` (n,), on rays (n, m, 3) per mm
    from starts (n, 3); NaN where it does not within ``reach`` (n,) or the field, or at the start already."""
    n, m = ray.shape[:2]
    nk, nj, ni = field.shape
    out = np.full((n, m), np.nan)
    for p in range(n):
        middle = value(field, start[p, 0], start[p, 1], start[p, 2])
        if middle <= level[p]:
            continue
        for q in range(m):
            before, r = middle, 0.0
            while r < reach[p]:
                r += step
                k, j, i = start[p, 0] + r * ray[p, q, 0], start[p, 1] + r * ray[p, q, 1], start[p, 2] + r * ray[p, q, 2]
                if min(k, j, i) < -0.5 or k > nk - 0.5 or j > nj - 0.5 or i > ni - 0.5:
                    break  # it leaves the scan
                here = value(field, k, j, i)
                if here < level[p]:
                    out[p, q] = r - step * (level[p] - here) / max(before - here, 1e-6)
                    break
                if here > most[p]:
                    out[p, q] = r - step
                    break
                before = here
    return out


@numba.njit(cache=True)
def edges(
    image: Field, start: Numbers, ray: Numbers, wall: Numbers, blood: Numbers, least: float, reach: float, step: float
) -> Numbers:  # pragma: no cover (compiled)
    """(n, m) where, on rays (n, m, 3) per mm from starts (n, 3), the image falls through half-way from the ``blood`` (n,)
    to the darkest that lies right outside the ``wall`` (n, m) mm, ``least`` at the least; the crossing next to the wall, NaN when there
    is none within ``reach``."""
    n, m = wall.shape
    half = int(reach / step)
    count = 3 * half + 1
    out = np.full((n, m), np.nan)
    along = np.empty(count)
    for p in range(n):
        for q in range(m):
            if np.isnan(wall[p, q]):
                continue
            for s in range(count):
                r = max(wall[p, q] + (s - half) * step, 0.0)
                along[s] = value(
                    image,
                    start[p, 0] + r * ray[p, q, 0],
                    start[p, 1] + r * ray[p, q, 1],
                    start[p, 2] + r * ray[p, q, 2],
                )
            lowest = np.inf
            for s in range(half, count):
                lowest = min(lowest, along[s])
            rise = 0.3 * max(blood[p] - lowest, 1.0)
            dark = np.inf  # the darkest before it grows bright again
            for s in range(half, count):
                if along[s] > dark + rise:
                    break
                dark = min(dark, along[s])
            dark = max(dark, least)
            if blood[p] - dark < 0.25 * abs(blood[p]) and blood[p] - dark < 40.0:
                continue
            level = 0.5 * (blood[p] + dark)
            for s in range(count - 1):
                if along[s] >= level > along[s + 1]:
                    r = (s - half + (along[s] - level) / max(along[s] - along[s + 1], 1e-6)) * step
                    if abs(r) <= reach and (np.isnan(out[p, q]) or abs(r) < abs(out[p, q] - wall[p, q])):
                        out[p, q] = wall[p, q] + r
    return out
