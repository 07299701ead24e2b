"""The part of a scan around the liver, in one orientation and with equal spacing: what all of the liver's finders work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from organtwin.space import Grid

Mask = NDArray[np.bool_]
FloatVolume = NDArray[np.float32]

MARGIN_MM = 35.0  # the portal trunk and the end of the vena cava lie outside the liver
MOST_VOXELS = 9_000_000
FAR_MM = 1e4
RANGE_HU = (-200.0, 500.0)


@dataclass(frozen=True)
class Region:
    """A box of a scan on a grid of equal spacing whose axes k, j, i run up, to the back and to the patient's left.

    ``hu`` (nk, nj, ni) float32 clipped to soft tissue and contrast; ``full`` is the canonical grid that it was cut from.
    """

    hu: FloatVolume
    grid: Grid
    full: Grid

    @classmethod
    def around(cls, values: NDArray[np.generic], grid: Grid, liver: Mask, spacing_mm: float = 1.0) -> Region:
        """Cut and resample.

        Parameters
        ----------
        values, liver : (nk, nj, ni) arrays
            In the order of ``grid``.
        spacing_mm : float
            Wanted spacing; coarser where the box is very large.
        """
        full = grid.canonical()
        mask = grid.to_canonical(liver)
        margin = np.ceil(MARGIN_MM / full.spacing_mm[::-1]).astype(int)
        low, high = [], []
        for axis in range(3):
            along = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
            low.append(max(0, int(along[0]) - int(margin[axis])))
            high.append(min(mask.shape[axis], int(along[-1]) + 1 + int(margin[axis])))
        box = full.crop(low[::-1], high[::-1])
        voxels = float(np.prod(np.asarray(box.size) * box.spacing_mm)) / spacing_mm**3
        wanted = spacing_mm * max(1.0, voxels / MOST_VOXELS) ** (1 / 3)
        fine = box.with_spacing([wanted] * 3)
        part = grid.to_canonical(values)[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        hu = _resampled(np.clip(part, *RANGE_HU).astype(np.float32), box, fine)
        return cls(hu, fine, full)

    @property
    def mm(self) -> float:
        """The spacing."""
        return float(self.grid.spacing_mm.mean())

    @property
    def voxel_ml(self) -> float:
        return self.grid.voxel_volume_mm3 / 1000

    def inside(self, mask: Mask, source: Grid, least: float = 0.5) -> Mask:
        """A mask in the order of ``source`` on this region's grid: voxels of which it has ``least``."""
        canonical = source.to_canonical(mask)
        corner = np.rint(self.full.to_index(self.grid.to_world(np.array([[-0.5] * 3, np.array(self.grid.size) - 0.5]))))
        low = np.clip(corner[0].astype(int) - 2, 0, None)
        high = np.minimum(corner[1].astype(int) + 3, self.full.size)
        part = canonical[low[2] : high[2], low[1] : high[1], low[0] : high[0]].astype(np.float32)
        return _resampled(part, self.full.crop(low, high), self.grid) >= least

    def outside(self, mask: Mask, source: Grid) -> Mask:
        """A mask of this region in the order of ``source``, its surface smooth."""
        out = np.zeros(self.full.shape, bool)
        if mask.any():
            corner = self.full.to_index(self.grid.to_world(np.array([[0] * 3, np.array(self.grid.size) - 1])))
            low = np.clip(np.ceil(corner[0] - 0.5).astype(int), 0, None)
            high = np.minimum(np.floor(corner[1] + 0.5).astype(int) + 1, self.full.size)
            box = self.full.crop(low, high)
            soft = ndimage.gaussian_filter(mask.astype(np.float32), 0.5, truncate=3)
            out[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = _resampled(soft, self.grid, box) >= 0.5
        return np.ascontiguousarray(source.from_canonical(out))

    def index(self, points_mm: ArrayLike) -> NDArray[np.int64]:
        """(n, 3) voxels (k, j, i) nearest to LPS points; those outside the region are left out."""
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        kji = np.rint(self.grid.to_index(points)).astype(np.int64)[:, ::-1]
        return np.asarray(kji[((kji >= 0) & (kji < self.grid.shape)).all(axis=1)])

    def world(self, kji: ArrayLike) -> NDArray[np.float64]:
        """(n, 3) LPS mm of voxels (k, j, i)."""
        return self.grid.to_world(np.asarray(kji)[..., ::-1])

    # -- morphology in millimetres ----------------------------------------------------------------------------------

    def depth(self, mask: Mask) -> FloatVolume:
        """Distance (mm) of every voxel of the mask to the outside; the edge of the region counts as inside."""
        out = np.zeros(mask.shape, np.float32)
        if mask.any():
            box = box_of(mask, 1)
            out[box] = np.sqrt(_squared_distance(mask[box], self.mm))
        return out

    def distance(self, mask: Mask) -> FloatVolume:
        """Distance (mm) of every voxel to the mask (far away where it is empty)."""
        return np.sqrt(_squared_distance(~mask, self.mm))

    def grown(self, mask: Mask, mm: float) -> Mask:
        return self._near(mask, mm)

    def shrunk(self, mask: Mask, mm: float) -> Mask:
        return ~self._near(~mask, mm)

    def opened(self, mask: Mask, mm: float) -> Mask:
        return self.grown(self.shrunk(mask, mm), mm) & mask

    def closed(self, mask: Mask, mm: float) -> Mask:
        return self.shrunk(self.grown(mask, mm), mm) | mask

    def _near(self, mask: Mask, mm: float) -> Mask:
        out = np.zeros_like(mask)
        if not mask.any():
            return out
        box = box_of(mask, int(np.ceil(mm / self.mm)) + 1)
        out[box] = _squared_distance(~mask[box], self.mm) <= mm**2 + 1e-6
        return out


def box_of(mask: Mask, margin: int = 0) -> tuple[slice, slice, slice]:
    """Slices around all that is set (something must be), widened inside the array."""
    sides = []
    for axis in range(3):
        along = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        sides.append(slice(max(0, int(along[0]) - margin), min(mask.shape[axis], int(along[-1]) + 1 + margin)))
    return sides[0], sides[1], sides[2]


def _squared_distance(mask: Mask, mm: float) -> FloatVolume:
    """Squared distance of the voxels of a mask to what is outside it (Maurer et al. 2003); large where there is nothing."""
    import SimpleITK as sitk

    if mask.all():
        return np.full(mask.shape, FAR_MM**2, np.float32)
    image = sitk.GetImageFromArray((~mask).view(np.uint8))  # the map is exact outside its object
    image.SetSpacing([mm] * 3)
    distance = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=False, squaredDistance=True, useImageSpacing=True, backgroundValue=0.0
    )
    return np.asarray(np.clip(sitk.GetArrayFromImage(distance), 0, None), dtype=np.float32)


def _resampled(array: FloatVolume, source: Grid, target: Grid) -> FloatVolume:
    """Linear interpolation between grids of the same directions, axis by axis."""
    out = array
    offset = source.to_index(target.origin_mm)
    for axis in range(3):  # axis of the array: k, j, i
        column = 2 - axis
        step = target.spacing_mm[column] / source.spacing_mm[column]
        place = np.clip(offset[column] + step * np.arange(target.size[column]), 0, source.size[column] - 1)
        low = np.minimum(place.astype(int), max(source.size[column] - 2, 0))
        high = np.minimum(low + 1, source.size[column] - 1)
        shape = [1, 1, 1]
        shape[axis] = -1
        weight = (place - low).astype(np.float32).reshape(shape)
        out = np.take(out, low, axis=axis) * (1 - weight) + np.take(out, high, axis=axis) * weight
    return np.asarray(out, dtype=np.float32)
