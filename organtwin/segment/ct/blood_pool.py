"""Contrast-filled blood: from which value on, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.aorta import SOFT_TISSUE_HU, Aorta
from organtwin.segment.ct.discs import DiscPath

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]
VERTEBRA_MM = 26.0  # its body's middle lies this far in front of the canal's
FULL_MYOCARDIUM_HU, FULL_PARENCHYMA_HU = 200.0, 135.0


def blood_threshold(level_hu: float) -> float:
    """HU that parts contrast-filled blood from muscle and parenchyma, given the level in the aorta.

    Halfway to muscle in the arterial phase; nearer to blood in the portal phase, where parenchyma is bright too; never
    so high that a right heart with less contrast than the left is lost.
    """
    rise = level_hu - SOFT_TISSUE_HU
    return min(
        FULL_MYOCARDIUM_HU, max(SOFT_TISSUE_HU + 0.5 * rise, min(SOFT_TISSUE_HU + 0.7 * rise, FULL_PARENCHYMA_HU))
    )


def spine_zone(context: CTContext, canal: DiscPath, reach_mm: float = 24.0) -> Mask:
    """The vertebral bodies and arches, roughly, on the working grid."""
    pixel = float(context.spacing_mm[1])
    _, nj, ni = context.hu.shape
    front = (canal.centre[:, 0, None, None] - np.arange(nj)[None, :, None]) * pixel
    left = (np.arange(ni)[None, None] - canal.centre[:, 1, None, None]) * pixel
    return np.asarray(
        (np.hypot(front - VERTEBRA_MM, left) < reach_mm) | ((front < VERTEBRA_MM) & (np.abs(left) < 2 * reach_mm))
    )


ORGAN_MM = 9.0  # no vessel but the aorta is wider than twice this


def bright_pool(context: CTContext, aorta: Aorta, canal: DiscPath) -> Mask:
    """What is as bright as blood on the working grid: in the body, and not of the spine. Other bone may be in it."""
    image = ndimage.gaussian_filter(context.hu, 0.6)
    pool = (image > blood_threshold(aorta.level_hu)) & context.body & ~spine_zone(context, canal)
    return np.asarray(pool | (context.to_working(aorta.mask) > 0.5))


def connected_pool(context: CTContext, pool: Mask, known: Mask) -> Mask:
    """The bright pool without bone and organs: what hangs together with the known vessels and chambers.

    Parameters
    ----------
    pool, known : (nk, nj, ni) bool arrays
        The bright pool, and aorta, heart and other great vessels, on the working grid.
    """
    rest = pool & ~known & ~context.bone
    organs = context.grow(context.open(rest, ORGAN_MM), 3.0)
    thin = (rest & ~organs) | (known & pool)
    labels, _ = ndimage.label(thin)
    joined = np.setdiff1d(np.unique(labels[known & pool]), [0])
    return np.asarray(np.isin(labels, joined))
