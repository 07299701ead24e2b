"""The heart engine: chambers of the sample study against its truth, and of a real angiogram."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.io.dicom_seg import read_seg
from organtwin.io.images import read
from organtwin.model import Segmentation, Volume
from organtwin.operations.registry import find
from organtwin.space import Grid

SAMPLE = Path(__file__).parents[2] / "sample_dicom"
CHAMBERS = ["left_ventricle", "right_ventricle", "left_atrium", "right_atrium"]


def chambers(volume: Volume) -> Segmentation:
    (result,) = find("segment")({"volume": volume}, {"engine": "ct-heart"})
    assert isinstance(result, Segmentation)
    return result


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + np.count_nonzero(b), 1))


@pytest.mark.slow
def test_the_chambers_of_the_sample_agree_with_its_truth() -> None:
    objects = find("import")({}, {"sources": [str(SAMPLE / "series")]})
    result = chambers(next(thing for thing in objects if isinstance(thing, Volume)))
    truth = read_seg(SAMPLE / "truth.dcm", result.grid)
    # the truth counts the stumps of the pulmonary veins to the left atrium
    for key, least in zip(CHAMBERS, (0.95, 0.93, 0.84, 0.93), strict=True):
        assert dice(result.mask(key), truth.mask(key)) > least, key


@pytest.mark.real_data
class TestThoracicAngiogram:
    @pytest.fixture(scope="class")
    def volume(self, real_data: Path) -> Volume:
        (volume,) = read(real_data / "cta-thorax" / "ct.nii.gz")
        return volume

    @pytest.fixture(scope="class")
    def found(self, volume: Volume) -> Segmentation:
        return chambers(volume)

    def test_chambers_and_wall_lie_in_the_heart_that_a_network_found(
        self, found: Segmentation, real_data: Path
    ) -> None:
        (labels,) = read(real_data / "cta-thorax" / "labels.nii.gz")
        heart = labels.grid.to_canonical(np.asarray(labels.values)) == 1
        mine = np.zeros(heart.shape, bool)
        for key in [*CHAMBERS, "myocardium"]:
            mine |= found.grid.to_canonical(found.mask(key))
        assert dice(mine, heart) > 0.88

    def test_each_chamber_has_its_place(self, found: Segmentation) -> None:
        middle = {}
        for key in [*CHAMBERS, "aortic_root"]:
            k, j, i = np.nonzero(found.mask(key))
            middle[key] = found.grid.to_world(np.stack([i, j, k], axis=1)).mean(axis=0)
        right_to_left = sorted(CHAMBERS, key=lambda key: middle[key][0])
        front_to_back = sorted(CHAMBERS, key=lambda key: middle[key][1])
        assert right_to_left[0] == "right_atrium"
        assert right_to_left[-1] == "left_ventricle"
        assert front_to_back[0] == "right_ventricle"
        assert front_to_back[-1] == "left_atrium"
        assert middle["aortic_root"][2] > middle["left_ventricle"][2]

    def test_a_scan_without_the_root_says_why_it_has_no_chambers(self, volume: Volume) -> None:
        low = volume.grid.to_canonical(volume.values)[:60]
        cut = Volume(name="cut", grid=Grid.make(low.shape[::-1], volume.grid.spacing_mm), values=low, modality="CT")
        result = chambers(cut)
        assert result.segments == ()
        assert "root" in result.notes[0]
