"""Monitoring inside a project: what a patient is watched for, his alerts, and what somebody said to them.

Alerts are objects of the project (kind "alert"). Raising, ending and acknowledging are steps like all others: they can be
undone, they are in the journal and in the audit log. What the patient is watched for is one object (kind "monitoring").
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Acknowledgement, Alert, Forecast, Monitoring, Observations, TwinState
from organtwin.monitoring.evaluate import evaluate, suggestion, urgency, version
from organtwin.monitoring.protocol import Protocol, known, parse
from organtwin.monitoring.records import Evaluation
from organtwin.store import Project
from organtwin.timeline.days import DAY_S
from organtwin.timeline.timeline import Timeline

ARCHIVE_DAYS = 30.0  # readings that end longer ago than this are an archive: they are judged as of their end
STATES, FORECASTS = 20, 5  # newest ones that rules may compare with


def timeline_of(project: Project) -> Timeline:
    """All readings of the project."""
    return Timeline(project.objects(Observations))


def alerts_of(project: Project, only_open: bool = False) -> tuple[Alert, ...]:
    """The alerts of a project, worst first."""
    found = (
        project.load(e.uuid) for e in project.entries("alert") if not (only_open and e.facts.get("ended_s") is not None)
    )
    return tuple(sorted((a for a in found if isinstance(a, Alert)), key=urgency, reverse=True))


def monitoring_of(project: Project) -> Monitoring | None:
    """What the patient is watched for, when somebody has said it."""
    entries = project.entries("monitoring")
    made = project.load(entries[-1].uuid) if entries else None
    return made if isinstance(made, Monitoring) else None


def protocols_of(project: Project, timeline: Timeline) -> tuple[tuple[Protocol, ...], Monitoring | None]:
    """The patient's own protocols; where none were chosen, those that fit him (and None)."""
    chosen = monitoring_of(project)
    if chosen is not None:
        return tuple(known(text) for text in chosen.protocols.values()), chosen
    return suggestion(timeline), None


def now_of(timeline: Timeline) -> float:
    """The present, or the end of the readings where they are an archive."""
    last = timeline.span_s[1]
    now = time.time()
    return now if not np.isfinite(last) or now - last <= ARCHIVE_DAYS * DAY_S else float(last)


def evaluate_project(
    project: Project, now_s: float | None = None, timeline: Timeline | None = None, only: tuple[Protocol, ...] = ()
) -> Evaluation:
    """Judge a project's patient; nothing is stored (see :func:`keep`).

    Parameters
    ----------
    now_s : float, optional
        Seconds since 1970 UTC; left out: :func:`now_of` its readings.
    timeline : Timeline, optional
        Where it is at hand already.
    only : tuple of Protocol
        These instead of the patient's own, to try them.
    """
    project.role.require_sight("alerts")
    timeline = timeline_of(project) if timeline is None else timeline
    own, chosen = protocols_of(project, timeline)
    protocols = only or own
    return evaluate(
        timeline,
        protocols,
        now_of(timeline) if now_s is None else now_s,
        alerts=() if only else alerts_of(project, only_open=True),
        states=_states(project),
        forecasts=_forecasts(project),
        begun_s=chosen.begun_s if chosen is not None and not only else None,
        suggested=chosen is None and not only,
    )


def keep(document: Document, evaluation: Evaluation) -> None:
    """Store new alerts and those that are over, as one step; nothing is written where nothing changed."""
    if not evaluation.changed:
        return
    counts = (
        f"{len(evaluation.raised)} new" if evaluation.raised else "",
        f"{len(evaluation.ended)} over" if evaluation.ended else "",
    )
    document.add(list(evaluation.changed), f"Alerts: {', '.join(filter(None, counts))}")


def acknowledge(document: Document, uuid: str, by: str, said: str = "") -> Alert:
    """Say that somebody has seen an alert; the version of the alert that says so is returned.

    Raises
    ------
    BadInput
        When there is no such alert, or nobody is named.
    """
    entry = next(
        (e for e in document.entries("alert") if e.uuid == uuid or (len(uuid) >= 4 and e.uuid.startswith(uuid))), None
    )
    if entry is None:
        raise BadInput(f"There is no alert '{uuid}'", remedy="'organtwin alerts PROJECT' lists them.")
    if not by.strip():
        raise BadInput("Whoever acknowledges an alert must be named")
    alert = document.get(entry.uuid)
    assert isinstance(alert, Alert)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    seen = version(alert, acknowledged=Acknowledgement(by=by.strip(), at=at, said=said.strip()))
    document.add([seen], f"Acknowledge {alert.name}")
    return seen


def assign(document: Document, protocols: Mapping[str, str], begun_s: float | None = None) -> Monitoring:
    """Watch the patient by these protocols (name and YAML text) and no others, from now on.

    Raises
    ------
    BadInput
        When a text is no protocol.
    """
    checked = {parse(text, name).name: text for name, text in protocols.items()}
    before = monitoring_of(document.project)
    begun = begun_s if begun_s is not None else before.begun_s if before else now_of(timeline_of(document.project))
    made = Monitoring(
        name="Monitoring", protocols=checked, begun_s=begun, replaces=before.uuid if before is not None else None
    )
    document.add([made], f"Watch: {', '.join(checked) or 'nothing'}")
    return made


def _states(project: Project) -> tuple[TwinState, ...]:
    entries = sorted(project.entries("twin-state"), key=lambda e: float(e.facts.get("at_s") or 0.0))[-STATES:]
    return tuple(s for e in entries if isinstance(s := project.load(e.uuid), TwinState))


def _forecasts(project: Project) -> tuple[Forecast, ...]:
    entries = [e for e in project.entries("forecast") if not e.facts.get("scenario")][-FORECASTS:]
    return tuple(f for e in entries if isinstance(f := project.load(e.uuid), Forecast))
