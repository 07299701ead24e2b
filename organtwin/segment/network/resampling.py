"""Resampling to a network's spacing and its labels back, a slab at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.monitor import Monitor

SLAB_VOXELS = 4_000_000
ANISOTROPIC = 3.0  # beyond this ratio of spacings the coarse axis is not interpolated, as in nnU-Net


def resampled(
    values: NDArray[np.generic], shape: tuple[int, int, int], spacing: NDArray[np.float64], wanted: NDArray[np.float64],
    order: int,
) -> NDArray[np.float32]:  # fmt: skip
    """Values (a, b, c) over the same box with another number of voxels, by splines of an order, one axis after the other."""
    result = np.asarray(values)
    coarse = [s.max() / s.min() > ANISOTROPIC for s in (spacing, wanted)]
    slow = int(np.argmax(spacing if coarse[0] else wanted)) if any(coarse) else -1
    for axis in sorted(range(3), key=lambda a: shape[a] / result.shape[a]):  # shrink first
        if shape[axis] != result.shape[axis]:
            result = _along(result, axis, shape[axis], 0 if axis == slow else order)
    return np.ascontiguousarray(result, np.float32)


def _along(values: NDArray[np.generic], axis: int, size: int, order: int) -> NDArray[np.float32]:
    """One axis, in slabs across another."""
    across = 1 if axis == 0 else 0
    shape = list(values.shape)
    shape[axis] = size
    result = np.empty(shape, np.float32)
    step = max(1, SLAB_VOXELS * values.shape[across] // max(values.size, 1))
    factor = [1.0, 1.0, 1.0]
    factor[axis] = size / values.shape[axis]
    for start in range(0, values.shape[across], step):
        part = tuple(slice(start, start + step) if a == across else slice(None) for a in range(3))
        result[part] = ndimage.zoom(
            values[part].astype(np.float32), factor, order=order, mode="nearest", grid_mode=True, output=np.float32
        )
    return result


def labels_back(labels: NDArray[np.uint16], shape: tuple[int, ...], monitor: Monitor) -> NDArray[np.uint16]:
    """Labels over the same box with another number of voxels: each structure is interpolated linearly, the nearest wins.

    That is the argmax of the interpolated one-hot labels, worked out for one structure and one slab at a time.
    """
    if labels.shape == tuple(shape):
        return labels
    result = np.zeros(shape, np.uint16)
    step = max(1, SLAB_VOXELS // max(shape[1] * shape[2], 1))
    lines = [_places(n, m) for n, m in zip(labels.shape, shape, strict=True)]
    for start in range(0, shape[0], step):
        monitor.progress(start / shape[0], "putting labels on the scan")
        stop = min(start + step, shape[0])
        low, high, part = (line[start:stop] for line in lines[0])
        first, last = int(low.min()), int(high.max()) + 1
        slab = labels[first:last]
        best = np.zeros((stop - start, *shape[1:]), np.float32)
        for label in np.flatnonzero(np.bincount(slab.ravel())):
            share = (slab == label).astype(np.float32)
            mixed = share[low - first] * (1 - part)[:, None, None] + share[high - first] * part[:, None, None]
            for axis in (1, 2):
                below, above, along = lines[axis]
                weights = along.reshape((1, -1, 1) if axis == 1 else (1, 1, -1))
                mixed = np.take(mixed, below, axis) * (1 - weights) + np.take(mixed, above, axis) * weights
            wins = mixed > best
            result[start:stop][wins] = label
            best[wins] = mixed[wins]
    return result


def _places(size: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For each new place along an axis: the old one below, the one above, and the part of the way between them."""
    at = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    below = np.floor(at).astype(np.intp)
    return below, np.minimum(below + 1, size - 1), (at - below).astype(np.float32)
