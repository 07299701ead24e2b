"""A FHIR R4 resource without identity, in the manner of HIPAA's Safe Harbor (45 CFR 164.514(b)(2)): only what is listed here
stays; of dates all are moved by an amount of the patient's own (Safe Harbor itself keeps nothing but years), a birth date
becomes its year, and who is 90 or older becomes 90. Free text goes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from organtwin.privacy.deidentification.dicom import OLDEST
from organtwin.privacy.deidentification.pseudonyms import Pseudonyms, moved

Json = dict[str, Any]

KEPT = frozenset(["resourceType", "type", "status", "intent", "statusReason", "category", "code", "coding", "system", "value", "unit", "comparator", "low", "high", "origin", "period", "clinicalStatus", "verificationStatus", "severity", "stage", "interpretation", "method", "bodySite", "component", "referenceRange", "dataAbsentReason", "valueQuantity", "valueCodeableConcept", "valueBoolean", "valueInteger", "valueRatio", "valueRange", "valueSampledData", "factor", "dimensions", "data", "numerator", "denominator", "gender", "deceasedBoolean", "active", "multipleBirthBoolean", "medicationCodeableConcept", "dosage", "doseAndRate", "doseQuantity", "doseRange", "rateQuantity", "rateRatio", "route", "timing", "repeat", "code", "frequency", "periodUnit", "boundsPeriod", "maxDosePerPeriod", "asNeededBoolean", "sequence", "effectivePeriod", "performedPeriod", "onsetPeriod", "abatementPeriod", "onsetAge", "abatementAge", "onsetRange", "modality", "numberOfSeries", "numberOfInstances", "series", "started", "laterality", "entry", "resource", "class", "reasonCode", "outcome", "focalDevice", "usedCode"])  # fmt: skip
DATES = frozenset(["effectiveDateTime", "effectiveInstant", "issued", "onsetDateTime", "abatementDateTime", "recordedDate", "dateAsserted", "performedDateTime", "started", "start", "end", "authoredOn", "deceasedDateTime", "valueDateTime", "date", "timestamp", "lastUpdated"])  # fmt: skip
REFERENCES = frozenset(
    ["subject", "patient", "encounter", "basedOn", "partOf", "hasMember", "derivedFrom", "result", "focus", "reference"]
)
DIGITS_OF_ID = 16


class FhirDeidentifier:
    """Cleans resources of patients; the same ids and dates become the same."""

    def __init__(self, pseudonyms: Pseudonyms, person: str = "") -> None:
        self._pseudonyms, self._person = pseudonyms, person

    def __call__(self, resource: Json) -> Json:
        """A cleaned copy of a resource or a bundle of them."""
        if resource.get("resourceType") == "Bundle":
            entries = [self(e["resource"]) for e in resource.get("entry") or () if isinstance(e.get("resource"), dict)]
            return {"resourceType": "Bundle", "type": "collection", "entry": [
                {"fullUrl": f"urn:uuid:{_as_uuid(self._id(str(one.get('resourceType')), str(one.get('id', n))))}", "resource": one}
                for n, one in enumerate(entries)
            ]}  # fmt: skip
        days = self._pseudonyms.shift_days(self._person or _patient_of(resource))
        made = self._cleaned(resource, days)
        kind = str(resource.get("resourceType", ""))
        made["id"] = self._id(kind, str(resource.get("id", "")))
        if kind == "Patient" and resource.get("birthDate"):
            made["birthDate"] = _year(str(resource["birthDate"]))
        return made

    def _cleaned(self, thing: Json, days: int) -> Json:
        made: Json = {}
        for key, value in thing.items():
            if key in REFERENCES:
                told = self._references(value)
                if told:
                    made[key] = told
            elif key in DATES and isinstance(value, str):
                if then := _moved(value, days):
                    made[key] = then
            elif key in KEPT or (key == "display" and "system" in thing and "code" in thing):
                if isinstance(value, dict):
                    made[key] = self._cleaned(value, days)
                elif isinstance(value, list):
                    items = [self._cleaned(v, days) if isinstance(v, dict) else v for v in value]
                    made[key] = [item for item in items if item not in ({}, None)]
                elif key != "display" or len(str(value)) < 200:
                    made[key] = value
        return {key: value for key, value in made.items() if value not in ({}, [])}

    def _references(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._references, value) if one]
        if isinstance(value, dict):
            told = self._references(value.get("reference"))
            return {"reference": told} if told else None
        if not isinstance(value, str):
            return None
        found = re.search(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?$", value)
        return f"{found[1]}/{self._id(found[1], found[2])}" if found else None

    def _id(self, kind: str, old: str) -> str:
        return f"{kind.lower()}-{int(self._pseudonyms.uid(f'{kind}/{old}')[5:]) % 16**DIGITS_OF_ID:0{DIGITS_OF_ID}x}"


def _patient_of(resource: Json) -> str:
    if resource.get("resourceType") == "Patient":
        return str(resource.get("id", ""))
    subject = resource.get("subject") or resource.get("patient") or {}
    return str(subject.get("reference", "") if isinstance(subject, dict) else "").rpartition("/")[2]


def _moved(text: str, days: int) -> str:
    """A FHIR date or dateTime ``days`` earlier."""
    found = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)?", text)
    if found is None:
        return ""
    year, month, day, rest = found.groups()
    then = moved("".join(part for part in (year, month, day) if part), days)
    parts = [then[:4], then[4:6], then[6:8]]
    return "-".join(part for part in parts if part) + (rest or "") if then else ""


def _year(birth: str) -> str:
    found = re.match(r"\d{4}", birth)
    return str(max(int(found[0]), datetime.now(UTC).year - OLDEST - 1)) if found else ""


def _as_uuid(text: str) -> str:
    digits = f"{int(text.rpartition('-')[2], 16):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
