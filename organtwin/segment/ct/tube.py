"""Tubes: following a vessel from cross-section to cross-section, finding its wall, and painting it.

Positions are (k, j, i) in millimetres from the outer corner of the scan, so that they mean the same on grids of
different spacing over the same box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

RAYS = 36
RAY_STEP_MM = 0.75
TURNS_DEG = (12.0, 25.0)
LONGEST_JUMP = 4  # columns from ray to ray
FAR_HU = -50.0  # what lies behind a vessel's wall counts at least this: the wall itself is too thin to be seen


@dataclass(frozen=True)
class Section:
    """One cross-section of a tube.

    Parameters
    ----------
    centre, normal : (3,) float arrays
        Centre in mm and unit direction of the tube.
    radius_mm : float
        Of the circle with the same mean square distance.
    reach_mm : (RAYS,) float array
        Distance from the point that was looked from to the wall.
    edge : (RAYS,) float array
        Fall of the image across the wall, HU/mm.
    level_hu : float
        Median inside.
    walled : float
        Share of the rays that end at a clear wall.
    outside : float
        Share of the rays that leave the scan.
    aspect : float
        Ratio of the long to the short axis.
    """

    centre: FloatArray
    normal: FloatArray
    radius_mm: float
    reach_mm: FloatArray
    edge: FloatArray
    level_hu: float
    walled: float
    outside: float
    aspect: float


def directions(normal: FloatArray, first: FloatArray | None = None, count: int = RAYS) -> FloatArray:
    """(count, 3) unit vectors around ``normal``, the first near ``first``."""
    if first is None:
        first = np.array([1.0, 0, 0]) if abs(normal[0]) < 0.8 else np.array([0, 1.0, 0])
    u = first - normal * (first @ normal)
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    angle = 2 * np.pi * np.arange(count) / count
    return np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v


def sample(image: NDArray[np.generic], spacing_mm: FloatArray, points_mm: FloatArray) -> FloatArray:
    """Values (...) at points (..., 3), linear; NaN outside the scan."""
    index = points_mm.reshape(-1, 3) / spacing_mm - 0.5
    last = np.asarray(image.shape) - 1
    inside = ((index >= -0.5) & (index <= last + 0.5)).all(axis=1)
    values = ndimage.map_coordinates(image, np.clip(index, 0, last).T, order=1, output=np.float32)
    return np.where(inside, values, np.nan).reshape(points_mm.shape[:-1])


def closed_paths(cost: FloatArray, stiffness: float) -> NDArray[np.intp]:
    """Cheapest closed paths around cylinders.

    Parameters
    ----------
    cost : (n, rows, columns) float array
        ``n`` independent cylinders, closed along the rows.
    stiffness : float
        A jump of m columns between neighbouring rows costs stiffness m²; at most ``LONGEST_JUMP`` columns.

    Returns
    -------
    (n, rows) int array
        The column in every row.
    """
    n, rows, columns = cost.shape
    jumps = np.arange(-LONGEST_JUMP, LONGEST_JUMP + 1)
    price = stiffness * jumps**2
    total = cost[:, 0]
    came = np.empty((2 * rows - 1, n, columns), np.int8)
    padded = np.full((n, columns + 2 * LONGEST_JUMP), np.inf)
    middle = slice(LONGEST_JUMP, LONGEST_JUMP + columns)
    for row in range(1, 2 * rows):  # twice around: the second half has forgotten where it began
        padded[:, middle] = total
        total, move = padded[:, :columns] + price[0], np.zeros((n, columns), np.int8)
        for m in range(1, len(jumps)):
            other = padded[:, m : m + columns] + price[m]
            better = other < total
            total = np.where(better, other, total)
            move[better] = m
        total = total + cost[:, row % rows]
        came[row - 1] = move
    path = np.empty((2 * rows, n), np.intp)
    path[-1] = total.argmin(axis=1)
    every = np.arange(n)
    for row in range(2 * rows - 2, -1, -1):
        path[row] = path[row + 1] + jumps[came[row, every, path[row + 1]]]
    half = rows // 2
    return np.roll(path[half : half + rows], half, axis=0).T


def cross_section(
    image: NDArray[np.generic], spacing_mm: FloatArray, point: FloatArray, normal: FloatArray, radius_mm: float
) -> Section:
    """The closed curve around ``point`` across which the image falls most, near ``radius_mm``."""
    return cross_sections(image, spacing_mm, point[None], normal[None], np.array([radius_mm]))[0]


def cross_sections(
    image: NDArray[np.generic], spacing_mm: FloatArray, points: FloatArray, normals: FloatArray, radius_mm: FloatArray
) -> list[Section]:
    """:func:`cross_section` at (n, 3) points with (n, 3) normals and (n,) radii, all at once."""
    rays = np.stack([directions(normal) for normal in normals])
    most = float(radius_mm.max())
    reach = np.arange(0, max(2.2 * most, most + 9), RAY_STEP_MM)
    expected = radius_mm[:, None, None]
    values = sample(image, spacing_mm, points[:, None, None] + rays[:, :, None] * reach[None, None, :, None])
    missing = np.isnan(values)
    beyond = reach > np.maximum(2.2 * expected, expected + 9)
    outside = ((missing & ~beyond).sum(axis=2) > 0.3 * (~beyond).sum(axis=2)).mean(axis=1)
    known = np.where(missing, 0, values).sum(axis=(1, 2)) / np.maximum((~missing).sum(axis=(1, 2)), 1)
    values = np.where(missing, known[:, None, None], values)
    fall = -ndimage.gaussian_filter1d(values, 1.3, axis=2, order=1) / RAY_STEP_MM
    cost = 0.35 * ((reach - expected) / (0.45 * expected)) ** 2 - np.clip(fall, -10, 40) / 40
    cost[np.broadcast_to((reach < 0.35 * expected) | beyond, cost.shape)] = 9
    wall = closed_paths(cost, stiffness=0.05)
    distance, edge = reach[wall], np.take_along_axis(fall, wall[..., None], axis=2)[..., 0]
    centre = points + (2 / 3) * (rays * distance[..., None] ** 3).sum(axis=1) / (distance**2).sum(axis=1)[:, None]
    sections = []
    for n, normal in enumerate(normals):
        spread = np.linalg.eigvalsh(np.cov((rays[n] * distance[n][:, None]).T))
        sections.append(
            Section(
                centre=centre[n],
                normal=normal,
                radius_mm=float(np.sqrt((distance[n] ** 2).mean())),
                reach_mm=distance[n],
                edge=edge[n],
                level_hu=float(np.median(values[n][:, reach < 0.8 * radius_mm[n]])),
                walled=float((edge[n] > 8).mean()),
                outside=float(outside[n]),
                aspect=float(np.sqrt(spread[2] / max(spread[1], 1e-3))),
            )
        )
    return sections


def sections_along(
    image: NDArray[np.generic], spacing_mm: FloatArray, points: FloatArray, radius_mm: FloatArray
) -> list[Section]:
    """Cross-sections at every point of a line, perpendicular to it."""
    place = np.arange(len(points))
    ahead, behind = points[np.minimum(place + 2, len(points) - 1)], points[np.maximum(place - 2, 0)]
    along = ahead - behind
    return cross_sections(
        image, spacing_mm, points, along / np.linalg.norm(along, axis=1, keepdims=True), np.asarray(radius_mm, float)
    )


def follow(
    image: NDArray[np.generic],
    spacing_mm: FloatArray,
    start: FloatArray,
    direction: FloatArray,
    radius_mm: float,
    step_mm: float = 4.0,
    most: int = 200,
    walled: float = 0.4,
) -> list[Section]:
    """Follow a tube from ``start`` until its wall is lost or the scan ends.

    At every step the best of a fan of directions is taken: clear wall, steady radius, round and centred section.
    """
    point, towards, radius = np.asarray(start, float), np.asarray(direction, float), radius_mm
    sections: list[Section] = []
    lost = 0
    for step in range(most):
        normals = _fan(towards)
        ahead = point + step_mm * normals if step else np.repeat(point[None], len(normals), axis=0)
        seen = cross_sections(image, spacing_mm, ahead, normals, np.full(len(normals), radius))
        worth = [
            float(np.clip(s.edge, 0, 30).mean()) / 30
            - 0.6 * abs(np.log(s.radius_mm / radius))
            - 0.35 * float(np.linalg.norm(s.centre - place)) / step_mm
            - 0.3 * (s.aspect - 1)
            - 0.25 * (1 - float(s.normal @ towards)) / (1 - np.cos(np.radians(TURNS_DEG[-1])))
            for s, place in zip(seen, ahead, strict=True)
        ]
        best = seen[int(np.argmax(worth))]
        if best.outside > 0.4:
            break
        best = cross_section(image, spacing_mm, best.centre, best.normal, 0.5 * (radius + best.radius_mm))
        if step:
            moved = best.centre - point
            towards = 0.6 * best.normal + 0.4 * moved / np.linalg.norm(moved)
            towards /= np.linalg.norm(towards)
        point, radius = best.centre, 0.6 * radius + 0.4 * best.radius_mm
        sections.append(best)
        lost = lost + 1 if best.walled < walled else 0
        if lost == 3:
            break
    return sections[: len(sections) - lost]


def _fan(towards: FloatArray) -> FloatArray:
    """(17, 3) directions: straight on, and two cones around."""
    around = directions(towards, count=8)
    cones = [np.cos(np.radians(turn)) * towards + np.sin(np.radians(turn)) * around for turn in TURNS_DEG]
    return np.concatenate([towards[None], *cones])


@dataclass(frozen=True)
class Tube:
    """A vessel as a centreline and its wall around it.

    Parameters
    ----------
    line : (n, 3) float array
        Centreline in mm, evenly spaced.
    tangent, first : (n, 3) float arrays
        Direction of the line, and the direction of angle zero (carried along without twist).
    wall_mm : (n, RAYS) float array
        Distance of the wall from the line.
    clarity : (n,) float array
        Share of the rays that end at a clear wall.
    """

    line: FloatArray
    tangent: FloatArray
    first: FloatArray
    wall_mm: FloatArray
    clarity: FloatArray

    @property
    def radius_mm(self) -> FloatArray:
        return np.sqrt((self.wall_mm**2).mean(axis=1))


def even_line(points: FloatArray, step_mm: float, smooth_mm: float) -> FloatArray:
    """Points at even distances along a smoothed polyline; its ends stay."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    keep = np.concatenate([[True], np.diff(length) > 1e-6])
    count = max(round(float(length[-1]) / step_mm), 2) + 1
    at = np.linspace(0, length[-1], count)
    line = np.stack([np.interp(at, length[keep], points[keep, axis]) for axis in range(3)], axis=1)
    sigma = min(smooth_mm / step_mm, count / 4)
    # reflect about the end points, so that they and the direction there stay
    pad = min(int(4 * sigma) + 1, count - 1)
    extended = np.concatenate([2 * line[0] - line[pad:0:-1], line, 2 * line[-1] - line[-2 : -pad - 2 : -1]])
    return np.asarray(ndimage.gaussian_filter1d(extended, sigma, axis=0)[pad : pad + count])


