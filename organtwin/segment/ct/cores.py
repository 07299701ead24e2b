"""Sure parts of liver, spleen and kidneys: where each organ's competition starts, and how bright it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.shape import largest_piece
from organtwin.segment.ct.tissue import (
    Mode,
    behind_spine,
    beside_spine,
    muscle_mode,
    peaks,
    soft_tissue,
)

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]

LIVER_HU = (25.0, 220.0)
LEAST_LIVER_CORE_ML = 40.0
SPLEEN_HU = (40.0, 240.0)
LEAST_SPLEEN_CORE_ML = 2.0
LEAST_KIDNEY_CORE_ML = 1.0
UNENHANCED_HU = 85.0  # a liver that is darker holds little contrast: brightness does not tell the organs apart
FAT_HU, LEAST_FAT_SHELL = -20.0, 0.4
MOST_KIDNEY_WALL = 0.25


@dataclass(frozen=True)
class Core:
    """Voxels that surely belong to an organ, and the organ's brightness."""

    mask: Mask
    mode: Mode


def liver_core(context: CTContext, taken: Mask) -> Core | None:
    """The largest even thing to the right and in front of the spine, well inside the ribs.

    ``taken`` are voxels of organs that are known already.
    """
    mean, deviation = context.evenness
    place = (beside_spine(context) < -10) & (behind_spine(context) < 40)
    place = place & soft_tissue(context) & ~taken & (context.depth_in_cage > 6)
    even = place & (deviation < 14)
    if context.volume_ml(even) < LEAST_LIVER_CORE_ML:
        return None
    best: tuple[float, Core] | None = None
    for mode in peaks(mean[even], *LIVER_HU)[:4]:
        core = largest_piece(context.shrink(mode.near(context.smooth) & place, 7.0))
        size = context.volume_ml(core)
        if size > LEAST_LIVER_CORE_ML and (best is None or size > best[0]):
            best = size, Core(core, mode)
    return best[1] if best else None


def spleen_core(context: CTContext, taken: Mask, level: Mask | None = None, enhanced: bool = True) -> Core | None:
    """The even thing on the left that lies along the ribs, beside or behind the spine's front.

    ``level`` is the liver: the spleen lies at its height. ``enhanced`` is whether it is brighter than muscle.
    """
    mean, deviation = context.evenness
    behind = behind_spine(context)
    depth = context.depth_in_cage
    place = (beside_spine(context) > 25) & (behind > -110) & (behind < 60)
    place = place & soft_tissue(context) & ~taken & (depth > 3)
    if level is not None and level.any():
        heights = np.flatnonzero(level.any(axis=(1, 2)))
        reach = int(60.0 / context.spacing_mm[0])
        place[: max(heights[0] - reach, 0)] = False
        place[heights[-1] + reach // 2 :] = False
    even = place & (deviation < 16)
    if context.volume_ml(even) < LEAST_SPLEEN_CORE_ML:
        return None
    floor = muscle_mode(context).centre_hu + 8 if enhanced else LIVER_HU[0]
    best: tuple[float, Core] | None = None
    for mode in peaks(mean[even], max(SPLEEN_HU[0], floor) if enhanced else floor, SPLEEN_HU[1], share=0.02)[:4]:
        labels, count = ndimage.label(context.shrink(mode.near(context.smooth) & place, 5.0))
        for label in np.argsort(-np.bincount(labels.ravel())[1:])[:3] + 1 if count else []:
            core = labels == label
            size = context.volume_ml(core)
            score = size * float(np.exp(-np.median(depth[core]) / 25))
            if size > LEAST_SPLEEN_CORE_ML and (best is None or score > best[0]):
                best = score, Core(core, mode)
    return best[1] if best else None


def kidney_core(context: CTContext, taken: Mask, right: bool, soft_hu: float) -> Core | None:
    """The brightest compact body beside the spine, set in fat.

    ``soft_hu`` is the brightness above which neither muscle nor the other organs are found.
    """
    aside = beside_spine(context) * (-1 if right else 1)
    behind = behind_spine(context)
    place = (aside > 18) & (aside < 110) & (behind > -75) & (behind < 35)
    place = place & context.trunk & ~context.bone & ~taken & (context.depth_in_cage > 2)
    bright = place & (context.smooth > soft_hu) & (context.smooth < 390)
    labels, count = ndimage.label(context.shrink(bright, 2.5))
    wall = (context.depth_in_cage < 3) | context.lungs[0] | context.lungs[1]
    for label in np.argsort(-np.bincount(labels.ravel())[1:])[:3] + 1 if count else []:
        core = labels == label
        if context.volume_ml(core) < LEAST_KIDNEY_CORE_ML:
            break
        shell = context.grow(core, 10.0) & ~context.grow(core, 4.0)
        if np.mean(wall[shell]) > MOST_KIDNEY_WALL:  # a bright spleen lies along ribs and lung; fat surrounds a kidney
            continue
        values = context.smooth[core]
        return Core(core, Mode(float(np.median(values)), float(np.clip(values.std(), 12, 40))))
    return None


def unenhanced_kidney_core(context: CTContext, taken: Mask, right: bool) -> Core | None:
    """The thick body beside the spine that is set in fat, where contrast does not show which one it is."""
    aside = beside_spine(context) * (-1 if right else 1)
    behind = behind_spine(context)
    place = (aside > 18) & (aside < 110) & (behind > -75) & (behind < 35)
    place = place & soft_tissue(context) & ~taken & (context.depth_in_cage > 5)
    labels, count = ndimage.label(context.shrink(place, 7.0))
    best: tuple[float, Core] | None = None
    for label in np.argsort(-np.bincount(labels.ravel())[1:])[:6] + 1 if count else []:
        core = labels == label
        if context.volume_ml(core) < LEAST_KIDNEY_CORE_ML:
            break
        shell = context.grow(core, 14.0) & ~context.grow(core, 9.0) & context.trunk
        fat = float(np.mean(context.smooth[shell] < FAT_HU)) if shell.any() else 0.0
        values = context.smooth[core]
        if fat > LEAST_FAT_SHELL and (best is None or fat > best[0]):
            best = fat, Core(core, Mode(float(np.median(values)), float(np.clip(values.std(), 8, 20))))
    return best[1] if best else None
