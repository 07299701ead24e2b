"""What a dashboard draws of one patient: days that were measured, what the twin expected, and what it expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from organtwin.model import Forecast, TwinObject, TwinState
from organtwin.monitoring.store import protocols_of, timeline_of
from organtwin.physiology import model
from organtwin.store import Project
from organtwin.timeline.codes import CODES
from organtwin.timeline.days import DAY_S
from organtwin.timeline.timeline import Timeline

DAYS = 120.0  # looked back on
FEW, LONG_DAYS = 8, 730.0  # what is measured rarely is looked back on for longer
MOST = 8  # trends of a dashboard


@dataclass(frozen=True)
class Band:
    """A forecast: the middle, and the 90 % interval, at ``times_s``."""

    times_s: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Trend:
    """One reading by days. ``twin`` is what the calibrated twin has for it, where it has."""

    code: str
    title: str
    unit: str
    times_s: tuple[float, ...]
    values: tuple[float, ...]
    usual: tuple[float, float] | None = None
    twin: float | None = None
    expected: Band | None = None


def trends(
    timeline: Timeline, others: Iterable[TwinObject] = (), codes: Sequence[str] = (), days: float = DAYS
) -> tuple[Trend, ...]:
    """Trends of ``codes`` (or of those with most days), newest ``days`` before the last reading.

    ``others`` are states and forecasts of the project, in order of appearance: the last of each counts, and of forecasts only
    those that go on as now.
    """
    others = tuple(others)
    states = [one for one in others if isinstance(one, TwinState)]
    forecasts = [one for one in others if isinstance(one, Forecast) and not one.scenario and one.loinc]
    last = timeline.span_s[1]
    made = [
        _trend(timeline, code, last - days * DAY_S, states, forecasts)
        for code in (codes or timeline.codes)
        if code in timeline
    ]
    made = [trend for trend in made if trend.times_s]
    if not codes:
        made.sort(key=lambda trend: -len(trend.times_s))
    return tuple(made[:MOST])


def trends_of(project: Project) -> tuple[Trend, ...]:
    """Those of a project: of what its protocols watch, else of what was measured most."""
    timeline = timeline_of(project)
    watched = [w.codes for one in protocols_of(project, timeline)[0] for w in one.readings.values()]
    codes = dict.fromkeys(next((code for code in of if code in timeline), "") for of in watched)
    kinds = ("twin-state", "forecast")
    others = (project.load(entry.uuid) for kind in kinds for entry in project.entries(kind))
    return trends(timeline, others, [code for code in codes if code])


def _trend(timeline: Timeline, code: str, since_s: float, states: list[TwinState], forecasts: list[Forecast]) -> Trend:
    known = CODES[code]
    times, values = timeline.series(code, since_s).daily()
    if len(times) < FEW:
        times, values = timeline.series(code, timeline.span_s[1] - LONG_DAYS * DAY_S).daily()
    return Trend(
        code=code, title=known.title, unit=known.unit, times_s=tuple(times), values=tuple(values), usual=known.usual,
        twin=_twin(code, states), expected=_expected(code, forecasts),
    )  # fmt: skip


def _twin(code: str, states: list[TwinState]) -> float | None:
    for state in reversed(states):
        titles = [reading.title for reading in model.find(state.model).readings if reading.loinc == code]
        for quantity in state.quantities:
            if quantity.name in titles:
                return quantity.value
    return None


def _expected(code: str, forecasts: list[Forecast]) -> Band | None:
    for forecast in reversed(forecasts):
        if code in forecast.loinc:
            low, middle, high = (
                np.asarray(forecast.quantiles)[forecast.loinc.index(code), forecast.levels.index(level)]
                for level in (0.05, 0.5, 0.95)
            )
            return Band(tuple(map(float, forecast.times_s)), tuple(low), tuple(middle), tuple(high))
    return None