def find_wall(
    image: NDArray[np.generic],
    spacing_mm: FloatArray,
    points: FloatArray,
    radius_mm: FloatArray,
    barrier: NDArray[np.generic] | None = None,
    ceiling_hu: float = 180.0,
    step_mm: float = 1.5,
    smooth_mm: float = 6.0,
) -> Tube:
    """The lumen's wall around a centreline, with sub-voxel accuracy.

    First the closed curve of steepest fall in every section (contrast above ``ceiling_hu`` cut, so that a flap, a false
    lumen or calcium inside does not matter), then along each ray the place halfway between the level inside and that
    outside.

    Parameters
    ----------
    points, radius_mm : (n, 3) and (n,) float arrays
        A rough centreline in mm and the radius there.
    barrier : array like ``image``, optional
        Share (0 to 1) of each voxel that is surely outside, such as bone.
    """
    line = even_line(points, step_mm, smooth_mm)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    first = _carried(tangent)
    nearest = cKDTree(points).query(line)[1]
    expected = ndimage.gaussian_filter1d(radius_mm[nearest], 4 / step_mm)
    step = 0.5
    reach = np.arange(0, 1.8 * expected.max() + 6, step)
    rays = np.stack([directions(t, f) for t, f in zip(tangent, first, strict=True)])
    places = line[:, None, None] + rays[:, :, None] * reach[None, None, :, None]
    raw = sample(image, spacing_mm, places)
    raw = np.where(np.isnan(raw), np.nan, np.maximum(raw, FAR_HU))
    if barrier is not None:
        share = np.nan_to_num(sample(barrier, spacing_mm, places))
        inner = reach[None, None] < 0.7 * expected[:, None, None]
        share = np.where(inner, 0, share)
        raw = raw * (1 - share) + FAR_HU * share
    # beyond the ends of the scan: what is seen in the nearest section
    raw = _filled(raw)

    capped = ndimage.gaussian_filter(np.clip(raw, 0, ceiling_hu), (0.7, 0.5, 0))
    fall = -ndimage.gaussian_filter1d(capped, 1.0 / step, axis=2, order=1) / step
    wall = np.repeat(expected[:, None], RAYS, axis=1)
    for turn in range(3):
        guide = expected[:, None] if turn == 0 else ndimage.gaussian_filter(wall, (3, 2), mode=("nearest", "wrap"))
        width = 0.45 if turn == 0 else 0.25
        cost = 0.4 * ((reach - guide[..., None]) / (width * expected[:, None, None])) ** 2 - np.clip(fall, -10, 40) / 40
        cost[:, :, reach < 2] = 9
        wall = reach[closed_paths(cost, 0.03)]
    clarity = np.take_along_axis(fall, np.rint(wall / step).astype(int)[..., None], axis=2)[..., 0] > 8
    wall = _halfway(raw, reach, wall)
    return Tube(line, tangent, first, wall, clarity.mean(axis=1))


