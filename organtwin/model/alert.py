"""What the monitoring noticed, and who has seen it."""

from __future__ import annotations

from typing import ClassVar, Literal

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
