"""Every way out and back: an asymmetric figure keeps its voxels and its sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.io.export import export
from organtwin.io.segmentation_files import bring_in
from organtwin.model import STRUCTURES, Segment, Segmentation
from organtwin.space import Grid

FRAME = "1.2.826.0.1.3680043.8.498.1"


def turned(x: float, z: float) -> np.ndarray:
    cx, sx, cz, sz = np.cos(x), np.sin(x), np.cos(z), np.sin(z)
    return np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]]) @ np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])


GRIDS = {
    "plain": Grid.make((20, 18, 12), (1, 1, 1), (-7, 3, 50), frame_uid=FRAME),
    "uneven pixels": Grid.make((20, 18, 12), (0.7, 1.3, 2.6), (-7.13, 3.77, 50.001), frame_uid=FRAME),
    "columns to the right": Grid.make((20, 18, 12), (0.8, 0.9, 2), (9, -3, 1), np.diag([-1.0, 1, -1]), FRAME),
    "prone": Grid.make((20, 18, 12), (0.8, 0.9, 2), (9, -3, 1), np.diag([-1.0, -1, 1]), FRAME),
    "left-handed": Grid.make((20, 18, 12), (0.8, 0.9, 2), (9, -3, 1), np.diag([1.0, 1, -1]), FRAME),
    "sagittal": Grid.make((20, 18, 12), (0.8, 0.9, 2), (9, -3, 1), np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), FRAME),
    "tilted gantry": Grid.make((20, 18, 12), (0.5, 0.5, 3), (1, 2, 3), turned(0.32, 0), FRAME),
    "oblique": Grid.make((20, 18, 12), (0.8, 1.1, 2.5), (-13.3, 27.7, 102.1), turned(0.4, -0.7) @ np.diag([1.0, -1, -1]), FRAME),
    "one slice": Grid.make((20, 18, 1), (0.8, 1.1, 2.5), (-13, 27, 102), turned(0.1, 0.2), FRAME),
    "far away": Grid.make((20, 18, 12), (0.9765625, 0.9765625, 1.25), (-249.51171875, -1403.2, 1873.75), frame_uid=FRAME),
}  # fmt: skip
FORMS = {
    "binary SEG": ("a.dcm", "dicom-seg"),
    "fractional SEG": ("a.dcm", "dicom-seg-fractional"),
    "label map SEG": ("a.dcm", "dicom-labelmap"),
    "RTSTRUCT": ("a.dcm", "rtstruct"),
    "smooth RTSTRUCT": ("a.dcm", "rtstruct-smooth"),
    "seg.nrrd": ("a.seg.nrrd", None),
    "nrrd": ("a.nrrd", None),
    "NIfTI": ("a.nii.gz", "nifti"),
    "NIfTI, not packed": ("a.nii", None),
    "MHA": ("a.mha", None),
}


def figure(grid: Grid) -> Segmentation:
    """Longer to the left, to the back and to the head by different amounts, with a hole, an island in the hole, crumbs, a
    structure of one voxel, an empty one, and a name that is not ASCII."""
    n = min(grid.size[2], 12)
    labels = np.zeros(grid.shape, np.uint8)
    labels[0 : n - n // 4, 2:13, 3:17] = 10
    labels[0 : n - n // 4, 5:9, 6:12] = 0
    labels[0 : n // 2 + 1, 6:8, 8:10] = 3
    labels[n // 3 :, 14, 4:9] = 7
    labels[n // 3, 15, 9] = 7  # by a corner only
    labels[-1, 17, 19] = 200  # in the corner of the scan
    labels[n // 2, 0, 0] = 5
    told = ((10, "liver"), (3, "tumour"), (7, "kidney_left"), (200, "my_own_thing"), (4, "kidney_right"), (5, "aorta"))
    segments = tuple(Segment.of(label, key, 0.0) for label, key in told)
    segments = (segments[0].model_copy(update={"name": "Foie é 肝 Ω"}), *segments[1:])
    return Segmentation(name="Größe", grid=grid, labels=labels, segments=segments)


def places(segmentation: Segmentation, key: str) -> set[tuple[float, ...]]:
    return {
        tuple(p) for p in np.round(segmentation.grid.to_world(np.argwhere(segmentation.mask(key))[:, ::-1]), 1) + 0.0
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("grid", GRIDS)
def test_a_segmentation_comes_back_voxel_for_voxel_and_side_for_side(tmp_path: Path, grid: str, form: str) -> None:
    written = figure(GRIDS[grid])
    name, kind = FORMS[form]
    path = export(written, tmp_path / name, form=kind)
    (placed,) = bring_in([path], GRIDS[grid])
    (free,) = bring_in([path])
    for segment in written.segments:
        assert np.array_equal(placed.mask(segment.key), written.mask(segment.key)), segment.key
        assert places(free, segment.key) == places(written, segment.key)
        back = placed.segment(segment.key)
        assert (back.name, back.code) == (segment.name, segment.code)
        assert np.abs(np.subtract(back.colour, segment.colour)).max() <= 1
        assert back.volume_mm3 == pytest.approx(written.mask(segment.key).sum() * GRIDS[grid].voxel_volume_mm3)
    assert placed.grid.same_as(GRIDS[grid])


@pytest.mark.parametrize("form", ["binary SEG", "label map SEG", "RTSTRUCT", "seg.nrrd", "NIfTI"])
def test_300_structures_with_labels_beyond_255_come_back(tmp_path: Path, form: str) -> None:
    grid = Grid.make((20, 20, 3), (1, 1, 1), frame_uid=FRAME)
    labels = np.zeros(grid.shape, np.uint16)
    labels[1].ravel()[:300] = np.arange(300, 600)
    labels[2].ravel()[:300] = np.arange(599, 299, -1)
    segments = tuple(Segment.of(300 + n, f"thing_{n}", 0.0) for n in range(300))
    written = Segmentation(name="many", grid=grid, labels=labels, segments=segments)
    name, kind = FORMS[form]
    (back,) = bring_in([export(written, tmp_path / name, form=kind)], grid)
    assert back.labels.dtype == np.uint16
    assert len(back.segments) == 300
    for key in ("thing_0", "thing_17", "thing_299"):
        assert np.array_equal(back.mask(key), written.mask(key))


def test_a_cropped_and_turned_file_finds_its_voxels_in_the_scan(tmp_path: Path) -> None:
    grid = GRIDS["oblique"]
    written = figure(grid)
    affine = np.array(grid.affine)[:, [1, 2, 0, 3]]  # the same voxels in another order
    affine[:3, 0] *= -1
    affine[:3, 3] = grid.to_world((0, grid.size[1] - 1, 0))
    other = Grid((grid.size[1], grid.size[2], grid.size[0]), affine, FRAME)
    labels = np.ascontiguousarray(written.labels.transpose(2, 0, 1)[:, :, ::-1])
    moved = Segmentation(name="m", grid=other, labels=labels, segments=written.segments)
    cut = other.crop((2, 0, 1), (17, 12, 19))
    part = Segmentation(name="m", grid=cut, labels=labels[1:19, 0:12, 2:17], segments=written.segments)
    (whole,) = bring_in([export(moved, tmp_path / "a.seg.nrrd")], grid)
    assert np.array_equal(whole.labels, written.labels)
    (piece,) = bring_in([export(part, tmp_path / "b.seg.nrrd")], grid)
    kept = piece.labels != 0
    assert np.array_equal(piece.labels[kept], written.labels[kept])
    assert kept.sum() == (part.labels != 0).sum()


def test_another_frame_of_reference_is_refused_until_it_is_trusted(tmp_path: Path) -> None:
    written = figure(GRIDS["plain"])
    path = export(written, tmp_path / "a.dcm")
    scan = Grid(GRIDS["plain"].size, GRIDS["plain"].affine, "1.2.3")
    with pytest.raises(BadInput, match=r"another scan.*--trust-frame"):
        bring_in([path], scan)
    (trusted,) = bring_in([path], scan, trust_frame=True)
    assert np.array_equal(trusted.mask("liver"), written.mask("liver"))
    assert trusted.grid.frame_uid == "1.2.3"
    assert any("trusted" in note for note in trusted.notes)


def test_another_grid_is_resampled_only_when_asked(tmp_path: Path) -> None:
    path = export(figure(GRIDS["plain"]), tmp_path / "a.nii.gz")
    scan = Grid.make((40, 36, 24), (0.5, 0.5, 0.5), (-7.25, 2.75, 49.75), frame_uid=FRAME)
    with pytest.raises(BadInput, match=r"another grid.*--resample"):
        bring_in([path], scan)
    (fine,) = bring_in([path], scan, resample=True)
    assert fine.mask("liver").sum() == 8 * figure(GRIDS["plain"]).mask("liver").sum()
    assert any("Resampled" in note for note in fine.notes)


def test_a_segmentation_of_elsewhere_is_refused(tmp_path: Path) -> None:
    path = export(figure(GRIDS["plain"]), tmp_path / "a.nii.gz")
    with pytest.raises(BadInput, match="wholly outside"):
        bring_in([path], Grid.make((20, 18, 12), (1, 1, 1), (500, 3, 50)))


def test_masks_of_one_structure_each_become_one_segmentation(tmp_path: Path) -> None:
    written = figure(GRIDS["plain"])
    paths = []
    for key in ("liver", "kidney_left", "aorta"):
        one = written.with_(labels=written.mask(key).astype(np.uint8), segments=(Segment.of(1, key, 0.0),))
        paths.append(export(one, tmp_path / f"{key}.mha"))
        (tmp_path / f"{key}.labels.csv").unlink()
    (together,) = bring_in(paths, GRIDS["plain"])
    assert [s.key for s in together.segments] == ["liver", "kidney_left", "aorta"]
    assert np.array_equal(together.mask("kidney_left"), written.mask("kidney_left"))


@pytest.mark.parametrize("form", [".stl", ".ply", ".obj", ".vtp"])
@pytest.mark.parametrize("grid", ["oblique", "left-handed", "plain"])
def test_a_surface_becomes_the_voxels_whose_centres_it_holds(tmp_path: Path, grid: str, form: str) -> None:
    from organtwin.model import Surface

    wanted = np.zeros(GRIDS[grid].shape, bool)
    wanted[2:9, 3:12, 5:17] = True
    corners = np.array([(i, j, k) for k in (1.5, 8.5) for j in (2.5, 11.5) for i in (4.5, 16.5)])
    faces = [
        (0, 2, 1),
        (1, 2, 3),
        (4, 5, 6),
        (5, 7, 6),
        (0, 1, 4),
        (1, 5, 4),
        (2, 6, 3),
        (3, 6, 7),
        (0, 4, 2),
        (2, 4, 6),
        (1, 3, 5),
        (3, 7, 5),
    ]
    surface = Surface(
        name="s", structure="liver", points_mm=GRIDS[grid].to_world(corners), triangles=np.array(faces, np.int32)
    )
    (read,) = bring_in([export(surface, tmp_path / f"liver{form}")], GRIDS[grid])
    assert np.array_equal(read.mask("liver"), wanted)
    assert not any("does not say its space" in note for note in read.notes)


def test_a_surface_that_says_ras_is_turned(tmp_path: Path) -> None:
    import pyvista as pv

    pv.Sphere(radius=4, center=(-6, -8, 55)).save(tmp_path / "a.stl")
    raw = bytearray((tmp_path / "a.stl").read_bytes())
    raw[:80] = b"SPACE=RAS".ljust(80)
    (tmp_path / "spleen.stl").write_bytes(raw)
    (read,) = bring_in([tmp_path / "spleen.stl"])
    middle = read.grid.to_world(np.argwhere(read.mask("spleen"))[:, ::-1]).mean(axis=0)
    np.testing.assert_allclose(middle, (6, 8, 55), atol=0.3)


def test_an_open_surface_is_refused(tmp_path: Path) -> None:
    import pyvista as pv

    pv.Plane().triangulate().save(tmp_path / "a.stl")
    with pytest.raises(BadInput, match="not closed"):
        bring_in([tmp_path / "a.stl"], GRIDS["plain"])


def test_a_scan_is_no_segmentation(tmp_path: Path) -> None:
    from organtwin.model import Volume

    values = np.random.default_rng(0).normal(0, 100, (6, 7, 8)).astype(np.int16)
    path = export(Volume(name="v", grid=Grid.make((8, 7, 6), (1, 1, 1)), values=values), tmp_path / "a.nii")
    with pytest.raises(BadInput, match="not a label map"):
        bring_in([path])
    with pytest.raises(BadInput, match="no file"):
        bring_in([tmp_path / "absent.dcm"])
    (tmp_path / "b.txt").write_text("hello")
    with pytest.raises(BadInput, match="not a segmentation"):
        bring_in([tmp_path / "b.txt"])


def test_every_structure_is_known_by_its_name_and_its_key() -> None:
    from organtwin.io.codes import key_of_name

    for key, known in STRUCTURES.items():
        assert key_of_name(key) == key_of_name(known.name) == key, key
    assert key_of_name("Kidney_L") == key_of_name("left kidney") == "kidney_left"
    assert key_of_name("LIVER") == "liver"
    assert key_of_name("Größe") == "größe"


@pytest.mark.parametrize("table", ["itksnap", "bids", "json", "nnunet"])
def test_a_table_beside_a_label_map_gives_names(tmp_path: Path, table: str) -> None:
    written = figure(GRIDS["plain"])
    path = export(written, tmp_path / "a.mha")
    (tmp_path / "a.labels.csv").unlink()
    said = {
        "itksnap": ("a.txt", '# ITK-SNAP\n    0 0 0 0 0 0 0 "Clear Label"\n   10  40 140 40 1 1 1 "Liver"\n  7 1 2 3 1 1 1 "Left kidney"\n'),
        "bids": ("a.tsv", "index\tname\tabbreviation\tcolor\n10\tLiver\tLIV\t#288c28\n7\tLeft kidney\tLK\t#010203\n"),
        "json": ("a.json", '{"10": "Liver", "7": "Left kidney"}'),
        "nnunet": ("a.json", '{"labels": {"background": 0, "Liver": 10, "Left kidney": 7}}'),
    }[table]  # fmt: skip
    (tmp_path / said[0]).write_text(said[1])
    (back,) = bring_in([path])
    assert np.array_equal(back.mask("liver"), written.mask("liver"))
    assert np.array_equal(back.mask("kidney_left"), written.mask("kidney_left"))
