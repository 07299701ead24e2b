"""What arrives, looked at before it is kept: is it a reading, and may it be this patient's?

Only what can be said at once is said here, so that a sender can be told; everything else (units, impossible values, doubles,
clocks) is checked as for every import when the readings are taken in, and set aside there with its reason.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from organtwin.model import Person
from organtwin.timeline.codes import find
from organtwin.timeline.identity import disagree, identity

Json = dict[str, Any]

LARGEST_BYTES = 1024**2  # of one message
MOST_ENTRIES = 2000  # of one bundle
DEEPEST = 40
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_SIMPLE = {"code", "value", "unit", "time", "device", "patient", "id"}


class NotTaken(Exception):
    """Why something is not kept. ``code`` is FHIR's word (structure, invalid, required, not-supported, ...)."""

    def __init__(self, what: str, code: str = "invalid") -> None:
        self.what, self.code = what, code
        super().__init__(what)


def parsed(data: bytes) -> Json:
    """A JSON object, of sizes that readings have.

    Raises
    ------
    NotTaken
        When it is none.
    """
    if len(data) > LARGEST_BYTES:
        raise NotTaken(f"A message has at most {LARGEST_BYTES // 1024} kB", "too-long")
    try:
        told = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NotTaken(f"This is no JSON: {str(error)[:100]}", "structure") from None
    if not isinstance(told, dict):
        raise NotTaken("A JSON object is needed", "structure")
    if _depth(told) > DEEPEST:
        raise NotTaken(f"It is nested deeper than {DEEPEST}", "structure")
    return told


def observation(told: Json) -> Json:
    """An Observation of FHIR that has what a reading needs. A simple message is turned into one.

    A simple message is ``{"code": "29463-7", "value": 81.2, "unit": "kg", "time": "2026-03-01T07:10:00+01:00"}``, and "device",
    "patient" and "id" where there are; its code may be another name that the table of readings knows ("weight").
    """
    if "resourceType" not in told and "code" in told and "value" in told:
        told = _simple(told)
    if told.get("resourceType") != "Observation":
        raise NotTaken(
            f"'{str(told.get('resourceType'))[:40]}' is not taken here: only Observation is", "not-supported"
        )
    if not isinstance(told.get("code"), dict):
        raise NotTaken("The Observation has no code", "required")
    when = (
        told.get("effectiveDateTime")
        or told.get("effectiveInstant")
        or told.get("effectivePeriod")
        or told.get("issued")
    )
    if not when:
        raise NotTaken("The Observation has no time (effectiveDateTime)", "required")
    parts = told.get("component")
    if not any(key.startswith(("value", "dataAbsentReason")) for key in told) and not (
        isinstance(parts, list) and parts
    ):
        raise NotTaken("The Observation has no value", "required")
    if not isinstance(told.get("subject"), dict | None):
        raise NotTaken("The Observation's subject is no reference, so that nobody knows whose it is", "structure")
    if told.get("status") in (None, ""):
        raise NotTaken("The Observation has no status", "required")
    if told["status"] not in ("final", "preliminary", "registered"):
        raise NotTaken(f"Corrections are not taken here (its status is '{str(told['status'])[:40]}')", "not-supported")
    return told


def entries(bundle: Json) -> Iterator[Json]:
    """The resources of a Bundle."""
    found = bundle.get("entry")
    if not isinstance(found, list) or not found:
        raise NotTaken("The Bundle has no entries", "required")
    if len(found) > MOST_ENTRIES:
        raise NotTaken(f"A Bundle has at most {MOST_ENTRIES} entries", "too-long")
    for entry in found:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        yield resource if isinstance(resource, dict) else {}


def subject_key(resource: Mapping[str, Any]) -> str:
    """A hash of who an Observation says that it is of; "" where it does not say. The name itself is not kept."""
    subject = resource.get("subject")
    if not isinstance(subject, dict):
        return ""
    reference = subject.get("reference")
    if isinstance(reference, str) and reference.strip():
        return _hashed("/".join(reference.strip().partition("/_history/")[0].split("/")[-2:]))
    number = subject.get("identifier")
    if isinstance(number, dict) and number.get("value"):
        return _hashed(f"{number.get('system')}|{number.get('value')}")
    return ""


def is_of(person: Person, resource: Mapping[str, Any]) -> bool:
    """Whether the number that a subject is told with can be the patient's."""
    subject = resource.get("subject")
    number = subject.get("identifier") if isinstance(subject, dict) else None
    if not isinstance(number, dict) or not isinstance(number.get("value"), str):
        return True
    other = Person(identity=identity(numbers=[(str(number.get("system") or ""), number["value"])]))
    return not disagree(person, other)


def told_key(resource: Mapping[str, Any]) -> str:
    """The same for a reading that is sent again, in whatever order its parts are."""
    same = {key: value for key, value in resource.items() if key not in ("meta", "text")}
    return hashlib.blake2b(json.dumps(same, sort_keys=True).encode(), digest_size=16).hexdigest()


def _simple(told: Json) -> Json:
    if unknown := set(told) - _SIMPLE:
        raise NotTaken(f"Unknown key '{sorted(unknown)[0][:40]}': a simple message has {', '.join(sorted(_SIMPLE))}")
    known = find(str(told["code"])[:100])
    value = told["value"]
    if known is None:
        raise NotTaken(f"'{str(told['code'])[:40]}' is no reading that is known here", "code-invalid")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotTaken("The value is no number", "value")
    if not isinstance(told.get("unit"), str):
        raise NotTaken(f"The unit is missing; {known.title} is kept in {known.unit}", "required")
    if not isinstance(told.get("time"), str) or not _TIME.fullmatch(told["time"]):
        raise NotTaken('The time is missing or not as in "2026-03-01T07:10:00+01:00"', "required")
    made: Json = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": known.system, "code": known.loinc}]},
        "effectiveDateTime": told["time"],
        "valueQuantity": {"value": value, "unit": told["unit"]},
    }
    if told.get("device"):
        made["device"] = {"display": str(told["device"])[:100]}
    if told.get("patient"):
        made["subject"] = {"reference": f"Patient/{str(told['patient'])[:100]}"}
    if told.get("id"):
        made["id"] = str(told["id"])[:64]
    return made


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON")


def _depth(thing: object) -> int:
    deepest, waiting = 0, [(thing, 1)]
    while waiting:
        at, depth = waiting.pop()
        deepest = max(deepest, depth)
        inside = at.values() if isinstance(at, dict) else at if isinstance(at, list) else ()
        waiting.extend((one, depth + 1) for one in inside)
    return deepest


def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"organtwin feed").hexdigest()
