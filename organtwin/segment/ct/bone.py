"""Bone with its marrow, and the line of the spine through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]

CORTEX_HU = 350.0
SPINE_WIDTH_MM = 50.0


@dataclass(frozen=True)
class Spine:
    """Where the spine runs: fractional indices (i, j) of its bone's middle for every working slice k."""

    i: NDArray[np.float64]
    j: NDArray[np.float64]
    found: bool


def find_bone(context: CTContext) -> Mask:
    """Bone on the working grid: a rough one, for orientation."""
    return (context.hu > 220) & context.body


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
    nk, nj, ni = trunk.shape
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
