"""Gravity of a case or a scene as an acceleration."""

from __future__ import annotations

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.tool import Vector
from organtwin.units import parse


def acceleration(direction: Vector | None, strength: str) -> tuple[float, float, float]:
    """Acceleration of the weight, mm/s²; nothing where no direction is given.

    Raises
    ------
    BadInput
        When the direction is zero or no direction.
    """
    if direction is None:
        return (0.0, 0.0, 0.0)
    toward = np.array(direction, float)
    length = np.linalg.norm(toward)
    if not np.isfinite(length) or length == 0:
        raise BadInput(
            "The direction of gravity is zero", remedy="Give for example [0, 1, 0] for a patient on the back."
        )
    g = parse(strength, "acceleration") * toward / length
    return (float(g[0]), float(g[1]), float(g[2]))
