"""DICOM series come out in their true place, or with one clear sentence."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from organtwin.errors import BadInput
from organtwin.io.study import read, scan

NAMES = [
    "axial",
    "axial, columns to the right",
    "axial, rows to the front",
    "axial, prone",
    "coronal",
    "sagittal",
    "transposed",
    "oblique",
]


def volumes(*sources, **given):
    with scan(sources) as study:
        return read(study.best(), **given)


def one(*sources, **given):
    (volume,) = volumes(*sources, **given)
    return volume


def sentence(*sources, series=None):
    """The one sentence that import ends with."""
    with pytest.raises(BadInput) as caught, scan(sources) as study:
        read(study.choose([series])[0] if series else study.best())
    text = caught.value.sentence
    assert "\n" not in text
    assert "Traceback" not in text
    assert len(text) < 500
    return text


# -- geometry -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sense", [1, -1])
def test_every_voxel_lies_where_the_patient_has_it(studio, tmp_path, name, sense):
    orientation = studio.ORIENTATIONS[name]
    studio.series(tmp_path, studio.positions(gap=2.0 * sense, orientation=orientation), orientation)
    volume = one(tmp_path)
    assert volume.grid.size == (studio.COLUMNS, studio.ROWS, 6)
    assert studio.error(volume).max() <= 0.5
    assert np.linalg.det(volume.grid.affine[:3, :3]) > 0
    assert volume.grid.frame_uid == "1.2.99"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gaps", [[2, 2, 2, 2, 2, 2], [1, 2, 3, 1.5, 2.5, 2]], ids=["even", "uneven"])
def test_a_tilted_gantry_is_shifted_back_to_the_true_places(studio, tmp_path, name, gaps):
    orientation = studio.ORIENTATIONS[name]
    across, down = (np.array(v) for v in orientation)
    step = np.cross(across, down) + np.tan(np.radians(18.5)) * down
    along = np.concatenate([[0], np.cumsum(gaps)])
    studio.series(tmp_path, [np.array([3.0, -2, 9]) + a * step for a in along], orientation)
    volume = one(tmp_path)
    directions = volume.grid.directions
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-9)
    filled = np.asarray(volume.values) > volume.values.min()
    assert studio.error(volume)[filled].max() <= 1.5  # two roundings
    assert filled.mean() > 0.45
    told = " ".join(volume.notes)
    assert "tilted by 18.5 degrees" in told
    assert ("unevenly spaced" in told) == (len(set(gaps)) > 1)


def test_a_row_wise_shear_is_taken_out_too(studio, tmp_path):
    studio.series(tmp_path, [np.array([0.5 * k, 0, 2.0 * k]) for k in range(6)])
    volume = one(tmp_path)
    filled = np.asarray(volume.values) > volume.values.min()
    assert studio.error(volume)[filled].max() <= 1.5


def test_uneven_slices_are_resampled_at_their_true_places(studio, tmp_path):
    studio.series(tmp_path, [(0, 0, z) for z in (0, 1, 3, 4.5, 8.5, 10)])
    volume = one(tmp_path)
    assert studio.error(volume).max() <= 1.5
    assert any("unevenly spaced" in note and "resampled" in note for note in volume.notes)
    np.testing.assert_allclose(volume.grid.to_world([0, 0, volume.grid.size[2] - 1]), (0, 0, 10), atol=1e-6)


def test_rounding_of_positions_is_passed_over_in_silence(studio, tmp_path):
    jitter = np.random.default_rng(1).uniform(-0.03, 0.03, (8, 3))
    studio.series(tmp_path, [np.array([0, 0, 2.0 * k]) + jitter[k] for k in range(8)])
    volume = one(tmp_path)
    assert volume.grid.size == (studio.COLUMNS, studio.ROWS, 8)
    assert len([note for note in volume.notes if "resampled" in note or "shifted" in note]) == 0


def test_slice_thickness_never_decides_the_distance(studio, tmp_path):
    studio.series(tmp_path, studio.positions(gap=2.0), SliceThickness=5.0, SpacingBetweenSlices=7.0)
    volume = one(tmp_path)
    assert volume.grid.spacing_mm[2] == pytest.approx(2.0)
    assert any("5 mm thick and 2 mm apart: they overlap" in note for note in volume.notes)


def test_a_missing_slice_is_filled_and_told(studio, tmp_path):
    where = studio.positions(14)
    studio.series(tmp_path, where[:6] + where[7:])
    volume = one(tmp_path)
    assert volume.grid.size[2] == 14
    assert studio.error(volume).max() <= 1.5
    assert any("1 slice is missing" in note for note in volume.notes)


def test_a_wide_gap_is_refused_with_its_place(studio, tmp_path):
    where = studio.positions(40)
    studio.series(tmp_path, where[:15] + where[22:])
    text = sentence(tmp_path)
    assert "gap of 16.0 mm" in text
    assert "between S 24.0 mm and S 40.0 mm" in text


def test_a_scan_with_many_missing_slices_is_refused(studio, tmp_path):
    where = studio.positions(30)
    studio.series(tmp_path, [p for k, p in enumerate(where) if k not in (3, 7, 12, 18, 22)])
    assert "slices are missing" in sentence(tmp_path)


def test_slices_of_ten_millimetres_are_no_gap(studio, tmp_path):
    studio.series(tmp_path, studio.positions(8, gap=12.0))
    assert one(tmp_path).grid.spacing_mm[2] == pytest.approx(12.0)


def test_a_tilt_that_only_the_header_names_is_told(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), GantryDetectorTilt=15)
    assert any("do not show" in note for note in one(tmp_path).notes)


def test_crooked_directions_are_refused(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), ImageOrientationPatient=[1, 0, 0, 0.5, 1, 0])
    assert "not at right angles" in sentence(tmp_path)


def test_missing_positions_are_never_guessed(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), ImagePositionPatient=None)
    assert "do not say where its slices lie" in sentence(tmp_path)


@pytest.mark.parametrize("size", [[0, 0], [-1, 1], [1]])
def test_pixel_sizes_that_are_none_are_not_used(studio, tmp_path, size):
    studio.series(tmp_path, studio.positions(), PixelSpacing=size)
    assert "do not say how large its pixels are" in sentence(tmp_path)


def test_missing_pixel_sizes_are_never_guessed(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), PixelSpacing=None)
    assert "do not say how large its pixels are" in sentence(tmp_path)


# -- doubled slices -----------------------------------------------------------------------------------------------


def test_files_that_are_there_twice_count_once(studio, tmp_path):
    paths = studio.series(tmp_path, studio.positions())
    (tmp_path / "again").mkdir()
    for path in paths[:3]:
        (tmp_path / "again" / path.name).write_bytes(path.read_bytes())
    with scan([tmp_path]) as study:
        assert any("3 files are there more than once" in note for note in study.notes)
        (volume,) = read(study.best())
    assert studio.error(volume).max() <= 0.5


def test_doubled_slices_with_the_same_pixels_count_once(studio, tmp_path):
    where = studio.positions()
    studio.series(tmp_path, [*where, where[2]])
    volume = one(tmp_path)
    assert volume.grid.size[2] == 6
    assert any("twice with the same pixels" in note for note in volume.notes)


def test_doubled_slices_that_differ_are_refused_with_the_files(studio, tmp_path):
    where = studio.positions()
    paths = studio.series(tmp_path, [*where, where[2]])
    studio.change_pixels(paths[-1], np.zeros((studio.ROWS, studio.COLUMNS), "<i2"))
    text = sentence(tmp_path)
    assert "Two different images lie in the same place" in text
    assert paths[-1].name in text


# -- several volumes in one series ----------------------------------------------------------------------------------


def test_localizers_in_the_same_series_are_kept_apart(studio, tmp_path):
    studio.series(tmp_path / "a", studio.positions(9))
    studio.series(
        tmp_path / "b", studio.positions(3, orientation=studio.ORIENTATIONS["coronal"]), studio.ORIENTATIONS["coronal"]
    )
    with scan([tmp_path]) as study:
        assert [s.slices for s in study.series] == [9, 3]
        assert study.series[1].key == "1.2.3.4#2"
        assert studio.error(read(study.series[1])[0]).max() <= 0.5
        assert study.best().slices == 9


def test_echoes_of_one_series_become_volumes_of_their_own(studio, tmp_path):
    where = studio.positions()
    for echo in (2.0, 5.0):
        studio.series(tmp_path, where, modality="MR", EchoTime=echo, prefix=f"{echo}-")
    with scan([tmp_path]) as study:
        assert [s.description for s in study.series] == ["Thorax (echo 2.0 ms)", "Thorax (echo 5.0 ms)"]
        assert all(studio.error(read(s)[0]).max() <= 0.5 for s in study.series)


def test_thick_and_thin_slices_of_one_series_are_kept_apart(studio, tmp_path):
    where = studio.positions(9)
    studio.series(tmp_path, where, SliceThickness=2, prefix="thin")
    studio.series(tmp_path, where[::4], SliceThickness=8, prefix="thick")
    with scan([tmp_path]) as study:
        assert [(s.slices, s.description) for s in study.series] == [
            (9, "Thorax (thickness 2.0 mm)"),
            (3, "Thorax (thickness 8.0 mm)"),
        ]


def test_a_lone_derived_picture_does_not_spoil_the_series(studio, tmp_path):
    where = studio.positions()
    studio.series(tmp_path, where)
    (path,) = studio.series(tmp_path, where[2:3], ImageType=["DERIVED", "SECONDARY"], prefix="x")
    studio.change_pixels(path, np.zeros((studio.ROWS, studio.COLUMNS), "<i2"))
    assert studio.error(one(tmp_path)).max() <= 0.5


def test_passes_over_the_same_slices_are_phases(studio, tmp_path):
    where = studio.positions()
    for n in (1, 2, 3):
        studio.series(tmp_path, where, AcquisitionNumber=n, AcquisitionTime=f"12000{n}", prefix=f"{n}-")
    assert len(volumes(tmp_path)) == 3


def test_two_acquisitions_that_overlap_in_one_slice_are_two_volumes(studio, tmp_path):
    where = studio.positions(9)
    studio.series(tmp_path, where[:5], AcquisitionNumber=1, prefix="a")
    studio.series(tmp_path, where[4:], AcquisitionNumber=2, prefix="b")
    with scan([tmp_path]) as study:
        assert [s.slices for s in study.series] == [5, 5]


def cine(studio, folder, counts, jitter=3.0):
    """A cine whose clock runs a little differently in every slice."""
    for k, position in enumerate(studio.positions(len(counts), gap=8.0)):
        for t in range(counts[k]):

            def change(d, _, t=t):
                d.PixelData = np.rint(studio.plane(d.ImagePositionPatient) + 10 * t).astype("<i2").tobytes()

            studio.series(
                folder,
                [position],
                modality="MR",
                change=change,
                TriggerTime=33.0 * t + jitter * k * t / 10,
                prefix=f"{k}-{t}-",
                SOPInstanceUID=f"1.2.{k}.{t}",
            )


def test_a_cine_becomes_one_volume_per_phase(studio, tmp_path):
    cine(studio, tmp_path, [5, 5, 5])
    made = volumes(tmp_path)
    assert len(made) == 5
    for t, volume in enumerate(made):
        np.testing.assert_allclose(np.asarray(volume.values) - 10 * t, studio.phantom(studio.world(volume)), atol=0.5)
    assert made[1].name == "Thorax, phase 2 of 5"
    assert made[1].grid.same_as(made[0].grid)


def test_an_incomplete_cine_says_which_phases_lack_which_slice(studio, tmp_path):
    cine(studio, tmp_path, [5, 5, 5, 2])
    made = volumes(tmp_path)
    assert len(made) == 5
    assert made[0].grid.size[2] == 3
    assert any("slice 4 of 4 has only 2 of 5 phases (phases 3 to 5 are missing)" in note for note in made[0].notes)


def test_a_cine_with_a_hole_in_its_middle_keeps_the_phases_that_are_complete(studio, tmp_path):
    cine(studio, tmp_path, [5, 5, 4, 5, 5])
    next(path for path in tmp_path.glob("2-1-*")).unlink()  # the second phase too
    made = volumes(tmp_path)
    assert [volume.grid.size[2] for volume in made] == [5, 5, 5]
    assert any("slice 3 of 5 has only 3 of 5 phases (phases 2 and 5 are missing)" in note for note in made[0].notes)
    for volume, t in zip(made, (0, 2, 3), strict=True):
        np.testing.assert_allclose(np.asarray(volume.values) - 10 * t, studio.phantom(studio.world(volume)), atol=0.5)


def test_an_enhanced_file_is_read_frame_by_frame(studio, tmp_path):
    orientation = studio.ORIENTATIONS["oblique"]
    where = studio.positions(6, orientation=orientation)
    order = [3, 0, 5, 1, 4, 2]
    studio.enhanced(tmp_path / "e", [where[k] for k in order], orientation)
    assert studio.error(one(tmp_path)).max() < 1.01  # stored in steps of 2


def test_an_enhanced_file_with_two_echoes_and_time_comes_apart(studio, tmp_path):
    where = studio.positions(4)
    studio.enhanced(tmp_path / "e", where * 2, extra=[{"echo_ms": e} for e in (2.0, 7.0) for _ in where])
    with scan([tmp_path]) as study:
        assert [s.slices for s in study.series] == [4, 4]
    studio.enhanced(tmp_path / "e", where * 3, extra=[{"temporal": t, "add": 20 * t} for t in (1, 2, 3) for _ in where])
    made = volumes(tmp_path)
    assert len(made) == 3
    np.testing.assert_allclose(np.asarray(made[2].values) - 60, studio.phantom(studio.world(made[2])), atol=1)


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless], ids=["RLE", "JPEG 2000", "JPEG-LS"])
def test_compressed_series_have_the_same_values(studio, tmp_path, syntax):
    def change(d, _):
        d.PixelRepresentation, d.RescaleIntercept = 0, -1024
        d.PixelData = np.rint(studio.plane(d.ImagePositionPatient) + 1024).astype("<u2").tobytes()
        d.compress(syntax)

    studio.series(tmp_path, studio.positions(), change=change)
    assert studio.error(one(tmp_path)).max() <= 0.5


def test_lossless_jpeg_has_the_same_values(studio, tmp_path):
    import gdcm

    for path in studio.series(tmp_path / "plain", studio.positions()):
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    assert studio.error(one(tmp_path)).max() <= 0.5


def test_slope_and_intercept_of_every_slice_are_its_own(studio, tmp_path):
    def change(d, n):
        d.RescaleSlope, d.RescaleIntercept = 1 + n, 3 * n
        d.PixelData = np.rint((studio.plane(d.ImagePositionPatient) - 3 * n) / (1 + n)).astype("<i2").tobytes()

    studio.series(tmp_path, studio.positions(), modality="MR", change=change)
    volume = one(tmp_path)
    assert studio.error(volume).max() <= 3.5
    assert volume.values.dtype == np.int16


def test_fractions_stay_fractions(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), modality="MR", RescaleSlope=0.37)
    volume = one(tmp_path)
    assert volume.values.dtype == np.float32
    np.testing.assert_allclose(np.asarray(volume.values) / 0.37, studio.phantom(studio.world(volume)), atol=0.51)


def test_values_beyond_16_bits_are_not_wrapped(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), modality="MR", RescaleSlope=1000)
    volume = one(tmp_path)
    np.testing.assert_allclose(np.asarray(volume.values) / 1000, studio.phantom(studio.world(volume)), atol=0.51)


@pytest.mark.parametrize("padding", [-2000, 63536])
def test_padding_becomes_the_lowest_hounsfield_value(studio, tmp_path, padding):
    def change(d, _):
        values = np.rint(studio.plane(d.ImagePositionPatient)).astype("<i2")
        values[:2] = -2000
        d.PixelData = values.tobytes()
        d.add_new("PixelPaddingValue", "SS" if padding < 0 else "US", padding)

    studio.series(tmp_path, studio.positions(), change=change)
    volume = one(tmp_path)
    assert (np.asarray(volume.values)[:, :2] == -1024).all()
    assert studio.error(volume)[:, 2:].max() <= 0.5


def test_padding_that_is_also_tissue_is_not_believed(studio, tmp_path):
    def change(d, _):
        d.add_new("PixelPaddingValue", "SS", int(np.rint(studio.plane(d.ImagePositionPatient))[3, 3]))

    studio.series(tmp_path, studio.positions(), change=change)
    assert studio.error(one(tmp_path)).max() <= 0.5


def test_what_lies_below_the_scale_is_set_to_its_end_and_told(studio, tmp_path):
    def change(d, _):
        values = np.rint(studio.plane(d.ImagePositionPatient)).astype("<i2")
        values[0] = -3024
        d.PixelData = values.tobytes()

    studio.series(tmp_path, studio.positions(), change=change)
    volume = one(tmp_path)
    assert volume.values.min() == -1024
    assert any("-1024 HU" in note for note in volume.notes)
    assert volume.value_unit == "HU"


def test_overlay_bits_above_the_stored_ones_are_dropped(studio, tmp_path):
    def change(d, _):
        values = np.rint(studio.plane(d.ImagePositionPatient) + 1024).astype("<u2")
        d.BitsStored, d.HighBit, d.PixelRepresentation, d.RescaleIntercept = 12, 11, 0, -1024
        d.PixelData = (values | 0x8000).tobytes()

    studio.series(tmp_path, studio.positions(), change=change)
    assert studio.error(one(tmp_path)).max() <= 0.5


def test_bright_stored_as_low_is_turned_for_mr_and_not_for_ct(studio, tmp_path):
    studio.series(tmp_path / "ct", studio.positions(), PhotometricInterpretation="MONOCHROME1")
    assert studio.error(one(tmp_path / "ct")).max() <= 0.5
    studio.series(tmp_path / "mr", studio.positions(), modality="MR", PhotometricInterpretation="MONOCHROME1")
    volume = one(tmp_path / "mr")
    np.testing.assert_allclose(
        -1 - np.asarray(volume.values, dtype=float), studio.phantom(studio.world(volume)), atol=0.5
    )


def test_the_window_of_the_file_is_proposed(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), WindowCenter=[40, 300], WindowWidth=[400, 1500])
    assert one(tmp_path).window == (40, 400)


def test_a_window_of_no_width_is_not(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), WindowCenter=0, WindowWidth=0)
    assert one(tmp_path).window is None


# -- files that are not what they should be ---------------------------------------------------------------------------


def test_a_file_that_is_cut_short_is_named(studio, tmp_path):
    paths = studio.series(tmp_path, studio.positions())
    paths[2].write_bytes(paths[2].read_bytes()[:-100])
    text = sentence(tmp_path)
    assert "1 of its 6 files is cut short" in text
    assert paths[2].name in text


def test_a_compressed_file_that_is_damaged_is_named(studio, tmp_path, caplog):
    paths = studio.series(tmp_path, studio.positions(), change=lambda d, _: d.compress(JPEG2000Lossless))
    paths[1].write_bytes(paths[1].read_bytes()[:-150])
    text = sentence(tmp_path)
    assert paths[1].name in text
    assert "1 of 6 files cannot be read" in text
    assert caplog.text == ""  # nothing of the libraries' own complaints reaches the user


def test_a_file_cut_in_its_header_is_told_and_not_hidden(studio, tmp_path):
    paths = studio.series(tmp_path, studio.positions(12))
    paths[5].write_bytes(paths[5].read_bytes()[:500])
    with scan([tmp_path]) as study:
        try:
            notes = " ".join(study.notes + read(study.best())[0].notes)
        except BadInput as error:
            notes = error.sentence
    assert "damaged" in notes or "missing" in notes or "cut short" in notes


def test_colour_pictures_are_no_scan(studio, tmp_path):
    def change(d, _):
        d.SamplesPerPixel, d.PhotometricInterpretation, d.PlanarConfiguration = 3, "RGB", 0
        d.BitsAllocated = d.BitsStored = 8
        d.HighBit, d.PixelRepresentation = 7, 0
        d.PixelData = bytes(studio.ROWS * studio.COLUMNS * 3)

    studio.series(tmp_path, studio.positions(), change=change)
    assert "in colour" in sentence(tmp_path)


def test_one_slice_is_no_volume(studio, tmp_path):
    studio.series(tmp_path, studio.positions(1))
    assert "only one slice" in sentence(tmp_path)


def test_images_that_all_lie_in_one_place_are_no_volume(studio, tmp_path):
    studio.series(tmp_path, [np.zeros(3)] * 4)
    assert "lie in the same place" in sentence(tmp_path)


@pytest.mark.parametrize(("modality", "words"), [("SR", "a report"), ("RTSTRUCT", "contours"), ("SEG", "segmentation")])
def test_what_is_no_scan_is_called_by_its_name(studio, tmp_path, modality, words):
    studio.series(tmp_path, studio.positions(1), Modality=modality)
    assert words in sentence(tmp_path)


def test_reports_beside_a_scan_do_not_disturb_it(studio, tmp_path):
    studio.series(tmp_path / "scan", studio.positions())
    studio.series(tmp_path / "report", studio.positions(1), series="1.2.3.5", Modality="SR")
    (tmp_path / "readme.txt").write_text("hello")
    with scan([tmp_path]) as study:
        assert len(study.series) == 2
        assert study.skipped == 1
        assert study.best().slices == 6


def test_empty_uids_are_sorted_by_what_else_is_said(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), series="", SOPClassUID="", StudyInstanceUID="", SOPInstanceUID="")
    studio.series(tmp_path, studio.positions(4), series="", SeriesNumber=2, prefix="b", SOPInstanceUID="")
    with scan([tmp_path]) as study:
        assert sorted(s.slices for s in study.series) == [4, 6]


def test_files_without_preamble_are_read(studio, tmp_path):
    for path in studio.series(tmp_path, studio.positions()):
        d = pydicom.dcmread(path)
        pydicom.dcmwrite(path, pydicom.Dataset(d), implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[128:132] != b"DICM"
    assert studio.error(one(tmp_path)).max() <= 0.5


# -- whose it is --------------------------------------------------------------------------------------------------


def test_two_patients_in_a_folder_are_refused_and_named_by_pseudonym(studio, tmp_path):
    studio.series(tmp_path / "a", studio.positions(), patient="P1")
    studio.series(tmp_path / "b", studio.positions(), patient="P2", series="1.2.3.5")
    text = sentence(tmp_path)
    assert "2 patients" in text
    assert "series 2" in text
    assert "Meier" not in text
    assert "P1" not in text
    with scan([tmp_path]) as study:
        assert studio.error(read(study.choose(["2"])[0])[0]).max() <= 0.5
        with pytest.raises(BadInput, match="2 patients"):
            study.choose(["1", "2"])


def test_two_patients_in_one_series_are_refused(studio, tmp_path):
    where = studio.positions()
    studio.series(tmp_path, where[:3], patient="P1", prefix="a")
    studio.series(tmp_path, where[3:], patient="P2", prefix="b")
    assert "mixes images of 2 patients" in sentence(tmp_path)


def test_a_name_typed_in_another_way_is_the_same_patient(studio, tmp_path):
    where = studio.positions()
    studio.series(tmp_path, where[:3], PatientName="Meier^P1", prefix="a")
    studio.series(tmp_path, where[3:], PatientName="MEIER^P1^^", prefix="b")
    assert one(tmp_path).grid.size[2] == 6


def test_identity_never_enters_a_volume_unless_kept(studio, tmp_path):
    studio.series(
        tmp_path,
        studio.positions(),
        patient="ID4711",
        PatientName="Miller^Jane",
        SeriesDescription="Thorax Miller ID4711 venous",
        InstitutionName="St Elsewhere",
        ReferringPhysicianName="House^G",
        ContrastBolusAgent="Miller 80 ml",
    )
    volume = one(tmp_path)
    text = volume.model_dump_json(exclude={"values"}).lower()
    for word in ("miller", "jane", "4711", "1950", "20200101", "elsewhere", "house"):
        assert word not in text
    assert volume.name == "Thorax venous"
    assert volume.acquisition["patient"].startswith("patient-")
    assert one(tmp_path).acquisition["patient"] == volume.acquisition["patient"]
    kept = one(tmp_path, keep_identity=True).acquisition
    assert kept["patient name"] == "Miller^Jane"
    assert kept["patient id"] == "ID4711"


def test_names_in_the_picture_are_warned_of(studio, tmp_path):
    studio.series(tmp_path, studio.positions(), BurnedInAnnotation="YES")
    assert any("burned-in" in note for note in one(tmp_path).notes)


def test_volumes_without_a_frame_of_reference_share_one_only_within_their_series(studio, tmp_path):
    studio.series(tmp_path / "a", studio.positions(), FrameOfReferenceUID="")
    studio.series(tmp_path / "b", studio.positions(), FrameOfReferenceUID="", series="1.2.3.5")
    a, b = one(tmp_path / "a"), one(tmp_path / "b")
    assert a.grid.frame_uid
    assert a.grid.frame_uid != b.grid.frame_uid
    assert one(tmp_path / "a").grid.frame_uid == a.grid.frame_uid
