"""A plane that is shifted, tilted and turned from where it was proposed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.resection.settings import CutPlane

HANDLE_MM = 35.0


def frame(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) rows: across to the side, upwards, and the unit normal itself."""
    n = normal / np.linalg.norm(normal)
    side = np.cross(n, (0.0, 0.0, 1.0))
    if np.linalg.norm(side) < 1e-3:  # a level plane has no side of its own
        side = np.cross(n, (0.0, 1.0, 0.0))
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(side, n), n])


def moved(plane: CutPlane, shift_mm: float, tilt_deg: float, turn_deg: float) -> CutPlane:
    """Turned about its upward axis, then tilted about its sideward one, then shifted along the new normal.

    A shift towards the normal leaves more: what lies along the normal is taken.
    """
    side, up, n = frame(np.asarray(plane.normal, float))
    turn, tilt = np.radians(turn_deg), np.radians(tilt_deg)
    n, side = np.cos(turn) * n + np.sin(turn) * side, np.cos(turn) * side - np.sin(turn) * n
    n = np.cos(tilt) * n + np.sin(tilt) * up
    point = np.asarray(plane.point_mm) + shift_mm * n
    return CutPlane(point_mm=_rounded(point), normal=_rounded(n))


def handles(plane: CutPlane) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Three places to drag, (3, 3): the middle shifts, the one at the side turns, the one above tilts; and their normals."""
    side, up, n = frame(np.asarray(plane.normal, float))
    point = np.asarray(plane.point_mm, float)
    return np.stack([point, point + HANDLE_MM * side, point + HANDLE_MM * up]), np.tile(n, (3, 1))


def dragged(handle: int, way_mm: float) -> tuple[float, float, float]:
    """Change of shift (mm), tilt and turn (degrees) by a handle that was dragged along the normal."""
    angle = -float(np.degrees(np.arctan2(way_mm, HANDLE_MM)))
    return (way_mm, 0.0, 0.0) if handle == 0 else (0.0, 0.0, angle) if handle == 1 else (0.0, angle, 0.0)


def _rounded(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 5) for v in vector)
    return x, y, z
