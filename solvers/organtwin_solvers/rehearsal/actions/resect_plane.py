"""Cut through by a plane and take away what lies on the side of its normal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.cutting import Cut, Flat, Sheet
from organtwin.model.rehearsal import PlaneResection
from organtwin_solvers.rehearsal.consequences import consequences, took
from organtwin_solvers.rehearsal.opening import open_along

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

Points = NDArray[np.float64]


def perform(engine: Engine, command: PlaneResection) -> str:
    """
    Raises
    ------
    BadInput
        When the plane goes through nothing, or would take all or what holds the organ.
    """
    if not np.isfinite([*command.point_mm, *command.normal]).all():
        raise BadInput("The plane has a coordinate that is not a finite number")
    plane = Flat(command.point_mm, command.normal)
    done = open_along(engine, [plane], take=lambda cut, x, rest: pieces_at(cut, plane, x, above=True))
    return f"{took(engine, done)}{consequences(done)}"


def pieces_at(cut: Cut, sheet: Sheet, places: Points, *, above: bool) -> NDArray[np.intp]:
    """Pieces that lie above (below) a sheet, also those that it does not touch; ``places`` are in the sheet's space."""
    sides = cut.piece_sides.astype(float)
    for piece in np.flatnonzero(sides == 0):
        corners = np.unique(cut.tets[cut.piece == piece])
        sides[piece] = np.mean(sheet.measure(places[corners])[0])
    return np.flatnonzero(sides > 0) if above else np.flatnonzero(sides < 0)
