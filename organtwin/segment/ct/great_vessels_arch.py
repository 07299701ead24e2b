"""The three branches of the aortic arch, told apart by their order along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from organtwin.segment.ct.aorta import SOFT_TISSUE_HU, Aorta, full_spacing, tracking_image
from organtwin.segment.ct.shape import largest_piece
from organtwin.segment.ct.tube import FloatArray, Mask, find_wall, follow, paint

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

KEYS = ("brachiocephalic_trunk", "carotid_left", "subclavian_left")  # in their order along the arch
LEVELS_MM = (8.0, 11.0, 14.0)  # above the arch, where the branches have parted from it and from each other
LEAST_MM2, MOST_MM2 = 12.0, 330.0
ASIDE_MM = 17.0  # how far from the arch, seen from above, a branch may lie
SHORTEST_MM, TALLEST_MM = 15.0, 100.0
THICKEST_SLICE_MM = 3.5


@dataclass(frozen=True)
class Branch:
    """One branch: ``mask`` on the full canonical grid, without the aorta."""

    mask: Mask
    confidence: float


def find_arch_branches(context: CTContext, aorta: Aorta, taken: Mask) -> dict[str, Branch] | str:
    """The branches by key, or why they were not told apart.

    Parameters
    ----------
    context : CTContext
    aorta : Aorta
    taken : (nk, nj, ni) bool array
        Full grid: what is already another vessel.
    """
    if not aorta.arch:
        return "the arch of the aorta is not in view"
    spacing = full_spacing(context)
    if spacing[0] > THICKEST_SLICE_MM:
        return f"the slices are too thick ({spacing[0]:.1f} mm) to tell the branches of the arch apart"
    line = aorta.tube.line
    arch = line[line[:, 0] > line[:, 0].max() - 25][::-1]  # from the ascending side to the descending
    summit = int(np.flatnonzero(aorta.mask.any(axis=(1, 2)))[-1])
    seen: list[int] = []
    for height in LEVELS_MM:
        k = summit + round(height / float(spacing[0]))
        if k >= aorta.mask.shape[0] - 2:
            return "the scan ends too close above the arch"
        starts = _openings(context, aorta, taken, k, arch, spacing)
        seen.append(len(starts))
        if len(starts) == len(KEYS):
            return _painted(context, aorta, taken, starts, arch, spacing)
    return f"{max(seen)} bright vessels were seen above the arch where three were expected"


def _openings(
    context: CTContext, aorta: Aorta, taken: Mask, k: int, arch: FloatArray, spacing: FloatArray
) -> list[tuple[FloatArray, float]]:
    """Centre (mm) and radius of the vessels in slice ``k`` that may come from the arch, in their order along it."""
    image = ndimage.gaussian_filter(context.full_hu[k].astype(np.float32), 0.5 / spacing[1:])
    top = context.full_hu[aorta.mask & (np.arange(aorta.mask.shape[0])[:, None, None] > k - 30 / spacing[0])]
    level = float(np.percentile(top, 75))
    veins = ndimage.binary_dilation(taken[k] & ~aorta.mask[k], iterations=2)
    bright = (image > 0.5 * (level + SOFT_TISSUE_HU)) & ~veins
    labels, count = ndimage.label(bright)
    found: list[tuple[int, FloatArray, float]] = []
    for label in range(1, count + 1):
        place = np.argwhere(labels == label)
        area = len(place) * float(spacing[1] * spacing[2])
        if not LEAST_MM2 < area < MOST_MM2:
            continue
        centre = np.array([k + 0.5, *(place.mean(axis=0) + 0.5)]) * spacing
        reach = np.linalg.norm((place + 0.5) * spacing[1:] - centre[1:], axis=1).max() + 0.5 * spacing[1]
        aside = np.linalg.norm(arch[:, 1:] - centre[1:], axis=1)
        value = float(image[labels == label].mean())
        if area < 0.45 * np.pi * reach**2 or aside.min() > ASIDE_MM or not 0.7 * level < value < 1.3 * level:
            continue
        found.append((int(aside.argmin()), centre, float(np.sqrt(area / np.pi))))
    # two that leave at the same place: the more anterior one comes first
    return [(centre, radius) for _, centre, radius in sorted(found, key=lambda f: (f[0], f[1][1]))]


def _painted(
    context: CTContext,
    aorta: Aorta,
    taken: Mask,
    starts: list[tuple[FloatArray, float]],
    arch: FloatArray,
    spacing: FloatArray,
) -> dict[str, Branch] | str:
    image = tracking_image(context)
    result = {}
    used = taken.copy()
    for key, (start, radius) in zip(KEYS, starts, strict=True):
        up = follow(
            image, context.spacing_mm, start, np.array([1.0, 0, 0]), radius, step_mm=3.0, most=int(TALLEST_MM / 3)
        )
        if len(up) * 3.0 < SHORTEST_MM:
            return f"the {key.replace('_', ' ')} could not be followed upwards"
        root = arch[np.linalg.norm(arch - start, axis=1).argmin()]
        below = start + (root - start) * np.linspace(0.9, 0.0, 5)[:, None]
        line = np.array([*below, *(s.centre for s in up)])
        radii = np.array([radius] * len(below) + [min(s.radius_mm, 1.5 * radius) for s in up])
        tube = find_wall(context.full_hu, spacing, line, radii, used.view(np.uint8), smooth_mm=4.0)
        mask = largest_piece(paint(tube, used.shape, spacing) & ~used)
        used |= mask
        clear = float(np.median(tube.clarity))
        result[key] = Branch(mask, 0.75 * min(1.0, clear / 0.9))
    return result
