"""Cut through by a plane and take away what lies on the side of its normal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.cutting import Cut, Flat
from organtwin.model.rehearsal import PlaneResection
from organtwin_solvers.rehearsal.opening import consequences, open_along, took


def perform(engine: Any, command: PlaneResection) -> str:
    """
    Raises
    ------
    BadInput
        When the plane goes through nothing, or would take all or what holds the organ.
    """
    if not np.isfinite([*command.point_mm, *command.normal]).all():
        raise BadInput("The plane has a coordinate that is not a finite number")
    plane = Flat(command.point_mm, command.normal)
    done = open_along(engine, [plane], take=lambda cut, x, rest: pieces_above(cut, plane.measure(x)[0]))
    return f"{took(engine, done)}{consequences(done)}"


def pieces_above(cut: Cut, height: NDArray[np.float64]) -> NDArray[np.intp]:
    """Pieces that lie above a sheet, given the heights of all points: also those that it does not touch."""
    mean = height[cut.tets].mean(axis=1)
    balance = np.bincount(cut.piece, mean, len(cut.piece_mm3))
    return np.flatnonzero(balance > 0)
