"""The operation "import": the best volume by itself, or what a person chose."""

from __future__ import annotations

import pytest

from organtwin.errors import BadInput
from organtwin.operations import find
from organtwin.operations.import_study import OPERATION, ImportParameters, list_series


class Listener:
    def __init__(self):
        self.fractions, self.lines = [], []

    def progress(self, fraction, what=""):
        self.fractions.append(fraction)

    def residual(self, *_): ...

    def log(self, text):
        self.lines.append(text)


@pytest.fixture
def folder(tmp_path, studio):
    """A scout, a thin axial scan, a coronal reformat with more slices, and a report."""
    coronal = studio.ORIENTATIONS["coronal"]
    studio.series(
        tmp_path / "1",
        studio.positions(2),
        series="1.2.1",
        SeriesNumber=1,
        SeriesDescription="scout",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )
    studio.series(tmp_path / "2", studio.positions(9), series="1.2.2", SeriesNumber=2, SeriesDescription="axial")
    studio.series(tmp_path / "3", studio.positions(15, orientation=coronal), coronal, series="1.2.3", SeriesNumber=3, SeriesDescription="coronal",
                  ImageType=["DERIVED", "SECONDARY", "REFORMATTED"])  # fmt: skip
    studio.series(tmp_path / "4", studio.positions(1), series="1.2.4", SeriesNumber=4, Modality="SR")
    return tmp_path


def run(folder, **parameters):
    return OPERATION({}, {"sources": [str(folder)], **parameters})


def test_the_operation_is_found_by_its_name():
    assert find("import") is OPERATION


def test_the_original_axial_scan_is_taken_and_the_others_are_told(folder):
    listener = Listener()
    (volume,) = OPERATION({}, {"sources": [str(folder)]}, listener)
    assert volume.name == "axial"
    assert len([note for note in volume.notes if note.startswith("Not imported")]) == 3
    assert any(line.startswith("* 2: axial") for line in listener.lines)
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == 1.0


@pytest.mark.parametrize("chosen", [["3"], [3], ["1.2.3"]])
def test_a_series_is_chosen_by_number_or_uid(folder, chosen):
    (volume,) = run(folder, series=chosen)
    assert volume.name == "coronal"


def test_several_series_come_together(folder):
    assert [volume.name for volume in run(folder, series=["2", "3"])] == ["axial", "coronal"]


def test_the_recipe_tells_what_was_asked(folder):
    (volume,) = run(folder, series=["2"])
    assert volume.recipe is not None
    assert volume.recipe.operation == "import"
    assert volume.recipe.parameters["series"] == ["2"]
    assert "pydicom" in volume.recipe.versions


@pytest.mark.parametrize(
    ("series", "words"),
    [(["9"], "no series '9'"), (["4"], "Series 4 cannot be imported: it is a report"), (["x"], "no series 'x'")],
)
def test_a_wrong_choice_is_one_sentence(folder, series, words):
    with pytest.raises(BadInput, match=words):
        run(folder, series=series)


def test_unknown_parameters_are_refused(folder):
    with pytest.raises(BadInput, match="Unknown key"):
        run(folder, anonymise=True)


def test_the_list_says_which_is_best_and_why_others_are_not(folder):
    listed = list_series([str(folder)])
    assert [entry.best for entry in listed] == [False, True, False, False]
    assert "report" in (listed[3].reason or "")
    assert listed[1].summary.startswith("38 × 34 × 9 voxels of 0.6 × 0.8 × 2 mm")


def test_two_patients_are_listed_and_not_mixed(tmp_path, studio):
    studio.series(tmp_path / "a", studio.positions(), patient="P1")
    studio.series(tmp_path / "b", studio.positions(), patient="P2", series="1.9")
    listed = list_series([str(tmp_path)])
    assert len({entry.patient for entry in listed}) == 2
    assert not any(entry.best for entry in listed)
    with pytest.raises(BadInput, match="2 patients"):
        run(tmp_path)
    (volume,) = run(tmp_path, series=[1])
    assert volume.acquisition["patient"] == listed[0].patient


def test_a_cancel_is_obeyed_at_once(folder):
    class Stop(Listener):
        def progress(self, fraction, what=""):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OPERATION({}, {"sources": [str(folder)]}, Stop())


def test_identity_stays_outside_unless_it_is_kept(folder):
    assert "Meier" not in run(folder)[0].model_dump_json(exclude={"values"})
    assert run(folder, keep_identity=True)[0].acquisition["patient name"] == "Meier^P1"


# -- pydicom's own files and the edge corpus ------------------------------------------------------------------------


def one_sentence(error: BadInput) -> None:
    assert "\n" not in error.sentence
    assert error.sentence.endswith(".")
    assert len(error.sentence) < 500


def test_every_file_of_pydicom_ends_in_a_volume_or_one_sentence():
    from pathlib import Path

    import numpy as np
    import pydicom.data

    files = [
        p
        for p in Path(pydicom.data.__file__).parent.rglob("*")
        if p.is_file() and p.suffix != ".py" and "__pycache__" not in str(p)
    ]
    assert len(files) > 100
    made = 0
    for path in files:
        try:
            made += len(run(path))
        except BadInput as error:
            one_sentence(error)
    assert made >= 5  # the DICOMDIRs
    (volume,) = run(next(p for p in files if p.name == "DICOMDIR"))
    assert volume.grid.size == (16, 16, 5)
    assert np.asarray(volume.values).std() > 0


