"""How long procedures and stays take: published, and what the twins themselves tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from organtwin.model import Event, Observations, Procedure, ResectionPlan, Scenario, TwinObject
from organtwin.pathway.laws import Duration

ENOUGH = 5  # procedures of a kind before their own times are believed


@dataclass(frozen=True)
class Known:
    """A procedure: ``theatre`` its time in the room, ``stay`` that in hospital after it. ``words`` find it in records."""

    theatre: Duration
    stay: Duration
    words: tuple[str, ...]


def _lognormal(mean: str, sd: str, source: str) -> Duration:
    return Duration(law="lognormal", mean=mean, sd=sd, source=source)


# The means are those of the papers named; the spreads of rooms are ours where a paper gives only a mean or a median,
# and say so. A hospital should put its own times in the plan: they differ more between hospitals than between papers.
_SPREAD = "; spread assumed"
KNOWN: Mapping[str, Known] = {
    "stent": Known(
        _lognormal("70 min", "30 min", "order of coronary and iliac stenting in registries" + _SPREAD),
        _lognormal("1.5 days", "1 day", "order of elective stenting in registries" + _SPREAD),
        ("stent", "angioplasty", "pci"),
    ),
    "evar": Known(
        _lognormal("180 min", "60 min", "EVAR 1 (Greenhalgh et al., Lancet 2004): median 180 min" + _SPREAD),
        _lognormal("10 days", "18 days", "EVAR 1 (Greenhalgh et al., Lancet 2004): stay 10 (17.8) days"),
        ("evar", "endovascular aneurysm"),
    ),
    "open aortic repair": Known(
        _lognormal("200 min", "65 min", "EVAR 1 (Greenhalgh et al., Lancet 2004): median 200 min" + _SPREAD),
        _lognormal("16 days", "17 days", "EVAR 1 (Greenhalgh et al., Lancet 2004): stay 16 (16.6) days"),
        ("open repair", "aortic graft"),
    ),
    "bypass": Known(
        _lognormal("240 min", "60 min", "order of coronary bypass in registries" + _SPREAD),
        _lognormal("8 days", "5 days", "order of coronary bypass in registries" + _SPREAD),
        ("bypass", "cabg"),
    ),
    "valve": Known(
        _lognormal("90 min", "35 min", "order of transcatheter aortic valves in registries" + _SPREAD),
        _lognormal("4 days", "4 days", "order of transcatheter aortic valves in registries" + _SPREAD),
        ("tavi", "tavr", "valve"),
    ),
    "resection": Known(
        _lognormal("240 min", "90 min", "order of open liver resection in registries" + _SPREAD),
        _lognormal("8 days", "6 days", "order of open liver resection in registries" + _SPREAD),
        ("hepatectomy", "resection", "segmentectomy"),
    ),
}  # fmt: skip


def of_events(timelines: Iterable[Observations]) -> dict[str, Duration]:
    """Times in the room by kind of procedure, from the records of the twins that tell a beginning and an end.

    A kind that was done fewer than five times is left to the literature. Spans above a day are no time in a room.
    """
    found: dict[str, list[float]] = {}
    for timeline in timelines:
        for event in timeline.events:
            kind = kind_of(event)
            if (
                kind
                and event.kind == "procedure"
                and event.end_s is not None
                and 0.0 < event.end_s - event.start_s < 86400.0
            ):
                found.setdefault(kind, []).append((event.end_s - event.start_s) / 60.0)
    made = {}
    for kind, spans in found.items():
        if len(spans) >= ENOUGH:
            mean, sd = float(np.mean(spans)), max(float(np.std(spans, ddof=1)), 0.05 * float(np.mean(spans)))
            made[kind] = Duration(
                law="lognormal",
                mean=f"{mean:.1f} min",
                sd=f"{sd:.1f} min",
                source=f"{len(spans)} procedures of the twins",
            )
    return made


def planned(things: Iterable[TwinObject]) -> str:
    """Which procedure a twin is planned for, or none: that of its newest procedure on a vessel or plan of a resection."""
    kind = ""
    for thing in things:
        if isinstance(thing, Procedure):
            kind = {"stent": "stent", "balloon": "stent", "bypass": "bypass"}.get(thing.action.action, kind)
        elif isinstance(thing, ResectionPlan):
            kind = "resection"
        elif isinstance(thing, Scenario):
            done = [act.kind for act in thing.interventions]
            kind = "stent" if "stent" in done else "valve" if "valve" in done else kind
    return kind


def kind_of(event: Event) -> str:
    """Which of the known procedures a record speaks of, or none."""
    said = event.display.lower()
    return next(
        (
            kind
            for kind, known in KNOWN.items()
            if any(word in said.split() or (" " in word and word in said) for word in known.words)
        ),
        "",
    )
