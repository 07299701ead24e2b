"""DICOM SEG: what is written is what is read, in the right place, under the right name."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.coding import Code

from organtwin.errors import BadInput
from organtwin.io.dicom_seg import read_seg, write_seg
from organtwin.model import STRUCTURES, Segment, Segmentation
from organtwin.space import Grid

FRAME = "1.2.826.0.1.3680043.8.498.1"


def tilted() -> Grid:
    """Uneven spacing, turned axes, a negated column."""
    c, s = np.cos(0.4), np.sin(0.4)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([1.0, -1.0, -1.0])
    return Grid.make((14, 11, 9), (0.8, 1.1, 2.5), (-13.0, 27.0, 102.0), turn, FRAME)


def segmentation(
    grid: Grid, keys: tuple[str, ...] = ("liver", "tumour", "kidney_left", "kidney_right", "my_own_thing")
) -> Segmentation:
    labels = np.zeros(grid.shape, np.uint8)
    segments = []
    for n, key in enumerate(keys, 1):
        labels[1 + n, n : n + 3, 2 : 5 + n] = 3 * n  # labels need not be 1, 2, 3
        segments.append(Segment.of(3 * n, key, 0.0, None if n % 2 else 0.8, "" if n % 2 else "its lower edge is faint"))
    return Segmentation(name="test", grid=grid, labels=labels, segments=tuple(segments))


def same_place(a: Segmentation, b: Segmentation, key: str) -> bool:
    there = {tuple(p) for p in np.round(a.grid.to_world(np.argwhere(a.mask(key))[:, ::-1]), 2)}
    here = {tuple(p) for p in np.round(b.grid.to_world(np.argwhere(b.mask(key))[:, ::-1]), 2)}
    return there == here


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize(
    "grid", [Grid.make((14, 11, 9), (1, 1, 2), (5, -7, 30), frame_uid=FRAME), tilted()], ids=["axial", "tilted"]
)
def test_a_written_segmentation_comes_back_in_the_same_place(tmp_path: Path, grid: Grid, deflate: bool) -> None:
    written = segmentation(grid)
    path = write_seg(written, tmp_path / "new folder" / "a.dcm", deflate=deflate)
    free, placed = read_seg(path), read_seg(path, grid)
    assert [s.key for s in free.segments] == [s.key for s in written.segments]
    for segment in written.segments:
        assert same_place(written, free, segment.key)
        assert np.array_equal(placed.mask(segment.key), written.mask(segment.key))
    assert placed.grid.same_as(grid)
    assert np.linalg.det(free.grid.affine) > 0


def test_codes_names_colours_and_doubts_survive(tmp_path: Path) -> None:
    written = segmentation(tilted())
    read = read_seg(write_seg(written, tmp_path / "a.dcm"))
    for before, after in zip(written.segments, read.segments, strict=True):
        assert (after.name, after.code, after.doubt) == (before.name, before.code, before.doubt)
        assert np.abs(np.subtract(before.colour, after.colour)).max() <= 1
    assert read.segments[0].volume_mm3 == pytest.approx(written.mask("liver").sum() * 0.8 * 1.1 * 2.5)


def test_every_known_structure_is_told_from_its_code_and_side_alone(tmp_path: Path) -> None:
    keys = tuple(STRUCTURES)
    grid = Grid.make((4, 4, len(keys)), (1, 1, 1), frame_uid=FRAME)
    labels = np.zeros(grid.shape, np.uint8)
    for n in range(len(keys)):
        labels[n, 1:3, 1:3] = n + 1
    path = write_seg(
        Segmentation(
            name="all", grid=grid, labels=labels, segments=tuple(Segment.of(n, k, 4.0) for n, k in enumerate(keys, 1))
        ),
        tmp_path / "all.dcm",
    )
    foreign = pydicom.dcmread(path)
    for item in foreign.SegmentSequence:
        del item.TrackingID, item.TrackingUID
    foreign.save_as(path)
    assert [s.key for s in read_seg(path).segments] == list(keys)


def test_the_file_without_sources_names_nobody_and_refers_to_no_images(tmp_path: Path) -> None:
    d = pydicom.dcmread(write_seg(segmentation(tilted()), tmp_path / "a.dcm"))
    assert d.PatientID == "ANONYMOUS"
    assert "ReferencedSeriesSequence" not in d
    assert d.FrameOfReferenceUID == FRAME
    assert not any("DerivationImageSequence" in g for g in d.PerFrameFunctionalGroupsSequence)


def test_sources_give_patient_study_and_references(tmp_path: Path) -> None:
    series = Path(__file__).parents[2] / "sample_dicom" / "series"
    headers = [pydicom.dcmread(p, stop_before_pixels=True) for p in series.rglob("*") if p.is_file()]
    headers = sorted(headers, key=lambda d: d.ImagePositionPatient[2])[90:94]
    first = headers[0]
    grid = Grid.make((256, 256, 4), (1.4, 1.4, 2.0), first.ImagePositionPatient, frame_uid=first.FrameOfReferenceUID)
    labels = np.zeros(grid.shape, np.uint8)
    labels[1:3, 100:120, 90:99] = 1
    seg = Segmentation(name="s", grid=grid, labels=labels, segments=(Segment.of(1, "aorta", 0.0),))
    d = pydicom.dcmread(write_seg(seg, tmp_path / "a.dcm", headers))
    assert d.PatientName == first.PatientName
    assert d.StudyInstanceUID == first.StudyInstanceUID
    referred = {i.ReferencedSOPInstanceUID for s in d.ReferencedSeriesSequence for i in s.ReferencedInstanceSequence}
    assert {headers[1].SOPInstanceUID, headers[2].SOPInstanceUID} <= referred
    elsewhere = Segmentation(name="s", grid=Grid(grid.size, grid.affine, "1.2.3"), labels=labels, segments=seg.segments)
    with pytest.raises(BadInput, match="different frames"):
        write_seg(elsewhere, tmp_path / "b.dcm", headers)


def foreign(grid: Grid, masks: list[np.ndarray], kind: str, path: Path) -> Path:
    """A SEG file as another program writes it, segments in a fourth axis."""
    from organtwin.io.dicom_seg import _stand_in

    stack = np.stack(masks, -1)
    channels = {"SegmentNumber": list(range(1, len(masks) + 1))}
    descriptions = [
        hd.seg.SegmentDescription(
            n,
            f"Thing {n}",
            Code("123037004", "SCT", "Anatomical Structure"),
            Code("85756007", "SCT", "Tissue"),
            "MANUAL",
        )
        for n in range(1, len(masks) + 1)
    ]
    hd.seg.Segmentation(
        [_stand_in(grid, grid.frame_uid)],
        hd.Volume(stack, grid.affine[:, [2, 1, 0, 3]], "PATIENT", grid.frame_uid, channels=channels),
        kind, descriptions, hd.UID(), 1, hd.UID(), 1, "Other", "Other", "1", "1",
    ).save_as(path)  # fmt: skip
    return path


def test_where_structures_overlap_the_smaller_wins_and_a_note_says_so(tmp_path: Path) -> None:
    grid = Grid.make((8, 8, 5), (1, 1, 1), frame_uid=FRAME)
    small, large = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    large[1:4, 1:7, 1:7] = 1
    small[2, 3:5, 3:5] = 1
    read = read_seg(foreign(grid, [small, large], "BINARY", tmp_path / "a.dcm"), grid)
    assert read.mask("thing_1").sum() == 4
    assert read.mask("thing_2").sum() == 3 * 36 - 4
    assert "4 voxels" in read.notes[0]


def test_a_fractional_segment_starts_at_one_half(tmp_path: Path) -> None:
    grid = Grid.make((6, 6, 3), (1, 1, 1), frame_uid=FRAME)
    part = np.zeros(grid.shape)
    part[1, 2], part[1, 3] = 0.3, 0.8
    read = read_seg(foreign(grid, [part], "FRACTIONAL", tmp_path / "a.dcm"), grid)
    assert read.labels[1, 3].all()
    assert not read.labels[1, 2].any()


def test_a_label_map_file_is_read(tmp_path: Path) -> None:
    grid = Grid.make((6, 6, 3), (1, 1, 1), frame_uid=FRAME)
    one, two = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
    one[1, 2], two[1, 4] = 1, 1
    read = read_seg(foreign(grid, [one, two], "LABELMAP", tmp_path / "a.dcm"), grid)
    assert (read.labels[1, 2] == 1).all()
    assert (read.labels[1, 4] == 2).all()


def test_labels_go_onto_a_finer_turned_grid(tmp_path: Path) -> None:
    coarse = Grid.make((12, 12, 12), (2, 2, 2), frame_uid=FRAME)
    labels = np.zeros(coarse.shape, np.uint8)
    labels[3:8, 4:9, 2:6] = 1
    path = write_seg(
        Segmentation(name="s", grid=coarse, labels=labels, segments=(Segment.of(1, "liver", 0.0),)), tmp_path / "a.dcm"
    )
    c, s = np.cos(0.3), np.sin(0.3)
    fine = Grid.make((40, 40, 24), (1, 1, 1), (0, -7, 0), [[c, -s, 0], [s, c, 0], [0, 0, 1]], FRAME)
    placed = read_seg(path, fine)
    assert placed.mask("liver").sum() == pytest.approx(5 * 5 * 4 * 8, rel=0.03)
    centre = fine.to_world(np.argwhere(placed.mask("liver"))[:, ::-1].mean(0))
    assert centre == pytest.approx(coarse.to_world((3.5, 6, 5)), abs=0.6)


def test_another_scan_is_refused(tmp_path: Path) -> None:
    path = write_seg(segmentation(tilted()), tmp_path / "a.dcm")
    with pytest.raises(BadInput, match="another scan"):
        read_seg(path, Grid.make((4, 4, 4), (1, 1, 1), frame_uid="1.2.3"))


def test_nothing_to_write_is_said(tmp_path: Path) -> None:
    grid = tilted()
    with pytest.raises(BadInput, match="no structure"):
        write_seg(
            Segmentation(name="s", grid=grid, labels=np.zeros(grid.shape, np.uint8), segments=()), tmp_path / "a.dcm"
        )


def test_what_is_not_a_segmentation_is_said_in_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "notes.dcm"
    text.write_text("not an image")
    with pytest.raises(BadInput, match="not a DICOM file"):
        read_seg(text)
    with pytest.raises(BadInput, match="cannot be read"):
        read_seg(tmp_path / "absent.dcm")
    image = next(p for p in (Path(__file__).parents[2] / "sample_dicom" / "series").rglob("*") if p.is_file())
    with pytest.raises(BadInput, match="not a DICOM segmentation but CT Image Storage"):
        read_seg(image)


def test_a_truncated_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = write_seg(segmentation(tilted()), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadInput):
        read_seg(path)
