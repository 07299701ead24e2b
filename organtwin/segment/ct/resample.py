"""Resampling of a box of voxels to another number of voxels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatVolume = NDArray[np.float32]


def resample(array: NDArray[np.generic], shape: tuple[int, ...]) -> FloatVolume:
    """Resample a box of voxels to another number of voxels over the same box.

    Along each axis: area averages where it shrinks, linear interpolation where it grows.
    """
    result = np.asarray(array)
    axes = sorted(range(result.ndim), key=lambda axis: shape[axis] / result.shape[axis])  # shrink first
    for axis in axes:
        if result.shape[axis] == shape[axis]:
            continue
        weights = _weights(result.shape[axis], shape[axis])
        moved = np.moveaxis(result, axis, 0)
        flat = weights @ moved.reshape(moved.shape[0], -1).astype(np.float32, copy=False)
        result = np.moveaxis(np.asarray(flat).reshape(shape[axis], *moved.shape[1:]), 0, axis)
    return np.ascontiguousarray(result, dtype=np.float32)


def resampled_slabs(
    array: NDArray[np.generic], shape: tuple[int, int, int], thickness: int = 32
) -> Iterator[tuple[slice, FloatVolume]]:
    """:func:`resample` slab by slab along the first axis: the slices of the result, and their values.

    A large scan as floating-point numbers takes more memory than all masks of it.
    """
    weights = _weights(array.shape[0], shape[0]) if array.shape[0] != shape[0] else None
    for first in range(0, shape[0], thickness):
        slices = slice(first, min(first + thickness, shape[0]))
        if weights is None:
            part = np.asarray(array[slices])
        else:
            rows = weights[slices]
            low, high = int(rows.indices.min()), int(rows.indices.max()) + 1
            source = array[low:high].reshape(high - low, -1).astype(np.float32, copy=False)
            part = np.asarray(rows[:, low:high] @ source).reshape(-1, *array.shape[1:])
        yield slices, resample(part, (slices.stop - slices.start, *shape[1:]))


def _weights(n_in: int, n_out: int) -> sparse.csr_array:
    """(n_out, n_in) matrix of one axis's resampling."""
    step = n_in / n_out
    if step > 1:  # share of each input cell under the output cell
        edges = np.arange(n_out + 1) * step
        low = np.maximum(np.arange(n_in)[None, :], edges[:-1, None])
        high = np.minimum(np.arange(n_in)[None, :] + 1, edges[1:, None])
        return sparse.csr_array((np.clip(high - low, 0, None) / step).astype(np.float32))
    place = np.clip((np.arange(n_out) + 0.5) * step - 0.5, 0, n_in - 1)
    first = np.minimum(place.astype(int), max(n_in - 2, 0))
    part = (place - first).astype(np.float32)
    rows = np.repeat(np.arange(n_out), 2)
    columns = np.stack([first, np.minimum(first + 1, n_in - 1)], axis=1).ravel()
    values = np.stack([1 - part, part], axis=1).ravel()
    return sparse.csr_array((values, (rows, columns)), shape=(n_out, n_in))
