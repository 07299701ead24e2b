"""Plane sections of a closed triangle surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Section:
    """One closed loop in which a plane cuts a surface.

    ``triangles`` are those cut along this loop. ``compactness`` is 1 for a circle and grows with the outline.
    """

    centre_mm: Points
    area_mm2: float
    perimeter_mm: float
    triangles: NDArray[np.int64]

    @property
    def radius_mm(self) -> float:
        """Radius of the circle of the same area."""
        return float(np.sqrt(self.area_mm2 / np.pi))

    @property
    def compactness(self) -> float:
        return self.perimeter_mm**2 / (4 * np.pi * self.area_mm2)


def plane_axes(normal: Points) -> tuple[Points, Points]:
    """Two unit vectors that with the unit ``normal`` make a right-handed frame."""
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    u = np.cross(helper, normal)
    u = u / np.linalg.norm(u)
    return u, np.cross(normal, u)


def heights(points: Points, origin: Points, normal: Points) -> NDArray[np.float64]:
    """(n,) signed distances to a plane, never exactly zero."""
    height = (points - origin) @ normal
    return np.where(np.abs(height) < 1e-9, 1e-9, height)


def section(points: Points, triangles: NDArray[np.int32], origin: Points, normal: Points) -> Section | None:
    """The loop around ``origin`` (else the one nearest to it) of the plane through ``origin`` with unit ``normal``."""
    height = heights(points, origin, normal)
    above = height > 0
    count = above[triangles].sum(axis=1)
    cut = np.flatnonzero((count == 1) | (count == 2))
    if len(cut) == 0:
        return None
    tri = triangles[cut].astype(np.int64)
    up = above[tri]
    begins = np.zeros((len(cut), 3))
    ends = np.zeros((len(cut), 3))
    keys = np.zeros((len(cut), 2), np.int64)
    n = len(points)
    for k in range(3):
        a, b = tri[:, k], tri[:, (k + 1) % 3]
        rising = ~up[:, k] & up[:, (k + 1) % 3]
        falling = up[:, k] & ~up[:, (k + 1) % 3]
        for crossing, place, column in ((rising, begins, 0), (falling, ends, 1)):
            p, q = a[crossing], b[crossing]
            t = height[p] / (height[p] - height[q])
            place[crossing] = points[p] + t[:, None] * (points[q] - points[p])
            keys[crossing, column] = np.minimum(p, q) * n + np.maximum(p, q)
    names, numbered = np.unique(keys, return_inverse=True)
    numbered = numbered.reshape(-1, 2)
    graph = coo_matrix(
        (np.ones(len(numbered), np.int8), (numbered[:, 0], numbered[:, 1])), shape=(len(names), len(names))
    )
    _, loops = connected_components(graph, directed=False)
    loop_of = loops[numbered[:, 0]]
    u, v = plane_axes(normal)
    p2 = np.stack([(begins - origin) @ u, (begins - origin) @ v], axis=1)
    q2 = np.stack([(ends - origin) @ u, (ends - origin) @ v], axis=1)
    cross = p2[:, 0] * q2[:, 1] - p2[:, 1] * q2[:, 0]
    turned = np.abs(np.bincount(loop_of, np.arctan2(cross, np.einsum("ij,ij->i", p2, q2))))
    nearest = np.full(len(turned), np.inf)
    np.minimum.at(nearest, loop_of, np.linalg.norm(p2, axis=1))
    around = turned > np.pi
    # of several loops around the origin the nearest one is the vessel's own
    chosen = int(np.argmin(np.where(around, nearest, np.inf) if around.any() else nearest))
    own = loop_of == chosen
    doubled = float(cross[own].sum())
    if doubled == 0:
        return None
    middle = ((p2[own] + q2[own]) * cross[own][:, None]).sum(axis=0) / (3 * doubled)
    perimeter = float(np.linalg.norm(q2[own] - p2[own], axis=1).sum())
    return Section(origin + middle[0] * u + middle[1] * v, abs(doubled) / 2, perimeter, cut[own])
