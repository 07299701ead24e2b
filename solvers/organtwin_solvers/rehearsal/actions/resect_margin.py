"""Take a tumour away with a margin of tissue around it, planned in the places of the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from organtwin.errors import BadInput
from organtwin.mesh.cutting import Offset, cut
from organtwin.model.rehearsal import MarginResection
from organtwin.units import parse
from organtwin_solvers.rehearsal.actions.resect_plane import pieces_at
from organtwin_solvers.rehearsal.consequences import consequences, took
from organtwin_solvers.rehearsal.opening import least_distance, open_along
from organtwin_solvers.rehearsal.pieces import between_parts

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.carried import Carried
    from organtwin_solvers.rehearsal.engine import Engine

TRIES = 3
TOLERANCE_MM = 0.1


def perform(engine: Engine, command: MarginResection) -> str:
    """
    Raises
    ------
    BadInput
        When the organ carries no such thing, it was taken already, the margin is negative or takes everything.
    """
    margin = parse(command.margin, "length")
    if not margin >= 0:
        raise BadInput("The margin must not be negative")
    thing = next((c for c in engine.carried if c.name == command.inside), None)
    if thing is None:
        known = ", ".join(f"'{c.name}'" for c in engine.carried) or "nothing"
        raise BadInput(f"The organ carries no '{command.inside}'", remedy=f"It carries: {known}.")
    if thing.taken.all():
        raise BadInput(f"'{command.inside}' was taken away already")
    sheet = Offset(thing.points_mm, thing.triangles, margin)
    try:
        sheet = _kept(engine, thing, margin)
        done = open_along(
            engine, [sheet], at_rest=True, take=lambda cut, x, rest: pieces_at(cut, sheet, rest, above=False)
        )
    except BadInput:
        used = np.unique(engine.body.tets)
        height = sheet.measure(engine.body.rest_mm[used])[0]
        if (height <= 0).all():
            raise BadInput(
                f"A margin of {margin:g} mm around '{thing.name}' takes everything", remedy="Ask for a smaller margin."
            ) from None
        if (height > 0).all():
            raise BadInput(
                f"'{thing.name}' with its margin lies outside the organ, or is smaller than its mesh can show",
                remedy="Ask for a larger margin, or mesh the organ finer.",
            ) from None
        raise
    return f"{took(engine, done)} with '{thing.name}', {margin:g} mm around it{consequences(done)}"


def _kept(engine: Engine, thing: Carried, margin: float) -> Offset:
    """The sheet around a thing so far away that the faces it cuts, which are flat and bent to the mesh, keep the margin."""
    body, distance = engine.body, margin
    for _ in range(TRIES):
        sheet = Offset(thing.points_mm, thing.triangles, distance)
        tried = cut(
            engine.stepper.x,
            body.tets,
            body.triangles,
            sheet,
            rest_mm=body.rest_mm,
            at_rest=True,
            pinned=between_parts(body),
        )
        short = margin - least_distance(thing, tried.carry(body.rest_mm), tried.cut_faces)
        if short <= TOLERANCE_MM:
            break
        distance += short
    return sheet
