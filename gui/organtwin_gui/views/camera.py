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
    "A": "From the front", "P": "From the back", "L": "From the left", "R": "From the right",
    "S": "From above", "I": "From below",
}


def axes(camera: vtkCamera) -> NDArray[np.float64]:
    """(3, 3): the screen's right, the screen's up and towards the eye, in LPS."""
    towards = -np.array(camera.GetDirectionOfProjection())
    up = np.array(camera.GetViewUp())
    up = up - towards * (up @ towards)
    up /= np.linalg.norm(up)
    return np.stack([np.cross(up, towards), up, towards])


def look(camera: vtkCamera, centre_mm: ArrayLike, radius_mm: float, letter: str) -> None:
    """Look at a ball from one of :data:`STANDARD_VIEWS`, as large as it goes."""
    towards, up = STANDARD_VIEWS[letter]
    aim(camera, centre_mm, radius_mm, towards, up)


def aim(
    camera: vtkCamera,
    centre_mm: ArrayLike,
    radius_mm: float,
    towards: Sequence[float] | NDArray[np.float64],
    up: Sequence[float] | NDArray[np.float64],
) -> None:
    """Place the eye so that a ball fills the view, seen from a direction."""
    centre = np.asarray(centre_mm, dtype=float)
    half_angle = np.radians(camera.GetViewAngle() / 2)
    distance = radius_mm / np.sin(half_angle)
    camera.SetFocalPoint(*centre)
    camera.SetPosition(*(centre + distance * np.asarray(towards, dtype=float)))
    camera.SetViewUp(*up)
    camera.SetParallelScale(radius_mm)


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
