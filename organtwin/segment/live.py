"""Fronts that compete, fast enough to follow a hand: on coarse voxels first, then at the borders on all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor
from organtwin.segment import competition
from organtwin.segment.strokes import Drawn

MOST_VOXELS = 600_000  # of the coarse grid


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
    out = np.full(values.shape, -1, np.int16)
    best = np.full(values.shape, 0.5, np.float32)
    for n in range(len(drawn.keys)):
        soft = enlarged((owner == n).astype(np.float32), factors, values.shape)
        wins = soft > best
        best[wins] = soft[wins]
        out[wins] = n
    return out


def coarsening(shape: tuple[int, ...], spacing_mm: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """(3,) how many voxels along k, j, i become one, so that no more than ``most`` are left, as cubic as can be."""
    factors = np.ones(3, np.int64)
    size = np.array(shape)
    while np.prod(np.ceil(size / factors)) > most:
        factors[np.argmin(factors * spacing_mm[::-1])] += 1
    return factors


def averaged(values: NDArray[np.float32], factors: NDArray[np.int64]) -> NDArray[np.float32]:
    """Means of blocks; those at the far faces are cut."""
    out = values
    for axis, factor in enumerate(factors):
        if factor > 1:
            starts = np.arange(0, out.shape[axis], factor)
            sums = np.add.reduceat(out, starts, axis=axis)
            counts = np.diff(np.append(starts, out.shape[axis])).astype(np.float32)
            out = sums / counts.reshape([-1 if a == axis else 1 for a in range(3)])
    return np.asarray(out, np.float32)


def enlarged(coarse: NDArray[np.float32], factors: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Linear between the centres of blocks."""
    out = coarse
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        place = np.clip((np.arange(shape[axis]) + 0.5) / factor - 0.5, 0, out.shape[axis] - 1)
        low = np.minimum(place.astype(int), max(out.shape[axis] - 2, 0))
        high = np.minimum(low + 1, out.shape[axis] - 1)
        part = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        out = np.take(out, low, axis) * (1 - part) + np.take(out, high, axis) * part
    return out
