"""What each resource of FHIR R4 (and R5 where it differs) tells the twin."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from organtwin.io.observations.times import from_wall, iso
from organtwin.io.observations.tray import Column, Tray
from organtwin.model import Event, Person
from organtwin.timeline.codes import LOINC, PANELS, find
from organtwin.timeline.identity import identity

Json = dict[str, Any]
_INVALID = frozenset({"entered-in-error", "cancelled", "not-done", "refuted", "stopped-in-error"})
_SEXES = ("female", "male", "other", "unknown")
_RAPID = re.compile(r"aspart|lispro|glulisin|regular|rapid|humalog|novorapid|novolog|fiasp|apidra", re.I)
_LONG = re.compile(r"glargin|detemir|degludec|nph|isophan|lantus|levemir|tresiba|toujeo|basaglar", re.I)
_TAKEN = frozenset({
    "Patient", "Device", "Medication", "Bundle", "OperationOutcome", "Observation", "Condition", "Procedure", "DiagnosticReport",
    "ImagingStudy", "Encounter", "MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense",
})  # fmt: skip
_GENERAL = frozenset({"8480-6", "8462-4", "8478-0"})
Kind = Literal["condition", "medication", "procedure", "report", "imaging", "encounter", "note"]


REFERRED = "reference"  # the key of a drug's detail until :func:`name_drugs` has found it


def name_drugs(tray: Tray) -> None:
    """Give drugs that are told in another file of the import their names."""
    for n, (event, subject, source) in enumerate(tray.events):
        target = event.detail.get(REFERRED)
        if event.kind == "medication" and target:
            system, code, display = _coding(tray.shared.drugs.get(target) or tray.shared.drugs.get(_tail(target)))
            detail = {key: value for key, value in event.detail.items() if key != REFERRED}
            told = {"system": system, "code": code, "display": display} if display else {}
            tray.events[n] = (event.model_copy(update={"detail": detail, **told}), subject, source)


class Reading:
    """Takes resources one by one; :meth:`close` settles what refers to what."""

    def __init__(self, tray: Tray) -> None:
        self.tray = tray
        self.people: dict[str, str] = {}  # any reference to a patient: the one used here
        self.waiting: list[tuple[Json, int]] = []  # medications that refer to what may come later
        self.unused: Counter[str] = Counter()
        self._columns: dict[tuple[str, ...], Column] = {}

    def take(self, resource: Json, n: int, url: str = "") -> None:
        """One resource, the n-th of the file."""
        kind = resource.get("resourceType")
        take = getattr(self, f"_{kind.lower()}") if isinstance(kind, str) and kind in _TAKEN else None
        if take is None:
            if resource:
                self.unused[str(kind)[:40]] += 1
            else:
                self.tray.refuse("unreadable", "The entry is no resource", n, "")
            return
        try:
            for contained in _list(resource.get("contained")):
                if isinstance(contained, dict) and contained.get("resourceType") == "Observation":
                    self._observation({"subject": resource.get("subject"), **contained}, n, "")
            take(resource, n, url)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            self.tray.refuse("unreadable", f"The {kind} is not as FHIR says", n, _brief(resource))

    def close(self) -> None:
        for resource, n in self.waiting:
            try:
                self._medicate(resource, n)
            except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
                self.tray.refuse("unreadable", "The medication is not as FHIR says", n, _brief(resource))
        for column in self._columns.values():
            column.subject = self.people.get(column.subject, column.subject)
        self.tray.events[:] = [
            (event, self.people.get(subject, subject), source) for event, subject, source in self.tray.events
        ]
        if self.unused:
            told = ", ".join(f"{count} {kind}" for kind, count in self.unused.most_common(6))
            self.tray.note(f"Not used: {told}{' ...' if len(self.unused) > 6 else ''}.")

    # -- people and things

    def _patient(self, resource: Json, n: int, url: str) -> None:
        names = [name for name in _list(resource.get("name")) if isinstance(name, dict)]
        told = [" ".join([str(one.get("family") or ""), *map(str, _list(one.get("given")))]).strip() for one in names]
        told += [str(one.get("text") or "") for one in names]
        for name in told:
            self.tray.shared.named(name)
        born = str(resource.get("birthDate") or "")
        numbers = [
            (str(one.get("system") or ""), str(one.get("value") or ""))
            for one in _list(resource.get("identifier"))
            if isinstance(one, dict)
        ]
        sex = resource.get("gender")
        person = Person(
            identity=identity(next((name for name in told if name), ""), born, numbers),
            sex=sex if sex in _SEXES else "unknown",
            birth_year=int(born[:4]) if born[:4].isdigit() and int(born[:4]) > 1800 else None,
        )
        mine = f"Patient/{resource.get('id') or url or n}"
        for reference in (mine, url, _tail(url)):
            if reference:
                self.people[reference] = mine
        self.tray.people[mine] = person

    def _device(self, resource: Json, n: int, url: str) -> None:
        named = next((str(one.get("name")) for one in _list(resource.get("deviceName")) if isinstance(one, dict)), "")
        told = named or _text(resource.get("type")) or " ".join(
            str(resource.get(key) or "") for key in ("manufacturer", "modelNumber")
        )  # fmt: skip
        for reference in (f"Device/{resource.get('id')}", url):
            if reference:
                self.tray.devices[reference[:100]] = told.strip()[:100]

    def _medication(self, resource: Json, n: int, url: str) -> None:
        for reference in (f"Medication/{resource.get('id')}", url):
            if reference:
                self.tray.shared.drugs[reference] = resource.get("code")

    def _bundle(self, resource: Json, n: int, url: str) -> None:
        links = [one for one in _list(resource.get("link")) if isinstance(one, dict)]
        if any(link.get("relation") == "next" for link in links):
            self.tray.note("A bundle says that it has further pages, which are read only when they are imported too.")

    def _operationoutcome(self, resource: Json, n: int, url: str) -> None:
        for issue in _list(resource.get("issue")):
            self.tray.note(f"The server said: {str(issue.get('diagnostics') or issue.get('code'))[:200]}")

    # -- readings

    def _observation(self, resource: Json, n: int, url: str) -> None:
        if resource.get("status") in _INVALID:
            self.tray.refuse("status", f"Its status is '{resource['status']}'", n, _brief(resource))
            return
        when = self._when(resource, n)
        if when is None:
            return
        subject, device = self._subject(resource), _device_of(resource)
        components = [one for one in _list(resource.get("component")) if isinstance(one, dict)]
        for component in components:
            self._value(component, when, subject, device, n, part=True)
        if not components or any(key.startswith("value") for key in resource):
            self._value(resource, when, subject, device, n, part=False)

    def _value(
        self, holder: Json, when: tuple[float, int, float], subject: str, device: str, n: int, part: bool
    ) -> None:
        name = _name(holder.get("code"))
        quantity = holder.get("valueQuantity")
        if isinstance(quantity, dict):
            value, unit = quantity.get("value"), str(quantity.get("code") or quantity.get("unit") or "")
            comparator = quantity.get("comparator")
            column = self._column(name, unit, subject, device)
            if column is None and quantity.get("unit"):
                column = self._column(name, str(quantity["unit"]), subject, device)
            if column is None:
                self.tray.refuse_reading(name, unit, n, _brief(holder))
                return
            number = _number(value)
            if number is None:
                self.tray.refuse("unreadable", "Its value is no number", n, _brief(holder))
                return
            if comparator:
                self.tray.counted["{} values said 'less than' or 'more than' a limit; the limit was taken."] += 1
            column.add(when[0], number, n, when[1], when[2])
        elif "valueInteger" in holder:
            known = find(name)
            counts = known is not None and known.unit.startswith("{")
            column = self._column(name, known.unit, subject, device) if known and counts else None
            if column is None:
                self.tray.refuse_reading(name, "", n, _brief(holder))
            elif (number := _number(holder["valueInteger"])) is None:
                self.tray.refuse("unreadable", "Its value is no number", n, _brief(holder))
            else:
                column.add(when[0], number, n, when[1], when[2])
        elif isinstance(holder.get("valueSampledData"), dict):
            self._samples(name, holder["valueSampledData"], when, subject, device, n, holder)
        elif "dataAbsentReason" in holder:
            why = _text(holder["dataAbsentReason"]) or "not said"
            self.tray.refuse("unreadable", f"It says that its value is absent ({why[:60]})", n, _brief(holder))
        elif told := _told(holder):
            self._note(holder, told, when, subject)
        elif name not in PANELS and not part and not holder.get("hasMember"):
            self.tray.refuse("unreadable", "It has no value", n, _brief(holder))

    def _column(self, name: str, unit: str, subject: str, device: str) -> Column | None:
        key = (name, unit, subject, device)
        column = self._columns.get(key)
        if column is None:
            column = self.tray.column(name, unit, device, subject)
            if column is not None:
                self._columns[key] = column
        return column

    def _samples(
        self, name: str, data: Json, when: tuple[float, int, float], subject: str, device: str, n: int, holder: Json
    ) -> None:
        origin = data.get("origin") or {}
        unit = str(origin.get("code") or origin.get("unit") or data.get("intervalUnit") or "")
        column = self._column(name, unit, subject, device)
        if column is None:
            self.tray.refuse_reading(name, unit, n, _brief(holder))
            return
        period_ms = _number(data.get("period"))
        if period_ms is None and data.get("interval") is not None:  # R5
            scale = {"ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6}.get(str(data.get("intervalUnit")), float("nan"))
            period_ms = (_number(data["interval"]) or float("nan")) * scale
        tokens = str(data.get("data") or "").split()
        if data.get("dimensions", 1) != 1 or not period_ms or not period_ms > 0 or not tokens:
            self.tray.refuse("unreadable", "Its samples are not of one series with a period", n, _brief(holder))
            return
        lower, upper = _number(data.get("lowerLimit")), _number(data.get("upperLimit"))
        words = {"E": float("nan"), "L": lower or float("nan"), "U": upper or float("nan")}
        raw = np.array([words.get(token) if token in words else _float(token) for token in tokens], np.float64)
        scaled = raw * (_number(data.get("factor")) or 1.0) + (_number(origin.get("value")) or 0.0)
        values = np.where([token in ("L", "U") for token in tokens], raw, scaled)
        good = np.isfinite(values)
        if (lost := int(np.sum(~good))) > 0:
            self.tray.counted["{} samples of series are marked as errors and are gaps."] += lost
        times = when[0] + np.arange(len(values)) * (period_ms / 1000.0)
        column.extend(times[good], values[good], n, when[1], period_ms / 1000.0)

    def _note(self, holder: Json, told: str, when: tuple[float, int, float], subject: str) -> None:
        """A finding in words, as smoking status."""
        system, code, display = _coding(holder.get("code"))
        self.tray.event(
            Event(
                kind="note", code=code, system=system, display=display[:200], start_s=when[0], detail={"value": told}
            ),
            subject,
        )

    # -- events

    def _condition(self, resource: Json, n: int, url: str) -> None:
        start = resource.get("onsetDateTime") or _start(resource.get("onsetPeriod")) or resource.get("recordedDate")
        end = (
            resource.get("abatementDateTime")
            or _end(resource.get("abatementPeriod"))
            or _end(resource.get("onsetPeriod"))
        )
        status = _code_of(resource.get("clinicalStatus"))
        if (verified := _code_of(resource.get("verificationStatus"))) in _INVALID:
            status = verified
        self._event("condition", resource, n, resource.get("code"), start, end, status, {})

    def _procedure(self, resource: Json, n: int, url: str) -> None:
        period = resource.get("performedPeriod") or resource.get("occurrencePeriod")
        start = resource.get("performedDateTime") or resource.get("occurrenceDateTime") or _start(period)
        detail = {"site": sites} if (sites := [_text(one) for one in _list(resource.get("bodySite"))]) else {}
        self._event("procedure", resource, n, resource.get("code"), start, _end(period), resource.get("status"), detail)

    def _diagnosticreport(self, resource: Json, n: int, url: str) -> None:
        period = resource.get("effectivePeriod")
        start = resource.get("effectiveDateTime") or _start(period) or resource.get("issued")
        detail = {"conclusion": str(resource["conclusion"])[:4000]} if resource.get("conclusion") else {}
        if found := [_text(one) for one in _list(resource.get("conclusionCode"))]:
            detail["findings"] = "; ".join(found)
        self._event("report", resource, n, resource.get("code"), start, _end(period), resource.get("status"), detail)

    def _imagingstudy(self, resource: Json, n: int, url: str) -> None:
        series = [one for one in _list(resource.get("series")) if isinstance(one, dict)]
        modalities = {
            _coding({"coding": [one.get("modality")]})[1]
            for one in [*series, *({"modality": m} for m in _list(resource.get("modality")))]
        }
        shown = " ".join(sorted(filter(None, modalities)))
        display = str(
            resource.get("description") or _text(next(iter(_list(resource.get("procedureCode"))), None)) or shown
        )
        uid = next(
            (str(i.get("value", "")).removeprefix("urn:oid:") for i in _list(resource.get("identifier"))
             if isinstance(i, dict) and i.get("system") == "urn:dicom:uid"), "",
        )  # fmt: skip
        detail = {
            "modalities": sorted(filter(None, modalities)),
            "series": len(series),
            **({"uid": uid} if uid else {}),
        }
        code = {
            "coding": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": shown, "display": display}]
        }
        self._event("imaging", resource, n, code, resource.get("started"), None, resource.get("status"), detail)

    def _encounter(self, resource: Json, n: int, url: str) -> None:
        period = resource.get("period") or resource.get("actualPeriod")
        type = next(iter(_list(resource.get("type"))), None) or {"coding": [resource.get("class")]}
        self._event("encounter", resource, n, type, _start(period), _end(period), resource.get("status"), {})

    def _medicationstatement(self, resource: Json, n: int, url: str) -> None:
        self.waiting.append((resource, n))

    _medicationrequest = _medicationadministration = _medicationdispense = _medicationstatement

    def _medicate(self, resource: Json, n: int) -> None:
        concept = resource.get("medicationCodeableConcept")
        reference = resource.get("medicationReference")
        medication = resource.get("medication")
        if isinstance(medication, dict):  # R5
            concept, reference = concept or medication.get("concept"), reference or medication.get("reference")
        later: Json = {}
        if not concept and isinstance(reference, dict):
            target = str(reference.get("reference") or "")
            concept = self._referred(resource, target)
            if not concept:  # it may be told in another file
                concept, later = {"text": reference.get("display") or target}, {REFERRED: target}
        period = resource.get("effectivePeriod") or resource.get("occurencePeriod") or resource.get("effectiveTiming")
        start = resource.get("effectiveDateTime") or _start(period) or resource.get("occurenceDateTime")
        start = start or resource.get("authoredOn") or resource.get("whenHandedOver") or resource.get("dateAsserted")
        doses = _list(resource.get("dosage")) or _list(resource.get("dosageInstruction"))
        detail = {
            "resource": resource["resourceType"],
            **later,
            **_dose(next((d for d in doses if isinstance(d, dict)), {})),
        }
        self._event("medication", resource, n, concept, start, _end(period), resource.get("status"), detail)
        if resource["resourceType"] == "MedicationAdministration" and "insulin" in _text(concept).lower():
            self._insulin(resource, concept, detail, n)

    def _insulin(self, resource: Json, concept: Any, detail: Json, n: int) -> None:
        """Insulin that was given is a reading too: models of glucose are driven by it."""
        name = _text(concept)
        kind = "insulin-long" if _LONG.search(name) else "insulin-rapid" if _RAPID.search(name) else ""
        when = self._when(resource, n) if kind and "dose" in detail else None
        column = self._column(kind, str(detail.get("unit", "")), self._subject(resource), "") if when else None
        if column is not None and when is not None:
            column.add(when[0], float(detail["dose"]), n, when[1], 0.0)

    def _referred(self, resource: Json, reference: str) -> Any:
        if reference.startswith("#"):
            for contained in _list(resource.get("contained")):
                if isinstance(contained, dict) and contained.get("id") == reference[1:]:
                    return contained.get("code")
        drugs = self.tray.shared.drugs
        return drugs.get(reference) or drugs.get(_tail(reference))

    def _event(
        self, kind: Kind, resource: Json, n: int, concept: Any, start: Any, end: Any, status: Any, detail: Json
    ) -> None:
        system, code, display = _coding(concept)
        if status in _INVALID:
            self.tray.refuse("status", f"Its status is '{status}'", n, f"{resource['resourceType']} {display}")
            return
        if not start:
            self.tray.refuse(
                "clock", f"The {resource['resourceType']} has no date", n, display or resource["resourceType"]
            )
            return
        try:
            start_s, end_s = self._moment(str(start)), self._moment(str(end)) if end else None
        except ValueError:
            self.tray.refuse(
                "clock", f"The {resource['resourceType']} has a date that is none", n, f"{display} {start} {end or ''}"
            )
            return
        self.tray.event(
            Event(kind=kind, code=code, system=system, display=(display or code or kind)[:200], start_s=start_s, end_s=end_s,
                  status=str(status or "")[:40], detail=detail),
            self._subject(resource),
        )  # fmt: skip

    # -- times, and whose

    def _moment(self, text: str) -> float:
        """A date of any precision; year and month stand for their first day."""
        text = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text)
        seconds, offset, _ = iso(text)
        if offset is None:
            seconds, _ = from_wall(seconds, self.tray.timezone)
        return seconds

    def _when(self, resource: Json, n: int) -> tuple[float, int, float] | None:
        """Beginning, offset and length of what was measured; None when there is no time, which is then told."""
        period = resource.get("effectivePeriod")
        end: Any = None
        text = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
        if not text and isinstance(period, dict):
            text, end = period.get("start") or period.get("end"), period.get("end")
        if not text and isinstance(timing := resource.get("effectiveTiming"), dict):
            text = next(iter(_list(timing.get("event"))), None)
        if not text and resource.get("issued"):
            text = resource["issued"]
            self.tray.counted["{} readings do not say when they were measured; when they were issued was taken."] += 1
        try:
            seconds, offset, day = iso(str(text))
            length = 86400.0 if day else 0.0
            if offset is None:
                self.tray.naive |= not day
                seconds, offset = from_wall(seconds, self.tray.timezone)
            if end:
                length = max(self._moment(str(end)) - seconds, 0.0)
        except ValueError:
            said = f"Its time '{str(text)[:40]}' is no time" if text else "It says no time"
            self.tray.refuse("clock", said, n, _brief(resource))
            return None
        return seconds, offset, length

    def _subject(self, resource: Json) -> str:
        subject = resource.get("subject") or resource.get("patient")
        if not isinstance(subject, dict):
            return ""
        reference = str(subject.get("reference") or "")
        return self.people.get(reference) or (reference if reference.startswith(("urn:", "#")) else _tail(reference))


# -- pieces of FHIR ------------------------------------------------------------------------------------------------


def _list(thing: Any) -> list[Any]:
    return thing if isinstance(thing, list) else [] if thing is None else [thing]


def _tail(reference: str) -> str:
    """The last two parts of a reference: "Patient/p1" of an address."""
    return "/".join(reference.split("/_history")[0].split("/")[-2:])


def _codings(concept: Any) -> Iterator[Json]:
    if isinstance(concept, dict):
        yield from (one for one in _list(concept.get("coding")) if isinstance(one, dict))


def _name(concept: Any) -> str:
    """The code of a reading: the first that is known; else the first of LOINC, else any, else its text."""
    codings = [one for one in _codings(concept) if isinstance(one.get("code"), str)]
    known = [str(one["code"]) for one in codings if find(one["code"]) is not None]
    if known:  # the pressure of another vessel is often coded as a blood pressure too
        return next((one for one in known if one not in _GENERAL), known[0])
    loinc = [one["code"] for one in codings if one.get("system") == LOINC]
    anything = [one["code"] for one in codings]
    return str((loinc or anything or [_text(concept)])[0])


def _coding(concept: Any) -> tuple[str, str, str]:
    """System, code and words of a concept."""
    one = next((c for c in _codings(concept) if c.get("code")), {})
    return str(one.get("system") or ""), str(one.get("code") or ""), _text(concept)


def _code_of(concept: Any) -> str:
    return _coding(concept)[1] if isinstance(concept, dict) else str(concept or "")


def _text(concept: Any) -> str:
    if isinstance(concept, str):
        return concept
    if not isinstance(concept, dict):
        return ""
    told = [
        concept.get("text"),
        *(one.get("display") for one in _codings(concept)),
        *(c.get("code") for c in _codings(concept)),
    ]
    return next((str(one).strip() for one in told if one), "")


def _told(holder: Json) -> str:
    for key in ("valueCodeableConcept", "valueString", "valueBoolean", "valueDateTime", "valueTime"):
        if key in holder:
            value = holder[key]
            return (_text(value) if key == "valueCodeableConcept" else str(value))[:1000]
    return ""


def _number(thing: Any) -> float | None:
    if isinstance(thing, bool) or not isinstance(thing, int | float | str):
        return None
    try:
        return float(thing)
    except (ValueError, OverflowError):
        return None


def _float(token: str) -> float:
    try:
        return float(token)
    except ValueError:
        return float("nan")


def _device_of(resource: Json) -> str:
    device = resource.get("device")
    if not isinstance(device, dict):
        return ""
    return str(device.get("display") or device.get("reference") or "")[:100]


def _start(period: Any) -> Any:
    return period.get("start") if isinstance(period, dict) else None


def _end(period: Any) -> Any:
    return period.get("end") if isinstance(period, dict) else None


def _dose(dosage: Json) -> Json:
    """Dose, unit, times a day, route and words of how a drug is taken, as far as they are told."""
    made: Json = {}
    rates = [one for one in _list(dosage.get("doseAndRate")) if isinstance(one, dict)]
    quantity = next((one["doseQuantity"] for one in rates if isinstance(one.get("doseQuantity"), dict)), None)
    quantity = quantity or dosage.get("doseQuantity") or dosage.get("dose")
    if isinstance(quantity, dict) and (value := _number(quantity.get("value"))) is not None:
        made |= {"dose": value, "unit": str(quantity.get("code") or quantity.get("unit") or "")}
    timing = dosage.get("timing")
    repeat = timing.get("repeat") if isinstance(timing, dict) else None
    if isinstance(repeat, dict):
        days = {"d": 1.0, "h": 1 / 24, "wk": 7.0, "min": 1 / 1440, "mo": 30.4}.get(str(repeat.get("periodUnit")))
        period = _number(repeat.get("period"))
        if days and period:
            made["per_day"] = round((_number(repeat.get("frequency")) or 1.0) / (days * period), 4)
    if route := _text(dosage.get("route")):
        made["route"] = route
    if text := dosage.get("text"):
        made["text"] = str(text)[:500]
    return made


def _brief(resource: Json) -> Json:
    """The telling part of a resource for the quarantine: nothing about who the patient is."""
    kept = {key: value for key, value in resource.items() if key.startswith(("value", "effective")) or key == "status"}
    return {"code": _name(resource.get("code")), **kept}
