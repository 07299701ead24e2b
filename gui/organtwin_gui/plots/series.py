"""The curves that a result holds: columns along the vessel, and histories at its openings. No widgets."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Result
from organtwin.trace.particles import period_of
from organtwin.units import factor

FFR_LIMIT = (
    0.80  # at or below, a narrowing is by convention held to limit flow (Tonino et al., N. Engl. J. Med. 360, 2009)
)
_MMHG, _CM_PER_S = factor("pressure", "mmHg"), factor("velocity", "cm/s")
# column -> (title, unit, factor from house units)
ALONG: dict[str, tuple[str, str, float]] = {
    "pressure_pa": ("Mean pressure", "mmHg", _MMHG),
    "ffr": ("FFR", "", 1.0),
    "pressure_drop_pa": ("Pressure drop", "mmHg", _MMHG),
    "systolic_pa": ("Systolic pressure", "mmHg", _MMHG),
    "diastolic_pa": ("Diastolic pressure", "mmHg", _MMHG),
    "area_mm2": ("Area", "mm²", 1.0),
    "radius_mm": ("Radius", "mm", 1.0),
    "speed_mm_per_s": ("Mean velocity", "cm/s", _CM_PER_S),
    "peak_speed_mm_per_s": ("Highest velocity", "cm/s", _CM_PER_S),
    "flow_mm3_per_s": ("Flow", "mL/s", 1e-3),
    "wall_shear_pa": ("Wall shear", "Pa", 1.0),
    "tawss_pa": ("Mean wall shear (TAWSS)", "Pa", 1.0),
}
_PLACE = {"distance_mm", "x_mm", "y_mm", "z_mm"}
_AT_CAP = re.compile(r"^(?P<what>flow|pressure) (?P<cap>.+) \((?P<unit>[^)]+)\)$")


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: ``name`` of the branch or the opening, ``cap`` at its end, x and y (n,) in the units shown."""

    name: str
    cap: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def quantities_along(result: Result) -> list[str]:
    """Columns that can be drawn along the vessel, in the order of :data:`ALONG`, others after."""
    found = {
        column
        for table in result.tables.values()
        if len(table.get("distance_mm", ())) > 1
        for column, values in table.items()
        if column not in _PLACE and len(values) == len(table["distance_mm"])
    }
    return [c for c in ALONG if c in found] + sorted(found - set(ALONG))


def title_of(column: str) -> tuple[str, str, float]:
    """Title, unit and factor of a column."""
    return ALONG.get(column, (column.replace("_", " ").capitalize(), "", 1.0))


def along(result: Result, column: str) -> list[Series]:
    """A column over the distance (mm) of every branch that has it."""
    times = title_of(column)[2]
    return [
        Series(name, name.rsplit("→", 1)[-1].strip(), np.asarray(table["distance_mm"], float), np.asarray(table[column], float) * times)
        for name, table in result.tables.items()
        if len(table.get(column, ())) == len(table.get("distance_mm", ())) > 1
    ]  # fmt: skip


def histories(result: Result) -> list[str]:
    """What has a course at openings ("flow (mL/s)", "pressure (mmHg)"), then other courses such as the residual."""
    at_caps = [_AT_CAP.match(name) for name in result.histories]
    kinds = list(dict.fromkeys(f"{m['what']} ({m['unit']})" for m in at_caps if m))
    others = [n for n, m in zip(result.histories, at_caps, strict=True) if m is None and n != "time_s"]
    return kinds + others


def period_s(result: Result) -> float:
    """Of a result in time: that of its frames, or the one beat that a lumped model keeps; 0 when steady."""
    if result.physics == "lumped":
        times = result.histories.get("time_s", [])
        return float(times[-1] - times[0]) if len(times) > 2 else 0.0
    return period_of(np.asarray(result.times_s))


def courses(result: Result, kind: str) -> list[Series]:
    """Courses of a kind over the last cycle, in s from its start; over all steps where the flow is steady."""
    period = period_s(result)
    times = np.asarray(result.histories.get("time_s", []), float)
    made = []
    for name, values in result.histories.items():
        match = _AT_CAP.match(name)
        if (f"{match['what']} ({match['unit']})" if match else name) != kind:
            continue
        y = np.asarray(values, float)
        cap = match["cap"] if match else ""
        if period > 0 and len(times) == len(y):
            last = times >= times[-1] - period * (1 + 1e-9)
            x, y = times[last] - (times[-1] - period), y[last]
        else:
            x = np.arange(1, len(y) + 1, dtype=float)
        made.append(Series(cap.replace("_", " ") or name, cap, x, y))
    return made
