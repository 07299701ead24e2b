"""What a flow result can be coloured by: the name, the unit and the colours of each of its fields."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Result
from organtwin.units import factor


@dataclass(frozen=True)
class Shade:
    """A field and how it is shown: ``factor`` takes house units to ``unit``; ``colours`` is a key of the colour maps;
    ``on_wall``: it means nothing inside; ``from_zero``: its scale begins at zero; ``signed``: it is even about zero.
    """

    key: str
    field: str
    title: str
    unit: str
    factor: float
    colours: str
    from_zero: bool = True
    on_wall: bool = False
    signed: bool = False
    short: str = ""  # for the legend, where the title is long


_MMHG, _CM_PER_S = factor("pressure", "mmHg"), factor("velocity", "cm/s")
KNOWN: tuple[Shade, ...] = (
    Shade("speed", "velocity_mm_per_s", "Speed", "cm/s", _CM_PER_S, "speed"),
    Shade("pressure", "pressure_pa", "Pressure", "mmHg", _MMHG, "pressure", from_zero=False),
    Shade("wall_shear", "wall_shear_pa", "Wall shear", "Pa", 1.0, "wall_shear", on_wall=True),
)
# part of a field's name -> (title, on the wall only, colours, signed); the unit is read off the end of the name
_PATTERNS: tuple[tuple[str, str, bool, str, bool], ...] = (
    (r"tawss|time_averaged_wall|mean_wall_shear", "Mean wall shear (TAWSS)", True, "wall_shear", False),
    (r"^osi|oscillatory", "Oscillatory shear index (OSI)", True, "index", False),
    (r"^rrt|residence", "Relative residence time (RRT)", True, "residence", False),
    (r"^ecap|activation", "Endothelial activation (ECAP)", True, "residence", False),
    (r"q_criterion|^q_", "Q-criterion", False, "signed", True),
    (r"lambda_?2", "λ2", False, "signed", True),
    (r"vorticity", "Vorticity", False, "vorticity", False),
    (r"kinetic", "Kinetic energy", False, "vorticity", False),
    (r"viscosity", "Viscosity", False, "viscosity", False),
    (r"shear_rate", "Shear rate", False, "vorticity", False),
    (r"^ffr", "FFR", False, "pressure", False),
)
_UNITS: tuple[tuple[str, str, float], ...] = (  # endings, the longest first
    ("_mm2_per_s2", "mm²/s²", 1.0),
    ("_mm_per_s", "cm/s", _CM_PER_S),
    ("_per_pa_s", "1/(Pa·s)", 1.0),
    ("_per_pa", "1/Pa", 1.0),
    ("_per_s2", "1/s²", 1.0),
    ("_per_s", "1/s", 1.0),
    ("_pa_s", "mPa·s", 1e3),
    ("_j_per_m3", "J/m³", 1.0),
    ("_pa", "Pa", 1.0),
    ("_mm", "mm", 1.0),
    ("_s", "s", 1.0),
)


def shades(result: Result) -> dict[str, Shade]:
    """Everything a result can be coloured by, by key; fields that nobody named get a name of their own."""
    known = {shade.field: shade for shade in KNOWN}
    made: dict[str, Shade] = {}
    for field in result.fields:
        shade = known.get(field) or _read(field)
        made[shade.key] = shade
    return made


def _read(field: str) -> Shade:
    ending, unit, times = next((u for u in _UNITS if field.endswith(u[0])), ("", "", 1.0))
    for pattern, title, on_wall, colours, signed in _PATTERNS:
        if re.search(pattern, field):
            short = title[title.find("(") + 1 : -1] if title.endswith(")") else ""
            return Shade(field, field, title, unit, times, colours, not signed, on_wall, signed, short)
    plain = field.removesuffix(ending).replace("_", " ").strip()
    return Shade(field, field, plain[:1].upper() + plain[1:], unit, times, "speed", False, "wall" in field)


def frame_at(frames: NDArray[np.floating], frame: float, *, cyclic: bool = False) -> NDArray[np.floating]:
    """Values (n, ...) between two of the frames (nt, ...); a field of one frame is the same at all times.

    ``cyclic``: frame nt is frame 0 again; otherwise times beyond the last are those of the last.
    """
    nt = len(frames)
    if nt == 1:
        return frames[0]
    frame = frame % nt if cyclic else float(np.clip(frame, 0, nt - 1))
    before = int(frame)
    share = frame - before
    if share < 1e-6:
        return frames[before]
    return (1 - share) * frames[before] + share * frames[(before + 1) % nt]


def magnitude(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scalars (n,) as they are, vectors (n, 3) by their length."""
    return values if values.ndim == 1 else np.linalg.norm(values, axis=-1)


_LEVELS = ("unknown", "good", "fair", "poor")
_SAID_OF = {"speed": "velocity", "pressure": "pressure", "wall_shear": "wall shear"}


def level_of(result: Result, shade: Shade) -> str:
    """How far a field can be believed: as far as the least believable of the numbers taken from it."""
    word = _SAID_OF.get(shade.key, shade.key.split("_")[0])
    levels = [q.level for q in result.quantities if word in q.name.lower()]
    return max(levels, key=_LEVELS.index, default="unknown")
