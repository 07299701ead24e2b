"""A timeline as FHIR R4: one bundle, or NDJSON. De-identified unless told otherwise."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from organtwin.errors import BadInput
from organtwin.model import Event
from organtwin.timeline.codes import BLOOD_PRESSURE, CODES, LOINC, Code
from organtwin.timeline.days import YEAR_S
from organtwin.timeline.timeline import Series, Timeline

UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_SYSTOLIC, _DIASTOLIC = "8480-6", "8462-4"
_ELDEST = 90  # years; beyond it an age identifies (HIPAA Safe Harbor, 45 CFR 164.514)
_WITH_STATUS = {
    "medication": {"active", "completed", "intended", "stopped", "on-hold", "unknown", "not-taken"},
    "procedure": {"preparation", "in-progress", "on-hold", "stopped", "completed", "unknown"},
    "report": {"registered", "partial", "preliminary", "final", "amended", "corrected", "appended", "unknown"},
    "imaging": {"registered", "available", "unknown"},
    "encounter": {"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "unknown"},
}

Json = dict[str, Any]


def resources(timeline: Timeline, shift_s: float = 0.0, keep_texts: bool = False) -> Iterator[Json]:
    """The patient and everything about him, each a resource of FHIR R4.

    Parameters
    ----------
    timeline : Timeline
    shift_s : float
        Added to all times, the same for all, so that distances between them stay.
    keep_texts : bool
        Keep free text (conclusions, findings in words, instructions) and names of devices: both may name people.
    """
    subject = {"reference": "Patient/patient"}
    yield _patient(timeline, shift_s)
    devices = {source.device for source in timeline.sources if source.device} if keep_texts else set()
    places = {name: f"device-{n}" for n, name in enumerate(sorted(devices), 1)}
    for name, place in places.items():
        yield {"resourceType": "Device", "id": place, "deviceName": [{"name": name, "type": "user-friendly-name"}]}
    paired = _pairs(timeline)
    for loinc in timeline.codes:
        series, code = timeline.series(loinc), CODES[loinc]
        for n in range(len(series)):
            partner = paired.get((loinc, n))
            if partner is not None and loinc == _DIASTOLIC:
                continue
            made = _observation(series, code, n, shift_s, partner, timeline)
            device = timeline.sources[series.source[n]].device
            if device in places:
                made["device"] = {"reference": f"Device/{places[device]}"}
            yield {**made, "subject": subject}
    for n, event in enumerate(timeline.events, 1):
        told = _event(event, n, shift_s, keep_texts)
        if told is not None:
            yield {**told, "subject": subject}


def bundle(timeline: Timeline, shift_s: float = 0.0, keep_texts: bool = False) -> Json:
    """All :func:`resources` as a bundle of the type "collection"."""
    entries = [
        {"fullUrl": f"urn:uuid:{uuid5(NAMESPACE_URL, resource['id'])}", "resource": resource}
        for resource in resources(timeline, shift_s, keep_texts)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def write_fhir(timeline: Timeline, target: Path, shift_s: float = 0.0, keep_texts: bool = False) -> int:
    """Write a bundle (``.json``) or NDJSON (``.ndjson``); the file appears whole or not at all.

    Returns
    -------
    int
        How many resources it has.

    Raises
    ------
    BadInput
        When the file's name has another ending, or it cannot be written.
    """
    lines = target.suffix.lower() == ".ndjson"
    if not lines and target.suffix.lower() != ".json":
        raise BadInput("FHIR is written as .json or .ndjson", where=target.name)
    temporary = target.with_name(f".{target.name}.tmp")
    count = 0
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write("" if lines else '{"resourceType": "Bundle", "type": "collection", "entry": [\n')
            for count, resource in enumerate(resources(timeline, shift_s, keep_texts), 1):
                if lines:
                    stream.write(json.dumps(resource, ensure_ascii=False) + "\n")
                    continue
                entry = {"fullUrl": f"urn:uuid:{uuid5(NAMESPACE_URL, resource['id'])}", "resource": resource}
                stream.write(("" if count == 1 else ",\n") + json.dumps(entry, ensure_ascii=False))
            stream.write("" if lines else "\n]}\n")
        temporary.replace(target)
    except OSError as error:
        raise BadInput(f"The file cannot be written: {error.strerror}", where=str(target)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _patient(timeline: Timeline, shift_s: float) -> Json:
    person = timeline.person
    made: Json = {"resourceType": "Patient", "id": "patient", "gender": person.sex}
    if person.birth_year is not None:
        newest = timeline.span_s[1]
        this_year = datetime.fromtimestamp(newest, UTC).year if newest == newest else datetime.now(UTC).year
        year = max(person.birth_year, this_year - _ELDEST)
        made["birthDate"] = str(year + round(shift_s / YEAR_S))
    return made


def _pairs(timeline: Timeline) -> dict[tuple[str, int], int]:
    """Which systolic and diastolic pressures were measured together: at one time by one source."""
    systolic, diastolic = timeline.series(_SYSTOLIC), timeline.series(_DIASTOLIC)
    places: dict[tuple[float, int], list[int]] = defaultdict(list)
    for n in range(len(diastolic)):
        places[float(diastolic.times_s[n]), int(diastolic.source[n])].append(n)
    paired: dict[tuple[str, int], int] = {}
    for n in range(len(systolic)):
        waiting = places.get((float(systolic.times_s[n]), int(systolic.source[n])))
        if waiting:
            other = waiting.pop(0)
            paired[_SYSTOLIC, n] = other
            paired[_DIASTOLIC, other] = n
    return paired


def _observation(series: Series, code: Code, n: int, shift_s: float, partner: int | None, timeline: Timeline) -> Json:
    start = float(series.times_s[n]) + shift_s
    length, offset = float(series.durations_s[n]), int(series.offset_min[n])
    made: Json = {
        "resourceType": "Observation",
        "id": f"{code.loinc}-{n + 1}",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": _category(code)}]}],
    }
    if length > 0:
        made["effectivePeriod"] = {"start": _time(start, offset), "end": _time(start + length, offset)}
    else:
        made["effectiveDateTime"] = _time(start, offset)
    if partner is None:
        return {**made, "code": _concept(code), "valueQuantity": _quantity(series.values[n], code)}
    diastolic = CODES[_DIASTOLIC]
    other = timeline.series(_DIASTOLIC).values[partner]
    return {
        **made,
        "code": {"coding": [{"system": LOINC, "code": BLOOD_PRESSURE, "display": "Blood pressure panel"}]},
        "component": [
            {"code": _concept(code), "valueQuantity": _quantity(series.values[n], code)},
            {"code": _concept(diastolic), "valueQuantity": _quantity(other, diastolic)},
        ],
    }


def _category(code: Code) -> str:
    if code.group in ("activity",):
        return "activity"
    return "laboratory" if code.group in ("laboratory", "glucose") else "vital-signs"


def _concept(code: Code) -> Json:
    return {"coding": [{"system": code.system, "code": code.loinc, "display": code.title}], "text": code.title}


def _quantity(value: float, code: Code) -> Json:
    number = float(f"{value:.8g}")
    return {
        "value": int(number) if number.is_integer() else number,
        "unit": code.unit,
        "system": UCUM,
        "code": code.unit,
    }


def _time(time_s: float, offset_min: int = 0) -> str:
    zone = timezone(timedelta(minutes=offset_min))
    precise = "seconds" if abs(time_s - round(time_s)) < 5e-4 else "milliseconds"
    return (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(time_s, 3)))
        .astimezone(zone)
        .isoformat(timespec=precise)
    )


def _event(event: Event, n: int, shift_s: float, keep_texts: bool) -> Json | None:
    start = _time(event.start_s + shift_s)
    end = None if event.end_s is None else _time(event.end_s + shift_s)
    period = {"start": start, **({"end": end} if end else {})}
    detail = event.detail
    coding = [{"code": event.code, "display": event.display, **({"system": event.system} if event.system else {})}]
    concept: Json = {"coding": coding} if event.code else {"text": event.display if keep_texts else event.kind}
    known = _WITH_STATUS.get(event.kind, set())
    status = event.status if event.status in known else "unknown"
    base: Json = {"id": f"{event.kind}-{n}"}
    told: Json
    match event.kind:
        case "condition":
            clinical = (
                event.status
                if event.status in ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
                else ""
            )
            system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
            told = {"clinicalStatus": {"coding": [{"system": system, "code": clinical}]}} if clinical else {}
            ends = {"abatementDateTime": end} if end else {}
            return {"resourceType": "Condition", **base, **told, "code": concept, "onsetDateTime": start, **ends}
        case "medication":
            return {
                "resourceType": "MedicationStatement", **base, "status": status, "medicationCodeableConcept": concept,
                "effectivePeriod": period, **({"dosage": [dosage]} if (dosage := _dosage(detail, keep_texts)) else {}),
            }  # fmt: skip
        case "procedure":
            return {"resourceType": "Procedure", **base, "status": status, "code": concept, "performedPeriod": period}
        case "report":
            told = {"conclusion": detail["conclusion"]} if keep_texts and detail.get("conclusion") else {}
            return {
                "resourceType": "DiagnosticReport",
                **base,
                "status": status,
                "code": concept,
                "effectiveDateTime": start,
                **told,
            }
        case "imaging":
            system = "http://dicom.nema.org/resources/ontology/DCM"
            modality = [{"system": system, "code": str(code)} for code in detail.get("modalities", [])]
            told = {"modality": modality} if modality else {}
            words = {"description": event.display} if keep_texts else {}
            return {"resourceType": "ImagingStudy", **base, "status": status, "started": start, **told, **words}
        case "encounter":
            kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": event.code or "AMB"}
            return {"resourceType": "Encounter", **base, "status": status, "class": kind, "period": period}
        case _:
            if not keep_texts:
                return None
            return {
                "resourceType": "Observation", **base, "status": "final", "code": concept, "effectiveDateTime": start,
                "valueString": str(detail.get("value") or event.display),
            }  # fmt: skip


def _dosage(detail: Json, keep_texts: bool) -> Json:
    made: Json = {"text": detail["text"]} if keep_texts and detail.get("text") else {}
    if "dose" in detail:
        unit = str(detail.get("unit") or "1")
        made["doseAndRate"] = [{"doseQuantity": {"value": detail["dose"], "unit": unit, "system": UCUM, "code": unit}}]
    if "per_day" in detail:
        repeat = {"frequency": 1, "period": round(1 / detail["per_day"], 6), "periodUnit": "d"} if detail["per_day"] < 1 else {
            "frequency": round(detail["per_day"]), "period": 1, "periodUnit": "d"}  # fmt: skip
        made["timing"] = {"repeat": repeat}
    if detail.get("route") and keep_texts:
        made["route"] = {"text": detail["route"]}
    return made
