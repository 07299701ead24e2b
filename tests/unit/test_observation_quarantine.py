"""What is wrong with readings is set aside with a reason; what is wrong with files is said in a sentence."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organtwin.errors import BadInput
from organtwin.io.observations import read_observations
from organtwin.timeline.timeline import Timeline

from .test_observation_formats import NOW, bundle, observation, read, values


def reasons(one) -> list[str]:
    return [q.reason for q in one.quarantined for _ in range(q.count)]


def patient(family: str, born: str, id: str, number: str = "") -> dict[str, object]:
    numbers = [{"system": "urn:oid:1.2", "value": number}] if number else []
    return {
        "resourceType": "Patient",
        "id": id,
        "birthDate": born,
        "name": [{"family": family, "given": ["A"]}],
        "identifier": numbers,
    }


def of(id: str, one: dict[str, object]) -> dict[str, object]:
    return {**one, "subject": {"reference": f"Patient/{id}"}}


# -- readings


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (observation("8867-4", 720, "/min", "2024-03-01T07:00:00Z"), "impossible"),
        (observation("29463-7", -3, "kg", "2024-03-01T07:00:00Z"), "impossible"),
        (observation("8867-4", 72, "kg", "2024-03-01T07:00:00Z"), "unit"),
        (observation("8867-4", 72, "furlong", "2024-03-01T07:00:00Z"), "unit"),
        (observation("8867-4", 72, "", "2024-03-01T07:00:00Z"), "unit"),
        (observation("1234-5", 72, "/min", "2024-03-01T07:00:00Z"), "code"),
        (observation("8867-4", 72, "/min", "2031-03-01T07:00:00Z"), "clock"),
        (observation("8867-4", 72, "/min", "1970-01-01T00:03:00Z"), "clock"),
        (observation("8867-4", 72, "/min", "2024-13-45T07:00:00Z"), "clock"),
        (observation("8867-4", 72, "/min", "2024"), "clock"),
        (observation("8867-4", 72, "/min", ""), "clock"),
        (observation("8867-4", "many", "/min", "2024-03-01T07:00:00Z"), "unreadable"),
        (observation("8867-4", True, "/min", "2024-03-01T07:00:00Z"), "unreadable"),
        (observation("8867-4", 1e999, "/min", "2024-03-01T07:00:00Z"), "unreadable"),
        (observation("8867-4", 72, "/min", "2024-03-01T07:00:00Z", status="entered-in-error"), "status"),
        (observation("8867-4", 72, "/min", "2024-03-01T07:00:00Z", component=7, valueQuantity=[1]), "unreadable"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_reading_is_its_reason(tmp_path, one, reason):
    made = read(tmp_path, "a.json", bundle(one, observation("8867-4", 60, "/min", "2024-03-01T08:00:00Z")))
    assert reasons(made) == [reason]
    assert values(made, "8867-4") == [60]
    assert "entry 1" in made.quarantined[0].place
    assert made.quarantined[0].said


def test_before_birth_is_an_error_of_a_clock(tmp_path):
    made = read(
        tmp_path,
        "a.json",
        bundle(patient("X", "1990-01-01", "p"), observation("29463-7", 60, "kg", "1985-03-01T07:00:00Z")),
    )
    assert reasons(made) == ["clock"]
    assert "born" in made.quarantined[0].said


def test_the_same_again_is_a_duplicate_also_in_another_unit_and_in_a_later_import(tmp_path):
    first = observation("2339-0", 99, "mg/dL", "2024-03-01T07:00:00Z")
    made = read(
        tmp_path, "a.json", bundle(first, first, observation("2339-0", 5.5, "mmol/L", "2024-03-01T08:00:00+01:00"))
    )
    assert values(made, "2339-0") == [99]
    assert reasons(made) == ["duplicate"] * 2
    later = read(
        tmp_path, "b.json", bundle(first, observation("2339-0", 120, "mg/dL", "2024-03-02T07:00:00Z")), earlier=[made]
    )
    assert values(later, "2339-0") == [120]
    assert reasons(later) == ["duplicate"]
    assert [round(v) for v in Timeline([made, later]).series("2339-0").values] == [99, 120]


def test_the_same_pressure_by_way_of_two_programs_within_a_minute_is_a_near_duplicate(tmp_path):
    one = observation("8480-6", 131, "mm[Hg]", "2024-03-01T07:00:23Z", device={"display": "Cuff"})
    other = observation("8480-6", 131, "mm[Hg]", "2024-03-01T07:00:00Z", device={"display": "Telephone"})
    made = read(tmp_path, "a.json", bundle(one, other))
    assert len(made) == 1
    assert "within a minute" in made.quarantined[0].said
    same_device = [{**o, "device": {"display": "Cuff"}} for o in (one, other)]
    assert len(read(tmp_path, "b.json", bundle(*same_device))) == 2


def test_a_clock_that_jumped_and_came_back_is_seen_in_a_log(tmp_path):
    rows = [f"2024-03-{d:02} 07:00,6{d % 10}\n" for d in range(1, 29)]
    rows[10:12] = ["2001-01-01 00:05,60\n", "2001-01-01 00:09,61\n"]
    rows[20] = "2025-03-21 07:00,62\n"
    made = read(tmp_path, "log.csv", "time,heart rate\n" + "".join(rows))
    assert len(made) == 25
    assert reasons(made) == ["clock"] * 3


def test_of_very_many_the_first_are_kept_and_the_rest_are_counted(tmp_path):
    rows = "".join(f"2024-03-01T00:{n // 60:02}:{n % 60:02},999\n" for n in range(1000))
    made = read(tmp_path, "a.csv", "time,heart rate\n" + rows)
    assert len(made) == 0
    assert len(made.quarantined) < 300
    assert reasons(made) == ["impossible"] * 1000


# -- whose they are


def test_another_patient_in_the_file_is_set_aside(tmp_path):
    mine = [of("a", observation("8867-4", 60 + n, "/min", f"2024-03-{n + 1:02}T07:00:00Z")) for n in range(20)]
    made = read(tmp_path, "a.json", bundle(patient("X", "1960-01-01", "a"), patient("Y", "1970-01-01", "b"), *mine,
                of("b", observation("8867-4", 99, "/min", "2024-03-05T09:00:00Z"))))  # fmt: skip
    assert len(made) == 20
    assert reasons(made) == ["patient"]
    assert made.person.birth_year == 1960


def test_a_file_of_two_patients_in_equal_parts_is_refused_until_one_is_named(tmp_path):
    text = bundle(patient("X", "1960-01-01", "a"), patient("Y", "1970-01-01", "b"),
                  of("a", observation("8867-4", 61, "/min", "2024-03-01T07:00:00Z")),
                  of("b", observation("8867-4", 99, "/min", "2024-03-05T09:00:00Z")))  # fmt: skip
    with pytest.raises(BadInput, match="2 patients"):
        read(tmp_path, "a.json", text)
    assert values(read(tmp_path, "a.json", text, patient="b"), "8867-4") == [99]


def test_a_patient_whom_the_project_does_not_hold_is_set_aside_and_the_same_by_another_spelling_is_not(tmp_path):
    one = observation("8867-4", 61, "/min", "2024-03-01T07:00:00Z")
    mine = read(tmp_path, "a.json", bundle(patient("Müller", "1960-01-01", "a", "7"), of("a", one)))
    other = observation("8867-4", 70, "/min", "2024-04-01T07:00:00Z")
    foreign = read(tmp_path, "b.json", bundle(patient("Maier", "1960-01-01", "z"), of("z", other)), earlier=[mine])
    assert len(foreign) == 0
    assert reasons(foreign) == ["patient"]
    assert foreign.person == mine.person
    same = read(tmp_path, "c.json", bundle(patient("MULLER", "1960-01-01", "q"), of("q", other)), earlier=[mine])
    assert values(same, "8867-4") == [70]
    married = read(
        tmp_path, "d.json", bundle(patient("Schulz", "1960-01-01", "q", "7"), of("q", other)), earlier=[mine]
    )
    assert values(married, "8867-4") == [70]


def test_the_patient_of_the_project_is_taken_from_a_file_of_many(tmp_path):
    one = observation("8867-4", 61, "/min", "2024-03-01T07:00:00Z")
    mine = read(tmp_path, "a.json", bundle(patient("X", "1960-01-01", "a"), of("a", one)))
    many = [
        r
        for n in range(5)
        for r in (
            patient(f"Y{n}", "1971-01-01", f"o{n}"),
            of(f"o{n}", observation("8867-4", 80 + n, "/min", "2024-03-09T07:00:00Z")),
        )
    ]
    made = read(
        tmp_path,
        "b.json",
        bundle(
            *many, patient("X", "1960-01-01", "me"), of("me", observation("8867-4", 64, "/min", "2024-03-10T07:00:00Z"))
        ),
        earlier=[mine],
    )
    assert values(made, "8867-4") == [64]
    assert reasons(made) == ["patient"] * 5


def test_tables_with_a_column_of_patients_are_told_apart(tmp_path):
    row = "{},2024-03-{:02} 07:00,{}\n"
    text = (
        "patient id,time,heart rate\n"
        + "".join(row.format("A7", d, 60 + d) for d in range(1, 20))
        + row.format("B8", 20, 99)
    )
    made = read(tmp_path, "a.csv", text)
    assert len(made) == 19
    assert reasons(made) == ["patient"]
    foreign = read(tmp_path, "b.csv", "patient id,time,heart rate\n" + row.format("B8", 21, 70), earlier=[made])
    assert len(foreign) == 0
    assert reasons(foreign) == ["patient"]
    same = read(tmp_path, "b.csv", "patient id,time,heart rate\n" + row.format("A7", 21, 70), earlier=[made])
    assert values(same, "8867-4") == [70]


# -- files


def billion_laughs() -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE HealthData [<!ENTITY l0 "ha">{entities}]><HealthData><Record type="&l9;"/></HealthData>'


HOSTILE = {
    "empty.json": b"",
    "blank.csv": b"\n\n",
    "cut.json": bundle(observation("8867-4", 60, "/min", "2024-03-01T07:00:00Z")).encode()[:-30],
    "latin.json": b'{"resourceType": "Bundle", "type": "M\xfcller", "entry": []}',
    "page.json": b"<!DOCTYPE html><html><head><title>Login</title></head><body>resourceType</body></html>",
    "deep.json": b'{"resourceType": "Bundle", "entry": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep2.json": b'{"resourceType": "Observation", "code": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "digits.json": b'{"resourceType": "Bundle", "entry": [{"resource": ' + b"9" * 100_000 + b"}]}",
    "long.json": b'{"resourceType": "Bundle", "x": "' + b"a" * 10_000_000,
    "list.json": b"[1, 2, 3]",
    "deep3.json": b'{"StepsRecord": ' + b'{"a":' * 3000 + b'{"time": 1}' + b"}" * 3001,
    "kinds.json": b'{"resourceType": "Columns", "Bundle": 1}',
    "words.txt": b"Dear doctor, I feel well.\nYours",
    "noise.csv": bytes(range(256)) * 40,
    "laughs.xml": billion_laughs().encode(),
    "external.xml": b'<?xml version="1.0"?><!DOCTYPE HealthData [<!ENTITY x SYSTEM "file:///etc/passwd">]><HealthData>&x;</HealthData>',
    "cut.xml": b'<?xml version="1.0"?><HealthData><Record type="HKQuantityTypeIdentifierHeartRate" unit="count/min"',
    "no.zip": b"PK\x03\x04 this is none",
    "headings.csv": b"date,heart rate\n",
    "cut.json.gz": gzip.compress(b"x" * 100_000)[:40],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_or_hostile_file_is_one_sentence(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    with pytest.raises(BadInput) as caught:
        read_observations(path, now_s=NOW)
    assert len(caught.value.sentence) < 400
    assert "Traceback" not in caught.value.sentence
    assert name.split(".")[0] in caught.value.sentence


def bomb() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"time,heart rate\n" + b"2024-03-01 07:00,60\n" * 5_000_000)
    return held.getvalue()


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path):
    (tmp_path / "bomb.zip").write_bytes(bomb())
    with pytest.raises(BadInput, match="unpacks to more"):
        read_observations(tmp_path / "bomb.zip", now_s=NOW)


def test_one_broken_file_among_good_ones_is_set_aside(tmp_path):
    (tmp_path / "good.json").write_text(bundle(observation("8867-4", 60, "/min", "2024-03-01T07:00:00Z")))
    (tmp_path / "cut.json").write_bytes(HOSTILE["cut.json"])
    made = read_observations(tmp_path, now_s=NOW)
    assert len(made) == 1
    assert reasons(made) == ["unreadable"]
    assert "cut off" in made.quarantined[0].said


def test_nothing_of_a_broken_file_is_taken(tmp_path):
    (tmp_path / "good.json").write_text(bundle(observation("8867-4", 60, "/min", "2024-03-01T07:00:00Z")))
    (tmp_path / "cut.json").write_text(
        bundle(*(observation("8867-4", 70 + n, "/min", f"2024-03-0{n + 1}T07:00:00Z") for n in range(5)))[:-120]
    )
    assert values(read_observations(tmp_path, now_s=NOW), "8867-4") == [60]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_file_is_a_sentence_or_a_quarantine_never_a_crash(tmp_path: Path, data):
    kind = data.draw(st.sampled_from(["a.json", "a.ndjson", "a.csv", "a.xml"]))
    one = [observation("8867-4", 60 + n, "/min", f"2024-03-0{n + 1}T07:00:00Z") for n in range(4)]
    whole = {
        "a.json": bundle(patient("X", "1960-01-01", "a"), *one),
        "a.ndjson": "\n".join(map(json.dumps, one)),
        "a.csv": "time,heart rate (bpm),weight (kg)\n" + "".join(f"2024-03-0{n + 1} 07:00,{60 + n},{80 + n}\n" for n in range(4)),
        "a.xml": "<HealthData>" + "".join(
            f'<Record type="HKQuantityTypeIdentifierHeartRate" unit="count/min" startDate="2024-03-0{n + 1} 07:00:00 +0100" '
            f'endDate="2024-03-0{n + 1} 07:00:00 +0100" value="{60 + n}"/>' for n in range(4)) + "</HealthData>",
    }[kind].encode()  # fmt: skip
    at = data.draw(st.integers(0, len(whole) - 1))
    size = data.draw(st.integers(0, 12))
    damaged = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + size :]
    (tmp_path / kind).write_bytes(damaged)
    try:
        made = read_observations(tmp_path / kind, now_s=NOW)
    except BadInput:
        pass
    else:
        assert np.isfinite(made.values).all()
        assert np.isfinite(made.times_s).all()
        assert (np.diff(made.times_s) >= 0).all()
        assert all(q.said for q in made.quarantined)
