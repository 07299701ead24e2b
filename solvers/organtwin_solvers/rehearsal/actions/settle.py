"""Let the tissue come to rest."""

from __future__ import annotations

from typing import Any

from organtwin.model.rehearsal import Settle


def perform(engine: Any, command: Settle) -> str:
    """Go to equilibrium at once."""
    still = engine.stepper.settle()
    engine.stepper.v[:] = 0.0
    return "The tissue has come to rest." if still else "The tissue is near rest."
