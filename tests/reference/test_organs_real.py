"""The CT engine on real scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.io.images import read
from organtwin.model import Segmentation, Volume
from organtwin.operations.registry import find
from organtwin.space import Grid

LIVER, SPLEEN = 5, 1  # numbers in the label file


def imported(path: Path) -> Volume:
    volumes = [thing for thing in find("import")({}, {"sources": [str(path)]}) if isinstance(thing, Volume)]
    return volumes[0]


def segmented(volume: Volume, keys: list[str]) -> Segmentation:
    (result,) = find("segment")({"volume": volume}, {"structures": keys})
    assert isinstance(result, Segmentation)
    return result


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + np.count_nonzero(b), 1))


@pytest.mark.real_data
def test_liver_and_spleen_of_a_slab_agree_with_a_network(real_data: Path) -> None:
    volume = imported(real_data / "dicom-edge" / "jpeg2000-empty-uids")
    labels = read(real_data / "dicom-edge" / "jpeg2000-empty-uids.labels.nii.gz")[0]
    result = segmented(volume, ["liver", "spleen", "kidney_right", "kidney_left"])
    theirs = labels.grid.to_canonical(np.asarray(labels.values))
    for key, number, least in (("liver", LIVER, 0.94), ("spleen", SPLEEN, 0.92)):
        assert dice(volume.grid.to_canonical(result.mask(key)), theirs == number) > least, key
    assert {s.key for s in result.segments} == {"liver", "spleen"}  # no kidney reaches into the slab
    assert "the scan cuts it" in result.segment("liver").doubt


@pytest.mark.real_data
@pytest.mark.slow
def test_organs_of_an_abdomen_have_sane_volumes_and_sides(real_data: Path) -> None:
    volume = imported(real_data / "ct-abdomen")
    result = segmented(volume, ["liver", "spleen", "kidney_right", "kidney_left"])
    millilitres = {s.key: s.volume_mm3 / 1000 for s in result.segments}
    assert 1600 < millilitres["liver"] < 2050
    assert 120 < millilitres["spleen"] < 220
    for key in ("kidney_right", "kidney_left"):
        assert 150 < millilitres[key] < 280
    assert middle(result, "kidney_right") < middle(result, "kidney_left")
    assert middle(result, "liver") < middle(result, "spleen")


@pytest.mark.real_data
def test_an_angiogram_of_the_chest_gets_no_left_kidney(real_data: Path) -> None:
    (volume,) = read(real_data / "cta-thorax" / "ct.nii.gz")
    result = segmented(volume, ["liver", "kidney_left"])
    assert [s.key for s in result.segments] == ["liver"]
    assert result.notes[0].startswith("Left kidney was not found")
    liver = volume.grid.to_canonical(result.mask("liver"))
    assert not liver[len(liver) // 2 :].any()  # the upper half is chest
    assert "the scan cuts it" in result.segment("liver").doubt


@pytest.mark.real_data
def test_a_brain_is_no_liver(real_data: Path) -> None:
    volume = imported(real_data / "dicom-edge" / "ge-tilt-uneven")
    result = segmented(volume, ["liver", "spleen", "kidney_right", "kidney_left"])
    assert result.segments == ()
    assert len(result.notes) == 4


def middle(result: Segmentation, key: str) -> float:
    """Middle of a structure towards the patient's left, in mm."""
    grid: Grid = result.grid
    k, j, i = np.nonzero(result.mask(key))
    return float(grid.to_world(np.stack([i, j, k], axis=1))[:, 0].mean())
