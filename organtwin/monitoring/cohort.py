"""Many patients at a glance: who changed, why, and since when; worst first.

Projects are opened for reading only, so it does not matter that one of them is open in the window or fed by devices.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Alert
from organtwin.monitoring.protocol import Protocol
from organtwin.monitoring.records import SEVERITIES, Cohort, Evaluation, Latest, Patient
from organtwin.monitoring.store import evaluate_project, now_of, protocols_of, timeline_of
from organtwin.store import Project
from organtwin.timeline.days import DAY_S
from organtwin.timeline.timeline import Timeline

DEEPEST = 4  # folders below those that are named


def cohort(
    folders: Sequence[Path], now_s: float | None = None, told: Callable[[int, int], None] | None = None
) -> Cohort:
    """The patients of all projects in these folders.

    Parameters
    ----------
    folders : sequence of Path
        Projects (``*.otwin``), or folders with projects somewhere below.
    now_s : float, optional
        As of when; left out: of each its own present (see ``monitoring.store.now_of``).
    told : callable, optional
        Called with (done, all) after each project.

    Raises
    ------
    BadInput
        When a folder does not exist, or there is no project in any.
    """
    begun = time.perf_counter()
    projects = list(dict.fromkeys(projects_in(folders)))
    if not projects:
        raise BadInput(
            "There are no projects here",
            where=", ".join(str(f) for f in folders),
            remedy="A project is a folder that ends in .otwin.",
        )
    patients = []
    for folder in projects:
        patients.append(patient(folder, now_s))
        if told is not None:
            told(len(patients), len(projects))
    patients.sort(key=_rank, reverse=True)
    return Cohort(tuple(patients), time.perf_counter() - begun)


def patient(folder: Path, now_s: float | None = None) -> Patient:
    """One project's row; a project that cannot be read has a row that says why."""
    try:
        with Project(folder, read_only=True) as project:
            timeline = timeline_of(project)
            at_s = now_of(timeline) if now_s is None else now_s
            protocols, _ = protocols_of(project, timeline)
            evaluation = evaluate_project(project, at_s, timeline)
            return row(folder, project.name, timeline, protocols, evaluation)
    except OrganTwinError as error:
        return Patient(folder, folder.stem, error=error.sentence)
    except (OSError, ValueError, KeyError, TypeError) as error:  # a folder that anybody may have written to
        return Patient(folder, folder.stem, error=f"This project is damaged: {error}")


def row(folder: Path, name: str, timeline: Timeline, protocols: Iterable[Protocol], evaluation: Evaluation) -> Patient:
    """What a list shows of one evaluation."""
    waiting = [alert for alert in evaluation.open if alert.acknowledged is None]
    worst: Alert | None = next(iter([*waiting, *evaluation.open]), None)
    last = timeline.span_s[1]
    return Patient(
        folder=folder,
        name=name,
        at_s=evaluation.at_s,
        protocols=evaluation.protocols,
        suggested=evaluation.suggested,
        severity=worst.severity if worst else None,
        why=worst.why if worst else "",
        since_s=worst.since_s if worst else None,
        waiting=len(waiting),
        alerts=evaluation.open,
        adhered=evaluation.adhered,
        last_reading_s=float(last) if np.isfinite(last) else None,
        latest=tuple(latest(timeline, protocols, evaluation.at_s)),
    )


def latest(timeline: Timeline, protocols: Iterable[Protocol], at_s: float) -> Iterator[Latest]:
    """The newest values of what the protocols look at, each reading once."""
    for code in dict.fromkeys(code for protocol in protocols for code in protocol.codes):
        series = timeline.series(code).between(t1_s=at_s + 1.0)
        if not len(series):
            continue
        week = series.between(at_s - 7 * DAY_S).values
        before = series.between(at_s - 35 * DAY_S, at_s - 7 * DAY_S).values
        yield Latest(
            code=series.code,
            title=series.known.title,
            unit=series.known.unit,
            value=float(series.values[-1]),
            at_s=float(series.times_s[-1]),
            week=float(np.median(week)) if len(week) else None,
            before=float(np.median(before)) if len(before) else None,
        )


def projects_in(folders: Sequence[Path]) -> Iterator[Path]:
    """Project folders, in order of their names; what lies inside a project is not looked at."""
    for folder in folders:
        if not folder.is_dir():
            raise BadInput("There is no such folder", where=str(folder))
        if (folder / "project.json").exists():
            yield folder.resolve()
            continue
        for parent, inside, files in os.walk(folder):
            depth = len(Path(parent).relative_to(folder).parts)
            if "project.json" in files:
                yield Path(parent).resolve()
                inside.clear()
            elif depth >= DEEPEST:
                inside.clear()
            inside[:] = sorted(name for name in inside if not name.startswith("."))


def _rank(one: Patient) -> tuple[int, bool, float, bool]:
    severity = SEVERITIES.index(one.severity) + 1 if one.severity else 0
    return severity, one.waiting > 0, one.since_s or 0.0, not one.error
