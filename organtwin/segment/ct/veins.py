"""The venae cavae: round cross-sections to the right of the aorta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.aorta import CEILING_HU, Aorta, full_spacing, tracking_image
from organtwin.segment.ct.blood_pool import VERTEBRA_MM
from organtwin.segment.ct.discs import DiscPath, best_path, disc_evidence
from organtwin.segment.ct.shape import largest_piece
from organtwin.segment.ct.tube import FloatArray, Mask, find_wall, paint, sections_along

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

SUPERIOR_RADII_MM = (5.0, 6.5, 8.0, 9.5, 11.0, 12.5)
INFERIOR_RADII_MM = (5.0, 6.0, 7.5, 9.0, 10.5, 12.0, 14.0, 16.0)
LEAST_RUN_MM = 24.0
LEAST_VEIN_SCORE = 0.6
LEAST_SHARE = 0.3  # of the slices in which it should be
ABOVE_ROOT_MM = 20.0  # where the superior cava enters the atrium, above the aortic valve
VERTEBRA_RADIUS_MM = 22.0


@dataclass(frozen=True)
class Vein:
    """A vena cava: ``mask`` on the full canonical grid; ``slices`` of the working grid that it spans."""

    mask: Mask
    slices: tuple[int, int]
    confidence: float
    doubt: str


def find_inferior_cava(context: CTContext, aorta: Aorta, canal: DiscPath) -> Vein | str:
    """The inferior vena cava below the heart, or why it was not found."""
    top = context.hu.shape[0]
    if aorta.root_mm is not None:
        top = int(aorta.root_mm[0] / context.spacing_mm[0])
    rows, columns = _around(context, canal, slice(0, top), front=(25, 115), left=(-65, 15))
    front, left = _offsets(context, canal.centre[:top], rows, columns)
    prior = -0.5 * ((front - np.clip(front, 40, 92)) / 8) ** 2 - 0.5 * ((left - np.clip(left, -42, -6)) / 7) ** 2
    prior = prior + np.where(np.hypot(front - VERTEBRA_MM, left) < VERTEBRA_RADIUS_MM, -2.0, 0.0)
    return _vein(context, aorta, slice(0, top), rows, columns, prior, INFERIOR_RADII_MM, "inferior vena cava", 300.0)


def find_superior_cava(context: CTContext, aorta: Aorta) -> Vein | str:
    """The superior vena cava beside the ascending aorta, or why it was not found."""
    rising = aorta.rising / context.spacing_mm - 0.5
    if not len(rising):
        return "the ascending aorta, beside which it lies, is not in view"
    top = float(rising[:, 0].max())
    rising = rising[rising[:, 0] > rising[0, 0] + ABOVE_ROOT_MM / context.spacing_mm[0]]
    if len(rising) < 4:
        return "too little of the ascending aorta, beside which it lies, is in view"
    slices = slice(max(0, int(rising[0, 0])), min(context.hu.shape[0], int(top + 25 / context.spacing_mm[0])))
    k = np.arange(slices.start, slices.stop)
    beside = np.stack([np.interp(k, rising[:, 0], rising[:, axis]) for axis in (1, 2)], axis=1)
    # above the arch's flank the line turns to the left and back: stay beside the ascending part
    turned = k > top - 25 / context.spacing_mm[0]
    if aorta.arch and turned.any() and not turned.all():
        beside[turned] = beside[~turned][-1]
    centre = np.zeros((context.hu.shape[0], 2))
    centre[slices] = beside
    where = DiscPath(centre, np.zeros(len(centre)), np.zeros(len(centre)))
    rows, columns = _around(context, where, slices, front=(-45, 30), left=(-60, 5))
    front, left = _offsets(context, beside, rows, columns)
    prior = -0.5 * ((front - np.clip(front, -25, 14)) / 6) ** 2 - 0.5 * ((left - np.clip(left, -38, -20)) / 5) ** 2
    return _vein(context, aorta, slices, rows, columns, prior, SUPERIOR_RADII_MM, "superior vena cava", 3000.0)


def _around(
    context: CTContext, path: DiscPath, slices: slice, front: tuple[float, float], left: tuple[float, float]
) -> tuple[slice, slice]:
    """Rows and columns that hold the given reach (mm) in front and to the left of a path."""
    pixel = float(context.spacing_mm[1])
    centre = path.centre[slices]
    rows = slice(max(0, int(centre[:, 0].min() - front[1] / pixel)), int(centre[:, 0].max() - front[0] / pixel) + 1)
    columns = slice(max(0, int(centre[:, 1].min() + left[0] / pixel)), int(centre[:, 1].max() + left[1] / pixel) + 1)
    return slice(rows.start, min(rows.stop, context.hu.shape[1])), slice(
        columns.start, min(columns.stop, context.hu.shape[2])
    )


def _offsets(context: CTContext, centre: FloatArray, rows: slice, columns: slice) -> tuple[FloatArray, FloatArray]:
    """How far (mm) each pixel of a window lies in front and to the left of a path: (nk, nj, 1) and (nk, 1, ni)."""
    pixel = float(context.spacing_mm[1])
    front = (centre[:, 0, None, None] - np.arange(rows.start, rows.stop)[None, :, None]) * pixel
    left = (np.arange(columns.start, columns.stop)[None, None] - centre[:, 1, None, None]) * pixel
    return front, left


def _vein(
    context: CTContext,
    aorta: Aorta,
    slices: slice,
    rows: slice,
    columns: slice,
    prior: FloatArray,
    radii: tuple[float, ...],
    name: str,
    brightest_hu: float,
) -> Vein | str:
    window = (slices, rows, columns)
    if min(s.stop - s.start for s in window) < 8:
        return "too little of its neighbourhood is in view"
    spacing = context.spacing_mm
    artery = context.to_working(aorta.mask)
    image = tracking_image(context)
    image[(artery > 0.3) | (context.hu > brightest_hu)] = 0  # the aorta is taken, and bone is no vein
    score = disc_evidence(ndimage.gaussian_filter(image[window], (1, 0, 0)), float(spacing[1]), radii)
    near = ndimage.gaussian_filter(artery[window], (0, 1.5, 1.5))
    score += (prior - 4 * near).astype(np.float32)
    path = best_path(score, radii)
    centre = ndimage.gaussian_filter1d(np.add(path.centre, (rows.start, columns.start)), 2.0, axis=0, mode="nearest")
    points = (np.column_stack([np.arange(slices.start, slices.stop), centre]) + 0.5) * spacing
    sections = sections_along(image, spacing, points, path.radius_mm)
    walled = np.array([s.walled for s in sections])
    radius = np.array([s.radius_mm for s in sections])
    level = np.array([s.level_hu for s in sections])
    good = (walled >= 0.2) & (ndimage.gaussian_filter1d(path.score, 1.5) > LEAST_VEIN_SCORE) & (level > 80)
    first, last = _longest(ndimage.binary_closing(good, iterations=3) | good)
    if (last - first) * spacing[0] < LEAST_RUN_MM:
        return f"no round vessel stands out where the {name} should be"
    usual = float(np.median(radius[first:last]))
    fits = radius < 1.45 * usual
    place = np.arange(len(good))
    first, last = _longest((place >= first) & (place < last) & fits)
    if (last - first) * spacing[0] < LEAST_RUN_MM:
        return f"the {name} could not be told from its neighbours"
    barrier = aorta.mask.view(np.uint8)
    tube = find_wall(
        context.full_hu, full_spacing(context), points[first:last], radius[first:last], barrier, ceiling_hu=CEILING_HU
    )
    mask = largest_piece(paint(tube, context.full_hu.shape, full_spacing(context)) & ~aorta.mask)
    clear = float(np.median(tube.clarity))
    confidence = float(np.clip(0.9 * clear * np.clip(np.median(path.score[first:last]) / 1.2, 0.3, 1), 0, 0.95))
    doubt = "" if clear > 0.8 else f"its wall is clear along only {100 * clear:.0f} % of its circumference"
    return Vein(mask, (slices.start + first, slices.start + last), confidence, doubt)


def _longest(good: NDArray[np.bool_]) -> tuple[int, int]:
    """Start and stop of the longest run of True."""
    edges = np.diff(np.concatenate([[0], good.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not starts.size:
        return 0, 0
    n = int((stops - starts).argmax())
    return int(starts[n]), int(stops[n])


def without_atrium(context: CTContext, vein: Vein, cores: Mask, lower: bool) -> Vein:
    """A cava ended where it opens into the atrium: where a wide chamber takes up a good part of its section.

    ``lower`` is True for the inferior cava, which ends upwards.
    """
    chamber = context.grow(context.open(cores, 5.0), 9.0)
    inside = context.to_working(vein.mask) > 0.5
    share = (inside & chamber).sum(axis=(1, 2)) / np.maximum(inside.sum(axis=(1, 2)), 1)
    taken = np.flatnonzero(share > 0.3)
    if not taken.size:
        return vein
    first, last = (vein.slices[0], int(taken[0])) if lower else (int(taken[-1]) + 1, vein.slices[1])
    if last - first < 4:
        return vein
    ratio = float(context.spacing_mm[0]) / float(full_spacing(context)[0])
    mask = vein.mask.copy()
    mask[: round(first * ratio) if first > vein.slices[0] else 0] = False
    if last < vein.slices[1]:
        mask[round(last * ratio) :] = False
    return Vein(mask, (first, last), vein.confidence, vein.doubt)
