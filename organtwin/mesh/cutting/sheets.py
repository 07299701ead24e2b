"""What a cut goes along: sheets, each of which says how high above it points lie and how far past its border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.cutting.nearest import NearestOnSurface

Points = NDArray[np.float64]
Heights = NDArray[np.float64]


class Sheet(Protocol):
    """A surface that need not be closed nor end outside of what it cuts."""

    def measure(self, points: Points, within_mm: float = np.inf) -> tuple[Heights, Heights]:
        """Signed height of points above the sheet (n,), linear near it, and how far past its border they lie (n,), 0
        within it (mm). Points surely farther than ``within_mm`` from it may be infinitely high."""
        ...


@dataclass(frozen=True)
class Flat:
    """An unbounded plane; heights are positive on the side of its normal."""

    point_mm: tuple[float, float, float]
    normal: tuple[float, float, float]

    def measure(self, points: Points, within_mm: float = np.inf) -> tuple[Heights, Heights]:
        normal = unit(self.normal, "The normal of the cutting plane")
        height = (points - np.asarray(self.point_mm)) @ normal
        return height, np.zeros(len(points))


class Offset:
    """All places at one distance of a closed surface, such as the margin around a tumour; heights are positive outside."""

    def __init__(self, points: Points, triangles: NDArray[Any], distance_mm: float) -> None:
        self._surface = NearestOnSurface(points, triangles)
        self._distance_mm = distance_mm

    def measure(self, points: Points, within_mm: float = np.inf) -> tuple[Heights, Heights]:
        away = self._surface.distance(points, within_mm + self._distance_mm)
        return away - self._distance_mm, np.zeros(len(points))


class Triangulated:
    """A triangle surface with a border. ``reach_mm``: how far past its border it still cuts, in its own direction there."""

    def __init__(self, points: Points, triangles: NDArray[Any], reach_mm: float = 0.0) -> None:
        self._surface = NearestOnSurface(points, triangles)
        self._reach_mm = reach_mm

    def measure(self, points: Points, within_mm: float = np.inf) -> tuple[Heights, Heights]:
        every, overhang = np.full(len(points), np.inf), np.full(len(points), np.inf)
        near = self._surface.near(points, within_mm + self._reach_mm)
        feet, normals, border, _ = self._surface.at(points[near])
        away = points[near] - feet
        height = np.einsum("ij,ij->i", away, normals)
        past = np.linalg.norm(away - height[:, None] * normals, axis=1)
        every[near], overhang[near] = height, np.where(border, np.maximum(past - self._reach_mm, 0.0), 0.0)
        return every, overhang


class Swept:
    """A curve swept along a direction without end, and prolonged straight beyond its own ends."""

    def __init__(self, path_mm: Points, direction: Sequence[float], beyond_mm: float) -> None:
        along = unit(direction, "The direction of a cut")
        self._axes = np.stack(across(along))
        flat = distinct(np.asarray(path_mm, float) @ self._axes.T)
        if len(flat) < 2:
            raise BadInput(
                "The path of the cut has less than two distinct points seen along its direction",
                remedy="Draw a longer path.",
            )
        first, last = flat[0] - flat[1], flat[-1] - flat[-2]
        start = flat[0] + beyond_mm * first / np.linalg.norm(first)
        end = flat[-1] + beyond_mm * last / np.linalg.norm(last)
        self._curve = np.concatenate([start[None], flat, end[None]])

    def measure(self, points: Points, within_mm: float = np.inf) -> tuple[Heights, Heights]:
        flat = points @ self._axes.T
        away, normals = _from_polyline(flat, self._curve)
        return np.einsum("ij,ij->i", away, normals), np.zeros(len(points))


def blade(
    path_mm: Points, directions: Points, depth_mm: float, lift_mm: float, spacing_mm: float, reach_mm: float
) -> list[Triangulated]:
    """The sheets that a blade sweeps along a path on the surface, ``depth_mm`` deep along ``directions`` (k, 3).

    It begins ``lift_mm`` above the path so that it surely goes through the skin. A path that crosses itself gives
    several sheets, to be cut one after another.
    """
    places, ways = _resampled(path_mm, directions, spacing_mm)
    rows = max(2, int(np.ceil((depth_mm + lift_mm) / spacing_mm)) + 1)
    depths = np.linspace(-lift_mm, depth_mm, rows)
    return [_strip(places[begin:end], ways[begin:end], depths, reach_mm) for begin, end in _simple_runs(places, ways)]


def _strip(places: Points, ways: Points, depths: Heights, reach_mm: float) -> Triangulated:
    columns, rows = len(places), len(depths)
    points = (places[:, None] + depths[None, :, None] * ways[:, None]).reshape(-1, 3)
    at = np.arange(columns * rows).reshape(columns, rows)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    return Triangulated(points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]), reach_mm)


def _resampled(path: Points, directions: Points, spacing: float) -> tuple[Points, Points]:
    """Points ``spacing`` apart along a path, its own corners kept, with unit directions."""
    places, ways = [], []
    for at in range(len(path) - 1):
        pieces = max(1, int(np.ceil(np.linalg.norm(path[at + 1] - path[at]) / spacing)))
        share = np.arange(pieces)[:, None] / pieces
        places.append((1 - share) * path[at] + share * path[at + 1])
        ways.append((1 - share) * directions[at] + share * directions[at + 1])
    every = np.concatenate([*places, path[-1:]])
    way = np.concatenate([*ways, directions[-1:]])
    return every, way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12)


def _simple_runs(places: Points, ways: Points) -> list[tuple[int, int]]:
    """Ranges of points (begin, end) of a path between which it does not cross itself, seen along its mean direction."""
    mean = ways.mean(axis=0)
    if np.linalg.norm(mean) < 1e-6:
        return [(0, len(places))]
    flat = places @ np.stack(across(mean / np.linalg.norm(mean))).T
    runs, begin = [], 0
    for at in range(2, len(flat) - 1):
        if at - 1 > begin and _crosses(flat[at], flat[at + 1], flat[begin : at - 1], flat[begin + 1 : at]):
            runs.append((begin, at + 1))
            begin = at
    return [*runs, (begin, len(flat))]


def _crosses(a: Points, b: Points, c: Points, d: Points) -> bool:
    """Whether the plane segment ab properly crosses one of the segments cd (k, 2)."""

    def turn(o: Points, p: Points, q: Points) -> NDArray[np.float64]:
        one, two = p - o, q - o
        return np.asarray(one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0])

    return bool(np.any((turn(a, b, c) * turn(a, b, d) < 0) & (turn(c, d, a) * turn(c, d, b) < 0)))


def _from_polyline(flat: Points, curve: Points) -> tuple[Points, Points]:
    """(n, 2) vectors from the nearest place on a plane polyline, and unit normals there (left of it)."""
    best = np.full(len(flat), np.inf)
    foot, segment, share = np.zeros_like(flat), np.zeros(len(flat), np.int64), np.zeros(len(flat))
    for at in range(len(curve) - 1):
        along = curve[at + 1] - curve[at]
        t = np.clip((flat - curve[at]) @ along / (along @ along), 0.0, 1.0)
        here = curve[at] + t[:, None] * along
        d = ((flat - here) ** 2).sum(axis=1)
        near = d < best
        best[near], foot[near], segment[near], share[near] = d[near], here[near], at, t[near]
    along = np.diff(curve, axis=0)
    left = np.stack([-along[:, 1], along[:, 0]], axis=1)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    normal = left[segment].copy()
    after, before = (share == 1.0) & (segment < len(left) - 1), (share == 0.0) & (segment > 0)
    normal[after] += left[segment[after] + 1]
    normal[before] += left[segment[before] - 1]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return flat - foot, normal


def distinct(path: Points, gap: float = 1e-3) -> Points:
    """A path without points that repeat the one before."""
    kept = [path[0]] if len(path) else []
    for point in path[1:]:
        if np.linalg.norm(point - kept[-1]) > gap:
            kept.append(point)
    return np.array(kept).reshape(-1, path.shape[1])


def unit(direction: Sequence[float], name: str) -> Points:
    """A direction of length one.

    Raises
    ------
    BadInput
        When it has no length.
    """
    vector = np.asarray(direction, float)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-9:
        raise BadInput(f"{name} has no length", remedy="Give a direction.")
    return np.asarray(vector / length)


def across(direction: Points) -> tuple[Points, Points]:
    """Two unit vectors at right angles to a unit direction and to each other."""
    helper = np.eye(3)[int(np.argmin(np.abs(direction)))]
    one = np.cross(direction, helper)
    one /= np.linalg.norm(one)
    return one, np.cross(direction, one)


def surface_normals_at(points: Points, triangles: NDArray[Any], places: Points) -> tuple[Points, Points]:
    """Nearest places on a closed surface (k, 3) and its outward normals there, smoothed over the corners' (k, 3)."""
    from organtwin.mesh.triangles import vertex_normals

    surface = NearestOnSurface(points, triangles)
    feet, _, _, which = surface.at(places)
    corners = surface.triangles[which]
    normals = vertex_normals(surface.points, surface.triangles)
    weights = 1.0 / (np.linalg.norm(surface.points[corners] - feet[:, None], axis=2) + 1e-9)
    mean = np.einsum("ij,ijk->ik", weights, normals[corners])
    return feet, mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
