"""A FHIR R4 resource without identity, in the manner of HIPAA's Safe Harbor (45 CFR 164.514(b)(2)): only what is listed here
stays; of dates all are moved by an amount of the patient's own (Safe Harbor itself keeps nothing but years), a birth date
becomes its year, and who is 90 or older becomes 90. Free text goes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from organtwin.privacy.deidentification.dicom import OLDEST
from organtwin.privacy.deidentification.pseudonyms import Pseudonyms, moved
from organtwin.timeline.ucum import UNITS, ucum

Json = dict[str, Any]

KEPT = frozenset(["resourceType", "type", "status", "intent", "statusReason", "category", "code", "coding", "system", "value", "unit", "comparator", "low", "high", "origin", "period", "clinicalStatus", "verificationStatus", "severity", "stage", "interpretation", "method", "bodySite", "component", "referenceRange", "dataAbsentReason", "valueQuantity", "valueCodeableConcept", "valueBoolean", "valueInteger", "valueRatio", "valueRange", "valueSampledData", "factor", "dimensions", "data", "numerator", "denominator", "gender", "deceasedBoolean", "active", "multipleBirthBoolean", "medicationCodeableConcept", "dosage", "doseAndRate", "doseQuantity", "doseRange", "rateQuantity", "rateRatio", "route", "timing", "repeat", "code", "frequency", "periodUnit", "boundsPeriod", "maxDosePerPeriod", "asNeededBoolean", "sequence", "effectivePeriod", "performedPeriod", "onsetPeriod", "abatementPeriod", "onsetAge", "abatementAge", "onsetRange", "modality", "numberOfSeries", "numberOfInstances", "series", "started", "laterality", "entry", "resource", "class", "reasonCode", "outcome", "focalDevice", "usedCode"])  # fmt: skip
DATES = frozenset(["effectiveDateTime", "effectiveInstant", "issued", "onsetDateTime", "abatementDateTime", "recordedDate", "dateAsserted", "performedDateTime", "started", "start", "end", "authoredOn", "deceasedDateTime", "valueDateTime", "date", "timestamp", "lastUpdated"])  # fmt: skip
REFERENCES = frozenset(
    ["subject", "patient", "encounter", "basedOn", "partOf", "hasMember", "derivedFrom", "result", "focus", "reference"]
)
AGES = frozenset(["onsetAge", "abatementAge", "onsetRange", "abatementRange"])
CODES_OF_AGE = frozenset(["30525-0", "21612-7", "29553-5"])  # LOINC: age, reported, calculated
RESOURCES = frozenset(["Patient", "Observation", "Condition", "Procedure", "DiagnosticReport", "ImagingStudy", "Encounter", "MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense", "Medication", "Device", "DeviceUseStatement", "Immunization", "AllergyIntolerance", "CarePlan", "Goal", "ServiceRequest", "Specimen"])  # fmt: skip
# of coding: whose codes and displays are the same everywhere. A code of a house can be a patient's number
SYSTEMS = ("http://loinc.org", "http://snomed.info/", "http://unitsofmeasure.org", "http://hl7.org/", "http://terminology.hl7.org/",
           "http://www.nlm.nih.gov/research/umls/", "http://www.whocc.no/atc", "http://dicom.nema.org/", "http://fhir.de/CodeSystem/",
           "http://id.who.int/icd", "http://www.ama-assn.org/go/cpt", "urn:iso:std:iso:11073", "urn:ietf:bcp:47")  # fmt: skip
WORDS = frozenset(["status", "intent", "type", "gender", "periodUnit", "comparator", "category", "class", "outcome"])
NAMING = frozenset(["name", "identifier", "telecom", "address", "contact", "photo"])
_WORD = re.compile(r"[a-z][a-z-]{0,30}|[<>]=?|[A-Z]{1,6}")
_CODE = re.compile(r"[^\s]{1,40}")
_NUMBER = re.compile(r"-?\d{1,16}(\.\d{1,16})?([eE][+-]?\d{1,3})?")
_SAMPLES = re.compile(r"[0-9EULe.+\- ]*")
DIGITS_OF_ID = 16
LONGEST_DISPLAY, LONGEST_UNIT = 200, 25


class FhirDeidentifier:
    """Cleans resources of patients; the same ids and dates become the same."""

    def __init__(self, pseudonyms: Pseudonyms, person: str = "") -> None:
        self._pseudonyms, self._person = pseudonyms, person
        self._names: set[str] = set()  # words that name people in what was seen so far
        self.passed_over = 0  # resources of which nothing is known

    def __call__(self, resource: Json) -> Json:
        """A cleaned copy of a resource or a bundle of them."""
        self._names |= _naming_words(resource)
        if resource.get("resourceType") == "Bundle":
            inside = [e.get("resource") for e in resource.get("entry") or () if isinstance(e, dict)]
            known = [one for one in inside if isinstance(one, dict) and one.get("resourceType") in RESOURCES]
            self.passed_over += len(inside) - len(known)
            entries = [self(one) for one in known]
            return {"resourceType": "Bundle", "type": "collection", "entry": [
                {"fullUrl": f"urn:uuid:{_as_uuid(self._id(str(one.get('resourceType')), str(one.get('id', n))))}", "resource": one}
                for n, one in enumerate(entries)
            ]}  # fmt: skip
        if resource.get("resourceType") not in RESOURCES:
            raise ValueError("a resource of which nothing is known")
        days = self._pseudonyms.shift_days(self._person or _patient_of(resource))
        made = self._cleaned(resource, days)
        kind = str(resource.get("resourceType", ""))
        made["id"] = self._id(kind, str(resource.get("id", "")))
        if kind == "Patient" and resource.get("birthDate"):
            made["birthDate"] = _year(str(resource["birthDate"]))
        return made

    def _cleaned(self, thing: Json, days: int) -> Json:
        made: Json = {}
        foreign = "system" in thing and not str(thing["system"]).startswith(SYSTEMS)
        for key, value in thing.items():
            if key in REFERENCES:
                told = self._references(value)
                if told:
                    made[key] = told
            elif key in DATES and isinstance(value, str):
                if then := _moved(value, days):
                    made[key] = then
            elif foreign and key in ("system", "code", "display"):
                continue
            elif key in KEPT or (key == "display" and "system" in thing and "code" in thing):
                if isinstance(value, dict):
                    made[key] = self._cleaned(_capped(value) if key in AGES else value, days)
                elif isinstance(value, list):
                    items = [self._cleaned(v, days) if isinstance(v, dict) else v for v in value]
                    made[key] = [
                        item for item in items if (isinstance(item, dict) and item) or self._says_little(key, item)
                    ]
                elif self._says_little(key, value):
                    made[key] = value
        told = made.get("code")
        if isinstance(told, dict) and any(one.get("code") in CODES_OF_AGE for one in told.get("coding", ())):
            made["valueQuantity"] = _capped(made.get("valueQuantity", {}))
        return {key: value for key, value in made.items() if value not in ({}, [])}

    def _says_little(self, key: str, value: Any) -> bool:
        """Whether a value has the form that it must have there: free text has not, and no word in it names anybody."""
        if isinstance(value, bool | int | float):
            return True
        if not isinstance(value, str) or self._names & _words(value):
            return False
        match key:
            case "resourceType":
                return value in RESOURCES
            case "system":
                return value.startswith(SYSTEMS)
            case "code":
                return bool(_CODE.fullmatch(value))
            case "display":
                return len(value) < LONGEST_DISPLAY
            case "unit":
                return len(value) < LONGEST_UNIT and (value in UNITS or ("{" not in value and ucum(value) is not None))
            case "data":
                return bool(_SAMPLES.fullmatch(value))
            case _:
                return bool((_WORD if key in WORDS else _NUMBER).fullmatch(value))

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


def _words(text: str) -> set[str]:
    return {word.upper() for word in re.split(r"[^\w-]+", text) if len(word) > 2}


def _naming_words(thing: Any, named: bool = False) -> set[str]:
    """The words of names, numbers, places and of whoever is referred to by name."""
    if isinstance(thing, str):
        return _words(thing) if named else set()
    if isinstance(thing, list):
        return set().union(*(_naming_words(one, named) for one in thing))
    if not isinstance(thing, dict):
        return set()
    found: set[str] = set()
    for key, value in thing.items():
        if named and key in ("use", "system", "period", "type", "extension", "country"):
            continue
        referred = key == "display" and "reference" in thing
        found |= _naming_words(value, named or key in NAMING or referred)
    return found


def _capped(quantity: Json) -> Json:
    """Who is 90 or older becomes 90."""
    made = {key: _capped(value) if isinstance(value, dict) else value for key, value in quantity.items()}
    value, unit = made.get("value"), str(made.get("code") or made.get("unit") or "a")
    if isinstance(value, int | float) and value > OLDEST and unit in ("a", "year", "years", "yr"):
        made["value"] = OLDEST + 1
    return made


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
