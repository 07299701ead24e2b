"""A made-up patient: two years of readings as a FHIR R4 bundle, with missing days, noise and a story.

The story: somebody of 64 with high blood pressure and type 2 diabetes; lisinopril from day 120, metoprolol from day 240; from
day 600 on the heart slowly fails (weight, resting heart rate and NT-proBNP rise, the ejection fraction falls). Numbers are
invented to look like a patient's, and rest on no study.

``python readings.py`` writes those of the sample, ``readings.json.gz``; tests make others.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
BEGINS = datetime(2024, 3, 1, tzinfo=ZoneInfo("Europe/Berlin"))
DAYS = 730


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": round(float(value), 3), "unit": unit, "system": UCUM, "code": unit}


def concept(code: str, display: str, system: str = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


class Patient:
    """Resources of one patient, as they are made."""

    def __init__(
        self,
        seed: int = 1,
        family: str = "Musterfrau",
        born: str = "1960-05-17",
        id: str = "p1",
        gender: str = "female",
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.id, self.count = id, 0
        self.resources: list[dict[str, Any]] = [
            {
                "resourceType": "Patient", "id": id, "gender": gender, "birthDate": born,
                "name": [{"family": family, "given": ["Erika", "Anna"]}],
                "identifier": [{"system": "urn:oid:1.2.3.4", "value": f"MRN-{family}-{born}"}],
                "address": [{"line": ["Heidestrasse 17"], "city": "Koeln", "postalCode": "51147"}],
                "telecom": [{"system": "phone", "value": "+49 221 555 0101"}],
            },
            {"resourceType": "Device", "id": f"{id}-cuff", "deviceName": [{"name": "HomeCuff 3", "type": "user-friendly-name"}]},
        ]  # fmt: skip

    def add(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.count += 1
        subject = {"reference": f"Patient/{self.id}"}
        made = {"resourceType": kind, "id": f"{self.id}-{self.count}", "subject": subject, **fields}
        self.resources.append(made)
        return made

    def reading(self, code: str, display: str, when: datetime, value: float, unit: str, **more: Any) -> dict[str, Any]:
        return self.add(
            "Observation", status="final", code=concept(code, display), effectiveDateTime=when.isoformat(),
            valueQuantity=quantity(value, unit), **more,
        )  # fmt: skip

    def over(self, code: str, display: str, start: datetime, end: datetime, value: float, unit: str) -> dict[str, Any]:
        period = {"start": start.isoformat(), "end": end.isoformat()}
        return self.add(
            "Observation", status="final", code=concept(code, display), effectivePeriod=period,
            valueQuantity=quantity(value, unit),
        )  # fmt: skip

    def pressure(self, when: datetime, systolic: float, diastolic: float) -> None:
        parts = [("8480-6", "Systolic blood pressure", systolic), ("8462-4", "Diastolic blood pressure", diastolic)]
        self.add(
            "Observation", status="final", code=concept("85354-9", "Blood pressure panel with all children optional"),
            effectiveDateTime=when.isoformat(), device={"reference": f"Device/{self.id}-cuff"},
            component=[{"code": concept(c, d), "valueQuantity": quantity(round(v), "mm[Hg]")} for c, d, v in parts],
        )  # fmt: skip

    def bundle(self, type: str = "collection") -> dict[str, Any]:
        entries = [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in self.resources]
        return {"resourceType": "Bundle", "type": type, "entry": entries}


def failing(day: float) -> float:
    """How far the heart has failed: 0 until day 600, 1 on day 730."""
    return float(np.clip((day - 600) / 130, 0, 1))


def glucose_of_a_day(random: np.random.Generator, minutes: np.ndarray) -> np.ndarray:
    """Sensor glucose (mg/dL): three meals over a fasting level."""
    level = np.full(len(minutes), 118.0 + random.normal(0, 6))
    for meal, rise in ((7.5, 60), (12.75, 75), (19.0, 85)):
        since = np.clip(minutes - 60 * (meal + random.normal(0, 0.3)), 0, None) / 60
        level += rise * random.lognormal(0, 0.2) * since * np.exp(1 - since / 0.9) / 0.9
    walk = np.cumsum(random.normal(0, 1.2, len(minutes)))
    return level + 6 * (walk - walk.mean()) / max(walk.std(), 1e-6) + random.normal(0, 3, len(minutes))


def two_years(seed: int = 1, days: int = DAYS, cgm_days: int = 90, **who: str) -> Patient:
    """The patient of the story."""
    one = Patient(seed, **who)
    random = one.random
    for day in range(days):
        midnight = (BEGINS + timedelta(days=day)).replace(hour=0)  # by the clock on the wall, across summer time
        drugs = (day >= 120) * 12.0 * (1 - np.exp(-(day - 120) / 14)) + (day >= 240) * 6.0 if day >= 120 else 0.0
        ill = failing(day)
        base = 151 + 3 * np.cos(2 * np.pi * (day - 20) / 365) - drugs - 4 * ill  # a little higher in winter
        slow = 9.0 if day >= 240 else 0.0
        if random.random() > 0.12:
            for hour, extra in ((7, 3.0), (20, -2.0)):
                if random.random() > 0.1:
                    when = midnight + timedelta(hours=hour, minutes=int(random.integers(0, 50)))
                    systolic = base + extra + random.normal(0, 6.5)
                    one.pressure(when, systolic, 0.42 * systolic + 26 + random.normal(0, 4))
                    one.reading("8867-4", "Heart rate", when, round(76 - slow + 6 * ill + random.normal(0, 4)), "/min")
        if random.random() > 0.15:
            when = midnight + timedelta(hours=6, minutes=50)
            weight = 81.5 + 0.6 * np.sin(day / 60) + 2.8 * ill + random.normal(0, 0.35)
            one.reading("29463-7", "Body weight", when, round(weight, 1), "kg")
        if random.random() > 0.08:
            one.reading("40443-4", "Heart rate --resting", midnight + timedelta(hours=4),
                        round(66 - slow + 6 * ill + random.normal(0, 1.6)), "/min")  # fmt: skip
            steps = random.lognormal(np.log(5400 * (1 - 0.25 * ill)), 0.35)
            one.over("55423-8", "Number of steps", midnight, midnight + timedelta(days=1), round(steps), "{steps}")
            bed = midnight - timedelta(minutes=int(random.normal(75, 25)))
            asleep = float(np.clip(random.normal(6.7 - 0.3 * ill, 0.7), 3, 10))
            one.over("93832-4", "Sleep duration", bed, bed + timedelta(hours=asleep + 0.4), asleep, "h")
        if random.random() > 0.5:
            spo2 = min(100, round(96.6 - 0.6 * ill + random.normal(0, 0.9)))
            one.reading("59408-5", "Oxygen saturation", midnight + timedelta(hours=7, minutes=5), spo2, "%")
            rate = round(15 + 1.5 * ill + random.normal(0, 1.2))
            one.reading("9279-1", "Respiratory rate", midnight + timedelta(hours=7, minutes=6), rate, "/min")
        if day % 91 == 10:
            laboratory(one, day, midnight + timedelta(hours=9, minutes=12), ill)
        if day % 210 == 45:
            echo(one, midnight + timedelta(hours=11), ill)
        if day % 365 == 60:
            one.reading("20150-9", "FEV1", midnight + timedelta(hours=10), 2.21 + random.normal(0, 0.05), "L")
            one.reading("19868-9", "FVC", midnight + timedelta(hours=10), 2.84 + random.normal(0, 0.06), "L")
    sensor(one, days, cgm_days)
    history(one)
    return one


def laboratory(one: Patient, day: int, when: datetime, ill: float) -> None:
    random = one.random
    values = [
        ("2160-0", "Creatinine", 0.92 + 0.12 * ill + random.normal(0, 0.04), "mg/dL"),
        ("4548-4", "Hemoglobin A1c", 7.4 - 0.4 * min(day / 365, 1) + random.normal(0, 0.12), "%"),
        ("13457-7", "LDL cholesterol", 128 - 38 * (day > 120) + random.normal(0, 6), "mg/dL"),
        ("2093-3", "Total cholesterol", 214 - 40 * (day > 120) + random.normal(0, 8), "mg/dL"),
        ("2823-3", "Potassium", 4.3 + random.normal(0, 0.15), "mmol/L"),
        ("33762-6", "NT-proBNP", 210 * np.exp(1.5 * ill + random.normal(0, 0.12)), "pg/mL"),
        ("2345-7", "Glucose", 132 + random.normal(0, 9), "mg/dL"),
    ]
    made = [one.reading(code, name, when, value, unit) for code, name, value, unit in values]
    one.add(
        "DiagnosticReport", status="final", code=concept("24323-8", "Comprehensive metabolic panel"),
        effectiveDateTime=when.isoformat(), result=[{"reference": f"Observation/{m['id']}"} for m in made],
        conclusion="As before.",
    )  # fmt: skip


def echo(one: Patient, when: datetime, ill: float) -> None:
    random = one.random
    large = 128 + 14 * ill + random.normal(0, 4)
    share = 0.52 - 0.09 * ill + random.normal(0, 0.012)
    one.reading("18026-5", "LV end-diastolic volume", when, large, "mL")
    one.reading("18148-7", "LV end-systolic volume", when, large * (1 - share), "mL")
    one.reading("10230-1", "LV ejection fraction", when, 100 * share, "%")
    one.reading("20562-5", "Stroke volume", when, large * share, "mL")
    series = [{"uid": f"1.2.3.{one.count}", "modality": {"code": "US"}}]
    one.add("ImagingStudy", status="available", started=when.isoformat(), description="Echocardiography", series=series)


def sensor(one: Patient, days: int, cgm_days: int) -> None:
    """A glucose sensor every five minutes: a day of it is one observation, with the gaps that sensors have."""
    for day in range(max(days - cgm_days, 0), days):
        midnight = (BEGINS + timedelta(days=day)).replace(hour=0).astimezone(UTC)
        values = [f"{v:.0f}" for v in np.clip(glucose_of_a_day(one.random, np.arange(0, 1440, 5)), 40, 400)]
        if one.random.random() < 0.15:
            at = int(one.random.integers(0, 250))
            values[at : at + 24] = ["E"] * 24
        if one.random.random() < 0.1:
            values[3] = "L"
        sampled = {"origin": quantity(0, "mg/dL"), "period": 300000, "dimensions": 1, "lowerLimit": 40, "upperLimit": 400,
                   "data": " ".join(values)}  # fmt: skip
        period = {"start": midnight.isoformat(), "end": (midnight + timedelta(days=1)).isoformat()}
        one.add(
            "Observation", status="final", code=concept("99504-3", "Glucose in interstitial fluid"),
            effectivePeriod=period, valueSampledData=sampled, device={"display": "Sensor 7"},
        )  # fmt: skip


def history(one: Patient) -> None:
    sct = "http://snomed.info/sct"
    rx = "http://www.nlm.nih.gov/research/umls/rxnorm"

    def day(n: int) -> str:
        return (BEGINS + timedelta(days=n)).date().isoformat()

    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    one.add(
        "Condition",
        code=concept("38341003", "Hypertensive disorder", sct),
        onsetDateTime="2015-02",
        clinicalStatus=active,
    )
    one.add(
        "Condition",
        code=concept("44054006", "Diabetes mellitus type 2", sct),
        onsetDateTime="2018",
        clinicalStatus=active,
    )
    one.add(
        "MedicationStatement", status="active", medicationCodeableConcept=concept("6809", "metformin", rx),
        effectivePeriod={"start": "2018-09-01"}, dosage=[{"text": "1000 mg twice a day"}],
    )  # fmt: skip
    one.add(
        "MedicationStatement", status="active", medicationCodeableConcept=concept("29046", "lisinopril", rx),
        effectivePeriod={"start": day(120)},
        dosage=[{"text": "10 mg in the morning", "route": concept("26643006", "Oral route", sct),
                 "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                 "doseAndRate": [{"doseQuantity": quantity(10, "mg")}]}],
    )  # fmt: skip
    metoprolol = {"resourceType": "Medication", "id": "m1", "code": concept("6918", "metoprolol", rx)}
    one.add(
        "MedicationRequest", status="active", intent="order", contained=[metoprolol], medicationReference={"reference": "#m1"},
        authoredOn=day(240), dosageInstruction=[{"text": "50 mg once a day", "doseAndRate": [{"doseQuantity": quantity(50, "mg")}]}],
    )  # fmt: skip
    one.add(
        "Procedure", status="completed", code=concept("80146002", "Appendectomy", sct), performedDateTime="1988-06-02",
    )  # fmt: skip


if __name__ == "__main__":
    # the man of the sample scan; the same bytes at every run
    made = json.dumps(two_years(seed=7, family="Sample", id="sample", gender="male").bundle(), separators=(",", ":"))
    target = Path(__file__).parent / "readings.json.gz"
    target.write_bytes(gzip.compress(made.encode(), 9, mtime=0))
    print(target, f"{target.stat().st_size / 1e3:.0f} kB")
