"""Neighbouring organs that do not give way, as obstacles: a smooth signed distance to their surface."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import spline_filter

from organtwin.model import OrganMesh
from organtwin_solvers.rehearsal.contact.distance_grid import DistanceGrid
from organtwin_solvers.tissue.contact import Gap

Array = NDArray[np.float64]

FAR_MM = 1e6  # beyond the grid: nothing touches there


class Neighbour:
    """An organ at rest, as an obstacle of :mod:`organtwin_solvers.tissue.contact`.

    Its signed distance on a grid is interpolated by cubic splines: the gap is then twice differentiable, where the
    triangles of its surface would let the direction of contact jump from one to the next. Edges are rounded by about a
    cell of the grid.
    """

    reach_mm = np.inf

    def __init__(self, points_mm: Array, triangles: NDArray[np.int32], name: str) -> None:
        self.name = name
        grid = DistanceGrid.of(points_mm, triangles)
        self._origin, self._spacing = grid.origin_mm, grid.spacing_mm
        self._coefficients = spline_filter(grid.values, order=3, mode="mirror")

    @classmethod
    def of(cls, mesh: OrganMesh, name: str) -> Neighbour:
        """The surface of an organ's mesh."""
        return cls(np.asarray(mesh.points_mm, float), np.asarray(mesh.boundary_triangles), name)

    def move(self, fraction: float) -> None:
        """It stays where it is."""

    def gap(self, x: Array) -> Gap:
        """Signed distance of places (n, 3) to its surface."""
        n = len(x)
        distance, normal, curvature = np.full(n, FAR_MM), np.zeros((n, 3)), np.zeros((n, 3, 3))
        _spline(self._coefficients, self._origin, self._spacing, np.ascontiguousarray(x), distance, normal, curvature)
        return Gap(distance, normal, curvature)


@njit(cache=True)
def _weights(t):  # type: ignore[no-untyped-def]
    """Cubic B-spline at the four grid points around a place a fraction ``t`` into its cell, and two derivatives of it."""
    s = 1 - t
    w = np.empty((3, 4))
    w[0, 0], w[0, 3] = s**3 / 6, t**3 / 6
    w[0, 1], w[0, 2] = 2 / 3 - t * t * (2 - t) / 2, 2 / 3 - s * s * (2 - s) / 2
    w[1, 0], w[1, 3] = -s * s / 2, t * t / 2
    w[1, 1], w[1, 2] = t * (1.5 * t - 2), -s * (1.5 * s - 2)
    w[2, 0], w[2, 3] = s, t
    w[2, 1], w[2, 2] = 3 * t - 2, 3 * s - 2
    return w


@njit(cache=True)
def _spline(values, origin, spacing, x, distance, normal, curvature):  # type: ignore[no-untyped-def]
    """Value, gradient and second derivative of the spline, where its four by four by four grid points are on the grid."""
    for n in range(len(x)):
        base = np.empty(3, np.int64)
        on = True
        weights = np.empty((3, 3, 4))
        for d in range(3):
            place = (x[n, d] - origin[d]) / spacing
            if not (1 <= place < values.shape[d] - 2):
                on = False
                break
            base[d] = int(place) - 1
            weights[d] = _weights(place - int(place))
        if not on:
            continue
        value, gradient, second = 0.0, np.zeros(3), np.zeros((3, 3))
        for i in range(4):
            for j in range(4):
                for k in range(4):
                    c = values[base[0] + i, base[1] + j, base[2] + k]
                    a, b, e = weights[0, :, i], weights[1, :, j], weights[2, :, k]
                    value += c * a[0] * b[0] * e[0]
                    gradient[0] += c * a[1] * b[0] * e[0]
                    gradient[1] += c * a[0] * b[1] * e[0]
                    gradient[2] += c * a[0] * b[0] * e[1]
                    second[0, 0] += c * a[2] * b[0] * e[0]
                    second[1, 1] += c * a[0] * b[2] * e[0]
                    second[2, 2] += c * a[0] * b[0] * e[2]
                    second[0, 1] += c * a[1] * b[1] * e[0]
                    second[0, 2] += c * a[1] * b[0] * e[1]
                    second[1, 2] += c * a[0] * b[1] * e[1]
        distance[n] = value
        for d in range(3):
            normal[n, d] = gradient[d] / spacing
            for e_ in range(d, 3):
                curvature[n, d, e_] = second[d, e_] / spacing**2
                curvature[n, e_, d] = curvature[n, d, e_]