@pytest.mark.parametrize("seed", range(25))
def test_files_with_wrong_bytes_end_in_volumes_or_one_sentence(tmp_path, studio, seed):
    import random

    from pydicom.uid import JPEGLSLossless, RLELossless

    chance = random.Random(seed)
    compress = chance.choice([None, JPEGLSLossless, RLELossless])
    paths = studio.series(
        tmp_path, studio.positions(4), change=(lambda d, _: d.compress(compress)) if compress else None
    )
    for path in chance.sample(paths, chance.randint(1, 4)):
        content = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(min(len(content), chance.choice([400, 1500, 10**6])))] = chance.randrange(256)
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        path.write_bytes(content)
    for entry in range(1, 5):
        try:
            run(tmp_path, series=[entry])
        except BadInput as error:
            one_sentence(error)


@pytest.mark.real_data
def test_a_tilted_uneven_head_has_its_true_size(real_data):
    import numpy as np
    import pydicom
    from scipy.ndimage import map_coordinates

    (volume,) = run(real_data / "dicom-edge" / "ge-tilt-uneven")
    directions = volume.grid.directions
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-9)
    assert np.degrees(np.arccos(directions[2, 2])) == pytest.approx(18.5, abs=0.05)
    told = " ".join(volume.notes)
    assert "1.14, 4.22, 7.38 mm apart along the table, 1.08, 4.00, 7.00 mm apart at right angles" in told
    assert "tilted by 18.5 degrees" in told
    # the slices as they are, at the places that their files state
    alike = []
    for path in sorted((real_data / "dicom-edge" / "ge-tilt-uneven").iterdir())[::4]:
        d = pydicom.dcmread(path)
        pixels = d.pixel_array.astype(float)
        corner = np.array(d.ImagePositionPatient, dtype=float)
        across, down = np.array(d.ImageOrientationPatient, dtype=float).reshape(2, 3)
        j, i = np.meshgrid(np.arange(120, 400, 9), np.arange(120, 400, 9), indexing="ij")
        places = corner + i[..., None] * d.PixelSpacing[1] * across + j[..., None] * d.PixelSpacing[0] * down
        index = volume.grid.to_index(places)
        there = map_coordinates(
            np.asarray(volume.values, dtype=float), index[..., ::-1].reshape(-1, 3).T, order=1, mode="nearest"
        ).reshape(j.shape)
        alike.append(np.corrcoef(there.ravel(), pixels[j, i].ravel())[0, 1])
    assert min(alike) > 0.98


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "size", "spacing"), [
    ("philips-helical", (512, 512, 28), (0.4512, 0.4512, 5.0)),
    ("jpeg2000-empty-uids", (512, 512, 20), (0.9766, 0.9766, 2.0)),
    ("enhanced-mr/Philips", (64, 64, 32), (4.0, 4.0, 4.0)),
    ("incomplete-4d-cine", (288, 288, 3), (1.2308, 1.2308, 10.0)),
])  # fmt: skip
def test_the_edge_corpus_has_its_known_geometry(real_data, name, size, spacing):
    volume = run(real_data / "dicom-edge" / name)[0]
    assert volume.grid.size == size
    assert volume.grid.spacing_mm == pytest.approx(spacing, abs=1e-3)


@pytest.mark.real_data
def test_secondary_captures_are_said_to_be_no_volume(real_data):
    with pytest.raises(BadInput, match="There is no volume here") as caught:
        run(real_data / "dicom-edge" / "secondary-captures")
    one_sentence(caught.value)


@pytest.mark.real_data
def test_an_incomplete_cine_names_slice_and_phases(real_data):
    (cine,) = run(real_data / "dicom-edge" / "incomplete-4d-cine")
    assert cine.values.shape[:2] == (30, 3)
    assert cine.times_s[1] == pytest.approx(0.033)
    assert 0.9 < cine.period_s < 1.1
    assert any("slice 4 of 4 has only 10 of 30 phases (phases 11 to 30 are missing)" in note for note in cine.notes)


@pytest.mark.real_data
def test_siemens_frames_over_time_are_phases(real_data):
    (moving,) = run(real_data / "dicom-edge" / "enhanced-mr" / "Siemens")
    assert moving.kind == "dynamic"
    assert len(moving.times_s) == 4


@pytest.mark.real_data
def test_the_liver_of_a_real_abdomen_is_on_its_right(real_data):
    import numpy as np

    (volume,) = run(real_data / "ct-abdomen")
    assert volume.grid.size == (512, 512, 119)
    assert volume.modality == "CT"
    values = volume.grid.to_canonical(np.asarray(volume.values))
    head, feet = values[-10:], values[:10]
    inside = slice(100, 400)
    assert (head[:, inside, inside] < -700).mean() > (feet[:, inside, inside] < -700).mean() + 0.1  # lungs are up
    middle = values[55:65, inside]
    liver = (middle > 80) & (middle < 180)
    assert liver[..., :256].sum() > 1.5 * liver[..., 256:].sum()


@pytest.mark.real_data
def test_cine_files_whose_sform_forgot_the_sizes_keep_them(real_data):
    (volume,) = OPERATION({}, {"sources": [str(real_data / "cine-mr" / "patient001" / "patient001_frame01.nii.gz")]})
    assert volume.grid.spacing_mm == pytest.approx((1.5625, 1.5625, 10))
    assert any("two voxel sizes" in note for note in volume.notes)


def test_the_recipe_keeps_numbers_and_uids_of_series_but_no_file_names():
    given = ImportParameters(sources=("a",), series=(2, "1.2.840.1", "Doe_John.nii.gz"))
    assert given.model_dump(mode="json")["series"] == ["2", "1.2.840.1"]
    assert ImportParameters(sources=("a",), series=("Doe_John.nii.gz",)).model_dump(mode="json")["series"] is None
