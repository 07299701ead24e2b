"""Exact signed distance of tool shapes. Each is a core (point, segment, rectangle) swollen by a radius, or a half space.

In the frame of the tool (across, along its axis, along its normal) the core is a box without volume, so that the nearest
point of it is found by clamping coordinates. The tip is the foremost point of rods and blades, and the centre of a ball.
All shapes are convex: the distance is a convex function, and its gradient a unit vector that points out of the tool.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.tool import Blade, Plane, Rod, Shape, Sphere
from organtwin.units import parse

compiled = njit(cache=True, error_model="numpy")

Floats = NDArray[np.float64]

_PLANE_RADIUS_MM = 10.0  # a half space is as thick as one likes; this is what its speed is measured by


@dataclass(frozen=True)
class Form:
    """A shape in numbers.

    Parameters
    ----------
    core : (3, 2) float64
        Least and largest coordinate of the core across, along the axis and along the normal (mm).
    radius_mm : float
        By which the core is swollen: half the thickness.
    flat : bool
        A half space instead.
    """

    core: Floats
    radius_mm: float
    flat: bool = False

    @classmethod
    def of(cls, shape: Shape) -> Form:
        """
        Raises
        ------
        BadInput
            When a length is not positive, or a rod or blade is shorter than it is thick.
        """
        if isinstance(shape, Plane):
            return cls(np.zeros((3, 2)), _PLANE_RADIUS_MM, flat=True)
        if isinstance(shape, Sphere):
            return cls(np.zeros((3, 2)), _positive(shape.radius, "radius"))
        if isinstance(shape, Rod):
            radius, width = _positive(shape.radius, "radius"), 0.0
        else:
            assert isinstance(shape, Blade)
            radius = _positive(shape.thickness, "thickness") / 2
            width = _positive(shape.width, "width") - 2 * radius
        length = _positive(shape.length, "length") - 2 * radius
        if length < 0 or width < 0:
            raise BadInput(
                f"A {shape.shape} of these measures is thicker than it is long or wide",
                remedy="Give a greater length and width, or a smaller radius or thickness.",
            )
        return cls(np.array([[-width / 2, width / 2], [-radius - length, -radius], [0.0, 0.0]]), radius)

    def distance(self, points_mm: Floats, pose: Floats) -> tuple[Floats, Floats]:
        """Signed distance (n,) of points (n, 3) to the tool at ``pose`` (9,), and its gradient (n, 3), in LPS mm."""
        frame = frame_of(pose)
        return _distances(np.ascontiguousarray(points_mm, np.float64), frame, self.core, self.radius_mm, self.flat)


def _positive(text: str, what: str) -> float:
    value = parse(text, "length")
    if value <= 0:
        raise BadInput(f"The {what} of a tool must be greater than zero, not {text}")
    return value


def frame_of(pose: Floats) -> Floats:
    """The tip and the three unit directions (across, axis, normal) as the rows of (4, 3).

    The normal is turned until it is perpendicular to the axis.
    """
    return _frame(np.asarray(pose, np.float64))


@compiled
def _cross(a, b):
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


@compiled
def _frame(pose):
    frame = np.empty((4, 3))
    frame[0] = pose[:3]
    frame[2] = pose[3:6] / sqrt(pose[3] ** 2 + pose[4] ** 2 + pose[5] ** 2)
    frame[1] = _cross(frame[2], pose[6:9])
    frame[1] /= sqrt(frame[1, 0] ** 2 + frame[1, 1] ** 2 + frame[1, 2] ** 2)
    frame[3] = _cross(frame[1], frame[2])
    return frame


@compiled
def signed_distance(q, core, radius, flat):
    """Distance and its gradient at the place ``q`` (3,), all in the frame of the tool."""
    if flat:
        return -q[1], 0.0, -1.0, 0.0
    a = q[0] - min(max(q[0], core[0, 0]), core[0, 1])
    b = q[1] - min(max(q[1], core[1, 0]), core[1, 1])
    c = q[2]
    far = sqrt(a * a + b * b + c * c)
    if far < 1e-9:  # on the core itself: no way out is shorter than another
        return -radius, 0.0, 0.0, 1.0
    return far - radius, a / far, b / far, c / far


@compiled
def to_tool(frame, x, y, z, q):
    """A place in LPS mm as ``q`` (3,) in the frame (4, 3) of the tool."""
    x, y, z = x - frame[0, 0], y - frame[0, 1], z - frame[0, 2]
    for i in range(3):
        q[i] = frame[i + 1, 0] * x + frame[i + 1, 1] * y + frame[i + 1, 2] * z


@compiled
def _distances(points, frame, core, radius, flat):
    distance = np.empty(len(points))
    gradient = np.empty((len(points), 3))
    q = np.empty(3)
    for i in range(len(points)):
        to_tool(frame, points[i, 0], points[i, 1], points[i, 2], q)
        distance[i], a, b, c = signed_distance(q, core, radius, flat)
        for k in range(3):
            gradient[i, k] = frame[1, k] * a + frame[2, k] * b + frame[3, k] * c
    return distance, gradient
