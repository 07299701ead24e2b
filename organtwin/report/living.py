"""What a report shows of the living twin: readings over time, states, forecasts, courses and alerts, ready for a template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Alert, Course, Forecast, Intervention, Observations, Person, Scenario, TwinState
from organtwin.physiology.datasheet import DataSheet
from organtwin.report.plots import Dots, Plot, fan_of
from organtwin.report.scenarios import manifest_of, outlooks
from organtwin.store import Entry, Project
from organtwin.timeline.codes import CODES
from organtwin.timeline.days import DAY_S, short_day
from organtwin.timeline.timeline import Series, Timeline
from organtwin.timeline.words import number_words, unit_words
from organtwin.twin import intervention as interventions
from organtwin.twin.course.subjects import sheet_of

Numbers = NDArray[np.float64]

MOST_TRENDS = 12
LOOK_BACK_S = 2 * 365.25 * DAY_S
WEEKLY_BEYOND = 200  # days of readings: then a trend shows weeks
FIRST = (
    "8480-6",
    "8462-4",
    "8867-4",
    "40443-4",
    "29463-7",
    "2708-6",
    "59408-5",
    "2345-7",
    "99504-3",
    "4548-4",
    "10230-1",
    "33762-6",
    "2160-0",
)
SHOWN_PARAMETERS = 20
INNER = ("scatter of", "walk")  # quantities of the method, not of the patient


@dataclass(frozen=True)
class Trend:
    """One reading over time. ``recent`` and ``before`` are medians of its last month and of the one three months earlier."""

    code: str
    title: str
    unit: str
    svg: str
    count: int
    last: float
    last_s: float
    recent: float
    before: float
    usual: tuple[float, float] | None
    source: str


@dataclass(frozen=True)
class Living:
    """Everything of the living twin that a report shows; each part is empty where the project has nothing of it."""

    person: Person
    span_s: tuple[float, float]
    readings: int
    trends: list[Trend]
    states: list[dict[str, Any]]
    outlooks: list[dict[str, Any]]
    courses: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    scenarios: list[dict[str, Any]]
    events: list[dict[str, Any]]
    sheets: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    quarantined: int
    sources: list[dict[str, Any]]
    notes: list[str]

    @property
    def any(self) -> bool:
        return bool(self.readings or self.states or self.outlooks or self.courses or self.alerts or self.quarantined)


def living(project: Project, entries: Sequence[Entry]) -> Living:
    """Read it from a project."""
    by: dict[str, list[Any]] = {}
    for entry in entries:
        if entry.kind in ("observations", "twin-state", "forecast", "course", "alert", "scenario"):
            by.setdefault(entry.kind, []).append(project.load(entry.uuid))
    observations: list[Observations] = by.get("observations", [])
    notes = []
    try:
        timeline = Timeline(observations)
    except BadInput as error:  # of several patients: nothing is put together
        notes.append(str(error))
        timeline = Timeline(observations[:1])
    scenarios: dict[str, Scenario] = {s.uuid: s for s in by.get("scenario", [])}
    forecasts = _newest(by.get("forecast", []))
    states: list[TwinState] = list({s.model: s for s in by.get("twin-state", [])}.values())
    courses: list[Course] = list({c.subject: c for c in by.get("course", [])}.values())  # the newest of each
    set_aside, count = _quarantine(observations)
    return Living(
        person=timeline.person, span_s=timeline.span_s, readings=len(timeline), trends=_trends(timeline, forecasts),
        states=[_state(s) for s in states], outlooks=outlooks(states, forecasts, list(scenarios.values()), timeline.observations, timeline),
        courses=[_course(c, [f for f in forecasts if f.model == "progression"]) for c in courses],
        alerts=_alerts(by.get("alert", [])), scenarios=[_scenario(s) for s in scenarios.values()],
        events=_events(timeline), sheets=_sheets(states, forecasts, courses, scenarios.values()),
        quarantine=set_aside, quarantined=count, sources=_sources(timeline), notes=notes,
    )  # fmt: skip


def _newest(forecasts: Iterable[Forecast]) -> list[Forecast]:
    """Of each model, scenario and subject the one that starts last."""
    kept: dict[tuple[str, str, str], Forecast] = {}
    for one in forecasts:
        key = (one.model, one.scenario, one.subject)
        if key not in kept or one.times_s[0] >= kept[key].times_s[0]:
            kept[key] = one
    return list(kept.values())


# -- readings -----------------------------------------------------------------------------------------------------------


def _trends(timeline: Timeline, forecasts: Sequence[Forecast]) -> list[Trend]:
    ranked = sorted(timeline.codes, key=lambda c: FIRST.index(c) if c in FIRST else len(FIRST))
    made: list[Trend] = []
    for code in ranked:
        series = timeline.series(code)
        if not len(series):
            continue
        if len(made) == MOST_TRENDS:
            break
        made.append(_trend(series, timeline.span_s[1], forecasts))
    return made


def _trend(series: Series, end_s: float, forecasts: Sequence[Forecast]) -> Trend:
    known = series.known
    recent = series.between(t0_s=max(end_s, series.times_s[-1]) - LOOK_BACK_S)
    shown = recent if len(recent) >= 2 else series
    times, values = shown.daily()
    if len(times) > WEEKLY_BEYOND:
        times, values = _weekly(times, values)
    own = next((f for f in forecasts if not f.scenario and series.code in f.loinc), None)
    fans: tuple[Any, ...] = ()
    if own is not None:
        row = own.loinc.index(series.code)
        fans = (fan_of("expected", own.times_s, own.quantiles[row], own.levels),)
    plot = Plot(
        unit_words(known.unit), Dots(times, values, joined=len(times) > 20), fans, usual=known.usual, now_s=float(times[-1]) if fans else None,
        title=known.title, size=(380, 150),
    )  # fmt: skip
    days, by_day = series.daily()
    last = days[-1]
    month = by_day[days > last - 30 * DAY_S]
    earlier = by_day[(days > last - 120 * DAY_S) & (days <= last - 90 * DAY_S)]
    return Trend(
        series.code, known.title, unit_words(known.unit), plot.svg(), len(series), float(series.values[-1]), float(series.times_s[-1]),
        float(np.median(month)), float(np.median(earlier)) if len(earlier) else float("nan"), known.usual, known.source,
    )  # fmt: skip


def _weekly(times: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    week = np.floor(times / (7 * DAY_S))
    starts = np.flatnonzero(np.diff(week, prepend=week[0] - 1))
    return (
        np.array([part.mean() for part in np.split(times, starts[1:])]),
        np.array([np.median(part) for part in np.split(values, starts[1:])]),
    )


def _events(timeline: Timeline) -> list[dict[str, Any]]:
    """What happened, one line for each name: of a drug that was stated forty times its first and last day."""
    kinds = ("condition", "medication", "procedure", "imaging")
    found = sorted((e for e in timeline.events if e.kind in kinds), key=lambda e: (kinds.index(e.kind), e.display))
    made = []
    for (kind, display), group in groupby(found, key=lambda e: (e.kind, e.display)):
        own = sorted(group, key=lambda e: e.start_s)
        made.append(
            {
                "kind": kind,
                "name": display,
                "since": short_day(own[0].start_s),
                "until": short_day(own[-1].end_s),
                "count": len(own),
            }
        )
    return made


def _quarantine(observations: Iterable[Observations]) -> tuple[list[dict[str, Any]], int]:
    counts: Counter[str] = Counter()
    example: dict[str, str] = {}
    for one in observations:
        for aside in one.quarantined:
            counts[aside.reason] += 1
            example.setdefault(aside.reason, f"{aside.said} ({aside.place})" if aside.place else aside.said)
    return [{"reason": r, "count": n, "example": example[r]} for r, n in counts.most_common()], counts.total()


def _sources(timeline: Timeline) -> list[dict[str, Any]]:
    return [
        {"name": s.name, "format": s.format, "device": s.device}
        for s in dict.fromkeys(timeline.sources)
    ]  # fmt: skip


# -- the twin -----------------------------------------------------------------------------------------------------------


def _state(state: TwinState) -> dict[str, Any]:
    manifest = manifest_of(state.model)
    titles = {p.key: p.title for p in manifest.parameters} if manifest else {}
    ranked = sorted(state.estimates, key=lambda e: -e.learned)
    return {
        "title": manifest.title if manifest else state.model,
        "about": manifest.about if manifest else "",
        "at": short_day(state.at_s),
        "method": state.method,
        "used": [(CODES[c].title if c in CODES else c, n) for c, n in sorted(state.used.items(), key=lambda u: -u[1])],
        "members": len(state.parameters),
        "estimates": [
            {
                "title": titles.get(e.key, e.key), "unit": unit_words(e.unit), "prior": number_words(e.prior), "value": number_words(e.value), "low": number_words(e.low),
                "high": number_words(e.high), "learned": min(max(e.learned, 0.0), 1.0), "with": titles.get(e.with_, e.with_),
            }
            for e in ranked[:SHOWN_PARAMETERS]
        ],
        "more": max(0, len(ranked) - SHOWN_PARAMETERS),
        "quantities": [q for q in state.quantities if not q.name.startswith(INNER)],
        "fit": state.fit,
    }  # fmt: skip


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "about": scenario.about,
        "acts": [_act(i) for i in scenario.interventions] or ["Nothing is changed."],
        "results": len(scenario.results),
    }


def _act(act: Intervention) -> str:
    try:
        title = interventions.find(act.kind).title
    except BadInput:
        title = act.kind
    told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in act.options.items())
    begins = "from now" if act.start_day <= 0 else f"from day {act.start_day:g}"
    ends = "" if act.end_day is None else f" to day {act.end_day:g}"
    return f"{title}{f' ({told})' if told else ''}, {begins}{ends}"


# -- imaging over time and alerts ---------------------------------------------------------------------------------------


def course_plot(course: Course, forecast: Forecast | None, large: bool = False, until_s: float = np.inf) -> str:
    """Measured values with their 95 % limits, and the forecast up to a time."""
    fans: tuple[Any, ...] = ()
    lines: tuple[tuple[float, str], ...] = ()
    if forecast is not None:
        own = np.asarray(forecast.times_s) <= until_s
        fans = (fan_of("expected", forecast.times_s[own], forecast.quantiles[0][:, own], forecast.levels),)
        if not large:
            lines = tuple((c.landmark, f"{c.landmark:g} {c.unit}") for c in forecast.crossings)
    return Plot(
        course.unit, Dots(course.times_s, course.values, course.sds), fans, lines, now_s=float(course.times_s[-1]), large=large,
        title=course.subject, size=(680, 220) if large else (680, 190),
    ).svg()  # fmt: skip


def forecast_of(course: Course, forecasts: Iterable[Forecast]) -> Forecast | None:
    return next((f for f in reversed(list(forecasts)) if f.subject == course.subject), None)


def _course(course: Course, forecasts: Sequence[Forecast]) -> dict[str, Any]:
    own = forecast_of(course, forecasts)
    return {
        "object": course,
        "forecast": own,
        "subject": course.subject,
        "unit": course.unit,
        "values": [
            (short_day(t), number_words(v), number_words(1.96 * s))
            for t, v, s in zip(course.times_s, course.values, course.sds, strict=True)
        ],
        "change": course.change,
        "notes": course.notes,
        "law": course.law,
        "svg": course_plot(course, own),
        "assumes": own.assumes if own else (),
        "landmarks": [(note, c.source) for note, c in zip(own.notes, own.crossings, strict=False)] if own else [],
        "checked": own.checked if own else "",
    }


_RANK = {"urgent": 0, "warning": 1, "note": 2}


def _alerts(alerts: Iterable[Alert]) -> list[dict[str, Any]]:
    ranked = sorted(
        alerts, key=lambda a: (a.ended_s is not None, a.acknowledged is not None, _RANK[a.severity], -a.raised_s)
    )
    return [
        {
            "severity": a.severity, "name": a.name, "why": a.why, "since": short_day(a.since_s), "raised": short_day(a.raised_s),
            "ended": short_day(a.ended_s) if a.ended_s is not None else "", "protocol": a.protocol.replace("_", " "),
            "seen": f"{a.acknowledged.by}, {a.acknowledged.at[:10]}{': ' + a.acknowledged.said if a.acknowledged.said else ''}" if a.acknowledged else "",
        }
        for a in ranked
    ]  # fmt: skip


# -- data sheets --------------------------------------------------------------------------------------------------------


def _sheets(
    states: Iterable[TwinState], forecasts: Iterable[Forecast], courses: Iterable[Course], scenarios: Iterable[Scenario]
) -> list[dict[str, Any]]:
    found: dict[str, DataSheet] = {}
    for name in dict.fromkeys([*(s.model for s in states), *(f.model for f in forecasts)]):
        manifest = manifest_of(name)
        if manifest is not None:
            found[manifest.title] = manifest.sheet
    for course in courses:
        sheet = sheet_of(course.subject)
        if sheet is not None:
            found[course.subject] = sheet
    for scenario in scenarios:
        for act in scenario.interventions:
            try:
                kind = interventions.find(act.kind)
            except BadInput:
                continue
            found[kind.title] = kind.sheet
    return [{"title": title, **sheet.model_dump()} for title, sheet in found.items()]
