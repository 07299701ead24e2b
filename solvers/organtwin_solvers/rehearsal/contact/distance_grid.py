"""Signed distance to a closed surface on a grid: exact near the surface, and from there on by fast sweeping."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

compiled = njit(cache=True, error_model="numpy")

Floats = NDArray[np.float64]

_BAND = 3  # cells to each side of the surface in which the distance is exact
_MOST_CELLS = 3e6


@dataclass(frozen=True, eq=False)
class DistanceGrid:
    """``values`` (nx, ny, nz) float64 at ``origin_mm`` + index * ``spacing_mm``; negative inside. Linear in between."""

    values: Floats
    origin_mm: Floats
    spacing_mm: float

    @classmethod
    def of(cls, points_mm: Floats, triangles: NDArray[np.int32], spacing_mm: float | None = None) -> DistanceGrid:
        """Of a closed surface with outward triangles.

        The spacing is about that of the triangles when left out, and coarser for what is very large.
        """
        points, triangles = np.ascontiguousarray(points_mm, np.float64), np.ascontiguousarray(triangles, np.int32)
        p = points[triangles]
        if spacing_mm is None:
            edge = float(np.sqrt(np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1).mean()))
            spacing_mm = min(max(edge / 2, 0.5), 2.0)
        low, high = p.min(axis=(0, 1)), p.max(axis=(0, 1))
        spacing_mm = max(spacing_mm, float((np.prod(high - low + 20) / _MOST_CELLS) ** (1 / 3)))
        # rays along the third direction must not hit edges: no corner of a segmentation lies at such a fraction
        origin = low - (_BAND + 1.5 + np.array([0.0137, 0.0241, 0.0])) * spacing_mm
        shape = np.ceil((high - origin) / spacing_mm).astype(int) + _BAND + 3
        size, crossings = _near(points, triangles, origin, spacing_mm, shape[0], shape[1], shape[2], _BAND)
        inside = np.cumsum(crossings[:, :, ::-1], axis=2)[:, :, ::-1] > 0
        _sweep(size, spacing_mm)
        return cls(np.where(inside, -size, size), origin, float(spacing_mm))

    def sample(self, points_mm: Floats) -> tuple[Floats, Floats]:
        """Distance (k,) at points (k, 3) and its gradient (k, 3). Beyond the grid it grows with the distance to it."""
        value, gradient = np.empty(len(points_mm)), np.empty((len(points_mm), 3))
        _sample(self.values, self.origin_mm, self.spacing_mm, np.ascontiguousarray(points_mm), value, gradient)
        return value, gradient


@compiled
def distance_at(values, origin, spacing, x, y, z):
    """Distance at one place and its gradient."""
    nx, ny, nz = values.shape
    u, v, w = (x - origin[0]) / spacing, (y - origin[1]) / spacing, (z - origin[2]) / spacing
    cu, cv, cw = min(max(u, 0.0), nx - 1.0001), min(max(v, 0.0), ny - 1.0001), min(max(w, 0.0), nz - 1.0001)
    du, dv, dw = (u - cu) * spacing, (v - cv) * spacing, (w - cw) * spacing
    away = sqrt(du * du + dv * dv + dw * dw)
    i, j, k = int(cu), int(cv), int(cw)
    a, b, c = cu - i, cv - j, cw - k
    f000, f001, f010, f011 = values[i, j, k], values[i, j, k + 1], values[i, j + 1, k], values[i, j + 1, k + 1]
    f100, f101 = values[i + 1, j, k], values[i + 1, j, k + 1]
    f110, f111 = values[i + 1, j + 1, k], values[i + 1, j + 1, k + 1]
    f00, f01 = f000 * (1 - a) + f100 * a, f001 * (1 - a) + f101 * a
    f10, f11 = f010 * (1 - a) + f110 * a, f011 * (1 - a) + f111 * a
    f0, f1 = f00 * (1 - b) + f10 * b, f01 * (1 - b) + f11 * b
    value = f0 * (1 - c) + f1 * c
    if away > 0:
        return value + away, du / away, dv / away, dw / away
    g0 = (
        (f100 - f000) * (1 - b) * (1 - c)
        + (f110 - f010) * b * (1 - c)
        + (f101 - f001) * (1 - b) * c
        + (f111 - f011) * b * c
    ) / spacing
    g1 = ((f10 - f00) * (1 - c) + (f11 - f01) * c) / spacing
    g2 = (f1 - f0) / spacing
    return value, g0, g1, g2


@compiled
def _sample(values, origin, spacing, points, value, gradient):
    for i in range(len(points)):
        value[i], gradient[i, 0], gradient[i, 1], gradient[i, 2] = distance_at(
            values, origin, spacing, points[i, 0], points[i, 1], points[i, 2]
        )


@compiled
def _near(points, triangles, origin, spacing, nx, ny, nz, band):
    """Exact distance within the band (infinite beyond), and how often rays along z leave minus enter at each cell."""
    size = np.full((nx, ny, nz), np.inf)
    crossings = np.zeros((nx, ny, nz), np.int32)
    p = np.empty(3)
    for t in range(len(triangles)):
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        lo, hi = np.empty(3, np.int64), np.empty(3, np.int64)
        for d in range(3):
            least, most = min(a[d], b[d], c[d]), max(a[d], b[d], c[d])
            lo[d] = max(floor((least - origin[d]) / spacing) - band, 0)
            hi[d] = ceil((most - origin[d]) / spacing) + band
        hi[0], hi[1], hi[2] = min(hi[0], nx - 1), min(hi[1], ny - 1), min(hi[2], nz - 1)
        twice = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        for i in range(lo[0], hi[0] + 1):
            p[0] = origin[0] + i * spacing
            for j in range(lo[1], hi[1] + 1):
                p[1] = origin[1] + j * spacing
                if twice != 0.0:
                    s = ((p[0] - a[0]) * (c[1] - a[1]) - (p[1] - a[1]) * (c[0] - a[0])) / twice
                    r = ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])) / twice
                    if s >= 0 and r >= 0 and s + r < 1:
                        z = a[2] + s * (b[2] - a[2]) + r * (c[2] - a[2])
                        k = min(max(floor((z - origin[2]) / spacing), 0), nz - 1)
                        crossings[i, j, k] += 1 if twice > 0 else -1
                for k in range(lo[2], hi[2] + 1):
                    p[2] = origin[2] + k * spacing
                    d = distance_to_triangle(p, a, b, c)
                    if d < size[i, j, k] and d <= band * spacing:
                        size[i, j, k] = d
    return size, crossings


@compiled
def _sweep(size, h):
    """Distances where they are infinite, from |grad d| = 1, upwind (Zhao, Math. Comp. 74, 2005): one sweep each way."""
    nx, ny, nz = size.shape
    fixed = np.isfinite(size)
    for way in range(8):
        for m in range(nx):
            i = m if way & 1 else nx - 1 - m
            for n in range(ny):
                j = n if way & 2 else ny - 1 - n
                for o in range(nz):
                    k = o if way & 4 else nz - 1 - o
                    if fixed[i, j, k]:
                        continue
                    a = min(size[i - 1, j, k] if i > 0 else np.inf, size[i + 1, j, k] if i < nx - 1 else np.inf)
                    b = min(size[i, j - 1, k] if j > 0 else np.inf, size[i, j + 1, k] if j < ny - 1 else np.inf)
                    c = min(size[i, j, k - 1] if k > 0 else np.inf, size[i, j, k + 1] if k < nz - 1 else np.inf)
                    low, high = min(a, b, c), max(a, b, c)
                    if low == np.inf:
                        continue
                    middle = max(min(a, b), min(max(a, b), c))
                    d = low + h
                    if d > middle:
                        d = 0.5 * (low + middle + sqrt(2 * h * h - (low - middle) ** 2))
                        if d > high:
                            total = low + middle + high
                            square = low * low + middle * middle + high * high
                            d = (total + sqrt(max(total * total - 3 * (square - h * h), 0.0))) / 3
                    size[i, j, k] = min(size[i, j, k], d)


@compiled
def distance_to_triangle(p, a, b, c):
    """Distance of a point to a triangle (Ericson, Real-Time Collision Detection, 5.1.5)."""
    ab0, ab1, ab2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    ac0, ac1, ac2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    ap0, ap1, ap2 = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    d1 = ab0 * ap0 + ab1 * ap1 + ab2 * ap2
    d2 = ac0 * ap0 + ac1 * ap1 + ac2 * ap2
    s, r = 0.0, 0.0
    bp0, bp1, bp2 = p[0] - b[0], p[1] - b[1], p[2] - b[2]
    d3 = ab0 * bp0 + ab1 * bp1 + ab2 * bp2
    d4 = ac0 * bp0 + ac1 * bp1 + ac2 * bp2
    cp0, cp1, cp2 = p[0] - c[0], p[1] - c[1], p[2] - c[2]
    d5 = ab0 * cp0 + ab1 * cp1 + ab2 * cp2
    d6 = ac0 * cp0 + ac1 * cp1 + ac2 * cp2
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        s = 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        s = d1 / (d1 - d3)
    elif d6 >= 0 and d5 <= d6:
        r = 1.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        r = d2 / (d2 - d6)
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        r = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        s = 1.0 - r
    else:
        total = va + vb + vc
        s, r = vb / total, vc / total
    e0, e1, e2 = ap0 - s * ab0 - r * ac0, ap1 - s * ab1 - r * ac1, ap2 - s * ab2 - r * ac2
    return sqrt(e0 * e0 + e1 * e1 + e2 * e2)
