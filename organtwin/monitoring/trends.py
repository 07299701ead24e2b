"""What a dashboard draws of one patient: days that were measured, what the twin expected, and what it expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from organtwin.model import Forecast, TwinObject, TwinState
from organtwin.physiology import model
from organtwin.timeline.codes import CODES
from organtwin.timeline.timeline import DAY_S, Timeline

DAYS = 120.0  # looked back on
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


def _trend(timeline: Timeline, code: str, since_s: float, states: list[TwinState], forecasts: list[Forecast]) -> Trend:
    known = CODES[code]
    times, values = timeline.series(code, since_s).daily()
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
