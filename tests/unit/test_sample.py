"""The sample study says what its truth says."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pydicom
import pytest
from scipy.ndimage import binary_erosion, map_coordinates
from scipy.ndimage import label as components

from organtwin.io.dicom_seg import read_seg
from organtwin.model import Segmentation
from organtwin.space import Grid

FOLDER = Path(__file__).parents[2] / "sample_dicom"


@pytest.fixture(scope="module")
def slices() -> list[pydicom.Dataset]:
    files = [p for p in (FOLDER / "series").rglob("*") if p.is_file()]
    return sorted((pydicom.dcmread(p) for p in files), key=lambda d: d.ImagePositionPatient[2])


@pytest.fixture(scope="module")
def grid(slices: list[pydicom.Dataset]) -> Grid:
    first, second = slices[:2]
    step = second.ImagePositionPatient[2] - first.ImagePositionPatient[2]
    return Grid.make(
        (first.Columns, first.Rows, len(slices)),
        (first.PixelSpacing[1], first.PixelSpacing[0], step),
        first.ImagePositionPatient,
        frame_uid=first.FrameOfReferenceUID,
    )


@pytest.fixture(scope="module")
def hu(slices: list[pydicom.Dataset]) -> np.ndarray:
    return np.stack([d.pixel_array.astype(np.int32) + int(d.RescaleIntercept) for d in slices])


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((FOLDER / "truth.json").read_text())


@pytest.fixture(scope="module")
def segments(grid: Grid) -> Segmentation:
    return read_seg(FOLDER / "truth.dcm", grid)


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    import importlib

    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("generate")


def organ(segments: Segmentation, truth: dict[str, Any], key: str) -> np.ndarray:
    parts = truth["composites"].get(key, [key])
    return np.logical_or.reduce([segments.mask(part) for part in parts])


def middle(grid: Grid, mask: np.ndarray) -> np.ndarray:
    return grid.to_world(np.argwhere(mask)[:, ::-1].mean(0))


def test_the_sample_is_small_enough_to_carry() -> None:
    total = sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    assert total < 16e6
    assert sum(p.stat().st_size for p in (FOLDER / "series").rglob("*") if p.is_file()) < 15e6


def test_the_series_is_one_even_axial_stack_under_names_that_say_nothing(slices: list[pydicom.Dataset]) -> None:
    z = np.array([float(d.ImagePositionPatient[2]) for d in slices])
    assert np.allclose(np.diff(z), 2.0, atol=1e-6)
    assert len({d.SeriesInstanceUID for d in slices}) == 1
    assert len({d.SOPInstanceUID for d in slices}) == len(slices)
    assert all(d.file_meta.TransferSyntaxUID.is_compressed for d in slices)
    by_name = sorted(slices, key=lambda d: Path(str(d.filename)).as_posix())
    assert [d.InstanceNumber for d in by_name] not in (
        list(range(1, len(slices) + 1)),
        list(range(len(slices), 0, -1)),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PatientName", "SAMPLE^ORGANTWIN"),
        ("PatientPosition", "HFS"),
        ("Modality", "CT"),
        ("ImageOrientationPatient", [1, 0, 0, 0, 1, 0]),
        ("WindowCenter", 40),
        ("WindowWidth", 400),
        ("RescaleIntercept", -1024),
        ("KVP", 100),
        ("ConvolutionKernel", "Br36"),
    ],
)
def test_every_slice_says(slices: list[pydicom.Dataset], name: str, value: object) -> None:
    assert {str(d[name].value) for d in slices} == {str(slices[0][name].value)}
    assert slices[0][name].value == value


def test_contrast_study_and_series_are_described(slices: list[pydicom.Dataset]) -> None:
    for name in (
        "ContrastBolusAgent",
        "StudyDescription",
        "SeriesDescription",
        "FrameOfReferenceUID",
        "StudyInstanceUID",
        "Manufacturer",
    ):
        assert slices[0].get(name), name


def test_left_is_left_and_front_is_front(grid: Grid, segments: Segmentation, truth: dict[str, Any]) -> None:
    def at(key: str) -> np.ndarray:
        return middle(grid, organ(segments, truth, key))

    spine = truth["landmarks_mm"]["vertebra_T8"]
    assert at("liver")[0] < -30
    assert at("spleen")[0] > 60
    assert at("kidney_left")[0] > 30 > -30 > at("kidney_right")[0]
    assert at("kidney_left")[2] > at("kidney_right")[2]
    assert at("heart")[0] > 5
    assert at("heart")[1] < spine[1] - 40
    assert at("superior_vena_cava")[0] < at("aorta")[0]
    assert at("inferior_vena_cava")[0] < at("aorta")[0]
    assert at("right_ventricle")[1] < at("left_ventricle")[1] < at("left_atrium")[1]
    assert at("right_atrium")[0] < at("left_atrium")[0]
    assert at("lung_left")[0] > 0 > at("lung_right")[0]
    assert truth["landmarks_mm"]["left_ventricle_apex"][0] > 50


@pytest.mark.parametrize(
    ("key", "low", "high", "noise"),
    [
        ("aorta", 314, 330, 16),
        ("left_ventricle", 300, 324, 40),  # with its papillary muscles
        ("right_ventricle", 234, 250, 18),
        ("pulmonary_artery", 238, 254, 18),
        ("myocardium", 104, 122, 20),
        ("liver", 100, 114, 18),
        ("spleen", 118, 134, 18),
        ("tumour", 50, 66, 18),
        ("inferior_vena_cava", 134, 150, 18),
        ("lung_right", -870, -780, 140),
        ("lung_left", -870, -780, 140),
    ],
)
def test_an_organ_has_its_hounsfield_units(
    hu: np.ndarray, segments: Segmentation, key: str, low: float, high: float, noise: float
) -> None:
    inside = hu[binary_erosion(segments.mask(key), iterations=2)]
    assert len(inside) > 200
    assert low < inside.mean() < high
    assert 3 < inside.std() < noise


def test_noise_is_correlated_as_scanners_make_it(hu: np.ndarray, segments: Segmentation) -> None:
    core = binary_erosion(organ_of(segments, "liver"), iterations=5)
    k, j, i = np.nonzero(core)
    centre = hu[k, j, i] - hu[k, j, i].mean()
    neighbour = hu[k, j, i + 1] - hu[k, j, i].mean()
    far = hu[k, j, i + 4] - hu[k, j, i].mean()
    assert 0.3 < (centre * neighbour).mean() / centre.var() < 0.9
    assert abs((centre * far).mean() / centre.var()) < 0.25


def organ_of(segments: Segmentation, key: str) -> np.ndarray:
    return segments.mask(key)


def section_diameter(grid: Grid, mask: np.ndarray, station: dict[str, Any]) -> float:
    """Diameter of the circle with the area of the cut across the axis."""
    along = np.array(station["direction"])
    u = np.cross(along, (0.3, 0.5, 0.8))
    u /= np.linalg.norm(u)
    v = np.cross(along, u)
    t = np.arange(-25, 25.01, 0.25)
    a, b = np.meshgrid(t, t, indexing="ij")
    places = np.array(station["centre_mm"]) + a[..., None] * u + b[..., None] * v
    ijk = np.moveaxis(grid.to_index(places), -1, 0)[::-1]
    cut = map_coordinates(mask.astype(np.float32), ijk, order=1) > 0.5
    found, _ = components(cut)
    middle_label = found[len(t) // 2, len(t) // 2]
    assert middle_label > 0
    return float(2 * np.sqrt((found == middle_label).sum() * 0.25**2 / np.pi))


def test_the_aorta_is_as_wide_as_the_truth_says(grid: Grid, segments: Segmentation, truth: dict[str, Any]) -> None:
    aorta = segments.mask("aorta")
    stations = {s["name"]: s for s in truth["aorta"]["stations"]}
    # the arch and the renal level carry branches, the annulus borders on the ventricle
    for name in (
        "sinus",
        "sinotubular_junction",
        "ascending",
        "descending_upper",
        "above_stenosis",
        "stenosis_throat",
        "below_stenosis",
        "diaphragm",
    ):
        assert section_diameter(grid, aorta, stations[name]) == pytest.approx(stations[name]["diameter_mm"], abs=0.5), (
            name
        )


def test_the_descending_aorta_is_narrowed_by_half(grid: Grid, segments: Segmentation, truth: dict[str, Any]) -> None:
    stations = {s["name"]: s for s in truth["aorta"]["stations"]}
    aorta = segments.mask("aorta")
    throat, above, below = (
        section_diameter(grid, aorta, stations[n]) for n in ("stenosis_throat", "above_stenosis", "below_stenosis")
    )
    measured = 100 * (1 - 2 * throat / (above + below))
    assert measured == pytest.approx(truth["stenosis"]["severity_percent_diameter"], abs=3)
    assert truth["stenosis"]["severity_percent_diameter"] == pytest.approx(50, abs=2)
    x, y, z = truth["stenosis"]["centre_mm"]
    assert x > 15
    assert y > 25
    assert -30 < z < 60


def test_tumours_are_where_and_as_large_as_the_truth_says(
    grid: Grid, segments: Segmentation, truth: dict[str, Any]
) -> None:
    found, count = components(segments.mask("tumour"))
    assert count == len(truth["tumours"]) == 2
    for tumour in truth["tumours"]:
        i, j, k = np.rint(grid.to_index(tumour["centre_mm"])).astype(int)
        mask = found == found[k, j, i]
        assert np.linalg.norm(middle(grid, mask) - tumour["centre_mm"]) < 0.7
        assert mask.sum() * grid.voxel_volume_mm3 / 1000 == pytest.approx(tumour["volume_ml"], rel=0.02)


def test_volumes_of_the_labels_agree_with_the_shapes(grid: Grid, segments: Segmentation, truth: dict[str, Any]) -> None:
    for key, volume_ml in truth["volumes_ml"].items():
        counted = organ(segments, truth, key).sum() * grid.voxel_volume_mm3 / 1000
        assert counted == pytest.approx(volume_ml, rel=0.05 if volume_ml < 20 else 0.01), key


def test_organs_are_of_human_size(truth: dict[str, Any]) -> None:
    ml = truth["volumes_ml"]
    for key, low, high in (
        ("liver", 1200, 1900), ("spleen", 100, 300), ("kidney_left", 120, 220), ("kidney_right", 120, 220), ("left_ventricle", 80, 160),
        ("right_ventricle", 80, 180), ("myocardium", 110, 220), ("left_atrium", 50, 110), ("lungs", 2800, 6000), ("aorta", 150, 300),
    ):  # fmt: skip
        assert low < ml[key] < high, key


def test_a_slab_comes_out_again_as_it_was_committed(
    generate: ModuleType, hu: np.ndarray, segments: Segmentation
) -> None:
    part = range(96, 98)
    values, labels = generate.scan_and_labels(part)
    # the last bit of a sine differs between processors; a rounding may fall the other way
    assert np.abs(values.astype(int) - hu[96:98]).max() <= 1
    assert (values != hu[96:98]).mean() < 1e-3
    assert (labels != segments.labels[96:98]).mean() < 1e-4
    again, _ = generate.scan_and_labels(part)
    assert np.array_equal(values, again)
