"""Whether a point is inside a closed surface."""

from __future__ import annotations

from math import atan2, pi, sqrt

import numpy as np
from numba import njit

compiled = njit(cache=True, error_model="numpy")


@compiled
def winding(point, x, triangles):
    """How often the surface goes around a point: 1 inside, 0 outside (the sum of solid angles, Van Oosterom and Strackee
    1983)."""
    total = 0.0
    r = np.empty((3, 3))
    length = np.empty(3)
    for t in range(len(triangles)):
        for a in range(3):
            node = triangles[t, a]
            for k in range(3):
                r[a, k] = x[node, k] - point[k]
            length[a] = sqrt(r[a, 0] ** 2 + r[a, 1] ** 2 + r[a, 2] ** 2)
        c0 = r[1, 1] * r[2, 2] - r[1, 2] * r[2, 1]
        c1 = r[1, 2] * r[2, 0] - r[1, 0] * r[2, 2]
        c2 = r[1, 0] * r[2, 1] - r[1, 1] * r[2, 0]
        ab = r[0, 0] * r[1, 0] + r[0, 1] * r[1, 1] + r[0, 2] * r[1, 2]
        bc = r[1, 0] * r[2, 0] + r[1, 1] * r[2, 1] + r[1, 2] * r[2, 2]
        ca = r[2, 0] * r[0, 0] + r[2, 1] * r[0, 1] + r[2, 2] * r[0, 2]
        below = length[0] * length[1] * length[2] + ab * length[2] + bc * length[0] + ca * length[1]
        total += 2 * atan2(r[0, 0] * c0 + r[0, 1] * c1 + r[0, 2] * c2, below)
    return total / (4 * pi)
