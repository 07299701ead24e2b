"""Copies without identity: nothing that names the patient is in them, and they are still the same scan."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from organtwin.document import Document
from organtwin.document.deidentified import Wish, deidentify, deidentify_project
from organtwin.errors import BadInput
from organtwin.io.export import export
from organtwin.io.study import scan
from organtwin.model import Segment, Segmentation
from organtwin.operations import find
from organtwin.privacy.deidentification.dicom import Deidentifier, Refused
from organtwin.privacy.deidentification.pseudonyms import Pseudonyms, moved
from organtwin.privacy.deidentification.table import rules
from organtwin.store import Project

PERSON = {
    "PatientName": "Oskarsson^Bjarne", "PatientID": "HOSP-4711-X", "PatientBirthDate": "19310512", "PatientAge": "094Y",
    "PatientAddress": "Lindenallee 12", "OtherPatientIDs": "ALT-99812", "AccessionNumber": "ACC-55123",
    "ReferringPhysicianName": "Quacksalber^Emil", "InstitutionName": "Sankt Florian", "OperatorsName": "Radtke^Ines",
    "StudyDescription": "Abdomen of Oskarsson", "SeriesDescription": "portal Oskarsson", "PatientComments": "afraid of needles",
    "StationName": "CTROOM07", "DeviceSerialNumber": "SN-0042-77", "StudyDate": "20240229", "SeriesDate": "20240301",
    "AcquisitionDateTime": "20240229101112.5+0100", "PatientTelephoneNumbers": "+49301234567", "StudyID": "ST-889911",
    "ImageComments": "see letter to Dr Quacksalber", "EthnicGroup": "Rapa Nui", "Occupation": "lighthouse keeper",
}  # fmt: skip


def a_slice(k: int, uids: dict[str, str], **more) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = f"{uids['series']}.{k}"
    meta.SourceApplicationEntityTitle = "OSKARSSON_PC"
    d = FileDataset("", {}, file_meta=meta, preamble=b"Oskarsson" + b"\0" * 119)
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = uids["study"], uids["series"], uids["frame"]
    d.Modality, d.PatientSex, d.ImageType, d.Manufacturer = "CT", "M", ["ORIGINAL", "PRIMARY", "AXIAL"], "Scanners Inc"
    for name, value in {**PERSON, **more}.items():
        setattr(d, name, value)
    d.ConvolutionKernel = "for Bjarne"  # a technical text where someone wrote a name
    d.InstanceNumber, d.ImagePositionPatient, d.ImageOrientationPatient = k, [-5.0, 7.0, 2.0 * k], [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.SliceThickness, d.Rows, d.Columns = [0.8, 0.9], 2.0, 6, 5
    d.SamplesPerPixel, d.PhotometricInterpretation, d.BitsAllocated, d.BitsStored, d.HighBit = (
        1,
        "MONOCHROME2",
        16,
        16,
        15,
    )
    d.PixelRepresentation, d.RescaleIntercept, d.RescaleSlope = 1, -1024, 1
    d.PixelData = (np.arange(30, dtype=np.int16) + 100 * k).tobytes()
    inner = Dataset()
    inner.PatientID, inner.ReferencedSOPInstanceUID, inner.ReferencedSOPClassUID = (
        "HOSP-4711-X",
        f"{uids['series']}.1",
        CTImageStorage,
    )
    outer = Dataset()
    outer.PurposeOfReferenceCodeSequence, outer.ReferencedSOPSequence = Items([]), Items([inner])
    d.ReferencedImageSequence = Items([inner])
    d.SourceImageSequence = Items([inner])
    request = Dataset()
    request.RequestedProcedureDescription = "Oskarsson's belly"
    d.RequestAttributesSequence = Items([request])
    block = d.private_block(0x0029, "OSKARSSON PRIVATE", create=True)
    block.add_new(0x01, "LO", "Oskarsson in private")
    return d


@pytest.fixture
def series(tmp_path) -> Path:
    folder = tmp_path / "Oskarsson Bjarne 1931"
    folder.mkdir()
    uids = {name: generate_uid()[:40] for name in ("study", "series", "frame")}
    for k in (1, 2, 3, 4):
        a_slice(k, uids).save_as(folder / f"Oskarsson-{k}.dcm", enforce_file_format=True)
    return folder


def all_of(folder: Path) -> bytes:
    """Names and contents of all files below a folder."""
    files = [f for f in folder.rglob("*") if f.is_file()]
    return b"\n".join(f.read_bytes() for f in files) + "\n".join(str(f.relative_to(folder)) for f in files).encode()


def identifying(dataset: Dataset) -> dict[str, str]:
    """Values of attributes that the table, or being private, says must not stay: value to attribute."""
    found = {}
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                found |= identifying(item)
        elif element.tag.is_private or int(element.tag) in rules():
            values = element.value if hasattr(element.value, "append") else [element.value]
            for value in values:
                text = str(value).strip() if not isinstance(value, bytes) else ""
                if len(text) >= 7 and text.strip(".0-") and not text.startswith("1.2.840.10008."):
                    found[text] = element.keyword or "private"
    return found


def test_no_value_of_an_identifying_attribute_is_left_anywhere(series, tmp_path):
    copied = deidentify([series], tmp_path / "out", Wish())
    assert len(copied.files) == 4
    data = all_of(tmp_path / "out")
    needles = {}
    for file in series.iterdir():
        needles |= identifying(pydicom.dcmread(file))
    assert {"PatientName", "PatientAddress", "private", "SOPInstanceUID"} <= set(needles.values())
    assert [k for k in needles if k.encode() in data] == []
    for word in ("Oskarsson", "Bjarne", "Quacksalber", "OSKARSSON_PC", "4711", "Florian", "belly"):
        assert word.lower().encode() not in data.lower(), word


def test_a_copy_says_what_was_done_and_is_the_same_scan(series, tmp_path):
    copied = deidentify([series], tmp_path / "out", Wish())
    d = pydicom.dcmread(copied.files[0])
    assert d.PatientIdentityRemoved == "YES"
    assert [i.CodeValue for i in d.DeidentificationMethodCodeSequence] == ["113100", "113104"]
    assert d.LongitudinalTemporalInformationModified == "REMOVED"
    assert d.StudyDate == ""
    assert str(d.PatientName).startswith("patient-")
    assert d.preamble == b"\0" * 128
    assert "PatientAge" not in d
    assert d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID
    read = [find("import")({}, {"sources": [str(place)]})[0] for place in (series, tmp_path / "out")]
    assert np.array_equal(read[0].values, read[1].values)
    assert np.allclose(read[0].grid.affine, read[1].grid.affine)


def test_uids_are_replaced_alike_everywhere(series, tmp_path):
    copied = deidentify([series], tmp_path / "out", Wish())
    made = [pydicom.dcmread(file) for file in copied.files]
    assert len({d.SeriesInstanceUID for d in made}) == len({d.FrameOfReferenceUID for d in made}) == 1
    first = next(d for d in made if d.InstanceNumber == 1)
    for d in made:
        assert d.ReferencedImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
        assert d.ReferencedImageSequence[0].ReferencedSOPClassUID == CTImageStorage
        assert d.SOPInstanceUID.startswith("2.25.")


def test_shifted_dates_keep_their_distances_and_times(series, tmp_path):
    copied = deidentify([series], tmp_path / "out", Wish(shift_dates=True))
    d = pydicom.dcmread(copied.files[0])
    assert d.StudyDate not in ("", "20240229")
    assert (np.datetime64(f"{d.SeriesDate[:4]}-{d.SeriesDate[4:6]}-{d.SeriesDate[6:]}")
            - np.datetime64(f"{d.StudyDate[:4]}-{d.StudyDate[4:6]}-{d.StudyDate[6:]}")) == np.timedelta64(1, "D")  # fmt: skip
    assert d.AcquisitionDateTime.endswith("101112.5+0100")
    assert "113107" in [i.CodeValue for i in d.DeidentificationMethodCodeSequence]
    assert d.PatientBirthDate == ""


def test_ages_beyond_89_become_90_where_characteristics_are_kept(series, tmp_path):
    copied = deidentify([series], tmp_path / "out", Wish(keep_characteristics=True))
    d = pydicom.dcmread(copied.files[0])
    assert (d.PatientAge, d.PatientSex) == ("090Y", "M")
    assert "EthnicGroup" not in d or d.EthnicGroup == ""


def test_with_the_same_key_a_later_copy_fits_to_an_earlier_one(series, tmp_path):
    key = tmp_path / "key"
    one = deidentify([series], tmp_path / "one", Wish(pseudonyms=Pseudonyms.of_file(key)))
    two = deidentify([series], tmp_path / "two", Wish(pseudonyms=Pseudonyms.of_file(key)))
    other = deidentify([series], tmp_path / "three", Wish())
    assert key.stat().st_mode & 0o077 == 0
    assert sorted(f.name for f in one.files) == sorted(f.name for f in two.files)
    assert not {f.name for f in one.files} & {f.name for f in other.files}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"BurnedInAnnotation": "YES"}, "says so itself"),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, "secondary capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "picture of a screen"),
        ({"Modality": "US"}, "of the modality US"),
    ],
)
def test_a_picture_that_may_show_a_name_is_refused_unless_it_was_looked_at(change, why):
    d = a_slice(1, {"study": "1.2.3", "series": "1.2.4", "frame": "1.2.5"}, **change)
    with pytest.raises(Refused, match=why):
        Deidentifier()(d)
    Deidentifier(allow_burned_in=True)(d)


def test_a_document_inside_dicom_is_refused():
    d = a_slice(1, {"study": "1.2.3", "series": "1.2.4", "frame": "1.2.5"}, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    with pytest.raises(Refused, match="Encapsulated PDF"):
        Deidentifier()(d)


def test_the_content_of_a_report_keeps_its_numbers_and_loses_its_words():
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID, d.Modality = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.9", "SR"
    d.PatientName = "Oskarsson"
    text, number, person = Dataset(), Dataset(), Dataset()
    text.ValueType, text.TextValue = "TEXT", "Mr Oskarsson feels well"
    person.ValueType, person.PersonName = "PNAME", "Quacksalber"
    value = Dataset()
    value.NumericValue = "42.5"
    number.ValueType, number.MeasuredValueSequence = "NUM", Items([value])
    d.ContentSequence = Items([text, number, person])
    d.file_meta, d.preamble = FileMetaDataset(), b"\0" * 128
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = Deidentifier()(d)
    assert made.ContentSequence[1].MeasuredValueSequence[0].NumericValue == 42.5
    assert "Oskarsson" not in str(made)
    assert "Quacksalber" not in str(made)


def test_the_table_is_the_standards():
    table = rules()
    assert len(table) == 617  # 621 rows, less private attributes, curves and two of overlays
    assert table[0x00100010].basic == "Z"
    assert table[0x00080018].basic == "U"
    assert table[0x00101010].patient_characteristics in ("K", "C")


@pytest.mark.parametrize(
    ("text", "days", "out"),
    [("20240301", 1, "20240229"), ("20240301101112.5+0100", 1, "20240229101112.5+0100"), ("2024", 1, "2023"),
     ("202403", 1, "202402"), ("2024.03.01", 1, "20240229"), ("", 3, ""), ("Oskarsson", 3, ""), ("00000000", 3, "")],
)  # fmt: skip
def test_dates_are_moved_and_what_is_no_date_goes(text, days, out):
    assert moved(text, days) == out


def test_what_is_not_understood_is_not_copied(series, tmp_path):
    (series / "letter.pdf").write_bytes(b"%PDF Oskarsson")
    (series / "notes.txt").write_text("Oskarsson")
    whole = next(series.glob("*.dcm")).read_bytes()
    (series / "torn.dcm").write_bytes(whole[: len(whole) // 3])
    copied = deidentify([series], tmp_path / "out", Wish())
    assert sum(copied.left_out.values()) >= 2
    assert b"oskarsson" not in all_of(tmp_path / "out").lower()
    with pytest.raises(BadInput, match="There is no scan here"):
        deidentify([series / "letter.pdf"], tmp_path / "none", Wish())
    with pytest.raises(BadInput, match="something at this place"):
        deidentify([series], tmp_path / "out", Wish())


BUNDLE = {
    "resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": "http://hospital/Patient/p-4711", "resource": {
            "resourceType": "Patient", "id": "p-4711", "name": [{"family": "Oskarsson"}], "birthDate": "1905-03-04", "gender": "male",
            "address": [{"city": "Lindenallee"}], "identifier": [{"value": "HOSP-4711"}], "text": {"div": "<div>Oskarsson</div>"}}},
        {"resource": {
            "resourceType": "Observation", "id": "o-1", "status": "final", "subject": {"reference": "Patient/p-4711", "display": "Oskarsson"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic blood pressure"}], "text": "Oskarsson's"},
            "effectiveDateTime": "2024-02-29T10:11:12+01:00", "valueQuantity": {"value": 141, "unit": "mm[Hg]"},
            "note": [{"text": "Oskarsson was nervous"}], "performer": [{"display": "Dr Quacksalber"}],
            "extension": [{"url": "x", "valueString": "Oskarsson"}]}},
    ],
}  # fmt: skip


@pytest.mark.parametrize("lines", [False, True])
def test_fhir_keeps_numbers_and_codes_and_loses_names_texts_and_days(tmp_path, lines):
    file = tmp_path / ("Oskarsson.ndjson" if lines else "Oskarsson.json")
    resources = [e["resource"] for e in BUNDLE["entry"]]
    file.write_text("\n".join(map(json.dumps, resources)) if lines else json.dumps(BUNDLE))
    (out,) = deidentify([file], tmp_path / "out", Wish()).files
    text = out.read_text()
    for word in ("Oskarsson", "Lindenallee", "Quacksalber", "nervous", "2024-02-29"):
        assert word not in text, word
    assert not {"4711", "1905"} & set(re.split(r"\W", text))  # as words: pseudonyms are digits and letters
    made = (
        [json.loads(line) for line in text.splitlines()]
        if lines
        else [e["resource"] for e in json.loads(text)["entry"]]
    )
    patient, observation = made
    assert observation["subject"]["reference"] == f"Patient/{patient['id']}"
    assert observation["valueQuantity"] == {"value": 141, "unit": "mm[Hg]"}
    assert observation["code"]["coding"][0]["code"] == "8480-6"
    assert observation["effectiveDateTime"].endswith("T10:11:12+01:00")
    assert patient["gender"] == "male"
    assert len(patient["birthDate"]) == 4


def test_a_project_is_copied_with_its_scan_and_the_segmentation_refers_to_the_copy(series, tmp_path):
    document = Document.create(tmp_path / "case.otwin", "Oskarsson")
    (volume,) = find("import")({}, {"sources": [str(series)], "keep_identity": True})
    labels = np.zeros(volume.grid.shape, np.uint8)
    labels[1:3, 2:4, 1:4] = 1
    segmentation = Segmentation(
        name="Oskarsson's liver",
        grid=volume.grid,
        labels=labels,
        segments=(Segment.of(1, "liver", 1.0).model_copy(update={"name": "Bjarne"}),),
    )
    document.add([volume], "Import")
    document.add([segmentation], "Draw")
    document.close()
    with Project(tmp_path / "case.otwin", read_only=True) as project:
        copied = deidentify_project(project, tmp_path / "out", Wish(), [series])
    data = all_of(tmp_path / "out").lower()
    for word in ("oskarsson", "bjarne", "4711", "quacksalber"):
        assert word.encode() not in data, word
    made = [pydicom.dcmread(f) for f in copied.files if f.suffix == ".dcm"]
    (seg,) = [d for d in made if d.Modality == "SEG"]
    images = {d.SOPInstanceUID for d in made if d.Modality == "CT"}
    assert len(images) == 4
    assert {i.ReferencedSOPInstanceUID for i in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence} <= images
    assert seg.FrameOfReferenceUID in {d.FrameOfReferenceUID for d in made if d.Modality == "CT"}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("form", ["dicom-seg", "rtstruct", "sr"])
def test_a_sound_object_is_still_sound_without_identity(studio, tmp_path, form):
    folder = tmp_path / "scan"
    studio.series(folder, studio.positions(6), studio.ORIENTATIONS["axial"])
    (volume,) = find("import")({}, {"sources": [str(folder)]})
    labels = np.zeros(volume.grid.shape, np.uint8)
    labels[1:5, 5:20, 6:30] = 1
    drawn = Segmentation(name="x", grid=volume.grid, labels=labels, segments=(Segment.of(1, "liver", 0.0),))
    file = export([drawn, volume], tmp_path / "one.dcm", form=form, sources=[folder])
    Deidentifier()(pydicom.dcmread(file)).save_as(tmp_path / "bare.dcm", enforce_file_format=True)
    said = subprocess.run(["dciodvfy", str(tmp_path / "bare.dcm")], capture_output=True, text=True, check=False)
    assert [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")] == []


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["ge-tilt-uneven", "philips-helical", "jpeg2000-empty-uids", "enhanced-mr"])
def test_real_scans_lose_their_identity_and_keep_their_geometry(real_data, tmp_path, name):
    source = real_data / "dicom-edge" / name
    copied = deidentify([source], tmp_path / "out", Wish())
    data = all_of(tmp_path / "out")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        needles = {}
        for file in (f for f in source.rglob("*") if f.is_file()):
            needles |= identifying(pydicom.dcmread(file, force=True, stop_before_pixels=True))
    telling = {
        k: v for k, v in needles.items() if v not in ("private", "") and "Description" not in v and k != "REMOVED"
    }
    assert len(telling) > 20
    assert {k: v for k, v in telling.items() if k.encode() in data} == {}
    with scan([str(source)]) as before, scan([str(tmp_path / "out")]) as after:
        assert sorted((s.slices, s.phase_count) for s in after.series if s.readable) == sorted(
            (s.slices, s.phase_count) for s in before.series if s.readable
        )
    assert copied.files
