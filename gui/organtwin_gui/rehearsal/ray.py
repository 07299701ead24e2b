"""The line of sight under the pointer, and where it first meets the organ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF
from vtkmodules.vtkRenderingCore import vtkCamera

Point = NDArray[np.float64]


@dataclass(frozen=True)
class Ray:
    """From the eye into the picture, LPS mm; ``direction`` has length one."""

    origin_mm: Point
    direction: Point

    def on_plane(self, point_mm: ArrayLike, normal: ArrayLike) -> Point:
        """Where it goes through a plane; a plane seen on edge gives the nearest point to ``point_mm``."""
        through, facing = np.asarray(point_mm, float), np.asarray(normal, float)
        slant = float(self.direction @ facing)
        if abs(slant) < 1e-6 * float(np.linalg.norm(facing)):
            return self.nearest_to(through)
        return self.origin_mm + self.direction * float((through - self.origin_mm) @ facing) / slant

    def nearest_to(self, point_mm: ArrayLike) -> Point:
        """The point of the ray nearest to another."""
        return self.origin_mm + self.direction * float((np.asarray(point_mm, float) - self.origin_mm) @ self.direction)

    def on_ball(self, centre_mm: ArrayLike, radius_mm: float) -> Point:
        """Where it enters a ball; beside the ball, the point of the ball nearest to it."""
        centre = np.asarray(centre_mm, float)
        near = self.nearest_to(centre)
        away = float(np.linalg.norm(near - centre))
        if away >= radius_mm:
            return centre + (near - centre) * radius_mm / away
        return near - self.direction * float(np.sqrt(radius_mm**2 - away**2))


@dataclass(frozen=True)
class Hit:
    """Where a ray meets a surface, and the surface's outward normal there."""

    point_mm: Point
    normal: Point


def ray_at(camera: vtkCamera, position: QPointF, width: int, height: int) -> Ray:
    """The ray under a position of a widget of that size."""
    matrix = camera.GetCompositeProjectionTransformMatrix(max(width, 1) / max(height, 1), -1, 1)
    inverse = np.linalg.inv(np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)]))
    x, y = 2 * position.x() / max(width, 1) - 1, 1 - 2 * position.y() / max(height, 1)
    ends = []
    for depth in (-1.0, 1.0):
        point = inverse @ (x, y, depth, 1.0)
        ends.append(point[:3] / point[3])
    toward = ends[1] - ends[0]
    return Ray(ends[0], toward / np.linalg.norm(toward))


def first_hit(ray: Ray, points_mm: NDArray[np.floating], triangles: NDArray[np.integer]) -> Hit | None:
    """The first triangle that a ray goes through, from either side.

    Möller and Trumbore 1997, "Fast, minimum storage ray/triangle intersection".
    """
    a, b, c = (np.asarray(points_mm, np.float64)[triangles[:, k]] for k in range(3))
    ab, ac = b - a, c - a
    p = np.cross(ray.direction, ac)
    det = np.einsum("ij,ij->i", ab, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / det
        to_origin = ray.origin_mm - a
        u = np.einsum("ij,ij->i", to_origin, p) * inverse
        q = np.cross(to_origin, ab)
        v = (q @ ray.direction) * inverse
        far = np.einsum("ij,ij->i", ac, q) * inverse
        good = (np.abs(det) > 1e-12) & (u >= 0) & (v >= 0) & (u + v <= 1) & (far > 0)
    if not good.any():
        return None
    at = int(np.argmin(np.where(good, far, np.inf)))
    normal = np.cross(ab[at], ac[at])
    return Hit(ray.origin_mm + ray.direction * far[at], normal / np.linalg.norm(normal))
