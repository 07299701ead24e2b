"""Curved planar reformats and cross-sections of a scan along a vessel.

*Straightened*: every row is a line across the vessel, at the same angle about it all along. *Stretched*: the surface swept by
lines of one direction in the patient along the vessel, unrolled without stretching (Kanitsar et al., "CPR - curved planar
reformation", IEEE Visualization 2002): lengths in the picture are lengths in that surface, and the bends across it show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.model import Centerline, Volume
from organtwin.vessel.polyline import Points, carried_axes, tangents

Numbers = NDArray[np.float64]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Curved:
    """A reformat: ``image`` (rows, columns) of the values of the scan, ``pixel_mm`` apart both ways.

    For each row: ``distance_mm`` of the centreline (from the inlet), ``point_mm`` (rows, 3) of the vessel's middle and its column
    ``middle``, the columns ``near`` and ``far`` of the two walls (NaN where the vessel was not measured), and the unit direction
    ``across`` (rows, 3) in which columns go. Columns may be fractions.
    """

    image: Image
    pixel_mm: float
    distance_mm: Numbers
    point_mm: Points
    middle: Numbers
    near: Numbers
    far: Numbers
    across: Points

    def world(self, row: float, column: float) -> Points:
        """(3,) LPS mm of a place in the picture."""
        at = int(np.clip(round(row), 0, len(self.point_mm) - 1))
        return np.asarray(self.point_mm[at] + (column - self.middle[at]) * self.pixel_mm * self.across[at])


@dataclass(frozen=True)
class CrossSection:
    """``image`` (n, n) across the vessel at ``distance_mm``, columns along ``right``, rows along ``down`` (unit, LPS), ``pixel_mm`` apart,
    its middle at ``point_mm``. ``outline`` (m, 2): columns and rows of the wall, closed; empty where it was not measured."""

    image: Image
    pixel_mm: float
    distance_mm: float
    point_mm: Points
    right: Points
    down: Points
    outline: Numbers
    area_mm2: float
    least_mm: float
    most_mm: float


def curved(
    volume: Volume,
    line: Centerline,
    to: str | int | None = None,
    *,
    angle_deg: float = 0.0,
    kind: Literal["straightened", "stretched"] = "straightened",
    width_mm: float | None = None,
    pixels: int = 512,
) -> Curved:
    """The reformat along the way from the inlet to the end of a branch.

    Parameters
    ----------
    to : str or int, optional
        Name or index of the branch; by default the one whose end lies farthest from the inlet.
    angle_deg : float
        Turns the picture about the vessel.
    width_mm : float, optional
        Across; by default four times the widest diameter (of a stretched one: as far as the vessel bends to the sides, and that).
    pixels : int
        Of the longer side.

    Raises
    ------
    BadInput
        When there is no such branch, or the vessel does not lie in the scan.
    """
    way = _way(line, to)
    wide = width_mm or min(max(30.0, 4 * 2 * float(np.max(way.radius))), 120.0)
    if kind == "straightened":
        pixel = max(float(way.along[-1] - way.along[0]), wide) / pixels
        rows = np.arange(way.along[0], way.along[-1] + 0.5 * pixel, pixel)
        row = way.at(rows)
        a = np.deg2rad(angle_deg)
        across = np.cos(a) * row.up + np.sin(a) * np.cross(row.tangent, row.up)
        shift = np.zeros(len(rows))
        half = 0.5 * wide
        far, near = row.wall(angle_deg), row.wall(angle_deg + 180)
    else:
        main = _main_axis(way.points)
        first = carried_axes(main[None])[0]
        a = np.deg2rad(angle_deg)
        sweep = np.cos(a) * first + np.sin(a) * np.cross(main, first)
        aside = (way.points - way.points[0]) @ sweep
        step = np.linalg.norm(np.diff(way.points, axis=0), axis=1)
        down = np.r_[0.0, np.cumsum(np.sqrt(np.maximum(step**2 - np.diff(aside) ** 2, 0)))]
        span = float(np.ptp(aside)) + wide
        pixel = max(float(down[-1]), span) / pixels
        places = np.arange(0.0, down[-1] + 0.5 * pixel, pixel)
        row = way.at(np.interp(places, down + 1e-9 * np.arange(len(down)), way.along))
        across = np.repeat(sweep[None], len(places), axis=0)
        shift = (row.points - way.points[0]) @ sweep - 0.5 * float(aside.min() + aside.max())
        half = 0.5 * span
        # the wall on a line that is not at right angles to the vessel
        flat = across - np.einsum("ij,ij->i", across, row.tangent)[:, None] * row.tangent
        slant = np.maximum(np.linalg.norm(flat, axis=1), 0.3)
        turn = np.rad2deg(
            np.arctan2(np.einsum("ij,ij->i", flat, np.cross(row.tangent, row.up)), np.einsum("ij,ij->i", flat, row.up))
        )
        far, near = row.wall(turn) / slant, row.wall(turn + 180) / slant
    columns = max(2, round(2 * half / pixel))
    middle = 0.5 * (columns - 1) + shift / pixel
    image = _lines(volume, row.points, across, middle, pixel, columns)
    return Curved(image, pixel, row.along, row.points, middle, middle - near / pixel, middle + far / pixel, across)


def cross_section(
    volume: Volume, line: Centerline, point: int, *, width_mm: float | None = None, pixels: int = 256
) -> CrossSection:
    """The scan in the plane across the vessel at a point of the centreline (its index), with the wall.

    Columns go along the patient's left, or rows to the back where the vessel runs that way, as nearly as the plane allows.
    """
    number = next(k for k, b in enumerate(line.branches) if b.first <= point <= b.last)
    own = line.branches[number]
    span = slice(own.first, own.last + 1)
    points = np.asarray(line.points_mm)[span]
    at = point - own.first
    tangent = (tangents(points) if line.tangent is None else np.asarray(line.tangent)[span])[at]
    left = np.array([1.0, 0.0, 0.0])
    if abs(tangent @ left) > 0.8:
        left = np.array([0.0, 1.0, 0.0])
    right = carried_axes(tangent[None], left)[0]
    down = np.cross(tangent, right)
    if down @ (np.array([0.0, 1.0, 0.0]) if abs(tangent[1]) < 0.8 else np.array([0.0, 0.0, -1.0])) < 0:
        down = -down
    wide = width_mm or max(20.0, 5 * float(line.radius_mm[point]))
    pixel = wide / pixels
    rows = (np.arange(pixels) - 0.5 * (pixels - 1)) * pixel
    image = _lines(
        volume,
        points[at] + rows[:, None] * down,
        np.repeat(right[None], pixels, axis=0),
        np.full(pixels, 0.5 * (pixels - 1)),
        pixel,
        pixels,
    )
    outline = np.zeros((0, 2))
    if line.outline_mm is not None and line.up is not None:
        wall = np.asarray(line.outline_mm[point], float)
        a = np.linspace(0, 2 * np.pi, len(wall), endpoint=False)
        up = np.asarray(line.up[point])
        to = wall[:, None] * (np.cos(a)[:, None] * up + np.sin(a)[:, None] * np.cross(tangent, up))
        outline = np.stack([to @ right, to @ down], axis=1) / pixel + 0.5 * (pixels - 1)
        outline = np.vstack([outline, outline[:1]])
    diameter = float(line.diameter_mm[point])
    return CrossSection(
        image,
        pixel,
        float(line.distance_mm[point]),
        points[at],
        right,
        down,
        outline,
        float(line.area_mm2[point]),
        diameter if line.least_mm is None else float(line.least_mm[point]),
        diameter if line.most_mm is None else float(line.most_mm[point]),
    )


@dataclass(frozen=True)
class _Way:
    """Points along a way, with what was measured there."""

    along: Numbers
    points: Points
    tangent: Points
    up: Points
    radius: Numbers
    outline: Numbers | None

    def at(self, places: Numbers) -> _Way:
        """The same at other distances."""

        def there(values: Numbers) -> Numbers:
            return np.stack([np.interp(places, self.along, values[:, k]) for k in range(values.shape[1])], axis=1)

        tangent = there(self.tangent)
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
        up = there(self.up)
        up -= np.einsum("ij,ij->i", up, tangent)[:, None] * tangent
        up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-12)
        outline = None if self.outline is None else there(self.outline)
        return _Way(places, there(self.points), tangent, up, np.interp(places, self.along, self.radius), outline)

    def wall(self, angle_deg: float | Numbers) -> Numbers:
        """(n,) mm to the wall at an angle about the line."""
        if self.outline is None:
            return np.full(len(self.along), np.nan)
        m = self.outline.shape[1]
        turn = np.broadcast_to(np.asarray(angle_deg) / 360.0 * m % m, self.along.shape)
        first = turn.astype(int) % m
        part = turn - np.floor(turn)
        row = np.arange(len(self.along))
        return np.asarray((1 - part) * self.outline[row, first] + part * self.outline[row, (first + 1) % m])


def _way(line: Centerline, to: str | int | None) -> _Way:
    if to is None:
        to = max(range(len(line.branches)), key=lambda k: float(line.distance_mm[line.branches[k].last]))
    at = line.way(line.named(to) if isinstance(to, str) else to)
    if len(at) < 4:
        raise BadInput("The way is too short for a reformat", remedy="Choose a longer branch.")
    points = np.asarray(line.points_mm)[at]
    along = np.asarray(line.distance_mm)[at]
    way = tangents(points)
    first = None if line.up is None else np.asarray(line.up)[at[0]]
    up = carried_axes(way, first)
    outline = None
    if line.outline_mm is not None and line.up is not None:
        outline = _turned(np.asarray(line.outline_mm, float)[at], np.asarray(line.up)[at], way, up)
    return _Way(along, points, way, up, np.asarray(line.radius_mm, float)[at], outline)


def _turned(outline: Numbers, given: Points, tangent: Points, up: Points) -> Numbers:
    """Outlines measured from one axis, as seen from another."""
    side = np.cross(tangent, up)
    turn = np.arctan2(np.einsum("ij,ij->i", given, side), np.einsum("ij,ij->i", given, up))
    m = outline.shape[1]
    index = (np.arange(m)[None] - turn[:, None] / (2 * np.pi) * m) % m
    first = index.astype(int) % m
    part = index - np.floor(index)
    row = np.arange(len(outline))[:, None]
    return np.asarray((1 - part) * outline[row, first] + part * outline[row, (first + 1) % m])


def _main_axis(points: Points) -> Points:
    chord = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    return np.asarray(chord * (np.sign(chord @ (points[-1] - points[0])) or 1.0))


def _lines(volume: Volume, points: Points, across: Points, middle: Numbers, pixel: float, columns: int) -> Image:
    """(rows, columns) of the scan, linear between voxels, along a line through each point; beyond the scan as dark as air."""
    grid = volume.grid
    begin = grid.to_index(points - (middle * pixel)[:, None] * across)[:, None, ::-1]
    step = (pixel * across @ grid.inverse[:3, :3].T)[:, None, ::-1]
    index = begin + np.arange(columns)[:, None] * step
    values = np.asarray(volume.values)
    image = np.empty(index.shape[:2], np.float32)
    ndimage.map_coordinates(values, np.moveaxis(index, -1, 0), image, order=1, mode="nearest")
    outside = ((index < -0.5) | (index > np.array(values.shape) - 0.5)).any(axis=-1)
    image[outside] = -1024.0 if volume.modality == "CT" else float(values.flat[0])
    return image
