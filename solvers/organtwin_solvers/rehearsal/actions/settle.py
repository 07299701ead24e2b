"""Let the tissue come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organtwin.model.rehearsal import Settle

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine


def perform(engine: Engine, command: Settle) -> str:
    """Go to equilibrium at once."""
    still = engine.stepper.settle()
    engine.stepper.v[:] = 0.0
    return "The tissue has come to rest" if still else "The tissue is near rest"
