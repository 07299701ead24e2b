"""The eye of the 3D viewport: standard views and the moves of the mouse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from vtkmodules.vtkRenderingCore import vtkCamera

# letter of the side that is looked at -> (direction from the centre to the eye, up), LPS
STANDARD_VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "A": ((0, -1, 0), (0, 0, 1)),
    "P": ((0, 1, 0), (0, 0, 1)),
    "L": ((1, 0, 0), (0, 0, 1)),
    "R": ((-1, 0, 0), (0, 0, 1)),
    "S": ((0, 0, 1), (0, -1, 0)),
    "I": ((0, 0, -1), (0, -1, 0)),
}
VIEW_NAMES: dict[str, str] = {
    "A": "From the front",
    "P": "From the back",
    "L": "From the left",
    "R": "From the right",
    "S": "From above",
    "I": "From below",
}


def axes(camera: vtkCamera) -> NDArray[np.float64]:
    """(3, 3): the screen's right, the screen's up and towards the eye, in LPS."""
    towards = -np.array(camera.GetDirectionOfProjection())
    up = np.array(camera.GetViewUp())
    up = up - towards * (up @ towards)
    up /= np.linalg.norm(up)
    return np.stack([np.cross(up, towards), up, towards])


def frame_box(
    camera: vtkCamera,
    low_mm: ArrayLike,
    high_mm: ArrayLike,
    towards: Sequence[float] | NDArray[np.float64],
    up: Sequence[float] | NDArray[np.float64],
    aspect: float,
    margin: float = 1.15,
) -> None:
    """Place the eye so that a box just fits into the view.

    Parameters
    ----------
    low_mm, high_mm : (3,) corners of the box, LPS mm
    towards, up : (3,) direction from the box to the eye, and what is up on the screen
    aspect : width of the view over its height
    """
    low, high = np.asarray(low_mm, dtype=float), np.asarray(high_mm, dtype=float)
    centre = (low + high) / 2
    z = np.asarray(towards, dtype=float) / np.linalg.norm(towards)
    y = np.asarray(up, dtype=float) - z * (np.asarray(up, dtype=float) @ z)
    y /= np.linalg.norm(y)
    x = np.cross(y, z)
    corners = np.array(np.meshgrid(*np.stack([low, high], axis=1))).reshape(3, -1).T - centre
    right, height, depth = np.abs(corners @ x), np.abs(corners @ y), corners @ z
    half = np.tan(np.radians(camera.GetViewAngle() / 2))
    need = np.maximum(right / aspect, height) * margin
    distance = max(float(np.max(need / half + depth)), 1.0)
    camera.SetFocalPoint(*centre)
    camera.SetPosition(*(centre + distance * z))
    camera.SetViewUp(*y)
    camera.SetParallelScale(max(float(need.max()), 0.5))


def rotate(camera: vtkCamera, dx: float, dy: float, width: int, height: int) -> None:
    """Turn around the focal point: across the whole view is half a turn."""
    camera.Azimuth(-200.0 * dx / max(width, 1))
    camera.Elevation(200.0 * dy / max(height, 1))
    camera.OrthogonalizeViewUp()


def pan(camera: vtkCamera, dx: float, dy: float, height: int) -> None:
    """Shift so that what lies at the focal point follows the hand (pixels, y down)."""
    if camera.GetParallelProjection():
        per_pixel = 2 * camera.GetParallelScale() / max(height, 1)
    else:
        per_pixel = 2 * camera.GetDistance() * np.tan(np.radians(camera.GetViewAngle() / 2)) / max(height, 1)
    frame = axes(camera)
    shift = (-dx * frame[0] + dy * frame[1]) * per_pixel
    camera.SetPosition(*(np.array(camera.GetPosition()) + shift))
    camera.SetFocalPoint(*(np.array(camera.GetFocalPoint()) + shift))


def zoom(camera: vtkCamera, factor: float) -> None:
    """Nearer by ``factor``."""
    if camera.GetParallelProjection():
        camera.SetParallelScale(camera.GetParallelScale() / factor)
    else:
        camera.Dolly(factor)
