"""True and false lumen of a synthetic aorta, and how a whole that is painted in parts is told."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.model import Volume
from organtwin.operations.segment import painted
from organtwin.segment.ct.aorta import Aorta
from organtwin.segment.ct.lumina import Lumina, find_lumina
from organtwin.segment.ct.tube import RAYS, Tube
from organtwin.segment.engine import Found
from organtwin.space import Grid

SPACING = np.array([1.5, 1.5, 1.5])
RADIUS_MM, MIDDLE_MM, LENGTH = 14.0, 30.0, 60


def straight_aorta(level_hu: float) -> Aorta:
    line = np.column_stack([np.arange(0, LENGTH * 1.5, 1.5), np.full(LENGTH, MIDDLE_MM), np.full(LENGTH, MIDDLE_MM)])
    along, across = np.tile([1.0, 0, 0], (LENGTH, 1)), np.tile([0, 1.0, 0], (LENGTH, 1))
    tube = Tube(line, along, across, np.full((LENGTH, RAYS), RADIUS_MM), np.ones(LENGTH))
    place = (np.indices((LENGTH, 40, 40)) + 0.5).transpose(1, 2, 3, 0) * SPACING - MIDDLE_MM
    mask = np.hypot(place[..., 1], place[..., 2]) < RADIUS_MM
    return Aorta(tube, None, mask, level_hu, 15.0, True, None, 0.9, ())


def scan(aorta: Aorta, true_hu: float, false_hu: float) -> tuple[np.ndarray, np.ndarray]:
    """HU with a flat flap, and the mask of the true lumen in front of it."""
    front = aorta.mask.copy()
    front[:, 24:] = False
    values = np.where(front, true_hu, np.where(aorta.mask, false_hu, 0.0))
    return (values + np.random.default_rng(0).normal(0, 15, values.shape)).astype(np.int16), front


@pytest.mark.parametrize("false_hu", [40.0, 250.0])
def test_the_brighter_part_behind_a_flap_is_the_true_lumen(false_hu: float) -> None:
    aorta = straight_aorta(400)
    values, front = scan(aorta, 400, false_hu)
    lumina = find_lumina(values, SPACING, aorta)
    assert isinstance(lumina, Lumina)
    assert 2 * (lumina.true & front).sum() / (lumina.true.sum() + front.sum()) > 0.95
    assert ((lumina.true | lumina.false) == aorta.mask).all()
    assert not (lumina.true & lumina.false).any()


def test_an_evenly_filled_aorta_is_not_dissected() -> None:
    aorta = straight_aorta(400)
    values, _ = scan(aorta, 400, 400)
    said = find_lumina(values, SPACING, aorta)
    assert isinstance(said, str)
    assert "no second lumen" in said


def test_without_contrast_no_flap_is_looked_for() -> None:
    aorta = straight_aorta(60)
    values, _ = scan(aorta, 60, 20)
    assert isinstance(find_lumina(values, SPACING, aorta), str)


def test_a_whole_that_is_painted_in_its_parts_says_so() -> None:
    volume = Volume(name="v", grid=Grid.make((8, 8, 8), (1, 1, 1)), values=np.zeros((8, 8, 8), np.int16), modality="CT")
    whole = np.zeros((8, 8, 8), bool)
    whole[2:6, 2:6, 2:6] = True
    front = whole.copy()
    front[:, 4:] = False
    found = [Found("aorta", whole, 0.9), Found("aorta_true_lumen", front), Found("aorta_false_lumen", whole & ~front)]
    result = painted(volume, found, "s")
    assert {s.key for s in result.segments} == {"aorta_true_lumen", "aorta_false_lumen"}
    assert "painted in its parts" in result.notes[0]
    assert "not found" not in result.notes[0]
