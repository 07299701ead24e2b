"""Measurement reports: the numbers are those of the segmentation, and every image of the scan is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from highdicom import sr

from organtwin.errors import BadInput
from organtwin.io.export import export
from organtwin.io.study import read, scan
from organtwin.model import Branch, Centerline, Segment, Segmentation


@pytest.fixture
def scanned(studio, tmp_path: Path):
    folder = tmp_path / "scan"
    studio.series(folder, studio.positions(6))
    with scan([folder]) as study:
        (volume,) = read(study.best())
    labels = np.zeros(volume.grid.shape, np.uint8)
    labels[1:5, 5:20, 6:30], labels[2:4, 8:12, 10:14] = 1, 2
    segments = (Segment.of(1, "liver", 0.0), Segment.of(2, "aorta", 0.0), Segment.of(3, "kidney_left", 0.0))
    return (
        folder,
        volume.with_(value_unit="HU"),
        Segmentation(name="Größe", grid=volume.grid, labels=labels, segments=segments),
    )


def test_the_report_holds_volume_intensity_and_diameters_and_names_every_image(scanned, tmp_path: Path) -> None:
    folder, volume, drawn = scanned
    line = Centerline(
        name="c", segmentation=drawn.uuid, structure="aorta", inlet="inlet", branches=(Branch(name="a", parent=-1, cap="", first=0, last=2),),
        points_mm=np.zeros((3, 3)), distance_mm=np.arange(3.0), radius_mm=np.array([2.0, 1.0, 3.0]), area_mm2=np.pi * np.array([4.0, 1.0, 9.0]),
    )  # fmt: skip
    path = export([drawn, volume, line], tmp_path / "r.dcm", form="sr", sources=[folder])
    read_back = sr.srread(path)
    groups = read_back.content.get_volumetric_roi_measurement_groups()
    assert [g.tracking_identifier for g in groups] == ["liver", "aorta"]  # what is empty is not reported
    liver, aorta = (
        {(m.name.meaning, m.derivation.meaning if m.derivation else ""): m.value for m in g.get_measurements()}
        for g in groups
    )
    mask = drawn.mask("liver")
    assert liver["Volume", ""] == pytest.approx(mask.sum() * drawn.grid.voxel_volume_mm3 / 1000, abs=1e-3)
    assert liver["Attenuation Coefficient", "Mean"] == pytest.approx(volume.values[mask].mean(), abs=0.01)
    assert (aorta["Diameter", "Minimum"], aorta["Diameter", "Maximum"]) == (2.0, 6.0)
    named = {
        i.ReferencedSOPInstanceUID
        for s in read_back.CurrentRequestedProcedureEvidenceSequence
        for r in s.ReferencedSeriesSequence
        for i in r.ReferencedSOPSequence
    }
    assert {pydicom.dcmread(p).SOPInstanceUID for p in folder.iterdir()} <= named
    seg = pydicom.dcmread(tmp_path / "r-seg.dcm")
    assert seg.SOPInstanceUID in named
    assert seg.SegmentSequence[0].TrackingUID == groups[0].tracking_uid


def test_nobody_is_named_unless_it_is_asked_for(scanned, tmp_path: Path) -> None:
    folder, volume, drawn = scanned
    for form in ("sr", "dicom-seg", "dicom-labelmap", "rtstruct"):
        silent = export([drawn, volume], tmp_path / "a.dcm", form=form, sources=[folder]).read_bytes()
        assert b"Meier" not in silent, form
        assert b"19500101" not in silent, form
        d = pydicom.dcmread(
            export([drawn, volume], tmp_path / "b.dcm", form=form, sources=[folder], keep_identity=True)
        )
        assert str(d.PatientName) == "Meier^P1", form
        assert d.StudyInstanceUID == "1.2.3", form


def test_contours_name_the_image_that_they_lie_on(scanned, tmp_path: Path) -> None:
    folder, _, drawn = scanned
    images = {float(d.ImagePositionPatient[2]): d.SOPInstanceUID for d in map(pydicom.dcmread, folder.iterdir())}
    d = pydicom.dcmread(export(drawn, tmp_path / "a.dcm", form="rtstruct", sources=[folder]))
    for contour in d.ROIContourSequence[0].ContourSequence:
        z = float(contour.ContourData[2])
        assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID == images[z]


def test_images_of_another_scan_are_refused(scanned, studio, tmp_path: Path) -> None:
    _, _, drawn = scanned
    studio.series(tmp_path / "other", studio.positions(6), FrameOfReferenceUID="1.2.77")
    with pytest.raises(BadInput, match="another frame of reference"):
        export(drawn, tmp_path / "a.dcm", sources=[tmp_path / "other"])


def test_a_report_needs_the_images(scanned, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--source"):
        export(scanned[2], tmp_path / "a.dcm", form="sr")
    with pytest.raises(BadInput, match="Only a segmentation"):
        export(scanned[1], tmp_path / "a.dcm", form="sr")
    with pytest.raises(BadInput, match="no format 'dicom'"):
        export(scanned[2], tmp_path / "a.dcm", form="dicom")
    with pytest.raises(BadInput, match="ends in"):
        export(scanned[2], tmp_path / "a.mha", form="nifti")
    assert not list(tmp_path.glob("*.dcm"))
