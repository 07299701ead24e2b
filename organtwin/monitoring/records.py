"""What monitoring hands to whoever shows it: findings, adherence, one patient's evaluation, a cohort's rows.

All times are seconds since 1970 UTC. Sentences are whole and have their numbers in them; nothing needs to be added to show
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from organtwin.model import Alert

Severity = Literal["note", "warning", "urgent"]
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "urgent")  # from little to much


@dataclass(frozen=True)
class Finding:
    """A rule that holds now. ``why`` says so with numbers, ``evidence`` are the LOINC codes it rests on."""

    protocol: str
    rule: str
    severity: Severity
    since_s: float
    why: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adherence:
    """Readings taken against those that a protocol expects of one ``reading`` over ``days`` up to now.

    More than expected on one day does not make up for another: each period (a day or a week) counts up to what is expected.
    """

    protocol: str
    reading: str
    title: str
    days: float
    expected: float
    taken: float
    last_s: float | None

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(self.taken / self.expected, 1.0) if self.expected > 0.0 else 1.0


@dataclass(frozen=True)
class Evaluation:
    """One patient at ``at_s``.

    Attributes
    ----------
    protocols
        Titles of those that were applied.
    suggested
        Whether nobody chose them: they fit the patient's conditions or readings.
    open
        Alerts that stand now, worst and newest first: earlier ones that still hold, and new ones.
    raised, ended
        What changed: new alerts, and new versions of alerts that are over. Neither is stored yet (see ``monitoring.store``).
    adherence
        One for each reading that a protocol expects.
    unjudged
        Sentences about rules that could not be judged, and why ("Heart rate: the last reading is 9 days old.").
    findings
        All rules that hold now, with today's numbers (an open alert keeps the words it was raised with).
    """

    at_s: float
    protocols: tuple[str, ...] = ()
    suggested: bool = False
    open: tuple[Alert, ...] = ()
    raised: tuple[Alert, ...] = ()
    ended: tuple[Alert, ...] = ()
    adherence: tuple[Adherence, ...] = ()
    unjudged: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def changed(self) -> tuple[Alert, ...]:
        """What is to be added to the project."""
        return (*self.raised, *self.ended)

    @property
    def worst(self) -> Severity | None:
        return self.open[0].severity if self.open else None

    @property
    def adhered(self) -> float | None:
        """The mean share over all expected readings, 0 to 1; None where none is expected."""
        return sum(a.share for a in self.adherence) / len(self.adherence) if self.adherence else None


@dataclass(frozen=True)
class Latest:
    """The newest value of a reading, and its median over the week before ``at_s`` and over the four weeks before that."""

    code: str
    title: str
    unit: str
    value: float
    at_s: float
    week: float | None = None
    before: float | None = None


@dataclass(frozen=True)
class Patient:
    """A row of the cohort. ``error`` is a sentence where the project could not be read; everything else is then empty.

    ``why`` and ``since_s`` are those of the worst open alert that nobody has acknowledged, else of the worst one.
    """

    folder: Path
    name: str
    error: str = ""
    at_s: float | None = None
    protocols: tuple[str, ...] = ()
    suggested: bool = False
    severity: Severity | None = None
    why: str = ""
    since_s: float | None = None
    waiting: int = 0  # open alerts that nobody has acknowledged
    alerts: tuple[Alert, ...] = ()
    adhered: float | None = None
    last_reading_s: float | None = None
    latest: tuple[Latest, ...] = ()


@dataclass(frozen=True)
class Cohort:
    """All patients, worst first: urgent before warning before note, waiting before acknowledged, then the newest change."""

    patients: tuple[Patient, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.patients)
