"""The lumen of a vessel across its line: sub-voxel outlines from a mask, moved to the edge that the scan shows.

The mask is softened by a Gaussian of 0.7 voxels along each axis, so that its level 0.5 is a smooth surface and no staircase.
Softening makes a thin tube thinner, by an amount that is known: the outline of a disc of radius R, softened by s, meets
level 0.5 at r, where (R/s)² is the median of a noncentral chi-squared variable with two degrees of freedom and
noncentrality (r/s)². The outlines are put back by that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import ncx2

from organtwin.model import Volume
from organtwin.space import Grid
from organtwin.vessel.polyline import Points, distances

Field = NDArray[np.float32]
Numbers = NDArray[np.float64]

SOFTENING = 0.7  # voxels
MARGIN = 4  # voxels around the mask
RAYS = 72
FINE = 0.2  # of the smallest spacing: steps along a ray
EDGE_REACH = 2.0  # voxels that the scan may move the outline by
WALL_HU = 40.0  # of the wall of a vessel
EDGE_CALM = 1.5  # rays: how much neighbouring rays share what the scan says


@dataclass(frozen=True)
class Lumen:
    """``inside`` (nk, nj, ni) float32: how much of each voxel is in the vessel, softened, on ``grid`` (a box around it).

    ``image`` are the values of the scan on the same grid, where there is one; ``wall`` is the least value that lies right outside
    the blood: in CT that of soft tissue, also where fat or air is beyond the wall.
    """

    inside: Field
    grid: Grid
    image: Field | None = None
    wall: float = -np.inf

    @classmethod
    def of(cls, mask: NDArray[np.bool_], grid: Grid, volume: Volume | None = None) -> Lumen:
        """Of a mask (nk, nj, ni) on ``grid``; the vessel goes on where the scan ends."""
        low, high = box_of(mask, MARGIN)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        inside = ndimage.gaussian_filter(mask[box].astype(np.float32), SOFTENING, mode="nearest")
        image = None if volume is None else np.asarray(volume.values[box], np.float32)
        wall = WALL_HU if volume is not None and volume.modality == "CT" else -np.inf
        return cls(inside, grid.crop(low[::-1], high[::-1]), image, wall)

    def at(self, points: Points) -> Field:
        """(...,) share of the inside at points (..., 3)."""
        return sampled(self.inside, self.grid, points)

    @property
    def step_mm(self) -> float:
        return FINE * float(self.grid.spacing_mm.min())

    def outlines(self, centres: Points, tangent: Points, up: Points, reach_mm: Numbers) -> Numbers:
        """(n, RAYS) distances to the wall from points of a line, across it, at the angles :func:`angles`; NaN where a
        centre is not inside or no wall is met within ``reach_mm`` (n,)."""
        side = np.cross(tangent, up)
        a = angles()
        rays = np.cos(a)[:, None] * up[:, None, :] + np.sin(a)[:, None] * side[:, None, :]
        steps = np.arange(0.0, float(reach_mm.max()) + self.step_mm, self.step_mm)
        out = np.full((len(centres), RAYS), np.nan)
        part = max(1, 1_500_000 // (RAYS * len(steps)))
        for first in range(0, len(centres), part):
            own = slice(first, first + part)
            places = centres[own, None, None, :] + steps[:, None] * rays[own, :, None, :]
            out[own] = _first_below(self.at(places), steps, 0.5)
        out[out > reach_mm[:, None]] = np.nan
        out[self.at(centres) <= 0.5] = np.nan
        # the direction of the wall in the section, for how much it was softened there
        along = -np.sin(a)[:, None] * up[:, None, :] + np.cos(a)[:, None] * side[:, None, :]
        softened = SOFTENING * self.grid.spacing_mm
        spread = np.linalg.norm((along @ self.grid.directions) * softened, axis=-1)
        return unsoftened(out, spread)

    def filled_in(self, outline: Numbers, line: Points, tangent: Points) -> Numbers:
        """(n,) by how much softening along the line has widened a narrow place, or filled out the shoulder of a wide one:
        half the square of the softening times the bending of the wall along the line."""
        along = distances(line)
        if len(line) < 5 or self.image is not None:
            return np.zeros(len(line))
        step = max(float(along[-1]) / (len(line) - 1), 1e-9)
        spread = np.linalg.norm((tangent @ self.grid.directions) * SOFTENING * self.grid.spacing_mm, axis=-1)
        radius = outline.mean(axis=1)
        calm = ndimage.gaussian_filter1d(radius, max(1.5, 0.25 * float(np.median(radius)) / step), mode="nearest")
        bending = np.gradient(np.gradient(calm, along), along)
        most = 0.1 * radius
        return np.asarray(np.clip(0.5 * spread**2 * bending, -most, most))

    def refined(
        self, centres: Points, tangent: Points, up: Points, outline: Numbers, reach_mm: float | None = None
    ) -> tuple[Numbers, float]:
        """The outlines at the half-way value of the scan, between the blood inside and what lies right outside, and the
        share of rays on which there was such an edge.

        An edge further than ``reach_mm`` (two voxels) from the mask is not taken, nor one to something brighter (calcium,
        bone). Where there is none, the outline stays as the mask has it.
        """
        if self.image is None:
            return outline, 0.0
        voxel = float(self.grid.spacing_mm.max())
        reach = EDGE_REACH * voxel if reach_mm is None else reach_mm
        side = np.cross(tangent, up)
        a = angles()
        rays = np.cos(a)[:, None] * up[:, None, :] + np.sin(a)[:, None] * side[:, None, :]
        steps = np.arange(-reach, 2 * reach + self.step_mm, self.step_mm)
        moved = outline.copy()
        seen = 0
        for n in range(len(centres)):
            wall = np.where(np.isfinite(outline[n]), outline[n], 0.0)
            core = 0.6 * wall[:, None] * np.linspace(0.0, 1.0, 5)
            blood = float(np.median(sampled(self.image, self.grid, centres[n] + core[..., None] * rays[n][:, None])))
            where = np.maximum(wall[:, None] + steps, 0.0)
            values = sampled(self.image, self.grid, centres[n] + where[..., None] * rays[n][:, None])
            edge = _edges(values, steps, where, blood, self.wall, reach)
            edge[~np.isfinite(outline[n])] = np.nan
            found = np.isfinite(edge)
            seen += int(found.sum())
            if found.sum() < RAYS // 3:
                continue
            shift = np.where(found, edge - outline[n], 0.0)
            weight = ndimage.gaussian_filter1d(found.astype(float), EDGE_CALM, mode="wrap")
            calm = ndimage.gaussian_filter1d(shift, EDGE_CALM, mode="wrap") / np.maximum(weight, 1e-6)
            moved[n] = np.maximum(outline[n] + np.where(weight > 0.2, calm, 0.0), 0.25 * voxel)
        return moved, seen / max(moved.size, 1)


def angles() -> Numbers:
    """(RAYS,) directions across a line: 0 is "up", and they turn about the tangent."""
    return np.linspace(0.0, 2 * np.pi, RAYS, endpoint=False)


def box_of(mask: NDArray[np.bool_], margin: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last + 1 indices (k, j, i) of a mask, with a margin within its array."""
    low, high = [], []
    for axis in range(3):
        there = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        low.append(max(int(there[0]) - margin, 0))
        high.append(min(int(there[-1]) + 1 + margin, mask.shape[axis]))
    return np.array(low), np.array(high)


