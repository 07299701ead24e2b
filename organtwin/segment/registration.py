"""Where the points of one picture were in another: demons, coarse to fine, in a region.

J.-P. Thirion, Image matching as a diffusion process, Med. Image Anal. 2 (1998); symmetric forces as in ITK. Where slices lie
far apart each slice is registered in its own plane: what lies between them is not in the scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.monitor import Monitor
from organtwin.space import Grid

FloatArray = NDArray[np.float64]

MARGIN_MM = 25.0  # around what is carried along: how far it may move, and what it moves against
APART = 3.0  # slices this many pixels apart hold too little of each other
FINEST_MM = 1.2
LEVELS = ((4, 40), (2, 30), (1, 20))  # (coarser by, iterations)
SMOOTH_MM = 2.0  # of the displacement


@dataclass(frozen=True)
class Region:
    """A box of an array (nk, nj, ni), and whether its slices are registered one by one."""

    box: tuple[slice, slice, slice]
    spacing_mm: tuple[float, float, float]  # of the array's axes
    flat: int | None  # the axis through the slices, None for a volume

    @classmethod
    def around(cls, mask: NDArray[np.bool_], grid: Grid) -> Region:
        """The region of what is not zero in the mask, with its margin."""
        spacing = grid.spacing_mm[::-1]
        box = []
        for axis in range(3):
            there = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
            margin = round(MARGIN_MM / spacing[axis])
            box.append(slice(max(0, int(there[0]) - margin), min(mask.shape[axis], int(there[-1]) + margin + 1)))
        widest = int(np.argmax(spacing))
        flat = widest if spacing[widest] > APART * np.median(spacing) or mask.shape[widest] < 8 else None
        return cls((box[0], box[1], box[2]), (float(spacing[0]), float(spacing[1]), float(spacing[2])), flat)

    def parts(self, values: NDArray[np.generic]) -> Iterator[FloatArray]:
        """The pictures to register: the slices, or the whole box."""
        inside = np.asarray(values[self.box], float)
        yield from np.moveaxis(inside, self.flat, 0) if self.flat is not None else [inside]

    @property
    def part_spacing_mm(self) -> tuple[float, ...]:
        return tuple(s for axis, s in enumerate(self.spacing_mm) if axis != self.flat)


class Motion:
    """Displacement from the phase that is looked at to the reference phase, kept from phase to phase as the next start."""

    def __init__(self, reference: NDArray[np.generic], region: Region) -> None:
        self.region = region
        self._reference = [_scaled(part) for part in region.parts(reference)]
        self._fields: list[sitk.Image | None] = [None] * len(self._reference)

    def follow(self, values: NDArray[np.generic], monitor: Monitor, done: float, total: float, what: str) -> None:
        """Register the next phase directly to the reference, from where the one before ended: nothing adds up."""
        spacing = self.region.part_spacing_mm
        parts = list(self.region.parts(values))
        for n, (fixed, moving) in enumerate(zip(parts, self._reference, strict=True)):
            monitor.progress((done + n / len(parts)) / total, what)
            self._fields[n] = _demons(_scaled(fixed), moving, spacing, self._fields[n])

    def carry(self, labels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Labels of the reference phase at the phase that was followed last."""
        out = np.array(labels)
        inside = out[self.region.box]
        flat = self.region.flat
        parts = np.moveaxis(inside, flat, 0) if flat is not None else inside[None]
        spacing = np.array(self.region.part_spacing_mm)
        moved = np.empty_like(parts)
        for n, (part, field) in enumerate(zip(parts, self._fields, strict=True)):
            assert field is not None
            shift = np.moveaxis(sitk.GetArrayFromImage(field)[..., ::-1], -1, 0) / spacing.reshape(-1, *[1] * part.ndim)
            where = np.indices(part.shape) + shift
            moved[n] = _warped(part, where)
        inside[...] = np.moveaxis(moved, 0, flat) if flat is not None else moved[0]
        return out


def _warped(labels: NDArray[np.generic], where: FloatArray) -> NDArray[np.generic]:
    """Each label as a mask between 0 and 1, moved; the largest wins. Smoother than the nearest voxel."""
    best = np.full(labels.shape, 0.0)
    out = np.zeros_like(labels)
    for label in np.unique(labels):
        share = ndimage.map_coordinates((labels == label).astype(np.float32), where, order=1, mode="nearest")
        out[share > best] = label
        best = np.maximum(best, share)
    return out


def _scaled(part: FloatArray) -> FloatArray:
    """0 to 1 between the first and last percentile: demons compare values."""
    low, high = np.quantile(part, (0.01, 0.99))
    return np.asarray(np.clip((part - low) / max(high - low, 1e-9), 0.0, 1.0))


def _demons(
    fixed: FloatArray, moving: FloatArray, spacing_mm: tuple[float, ...], start: sitk.Image | None
) -> sitk.Image:
    images = []
    for part in (fixed, moving):
        image = sitk.GetImageFromArray(part.astype(np.float32))
        image.SetSpacing(spacing_mm[::-1])
        images.append(image)
    field = start
    finest = max(1.0, FINEST_MM / min(spacing_mm))
    for coarser, iterations in LEVELS if start is None else LEVELS[1:]:
        factor = coarser * finest
        a, b = (_shrunk(image, factor) for image in images)
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetNumberOfThreads(1)
        demons.SetSmoothDisplacementField(True)
        demons.SetStandardDeviations([max(0.7, SMOOTH_MM / s) for s in a.GetSpacing()])
        if field is None:
            field = demons.Execute(a, b)
        else:
            field = demons.Execute(a, b, sitk.Resample(field, a, sitk.Transform(), sitk.sitkLinear, 0.0))
    assert field is not None
    return sitk.Resample(field, images[0], sitk.Transform(), sitk.sitkLinear, 0.0)


def _shrunk(image: sitk.Image, factor: float) -> sitk.Image:
    if factor <= 1.01:
        return image
    size = [max(8, round(n / factor)) for n in image.GetSize()]
    spacing = [n * s / m for n, s, m in zip(image.GetSize(), image.GetSpacing(), size, strict=True)]
    origin = [0.5 * (new - old) for new, old in zip(spacing, image.GetSpacing(), strict=True)]
    smooth = sitk.SmoothingRecursiveGaussian(image, [0.5 * s for s in spacing])
    return sitk.Resample(
        smooth, size, sitk.Transform(), sitk.sitkLinear, origin, spacing, image.GetDirection(), 0.0, sitk.sitkFloat32
    )
