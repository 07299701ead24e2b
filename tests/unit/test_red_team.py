"""What somebody tried who means ill, and what came of it."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from organtwin.cli.tame import COLOURS, Tamed
from organtwin.errors import BadInput
from organtwin.feed.arriving import NotTaken, observation, subject_key
from organtwin.monitoring import evaluate_project
from organtwin.operations import find
from organtwin.privacy.consent import POLICY, policy
from organtwin.privacy.deidentification.dicom import Deidentifier
from organtwin.privacy.deidentification.fhir import FhirDeidentifier
from organtwin.privacy.deidentification.pseudonyms import Pseudonyms
from organtwin.privacy.roles import ROLE, read_roles
from organtwin.store import Project

NAME = "Maryann Smithson"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
LOOP = "a: &a [*a]\n"


@pytest.mark.parametrize("text", [BOMB, LOOP, "[" * 5000 + "]" * 5000, "!!python/object/apply:os.getcwd []"])
def test_yaml_that_swells_or_makes_things_is_refused_by_whatever_reads_it(text, tmp_path, monkeypatch):
    from organtwin.batch.protocol import parse as batch_protocol
    from organtwin.pathway.plan import read_plan

    file = tmp_path / "evil.yaml"
    file.write_text(text)
    monkeypatch.setenv(POLICY, str(file))
    for read in (lambda: read_roles(text), policy, lambda: read_plan(file), lambda: batch_protocol(text)):
        with pytest.raises(BadInput):
            read()


def test_a_purpose_that_the_policy_does_not_know_is_told_at_the_import():
    with pytest.raises(BadInput, match="no purpose 'Care of this patient'"):
        find("import-observations").read({"paths": ["a.json"], "purpose": "Care of this patient"})


def test_names_cannot_steer_a_terminal():
    told = io.StringIO()
    stream = Tamed(told, COLOURS)
    stream.write("\x1b[31mred\x1b[0m \x1b]52;c;cHduZWQ=\x07\x1b[2J\x9b2J\u202egnp.exe\n\tend")
    assert told.getvalue() == "\x1b[31mred\x1b[0m ]52;c;cHduZWQ=[2J2Jgnp.exe\n\tend"


def test_who_does_not_see_alerts_does_not_get_them_by_asking_the_protocols_again(tmp_path, monkeypatch):
    Project.create(tmp_path / "case.otwin").close()
    monkeypatch.setenv(ROLE, "researcher")
    with (
        Project(tmp_path / "case.otwin", read_only=True) as project,
        pytest.raises(BadInput, match="does not see alerts"),
    ):
        evaluate_project(project)


def test_a_sealed_project_whose_key_was_taken_away_does_not_pass_for_a_plain_one(tmp_path):
    folder = tmp_path / "case.otwin"
    Project.create(folder, passphrase="correct horse battery").close()
    (folder / "identity.age").unlink()
    (folder / "project.json").write_text('{"format": 1, "name": "case", "objects": []}')
    for read_only in (True, False):
        with pytest.raises(BadInput, match="was sealed, and its key is gone"):
            Project(folder, read_only=read_only)
    assert not (folder / "audit").exists()  # nothing was written in the open


def test_another_patients_reading_does_not_come_in_by_the_form_of_its_subject():
    told = {
        "resourceType": "Observation", "status": "final", "code": {}, "effectiveDateTime": "2026-01-01", "valueQuantity": {},
        "subject": ["Patient/other"],
    }  # fmt: skip
    with pytest.raises(NotTaken, match="subject"):
        observation(told)
    keys = [subject_key({"subject": {"reference": f"Patient/{who}/_history/1"}}) for who in ("me", "other")]
    assert keys[0] != keys[1]
    assert keys[0] == subject_key({"subject": {"reference": "Patient/me"}})


def test_fhir_keeps_no_free_text_wherever_it_is_put():
    quantity = {"value": NAME, "unit": NAME, "system": NAME, "comparator": NAME, "code": NAME}
    patient = {
        "resourceType": "Patient", "id": "MRN12345", "name": [{"family": "Smithson", "given": ["Maryann"]}], "active": NAME,
        "identifier": [{"value": "MRN12345"}], "multipleBirthBoolean": NAME, "deceasedDateTime": NAME,
    }  # fmt: skip
    seen = {
        "resourceType": "Observation", "id": "o", "status": NAME, "subject": {"reference": "Patient/MRN12345", "display": NAME},
        "code": {"text": NAME, "coding": [{"system": "http://here/Smithson", "code": "MRN12345", "display": NAME},
                                          {"system": "http://loinc.org", "code": "29463-7", "display": "Weight of Smithson"}]},
        "effectiveDateTime": "2026-01-01T10:00:00Z", "valueQuantity": quantity, "component": [NAME, {"valueQuantity": quantity}],
        "valueSampledData": {"data": NAME}, "category": NAME, "dataAbsentReason": NAME, "valueInteger": NAME,
        "method": {"coding": [quantity | {"display": NAME}]}, "bodySite": {"coding": [{"code": "{Smithson}"}]},
    }  # fmt: skip
    other = {"resourceType": "Maryann", "id": "x", "type": NAME}
    clean = FhirDeidentifier(Pseudonyms())
    made = clean({"resourceType": "Bundle", "entry": [{"resource": one} for one in (patient, seen, other)]})
    text = json.dumps(made).lower()
    assert "smithson" not in text
    assert "maryann" not in text
    assert "mrn12345" not in text
    assert "29463-7" in text  # what may stay has
    assert clean.passed_over == 1


def an_image(**more):
    from pydicom import Dataset
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", Dataset(), file_meta=meta)
    dataset.set_original_encoding(False, True)
    told = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": "1.2.3", "PatientName": "Smithson^Wu", "PatientID": "MRN12345",
        "Modality": "CT", "Rows": 2, "Columns": 2, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelData": np.arange(4, dtype="<u2").tobytes(),
    }  # fmt: skip
    for name, value in {**told, **more}.items():
        setattr(dataset, name, value)
    return dataset


def test_uids_below_the_standards_root_are_no_hiding_place():
    made = Deidentifier()(an_image(SOPInstanceUID="1.2.840.10008.19310203.12345"))
    assert not made.SOPInstanceUID.startswith("1.2.840.10008")
    assert made.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_nothing_rides_along_with_the_pixels():
    pixels = np.array([0xF001, 2, 3, 4], "<u2").tobytes() + b"SMITHSON"  # an overlay in unused bits, and a name behind
    made = Deidentifier()(an_image(PixelData=pixels))
    assert np.frombuffer(made.PixelData, "<u2").tolist() == [1, 2, 3, 4]


def test_no_name_is_left_in_the_middle_of_a_word_or_in_bytes():
    image = an_image(
        ConvolutionKernel="xMRN12345x",
        SoftwareVersions="SmithsonBuild",
        ICCProfile=b"by Smithson",
        ProtocolName="Wu abd",
    )
    text = str(Deidentifier()(image)).upper()
    assert "SMITHSON" not in text
    assert "MRN12345" not in text
    assert "WU" not in text.split()


def test_an_age_beyond_89_becomes_90_wherever_fhir_tells_it():
    clean = FhirDeidentifier(Pseudonyms())
    age = {"value": 97, "unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}
    ill = clean({"resourceType": "Condition", "id": "c", "onsetAge": age})
    assert ill["onsetAge"]["value"] == 90
    code = {"coding": [{"system": "http://loinc.org", "code": "30525-0"}]}
    assert (
        clean({"resourceType": "Observation", "id": "o", "code": code, "valueQuantity": age})["valueQuantity"]["value"]
        == 90
    )
    weight = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
    kept = clean(
        {"resourceType": "Observation", "id": "w", "code": weight, "valueQuantity": {"value": 97, "unit": "kg"}}
    )
    assert kept["valueQuantity"] == {"value": 97, "unit": "kg"}
