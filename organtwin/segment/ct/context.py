"""A CT scan made ready for the organ finders: one orientation, one working resolution, and what all of them need."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from organtwin.errors import BadInput
from organtwin.model import Volume
from organtwin.space import Grid

if TYPE_CHECKING:
    from organtwin.segment.ct.bone import Spine

WORKING_MM = 2.0
MOST_WORKING_VOXELS = 8_000_000
AIR_HU = -1024
LEAST_EXTENT_MM = 20.0

FloatVolume = NDArray[np.float32]
Mask = NDArray[np.bool_]


class CTContext:
    """A CT scan in canonical order and a smaller copy of it with equal spacing.

    Arrays are indexed [k, j, i]: k runs up, j to the back and i to the patient's left. Unless a name says ``full``,
    results lie on the working grid.

    Parameters
    ----------
    volume : Volume
        In Hounsfield units, in any orientation.
    working_mm : float
        Spacing of the working grid; coarser where the scan is very large.

    Raises
    ------
    BadInput
        When the scan is no CT, is too small, or holds no body.
    """

    def __init__(self, volume: Volume, working_mm: float = WORKING_MM) -> None:
        if volume.modality.upper() not in ("CT", "OT", ""):
            raise BadInput(
                f"The CT engine cannot read '{volume.name}': its values are not Hounsfield units but {volume.modality}",
                remedy="Use the threshold or the seeded engines.",
            )
        extent = np.asarray(volume.grid.size) * volume.grid.spacing_mm
        box = " x ".join(f"{length:.0f}" for length in extent)
        if extent.min() < LEAST_EXTENT_MM or min(volume.grid.size) < 4:
            raise BadInput(
                f"'{volume.name}' is too small for the CT engine: {box} mm",
                remedy=f"It needs at least {LEAST_EXTENT_MM:.0f} mm and 4 voxels each way.",
            )
        self.source: Grid = volume.grid
        self.full: Grid = volume.grid.canonical()
        self.full_hu: NDArray[np.int16] = _as_hounsfield(volume.grid.to_canonical(volume.values))
        voxels = float(np.prod(extent)) / working_mm**3
        spacing = working_mm * max(1.0, voxels / MOST_WORKING_VOXELS) ** (1 / 3)
        self.grid: Grid = self.full.with_spacing([spacing] * 3)
        self.spacing_mm: NDArray[np.float64] = self.grid.spacing_mm[::-1].copy()  # of axes k, j, i

    # -- to and from -----------------------------------------------------------------------------------------------

    @cached_property
    def hu(self) -> FloatVolume:
        """The scan averaged onto the working grid."""
        return self.to_working(self.full_hu)

    def to_working(self, array: NDArray[np.generic]) -> FloatVolume:
        """An array on the full grid averaged onto the working grid (a mask becomes its share of each voxel)."""
        return resample(array, self.grid.shape)

    def to_full(self, array: NDArray[np.generic]) -> FloatVolume:
        """An array on the working grid, interpolated linearly onto the full grid."""
        return resample(array, self.full.shape)

    def mask_to_full(self, mask: Mask, smooth_mm: float = 1.0) -> Mask:
        """A working mask on the full grid, its staircase smoothed."""
        soft = ndimage.gaussian_filter(mask.astype(np.float32), smooth_mm / self.spacing_mm, truncate=3)
        return np.asarray(self.to_full(soft) >= 0.5)

    def to_volume(self, full_mask: Mask) -> Mask:
        """A mask on the full canonical grid in the order of the volume it came from."""
        return np.ascontiguousarray(self.source.from_canonical(full_mask))

    # -- morphology in millimetres -----------------------------------------------------------------------------------

    def grow(self, mask: Mask, mm: float) -> Mask:
        """All voxels within ``mm`` of the mask."""
        return dilate(mask, mm, self.spacing_mm)

    def shrink(self, mask: Mask, mm: float) -> Mask:
        """All voxels further than ``mm`` inside the mask; the edge of the scan does not erode it."""
        return erode(mask, mm, self.spacing_mm)

    def open(self, mask: Mask, mm: float) -> Mask:
        return opened(mask, mm, self.spacing_mm)

    def close(self, mask: Mask, mm: float) -> Mask:
        return self.shrink(self.grow(mask, mm), mm) | mask

    def volume_ml(self, mask: Mask) -> float:
        return float(np.count_nonzero(mask)) * self.grid.voxel_volume_mm3 / 1000

    # -- what every finder needs --------------------------------------------------------------------------------------

    @cached_property
    def smooth(self) -> FloatVolume:
        """The working scan, denoised with edges kept (curvature anisotropic diffusion)."""
        import SimpleITK as sitk

        image = sitk.GetImageFromArray(np.clip(self.hu, -200, 400))
        image = sitk.Median(image, [1, 1, 1])
        image = sitk.CurvatureAnisotropicDiffusion(
            image, timeStep=0.0625, conductanceParameter=2.0, numberOfIterations=5
        )
        return np.asarray(sitk.GetArrayFromImage(image), dtype=np.float32)

    @cached_property
    def noise_hu(self) -> float:
        """Standard deviation of the noise in soft tissue on the full grid (median absolute Laplacian, in plane)."""
        sample = self.full_hu[:: max(1, self.full_hu.shape[0] // 24)].astype(np.float32)
        kernel = np.array([[[1, -2, 1], [-2, 4, -2], [1, -2, 1]]], np.float32)
        response = ndimage.convolve(sample, kernel)
        mean = ndimage.uniform_filter(sample, (1, 5, 5))
        soft = (mean > -20) & (mean < 200)
        return float(np.median(np.abs(response[soft])) / 0.6745 / 6) if soft.any() else 0.0

    @cached_property
    def body(self) -> Mask:
        """The patient without the table, cavities filled."""
        from organtwin.segment.ct.body import find_body

        return find_body(self)

    @cached_property
    def trunk(self) -> Mask:
        """The largest piece of the body: without arms that lie apart."""
        from organtwin.segment.ct.body import largest_piece

        return largest_piece(self.body)

    @cached_property
    def spine(self) -> Spine:
        """The line of the spine."""
        from organtwin.segment.ct.bone import find_spine

        return find_spine(self)

    @cached_property
    def lungs(self) -> tuple[Mask, Mask]:
        """Right and left lung (empty where there is none)."""
        from organtwin.segment.ct.lungs import find_lungs

        return find_lungs(self)

    @cached_property
    def depth_in_cage(self) -> FloatVolume:
        """Millimetres inside the inner face of the ribs (negative: in the wall); large where no rib is near."""
        from organtwin.segment.ct.cage import depth_in_cage

        return depth_in_cage(self)

    @cached_property
    def bone(self) -> Mask:
        """Bone, roughly: bright, and in the wall or near the spine. The fine one is made when the organs are known."""
        from organtwin.segment.ct.bone import rough_bone

        return rough_bone(self)


def _as_hounsfield(values: NDArray[np.generic]) -> NDArray[np.int16]:
    """Contiguous int16, padding and other values below air lifted to air."""
    return np.ascontiguousarray(np.clip(np.nan_to_num(values, nan=AIR_HU), AIR_HU, 4000).astype(np.int16))


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


def dilate(mask: Mask, mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """Voxels within ``mm`` of the mask, by a distance map inside the mask's neighbourhood."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    if not boxes or boxes[0] is None:
        return np.zeros_like(mask)
    pad = np.ceil(mm / spacing_mm).astype(int) + 1
    box = tuple(
        slice(max(s.start - p, 0), min(s.stop + p, n)) for s, p, n in zip(boxes[0], pad, mask.shape, strict=True)
    )
    result = np.zeros_like(mask)
    result[box] = squared_distance_mm2(~mask[box], spacing_mm) <= mm**2 + 1e-6
    return result


