"""Draw two places of the surface together by a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Suture
from organtwin.units import parse
from organtwin_solvers.rehearsal.actions.places import surface_near
from organtwin_solvers.rehearsal.supports import Link

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

TIMES_TISSUE = 20.0  # stiffness of a thread, of the stiffness of the tissue that it bites


def perform(engine: Engine, command: Suture) -> str:
    """
    Raises
    ------
    BadInput
        When one of the places is not on the organ, or they are one and the same.
    """
    radius = parse(command.radius, "length")
    if radius <= 0:
        raise BadInput("The bite of a suture must be greater than zero")
    a, b = (surface_near(engine, place, radius) for place in (command.from_mm, command.to_mm))
    both = np.intersect1d(a, b)
    a, b = np.setdiff1d(a, both).astype(np.int32), np.setdiff1d(b, both).astype(np.int32)
    if not (len(a) and len(b)):
        raise BadInput("The two places of a suture are one", remedy="Point at two edges, farther apart.")
    x = engine.stepper.x
    apart = float(np.linalg.norm(x[a].mean(axis=0) - x[b].mean(axis=0)))
    stiffness = TIMES_TISSUE * max(m.shear_pa for m in engine.body.materials) * radius
    even = [np.full(len(nodes), 1.0 / len(nodes)) for nodes in (a, b)]
    engine.stepper.links.append(Link(a, even[0], b, even[1], stiffness))
    return f"Sutured: {apart:.0f} mm are drawn together"