def _halfway(raw: FloatArray, reach: FloatArray, wall: FloatArray) -> FloatArray:
    """Move the wall along each ray to the middle of the step between the level inside and that outside."""
    share = reach / wall[..., None]
    inside = np.nanmedian(np.where((share > 0.4) & (share < 0.85), raw, np.nan), axis=2)
    beyond = (reach > wall[..., None] + 0.5) & (reach < wall[..., None] + 4.5)
    outside = np.nanmin(np.where(beyond, ndimage.uniform_filter1d(raw, 3, axis=2), np.inf), axis=2)
    inside = ndimage.gaussian_filter(inside, (1.5, 1.0), mode=("nearest", "wrap"))
    outside = ndimage.gaussian_filter(np.minimum(outside, inside - 10), (1.5, 1.0), mode=("nearest", "wrap"))
    level = 0.5 * (inside + outside)
    near = np.abs(reach - wall[..., None]) <= 2.5
    above = raw[..., :-1] >= level[..., None]
    falls = above & (raw[..., 1:] < level[..., None]) & near[..., :-1]
    part = (raw[..., :-1] - level[..., None]) / np.maximum(raw[..., :-1] - raw[..., 1:], 1e-3)
    crossing = np.where(falls, reach[:-1] + part * (reach[1] - reach[0]), np.nan)
    gap = np.where(np.isnan(crossing), np.inf, np.abs(crossing - wall[..., None]))
    pick = gap.argmin(axis=2)[..., None]
    exact = np.where(
        np.isfinite(np.take_along_axis(gap, pick, 2)[..., 0]), np.take_along_axis(crossing, pick, 2)[..., 0], wall
    )
    exact = ndimage.median_filter(np.pad(exact, ((0, 0), (1, 1)), mode="wrap"), 3, mode="nearest")[:, 1:-1]
    return np.asarray(ndimage.gaussian_filter(exact, (1.0, 0.7), mode=("nearest", "wrap")))


