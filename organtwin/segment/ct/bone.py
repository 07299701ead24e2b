"""Bone with its marrow, and the line of the spine through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.shape import bounding_box
from organtwin.segment.ct.tissue import behind_spine, beside_spine

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]

CORTEX_HU = 350.0
BONE_HU = 170.0
MARROW_HU = 75.0  # the cord is darker
SOFTEN_MM = 0.5
GAP_MM = 3.0
VERTEBRA_MM = 36.0
SMALL_HOLE_MM2 = 60.0
SPINE_WIDTH_MM = 50.0


@dataclass(frozen=True)
class Spine:
    """Where the spine runs: fractional indices (i, j) of its bone's middle for every working slice k."""

    i: NDArray[np.float64]
    j: NDArray[np.float64]
    found: bool


def rough_bone(context: CTContext) -> Mask:
    """Bright voxels in the wall of the trunk or near the spine, on the working grid.

    Bright things in the belly (stones, oral contrast, embolised tumours, arteries) lie well inside the ribs.
    """
    aside, behind = np.abs(beside_spine(context)), behind_spine(context)
    vertebra = (aside < 22) & (behind > -30)
    # where a kidney may come as near as a rib, only what is brighter than most kidneys
    near_spine = (aside < 55) & (behind > -35) & ~_even(context) & ((behind > 15) | (context.hu > 320))
    near = vertebra | near_spine | (context.depth_in_cage < 12)
    return np.asarray((context.hu > CORTEX_HU * 0.6) & context.body & near)


def find_bone(context: CTContext, taken: Mask) -> Mask:
    """Bone with its marrow on the full grid.

    Parameters
    ----------
    context : CTContext
    taken : (nk, nj, ni) bool array
        Full grid: vessels, heart and organs, which may be as bright as bone.

    Notes
    -----
    Pieces that are bright enough everywhere (hysteresis) are bone where they touch the wall of the trunk or the spine,
    or are large, dense and uneven. Marrow darker than the threshold is what a slice of bone encloses, except where it
    is as dark as the spinal cord.
    """
    box = bounding_box(context.mask_to_full(context.body, 0.0))
    spacing = context.full.spacing_mm[::-1]
    values = ndimage.gaussian_filter(context.full_hu[box].astype(np.float32), np.minimum(SOFTEN_MM / spacing, 1.0))
    # marrow may be as even as blood: not within the reach of a vertebra
    blood = _even(context) & (np.hypot(beside_spine(context), behind_spine(context) + 22) > VERTEBRA_MM)
    bright = (values > BONE_HU) & ~taken[box] & ~context.mask_to_full(blood, 0.0)[box]
    labels, count = ndimage.label(bright)
    result = np.zeros(context.full.shape, bool)
    if not count:
        return result
    home = context.mask_to_full(context.grow(context.bone, 2.0), 0.0)[box]
    size_ml, dense_ml, at_home = (
        np.bincount(labels[where], minlength=count + 1) * context.full.voxel_volume_mm3 / 1000
        for where in (bright, bright & (values > CORTEX_HU), bright & home)
    )
    keep = (at_home > 0.3 * size_ml) & (dense_ml > 0.02)
    keep |= (at_home > 0.1 * size_ml) & (size_ml > 5.0) & (dense_ml > 0.1 * size_ml)
    keep[0] = False
    bone = keep[labels]
    result[box] = _with_marrow(bone, values, taken[box], spacing)
    return result


def _with_marrow(bone: Mask, values: NDArray[np.float32], taken: Mask, spacing: NDArray[np.float64]) -> Mask:
    """Close small gaps of the cortex slice by slice and fill what it encloses, if it is not the spinal canal."""
    filled = bone.copy()
    radius = max(1, round(float(GAP_MM / spacing[1])))
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = np.hypot(rows, columns) <= radius + 0.3
    area_mm2 = spacing[1] * spacing[2]
    for k in np.flatnonzero(bone.any(axis=(1, 2))):
        flat = np.pad(bone[k], radius)
        shut = ndimage.binary_closing(flat, disc)[radius:-radius, radius:-radius]
        shut &= (values[k] > MARROW_HU) & ~taken[k] | bone[k]
        holes = ndimage.binary_fill_holes(shut) & ~shut
        labels, count = ndimage.label(holes)
        if count:
            index = np.arange(1, count + 1)
            mean = ndimage.mean(values[k], labels, index)
            area = ndimage.sum_labels(holes, labels, index) * area_mm2
            shut |= np.isin(labels, index[(area < SMALL_HOLE_MM2) | (mean > MARROW_HU)])
        filled[k] = shut
    return filled


def _even(context: CTContext) -> Mask:
    """Bright and even over a centimetre: contrast-filled blood or kidney, seldom bone."""
    mean = ndimage.uniform_filter(context.hu, 5)
    variance = ndimage.uniform_filter(context.hu**2, 5) - mean**2
    return context.grow((mean > 150) & (variance < 30.0**2), 9.0)


def find_spine(context: CTContext) -> Spine:
    """The spine is the heaviest column of dense bone in the back half of the trunk.

    Where a slice has no bone there, neighbours speak for it. Without any bone the middle of the trunk is given, and
    ``found`` is False.
    """
    trunk = context.trunk
    nk = trunk.shape[0]
    dense = np.clip(context.hu - 150, 0, 500) * ((context.hu > CORTEX_HU * 0.6) & trunk & ~_even(context))
    rows = np.flatnonzero(trunk.any(axis=(0, 2)))
    columns = np.flatnonzero(trunk.any(axis=(0, 1)))
    dense[:, : int(rows.mean())] = 0
    step_j, step_i = context.spacing_mm[1], context.spacing_mm[2]
    width_i, width_j = SPINE_WIDTH_MM / step_i, SPINE_WIDTH_MM / step_j
    across = ndimage.uniform_filter1d(dense.sum(axis=(0, 1)), max(3, int(width_i)), mode="constant")
    middle = np.full(nk, columns.mean()), np.full(nk, rows[0] + 0.7 * np.ptp(rows))
    if across.max() < 500 * width_i:
        return Spine(*middle, found=False)
    i0 = int(across.argmax())
    band = slice(max(0, int(i0 - 0.6 * width_i)), int(i0 + 0.6 * width_i) + 1)
    flat = dense[:, :, band].sum(axis=2)  # (k, j)
    along = ndimage.uniform_filter(flat, (min(nk, 41), max(3, int(width_j))), mode="constant")
    j0 = along.argmax(axis=1)
    i_of, j_of, weight = np.zeros(nk), np.zeros(nk), np.zeros(nk)
    for k in range(nk):
        low, high = max(0, int(j0[k] - 0.7 * width_j)), int(j0[k] + 0.7 * width_j) + 1
        part = dense[k, low:high, band]
        weight[k] = part.sum()
        if weight[k] > 0:
            i_of[k] = (part.sum(axis=0) * np.arange(band.start, band.start + part.shape[1])).sum()
            j_of[k] = (part.sum(axis=1) * np.arange(low, low + part.shape[0])).sum()
    reach = 15.0 / context.spacing_mm[0]
    total = ndimage.gaussian_filter1d(weight, reach, mode="constant") + 1e-6
    return Spine(
        ndimage.gaussian_filter1d(i_of, reach, mode="constant") / total,
        ndimage.gaussian_filter1d(j_of, reach, mode="constant") / total,
        found=True,
    )
