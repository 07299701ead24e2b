"""The aorta of the sample study, measured: its stenosis within 3 points, its diameters within half a voxel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from organtwin.io.dicom_seg import read_seg
from organtwin.model import Volume
from organtwin.operations.registry import find

SAMPLE = Path(__file__).parents[2] / "sample_dicom"
HALF_A_VOXEL_MM = 0.7
AT_THE_END = ("annulus",)  # the plane of the valve ends the vessel: no section across its line is whole there


@pytest.fixture(scope="module")
def volume() -> Volume:
    objects = find("import")({}, {"sources": [str(SAMPLE / "series")]})
    (made,) = [thing for thing in objects if isinstance(thing, Volume)]
    return made


@pytest.fixture(scope="module")
def truth():
    return json.loads((SAMPLE / "truth.json").read_text())


def check(line, truth):
    worst = max((f for f in line.findings if f.what == "stenosis"), key=lambda f: f.percent_diameter)
    known = truth["stenosis"]
    assert worst.percent_diameter == pytest.approx(known["severity_percent_diameter"], abs=3)
    assert worst.percent_area == pytest.approx(known["severity_percent_area"], abs=3)
    assert worst.diameter_mm == pytest.approx(known["throat_diameter_mm"], abs=HALF_A_VOXEL_MM)
    assert worst.reference_mm == pytest.approx(known["reference_diameter_mm"], abs=HALF_A_VOXEL_MM)
    assert np.linalg.norm(np.asarray(worst.point_mm) - known["centre_mm"]) < 2.0
    assert worst.confidence > 0.8
    assert len(line.findings) == 1
    for station in truth["aorta"]["stations"]:
        if station["name"] not in AT_THE_END:
            at = int(np.linalg.norm(np.asarray(line.points_mm) - station["centre_mm"], axis=1).argmin())
            assert line.diameter_mm[at] == pytest.approx(station["diameter_mm"], abs=HALF_A_VOXEL_MM), station["name"]


@pytest.mark.slow
@pytest.mark.parametrize("with_scan", [False, True])
def test_from_the_true_mask(volume, truth, with_scan):
    stored = read_seg(SAMPLE / "truth.dcm", volume.grid)
    inputs = {"segmentation": stored} | ({"volume": volume} if with_scan else {})
    (line,) = find("vessel")(inputs, {"structure": "aorta"})
    check(line, truth)


@pytest.mark.slow
def test_from_the_automatic_segmentation_and_the_scan(volume, truth):
    (made,) = find("segment")({"volume": volume}, {"structures": ["aorta"]})
    (line,) = find("vessel")({"segmentation": made, "volume": volume}, {"structure": "aorta"})
    check(line, truth)


@pytest.mark.slow
def test_the_arteries_of_the_arch_are_found_named_and_measured(volume, truth):
    stored = read_seg(SAMPLE / "truth.dcm", volume.grid)
    arch = {
        "brachiocephalic_trunk": "brachiocephalic",
        "carotid_left": "carotid_left",
        "subclavian_left": "subclavian_left",
    }
    (line,) = find("vessel")({"segmentation": stored, "volume": volume}, {"structure": "aorta", "also": list(arch)})
    for key, name in arch.items():
        branch = line.branches[line.named(name)]
        assert 2 * branch.radius_mm == pytest.approx(truth["vessel_diameters_mm"][key], abs=HALF_A_VOXEL_MM)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["brachiocephalic_trunk", "carotid_left", "subclavian_left"])
def test_two_clicks_give_an_artery_of_the_arch(volume, key):
    stored = read_seg(SAMPLE / "truth.dcm", volume.grid)
    wanted = stored.mask(key)
    voxels = np.argwhere(wanted)
    low, high = voxels[:, 0].min(), voxels[:, 0].max() - 3
    clicks = [tuple(volume.grid.to_world(voxels[voxels[:, 0] == k].mean(axis=0)[::-1])) for k in (low, high)]
    (made,) = find("segment")({"volume": volume}, {"engine": "vessel", "options": {"points_mm": clicks}})
    own, true = (np.asarray(made.labels) > 0)[low + 2 : high - 1], wanted[low + 2 : high - 1]
    assert 2 * np.count_nonzero(own & true) / (np.count_nonzero(own) + np.count_nonzero(true)) > 0.95
