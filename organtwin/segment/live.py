"""Fronts that compete, fast enough to follow a hand: on coarse voxels first, then at the borders on all of them."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor
from organtwin.segment import competition
from organtwin.segment.strokes import Drawn

MOST_VOXELS = 600_000  # of the coarse grid
NOBODY = 0.3  # how like a value is to what no stroke knows


def owners(
    values: NDArray[np.float32],
    drawn: Drawn,
    spacing_mm: NDArray[np.float64],
    tolerance: float,
    smooth_mm: float,
    monitor: Monitor,
) -> NDArray[np.int16]:
    """For every voxel the index of the key that owns it, or -1.

    Parameters
    ----------
    values : (nk, nj, ni) float32
    spacing_mm : (3,)
        Along i, j, k.
    """
    factors = coarsening(values.shape, spacing_mm, MOST_VOXELS)
    coarse = averaged(values, factors)
    small = Drawn(drawn.keys, drawn.owner, tuple(np.unique(v // factors, axis=0) for v in drawn.voxels))
    step = spacing_mm * factors[::-1]
    statistics = competition.learn(coarse, small, step)
    owner = competition.run(coarse, small, statistics, step, tolerance, monitor)
    if np.all(factors == 1):
        return owner
    monitor.progress(0.9, "looking at the borders")
    return _refined(owner, values, small, statistics, factors, smooth_mm / spacing_mm[::-1])


def _refined(
    owner: NDArray[np.int16], values: NDArray[np.float32], drawn: Drawn, statistics: competition.Statistics,
    factors: NDArray[np.int64], sigma: NDArray[np.float64],
) -> NDArray[np.int16]:  # fmt: skip
    """Owners of the fine voxels: where coarse ones of several owners meet, nearness and the value decide together."""
    out = np.full(values.shape, -1, np.int16)
    width = np.hypot(statistics.width, statistics.noise / 2).astype(np.float32)
    _decide(
        owner, factors, values, statistics.centre, width, drawn.owner, len(drawn.keys), float(sigma.max()) > 0.3, out
    )
    return out


@numba.njit(cache=True)
def _decide(owner, factors, values, centre, width, key_of, keys, soft, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The key with the largest product of nearness (linear between coarse voxels) and likeness of the value; -1 where
    nobody's is larger."""
    nk, nj, ni = values.shape
    ck, cj, ci = owner.shape
    near, like = np.empty(keys + 1, np.float32), np.empty(keys + 1, np.float32)
    for k in range(nk):
        z = min(max((k + 0.5) / factors[0] - 0.5, 0.0), ck - 1.0)
        k0 = int(z)
        k1, fk = min(k0 + 1, ck - 1), z - k0
        for j in range(nj):
            y = min(max((j + 0.5) / factors[1] - 0.5, 0.0), cj - 1.0)
            j0 = int(y)
            j1, fj = min(j0 + 1, cj - 1), y - j0
            for i in range(ni):
                x = min(max((i + 0.5) / factors[2] - 0.5, 0.0), ci - 1.0)
                i0 = int(x)
                i1, fi = min(i0 + 1, ci - 1), x - i0
                first = owner[k0, j0, i0]
                if (
                    first == owner[k0, j0, i1] and first == owner[k0, j1, i0] and first == owner[k0, j1, i1]
                    and first == owner[k1, j0, i0] and first == owner[k1, j0, i1] and first == owner[k1, j1, i0]
                    and first == owner[k1, j1, i1]
                ):  # fmt: skip
                    out[k, j, i] = first
                    continue
                near[:] = 0
                for kk, wk in ((k0, 1 - fk), (k1, fk)):
                    for jj, wj in ((j0, 1 - fj), (j1, fj)):
                        for ii, wi in ((i0, 1 - fi), (i1, fi)):
                            near[owner[kk, jj, ii]] += wk * wj * wi  # -1 is the last
                value = values[k, j, i]
                if soft > 0:
                    total, count = value, 1
                    for kk, jj, ii in (
                        (k - 1, j, i),
                        (k + 1, j, i),
                        (k, j - 1, i),
                        (k, j + 1, i),
                        (k, j, i - 1),
                        (k, j, i + 1),
                    ):
                        inside = 0 <= kk < nk and 0 <= jj < nj and 0 <= ii < ni
                        if inside and abs(values[kk, jj, ii] - value) < soft:  # not across an edge
                            total += values[kk, jj, ii]
                            count += 1
                    value = total / count
                like[:] = 0.02
                like[keys] = NOBODY
                for s in range(len(centre)):
                    off = (value - centre[s]) / width[s]
                    like[key_of[s]] = max(like[key_of[s]], np.exp(-0.5 * off * off))
                best = -1
                for n in range(keys):
                    if near[n] * like[n] > near[best] * like[best]:
                        best = n
                out[k, j, i] = best


def coarsening(shape: tuple[int, ...], spacing_mm: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """(3,) how many voxels along k, j, i become one, so that no more than ``most`` are left, as cubic as can be."""
    factors = np.ones(3, np.int64)
    size = np.array(shape)
    while np.prod(np.ceil(size / factors)) > most:
        factors[np.argmin(factors * spacing_mm[::-1])] += 1
    return factors


def averaged(values: NDArray[np.float32], factors: NDArray[np.int64]) -> NDArray[np.float32]:
    """Means of blocks; those at the far faces are cut."""
    out = np.zeros([-(-n // int(f)) for n, f in zip(values.shape, factors, strict=True)], np.float32)
    _average(values, factors, out)
    return out


@numba.njit(cache=True)
def _average(values, factors, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                total, count = 0.0, 0
                for kk in range(k * factors[0], min((k + 1) * factors[0], values.shape[0])):
                    for jj in range(j * factors[1], min((j + 1) * factors[1], values.shape[1])):
                        for ii in range(i * factors[2], min((i + 1) * factors[2], values.shape[2])):
                            total += values[kk, jj, ii]
                            count += 1
                out[k, j, i] = total / count
