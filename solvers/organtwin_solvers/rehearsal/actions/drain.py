"""Empty a thing inside, a cyst or an abscess: what fills it shrinks, and the tissue around it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Drain
from organtwin_solvers.rehearsal.contact.distance_grid import DistanceGrid

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

LEAST = 0.02  # of the volume stays, however empty


def perform(engine: Engine, command: Drain) -> str:
    """
    Raises
    ------
    BadInput
        When the organ carries no such thing, it is a vessel, has no tissue in it, or was drained as far before.
    """
    thing = next((one for one in engine.carried if one.name == command.inside), None)
    if thing is None or thing.kind == "vessel":
        known = ", ".join(one.name for one in engine.carried if one.kind != "vessel") or "nothing that can be drained"
        raise BadInput(f"'{command.inside}' cannot be drained", remedy=f"This organ carries: {known}.")
    body = engine.body
    grid = DistanceGrid.of(thing.points_mm, thing.triangles)
    inside = grid.sample(body.rest_mm[body.tets].mean(axis=1))[0] < 0
    if not inside.any():
        raise BadInput(f"No tissue of this mesh lies in '{thing.name}'", remedy="Mesh the organ finer.")
    size = np.ones(len(body.tets)) if body.size is None else body.size.copy()
    wanted = float(np.cbrt(max(command.keep, LEAST)))
    if size[inside].max() <= wanted + 1e-9:
        raise BadInput(f"'{thing.name}' was drained as far before", remedy="Keep less of it, or leave it.")
    before = float(body.volume_mm3.sum())
    size[inside] = np.minimum(size[inside], wanted)
    drained = body.with_(size=size)
    engine.stepper.adopt(drained, engine.stepper.x, engine.stepper.v)
    return f"Drained {(before - float(drained.volume_mm3.sum())) / 1e3:.1f} mL from {thing.name}"
