"""A vessel laid straight, and the section across it: pictures that follow its line, with the wall drawn on them.

Straightened as in Kanitsar et al., "CPR: curved planar reformation", IEEE Visualization 2002: the scan on the ruled surface that a
line across the vessel sweeps as it goes along; lengths along the vessel are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.model import Centerline, Volume
from organtwin.vessel.polyline import Points, carried_axes, smooth, tangents

Numbers = NDArray[np.float64]
FRAME_CALM = 3.0  # points: the frame turns less abruptly than the line


@dataclass(frozen=True, eq=False)
class Straightened:
    """``values`` (rows, columns) float32 of the scan, NaN outside it: columns along the way (``along_mm``, from the inlet),
    rows across it (``off_mm``, negative first). ``walls_mm`` (2, columns): where the wall is on either side, NaN where it is not known.
    ``points_mm`` (columns, 3) LPS."""

    values: NDArray[np.float32]
    along_mm: Numbers
    off_mm: Numbers
    walls_mm: Numbers
    points_mm: Points


@dataclass(frozen=True, eq=False)
class Section:
    """``values`` (n, n) float32 in the plane across the vessel, NaN outside the scan, about ``centre_mm``; columns run along ``right``,
    rows along ``down`` (unit vectors, LPS), ``off_mm`` (n,) from the centre. ``outline_mm`` (m, 2): the wall, closed, (right, down)."""

    values: NDArray[np.float32]
    off_mm: Numbers
    outline_mm: Numbers
    centre_mm: Points
    right: Points
    down: Points


def straightened(
    volume: Volume,
    line: Centerline,
    way: NDArray[np.int64],
    *,
    angle_deg: float = 0.0,
    half_width_mm: float = 25.0,
    step_mm: float = 0.5,
) -> Straightened:
    """The way (indices of points of the line, see :meth:`Centerline.way`) laid straight, turned by an angle about itself.

    Raises
    ------
    BadInput
        When the way is too short to have a direction.
    """
    if len(way) < 4:
        raise BadInput("This part of the vessel is too short to be laid straight")
    points = np.asarray(line.points_mm, float)[way]
    along = np.asarray(line.distance_mm, float)[way]
    tangent = tangents(smooth(points, FRAME_CALM))
    up = carried_axes(tangent)
    places = np.arange(along[0], along[-1] + step_mm / 2, step_mm)

    def between(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.interp(places, along, values[:, k]) for k in range(values.shape[1])], axis=1)

    centre, across, ahead = between(points), between(up), between(tangent)
    turn = np.deg2rad(angle_deg)
    direction = np.cos(turn) * across + np.sin(turn) * np.cross(ahead, across)
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
    off = np.arange(-half_width_mm, half_width_mm + step_mm / 2, step_mm)
    values = _scan_at(volume, centre[None] + off[:, None, None] * direction[None])
    walls = np.stack([_wall(line, way, along, places, sense * direction) for sense in (-1.0, 1.0)])
    walls[0] *= -1
    return Straightened(values, places, off, walls, centre)


def section_at(
    volume: Volume, line: Centerline, point: int, *, half_width_mm: float = 25.0, step_mm: float = 0.5
) -> Section:
    """The plane across the vessel at a point of the line (its index): as seen against the flow, the patient's front up, or in a
    vessel that runs to the front, the head."""
    centre = np.asarray(line.points_mm, float)[point]
    tangent, _ = _frame(line, point)
    helper = np.array([0.0, -1.0, 0.0]) if abs(tangent[1]) < 0.8 else np.array([0.0, 0.0, 1.0])
    above = helper - (helper @ tangent) * tangent
    above /= np.linalg.norm(above)
    right = np.cross(above, tangent)
    if right[0] < -0.1 or (
        abs(right[0]) <= 0.1 and right[1] < 0
    ):  # the patient's left, or back, to the right as elsewhere
        right = -right
    off = np.arange(-half_width_mm, half_width_mm + step_mm / 2, step_mm)
    values = _scan_at(volume, centre + off[None, :, None] * right - off[:, None, None] * above)
    outline = np.zeros((0, 2))
    if line.outline_mm is not None:
        rays = _rays(line, point)
        walls = np.asarray(line.outline_mm, float)[point][:, None] * rays
        outline = np.stack([walls @ right, walls @ -above], axis=1)
        outline = np.vstack([outline, outline[:1]])
    return Section(values, off, outline, centre, right, -above)


def _frame(line: Centerline, point: int) -> tuple[Points, Points]:
    if line.tangent is not None and line.up is not None:
        return np.asarray(line.tangent, float)[point], np.asarray(line.up, float)[point]
    branch = next(b for b in line.branches if b.first <= point <= b.last)
    points = np.asarray(line.points_mm, float)[branch.first : branch.last + 1]
    tangent = tangents(points)
    return tangent[point - branch.first], carried_axes(tangent)[point - branch.first]


def _rays(line: Centerline, point: int) -> Points:
    """(m, 3) unit directions of the outline."""
    tangent, up = _frame(line, point)
    assert line.outline_mm is not None
    angle = np.linspace(0, 2 * np.pi, line.outline_mm.shape[1], endpoint=False)[:, None]
    return np.asarray(np.cos(angle) * up + np.sin(angle) * np.cross(tangent, up))


def _wall(line: Centerline, way: NDArray[np.int64], along: Numbers, places: Numbers, direction: Points) -> Numbers:
    """(columns,) distance to the wall in a direction across the way."""
    if line.outline_mm is None or line.tangent is None or line.up is None:
        return np.asarray(np.interp(places, along, np.asarray(line.radius_mm, float)[way]))
    up = np.asarray(line.up, float)[way]
    side = np.cross(np.asarray(line.tangent, float)[way], up)
    outline = np.asarray(line.outline_mm, float)[way]
    nearest = np.clip(np.searchsorted(along, places), 1, len(along) - 1)
    nearest -= places - along[nearest - 1] < along[nearest] - places
    angle = np.arctan2((direction * side[nearest]).sum(1), (direction * up[nearest]).sum(1)) / (2 * np.pi)
    count = outline.shape[1]
    at = (angle % 1.0) * count
    low = at.astype(int) % count
    own = outline[nearest]
    rows = np.arange(len(places))
    return np.asarray((1 - at % 1) * own[rows, low] + (at % 1) * own[rows, (low + 1) % count])


def _scan_at(volume: Volume, places_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values at points (..., 3), linear between voxels; only the box that they lie in is read."""
    index = volume.grid.to_index(places_mm)[..., ::-1]
    shape = np.array(volume.grid.shape)
    low = np.clip(np.floor(index.reshape(-1, 3).min(0)).astype(int), 0, shape - 1)
    high = np.clip(np.ceil(index.reshape(-1, 3).max(0)).astype(int) + 1, low + 1, shape)
    box = np.asarray(volume.values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], np.float32)
    out = np.empty(index.shape[:-1], np.float32)
    ndimage.map_coordinates(box, np.moveaxis(index - low, -1, 0), out, order=1, mode="nearest")
    out[((index < -0.5) | (index > shape - 0.5)).any(axis=-1)] = np.nan
    return out
