"""The engine registry and the segment operation, with a small synthetic trunk."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Segmentation, Volume
from organtwin.operations.segment import OPERATION, painted
from organtwin.segment.ct.context import CTContext
from organtwin.segment.ct.resample import resample
from organtwin.segment.ct.shape import dilate, erode, opened
from organtwin.segment.engine import Found, find, names
from organtwin.space import Grid

SPACING_MM = 3.0


def trunk(noise_hu: float = 8.0) -> tuple[Volume, dict[str, NDArray[np.bool_]]]:
    """A stylised upper abdomen in canonical order, 3 mm voxels, and the truth of its organs."""
    shape = (60, 84, 112)
    k, j, i = np.meshgrid(*(np.arange(n) * SPACING_MM for n in shape), indexing="ij")
    middle, back = 168.0, 178.0

    def ball(at_i: float, at_j: float, at_k: float, ri: float, rj: float, rk: float) -> NDArray[np.bool_]:
        return ((i - at_i) / ri) ** 2 + ((j - at_j) / rj) ** 2 + ((k - at_k) / rk) ** 2 < 1

    def tube(at_i: float, at_j: float, r: float) -> NDArray[np.bool_]:
        return np.hypot(i - at_i, j - at_j) < r

    def ring(grow: float) -> NDArray[np.bool_]:
        return ((i - middle) / (140 + grow)) ** 2 + ((j - 126) / (95 + grow)) ** 2 < 1

    hu = np.full(shape, -1000.0)
    hu[ring(15)] = -95
    hu[ring(4)] = 55  # abdominal wall
    hu[ring(-5)] = -100
    angle = np.arctan2(j - 126, i - middle)
    ribs = ring(2) & ~ring(-4) & (np.sin(14 * angle + k / 12) > 0.3) & (j > 60)
    hu[ribs] = 450
    dome = ball(middle - 75, 125, 70, 62, 80, 95) | ball(middle - 20, 85, 95, 75, 42, 45)
    lungs = ring(-6) & (k > 100) & (np.abs(i - middle) > 22)
    truth = {
        "liver": dome & ring(-8) & (k < 165),
        "spleen": ball(middle + 95, 165, 105, 26, 40, 45) & ring(-8),
        "kidney_right": ball(middle - 55, 182, 42, 24, 22, 45),
        "kidney_left": ball(middle + 58, 182, 48, 24, 22, 45),
    }
    truth["liver"] &= ~ball(middle - 55, 182, 42, 28, 26, 49) & ~tube(middle - 22, 135, 14)
    truth["spleen"] &= ~ball(middle + 58, 182, 48, 28, 26, 49)
    base = np.zeros(shape, bool)
    for key in ("liver", "spleen"):
        base |= dilate(truth[key], 6.0, np.full(3, SPACING_MM))
    hu[lungs & ~base] = -860
    hu[truth["liver"]] = 110
    hu[truth["spleen"]] = 125
    hu[truth["kidney_right"] | truth["kidney_left"]] = 185
    hu[tube(middle + 12, 140, 11)] = 240  # aorta
    hu[tube(middle - 22, 135, 12)] = 160  # inferior vena cava
    hu[tube(middle, back, 22)] = 300
    hu[tube(middle, back + 28, 8) & ~tube(middle, back, 22)] = 35
    hu[(np.abs(i - middle) < 4) & (j > back + 36) & (j < back + 55)] = 500
    tumour = ball(middle - 80, 120, 70, 16, 16, 16)
    hu[tumour] = 60
    rng = np.random.default_rng(5)
    hu += rng.normal(0, noise_hu, shape)
    values = np.clip(hu, -1024, 3000).astype(np.int16)
    volume = Volume(name="trunk", grid=Grid.make(shape[::-1], [SPACING_MM] * 3), values=values, modality="CT")
    return volume, truth


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + np.count_nonzero(b), 1))


@pytest.fixture(scope="module")
def trunk_and_truth() -> tuple[Volume, dict[str, NDArray[np.bool_]]]:
    return trunk()


def turned(volume: Volume) -> Volume:
    """The same patient in an array whose i runs to the right, j down and k to the front."""
    values = np.asarray(volume.values).transpose(1, 0, 2)[::-1, ::-1, ::-1]
    last = np.asarray(volume.grid.size) - 1
    directions = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])
    grid = Grid.make(values.shape[::-1], volume.grid.spacing_mm, volume.grid.to_world(last), directions)
    return volume.with_(grid=grid, values=values)


@pytest.fixture(scope="module")
def segmented(trunk_and_truth: tuple[Volume, dict[str, NDArray[np.bool_]]]) -> Segmentation:
    volume, truth = trunk_and_truth
    (result,) = OPERATION({"volume": volume}, {"structures": list(truth)})
    assert isinstance(result, Segmentation)
    return result


def test_the_organs_of_a_trunk_are_found(
    trunk_and_truth: tuple[Volume, dict[str, NDArray[np.bool_]]], segmented: Segmentation
) -> None:
    _, truth = trunk_and_truth
    result = segmented
    found = {s.key for s in result.segments}
    assert found == set(truth)
    least = {"liver": 0.93, "spleen": 0.9, "kidney_right": 0.9, "kidney_left": 0.9}
    for key, mask in truth.items():
        assert dice(result.mask(key), mask) > least[key], key
        assert result.segment(key).confidence > 0.4


def test_a_tumour_inside_the_liver_belongs_to_it(segmented: Segmentation) -> None:
    assert segmented.mask("liver")[23, 40, 29]


def test_another_orientation_gives_the_same_organs(
    trunk_and_truth: tuple[Volume, dict[str, NDArray[np.bool_]]], segmented: Segmentation
) -> None:
    volume, truth = trunk_and_truth
    other = turned(volume)
    (back,) = OPERATION({"volume": other}, {"structures": list(truth)})
    for key in truth:
        assert np.array_equal(segmented.mask(key), other.grid.to_canonical(back.mask(key))), key


@pytest.mark.parametrize("modality", ["MR", "PT", "US"])
def test_a_volume_of_another_modality_is_refused(modality: str) -> None:
    volume = Volume(
        name="brain",
        grid=Grid.make((40, 40, 40), [2, 2, 2]),
        values=np.zeros((40, 40, 40), np.int16),
        modality=modality,
    )
    with pytest.raises(BadInput, match="Hounsfield"):
        OPERATION({"volume": volume}, {})


def test_a_tiny_volume_is_refused() -> None:
    volume = Volume(
        name="dot", grid=Grid.make((3, 3, 3), [1, 1, 1]), values=np.zeros((3, 3, 3), np.int16), modality="CT"
    )
    with pytest.raises(BadInput, match="too small"):
        OPERATION({"volume": volume}, {})


@pytest.mark.parametrize("value", [-1000, 0, 40, 3000])
def test_a_volume_of_one_value_holds_no_body(value: int) -> None:
    values = np.full((40, 40, 40), value, np.int16)
    volume = Volume(name="flat", grid=Grid.make((40, 40, 40), [2, 2, 2]), values=values, modality="CT")
    with pytest.raises(BadInput, match="No body"):
        OPERATION({"volume": volume}, {})


def test_noise_around_air_holds_no_body() -> None:
    values = np.random.default_rng(0).normal(-1000, 20, (40, 40, 40)).astype(np.int16)
    volume = Volume(name="air", grid=Grid.make((40, 40, 40), [2, 2, 2]), values=values, modality="CT")
    with pytest.raises(BadInput, match="No body"):
        OPERATION({"volume": volume}, {})


def test_a_water_bottle_has_a_body_but_no_organs() -> None:
    _, j, i = np.meshgrid(*(np.arange(60),) * 3, indexing="ij")
    values = np.where(np.hypot(j - 30, i - 30) < 24, 0, -1000).astype(np.int16)
    values += np.random.default_rng(0).normal(0, 5, values.shape).astype(np.int16)
    volume = Volume(name="bottle", grid=Grid.make((60, 60, 60), [4, 4, 4]), values=values, modality="CT")
    (result,) = OPERATION({"volume": volume}, {"structures": ["body", "liver", "spleen", "kidney_left", "lung_left"]})
    assert [s.key for s in result.segments] == ["body"]
    assert len(result.notes) == 4
    assert any(note.startswith("Liver was not found") for note in result.notes)


def test_an_unknown_structure_is_named_with_those_that_are_known() -> None:
    volume, _ = trunk()
    with pytest.raises(BadInput, match=r"'gizzard'.*It knows: body"):
        OPERATION({"volume": volume}, {"structures": ["gizzard"]})


def test_an_unknown_engine_is_named_with_those_that_are_there() -> None:
    with pytest.raises(BadInput, match=r"no segmentation engine 'oracle'.*ct"):
        find("oracle")
    assert "ct" in names()


def test_an_unknown_option_is_an_error() -> None:
    volume, _ = trunk()
    with pytest.raises(BadInput, match="Unknown key 'speed'"):
        OPERATION({"volume": volume}, {"options": {"speed": 3}})


def test_what_is_too_unsure_is_not_painted(trunk_and_truth: tuple[Volume, dict[str, NDArray[np.bool_]]]) -> None:
    volume, _ = trunk_and_truth
    (result,) = OPERATION({"volume": volume}, {"structures": ["body"], "options": {"least_confidence": 1.0}})
    assert result.segments == ()
    assert not result.labels.any()
    assert "too unsure" in result.notes[0]


def test_painted_labels_do_not_overlap_and_the_part_wins_over_the_whole() -> None:
    grid = Grid.make((4, 4, 4), [1, 1, 2])
    volume = Volume(name="v", grid=grid, values=np.zeros((4, 4, 4), np.int16))
    everything = np.ones((4, 4, 4), bool)
    corner = np.zeros((4, 4, 4), bool)
    corner[:2] = True
    result = painted(volume, [Found("aorta", corner, 0.9), Found("body", everything, 0.9), Found("liver", None)], "x")
    assert np.array_equal(result.mask("aorta"), corner)
    assert np.array_equal(result.mask("body"), ~corner)
    assert result.segment("aorta").volume_mm3 == pytest.approx(64)
    assert result.notes == ("Liver was not found: nothing that fits was seen.",)


def test_a_mask_on_another_grid_is_refused() -> None:
    volume = Volume(name="v", grid=Grid.make((4, 4, 4), [1, 1, 1]), values=np.zeros((4, 4, 4), np.int16))
    with pytest.raises(BadInput, match="does not lie on the grid"):
        painted(volume, [Found("liver", np.ones((3, 4, 4), bool))], "x")


@pytest.mark.parametrize("shape", [(7, 11, 13), (20, 9, 30), (5, 5, 5)])
def test_resampling_keeps_a_constant_and_a_ramp(shape: tuple[int, int, int]) -> None:
    assert np.allclose(resample(np.full((10, 16, 20), 7.0), shape), 7.0)
    ramp = np.broadcast_to(np.arange(20.0), (10, 16, 20))
    n = shape[2]
    centres = (np.arange(n) + 0.5) * 20 / n - 0.5
    inner = (centres > 0.5) & (centres < 18.5)
    assert np.allclose(resample(ramp, shape)[0, 0][inner], centres[inner], atol=0.3)


def test_growing_and_shrinking_measure_millimetres() -> None:
    spacing = np.array([2.0, 1.0, 1.0])
    mask = np.zeros((21, 31, 31), bool)
    mask[10, 15, 15] = True
    ball = dilate(mask, 6.0, spacing)
    assert np.flatnonzero(ball[:, 15, 15]).tolist() == list(range(7, 14))
    assert np.flatnonzero(ball[10, 15]).tolist() == list(range(9, 22))
    assert np.array_equal(erode(ball, 6.0, spacing), mask)
    assert not opened(ball, 8.0, spacing).any()


def test_the_working_grid_goes_to_and_from_the_scan() -> None:
    volume, truth = trunk()
    context = CTContext(volume)
    small = context.to_working(truth["liver"]) > 0.5
    assert dice(context.mask_to_full(small), truth["liver"]) > 0.97
