"""Files whose structures overlap: layers of ``.seg.nrrd`` as 3D Slicer writes them, and SEG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from organtwin.io.segmentation_files import bring_in


def two_layers(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Liver and spleen in the first layer, a tumour over the liver in the second; RAS, as NRRD files may be."""
    first, second = np.zeros((5, 6, 7), np.uint8), np.zeros((5, 6, 7), np.uint8)
    first[1:4, 1:5, 1:4], first[1:3, 2:4, 5] = 1, 2
    second[2, 2:4, 2:4] = 1
    header = """NRRD0004
type: uint8
dimension: 4
space: right-anterior-superior
sizes: 2 7 6 5
space directions: none (-2,0,0) (0,-1.5,0) (0,0,3)
kinds: list domain domain domain
encoding: raw
space origin: (10,20,30)
Segment0_ID:=Segment_1
Segment0_Name:=Liver
Segment0_Color:=0.5 0.25 1
Segment0_LabelValue:=1
Segment0_Layer:=0
Segment0_Tags:=TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~Anatomic codes - DICOM master list~^^~^^|
Segment1_ID:=Segment_2
Segment1_Name:=Milz
Segment1_LabelValue:=2
Segment1_Layer:=0
Segment1_Tags:=TerminologyEntry:x~SCT^123037004^Anatomical Structure~SCT^78961009^Spleen~^^~~^^~^^|
Segment2_ID:=Segment_3
Segment2_Name:=metastasis
Segment2_LabelValue:=1
Segment2_Layer:=1

"""
    path.write_bytes(header.encode() + np.ascontiguousarray(np.stack([first, second], -1)).tobytes())
    return first, second


def test_layers_that_overlap_become_one_map_with_a_note_or_one_each(tmp_path: Path) -> None:
    first, second = two_layers(tmp_path / "a.seg.nrrd")
    (one,) = bring_in([tmp_path / "a.seg.nrrd"])
    assert [s.key for s in one.segments] == ["liver", "spleen", "metastasis"]
    assert one.segment("spleen").name == "Milz"
    assert one.segment("liver").colour == (128, 64, 255)
    assert np.array_equal(one.mask("metastasis"), second == 1)
    assert np.array_equal(one.mask("liver"), (first == 1) & (second == 0))
    assert any("overlap in 4 voxels" in note for note in one.notes)
    below, above = bring_in([tmp_path / "a.seg.nrrd"], layers=True)
    assert np.array_equal(below.mask("liver"), first == 1)
    assert np.array_equal(above.mask("metastasis"), second == 1)


def test_a_file_in_ras_lies_where_itk_says(tmp_path: Path) -> None:
    two_layers(tmp_path / "a.seg.nrrd")
    (one,) = bring_in([tmp_path / "a.seg.nrrd"])
    image = sitk.ReadImage(str(tmp_path / "a.seg.nrrd"))
    np.testing.assert_allclose(one.grid.to_world((3, 2, 1)), image.TransformIndexToPhysicalPoint((3, 2, 1)))
    np.testing.assert_allclose(one.grid.origin_mm, (-10, -20, 30))


@pytest.mark.parametrize("command", ["import-segmentation", "export", "quality"])
def test_the_commands_are_there(command: str) -> None:
    from typer.testing import CliRunner

    from organtwin.cli.main import app

    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_a_segmentation_goes_out_in_and_is_judged_on_the_command_line(tmp_path: Path, studio) -> None:
    from typer.testing import CliRunner

    from organtwin.cli.main import app
    from organtwin.io.export import export
    from organtwin.model import Segment, Segmentation
    from organtwin.space import Grid

    labels = np.zeros((6, 9, 8), np.uint8)
    labels[1:4, 2:7, 1:5] = 1
    drawn = Segmentation(
        name="s", grid=Grid.make((8, 9, 6), (1, 1, 2)), labels=labels, segments=(Segment.of(1, "liver", 0.0),)
    )
    file, project = export(drawn, tmp_path / "liver.seg.nrrd"), tmp_path / "a.otwin"
    run = CliRunner().invoke
    said = run(app, ["import-segmentation", str(project), str(file), "--alone", "--name", "drawn"])
    assert said.exit_code == 0, said.output
    assert run(app, ["export", str(project), "drawn", str(tmp_path / "b.dcm"), "--format", "rtstruct"]).exit_code == 0
    said = run(app, ["quality", str(project), "--html", str(tmp_path / "q.html")])
    assert "unusually small" in said.output
    assert (tmp_path / "q.html").exists()
    (back,) = bring_in([tmp_path / "b.dcm"])
    assert back.mask("liver").sum() == 60
