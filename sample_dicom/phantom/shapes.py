"""Implicit shapes: functions of place that are (about) the signed distance to a surface in mm, negative inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

Field = NDArray[np.float32]
FAR = np.float32(1e3)
REACH_MM = 14.0  # tubes know their distance this far from their wall; beyond, they only say "far"


@dataclass(frozen=True)
class Lattice:
    """Sample points: the product of three rising coordinate vectors in LPS mm."""

    x: Field
    y: Field
    z: Field

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.z), len(self.y), len(self.x)

    @property
    def xyz(self) -> tuple[Field, Field, Field]:
        """Coordinates that broadcast to :attr:`shape`."""
        return self.x[None, None, :], self.y[None, :, None], self.z[:, None, None]

    def box(self, bounds: NDArray[np.float64]) -> tuple[slice, slice, slice]:
        """Slices (k, j, i) of the points within bounds [[x0, x1], [y0, y1], [z0, z1]]."""
        parts = [
            slice(*np.searchsorted(axis, limits)) for axis, limits in zip((self.x, self.y, self.z), bounds, strict=True)
        ]
        return parts[2], parts[1], parts[0]

    def part(self, box: tuple[slice, slice, slice]) -> Lattice:
        return Lattice(self.x[box[2]], self.y[box[1]], self.z[box[0]])


@dataclass(frozen=True)
class Shape:
    """A region of space within ``bounds`` (3, 2): ``distance(lattice)`` is the signed distance (nk, nj, ni) in mm."""

    bounds: NDArray[np.float64]
    distance: Callable[[Lattice], Field]

    def __or__(self, other: Shape) -> Shape:
        return self.blend(other, 0.0)

    def blend(self, other: Shape, fillet_mm: float) -> Shape:
        """Union whose seam is filled over about ``fillet_mm``."""
        low = np.minimum(self.bounds[:, 0], other.bounds[:, 0]) - fillet_mm / 4
        high = np.maximum(self.bounds[:, 1], other.bounds[:, 1]) + fillet_mm / 4
        return Shape(np.stack([low, high], 1), lambda p: soft_minimum(self.distance(p), other.distance(p), fillet_mm))

    def __and__(self, other: Shape) -> Shape:
        return self.trim(other, 0.0)

    def trim(self, other: Shape, round_mm: float) -> Shape:
        """Intersection with edges rounded over about ``round_mm``."""
        low = np.maximum(self.bounds[:, 0], other.bounds[:, 0])
        high = np.maximum(low, np.minimum(self.bounds[:, 1], other.bounds[:, 1]))
        return Shape(np.stack([low, high], 1), lambda p: -soft_minimum(-self.distance(p), -other.distance(p), round_mm))

    def __sub__(self, other: Shape) -> Shape:
        return self.cut(other, 0.0)

    def cut(self, other: Shape, round_mm: float) -> Shape:
        """Difference with edges rounded over about ``round_mm``."""
        return Shape(self.bounds, lambda p: -soft_minimum(-self.distance(p), other.distance(p), round_mm))

    def grow(self, by_mm: float) -> Shape:
        """Offset outward (inward where negative)."""
        return Shape(self.bounds + np.array([-1, 1]) * by_mm, lambda p: self.distance(p) - np.float32(by_mm))

    def mirror(self) -> Shape:
        """Reflection left to right."""
        bounds = np.stack([np.sort(-self.bounds[0]), self.bounds[1], self.bounds[2]])
        return Shape(bounds, lambda p: self.distance(Lattice(-p.x[::-1], p.y, p.z))[:, :, ::-1])


def soft_minimum(a: Field, b: Field, k: float) -> Field:
    """Polynomial smooth minimum (Quilez): equals the minimum where the two differ by more than ``k``."""
    if k <= 0:
        return np.minimum(a, b)
    h = np.maximum(np.float32(k) - np.abs(a - b), 0)
    return np.minimum(a, b) - h * h * np.float32(0.25 / k)


def everywhere(function: Callable[..., Field]) -> Shape:
    """Shape without bounds from ``function(x, y, z)``."""
    bounds = np.array([[-FAR, FAR]] * 3, dtype=float)
    return Shape(bounds, lambda p: np.broadcast_to(np.asarray(function(*p.xyz), np.float32), p.shape))


def ellipsoid(centre: ArrayLike, semi_axes: ArrayLike, rotation: ArrayLike | None = None) -> Shape:
    """Ellipsoid; the columns of ``rotation`` are the directions of its axes. First-order distance."""
    c, s = np.asarray(centre, float), np.asarray(semi_axes, float)
    turn = np.eye(3) if rotation is None else np.asarray(rotation, float)
    reach = np.sqrt(((turn * s) ** 2).sum(1)) + 3

    def distance(p: Lattice) -> Field:
        x, y, z = p.xyz
        rel = (x - np.float32(c[0]), y - np.float32(c[1]), z - np.float32(c[2]))
        local = [sum(np.float32(turn[axis, n] / s[n]) * rel[axis] for axis in range(3)) for n in range(3)]
        norm = np.sqrt(sum(u * u for u in local))
        slope = np.sqrt(sum((u / np.float32(s[n])) ** 2 for n, u in enumerate(local)))
        return np.asarray((norm - 1) * norm / np.maximum(slope, np.float32(1e-6)), np.float32)

    return Shape(np.stack([c - reach, c + reach], 1), distance)


def axes(first: ArrayLike, near_second: ArrayLike = (0, 0, 1)) -> NDArray[np.float64]:
    """Rotation whose first column is along ``first`` and whose second is as near as can be to ``near_second``."""
    a = np.asarray(first, float) / np.linalg.norm(first)
    b = np.asarray(near_second, float) - a * np.dot(a, near_second)
    b /= np.linalg.norm(b)
    return np.stack([a, b, np.cross(a, b)], 1)


def half_space(point: ArrayLike, outward: ArrayLike) -> Shape:
    """Everything on the near side of a plane."""
    n = np.asarray(outward, float) / np.linalg.norm(outward)
    level = np.float32(np.dot(n, np.asarray(point, float)))
    return everywhere(lambda x, y, z: np.float32(n[0]) * x + np.float32(n[1]) * y + np.float32(n[2]) * z - level)


# -- tubes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tube:
    """A round tube along a cubic spline through stations (x, y, z, radius), the radius monotone between stations.

    ``throats`` are (place, half_length, severity): the radius is multiplied by
    1 - severity * (1 + cos(pi * (s - place) / half_length)) / 2 within half_length of arc length ``place`` (mm).
    """

    stations: tuple[tuple[float, float, float, float], ...]
    throats: tuple[tuple[float, float, float], ...] = ()
    step_mm: float = 1.0

    def sampled(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Arc length (n,), points (n, 3) and radii (n,), about ``step_mm`` apart."""
        table = np.array(self.stations)
        points = table[:, :3]
        chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        dense = np.linspace(0, chord[-1], max(3, int(chord[-1] / 0.2)))
        fine = (
            CubicSpline(chord, points, bc_type="natural")(dense)
            if len(points) > 2
            else np.stack([np.interp(dense, chord, points[:, a]) for a in range(3)], 1)
        )
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
        radius = PchipInterpolator(chord, table[:, 3])(dense)
        for place, half, severity in self.throats:
            offset = np.clip((length - place) / half, -1, 1)
            radius = radius * (1 - severity * (1 + np.cos(np.pi * offset)) / 2)
        even = np.linspace(0, length[-1], max(2, round(length[-1] / self.step_mm) + 1))
        return (
            even,
            np.stack([np.interp(even, length, fine[:, a]) for a in range(3)], 1),
            np.interp(even, length, radius),
        )

    def shape(self) -> Shape:
        """The tube as a shape with round ends."""
        _, points, radii = self.sampled()
        low, high = (points - radii[:, None]).min(0) - 3, (points + radii[:, None]).max(0) + 3
        return Shape(np.stack([low, high], 1), lambda p: _tube_distance(p.x, p.y, p.z, points, radii, REACH_MM))


