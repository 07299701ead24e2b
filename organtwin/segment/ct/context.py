"""A CT scan made ready for the organ finders: one orientation, one working resolution, and what all of them need."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.model import Volume
from organtwin.segment.ct.resample import resample
from organtwin.segment.ct.shape import Mask, bounding_box, dilate, erode, largest_piece, opened
from organtwin.space import Grid

if TYPE_CHECKING:
    from organtwin.segment.ct.bone import Spine

WORKING_MM = 2.0
MOST_WORKING_VOXELS = 8_000_000
AIR_HU = -1024
LEAST_EXTENT_MM = 20.0
SLAB = 16  # slices that are drawn at once

FloatVolume = NDArray[np.float32]


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

    def mask_to_full(self, mask: Mask, smooth_mm: float = 1.0) -> Mask:
        """A working mask on the full grid, its staircase smoothed."""
        result = np.zeros(self.full.shape, np.bool_)
        if not mask.any():
            return result
        sigma = smooth_mm / self.spacing_mm
        reach = np.ceil(3 * sigma).astype(int) + 2
        box = bounding_box(mask, (int(reach[0]), int(reach[1]), int(reach[2])))
        soft = np.zeros(mask.shape, np.float32)
        soft[box] = ndimage.gaussian_filter(mask[box].astype(np.float32), sigma, truncate=3)
        k, j, i = (
            slice(side.start * full // few, -(-side.stop * full // few))
            for side, full, few in zip(box, self.full.shape, self.grid.shape, strict=True)
        )
        for first in range(k.start, k.stop, SLAB):
            slab = slice(first, min(first + SLAB, k.stop)), j, i
            result[slab] = resample(soft, self.full.shape, slab) >= 0.5
        return result

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

        box = bounding_box(self.body)
        result = np.clip(self.hu, -200, 400)
        image = sitk.GetImageFromArray(result[box])
        image = sitk.Median(image, [1, 1, 1])
        image = sitk.CurvatureAnisotropicDiffusion(
            image, timeStep=0.0625, conductanceParameter=2.0, numberOfIterations=5
        )
        result[box] = sitk.GetArrayFromImage(image)
        return result

    @cached_property
    def evenness(self) -> tuple[FloatVolume, FloatVolume]:
        """Mean and standard deviation of the denoised image over a centimetre's cube."""
        width = [max(3, round(10.0 / float(s))) for s in self.spacing_mm]
        mean = ndimage.uniform_filter(self.smooth, width)
        square = ndimage.uniform_filter(self.smooth**2, width)
        return mean, np.sqrt(np.maximum(square - mean**2, 0))

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
