"""Round places in the liver that are darker than it: tumours, with the bright knots in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.liver.region import FloatVolume, Mask, Region, box_of
from organtwin.liver.tissue import Parenchyma

SMOOTH_MM, EDGE_MM = 2.0, 1.2  # to find a tumour, and its border
SPREADS, LEAST_DARK_HU = 3.0, 16.0  # darker than healthy liver by so much
CORE_MM = 3.5  # radius of the smallest ball that must fit
RIM_MM = 3.0  # the liver's surface is dark by partial volume
FAT_HU, FISSURE_MM = -10.0, 4.0  # fat in a fissure, and how far it darkens what is beside it
FLUID_HU = 20.0
KNOT_MM, KNOT_SHARE = (
    8.0,
    0.4,
)  # a bright knot so near belongs to the tumour when so much of it lies in the tumour's hull
TOUCH_MM = 2.5  # and one that touches it (calcified) in any case, when it is smaller
OUTSIDE = 0.1  # share of its surface that no liver covers
MOST_OUTSIDE = 0.4  # with more it is a shade of the scan, or a rim
EVEN_MM = 5.0
THICK = 0.35  # of its largest inner radius: what is thinner and sticks out of a tumour is none of it
BALL_MM, LEAST_THICK = 10.0, 0.45  # what holds such a ball is no fissure and no rim, and may be less round
LEAST_ML, LEAST_ROUNDNESS, LEAST_AT_SURFACE = 0.3, 0.6, 0.68


@dataclass(frozen=True)
class Tumour:
    """``mask`` (nk, nj, ni) on the region; ``level_hu`` the median brightness of its dark part."""

    mask: Mask
    level_hu: float
    confidence: float | None
    doubt: str


def find_tumours(
    region: Region, parenchyma: Parenchyma, liver: Mask, blood_hu: float, seeds: NDArray[np.int64] | None = None
) -> list[Tumour]:
    """Tumours, largest first.

    Parameters
    ----------
    liver : (nk, nj, ni) bool
        With its tumours.
    blood_hu : float
        As bright as the brightest veins; brighter is calcified (or a contrast agent that stayed).
    seeds : (n, 3) int, optional
        Voxels (k, j, i) that a person picked: exactly the tumours that hold one, or that are nearest to it, are taken,
        and one is grown where none was found.
    """
    smooth, fine = (_smooth_within(region, liver, mm) for mm in (SMOOTH_MM, EDGE_MM))
    least = max(SPREADS * parenchyma.spread_hu, LEAST_DARK_HU)
    dark = parenchyma.level_hu - smooth
    fat = liver & (smooth < FAT_HU)
    inner = region.shrunk(liver, RIM_MM) & ~region.grown(fat, FISSURE_MM)
    cores, count = ndimage.label(region.opened(inner & (dark > least), CORE_MM))
    bright = ndimage.gaussian_filter(region.hu, 0.8 / region.mm, truncate=3)
    knots, knot_count = ndimage.label(liver & (bright > blood_hu + 30.0))
    found: list[Tumour] = []
    taken = np.zeros(liver.shape, bool)
    for core in range(1, count + 1):
        tumour = _grown(region, parenchyma, liver & ~taken, fine, cores == core, knots, knot_count)
        if tumour is not None:
            found.append(tumour)
            taken |= tumour.mask
    if seeds is not None:
        found = _picked(region, parenchyma, liver, fine, found, seeds, knots, knot_count)
    return sorted(found, key=lambda t: -int(np.count_nonzero(t.mask)))


def _smooth_within(region: Region, liver: Mask, sigma_mm: float) -> FloatVolume:
    """The scan smoothed with what is inside the liver only: the fat and the air around it do not darken its rim."""
    inside = region.shrunk(liver, 0.8 * region.mm).astype(np.float32)
    sigma = sigma_mm / region.mm
    weight = ndimage.gaussian_filter(inside, sigma, truncate=3)
    total = ndimage.gaussian_filter(region.hu * inside, sigma, truncate=3)
    around = ndimage.gaussian_filter(region.hu, sigma, truncate=3)
    return np.where(weight > 0.05, total / np.maximum(weight, 0.05), around)


def _grown(
    region: Region,
    parenchyma: Parenchyma,
    liver: Mask,
    smooth: FloatVolume,
    core: Mask,
    knots: NDArray[np.int32],
    knot_count: int,
    picked: bool = False,
) -> Tumour | None:
    """A tumour from its core: to half way between its brightness and the liver's, with the knots in its hull."""
    core = core & liver
    if not core.any():
        return None
    level = float(np.median(smooth[core]))
    around = float(np.median(parenchyma.level_hu[core]))
    half = 0.5 * (level + around)
    box = box_of(core, int(np.ceil(25 / region.mm)))
    small, place = core[box], liver[box]
    mask = _holding((smooth[box] < half) & place & region.grown(small, 10.0), small)
    hull = region.closed(mask, KNOT_MM)
    near, own = region.grown(mask, KNOT_MM), knots[box]
    touching = np.unique(own[near & (own > 0)])
    whole = np.bincount(knots.ravel(), minlength=knot_count + 1) if touching.size else np.zeros(1)
    within = np.bincount(own[hull].ravel(), minlength=knot_count + 1)
    adjoining = set(np.unique(own[region.grown(mask, TOUCH_MM) & (own > 0)]).tolist())
    added = np.zeros_like(mask)
    for knot in touching.tolist():
        if within[knot] > KNOT_SHARE * whole[knot] or (knot in adjoining and whole[knot] < np.count_nonzero(mask)):
            added |= own == knot
    mask |= added
    mask = ndimage.binary_fill_holes(region.closed(mask, EVEN_MM) & place) & place
    thick = max(1.5, THICK * float(region.depth(mask).max()))
    mask = ndimage.binary_fill_holes(_holding(region.opened(mask, thick), small)) & place
    size_ml = np.count_nonzero(mask) * region.voxel_ml
    depth = region.depth(mask)
    ball_ml = 4 / 3 * np.pi * float(depth.max()) ** 3 / 1000
    roundness = (ball_ml / size_ml) ** (1 / 3) if size_ml else 0.0
    rim = ndimage.binary_dilation(mask, iterations=2) & ~mask
    outside = float(np.count_nonzero(rim & ~place)) / max(float(np.count_nonzero(rim)), 1.0)
    wanted = LEAST_AT_SURFACE if outside > OUTSIDE else LEAST_ROUNDNESS  # at the surface much that is no tumour is dark
    if float(depth.max()) > BALL_MM:
        wanted = LEAST_THICK
    if not size_ml or (not picked and (size_ml < LEAST_ML or roundness < wanted or outside > MOST_OUTSIDE)):
        return None
    full = np.zeros_like(core)
    full[box] = mask
    doubts = []
    contrast = (around - level) / parenchyma.spread_hu
    if level < FLUID_HU:
        doubts.append(f"with {level:.0f} HU it is as dark as fluid: it may be a cyst")
    if roundness < 0.7:
        doubts.append("its shape is irregular")
    if outside > OUTSIDE:
        doubts.append("it reaches the surface of the liver, where its border is less sure")
    confidence = None if picked else float(np.clip(0.35 + 0.08 * (contrast - 3) + 0.4 * (roundness - 0.35), 0.2, 0.9))
    return Tumour(full, level, confidence, "; ".join(doubts))


def _picked(
    region: Region,
    parenchyma: Parenchyma,
    liver: Mask,
    smooth: FloatVolume,
    found: Sequence[Tumour],
    seeds: NDArray[np.int64],
    knots: NDArray[np.int32],
    knot_count: int,
) -> list[Tumour]:
    kept: list[Tumour] = []
    for seed in seeds:
        holder = next((t for t in found if region.grown(t.mask, 2.0)[tuple(seed)]), None)
        if holder is None:
            core = np.zeros(liver.shape, bool)
            core[tuple(seed)] = True
            core = region.grown(core, CORE_MM)
            holder = _grown(region, parenchyma, liver, smooth, core, knots, knot_count, picked=True)
        if holder is not None and holder not in kept:
            kept.append(holder)
    return kept


def _holding(mask: Mask, seeds: Mask) -> Mask:
    """The pieces of a mask that hold a seed."""
    labels, count = ndimage.label(mask)
    keep = np.zeros(count + 1, bool)
    keep[np.unique(labels[seeds])] = True
    keep[0] = False
    return np.asarray(keep[labels])
