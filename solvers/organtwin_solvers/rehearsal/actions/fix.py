"""Hold the surface around a place where it is now, or let it free again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Fix
from organtwin.units import parse
from organtwin_solvers.rehearsal.actions.places import surface_near
from organtwin_solvers.rehearsal.supports import Held
from organtwin_solvers.rehearsal.tools import GRASP

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine


def perform(engine: Engine, command: Fix) -> str:
    """
    Raises
    ------
    BadInput
        When there is no tissue there, or nothing to free.
    """
    radius = parse(command.radius, "length")
    if radius <= 0:
        raise BadInput("The radius of what is held must be greater than zero")
    nodes = surface_near(engine, command.at_mm, radius)
    held = engine.stepper.held
    if command.free:
        touched = [name for name, one in held.items() if np.isin(one.nodes, nodes).any()]
        if not touched:
            raise BadInput("Nothing is held there", remedy="Point at a pin.")
        if len(touched) == len(held) and not engine.stepper.springs:
            raise BadInput("That is all that holds the organ: it would float away", remedy="Hold it elsewhere first.")
        for name in touched:
            del held[name]
        return "Freed"
    number = 1 + max((int(name.split()[1]) for name in held if name.startswith("pin ")), default=0)
    firm = [one.nodes for name, one in held.items() if name != GRASP]
    taken = np.concatenate(firm) if firm else np.zeros(0, np.int32)
    nodes = np.setdiff1d(nodes, taken).astype(np.int32)
    if not len(nodes):
        raise BadInput("What is there is held already", remedy="Point beside it, or free it first.")
    if GRASP in held:  # what the jaws brought here the pin takes over
        jaws = held.pop(GRASP)
        left = ~np.isin(jaws.nodes, nodes)
        if left.any():
            held[GRASP] = Held(jaws.nodes[left], jaws.targets_mm[left])
    held[f"pin {number}"] = Held(nodes, engine.stepper.x[nodes].copy())
    return f"Held within {radius:g} mm"
