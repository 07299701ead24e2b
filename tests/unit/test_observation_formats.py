"""Each format of readings, as its programs write it: values, units, times, devices."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.io.observations import read_observations
from organtwin.model import Observations
from organtwin.timeline.timeline import Timeline

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()


def utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]


def read(tmp_path: Path, name: str, text: str | bytes, **options: object) -> Observations:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_observations(path, now_s=NOW, **options)  # type: ignore[arg-type]


def values(one: Observations, code: str) -> list[float]:
    return [round(float(v), 3) for v in Timeline([one]).series(code).values]


def times(one: Observations, code: str) -> list[float]:
    return Timeline([one]).series(code).times_s.tolist()


# -- FHIR


def observation(code: str, value: float, unit: str, when: str, **more: object) -> dict[str, object]:
    return {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": when, "valueQuantity": {"value": value, "unit": unit, "code": unit}, **more,
    }  # fmt: skip


def bundle(*resources: object) -> str:
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]})


def test_a_fhir_bundle_gives_readings_in_their_own_units(tmp_path):
    made = read(tmp_path, "a.json", bundle(
        observation("8867-4", 72, "{beats}/min", "2024-03-01T07:00:00+01:00"),
        observation("2339-0", 5.5, "mmol/L", "2024-03-01T06:00:00Z"),
        observation("29463-7", 150, "[lb_av]", "2024-03-02T06:00:00Z"),
        observation("8310-5", 98.6, "[degF]", "2024-03-02T06:00:00Z"),
    ))  # fmt: skip
    assert values(made, "8867-4") == [72]
    assert times(made, "8867-4") == [utc(2024, 3, 1, 6)]
    assert values(made, "2339-0") == [99.086]
    assert values(made, "29463-7") == [68.039]
    assert values(made, "8310-5") == [37.0]
    assert made.offset_min[made.times_s == utc(2024, 3, 1, 6)].max() == 60
    assert not made.quarantined


def test_components_of_a_blood_pressure_are_two_readings_of_one_time(tmp_path):
    panel = {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"code": "85354-9"}]},
        "effectiveDateTime": "2024-03-01T07:00:00Z", "device": {"reference": "Device/d"},
        "component": [{"code": {"coding": [{"code": c}]}, "valueQuantity": {"value": v, "unit": "mmHg"}}
                      for c, v in (("8480-6", 131), ("8462-4", 82))],
    }  # fmt: skip
    device = {"resourceType": "Device", "id": "d", "deviceName": [{"name": "Cuff"}]}
    made = read(tmp_path, "a.json", bundle(panel, device))
    assert values(made, "8480-6") == [131]
    assert values(made, "8462-4") == [82]
    assert {source.device for source in made.sources} == {"Cuff"}


def test_sampled_data_become_samples_with_their_gaps(tmp_path):
    data = {"origin": {"value": 0, "unit": "mg/dL"}, "period": 300000, "factor": 2, "dimensions": 1, "lowerLimit": 40,
            "data": "50 E 55 L"}  # fmt: skip
    one = observation("99504-3", 0, "", "2024-03-01T00:00:00Z", valueSampledData=data)
    del one["valueQuantity"]
    made = read(tmp_path, "a.json", bundle(one))
    assert values(made, "99504-3") == [100, 110, 40]
    assert times(made, "99504-3") == [utc(2024, 3, 1) + s for s in (0, 600, 900)]
    assert any("gaps" in note for note in made.notes)


def test_periods_give_durations_and_days_without_a_time_are_whole_days(tmp_path):
    steps = observation("55423-8", 4000, "{steps}", "")
    steps["effectivePeriod"] = {"start": "2024-03-01T08:00:00Z", "end": "2024-03-01T09:00:00Z"}
    del steps["effectiveDateTime"]
    weight = observation("29463-7", 80, "kg", "2024-03-02")
    made = read(tmp_path, "a.json", bundle(steps, weight), timezone="Europe/Berlin")
    assert sorted(made.durations_s.tolist()) == [3600, 86400]
    assert times(made, "29463-7") == [utc(2024, 3, 1, 23)]


def test_history_becomes_events_with_doses_and_without_the_patients_name(tmp_path):
    patient = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1950-02-03",
               "name": [{"family": "Muster", "given": ["Max"]}]}  # fmt: skip
    request = {
        "resourceType": "MedicationRequest", "status": "active", "subject": {"reference": "Patient/p"}, "authoredOn": "2024-01-05",
        "contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "metoprolol"}}], "medicationReference": {"reference": "#m"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 50, "unit": "mg"}}],
                               "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}],
    }  # fmt: skip
    report = {"resourceType": "DiagnosticReport", "status": "final", "subject": {"reference": "Patient/p"}, "code": {"text": "Echo"},
              "effectiveDateTime": "2024-02-01", "conclusion": "Mr Muster is well."}  # fmt: skip
    made = read(tmp_path, "a.json", bundle(patient, request, report))
    drug, echo = made.events
    assert (drug.kind, drug.display, drug.detail["dose"], drug.detail["per_day"]) == ("medication", "metoprolol", 50, 2)
    assert "Muster" not in echo.detail["conclusion"]
    assert "well" in echo.detail["conclusion"]
    assert made.person.birth_year == 1950
    assert made.person.sex == "male"
    assert "Muster" not in made.model_dump_json(exclude={"times_s"} | _ARRAYS)


_ARRAYS = {"values", "durations_s", "offset_min", "code", "source", "quarantine"}


def test_insulin_that_was_given_is_a_reading_too(tmp_path):
    given = {
        "resourceType": "MedicationAdministration", "status": "completed", "effectiveDateTime": "2024-03-01T08:00:00Z",
        "medicationCodeableConcept": {"text": "Insulin glargine"}, "dosage": {"dose": {"value": 18, "unit": "U"}},
    }  # fmt: skip
    made = read(tmp_path, "a.json", bundle(given))
    assert values(made, "insulin-long") == [18]
    assert made.events[0].kind == "medication"


def test_ndjson_keeps_all_whole_lines_and_sets_the_broken_ones_aside(tmp_path):
    lines = [json.dumps(observation("8867-4", 60 + n, "/min", f"2024-03-0{n + 1}T07:00:00Z")) for n in range(5)]
    lines[2] = lines[2][:40]
    made = read(tmp_path, "Observation.ndjson", "\n".join(lines))
    assert values(made, "8867-4") == [60, 61, 63, 64]
    assert [(q.reason, q.place) for q in made.quarantined] == [("unreadable", "Observation.ndjson, line 3")]


def test_pages_in_a_zip_and_a_gzipped_file_read_as_one(tmp_path):
    pages = [bundle(observation("8867-4", 60 + n, "/min", f"2024-03-0{n + 1}T07:00:00Z")) for n in range(3)]
    with zipfile.ZipFile(tmp_path / "pages.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n, page in enumerate(pages[:2]):
            archive.writestr(f"export/page{n}.json", page)
    (tmp_path / "last.json.gz").write_bytes(gzip.compress(pages[2].encode()))
    made = read_observations([tmp_path / "pages.zip", tmp_path / "last.json.gz"], now_s=NOW)
    assert values(made, "8867-4") == [60, 61, 62]
    assert {source.name for source in made.sources} == {"page0.json", "page1.json", "last.json"}


def test_a_next_page_that_is_absent_is_told(tmp_path):
    page = json.loads(bundle(observation("8867-4", 60, "/min", "2024-03-01T07:00:00Z")))
    page["link"] = [{"relation": "next", "url": "http://server/next"}]
    assert any("further pages" in note for note in read(tmp_path, "a.json", json.dumps(page)).notes)


# -- Apple Health

APPLE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!ELEMENT HealthData (ExportDate,Me,Record*)>
<!ATTLIST HealthData locale CDATA #REQUIRED>
]>
<HealthData locale="de_DE">
 <ExportDate value="2024-04-01 10:00:00 +0200"/>
 <Me HKCharacteristicTypeIdentifierDateOfBirth="1961-05-05" HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale"/>
 <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Erika’s Apple Watch" unit="count/min" startDate="2024-03-01 07:00:00 +0100" endDate="2024-03-01 07:00:00 +0100" value="61"/>
 <Record type="HKQuantityTypeIdentifierOxygenSaturation" sourceName="x" unit="%" startDate="2024-03-01 07:00:00 +0100" endDate="2024-03-01 07:00:00 +0100" value="0.97"/>
 <Record type="HKQuantityTypeIdentifierBodyMass" sourceName="x" unit="lb" startDate="2024-03-01 07:00:00 +0100" endDate="2024-03-01 07:00:00 +0100" value="176.37"/>
 <Record type="HKQuantityTypeIdentifierBloodGlucose" sourceName="x" unit="mmol&lt;180.1558800000541&gt;/L" startDate="2024-03-01 07:00:00 +0100" endDate="2024-03-01 07:00:00 +0100" value="5"/>
 <Record type="HKQuantityTypeIdentifierStepCount" sourceName="x" unit="count" startDate="2024-03-01 07:00:00 +0100" endDate="2024-03-01 07:10:00 +0100" value="900"/>
 <Record type="HKQuantityTypeIdentifierDietaryZinc" sourceName="x" unit="mg" startDate="2024-03-01 07:00:00 +0100" endDate="2024-03-01 07:10:00 +0100" value="9"/>
 <Record type="HKQuantityTypeIdentifierInsulinDelivery" sourceName="x" unit="IU" startDate="2024-03-01 07:00:00 +0100" endDate="2024-03-01 07:10:00 +0100" value="6">
  <MetadataEntry key="HKInsulinDeliveryReason" value="2"/>
 </Record>
 <Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="x" startDate="2024-02-29 23:00:00 +0100" endDate="2024-03-01 02:00:00 +0100" value="HKCategoryValueSleepAnalysisAsleepCore"/>
 <Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="x" startDate="2024-03-01 02:30:00 +0100" endDate="2024-03-01 06:00:00 +0100" value="HKCategoryValueSleepAnalysisAsleepREM"/>
 <Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="x" startDate="2024-02-29 22:30:00 +0100" endDate="2024-03-01 06:00:00 +0100" value="HKCategoryValueSleepAnalysisInBed"/>
 <Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="x" startDate="2024-03-01 08:00:00 +0100" endDate="2024-03-01 08:00:00 +0100">
  <Record type="HKQuantityTypeIdentifierBloodPressureSystolic" sourceName="x" unit="mmHg" startDate="2024-03-01 08:00:00 +0100" endDate="2024-03-01 08:00:00 +0100" value="120"/>
 </Correlation>
 <Record type="HKQuantityTypeIdentifierBloodPressureSystolic" sourceName="x" unit="mmHg" startDate="2024-03-01 08:00:00 +0100" endDate="2024-03-01 08:00:00 +0100" value="120"/>
 <Workout workoutActivityType="HKWorkoutActivityTypeRunning" startDate="2024-03-01 18:00:00 +0100" endDate="2024-03-01 18:30:00 +0100"/>
</HealthData>
"""


