"""What was measured on the patient, when, by what; and what happened to him."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from organtwin.model.base import Array, Frozen, TwinObject


class Person(Frozen):
    """What models need to know of the patient. ``identity`` is a salted hash: two files of one patient agree in it."""

    identity: str = ""
    sex: Literal["female", "male", "other", "unknown"] = "unknown"
    birth_year: int | None = None


class Source(Frozen):
    """Where readings came from: a file's name without its folder, or a feed; and the device that measured."""

    name: str
    format: str  # "fhir", "apple-health", "fitbit", "cgm-csv", "mqtt" ...
    device: str = ""
    sha256: str = ""


class Event(Frozen):
    """What is no number: a diagnosis, a drug, a procedure, a report, a scan. Times are seconds since 1970, UTC.

    ``detail`` is plain data for people and for effects of drugs: dose, route, text of a report, uid of a study.
    """

    kind: Literal["condition", "medication", "procedure", "report", "imaging", "encounter", "note"]
    code: str
    system: str = ""
    display: str
    start_s: float
    end_s: float | None = None
    status: str = ""
    source: int = 0
    detail: dict[str, Any] = Field(default_factory=dict)


class Quarantined(Frozen):
    """A reading that was set aside: why in one word and in one sentence, where it stood, and its text as it was.

    ``count``: of very many for one reason the first are kept one by one, the rest in one record.
    """

    reason: Literal["duplicate", "unit", "impossible", "clock", "patient", "code", "unreadable", "status"]
    said: str
    place: str
    raw: str
    count: int = 1


class Observations(TwinObject):
    """One import: n readings as columns, in order of time. The timeline of a patient is all of them together.

    ``code`` (n) uint16 points into ``codes`` (LOINC), ``source`` (n) uint16 into ``sources``; ``times_s`` (n) float64 are
    seconds since 1970 UTC at the beginning of what was measured, ``durations_s`` (n) float32 its length (0: a moment),
    ``offset_min`` (n) int16 the local clock's distance to UTC; ``values`` (n) float64 in the unit that the registry of codes
    (organtwin.timeline.codes) gives the code. ``quarantine`` is uint8: JSON lines of :class:`Quarantined`.
    """

    kind: ClassVar[str] = "observations"

    person: Person = Person()
    codes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    times_s: Array
    durations_s: Array
    offset_min: Array
    values: Array
    code: Array
    source: Array
    events: tuple[Event, ...] = ()
    quarantine: Array = Field(default_factory=lambda: np.zeros(0, np.uint8))
    purpose: str = ""  # what the patient's consent allows: told at import

    def __len__(self) -> int:
        return len(self.values)

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        lines = bytes(np.asarray(self.quarantine)).decode("utf-8").splitlines()
        return tuple(Quarantined.model_validate(json.loads(line)) for line in lines)
