"""Inner and outer wall of the left ventricle in one slice: two closed curves around a centre, found together.

In polar coordinates about the centre both curves are functions of the angle. A state is (inner radius, thickness); its cost
is what cavity, wall and outside would cost along that ray, less the edges that both curves lie on. The cheapest closed
sequence of states around the circle is found by dynamic programming, so it is the best one, not one near to a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

FloatArray = NDArray[np.float64]

ANGLES = 72
STEP_MM = 0.75
INNER_MM = 51.0  # largest inner radius
THINNEST_MM, THICKEST_MM = 3.0, 24.0
MARGIN_MM = 12.0  # seen beyond the wall
N_INNER = round(INNER_MM / STEP_MM)
N_THICK = round((THICKEST_MM - THINNEST_MM) / STEP_MM) + 1
N_THIN = round(THINNEST_MM / STEP_MM)
N_RADII = N_INNER + N_THIN + N_THICK + round(MARGIN_MM / STEP_MM)


@dataclass(frozen=True)
class Weights:
    """How much the parts of the cost count, in units of one millimetre of a ray that is plainly wrong."""

    papillary: float = 0.4  # muscle in the cavity, against blood in the wall
    spread: float = 0.3  # standard deviation of muscle, where blood is 1 and muscle 0
    darker: float = 0.2  # the same towards lung
    inner_edge: float = 4.0
    outer_edge: float = 4.0
    bend: float = 1.5  # change of radius from ray to ray, squared, in steps
    thickness: float = 0.02  # per mm² from the usual thickness
    neighbour: float = 0.03  # per mm² from the mean of the slices above and below
    other_phases: float = 0.05  # per mm² from the outer wall in the other phases


def sample(plane: FloatArray, spacing_mm: tuple[float, float], centre: FloatArray) -> FloatArray:
    """(ANGLES, N_RADII) values around a centre (row, column in pixels)."""
    angles = np.arange(ANGLES) * 2 * np.pi / ANGLES
    radii = (np.arange(N_RADII) + 0.5) * STEP_MM
    rows = centre[0] + np.sin(angles)[:, None] * radii / spacing_mm[0]
    columns = centre[1] + np.cos(angles)[:, None] * radii / spacing_mm[1]
    return np.asarray(ndimage.map_coordinates(plane, [rows, columns], order=1, mode="nearest"))


def trace(
    polar: FloatArray,
    usual_mm: float | FloatArray,
    near: tuple[FloatArray, FloatArray] | None = None,
    outer_mm: FloatArray | None = None,
    weights: Weights = Weights(),
) -> tuple[FloatArray, FloatArray, float]:
    """Inner and outer radius in mm at each angle, and the mean cost of a ray.

    Parameters
    ----------
    polar : (ANGLES, N_RADII) array
        Values around the centre with muscle 0 and blood 1.
    usual_mm : float or (ANGLES,) array
        Thickness of the wall.
    near : two (ANGLES,) arrays, optional
        Inner radius and thickness that the neighbouring slices let expect.
    outer_mm : (ANGLES,) array, optional
        Outer radius that the other phases let expect.
    """
    w = weights
    u = np.asarray(polar)
    cavity = w.papillary * np.clip((0.55 - u) / 0.45, 0.0, 1.2)
    wall = 0.5 * np.minimum((u / np.where(u < 0, w.darker, w.spread)) ** 2, 3.0)
    outside = 0.1 + 0.3 * np.exp(-0.5 * (u / w.spread) ** 2)  # blood, fat and lung are at home there, muscle less so

    def summed(cost: FloatArray) -> FloatArray:
        return np.concatenate([np.zeros((ANGLES, 1)), np.cumsum(cost, axis=1)], axis=1) * STEP_MM

    slope = ndimage.gaussian_filter(u, (0.7, 1.0 / STEP_MM), order=(0, 1), mode=("wrap", "nearest")) / STEP_MM
    # at boundary n, between samples n - 1 and n
    slope = np.concatenate([slope[:, :1], 0.5 * (slope[:, 1:] + slope[:, :-1]), slope[:, -1:]], axis=1)
    inner_edge = -w.inner_edge * np.clip(-slope, 0.0, 0.25)
    outer_edge = -w.outer_edge * np.clip(np.abs(slope), 0.0, 0.25)
    thick = THINNEST_MM + STEP_MM * np.arange(N_THICK)
    usual = np.broadcast_to(np.asarray(usual_mm, float), ANGLES)
    prior = w.thickness * (thick[None] - usual[:, None]) ** 2
    inner_prior = np.zeros((ANGLES, N_INNER + 1))
    if near is not None:
        inner_prior = w.neighbour * (np.arange(N_INNER + 1)[None] * STEP_MM - near[0][:, None]) ** 2
        inner_prior = np.minimum(inner_prior, 6.0)
        prior = prior + np.minimum(w.neighbour * (thick[None] - near[1][:, None]) ** 2, 4.0)
    if outer_mm is not None:
        radii = np.arange(outer_edge.shape[1]) * STEP_MM
        outer_edge = outer_edge + np.minimum(w.other_phases * (radii[None] - outer_mm[:, None]) ** 2, 6.0)
    inner, index, cost = _cheapest(
        summed(cavity), summed(wall), summed(outside), inner_edge, outer_edge, inner_prior, prior, w.bend
    )
    inside = inner * STEP_MM
    return inside, inside + thick[index], cost / ANGLES


@njit(cache=True)
def _cheapest(cavity, wall, outside, inner_edge, outer_edge, inner_prior, prior, bend):  # type: ignore[no-untyped-def]
    angles = cavity.shape[0]
    n_inner, n_thick = N_INNER + 1, N_THICK
    last = cavity.shape[1] - 1
    turns = 2 * angles
    total = np.zeros((n_inner, n_thick))
    came = np.zeros((turns, n_inner, n_thick), np.int16)
    fresh = np.zeros((n_inner, n_thick))
    for turn in range(turns):
        a = turn % angles
        for i in range(n_inner):
            for t in range(n_thick):
                outer = i + N_THIN + t
                own = (
                    cavity[a, i] + wall[a, outer] - wall[a, i] + outside[a, last] - outside[a, outer]
                    + inner_edge[a, i] + outer_edge[a, outer] + inner_prior[a, i] + prior[a, t]
                )  # fmt: skip
                best = 1e30
                where = 0
                if turn == 0:
                    best = 0.0
                else:
                    for di in range(-2, 3):
                        ii = i + di
                        if ii < 0 or ii >= n_inner:
                            continue
                        for dt in range(-2, 3):
                            tt = t + dt
                            if tt < 0 or tt >= n_thick:
                                continue
                            change = bend * (0.5 * di * di + 0.5 * (di + dt) * (di + dt))
                            if total[ii, tt] + change < best:
                                best = total[ii, tt] + change
                                where = (di + 2) * 5 + dt + 2
                fresh[i, t] = best + own
                came[turn, i, t] = where
        total, fresh = fresh, total
    i, t, best = 0, 0, 1e30
    for a in range(n_inner):
        for b in range(n_thick):
            if total[a, b] < best:
                i, t, best = a, b, total[a, b]
    inner = np.zeros(angles)
    index = np.zeros(angles, np.int64)
    half = angles // 2
    for turn in range(turns - 1, -1, -1):
        if half <= turn < half + angles:  # both ends are free: the middle turn is closed
            inner[turn % angles] = i
            index[turn % angles] = t
        where = came[turn, i, t]
        i += where // 5 - 2
        t += where % 5 - 2
    return inner, index, best / 2


def hull(radii_mm: FloatArray) -> FloatArray:
    """The convex hull of a closed curve around its centre, as a radius at each angle."""
    angles = np.arange(ANGLES) * 2 * np.pi / ANGLES
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = radii_mm[:, None] * directions
    edges = ConvexHull(points).equations  # normal and offset: normal · x + offset <= 0 inside
    along = directions @ edges[:, :2].T
    reach = np.where(along > 1e-9, -edges[:, 2] / np.maximum(along, 1e-9), np.inf)
    return np.asarray(reach.min(axis=1))


def fill(
    shape: tuple[int, int], spacing_mm: tuple[float, float], centre: FloatArray, radii_mm: FloatArray
) -> NDArray[np.bool_]:
    """The pixels whose centres lie within a closed curve."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    down, across = (rows - centre[0]) * spacing_mm[0], (columns - centre[1]) * spacing_mm[1]
    turn = np.mod(np.arctan2(down, across), 2 * np.pi) * ANGLES / (2 * np.pi)
    reach = np.interp(turn, np.arange(ANGLES + 1), np.append(radii_mm, radii_mm[0]))
    return np.asarray(np.hypot(down, across) <= reach)