def sampled(field: Field, grid: Grid, points: Points, order: int = 1) -> Field:
    """(...,) values at points (..., 3), those of the border beyond it."""
    index = grid.to_index(points)[..., ::-1]
    return np.asarray(ndimage.map_coordinates(field, np.moveaxis(index, -1, 0), order=order, mode="nearest"))


def unsoftened(radius: Numbers, spread: Numbers) -> Numbers:
    """Radii of discs whose softened outlines have ``radius``, both (...,) mm."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.clip(radius / spread, 0.0, None)
        knots = np.linspace(0.0, 8.0, 65)
        thin = np.interp(x, knots, np.sqrt(ncx2.ppf(0.5, 2, np.maximum(knots**2, 1e-9))))
        return np.asarray(spread * np.where(x < 8.0, thin, x + 0.5 / np.maximum(x, 1e-9)))


def _first_below(values: Field, steps: Numbers, level: float) -> Numbers:
    """Where values (..., m) along rays first go below a level; NaN where they never do."""
    below = values < level
    at = below.argmax(axis=-1)
    ever = below.any(axis=-1) & (at > 0)
    before = np.maximum(at - 1, 0)
    high = np.take_along_axis(values, before[..., None], -1)[..., 0]
    low = np.take_along_axis(values, at[..., None], -1)[..., 0]
    part = (high - level) / np.maximum(high - low, 1e-6)
    return np.where(ever, steps[before] + part * (steps[1] - steps[0]), np.nan)


def _edges(values: Field, steps: Numbers, where: Numbers, blood: float, wall: float, reach: float) -> Numbers:
    """(rays,) where the values fall through half-way from the blood to the darkest that lies right outside."""
    out = np.full(len(values), np.nan)
    step = steps[1] - steps[0]
    outside = steps > 0
    for ray, along in enumerate(values):
        beyond = along[outside & (steps <= 2 * reach)]
        low = np.minimum.accumulate(beyond)
        # what is darkest before it grows bright again
        rises = np.flatnonzero(beyond > low + 0.3 * max(blood - float(low[-1]), 1.0))
        dark = max(float(low[rises[0]] if len(rises) else low[-1]), wall)
        if blood - dark < 0.25 * abs(blood) and blood - dark < 40:
            continue
        level = 0.5 * (blood + dark)
        falls = np.flatnonzero((along[:-1] >= level) & (along[1:] < level))
        if len(falls) == 0:
            continue
        best = falls[int(np.argmin(np.abs(steps[falls])))]
        if abs(steps[best]) > reach:
            continue
        part = (along[best] - level) / max(float(along[best] - along[best + 1]), 1e-6)
        out[ray] = where[ray, best] + part * step
    return out
