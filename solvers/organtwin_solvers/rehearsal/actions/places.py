"""Places that a person points at, as points of the tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

REACH_MM = 15.0  # farther from the tissue a click was not meant for it


def surface_near(engine: Engine, at_mm: tuple[float, float, float], radius_mm: float) -> NDArray[np.int32]:
    """Points of the surface within a radius of a place, at least the three of the nearest triangle.

    Raises
    ------
    BadInput
        When the place is far from the organ, or is no place.
    """
    place = np.array(at_mm, float)
    if not np.isfinite(place).all():
        raise BadInput("A place has a coordinate that is not a finite number")
    x, triangles = engine.stepper.x, engine.body.triangles
    nodes = np.unique(triangles)
    away = np.linalg.norm(x[nodes] - place, axis=1)
    if away.min() > max(REACH_MM, radius_mm):
        raise BadInput(
            f"That place is {away.min():.0f} mm from the organ", remedy="Point at the organ's surface, or come closer."
        )
    near = nodes[away <= radius_mm]
    if len(near) < 3:
        nearest = np.linalg.norm(x[triangles].mean(axis=1) - place, axis=1).argmin()
        near = np.union1d(near, triangles[nearest])
    return near.astype(np.int32)


def in_scan(engine: Engine, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The place in the scan (3,) of tissue that now is at ``at_mm``: that of the nearest surface points, weighted."""
    nodes = np.unique(engine.body.triangles)
    away = np.linalg.norm(engine.stepper.x[nodes] - at_mm, axis=1)
    best = np.argsort(away, kind="stable")[:8]
    weight = 1.0 / (away[best] + 0.1)
    moved = engine.body.rest_mm[nodes[best]] - engine.stepper.x[nodes[best]]
    return np.asarray(at_mm + weight @ moved / weight.sum())
