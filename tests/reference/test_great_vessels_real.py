"""The great vessels in real scans and in the sample study."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.model import Volume
from organtwin.monitor import NullMonitor
from organtwin.segment.ct.context import CTContext
from organtwin.segment.ct.great_vessels import great_vessels
from organtwin.segment.engine import Found
from organtwin.space import Grid

Mask = NDArray[np.bool_]


def _dice(found: Found, truth: Mask) -> float:
    assert found.mask is not None, found.doubt
    return float(2 * (found.mask & truth).sum() / (found.mask.sum() + truth.sum()))


def _nifti(path: Path) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    import SimpleITK as sitk

    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    return sitk.GetArrayFromImage(image), np.array(image.GetSpacing())


def _dicom(folder: Path) -> Volume:
    """An axial series by its slice positions; independent of the package's own reader."""
    import pydicom

    files = [pydicom.dcmread(path) for path in folder.iterdir()]
    files.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    step = float(files[1].ImagePositionPatient[2]) - float(files[0].ImagePositionPatient[2])
    values = np.stack(
        [d.pixel_array * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0)) for d in files]
    )
    pixel = [float(v) for v in files[0].PixelSpacing]
    grid = Grid.make(values.shape[::-1], (pixel[1], pixel[0], step))
    return Volume(name=folder.name, grid=grid, values=values.astype(np.int16), modality="CT")


def _pieces(mask: Mask) -> int:
    return int(ndimage.label(mask)[1])


Scan = tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.uint8]]


@pytest.fixture(scope="module")
def scan(real_data: Path) -> Scan:
    values, spacing = _nifti(real_data / "cta-thorax" / "ct.nii.gz")
    labels, _ = _nifti(real_data / "cta-thorax" / "labels.nii.gz")
    return values, spacing, labels.astype(np.uint8)


@pytest.fixture(scope="module")
def found(scan: Scan) -> dict[str, Found]:
    values, spacing, _ = scan
    volume = Volume(name="cta", grid=Grid.make(values.shape[::-1], spacing), values=values, modality="CT")
    return great_vessels(CTContext(volume), NullMonitor())


@pytest.mark.real_data
class TestThoracicDissection:
    def test_the_aorta_holds_true_and_false_lumen_from_root_to_the_last_slice(self, found, scan) -> None:
        assert _dice(found["aorta"], np.isin(scan[2], (3, 4))) > 0.93
        assert _pieces(found["aorta"].mask) == 1
        assert found["aorta"].mask[0].any()

    def test_the_true_lumen_is_told_from_the_false_one(self, found, scan) -> None:
        assert _dice(found["aorta_true_lumen"], scan[2] == 3) > 0.92
        assert _dice(found["aorta_false_lumen"], scan[2] == 4) > 0.88
        both = found["aorta_true_lumen"].mask | found["aorta_false_lumen"].mask
        assert (both == found["aorta"].mask).all()

    def test_the_heart_has_both_sides_and_its_muscle(self, found, scan) -> None:
        assert _dice(found["heart"], scan[2] == 1) > 0.82

    def test_the_pulmonary_artery_is_told_from_the_heart(self, found, scan) -> None:
        assert _dice(found["pulmonary_artery"], scan[2] == 2) > 0.7

    def test_the_unenhanced_inferior_cava_is_not_painted(self, found) -> None:
        assert found["inferior_vena_cava"].mask is None
        assert found["inferior_vena_cava"].doubt

    def test_branches_that_cannot_be_counted_are_not_painted(self, found) -> None:
        assert found["carotid_left"].mask is None
        assert "three" in found["carotid_left"].doubt

    def test_the_structures_do_not_overlap(self, found) -> None:
        nested = ("blood_pool", "aorta_true_lumen", "aorta_false_lumen")
        masks = [f.mask for key, f in found.items() if key not in nested and f.mask is not None]
        assert np.sum(masks, axis=0, dtype=int).max() == 1

    def test_below_a_cut_arch_both_parts_of_the_aorta_are_found(self, scan) -> None:
        values, spacing, labels = (scan[0][:105], scan[1], scan[2][:105])
        volume = Volume(name="cut", grid=Grid.make(values.shape[::-1], spacing), values=values, modality="CT")
        found = great_vessels(CTContext(volume), NullMonitor())
        assert _dice(found["aorta"], np.isin(labels, (3, 4))) > 0.9
        assert "arch" in found["aorta"].doubt


@pytest.mark.real_data
def test_the_aorta_of_a_portal_phase_abdomen_runs_through_the_whole_scan(real_data: Path) -> None:
    volume = _dicom(real_data / "ct-abdomen")
    found = great_vessels(CTContext(volume), NullMonitor())
    aorta = found["aorta"].mask
    assert aorta is not None
    assert aorta.any(axis=(1, 2)).all()
    assert _pieces(aorta) == 1
    ml = aorta.sum() * np.prod(volume.grid.spacing_mm) / 1000
    assert 75 < ml < 105
    inside = volume.values[ndimage.binary_erosion(aorta, iterations=2)]
    assert np.percentile(inside, 3) > 80, "no fat, no muscle"
    assert found["aorta_true_lumen"].mask is None, "it is not dissected"
    assert "cut off above" in found["heart"].doubt
    assert found["pulmonary_artery"].mask is None


@pytest.mark.real_data
def test_the_aorta_of_a_thick_slab_agrees_with_the_network(real_data: Path) -> None:
    volume = _dicom(real_data / "dicom-edge" / "jpeg2000-empty-uids")
    labels, _ = _nifti(real_data / "dicom-edge" / "jpeg2000-empty-uids.labels.nii.gz")
    found = great_vessels(CTContext(volume), NullMonitor())
    assert _dice(found["aorta"], labels == 52) > 0.9
    assert found["heart"].mask is None


@pytest.mark.slow
def test_the_sample_study_is_segmented_as_its_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "sample_dicom"))
    sys.modules.pop("generate", None)
    import generate
    from phantom import scene

    values, labels = generate.scan_and_labels()
    spacing = (generate.PIXEL_MM, generate.PIXEL_MM, generate.STEP_MM)
    volume = Volume(name="sample", grid=Grid.make(values.shape[::-1], spacing), values=values, modality="CT")
    found = great_vessels(CTContext(volume), NullMonitor())
    least = {
        "aorta": 0.95, "heart": 0.90, "pulmonary_artery": 0.85, "inferior_vena_cava": 0.88, "superior_vena_cava": 0.55,
        "brachiocephalic_trunk": 0.85, "carotid_left": 0.80, "subclavian_left": 0.75,
    }  # fmt: skip
    for key, dice in least.items():
        assert _dice(found[key], scene.mask(labels, key)) > dice, key
