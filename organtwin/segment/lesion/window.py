"""A cube of a scan with equal spacing, to look for one lesion in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.regions import Box, Mask

MOST_VOXELS = 300_000


@dataclass(frozen=True)
class Window:
    """``box`` of the scan, looked at with a spacing of ``mm``: array ``shape``."""

    box: Box
    mm: float
    shape: tuple[int, int, int]
    scale: NDArray[np.float64]  # voxels of the box in one of the window, k j i

    @classmethod
    def around(
        cls, values: NDArray[Any], centre: NDArray[np.int64], spacing_mm: NDArray[np.float64], half_mm: float
    ) -> Window:
        step = spacing_mm[::-1]
        reach = np.ceil(half_mm / step).astype(int)
        low, high = np.maximum(centre - reach, 0), np.minimum(centre + reach + 1, values.shape)
        size_mm = (high - low) * step
        mm = max(0.75, float(np.prod(size_mm) / MOST_VOXELS) ** (1 / 3))
        k, j, i = (max(1, round(float(n / mm))) for n in size_mm)
        a, b, c = (slice(int(x), int(y)) for x, y in zip(low, high, strict=True))
        return cls((a, b, c), mm, (k, j, i), (high - low) / np.array([k, j, i]))

    @property
    def spacing(self) -> NDArray[np.float64]:
        return np.full(3, self.mm)

    def cut(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """The array of the whole scan in this window, linear between voxels; where it is coarser, averaged first."""
        part = np.asarray(array[self.box], np.float32)
        blur = np.where(self.scale > 1.2, 0.35 * self.scale, 0)
        if blur.any():
            part = ndimage.gaussian_filter(part, blur, truncate=2)
        return np.asarray(_linear(part, self.shape), np.float32)

    def index(self, voxels: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n, 3) places in the window of voxels of the scan; those outside are left out."""
        local = (voxels - [s.start for s in self.box] + 0.5) / self.scale - 0.5
        index = np.rint(local).astype(np.int64)
        return index[np.all((index >= 0) & (index < self.shape), axis=1)]

    def voxels(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n, 3) voxels of the scan at places in the window."""
        places = np.rint((index + 0.5) * self.scale - 0.5).astype(np.int64) + [s.start for s in self.box]
        return np.asarray(np.unique(places, axis=0), np.int64)

    def back(self, mask: Mask) -> Mask:
        """A mask of the window on the box of the scan."""
        whole = tuple(s.stop - s.start for s in self.box)
        soft = ndimage.gaussian_filter(mask.astype(np.float32), 0.6, truncate=3)
        return np.asarray(_linear(soft, (whole[0], whole[1], whole[2])) > 0.5)


def _linear(array: NDArray[np.float32], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """The same box with another number of voxels."""
    out = array
    for axis, size in enumerate(shape):
        have = out.shape[axis]
        if have == size:
            continue
        place = np.clip((np.arange(size) + 0.5) * have / size - 0.5, 0, have - 1)
        low = np.minimum(place.astype(int), max(have - 2, 0))
        high = np.minimum(low + 1, have - 1)
        part = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        out = np.take(out, low, axis) * (1 - part) + np.take(out, high, axis) * part
    return out
