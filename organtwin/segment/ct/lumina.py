"""True and false lumen of a dissected aorta: told apart by how they fill with contrast, and by the flap between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.segment.ct.aorta import Aorta
from organtwin.segment.ct.competition import walk
from organtwin.segment.ct.shape import bounding_box, dilate, erode, largest_piece, opened
from organtwin.segment.ct.tube import FloatArray

Mask = NDArray[np.bool_]

RIM_MM = 1.8  # partial volume with what lies beside the vessel
SOFTEN_MM = 1.0
LEVEL_MM = 12.0  # over that length of the vessel its brightness changes
LEAST_CONTRAST_HU = 150.0  # of the true lumen: below, a flap does not show
FALSE_SPREADS = 4.0  # so many standard deviations below the true lumen is surely no part of it
NEAR_FLAP_MM = 1.5
FALSE_MM = 2.0  # radius of a ball that the false lumen holds somewhere
LEAST_FALSE_ML, LEAST_FALSE_SHARE, LEAST_FALSE_LENGTH_MM = 4.0, 0.06, 40.0
EDGE_SPREADS, DATA_WEIGHT = 2.0, 0.03
SAME_SHARE = 0.12  # a false lumen that is nearly as bright as the true one
UNDISSECTED = "no second lumen was seen in the aorta: no flap, no part that fills less"


@dataclass(frozen=True)
class Lumina:
    """Masks on the full canonical grid, and what is to be said of them."""

    true: Mask
    false: Mask
    confidence: float
    doubt: str


def find_lumina(values: NDArray[np.int16], spacing_mm: FloatArray, aorta: Aorta) -> Lumina | str:
    """Split the aorta into its lumina, or say why it is taken for one.

    The true lumen is the one that fills first, so the brighter one. Along the vessel it has a level of its own; what is
    much darker, in pieces that are too large for noise, calls for a false lumen. A random walker then draws the border:
    along the flap where one shows, else half-way between the levels.

    Parameters
    ----------
    values : (nk, nj, ni) int16 array
        HU on the full canonical grid.
    spacing_mm : (3,) array
        Of the axes k, j, i.
    aorta : Aorta
    """
    margin = tuple(int(n) for n in np.ceil(3.0 / spacing_mm))
    box = bounding_box(aorta.mask, (margin[0], margin[1], margin[2]))
    vessel = aorta.mask[box]
    deep = erode(vessel, RIM_MM, spacing_mm)
    if not deep.any():
        return UNDISSECTED
    inside = np.argwhere(vessel)
    corner = np.array([s.start for s in box])
    lines = [aorta.tube.line] + ([aorta.ascending.line] if aorta.ascending is not None else [])
    line = np.concatenate(lines)
    step_mm = float(np.linalg.norm(line[1] - line[0]))
    station = np.zeros(vessel.shape, np.int32)
    station[vessel] = cKDTree(line).query((inside + corner + 0.5) * spacing_mm)[1]
    image = _inner_image(values[box].astype(np.float32), vessel, deep, spacing_mm)
    levels = _level_of_true(image[deep], station[deep], len(line), LEVEL_MM / step_mm)
    if levels is None:
        return UNDISSECTED
    level, spread = levels
    if float(np.median(level)) < LEAST_CONTRAST_HU:
        return "there is too little contrast in the aorta to tell a flap"
    below = (level[station] - image) / spread  # how many spreads darker than the true lumen
    dark = opened(deep & (below > FALSE_SPREADS), FALSE_MM, spacing_mm)
    if not _is_lumen(dark, vessel, station, step_mm, spacing_mm):
        return UNDISSECTED
    fields = walk(
        image,
        vessel,
        [
            np.where(deep, np.exp(-0.5 * np.clip(below, 0, 6) ** 2), 0.5).astype(np.float32),
            np.where(deep, 1 / (1 + np.exp(np.clip(FALSE_SPREADS - 2 * below, -9, 9))), 0.5).astype(np.float32),
        ],
        [deep & (np.abs(below) < 0.7) & ~dilate(dark, NEAR_FLAP_MM, spacing_mm), dark],
        EDGE_SPREADS * spread,
        DATA_WEIGHT,
    )
    true = largest_piece(vessel & (fields[0] >= 0.5))
    rest = vessel & ~true
    false = _main_pieces(rest, dark)
    true |= rest & ~false
    confidence, doubt = _judged(image, true, false, deep, aorta)
    return Lumina(
        true=_in_full(true, box, aorta.mask.shape),
        false=_in_full(false, box, aorta.mask.shape),
        confidence=confidence,
        doubt=doubt,
    )


def _inner_image(values: NDArray[np.float32], vessel: Mask, deep: Mask, spacing_mm: FloatArray) -> NDArray[np.float32]:
    """The scan softened within the vessel; its rim as bright as the nearest voxel further in."""
    sigma = SOFTEN_MM / spacing_mm
    weight = ndimage.gaussian_filter(deep.astype(np.float32), sigma, truncate=2)
    soft = ndimage.gaussian_filter(np.where(deep, values, 0), sigma, truncate=2) / np.maximum(weight, 1e-3)
    nearest = ndimage.distance_transform_edt(~deep, spacing_mm, return_distances=False, return_indices=True)
    return np.where(vessel, soft[tuple(nearest)], 0).astype(np.float32)


def _level_of_true(
    values: NDArray[np.float32], station: NDArray[np.int32], count: int, reach: float
) -> tuple[NDArray[np.float32], float] | None:
    """Brightness of the true lumen at every place of the line, and its spread; None where it is not one."""
    top = float(np.percentile(values, 90))
    level = np.full(count, top)
    spread = 0.1 * top
    for _ in range(3):
        fits = np.abs(values - level[station]) < 2 * spread
        total = ndimage.gaussian_filter1d(np.bincount(station[fits], values[fits], count), reach, mode="nearest")
        weight = ndimage.gaussian_filter1d(
            np.bincount(station[fits], minlength=count).astype(float), reach, mode="nearest"
        )
        level = (total + 0.5 * top) / (weight + 0.5)
        near = values - level[station]
        above = near[near > 0]  # the lower half may be of the other lumen
        if above.size < 50:
            return None
        spread = float(np.clip(1.4826 * np.median(above), 0.02 * top, 0.12 * top))
    return level.astype(np.float32), spread


def _is_lumen(dark: Mask, vessel: Mask, station: NDArray[np.int32], step_mm: float, spacing_mm: FloatArray) -> bool:
    """Whether the dark part is large and long enough for a lumen of its own."""
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    if not dark.any() or np.count_nonzero(dark) < LEAST_FALSE_SHARE * np.count_nonzero(vessel):
        return False
    length_mm = np.count_nonzero(np.bincount(station[dark]) * voxel_ml > 0.05 * step_mm) * step_mm
    return bool(np.count_nonzero(dark) * voxel_ml > LEAST_FALSE_ML and length_mm > LEAST_FALSE_LENGTH_MM)


def _main_pieces(rest: Mask, dark: Mask) -> Mask:
    """The pieces with a good part of the sure false lumen in them: flecks of noise go back."""
    labels, count = ndimage.label(rest)
    if not count:
        return rest
    sure = np.bincount(labels[dark], minlength=count + 1)
    sure[0] = 0
    return np.asarray((sure > 0.02 * sure.sum())[labels])


def _judged(image: NDArray[np.float32], true: Mask, false: Mask, deep: Mask, aorta: Aorta) -> tuple[float, str]:
    bright = float(np.median(image[true & deep]))
    dark = image[false & deep]
    # in how much of its volume the false lumen is as bright as the true one, so that only the flap parts them
    same = float(np.mean(dark > (1 - SAME_SHARE) * bright)) if dark.size else 1.0
    confidence = aorta.confidence * (0.95 - 0.6 * same)
    doubt = "the true lumen is taken to be the one that fills more"
    if same > 0.15:
        doubt += f"; {100 * same:.0f} % of the false one is as bright, and only the flap parts them"
    return round(confidence, 2), doubt


def _in_full(mask: Mask, box: tuple[slice, slice, slice], shape: tuple[int, ...]) -> Mask:
    result = np.zeros(shape, np.bool_)
    result[box] = mask
    return result
