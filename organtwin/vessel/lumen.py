"""The lumen of a vessel across its line: sub-voxel outlines from a mask, moved to the edge that the scan shows.

The mask is softened by a Gaussian of 0.7 voxels along each axis, so that its level 0.5 is a smooth surface and no staircase.
Softening makes a thin tube thinner, by an amount that is known: the outline of a disc of radius R, softened by s, meets
level 0.5 at r, where (R/s)² is the median of a noncentral chi-squared variable with two degrees of freedom and
noncentrality (r/s)². The outlines are put back by that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import ncx2

from organtwin.model import Volume
from organtwin.space import Grid
from organtwin.vessel import kernels
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
        start, rays = self._rays(centres, tangent, up)
        out = kernels.first_outside(
            self.inside,
            start,
            rays,
            np.asarray(reach_mm, float),
            self.step_mm,
            np.full(len(start), 0.5),
            np.full(len(start), np.inf),
        )
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
        start, rays = self._rays(centres, tangent, up)
        core = np.linspace(0.0, 0.6, 5)[:, None, None] * np.nan_to_num(outline)[None, :, ::4]
        inner = start[:, None] + core[..., None] * rays[None, :, ::4]
        blood = np.median(
            ndimage.map_coordinates(self.image, np.moveaxis(inner, -1, 0), order=1, mode="nearest"), axis=(0, 2)
        )
        edge = kernels.edges(self.image, start, rays, outline, blood.astype(float), self.wall, reach, self.step_mm)
        found = np.isfinite(edge)
        shift = np.where(found, edge - outline, 0.0)
        weight = ndimage.gaussian_filter1d(found.astype(float), EDGE_CALM, axis=1, mode="wrap")
        calm = ndimage.gaussian_filter1d(shift, EDGE_CALM, axis=1, mode="wrap") / np.maximum(weight, 1e-6)
        enough = (weight > 0.2) & (found.sum(axis=1) >= RAYS // 3)[:, None]
        moved = np.where(enough, np.maximum(outline + calm, 0.25 * voxel), outline)
        return moved, float(found.mean())

    def _rays(self, centres: Points, tangent: Points, up: Points) -> tuple[Numbers, Numbers]:
        """(n, 3) centres and (n, RAYS, 3) rays per mm, as array indices (k, j, i)."""
        side = np.cross(tangent, up)
        a = angles()
        rays = np.cos(a)[:, None] * up[:, None, :] + np.sin(a)[:, None] * side[:, None, :]
        start = self.grid.to_index(centres)[:, ::-1]
        return np.ascontiguousarray(start), np.ascontiguousarray((rays @ self.grid.inverse[:3, :3].T)[..., ::-1])


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
