"""The left ventricle in a short-axis stack: levels of blood and muscle, and the two walls, slice by slice and together."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.monitor import Monitor
from organtwin.segment.cine import contours, localise

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


TRUST_MM = 6.0  # a radius that is further off says nothing of the taper
BLOOD_RANGE, MUSCLE_RANGE = 1.35, 1.35  # of the levels of slices, about their median
IS_MUSCLE = 0.4  # from the level of muscle, where blood is 1


@dataclass
class Walls:
    """Both walls in every slice, in polar coordinates about ``centres`` (rows, columns in pixels)."""

    centres: FloatArray  # (nk, 2)
    inner_mm: FloatArray  # (nk, ANGLES)
    outer_mm: FloatArray  # (nk, ANGLES)
    blood: FloatArray  # (nk,) level
    muscle: FloatArray  # (nk,) level
    ring: FloatArray  # (nk,) part of the circle where there is wall between cavity and the rest, 0 to 1
    score: FloatArray  # (nk,) of the search


@dataclass(frozen=True)
class Guess:
    """Where the ventricle may be: centre (row, column in pixels), radius and score of each slice."""

    centres: FloatArray
    radii_mm: FloatArray
    score: FloatArray


def look(stack: FloatArray, spacing_mm: tuple[float, float], gap_mm: float, motion: FloatArray | None = None) -> Guess:
    """Search a stack (nk, nj, ni) for bright discs in dark rings; ``motion`` says how much each voxel changes."""
    return Guess(*localise.centres(stack, spacing_mm, gap_mm, motion))


def find(
    stack: FloatArray, spacing_mm: tuple[float, float], gap_mm: float, guess: Guess, monitor: Monitor, turns: int = 4
) -> Walls:
    """Trace both walls in every slice, each turn with what the one before learnt.

    Parameters
    ----------
    stack : (nk, nj, ni) array
    spacing_mm : (down, across)
    gap_mm : float
        Between slices.
    guess : Guess
    turns : int
        The first half of them lean on the guess, the rest on the neighbouring slices.
    """
    nk = len(stack)
    smooth = _denoised(stack, spacing_mm)
    centre = np.array(guess.centres)
    polar = [contours.sample(p, spacing_mm, c) for p, c in zip(smooth, centre, strict=True)]
    blood, muscle = _first_levels(polar, guess.radii_mm)
    inner, outer = np.zeros((2, nk, contours.ANGLES))
    walls = Walls(centre, inner, outer, blood, muscle, np.zeros(nk), guess.score)
    for turn in range(turns):
        first = 2 * turn < turns
        near = _disc(guess.radii_mm) if first else neighbours(walls, gap_mm)
        _turn(walls, smooth, spacing_mm, near, _usual(walls) if turn else np.full(nk, 9.0))
        monitor.progress((turn + 1) / turns, f"walls, turn {turn + 1} of {turns}")
        if turn < turns - 1:
            _recentre(walls, spacing_mm)
    return walls


def again(
    walls: Walls, stack: FloatArray, spacing_mm: tuple[float, float], gap_mm: float, outer_mm: FloatArray,
    radius_mm: FloatArray,
) -> Walls:  # fmt: skip
    """Both walls once more with what the other phases let expect.

    Parameters
    ----------
    outer_mm : (nk, ANGLES) array
        Outer wall about the same centres.
    radius_mm : (nk,) array
        Mean inner radius; it counts as much as that of the neighbouring slices.
    """
    anew = Walls(*(getattr(walls, f.name).copy() for f in fields(walls)))
    inner, thick = neighbours(walls, gap_mm)
    mean = np.maximum(inner.mean(axis=1), 1.0)
    near = inner * (0.5 * (mean + radius_mm) / mean)[:, None], thick
    _turn(anew, _denoised(stack, spacing_mm), spacing_mm, near, _usual(walls), outer_mm)
    return anew


def _denoised(stack: FloatArray, spacing_mm: tuple[float, float]) -> FloatArray:
    return np.stack([ndimage.gaussian_filter(p, [0.6 / s for s in spacing_mm]) for p in stack])


def _turn(
    walls: Walls, smooth: FloatArray, spacing_mm: tuple[float, float], near: tuple[FloatArray, FloatArray],
    usual: FloatArray, outer_mm: FloatArray | None = None,
) -> None:  # fmt: skip
    """Trace every slice once, and learn the levels from it."""
    polar = []
    for k, plane in enumerate(smooth):
        values = contours.sample(plane, spacing_mm, walls.centres[k])
        u = (values - walls.muscle[k]) / (walls.blood[k] - walls.muscle[k])
        expected = None if outer_mm is None else outer_mm[k]
        walls.inner_mm[k], walls.outer_mm[k], _ = contours.trace(u, usual[k], (near[0][k], near[1][k]), expected)
        polar.append(values)
    _levels(walls, polar)
    _judge(walls, polar)


def _first_levels(polar: list[FloatArray], radius_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Blood in the disc, muscle as what is darkest on most of the rays just beyond it; the same for all slices."""
    blood, muscle = [], []
    for values, radius in zip(polar, radius_mm, strict=True):
        inside = values[:, : max(2, round(0.7 * radius / contours.STEP_MM))]
        blood.append(np.quantile(inside, 0.7))
        first, last = (round(r / contours.STEP_MM) for r in (0.8 * radius, radius + 5))
        muscle.append(np.quantile(values[:, first:last].min(axis=1), 0.6))
    middle = slice(len(polar) // 5, max(len(polar) // 5 + 1, len(polar) - len(polar) // 4))
    b, m = float(np.median(blood[middle])), float(np.median(muscle[middle]))
    return np.full(len(polar), b), np.full(len(polar), min(m, 0.8 * b))


def _levels(walls: Walls, polar: list[FloatArray]) -> None:
    """Levels of blood and muscle anew from what lies within the walls, each near to the median of all slices."""
    radii = (np.arange(contours.N_RADII) + 0.5) * contours.STEP_MM
    blood, muscle = walls.blood.copy(), walls.muscle.copy()
    for k, values in enumerate(polar):
        inside = values[radii[None] < 0.9 * walls.inner_mm[k][:, None]]
        depth = radii[None] - walls.inner_mm[k][:, None]
        between = values[(depth > 1.5) & (depth < 4.5)]  # near the cavity, where no lung is
        if inside.size > 20:
            blood[k] = np.quantile(inside, 0.7)
        if between.size > 20:
            muscle[k] = np.median(between)
    b, m = np.median(blood), np.median(muscle)
    walls.blood[:] = np.clip(_smoothed(blood), b / BLOOD_RANGE, b * BLOOD_RANGE)
    walls.muscle[:] = np.minimum(np.clip(_smoothed(muscle), m / MUSCLE_RANGE, m * MUSCLE_RANGE), 0.8 * walls.blood)


def _judge(walls: Walls, polar: list[FloatArray]) -> None:
    """On which part of the circle there is muscle around blood."""
    radii = (np.arange(contours.N_RADII) + 0.5) * contours.STEP_MM
    for k, values in enumerate(polar):
        u = (values - walls.muscle[k]) / (walls.blood[k] - walls.muscle[k])
        inner, outer = walls.inner_mm[k][:, None], walls.outer_mm[k][:, None]
        wall = (radii > inner + 0.5) & (radii < outer - 0.5)
        level = np.where(wall, u, 0).sum(axis=1) / np.maximum(wall.sum(axis=1), 1)
        walls.ring[k] = float((np.abs(level) < IS_MUSCLE).mean())


def _smoothed(values: FloatArray) -> FloatArray:
    return np.asarray(ndimage.gaussian_filter1d(ndimage.median_filter(values, 3, mode="nearest"), 1.0, mode="nearest"))


def _recentre(walls: Walls, spacing_mm: tuple[float, float]) -> None:
    """Move each centre to the middle of the outer wall."""
    angles = np.arange(contours.ANGLES) * 2 * np.pi / contours.ANGLES
    for k in range(len(walls.centres)):
        r = 0.5 * (walls.outer_mm[k] + walls.inner_mm[k])
        area = (r**2).mean() / 2
        shift = np.array([(r**3 * np.sin(angles)).mean() / 3, (r**3 * np.cos(angles)).mean() / 3]) / area
        length = np.hypot(*shift)
        shift *= min(1.0, 8.0 / max(length, 1e-9))
        walls.centres[k] += shift / spacing_mm


def _usual(walls: Walls) -> FloatArray:
    thickness = np.median(walls.outer_mm - walls.inner_mm, axis=1)
    return np.clip(_smoothed(thickness), 4.0, 20.0)


def _disc(radius_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the search saw: a disc, and a wall as most hearts have it."""
    inner = np.repeat(ndimage.median_filter(radius_mm, 3, mode="nearest")[:, None], contours.ANGLES, axis=1)
    return inner, np.full_like(inner, 9.0)


def neighbours(walls: Walls, gap_mm: float) -> tuple[FloatArray, FloatArray]:
    """Inner radius and thickness that the slices above and below let expect, by angle.

    Their mean gives the shape; the size follows the taper of the whole ventricle towards its apex.
    """
    inner, thick = walls.inner_mm, walls.outer_mm - walls.inner_mm

    def mean(of: FloatArray) -> FloatArray:
        padded = np.concatenate([of[:1], of, of[-1:]])
        out = 0.5 * (padded[:-2] + padded[2:])
        if len(of) > 2:  # the ends lean on the one neighbour that they have
            out[0], out[-1] = of[1], of[-2]
        return out

    shape = mean(inner)
    size = taper(inner.mean(axis=1), walls.score, gap_mm, apex_last((inner + walls.outer_mm).mean(axis=1)))
    return shape * (size / np.maximum(shape.mean(axis=1), 1.0))[:, None], mean(thick)


def taper(radii_mm: FloatArray, score: FloatArray, gap_mm: float, last: bool) -> FloatArray:
    """(nk,) mean radii as they are to be expected: towards the apex half an ellipsoid, towards the base what is there.

    ``last`` says whether the apex is at the end of the stack. The length of the ellipsoid is the one that most slices agree with.
    """
    nk = len(radii_mm)
    beside = np.convolve(np.pad(radii_mm, 1, mode="edge"), (0.5, 0.0, 0.5), mode="valid")
    if nk < 4:
        return beside
    weight = score + 0.05
    falls = last
    r, w = (radii_mm, weight) if falls else (radii_mm[::-1], weight[::-1])
    smooth = ndimage.gaussian_filter1d(ndimage.median_filter(r, 3, mode="nearest"), 1.0, mode="nearest")
    widest = int(np.argmax(smooth[: max(1, 2 * nk // 3)]))
    z = (np.arange(nk) - widest) * gap_mm
    below = z > 0
    best, expected = np.inf, smooth
    for length in np.arange(30.0, 140.0, 4.0):
        fit = smooth[widest] * np.sqrt(np.clip(1 - (z / length) ** 2, 0.0, 1.0))
        cost = float((w[below] * np.minimum(np.abs(r - fit)[below], TRUST_MM)).sum())
        if cost < best:
            best, expected = cost, fit
    out = np.where(below, expected, beside if falls else beside[::-1])
    return out if falls else out[::-1]


def apex_last(sizes_mm: FloatArray) -> bool:
    """Whether the apex is at the end of the stack: that third holds the smaller rings."""
    third = max(1, round(len(sizes_mm) / 3))
    first, last = sizes_mm[:third], sizes_mm[-third:]
    return bool(last.min() + np.median(last) <= first.min() + np.median(first))
