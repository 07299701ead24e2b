"""Commands in words, for the list of steps."""

from __future__ import annotations

from organtwin.model.rehearsal import (
    Ablate,
    Clip,
    Close,
    Command,
    Drain,
    Fix,
    Incise,
    Lay,
    MarginResection,
    Open,
    PlaneResection,
    PlanResection,
    Settle,
    SurfaceResection,
    Suture,
    Take,
)

TOOLS = {"probe": "probe", "grasper": "grasper", "retractor": "retractor", "ball": "ball"}


def words_of(command: Command) -> str:
    """What a command does, in a few words."""
    match command:
        case Take(tool=tool):
            return f"Take the {TOOLS[tool]}"
        case Lay(leave=leave):
            return "Leave the retractor standing" if leave else "Lay it away"
        case Close():
            return "Close the jaws"
        case Open():
            return "Open the jaws"
        case Fix(free=free):
            return "Let go of a place" if free else "Hold a place"
        case Clip():
            return "Clip a vessel"
        case Incise(depth=depth):
            return f"Incise, {depth} deep"
        case PlaneResection():
            return "Resect by a plane"
        case SurfaceResection():
            return "Resect freehand"
        case MarginResection(inside=inside, margin=margin):
            return f"Resect {_plain(inside)}, margin {margin}"
        case PlanResection():
            return "Resect as planned"
        case Ablate(along=along, across=across):
            return f"Ablate {along} by {across}"
        case Suture():
            return "Suture"
        case Drain(inside=inside):
            return f"Drain {_plain(inside)}"
        case Settle():
            return "Let it come to rest"
    return "Step"


ICONS = {
    "take": "touch",
    "lay": "reset",
    "close": "grasp",
    "open": "grasp",
    "fix": "pin",
    "clip": "ligate",
    "incise": "scalpel",
    "resect-plane": "resect",
    "resect-surface": "resect",
    "resect-margin": "resect",
    "resect-plan": "resect",
    "ablate": "ablate",
    "suture": "suture",
    "drain": "drain",
    "settle": "pause",
}


def _plain(name: str) -> str:
    return name.replace("_", " ")
