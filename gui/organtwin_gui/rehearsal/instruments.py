"""What can be taken in hand: names, keys, and what can be set about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Gesture = Literal["hold", "point", "draw", "outline", "plane", "join", "aim", "confirm"]


@dataclass(frozen=True)
class Setting:
    """A number that an instrument is used with."""

    key: str
    name: str
    value: float
    low: float
    high: float
    tip: str
    unit: str = "mm"
    step: float = 1.0


@dataclass(frozen=True)
class Mode:
    """One way of using an instrument, with a gesture of its own."""

    key: str
    name: str
    gesture: Gesture
    hint: str
    settings: tuple[Setting, ...] = ()
    needs: Literal["", "inside", "plan"] = ""


@dataclass(frozen=True)
class Instrument:
    """Something in the tray; ``digit`` is its key."""

    key: str
    name: str
    icon: str
    digit: str
    tip: str
    modes: tuple[Mode, ...]


@dataclass
class Grip:
    """An instrument as it is held: its mode, the numbers set, and the thing inside that it is for."""

    instrument: Instrument
    mode: Mode
    values: dict[str, float] = field(default_factory=dict)
    inside: str = ""

    @classmethod
    def of(cls, instrument: Instrument, mode: str = "", values: Mapping[str, float] | None = None) -> Grip:
        chosen = next((m for m in instrument.modes if m.key == mode), instrument.modes[0])
        return cls(instrument, chosen, {s.key: s.value for s in chosen.settings} | dict(values or {}))

    def mm(self, key: str) -> str:
        """A setting as the commands want it."""
        return f"{self.values[key]:g} mm"


_MOVE = "Left drag moves it across; wheel or Shift and drag moves it in and out; Space lifts it."

INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument(
        "probe", "Probe", "touch", "1", "Touch and push the tissue with a rounded rod",
        (Mode("probe", "Probe", "hold", _MOVE, (
            Setting("radius", "Radius", 2.5, 0.5, 15, "Radius of the rod and its round tip", step=0.5),)),),
    ),
    Instrument(
        "grasp", "Grasp", "grasp", "2", "Take hold of the tissue and pull it",
        (Mode("grasp", "Grasp", "hold", "Press closes the jaws, drag pulls, release lets go. " + _MOVE, (
            Setting("reach", "Reach", 6, 1, 30, "Tissue within this distance of the tip is held"),)),),
    ),
    Instrument(
        "retract", "Retract", "retract", "3", "Hold the organ away with a flat retractor",
        (Mode("retract", "Retract", "hold", "Enter leaves it standing where it is. " + _MOVE, (
            Setting("width", "Width", 25, 5, 80, "Width of the blade"),
            Setting("length", "Length", 80, 20, 150, "Length of the blade"),)),),
    ),
    Instrument(
        "press", "Press", "press", "4", "Press the tissue in with a ball",
        (Mode("press", "Press", "hold", "Press and hold: the ball goes in as deep as set. " + _MOVE, (
            Setting("radius", "Radius", 8, 1, 40, "Radius of the ball"),
            Setting("depth", "Depth", 8, 0, 60, "How deep a press goes; a pen's pressure scales it"),)),),
    ),
    Instrument(
        "fix", "Hold", "pin", "5", "Hold the surface where it is, or let it go",
        (
            Mode("fix", "Hold", "point", "Click on the organ: the surface around stays where it is now.", (
                Setting("radius", "Radius", 8, 1, 40, "How far around the click the surface is held"),)),
            Mode("free", "Let go", "point", "Click on a held place to let go of it.", (
                Setting("radius", "Radius", 8, 1, 40, "How far around the click it is let go"),)),
        ),
    ),
    Instrument(
        "clip", "Clip", "ligate", "6", "Close a vessel with a clip",
        (Mode("clip", "Clip", "point", "Click on or over a vessel: it is closed at its nearest place."),),
    ),
    Instrument(
        "incise", "Incise", "scalpel", "7", "Cut along a path drawn on the surface",
        (Mode("incise", "Incise", "draw", "Draw on the surface with the left button; it is cut when released.", (
            Setting("depth", "Depth", 15, 1, 120, "How deep the blade goes in"),)),),
    ),
    Instrument(
        "resect", "Resect", "resect", "8", "Take a part of the organ away",
        (
            Mode("plane", "By a plane", "plane",
                 "Drag the disc to move the plane and the arrow to turn it; the side of the arrow is taken. "
                 "F turns it round, Enter cuts, Esc cancels."),
            Mode("surface", "Freehand", "outline",
                 "Draw a curve across the organ, then click on the part to be taken away. Esc begins again."),
            Mode("margin", "With a margin", "confirm", "Enter takes it out with the margin around it.", (
                Setting("margin", "Margin", 10, 0, 60, "Healthy tissue taken around it"),), "inside"),
            Mode("plan", "As planned", "confirm", "Enter cuts along the surface of the plan.", (), "plan"),
        ),
    ),
    Instrument(
        "ablate", "Ablate", "ablate", "9", "Burn an ellipsoid around the tip of a needle",
        (Mode("ablate", "Ablate", "aim", "Aim over the organ, wheel for the depth, click to burn.", (
            Setting("depth", "Depth", 20, 0, 200, "How deep the tip lies below the surface"),
            Setting("along", "Along", 18, 2, 60, "Half length of the burnt ellipsoid, along the needle"),
            Setting("across", "Across", 14, 2, 60, "Half width of the burnt ellipsoid"),)),),
    ),
    Instrument(
        "suture", "Suture", "suture", "0", "Draw two places together with a thread",
        (Mode("suture", "Suture", "join", "Click where the thread begins, then where it ends. Esc begins again.", (
            Setting("radius", "Bite", 3, 0.5, 15, "How far around each place the thread takes hold", step=0.5),)),),
    ),
    Instrument(
        "drain", "Drain", "drain", "-", "Empty a cyst or an abscess",
        (Mode("drain", "Drain", "confirm", "Enter empties it.", (
            Setting("keep", "Keep", 20, 0, 95, "What is left of its volume", "%", 5),), "inside"),),
    ),
)  # fmt: skip
BY_DIGIT = {instrument.digit: instrument for instrument in INSTRUMENTS}
