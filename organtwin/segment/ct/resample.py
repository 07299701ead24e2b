"""Resampling of a box of voxels to another number of voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

FloatVolume = NDArray[np.float32]


def resample(array: NDArray[np.generic], shape: tuple[int, ...], box: tuple[slice, ...] | None = None) -> FloatVolume:
    """Resample a box of voxels to another number of voxels over the same box.

    Along each axis: area averages where it shrinks, linear interpolation where it grows.

    Parameters
    ----------
    array : any shape and type of number
    shape : tuple of int
        How many voxels the result has along each axis.
    box : tuple of slices, optional
        The part of the result that is wanted; a large scan as floating-point numbers takes more memory than all masks
        of it.
    """
    result = np.asarray(array)
    if result.dtype == np.bool_:
        result = result.view(np.uint8)
    axes = [_Axis.between(n, m) for n, m in zip(result.shape, shape, strict=True)]
    if box is not None:
        parts = [axis.part(slices) for axis, slices in zip(axes, box, strict=True)]
        result = result[tuple(source for _, source in parts)]
        axes = [axis for axis, _ in parts]
    shrink_first = sorted(range(result.ndim), key=lambda place: shape[place] / array.shape[place])
    for place in shrink_first:
        axis = axes[place]
        if axis.same:
            continue
        before, after = math.prod(result.shape[:place]), math.prod(result.shape[place + 1 :])
        flat = np.zeros((before, axis.first.size, after), np.float32)
        _combine(result.reshape(before, result.shape[place], after), axis.first, axis.count, axis.shares, flat)
        result = flat.reshape(*result.shape[:place], axis.first.size, *result.shape[place + 1 :])
    return np.ascontiguousarray(result, dtype=np.float32)


@dataclass(frozen=True)
class _Axis:
    """Each voxel of the result is the sum of ``count`` voxels from ``first`` on, weighed by its row of ``shares``."""

    first: NDArray[np.int64]
    count: NDArray[np.int64]
    shares: NDArray[np.float32]
    same: bool

    @classmethod
    def between(cls, n_in: int, n_out: int) -> _Axis:
        step = n_in / n_out
        if step > 1:  # share of each input voxel under the output voxel
            edges = np.arange(n_out + 1) * step
            low = np.maximum(np.arange(n_in), edges[:-1, None])
            high = np.minimum(np.arange(1, n_in + 1), edges[1:, None])
            shares = (np.clip(high - low, 0, None) / step).astype(np.float32)
            first, count = (shares > 0).argmax(axis=1), np.count_nonzero(shares, axis=1)
            taken = np.minimum(first[:, None] + np.arange(count.max()), n_in - 1)
            return cls(first, count, np.take_along_axis(shares, taken, axis=1), False)
        place = np.clip((np.arange(n_out) + 0.5) * step - 0.5, 0, n_in - 1)
        first = np.minimum(place.astype(np.int64), max(n_in - 2, 0))
        part = (place - first).astype(np.float32)
        return cls(first, np.full(n_out, min(n_in, 2)), np.stack([1 - part, part], axis=1), n_in == n_out)

    def part(self, wanted: slice) -> tuple[_Axis, slice]:
        """The same for some voxels of the result, and the voxels that they are made of."""
        if self.same:
            return self, wanted
        first, count = self.first[wanted], self.count[wanted]
        low, high = int(first.min()), int((first + count).max())
        return _Axis(first - low, count, self.shares[wanted], self.same), slice(low, high)


@numba.njit(cache=True, nogil=True)
def _combine(
    source: NDArray[np.generic],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    shares: NDArray[np.float32],
    result: FloatVolume,
) -> None:
    for before in range(result.shape[0]):
        for row in range(result.shape[1]):
            for n in range(count[row]):
                share = shares[row, n]
                for after in range(result.shape[2]):
                    result[before, row, after] += share * np.float32(source[before, first[row] + n, after])