def erode(mask: Mask, mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """Voxels of the mask further than ``mm`` from the outside; the array's edge counts as inside."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    if not boxes or boxes[0] is None:
        return np.zeros_like(mask)
    box = tuple(slice(max(s.start - 1, 0), min(s.stop + 1, n)) for s, n in zip(boxes[0], mask.shape, strict=True))
    result = np.zeros_like(mask)
    result[box] = squared_distance_mm2(mask[box], spacing_mm) > mm**2 + 1e-6
    return result


def opened(mask: Mask, mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """The parts of the mask that hold a ball of radius ``mm``."""
    return dilate(erode(mask, mm, spacing_mm), mm, spacing_mm) & mask


def squared_distance_mm2(mask: Mask, spacing_mm: NDArray[np.float64]) -> FloatVolume:
    """Squared distance of every voxel of the mask to the nearest voxel outside it (large where there is none)."""
    import SimpleITK as sitk

    if mask.all():
        return np.full(mask.shape, 1e12, np.float32)
    image = sitk.GetImageFromArray((~mask).view(np.uint8))  # Maurer's map is exact outside the object
    image.SetSpacing([float(s) for s in spacing_mm[::-1]])
    distance = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=False, squaredDistance=True, useImageSpacing=True, backgroundValue=0.0
    )
    return np.clip(sitk.GetArrayFromImage(distance), 0, None)