def test_apple_health_is_read_from_its_zip(tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("apple_health_export/export.xml", APPLE)
    made = read(tmp_path, "export.zip", held.getvalue())
    assert values(made, "8867-4") == [61]
    assert times(made, "8867-4") == [utc(2024, 3, 1, 6)]
    assert values(made, "59408-5") == [97]
    assert values(made, "29463-7") == [80.0]
    assert values(made, "41653-7") == [90.078]
    assert values(made, "55423-8") == [900]
    assert values(made, "insulin-rapid") == [6]
    assert values(made, "8480-6") == [120]
    assert values(made, "93832-4") == [6.5]
    assert made.person.birth_year == 1961
    assert made.person.sex == "female"
    assert [q.reason for q in made.quarantined] == ["code"]
    assert "Apple Watch" in {s.device for s in made.sources}
    assert not any("Erika" in s.device for s in made.sources)
    assert made.events[0].display == "Workout: Running"


# -- sensors and meters

CLARITY = """\ufeffIndex,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,Source Device ID,Glucose Value ({unit}),Insulin Value (u),Carb Value (grams),Duration (hh:mm:ss),Glucose Rate of Change (mg/dL/min),Transmitter Time (Long Integer),Transmitter ID
1,,FirstName,,Erika,,,,,,,,,
2,,LastName,,Musterfrau,,,,,,,,,
3,,DateOfBirth,,1960-05-17,,,,,,,,,
4,,Device,,,Dexcom G6,,,,,,,,
5,,Alert,High,,Dexcom G6,,200,,,,,,
6,2024-03-01T00:03:00,EGV,,,,iPhone,{a},,,,,100,8Q
7,2024-03-01T00:08:00,EGV,,,,iPhone,Low,,,,,400,8Q
8,2024-03-01T00:13:00,EGV,,,,iPhone,High,,,,,700,8Q
9,2024-03-01T00:14:00,Insulin,Fast-Acting,,,iPhone,,4.5,,,,,
10,2024-03-01T00:15:00,Insulin,Long-Acting,,,iPhone,,18,,,,,
11,2024-03-01T00:16:00,Carbs,,,,iPhone,,,45,,,,
12,2024-03-01T00:17:00,Calibration,,,,iPhone,{b},,,,,,
"""


@pytest.mark.parametrize(("unit", "a", "b"), [("mg/dL", "99", "110"), ("mmol/L", "5.5", "6.1")])
def test_dexcom_clarity_in_either_unit(tmp_path, unit, a, b):
    made = read(tmp_path, "clarity.csv", CLARITY.format(unit=unit, a=a, b=b), timezone="Europe/Berlin")
    assert values(made, "99504-3") == pytest.approx([99, 39, 401], rel=2e-3)
    assert times(made, "99504-3")[0] == utc(2024, 2, 29, 23, 3)
    assert values(made, "insulin-rapid") == [4.5]
    assert values(made, "insulin-long") == [18]
    assert values(made, "9059-7") == [45]
    assert values(made, "41653-7") == pytest.approx([110], rel=2e-3)
    assert made.person.birth_year == 1960
    assert made.person.identity.startswith("n")
    assert any("low" in note for note in made.notes)
    assert not made.quarantined


LIBRE = """Glukosewerte,Erstellt am,07-04-2024 02:13 UTC,Erstellt von,Erika Musterfrau
Gerät,Seriennummer,Gerätezeitstempel,Aufzeichnungstyp,Glukosewert-Verlauf {unit},Glukose-Scan {unit},Nicht numerisches schnellwirkendes Insulin,Schnellwirkendes Insulin (Einheiten),Nicht numerische Nahrungsdaten,Kohlenhydrate (Gramm),Kohlenhydrate (Portionen),Nicht numerisches Depotinsulin,Depotinsulin (Einheiten),Notizen,Glukose-Teststreifen {unit},Keton mmol/L,Mahlzeiteninsulin (Einheiten),Korrekturinsulin (Einheiten),Insulin-Änderung durch Anwender (Einheiten)
FreeStyle LibreLink,AA,13-03-2024 10:21,0,"5,6",,,,,,,,,,,,,,
FreeStyle LibreLink,AA,13-03-2024 10:36,0,"5,8",,,,,,,,,,,,,,
FreeStyle LibreLink,AA,13-03-2024 10:40,1,,"6,0",,,,,,,,,,,,,
FreeStyle LibreLink,AA,13-03-2024 10:41,4,,,,"4,0",,,,,,,,,,,
FreeStyle LibreLink,AA,13-03-2024 10:42,5,,,,,,"30,0",,,,,,,,,
FreeStyle LibreLink,AA,13-03-2024 10:43,6,,,,,,,,,,Erika war hier,,,,,
"""


def test_libreview_in_german_with_decimal_commas(tmp_path):
    made = read(tmp_path, "libre.csv", LIBRE.format(unit="mmol/L"), timezone="Europe/Berlin")
    assert values(made, "99504-3") == pytest.approx([100.9, 104.5, 108.1], abs=0.1)
    assert times(made, "99504-3")[0] == utc(2024, 3, 13, 9, 21)
    assert values(made, "insulin-rapid") == [4]
    assert values(made, "9059-7") == [30]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_meters_table_with_semicolons_commas_and_german_headings(tmp_path, encoding):
    text = "Datum;Uhrzeit;Glucose (mmol/l);Gerät\n13.03.2024;07:05;5,6;Zähler\n14.03.2024;07:10;LO;Zähler\n"
    made = read(tmp_path, "meter.csv", text.encode(encoding), timezone="Europe/Berlin")
    assert values(made, "2339-0") == pytest.approx([100.9, 39.0], abs=0.1)
    assert {source.device for source in made.sources} == {"Zähler"}


def test_a_table_of_blood_pressures_as_a_cuff_exports_it(tmp_path):
    text = "Date,Time,Systolic (mmHg),Diastolic (mmHg),Pulse (bpm),Notes\n2024-03-01,7:05 AM,131,82,64,tired\n2024-03-01,7:45 PM,126,80,70,\n"
    made = read(tmp_path, "bp.csv", text)
    assert values(made, "8480-6") == [131, 126]
    assert values(made, "8462-4") == [82, 80]
    assert values(made, "8867-4") == [64, 70]
    assert times(made, "8480-6") == [utc(2024, 3, 1, 7, 5), utc(2024, 3, 1, 19, 45)]
    assert any("Notes" in note for note in made.notes)


def test_a_long_table_has_a_row_for_each_reading(tmp_path):
    text = "timestamp,loinc,value,unit,device\n2024-03-01T07:00:00Z,8867-4,64,/min,A\n2024-03-01T07:01:00Z,29463-7,176.4,lb,B\n2024-03-01T07:02:00Z,9999-9,1,x,B\n"
    made = read(tmp_path, "long.csv", text)
    assert values(made, "8867-4") == [64]
    assert values(made, "29463-7") == pytest.approx([80.01], abs=0.01)
    assert [q.reason for q in made.quarantined] == ["code"]


def test_units_that_a_heading_does_not_tell_are_told_by_the_values_or_refused(tmp_path):
    text = (
        "date,glucose,temperature,weight,spo2\n2024-03-01 07:00,5.5,98.6,80,0.97\n2024-03-02 07:00,6.5,99.1,81,0.98\n"
    )
    made = read(tmp_path, "bare.csv", text)
    assert values(made, "2339-0") == pytest.approx([99.1, 117.1], abs=0.1)
    assert values(made, "59408-5") == [97, 98]
    assert values(made, "8310-5") == [37.0, 37.278]
    assert [q.reason for q in made.quarantined] == ["unit", "unit"]
    assert "--unit '29463-7=kg'" in made.quarantined[0].said
    said = read(tmp_path, "bare.csv", text, units={"weight": "lb"})
    assert values(said, "29463-7") == pytest.approx([36.29, 36.74], abs=0.01)
    with pytest.raises(BadInput, match="cannot be in"):
        read(tmp_path, "bare.csv", text, units={"weight": "mmHg"})


def test_the_pressure_of_another_vessel_is_not_taken_for_the_arm_s(tmp_path):
    """German intensive care profiles code the pulmonary pressure as a blood pressure and, beside that, as what it is."""
    one = observation("8480-6", 28, "mm[Hg]", "2024-03-01T07:00:00Z")
    one["code"]["coding"].append({"system": "http://loinc.org", "code": "8440-0"})  # type: ignore[index]
    made = read(tmp_path, "a.json", bundle(one))
    assert made.codes == ("8440-0",)


# -- dates


def test_day_and_month_are_told_by_the_whole_file(tmp_path):
    first = read(tmp_path, "a.csv", "date,heart rate\n03/04/2024 07:00,60\n13/04/2024 07:00,61\n")
    assert times(first, "8867-4")[0] == utc(2024, 4, 3, 7)
    second = read(tmp_path, "b.csv", "date,heart rate\n03/04/2024 07:00,60\n03/14/2024 07:00,61\n")
    assert times(second, "8867-4")[0] == utc(2024, 3, 4, 7)
    third = read(
        tmp_path,
        "c.csv",
        "date,heart rate\n" + "".join(f"{d:02}/04/2024 07:00,60\n" for d in range(1, 12)) + "01/05/2024 07:00,60\n",
    )
    assert times(third, "8867-4")[1] == utc(2024, 4, 2, 7)
    assert any("taken for the day" in note for note in third.notes)


def test_dates_that_do_not_tell_are_refused_until_somebody_says(tmp_path):
    text = "date,heart rate\n03/04/2024 07:00,60\n"
    with pytest.raises(BadInput, match="day or the month"):
        read(tmp_path, "a.csv", text)
    assert times(read(tmp_path, "a.csv", text, dates="month-first"), "8867-4") == [utc(2024, 3, 4, 7)]


def test_the_doubled_hour_in_autumn_is_told_apart(tmp_path):
    clocks = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    text = "time,heart rate\n" + "".join(f"2024-10-27 {c},{60 + n}\n" for n, c in enumerate(clocks))
    made = read(tmp_path, "a.csv", text, timezone="Europe/Berlin")
    assert np.diff(times(made, "8867-4")).tolist() == [1800] * 5


# -- Fitbit, Google, Garmin


def test_fitbits_archive(tmp_path):
    folder = tmp_path / "Fitbit"
    folder.mkdir()
    files = {
        "heart_rate-2024-03-01.json": [{"dateTime": "03/01/24 08:00:05", "value": {"bpm": 70, "confidence": 2}}],
        "steps-2024-03-01.json": [{"dateTime": "03/01/24 08:00:00", "value": "12"}],
        "resting_heart_rate-2024-03-01.json": [
            {"dateTime": "03/01/24 00:00:00", "value": {"date": "03/01/24", "value": 61.5, "error": 3}},
            {"dateTime": "03/02/24 00:00:00", "value": {"date": None, "value": 0.0, "error": 0}},
        ],
        "sleep-2024-03-01.json": [
            {
                "logId": 1,
                "dateOfSleep": "2024-03-01",
                "startTime": "2024-02-29T23:10:30.000",
                "endTime": "2024-03-01T06:10:30.000",
                "minutesAsleep": 390,
            }
        ],
        "weight-2024-03-01.json": [{"logId": 2, "weight": 176.4, "bmi": 26.1, "date": "03/01/24", "time": "07:00:00"}],
        "altitude-2024-03-01.json": [{"dateTime": "03/01/24 08:00:00", "value": "10"}],
    }
    for name, data in files.items():
        (folder / name).write_text(json.dumps(data))
    (folder / "readme.txt").write_text("hello")
    made = read_observations(folder, now_s=NOW, timezone="Europe/Berlin")
    assert values(made, "8867-4") == [70]
    assert times(made, "8867-4") == [utc(2024, 3, 1, 8, 0, 5)]
    assert values(made, "55423-8") == [12]
    assert values(made, "40443-4") == [61.5]
    assert values(made, "93832-4") == [6.5]
    assert values(made, "29463-7") == pytest.approx([80.01], abs=0.01)
    assert times(made, "93832-4") == [utc(2024, 2, 29, 22, 10, 30)]
    assert [q.reason for q in made.quarantined] == ["code"]
    assert any("passed over" in note for note in made.notes)


def test_fitbits_table_with_sections(tmp_path):
    text = (
        'Body\nDate,Weight,BMI,Fat\n"2024-03-01","80.1","26.2","0"\n\nActivities\nDate,Calories Burned,Steps,Distance,Floors\n'
        '"2024-03-01","2,100","6,123","4.5","7"\n\nSleep\nStart Time,End Time,Minutes Asleep,Minutes Awake\n'
        '"2024-03-01 11:10PM","2024-03-02 6:10AM","390","30"\n'
    )
    made = read(tmp_path, "fitbit_export.csv", text)
    assert values(made, "55423-8") == [6123]
    assert values(made, "100304-5") == [7]
    assert values(made, "93832-4") == [6.5]
    assert any(q.reason == "unit" for q in made.quarantined)  # kilograms or pounds: the file does not say


def test_google_fit_in_both_ways(tmp_path):
    points = {"Data Source": "derived", "Data Points": [
        {"fitValue": [{"value": {"fpVal": 72.0}}], "dataTypeName": "com.google.heart_rate.bpm", "startTimeNanos": 1709280000000000000,
         "endTimeNanos": 1709280000000000000, "originDataSourceId": "raw:com.google.heart_rate.bpm:Watch"}]}  # fmt: skip
    assert values(read(tmp_path, "heart.json", json.dumps(points)), "8867-4") == [72]
    day = "Start time,End time,Move Minutes count,Calories (kcal),Distance (m),Average heart rate (bpm),Step count\n07:00:00.000+01:00,07:15:00.000+01:00,10,30,900,88,1200\n"
    made = read(tmp_path, "2024-03-01.csv", day)
    assert values(made, "55423-8") == [1200]
    assert times(made, "55423-8") == [utc(2024, 3, 1, 6)]
    assert values(made, "8867-4") == [88]
    assert values(made, "55430-3") == [900]


def test_records_of_health_connect(tmp_path):
    told = {
        "HeartRateRecord": [{"startTime": "2024-03-01T07:00:00Z", "endTime": "2024-03-01T07:02:00Z", "samples": [
            {"time": "2024-03-01T07:00:00Z", "beatsPerMinute": 71}, {"time": "2024-03-01T07:01:00Z", "beatsPerMinute": 73}]}],
        "BloodPressureRecord": [{"time": "2024-03-01T07:00:00Z", "systolic": {"inMillimetersOfMercury": 130.0},
                                 "diastolic": {"inMillimetersOfMercury": 80.0}}],
        "StepsRecord": [{"startTime": "2024-03-01T07:00:00Z", "endTime": "2024-03-01T08:00:00Z", "count": 500}],
    }  # fmt: skip
    made = read(tmp_path, "hc.json", json.dumps(told))
    assert values(made, "8867-4") == [71, 73]
    assert values(made, "8480-6") == [130]
    assert values(made, "55423-8") == [500]


def test_garmins_tables(tmp_path):
    runs = "Activity Type,Date,Favorite,Title,Distance,Calories,Time,Avg HR,Max HR\nRunning,2024-03-01 18:00:00,false,Home Street,5.0,400,00:30:30,150,170\n"
    assert values(read(tmp_path, "Activities.csv", runs), "55411-3") == [30.5]
    weights = 'Time,Weight,Change,BMI\n" Mar 5, 2024",\n7:00 AM,80.5 kg,0.0 kg,26\n" Mar 6, 2024",\n7:10 AM,80.1 kg,-0.4 kg,26\n'
    made = read(tmp_path, "Weight.csv", weights)
    assert values(made, "29463-7") == [80.5, 80.1]
    assert times(made, "29463-7")[0] == utc(2024, 3, 5, 7)
    steps = ",Actual,Goal\n3/14/2024,5000,8000\n3/15/2024,6100,8000\n"
    assert values(read(tmp_path, "Steps.csv", steps), "55423-8") == [5000, 6100]


@pytest.mark.parametrize("coding", ["utf-8", "latin-1"])
def test_a_table_of_a_german_cuff_is_read(coding, tmp_path):
    text = "Datum;Uhrzeit;Systolisch (mmHg);Diastolisch (mmHg);Puls;Gewicht (kg);Größe (cm)\n01.02.2025;08:00;131;84;70;80,5;181\n13.02.2025;07:30;128;80;71;80,1;181\n"
    file = tmp_path / "cuff.csv"
    file.write_bytes(text.encode(coding))
    line = Timeline([read_observations(file, timezone="Europe/Berlin")])
    assert line.last("29463-7").value == 80.1
    assert [line.last(c).value for c in ("8480-6", "8462-4", "8867-4", "8302-2")] == [128.0, 80.0, 71.0, 181.0]
