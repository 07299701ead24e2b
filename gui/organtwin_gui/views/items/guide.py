"""The way along a vessel that a plane, or a mark, can be moved on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from organtwin.model import Centerline, Result


@dataclass(frozen=True, eq=False)
class Guide:
    """A line from the inlet to an opening: ``points_mm`` (n, 3) at ``distance_mm`` (n,) along it."""

    name: str
    points_mm: NDArray[np.float64]
    distance_mm: NDArray[np.float64]

    @property
    def length_mm(self) -> float:
        return float(self.distance_mm[-1] - self.distance_mm[0])

    def point(self, distance_mm: float) -> NDArray[np.float64]:
        """(3,) the place at a distance along the line."""
        return np.array([np.interp(distance_mm, self.distance_mm, column) for column in self.points_mm.T])

    def at(self, share: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Place and direction (3,) at a share of the length, 0 to 1; the direction is that of a chord of a few percent."""
        middle = float(self.distance_mm[0] + np.clip(share, 0.002, 0.998) * self.length_mm)
        half = 0.015 * self.length_mm
        along = self.point(middle + half) - self.point(middle - half)
        length = float(np.linalg.norm(along))
        return self.point(middle), along / length if length > 0 else np.array([0.0, 0.0, 1.0])

    def share_near(self, place_mm: ArrayLike) -> tuple[float, float]:
        """Where along the line, 0 to 1, is nearest to a place, and how far away that is."""
        away = np.linalg.norm(self.points_mm - np.asarray(place_mm, float), axis=1)
        nearest = int(np.argmin(away))
        share = (self.distance_mm[nearest] - self.distance_mm[0]) / max(self.length_mm, 1e-9)
        return float(share), float(away[nearest])


def guides_of(result: Result) -> list[Guide]:
    """Those along which a result has tables."""
    needed = ("distance_mm", "x_mm", "y_mm", "z_mm")
    made = []
    for name, table in result.tables.items():
        if all(len(table.get(column, ())) > 3 for column in needed):
            points = np.stack([np.asarray(table[c], float) for c in needed[1:]], axis=1)
            made.append(Guide(name, points, np.asarray(table["distance_mm"], float)))
    return made


def guides_along(line: Centerline) -> list[Guide]:
    """One from the inlet to each opening of a centreline."""
    made = []
    for branch in line.branches:
        if branch.cap:
            way = line.path(branch.cap)
            points = np.asarray(line.points_mm)[way]
            made.append(Guide(f"{line.inlet} → {branch.cap}", points, np.asarray(line.distance_mm, float)[way]))
    return made


def direction(along: NDArray[np.float64], facing: str, tilt_deg: float, turn_deg: float) -> NDArray[np.float64]:
    """(3,) normal of a plane: across the vessel or of one of the scan's planes, then tilted, and the tilt turned around.

    It points the way of the vessel, so that flow through the plane is positive from the inlet on.
    """
    fixed = {"axial": (0.0, 0.0, 1.0), "coronal": (0.0, 1.0, 0.0), "sagittal": (1.0, 0.0, 0.0)}
    normal = np.asarray(fixed[facing]) if facing in fixed else np.asarray(along)
    normal = -normal if normal @ along < 0 else normal
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    u = np.cross(helper, normal)
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    tilt, turn = np.radians(tilt_deg), np.radians(turn_deg)
    return np.cos(tilt) * normal + np.sin(tilt) * (np.cos(turn) * u + np.sin(turn) * v)
