"""What is watched in a patient, what the monitoring noticed, and who has seen it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from organtwin.model.base import Frozen, TwinObject


class Acknowledgement(Frozen):
    by: str
    at: str  # ISO, UTC
    said: str = ""


class Alert(TwinObject):
    """``rule`` of ``protocol`` fired. ``since_s`` is when the change began, ``raised_s`` when it was noticed (s since 1970).

    ``why`` explains in sentences with numbers; ``evidence`` names the readings (LOINC) it rests on. Acknowledging one makes
    a version of it.
    """

    kind: ClassVar[str] = "alert"

    protocol: str
    rule: str
    severity: Literal["note", "warning", "urgent"]
    since_s: float
    raised_s: float
    why: str
    evidence: tuple[str, ...] = ()
    ended_s: float | None = None
    acknowledged: Acknowledgement | None = None


class Monitoring(TwinObject):
    """What this patient is watched for: the protocols by name, each with its whole YAML text, since ``begun_s``.

    The text is the patient's own copy: it can be changed for him, and what fired can be understood when the shipped one has
    changed since. The newest one of a project counts; a change makes a version.
    """

    kind: ClassVar[str] = "monitoring"

    protocols: dict[str, str] = Field(default_factory=dict)
    begun_s: float = 0.0
