"""The CT engine on the sample study, against its truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.io.dicom_seg import read_seg
from organtwin.model import Segmentation, Volume
from organtwin.operations.registry import find

SAMPLE = Path(__file__).parents[2] / "sample_dicom"
ORGANS = ["liver", "spleen", "kidney_right", "kidney_left", "bone", "lung_right", "lung_left"]


@pytest.fixture(scope="module")
def segmented() -> Segmentation:
    objects = find("import")({}, {"sources": [str(SAMPLE / "series")]})
    (volume,) = [thing for thing in objects if isinstance(thing, Volume)]
    (result,) = find("segment")({"volume": volume}, {"structures": ORGANS})
    assert isinstance(result, Segmentation)
    return result


@pytest.fixture(scope="module")
def truth(segmented: Segmentation) -> dict[str, NDArray[np.bool_]]:
    stored = read_seg(SAMPLE / "truth.dcm", segmented.grid)
    composites = json.loads((SAMPLE / "truth.json").read_text())["composites"]
    masks = {}
    for key in ORGANS:
        mask = np.zeros(segmented.grid.shape, bool)
        for part in composites.get(key, [key]):
            mask |= stored.mask(part)
        masks[key] = mask
    return masks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("liver", 0.95),
        ("spleen", 0.90),
        ("kidney_right", 0.90),
        ("kidney_left", 0.90),
        ("bone", 0.88),
        ("lung_right", 0.95),
        ("lung_left", 0.95),
    ],
)
def test_dice_on_the_sample(
    segmented: Segmentation, truth: dict[str, NDArray[np.bool_]], key: str, least: float
) -> None:
    found = segmented.mask(key)
    overlap = 2 * np.count_nonzero(found & truth[key]) / (np.count_nonzero(found) + np.count_nonzero(truth[key]))
    assert overlap >= least


@pytest.mark.slow
def test_sure_organs_of_the_sample_say_so(segmented: Segmentation) -> None:
    for key in ORGANS:
        confidence = segmented.segment(key).confidence
        assert confidence is not None
        assert confidence > 0.7, key