def _filled(raw: FloatArray) -> FloatArray:
    """NaN replaced: from the nearest complete ray of the same angle, else by the far value."""
    missing = np.isnan(raw)
    if not missing.any():
        return raw
    values = raw.copy()
    whole = ~missing.any(axis=2)
    for ray in range(raw.shape[1]):
        good = np.flatnonzero(whole[:, ray])
        bad = np.flatnonzero(~whole[:, ray])
        if good.size and bad.size:
            source = good[np.abs(bad[:, None] - good[None]).argmin(axis=1)]
            values[bad, ray] = np.where(missing[bad, ray], raw[source, ray], raw[bad, ray])
    return np.where(np.isnan(values), FAR_HU, values)


def _carried(tangent: FloatArray) -> FloatArray:
    """A normal direction carried along the line without twist."""
    first = np.empty_like(tangent)
    first[0] = directions(tangent[0], count=1)[0]
    for n in range(1, len(tangent)):
        side = first[n - 1] - tangent[n] * (first[n - 1] @ tangent[n])
        first[n] = side / np.linalg.norm(side)
    return first


def paint(tube: Tube, shape: Sequence[int], spacing_mm: FloatArray) -> Mask:
    """The voxels whose centres lie inside the wall; flat cuts at the ends of the line."""
    result = np.zeros(tuple(shape), np.bool_)
    margin = float(tube.wall_mm.max()) + 2
    low = np.clip(np.floor((tube.line.min(axis=0) - margin) / spacing_mm), 0, None).astype(int)
    high = np.minimum(np.ceil((tube.line.max(axis=0) + margin) / spacing_mm).astype(int), np.asarray(shape))
    if (high <= low).any():
        return result
    near = np.ones(high - low, np.bool_)
    index = np.clip(np.rint(tube.line / spacing_mm - 0.5).astype(int) - low, 0, np.asarray(near.shape) - 1)
    near[tuple(index.T)] = False
    distance = ndimage.distance_transform_edt(near, spacing_mm)
    voxels = np.argwhere(distance <= margin + float(spacing_mm.max())) + low
    points = (voxels + 0.5) * spacing_mm
    # a fine copy of the line, so that the nearest place is also the foot of the perpendicular
    fine = np.linspace(0, len(tube.line) - 1, 4 * (len(tube.line) - 1) + 1)
    line = _along(tube.line, fine)
    gap, place = cKDTree(line).query(points, distance_upper_bound=margin)
    inside = np.isfinite(gap)
    voxels, points, at = voxels[inside], points[inside], fine[place[inside]]
    tangent, first = _along(tube.tangent, at), _along(tube.first, at)
    offset = points - _along(tube.line, at)
    lengthwise = (offset * tangent).sum(axis=1)
    across = offset - lengthwise[:, None] * tangent
    angle = np.arctan2((across * np.cross(tangent, first)).sum(axis=1), (across * first).sum(axis=1))
    wall = ndimage.map_coordinates(
        tube.wall_mm, [at, angle / (2 * np.pi) * RAYS], order=1, mode="grid-wrap", prefilter=False
    )
    step = float(np.linalg.norm(tube.line[1] - tube.line[0]))
    ends = ((at <= 0) & (lengthwise < -0.5 * step)) | ((at >= len(tube.line) - 1) & (lengthwise > 0.5 * step))
    kept = voxels[(np.linalg.norm(across, axis=1) <= wall) & ~ends]
    result[tuple(kept.T)] = True
    return result


def _along(values: FloatArray, at: FloatArray) -> FloatArray:
    below = np.minimum(at.astype(int), len(values) - 2)
    part = (at - below)[:, None]
    return (1 - part) * values[below] + part * values[below + 1]
