"""What a surgeon can do, one file each. An action is a function ``perform(engine, command) -> str``.

It says in one sentence what happened, or raises :class:`~organtwin.errors.BadInput` and leaves the engine as it was.
A new action is one file, one command in :mod:`organtwin.model.rehearsal`, and one line here.
"""

from __future__ import annotations

import importlib
from typing import Any

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


def perform(engine: Any, command: Any) -> str:
    """Do a command; what it says to the surgeon."""
    module, _, name = ACTIONS[command.do].partition(":")
    said: str = getattr(importlib.import_module(f"{_HERE}.{module}"), name)(engine, command)
    return said
