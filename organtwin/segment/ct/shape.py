"""Shapes of masks, in millimetres: growing, shrinking, pieces, boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
FloatVolume = NDArray[np.float32]


def largest_piece(mask: Mask) -> Mask:
    """The largest face-connected piece."""
    box = bounding_box(mask)
    part = mask[box]
    labels, count = ndimage.label(part)
    if count < 2:
        return mask
    sizes = np.bincount(labels[part])  # of what is set: counting takes eight bytes a voxel
    result = np.zeros_like(mask)
    result[box] = labels == int(sizes.argmax())
    return result


def bounding_box(mask: Mask, margin: tuple[int, int, int] = (0, 0, 0)) -> tuple[slice, slice, slice]:
    """Slices around all that is set, widened by a margin in voxels and kept inside the array."""
    inside = _between(mask.any(axis=(1, 2)))
    flat = mask[inside].any(axis=0)  # of the slices that hold something
    sides = inside, _between(flat.any(axis=1)), _between(flat.any(axis=0))
    k, j, i = (
        slice(max(side.start - more, 0), min(side.stop + more, size))
        for side, more, size in zip(sides, margin, mask.shape, strict=True)
    )
    return k, j, i


def _between(set_: NDArray[np.bool_]) -> slice:
    """From the first that is set to the last."""
    along = np.flatnonzero(set_)
    return slice(int(along[0]), int(along[-1]) + 1) if along.size else slice(0, 0)


def dilate(mask: Mask, mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """Voxels within ``mm`` of the mask, by a distance map inside the mask's neighbourhood."""
    boxes = ndimage.find_objects(mask.view(np.uint8))
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
    boxes = ndimage.find_objects(mask.view(np.uint8))
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
