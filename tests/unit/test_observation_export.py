"""Readings out as FHIR R4: valid, complete, the same when they come back, and without the patient's name."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.io.observations import read_observations
from organtwin.io.observations.fhir_export import bundle, write_fhir
from organtwin.model import Observations
from organtwin.timeline.timeline import Timeline
from sample_dicom.readings import DAYS, two_years

# its last reading is of the 28th of February 2026
NOW = 1780000000.0


@pytest.fixture(scope="module")
def patient(tmp_path_factory) -> Observations:
    path = tmp_path_factory.mktemp("fhir") / "patient.json"
    path.write_text(json.dumps(two_years(days=60, cgm_days=3).bundle()), encoding="utf-8")
    return read_observations(path, now_s=NOW)


def test_the_made_up_patient_reads_whole(tmp_path):
    one = two_years(days=DAYS, cgm_days=5)
    path = tmp_path / "ErikaMusterfrau_2026.json"
    path.write_text(json.dumps(one.bundle("transaction")), encoding="utf-8")
    made = read_observations(path, now_s=NOW)
    assert not made.quarantined
    panels = sum(r.get("code", {}).get("coding", [{}])[0].get("code") == "85354-9" for r in one.resources)
    assert len(Timeline([made]).series("8480-6")) == panels
    assert {"condition", "medication", "procedure", "report", "imaging"} == {event.kind for event in made.events}
    assert all(
        word not in made.model_dump_json(include={"events", "person", "sources"})
        for word in ("Musterfrau", "Erika", "MRN", "Koeln")
    )


@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_what_goes_out_comes_back_the_same(tmp_path, patient, ending):
    before = Timeline([patient])
    target = tmp_path / f"out.{ending}"
    count = write_fhir(before, target, keep_texts=True)
    again = read_observations(target, now_s=NOW)
    after = Timeline([again])
    assert not again.quarantined
    assert after.codes == before.codes
    for code in before.codes:
        ours, theirs = before.series(code), after.series(code)
        np.testing.assert_allclose(theirs.times_s, ours.times_s, atol=1e-3)
        np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-7)
        np.testing.assert_allclose(theirs.durations_s, ours.durations_s, atol=1)
        np.testing.assert_array_equal(theirs.offset_min, ours.offset_min)
    assert [(e.kind, e.code, e.start_s) for e in after.events] == [(e.kind, e.code, e.start_s) for e in before.events]
    assert count > len(before.series("8480-6"))


@pytest.mark.parametrize("keep_texts", [False, True])
def test_every_resource_is_valid_by_the_models_of_fhir(patient, keep_texts):
    pytest.importorskip("fhir.resources")
    seen = set()
    for entry in bundle(Timeline([patient]), shift_s=-7 * 86400.0, keep_texts=keep_texts)["entry"]:
        resource = entry["resource"]
        kind = resource["resourceType"]
        code = (kind, str(resource.get("code"))[:60], "effectivePeriod" in resource)
        if code not in seen:  # one of each kind: the models are slow
            seen.add(code)
            module = importlib.import_module(f"fhir.resources.R4B.{kind.lower()}")
            getattr(module, kind).model_validate(resource)
    assert {"Patient", "Observation", "Condition", "MedicationStatement", "DiagnosticReport", "ImagingStudy"} <= {
        k for k, *_ in seen
    }


def test_what_is_exported_does_not_name_the_patient_and_dates_keep_their_distances(tmp_path, patient):
    target = tmp_path / "out.json"
    write_fhir(Timeline([patient]), target, shift_s=-10 * 7 * 86400.0)
    text = target.read_text()
    for word in (
        "Musterfrau",
        "Erika",
        "MRN",
        "Heidestrasse",
        "HomeCuff",
        "As before",
        patient.person.identity.split()[0],
        "patient.json",
    ):
        assert word not in text
    again = read_observations(target, now_s=NOW)
    assert again.times_s[0] == patient.times_s[0] - 10 * 7 * 86400.0
    np.testing.assert_allclose(np.diff(again.times_s), np.diff(patient.times_s), atol=1e-3)


def test_a_very_old_patients_year_of_birth_is_not_told(patient):
    old = patient.with_(person=patient.person.model_copy(update={"birth_year": 1921}))
    assert bundle(Timeline([old]))["entry"][0]["resource"]["birthDate"] == "1934"


def test_another_ending_is_refused_and_nothing_is_left_behind(tmp_path: Path, patient):
    with pytest.raises(BadInput, match=r"\.json or \.ndjson"):
        write_fhir(Timeline([patient]), tmp_path / "out.xml")
    assert not list(tmp_path.iterdir())
