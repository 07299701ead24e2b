"""NIfTI, NRRD and MHA in and out, label maps, surfaces, meshes and results: the same place and values, or nothing."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from organtwin.errors import BadInput
from organtwin.io import images, nifti
from organtwin.io.export import export
from organtwin.io.label_maps import read_segmentation
from organtwin.model import Cap, OrganMesh, Quantity, Result, Segment, Segmentation, Surface, TissueCase, Volume
from organtwin.model.tissue_case import Pull, Region
from organtwin.space import Grid

FORMATS = [".nii", ".nii.gz", ".nrrd", ".mha"]


def phantom(xyz):
    return 20 + 7 * xyz[..., 0] + 11 * xyz[..., 1] + 17 * xyz[..., 2]


def world(grid):
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    return grid.to_world(np.stack([i, j, k], axis=-1))


def volume_on(grid, dtype=np.float32):
    return Volume(name="phantom", grid=grid, values=phantom(world(grid)).astype(dtype), modality="CT", acquisition={"patient name": "Meier"},
                  notes=("Meier was here",))  # fmt: skip


TURNED = Rotation.from_euler("xyz", [20, -35, 70], degrees=True).as_matrix()
GRIDS = {
    "plain": Grid.make((5, 6, 7), (0.5, 0.75, 2.0), (-3, 4, 5)),
    "negated": Grid.make((5, 6, 7), (0.5, 0.75, 2.0), (-3, 4, 5), np.diag([-1, -1, 1])),
    "left-handed": Grid.make((5, 6, 7), (0.5, 0.75, 2.0), (-3, 4, 5), np.diag([1, 1, -1])),
    "permuted": Grid.make((5, 6, 7), (0.5, 0.75, 2.0), (-3, 4, 5), np.eye(3)[[2, 0, 1]]),
    "oblique": Grid.make((5, 6, 7), (0.5, 0.75, 2.0), (-3, 4, 5), TURNED),
    "oblique, left-handed": Grid.make((5, 6, 7), (0.5, 0.75, 2.0), (-3, 4, 5), TURNED @ np.diag([1, -1, 1])),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", GRIDS)
def test_a_volume_comes_back_in_its_place(tmp_path, name, form):
    path = export(volume_on(GRIDS[name]), tmp_path / f"a{form}")
    (back,) = images.read(path)
    assert back.grid.same_as(GRIDS[name])
    np.testing.assert_allclose(back.values, phantom(world(back.grid)), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", GRIDS)
def test_another_reader_sees_the_same_place(tmp_path, name, form):
    image = sitk.ReadImage(str(export(volume_on(GRIDS[name]), tmp_path / f"a{form}")))
    for index in [(0, 0, 0), (4, 0, 0), (0, 5, 0), (0, 0, 6), (2, 3, 4)]:
        place = np.array(image.TransformIndexToPhysicalPoint(index))  # ITK's world is LPS too
        np.testing.assert_allclose(place, GRIDS[name].to_world(index), atol=1e-4)
        assert image.GetPixel(index) == pytest.approx(phantom(place), rel=1e-4, abs=1e-2)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", GRIDS)
def test_files_of_another_writer_are_read_in_their_place(tmp_path, name, form):
    grid = GRIDS[name]
    image = sitk.GetImageFromArray(phantom(world(grid)).astype(np.float32))
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin(grid.origin_mm.tolist())
    image.SetDirection(grid.directions.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"a{form}"))
    (back,) = images.read(tmp_path / f"a{form}")
    np.testing.assert_allclose(back.values, phantom(world(back.grid)), rtol=1e-4, atol=1e-2)


@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3), spacing=st.tuples(*[st.floats(0.05, 20)] * 3), origin=st.tuples(*[st.floats(-2000, 2000)] * 3),
    mirrored=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_affine_survives_nifti(tmp_path_factory, angles, spacing, origin, mirrored):
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag([1, 1, -1 if mirrored else 1])
    grid = Grid.make((2, 3, 4), spacing, origin, turn)
    path = tmp_path_factory.mktemp("n") / "a.nii"
    path.write_bytes(nifti.encode(np.zeros(grid.shape, np.int16), grid.affine))
    header = nifti.read_header(path)
    assert header.notes == ()
    np.testing.assert_allclose(header.affine, grid.affine, atol=2e-4, rtol=1e-6)
    raw = bytearray(path.read_bytes())
    struct.pack_into("<h", raw, 254, 0)  # without the sform, the qform says the same
    path.write_bytes(raw)
    np.testing.assert_allclose(nifti.read_header(path).affine, grid.affine, atol=1e-2)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8, np.int32, np.float64])
@pytest.mark.parametrize("form", FORMATS)
def test_values_of_every_type_survive(tmp_path, form, dtype):
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    made = Volume(name="v", grid=Grid.make((4, 3, 2), (1, 1, 1)), values=values)
    (back,) = images.read(export(made, tmp_path / f"a{form}"))
    np.testing.assert_array_equal(back.values, values)


# -- NIfTI's own traps --------------------------------------------------------------------------------------------


def nifti_file(path, values=None, grid=None, **patches):
    grid = grid or Grid.make((4, 5, 6), (1, 2, 3), (10, 20, 30))
    values = phantom(world(grid)).astype(np.int16) if values is None else values
    raw = bytearray(nifti.encode(values, grid.affine))
    for form, offset, *numbers in patches.values():
        struct.pack_into(form, raw, offset, *numbers)
    path.write_bytes(gzip.compress(bytes(raw)) if path.name.endswith(".gz") else bytes(raw))
    return path


def test_sform_and_qform_that_disagree_are_told(tmp_path):
    (volume,) = images.read(nifti_file(tmp_path / "a.nii", q=("<f", 268, 99.0)))
    assert any("sform and qform" in note for note in volume.notes)
    np.testing.assert_allclose(volume.grid.origin_mm, (10, 20, 30), atol=1e-5)


def test_a_file_without_orientation_warns_of_left_and_right(tmp_path):
    (volume,) = images.read(nifti_file(tmp_path / "a.nii", codes=("<2h", 252, 0, 0)))
    assert any("Check left and right" in note for note in volume.notes)
    assert volume.grid.spacing_mm == pytest.approx((1, 2, 3))


def test_metres_and_micrometres_become_millimetres(tmp_path):
    assert images.read(nifti_file(tmp_path / "a.nii", u=("<B", 123, 3)))[0].grid.spacing_mm == pytest.approx(
        (1e-3, 2e-3, 3e-3)
    )
    assert images.read(nifti_file(tmp_path / "b.nii", u=("<B", 123, 1)))[0].grid.origin_mm == pytest.approx(
        (10_000, 20_000, 30_000)
    )


def test_an_sform_that_forgot_the_voxel_sizes_takes_them_from_pixdim(tmp_path):
    grid = Grid.make((4, 5, 6), (1, 1, 1))
    (volume,) = images.read(nifti_file(tmp_path / "a.nii", grid=grid, p=("<3f", 80, 1.5, 1.5, 10), q=("<h", 252, 0)))
    assert volume.grid.spacing_mm == pytest.approx((1.5, 1.5, 10))
    assert any("two voxel sizes" in note for note in volume.notes)


def test_slope_and_intercept_are_applied(tmp_path):
    path = nifti_file(tmp_path / "a.nii", s=("<2f", 112, 0.5, -3))
    (volume,) = images.read(path)
    np.testing.assert_allclose(volume.values, np.round(phantom(world(volume.grid))) * 0.5 - 3, atol=0.51)


def test_big_endian_and_nifti_2_are_read(tmp_path):
    grid = GRIDS["oblique"]
    values = phantom(world(grid)).astype(">i2")
    raw = bytearray(544)
    struct.pack_into(">i", raw, 0, 540)
    raw[4:12] = b"n+2\0\r\n\x1a\n"
    struct.pack_into(">2h", raw, 12, 4, 16)
    struct.pack_into(">8q", raw, 16, 3, *grid.size, 1, 1, 1, 1)
    struct.pack_into(">8d", raw, 104, 1, *grid.spacing_mm, 1, 0, 0, 0)
    struct.pack_into(">q", raw, 168, 544)
    struct.pack_into(">2i", raw, 344, 0, 1)
    struct.pack_into(">12d", raw, 400, *(nifti.RAS_TO_LPS @ grid.affine)[:3].ravel())
    (tmp_path / "a.nii").write_bytes(bytes(raw) + values.tobytes())
    (volume,) = images.read(tmp_path / "a.nii")
    assert volume.grid.same_as(grid)
    np.testing.assert_allclose(volume.values, phantom(world(grid)), atol=1)


def test_a_pair_of_header_and_image_is_read(tmp_path):
    raw = nifti_file(tmp_path / "x.nii").read_bytes()
    head = bytearray(raw[:348])
    struct.pack_into("<f", head, 108, 0.0)
    head[344:348] = b"ni1\0"
    (tmp_path / "a.hdr").write_bytes(head)
    with pytest.raises(BadInput, match="not beside it"):
        images.read(tmp_path / "a.hdr")
    (tmp_path / "a.img").write_bytes(raw[352:])
    np.testing.assert_array_equal(images.read(tmp_path / "a.hdr")[0].values, images.read(tmp_path / "x.nii")[0].values)


def test_a_4d_file_is_one_volume_per_phase(tmp_path):
    raw = bytearray(nifti_file(tmp_path / "x.nii").read_bytes())
    struct.pack_into("<8h", raw, 40, 4, 4, 5, 6, 3, 1, 1, 1)
    (tmp_path / "a.nii").write_bytes(bytes(raw) + raw[352:] * 2)
    made = images.read(tmp_path / "a.nii")
    assert [volume.acquisition["phase"] for volume in made] == ["1 of 3", "2 of 3", "3 of 3"]
    np.testing.assert_array_equal(made[2].values, made[0].values)


@pytest.mark.parametrize(("patch", "words"), [
    (("<h", 70, 128), "colours"), (("<h", 70, 32), "complex"), (("<h", 70, 999), "unknown type"), (("<8h", 40, 5, 4, 5, 6, 1, 3, 1, 1), "several numbers"),
    (("<8h", 40, 2, 4, 5, 1, 1, 1, 1, 1), "only one slice"), (("<8h", 40, 3, 0, 5, 6, 1, 1, 1, 1), "damaged"), (("<i", 0, 7), "not NIfTI"),
])  # fmt: skip
def test_what_is_no_scan_is_refused_in_one_sentence(tmp_path, patch, words):
    with pytest.raises(BadInput, match=words):
        images.read(nifti_file(tmp_path / "a.nii", patch=patch))


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut_short_is_refused(tmp_path, form):
    path = export(volume_on(Grid.make((20, 21, 22), (1, 1, 1))), tmp_path / f"a{form}")
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(BadInput, match=r"cut short|damaged") as caught:
        images.read(path)
    assert "\n" not in caught.value.sentence


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_another_writer_that_is_cut_short_is_refused(tmp_path, form):
    path = tmp_path / f"a{form}"
    sitk.WriteImage(
        sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(20, 21, 22))), str(path), useCompression=False
    )
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(BadInput, match=r"cut short|damaged"):
        images.read(path)


def test_axes_that_span_no_space_are_refused(tmp_path):
    with pytest.raises(BadInput, match="span no space"):
        images.read(
            nifti_file(tmp_path / "a.nii", codes=("<2h", 252, 1, 0), quaternion=("<3f", 80, np.inf, 1e-30, 1e-30))
        )


def test_what_is_not_a_number_is_told(tmp_path):
    values = np.ones((6, 5, 4), np.float32)
    values[0, 0, 0], values[1, 1, 1] = np.nan, np.inf
    (volume,) = images.read(nifti_file(tmp_path / "a.nii", values))
    assert np.isfinite(volume.values).all()
    assert any("2 voxels hold no number" in note for note in volume.notes)


def test_sheared_axes_are_resampled_to_right_angles(tmp_path):
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[1, 2] = 0.6  # every slice 0.6 mm further back
    grid = Grid((20, 20, 10), affine)
    (volume,) = images.read(nifti_file(tmp_path / "a.nii", phantom(world(grid)).astype(np.float32), grid))
    directions = volume.grid.directions
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-9)
    filled = np.asarray(volume.values) > volume.values.min()
    np.testing.assert_allclose(volume.values[filled], phantom(world(volume.grid))[filled], atol=0.05)
    assert filled.mean() > 0.6


def test_hounsfield_values_make_a_ct_and_say_so(tmp_path):
    values = np.full((12, 40, 40), -1000, np.int16)
    values[:, 10:30, 10:30] = 40
    (volume,) = images.read(nifti_file(tmp_path / "a.nii", values, Grid.make((40, 40, 12), (1, 1, 1))))
    assert volume.modality == "CT"
    assert any("taken for a CT" in note for note in volume.notes)


# -- segmentations ------------------------------------------------------------------------------------------------


@pytest.fixture
def segmentation():
    grid = GRIDS["oblique"]
    labels = np.zeros(grid.shape, np.uint8)
    labels[1:4, 2:5, 1:3], labels[5:, 1:, 3:] = 1, 7
    volumes = [float((labels == n).sum()) * grid.voxel_volume_mm3 for n in (1, 7)]
    segments = (Segment.of(1, "liver", volumes[0]), Segment.of(7, "kidney_left", volumes[1]))
    return Segmentation(name="organs", grid=grid, labels=labels, segments=segments)


def test_a_segmentation_keeps_names_colours_and_place_in_seg_nrrd(tmp_path, segmentation):
    path = export(segmentation, tmp_path / "a.seg.nrrd")
    back = read_segmentation(path)
    assert back.grid.same_as(segmentation.grid)
    np.testing.assert_array_equal(back.labels, segmentation.labels)
    for ours, theirs in zip(segmentation.segments, back.segments, strict=True):
        assert (ours.label, ours.key, ours.name, ours.colour) == (theirs.label, theirs.key, theirs.name, theirs.colour)
        assert theirs.volume_mm3 == pytest.approx(ours.volume_mm3)
    keys = sitk.ReadImage(str(path))
    assert keys.GetMetaData("Segment1_Extent") == "3 4 1 5 5 6"
    assert "SCT^64033007^Kidney~SCT^7771000^Left" in keys.GetMetaData("Segment1_Tags")


@pytest.mark.parametrize("form", FORMATS)
def test_a_label_map_comes_back_with_its_table_beside_it(tmp_path, segmentation, form):
    back = read_segmentation(export(segmentation, tmp_path / f"a{form}"))
    np.testing.assert_array_equal(back.labels, segmentation.labels)
    if form != ".nrrd":
        rows = list(csv.DictReader((tmp_path / "a.labels.csv").read_text().splitlines()))
        assert [(row["label"], row["key"], row["snomed_ct"]) for row in rows] == [
            ("1", "liver", "10200004"),
            ("7", "kidney_left", "64033007"),
        ]


def test_a_scan_is_no_label_map(tmp_path):
    with pytest.raises(BadInput, match="not a label map"):
        read_segmentation(export(volume_on(GRIDS["plain"]), tmp_path / "a.nii"))


def test_a_segmentation_becomes_dicom(tmp_path, segmentation):
    import pydicom

    d = pydicom.dcmread(export(segmentation, tmp_path / "a.dcm"))
    assert d.Modality == "SEG"
    assert len(d.SegmentSequence) == 2


# -- surfaces and meshes --------------------------------------------------------------------------------------------


@pytest.fixture
def surface():
    points = np.array([[1, -2, 3], [11, -2, 3], [1, 18, 3], [1, -2, 33.0]])
    return Surface(
        name="s",
        structure="liver",
        points_mm=points,
        triangles=np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32),
    )


@pytest.fixture
def mesh(surface):
    return OrganMesh(
        name="m", structure="aorta", points_mm=np.vstack([surface.points_mm, [[3, 3, 3.0]]]),
        tets=np.array([[0, 1, 2, 4], [0, 1, 4, 3], [0, 4, 2, 3], [1, 2, 4, 3]], np.int32),
        boundary_triangles=surface.triangles, boundary_tags=np.array([0, 0, 1, 2], np.int16), boundaries={"wall": 0, "inlet": 1, "outlet 1": 2},
        caps=(Cap(name="inlet", role="inlet", centre_mm=(0, 0, 0), normal=(0, 0, 1), area_mm2=1, radius_mm=1),),
    )  # fmt: skip


@pytest.mark.parametrize("form", [".stl", ".obj", ".ply", ".vtp"])
def test_a_surface_keeps_its_place_and_says_its_space(tmp_path, surface, form):
    import pyvista as pv

    path = export(surface, tmp_path / f"a{form}")
    assert b"SPACE=LPS" in path.read_bytes()
    if form == ".vtp":
        assert pv.read(path).field_data["SPACE"][0] == "LPS"
    back = pv.read(path)
    assert back.n_cells == 4
    np.testing.assert_allclose(back.bounds, (1, 11, -2, 18, 3, 33), atol=1e-5)
    assert back.volume == pytest.approx(1000, rel=1e-5)


def test_surfaces_share_an_obj_and_a_vtp_but_not_an_stl(tmp_path, surface):
    import pyvista as pv

    two = [surface, surface.with_(structure="spleen", points_mm=np.asarray(surface.points_mm) + 100)]
    text = export(two, tmp_path / "a.obj").read_text()
    assert "o liver" in text
    assert "o spleen" in text
    assert pv.read(export(two, tmp_path / "a.vtp")).cell_data["structure"].tolist() == [0] * 4 + [1] * 4
    with pytest.raises(BadInput, match="one object, not 2"):
        export(two, tmp_path / "a.stl")


def test_a_mesh_keeps_its_cells_and_the_names_of_its_boundaries(tmp_path, mesh):
    import pyvista as pv

    back = pv.read(export(mesh, tmp_path / "a.vtu"))
    assert back.celltypes.tolist() == [10] * 4 + [5] * 4
    np.testing.assert_array_equal(back.cells_dict[10], mesh.tets)
    np.testing.assert_allclose(back.points, mesh.points_mm)
    assert back.cell_data["boundary"].tolist() == [-1] * 4 + [0, 0, 1, 2]
    assert back.field_data["boundaries"].tolist() == ["0=wall", "1=inlet", "2=outlet 1"]
    faces = pv.read(export(mesh, tmp_path / "a.vtp"))
    assert faces.n_points == 4
    assert faces.cell_data["ModelFaceID"].tolist() == [1, 1, 2, 3]


@pytest.fixture
def result(mesh):
    fields = {
        "pressure_pa": np.arange(10, dtype=np.float32).reshape(2, 5),
        "velocity_mm_per_s": np.ones((2, 5, 3), np.float32),
    }
    return Result(name="r", physics="flow", mesh=mesh.uuid, times_s=np.array([0.1, 0.2]), fields=fields, credibility={"mesh": "4 tets"},
                  quantities=(Quantity(name="pressure drop", value=2.5, unit="mmHg"), Quantity(name="FFR", value=float("nan"), unit="")),
                  histories={"residual": [1.0, float("inf")]})  # fmt: skip


def test_a_result_in_time_becomes_a_collection(tmp_path, result, mesh):
    import pyvista as pv

    reader = pv.get_reader(export([result, mesh], tmp_path / "a.pvd"))
    assert reader.time_values == [0.1, 0.2]
    reader.set_active_time_value(0.2)
    np.testing.assert_array_equal(reader.read()[0].point_data["pressure_pa"], [5, 6, 7, 8, 9])


def test_a_result_in_one_file_keeps_every_time(tmp_path, result, mesh):
    import pyvista as pv

    back = pv.read(export([mesh, result], tmp_path / "a.vtu"))
    np.testing.assert_array_equal(back.point_data["pressure_pa t=0.2000s"], [5, 6, 7, 8, 9])
    with pytest.raises(BadInput, match="needs the mesh"):
        export(result, tmp_path / "b.vtu")


def test_numbers_of_a_result_become_csv_and_json_with_null_for_what_is_no_number(tmp_path, result):
    rows = list(csv.reader(export(result, tmp_path / "a.csv").read_text().splitlines()))
    assert rows == [["quantity", "value", "unit"], ["pressure drop", "2.5", "mmHg"], ["FFR", "", ""]]
    data = json.loads(export(result, tmp_path / "a.json").read_text())
    assert data["quantities"][1]["value"] is None
    assert data["histories"]["residual"] == [1.0, None]
    assert "Not a medical device" in data["notice"]


def test_a_case_becomes_json_that_is_read_again(tmp_path):
    case = TissueCase(
        fixed=(Region(toward=(0, 1, 0), fraction=0.1),),
        pulls=(Pull(region=Region(boundary="left"), displacement_mm=(1, 0, 0)),),
    )
    data = json.loads(export(case, tmp_path / "a.json").read_text())
    assert TissueCase.model_validate(data).pulls == case.pulls


# -- whole or not at all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.exe", "a", "a.stl", "a.dcm"])
def test_a_format_that_does_not_fit_is_refused_with_those_that_do(tmp_path, name):
    with pytest.raises(BadInput, match=r"\.nii\.gz"):
        export(volume_on(GRIDS["plain"]), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        export(volume_on(GRIDS["plain"]), tmp_path / "no" / "a.nii")


def test_a_failed_export_leaves_the_old_file(tmp_path, monkeypatch, mesh, segmentation):
    old = {form: tmp_path / f"a{form}" for form in (".nii.gz", ".nrrd", ".mha", ".vtu", ".seg.nrrd", ".stl", ".dcm")}
    for path in old.values():
        path.write_bytes(b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for form, path in old.items():
        thing = (
            mesh
            if form in (".vtu", ".stl")
            else segmentation
            if form in (".seg.nrrd", ".dcm")
            else volume_on(GRIDS["plain"])
        )
        with pytest.raises(BadInput, match="no room left on the disk"):
            export(thing, path)
        assert path.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == sorted(old.values())


def test_a_disk_that_fills_up_while_writing_is_one_sentence(tmp_path):
    script = f"""
import resource, numpy as np
from organtwin.io.export import export
from organtwin.model import Volume
from organtwin.space import Grid
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
values = np.random.default_rng(0).normal(size=(40, 40, 40)).astype(np.float32)
try:
    export(Volume(name="v", grid=Grid.make((40, 40, 40), (1, 1, 1)), values=values), r"{tmp_path}/a.nrrd")
except Exception as error:
    print(type(error).__name__, error)
"""
    said = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert said.stdout.startswith("BadInput There is no room left on the disk")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_exported_carries_no_identity(tmp_path, form):
    volume = volume_on(GRIDS["plain"]).with_(name="Meier thorax")
    path = export(volume, tmp_path / f"a{form}")
    content = path.read_bytes()
    content += gzip.decompress(content) if form == ".nii.gz" else b""
    assert b"Meier" not in content
    assert b"2026" not in content[:352]
