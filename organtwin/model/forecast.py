"""What the twin expects, how sure it is, and under which scenario."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from organtwin.model.base import Array, Frozen, TwinObject

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


class Intervention(Frozen):
    """One thing that is done: ``kind`` is a registered intervention, ``options`` its settings with units.

    ``start`` and ``end`` are days from the beginning of the scenario; no end: it goes on.
    """

    kind: str
    options: dict[str, Any] = Field(default_factory=dict)
    start_day: float = 0.0
    end_day: float | None = None


class Scenario(TwinObject):
    """A "what if": things done together. An empty one is to go on as now.

    ``results`` are uuids of results (flow, tissue) that show this scenario in 3D.
    """

    kind: ClassVar[str] = "scenario"

    interventions: tuple[Intervention, ...] = ()
    about: str = ""
    results: tuple[str, ...] = ()


class Crossing(Frozen):
    """When a reading is expected to reach a landmark: ``times_s`` are by when it has, with a chance of 10, 50 and 90 %, in
    seconds since 1970 UTC; None where that is later than the forecast goes. ``chance`` is that at its end."""

    key: str
    landmark: float
    unit: str
    above: bool
    times_s: tuple[float | None, float | None, float | None]
    chance: float
    source: str = ""


class Forecast(TwinObject):
    """Quantiles (r, q, nt) of r readings at ``levels`` (q) and ``times_s`` (nt, seconds since 1970 UTC).

    ``predictive`` intervals hold the next measured values (they include the noise of the measurement); ``assumes`` is
    what the scenario takes for granted, each with its source; ``checked`` says how often earlier forecasts held.
    ``changes`` (r, q, nt) are those of what the scenario changes against going on as now, for one and the same possible patient:
    far narrower than the difference of two intervals; None where nothing is done, and in forecasts from before it was kept.
    ``model`` is a physiological model, or "progression" with ``subject`` naming what grows.
    """

    kind: ClassVar[str] = "forecast"

    model: str
    scenario: str = ""  # uuid
    subject: str = ""
    keys: tuple[str, ...]
    units: tuple[str, ...]
    loinc: tuple[str, ...] = ()
    levels: tuple[float, ...] = LEVELS
    times_s: Array
    quantiles: Array
    changes: Array | None = None
    predictive: bool = True
    members: int = 0
    assumes: tuple[str, ...] = ()
    checked: str = ""
    crossings: tuple[Crossing, ...] = ()


class Course(TwinObject):
    """How something that imaging shows went over several dates: n values with the sd of measuring them.

    ``objects`` (n) are uuids of what it was measured on, ``transforms`` (n, 4, 4) map each date's scan to the first one's
    (mm, LPS; identity where they were not registered). ``rate_per_year`` and its sd follow from all dates together.
    """

    kind: ClassVar[str] = "course"

    subject: str  # "aneurysm diameter", "tumour volume", "LV ejection fraction" ...
    unit: str
    times_s: Array
    values: Array
    sds: Array
    objects: tuple[str, ...] = ()
    transforms: Array
    law: str = "linear"  # or "exponential"
    rate_per_year: float = 0.0
    rate_sd: float = 0.0
    change: str = ""  # in words: "grew by more than measuring explains since 2025-03"
