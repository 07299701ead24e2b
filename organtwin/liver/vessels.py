"""The contrast-filled vessels in the liver, and the portal trunk that leads to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from organtwin.liver.region import FloatVolume, Mask, Region
from organtwin.liver.tissue import Parenchyma
from organtwin.liver.vesselness import tubeness

THIN_MM, WIDE_MM = (1.0, 1.5, 2.2), (3.3, 5.0)
WIDE_SHARE = 0.3  # a wide vessel is as bright as the others; a wide faint stripe is none
LEAST_PEAK = 2.0  # of the spread of healthy liver: brighter somewhere near
CALM_MM = 0.8
DARKEST, WALL = -1.5, 0.42  # of the spread of healthy liver; of the contrast inside, where a vessel's wall is taken
LOW, HIGH = 3.2, 6.0  # of the usual response in tissue without vessels
CHALK_MM = 3.0
RIM_MM = 1.8  # the wall of a bright neighbour, as the vena cava, shines so far into the liver
LEAST_CONTRAST_HU = 12.0
LEAST_ML = 0.25  # a loose piece
TRUNK_REACH_MM, TRUNK_MM = 32.0, 2.2
TRUNK_NEAR_MM = 12.0  # a trunk comes so near to vessels in the liver
TRUNK_BRIGHTEST = 2.0  # of the contrast in the liver: marrow, and arteries in an early phase, are brighter


@dataclass(frozen=True)
class Vessels:
    """``inside`` in the liver and ``trunk`` outside it, both bool on the region; ``contrast_hu`` of large vessels over the liver."""

    inside: Mask
    trunk: Mask
    contrast_hu: float
    contrast: FloatVolume


def find_vessels(
    region: Region,
    parenchyma: Parenchyma,
    liver: Mask,
    tumour: Mask,
    others: Mask,
    blood_hu: float,
    beat: Callable[[float], None] = lambda done: None,
) -> Vessels | str:
    """Bright tubes, or why there are none.

    Parameters
    ----------
    liver : (nk, nj, ni) bool
        With tumours and vessels.
    tumour, others : (nk, nj, ni) bool
        Where no vessel is sought.
    blood_hu : float
        What is brighter is calcium, or a contrast agent that stayed, and no blood.
    """
    calm = ndimage.gaussian_filter(region.hu, CALM_MM / region.mm, truncate=3)
    chalk = region.opened(calm > blood_hu, 0.6)
    place = liver & ~region.grown(tumour, 1.5) & ~region.grown(chalk, CHALK_MM) & ~region.grown(others, RIM_MM)
    rise = calm - parenchyma.level_hu
    level = np.where(place, np.clip(rise, DARKEST * parenchyma.spread_hu, 150.0), 0).astype(np.float32)
    response = tubeness(level, region.mm, THIN_MM, lambda done: beat(0.5 * done))
    usual = float(np.median(response[place & (response > 0)]))
    strong = place & (response > HIGH * usual)
    contrast = float(np.percentile(rise[strong], 90)) if strong.any() else 0.0
    if contrast < max(LEAST_CONTRAST_HU, 2.0 * parenchyma.spread_hu):
        return (
            f"the vessels are only {max(contrast, 0):.0f} HU brighter than the liver: "
            "the scan has no contrast agent in them, or was taken too early or too late"
        )
    wide = tubeness(level, region.mm, WIDE_MM, lambda done: beat(0.5 + 0.3 * done))
    response = np.maximum(response, np.where(wide > WIDE_SHARE * contrast, wide, 0))
    strong = place & (response > HIGH * usual)
    tubes = _hysteresis(place & (response > LOW * usual), strong)
    core = np.where(tubes & place, np.minimum(rise, 1.3 * contrast), 0)
    reach = max(1, round(2.5 / region.mm))
    peak = ndimage.maximum_filter(core, 2 * reach + 1)
    near = region.grown(tubes, 1.5 * region.mm) & place & (peak > LEAST_PEAK * parenchyma.spread_hu)
    inside = near & (rise > np.maximum(WALL * peak, 1.2 * parenchyma.spread_hu))
    inside |= place & region.opened(place & (rise > 0.55 * contrast), 2.0)
    inside = _pieces(ndimage.binary_closing(inside) & place, LEAST_ML / region.voxel_ml)
    beat(0.9)
    outer = region.grown(liver, TRUNK_REACH_MM) & ~liver & ~others
    bright = (outer | inside) & (rise > 0.5 * contrast) & (rise < TRUNK_BRIGHTEST * contrast) & (calm < blood_hu)
    trunk = region.opened(bright, TRUNK_MM) & outer
    trunk = _hysteresis(trunk, trunk & region.grown(inside, TRUNK_NEAR_MM))
    return Vessels(np.asarray(inside), np.asarray(trunk), contrast, rise)


def _hysteresis(low: Mask, high: Mask) -> Mask:
    labels, count = ndimage.label(low, np.ones((3, 3, 3)))
    keep = np.zeros(count + 1, bool)
    keep[np.unique(labels[high & low])] = True
    keep[0] = False
    return np.asarray(keep[labels])


def _pieces(mask: Mask, voxels: float) -> Mask:
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    keep = np.bincount(labels.ravel()) >= voxels
    keep[0] = False
    return np.asarray(keep[labels])