def tube(*stations: Sequence[float], **more: Any) -> Shape:
    """Shape of a tube with round ends through stations (x, y, z, radius)."""
    return Tube(tuple(tuple(map(float, s)) for s in stations), **more).shape()  # type: ignore[misc]


def union(shapes: Sequence[Shape], fillet_mm: float = 0.0) -> Shape:
    """All of them, evaluated each only near itself."""
    bounds = np.array([s.bounds for s in shapes])
    low, high = bounds[:, :, 0].min(0) - fillet_mm / 4, bounds[:, :, 1].max(0) + fillet_mm / 4

    def distance(p: Lattice) -> Field:
        total = np.full(p.shape, FAR, np.float32)
        for shape in shapes:
            box = p.box(shape.bounds + np.array([-1, 1]) * (fillet_mm + REACH_MM))
            near = p.part(box)
            if min(near.shape):
                total[box] = soft_minimum(total[box], shape.distance(near), fillet_mm)
        return total

    return Shape(np.stack([low, high], 1), distance)


@numba.njit(cache=True)
def _tube_distance(
    x: Field, y: Field, z: Field, points: NDArray[np.float64], radii: NDArray[np.float64], reach: float
) -> Field:  # pragma: no cover
    """Distance to a chain of segments less the radius interpolated along each."""
    out = np.full((len(z), len(y), len(x)), np.float32(reach))
    for n in range(len(points) - 1):
        a, b = points[n], points[n + 1]
        d = b - a
        dd = max(d @ d, 1e-12)
        wide = max(radii[n], radii[n + 1]) + reach
        i0, i1 = np.searchsorted(x, min(a[0], b[0]) - wide), np.searchsorted(x, max(a[0], b[0]) + wide)
        j0, j1 = np.searchsorted(y, min(a[1], b[1]) - wide), np.searchsorted(y, max(a[1], b[1]) + wide)
        k0, k1 = np.searchsorted(z, min(a[2], b[2]) - wide), np.searchsorted(z, max(a[2], b[2]) + wide)
        for k in range(k0, k1):
            pz = z[k] - a[2]
            for j in range(j0, j1):
                py = y[j] - a[1]
                for i in range(i0, i1):
                    px = x[i] - a[0]
                    t = (px * d[0] + py * d[1] + pz * d[2]) / dd
                    t = min(1.0, max(0.0, t))
                    qx, qy, qz = px - t * d[0], py - t * d[1], pz - t * d[2]
                    here = np.sqrt(qx * qx + qy * qy + qz * qz) - (radii[n] + t * (radii[n + 1] - radii[n]))
                    if here < out[k, j, i]:
                        out[k, j, i] = here
    return out
