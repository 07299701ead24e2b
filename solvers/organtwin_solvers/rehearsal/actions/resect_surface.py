"""Cut through by the sheet that a drawn curve sweeps along a direction, and take away the piece at a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.cutting import Cut, Swept
from organtwin.mesh.cutting.locate import locate
from organtwin.model.rehearsal import SurfaceResection
from organtwin_solvers.rehearsal.actions.incise import drawn_path
from organtwin_solvers.rehearsal.consequences import consequences, took
from organtwin_solvers.rehearsal.opening import open_along

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

Points = NDArray[np.float64]


def perform(engine: Engine, command: SurfaceResection) -> str:
    """
    Raises
    ------
    BadInput
        When the curve is none, or its sheet goes through nothing or does not part the organ.
    """
    if not np.isfinite([*command.direction, *command.take_mm]).all():
        raise BadInput("The cut has a coordinate that is not a finite number")
    sheet = Swept(drawn_path(command.path_mm), command.direction, 2.0 * float(np.ptp(engine.stepper.x, axis=0).max()))
    done = open_along(engine, [sheet], take=lambda cut, x, rest: _piece_at(cut, x, np.array(command.take_mm, float)))
    return f"{took(engine, done)}{consequences(done)}"


def _piece_at(cut: Cut, x: Points, place: Points) -> NDArray[np.intp]:
    """The piece that holds a place, or whose surface is nearest to it."""
    real = np.setdiff1d(np.arange(len(cut.piece_mm3)), cut.crumbs)
    if len(real) < 2:
        raise BadInput("The cut does not part the organ: no piece comes off", remedy="Draw the curve across the organ.")
    tet = int(locate(place[None], x, cut.tets)[0][0])
    if tet < 0:
        shown = np.isin(cut.piece[cut.triangle_tet], real)
        away = np.linalg.norm(x[cut.triangles[shown]].mean(axis=1) - place, axis=1)
        tet = int(cut.triangle_tet[shown][away.argmin()])
    return np.array([cut.piece[tet]])
