"""What a surgeon can do, one file each. An action is a function ``perform(engine, command) -> str``.

It says in one sentence, without its full stop, what happened; or it raises :class:`~organtwin.errors.BadInput` and leaves
the engine as it was.
A new action is one file, one command in :mod:`organtwin.model.rehearsal`, and one line here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from organtwin.model.rehearsal import Command
    from organtwin_solvers.rehearsal.engine import Engine

_HERE = "organtwin_solvers.rehearsal.actions"

ACTIONS: dict[str, str] = {
    "take": "hand:take",
    "lay": "hand:lay",
    "close": "grasp:close",
    "open": "grasp:let_go",
    "fix": "fix:perform",
    "clip": "clip:perform",
    "incise": "incise:perform",
    "resect-plane": "resect_plane:perform",
    "resect-surface": "resect_surface:perform",
    "resect-margin": "resect_margin:perform",
    "resect-plan": "resect_plan:perform",
    "ablate": "ablate:perform",
    "suture": "suture:perform",
    "drain": "drain:perform",
    "settle": "settle:perform",
}


def perform(engine: Engine, command: Command) -> str:
    """Do a command; what it says to the surgeon."""
    module, _, name = ACTIONS[command.do].partition(":")
    said: str = getattr(importlib.import_module(f"{_HERE}.{module}"), name)(engine, command)
    return said
