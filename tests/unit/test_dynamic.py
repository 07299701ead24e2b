"""What moves: imported as one object, taken apart by phases, carried along, measured over the cycle."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.io.export import export
from organtwin.model import DynamicVolume, Segment, Segmentation
from organtwin.operations.propagate import ways
from organtwin.operations.registry import find
from organtwin.space import Grid

SPACING = (1.5, 1.5, 10.0)
PHASES = 8


def heart(radius_mm: float, size: int = 96, slices: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Values and labels (1 cavity, 2 muscle, 3 right ventricle) of a made-up ventricle in lung."""
    rows, columns = (np.mgrid[:size, :size] - (size - 1) / 2) * SPACING[0]
    labels = np.zeros((slices, size, size), np.uint8)
    rng = np.random.default_rng(3)
    for k in range(slices):
        taper = np.sqrt(1 - (k / (slices + 0.5)) ** 2)
        distance = np.hypot(rows, columns)
        outer = taper * (24.0**3 - 20.0**3 + radius_mm**3) ** (1 / 3) + 4
        beside = np.hypot((rows - 4) / 1.1, columns + outer + 6) < 24 * taper
        labels[k][beside] = 3
        labels[k][distance < outer] = 2
        labels[k][distance < taper * radius_mm] = 1
    level = np.array([60.0, 300.0, 120.0, 270.0])
    values = level[labels]
    from scipy import ndimage

    rim = ndimage.binary_dilation(labels > 0, iterations=2, structure=np.ones((1, 3, 3))) & (labels == 0)
    values[rim] = 110.0
    values = ndimage.gaussian_filter(values, (0, 0.6, 0.6)) + rng.normal(0, 8, values.shape)
    return values.astype(np.int16), labels


@pytest.fixture(scope="module")
def beating() -> tuple[DynamicVolume, np.ndarray]:
    """A heart that beats once, and its labels."""
    radii = 20 + 5 * np.cos(2 * np.pi * np.arange(PHASES) / PHASES)
    made = [heart(radius) for radius in radii]
    grid = Grid.make((96, 96, 8), SPACING)
    moving = DynamicVolume(
        name="cine", grid=grid, values=np.stack([v for v, _ in made]), times_s=np.arange(PHASES) * 0.1, period_s=0.8,
        modality="MR",
    )  # fmt: skip
    return moving, np.stack([labels for _, labels in made])


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def drawn(moving: DynamicVolume, labels: np.ndarray) -> Segmentation:
    segments = (Segment.of(1, "left_ventricle", 0.0), Segment.of(2, "myocardium", 0.0))
    return Segmentation(name="drawn", grid=moving.grid, labels=np.where(labels < 3, labels, 0), segments=segments)


def test_a_phase_of_what_moves_is_a_volume(beating):
    moving, _ = beating
    (volume,) = find("phase")({"dynamic": moving}, {"phase": 3})
    assert volume.kind == "volume"
    np.testing.assert_array_equal(volume.values, moving.values[2])
    with pytest.raises(BadInput, match="has no phase 9"):
        find("phase")({"dynamic": moving}, {"phase": 9})
    with pytest.raises(BadInput, match="nothing that moves"):
        find("phase")({}, {"phase": 1})


def test_both_ways_around_the_cycle_reach_every_phase_once():
    for phases in (2, 5, 8):
        for cyclic in (True, False):
            for reference in range(phases):
                forward, backward = ways(reference, phases, cyclic)
                assert sorted([reference, *forward, *backward]) == list(range(phases))
                assert not cyclic or abs(len(forward) - len(backward)) <= 1


def test_a_segmentation_is_carried_to_the_other_end_of_the_cycle(beating):
    moving, labels = beating
    (carried,) = find("propagate")({"dynamic": moving, "segmentation": drawn(moving, labels[0])}, {"phase": 1})
    assert dice(labels[0] == 1, labels[4] == 1) < 0.75
    assert dice(np.asarray(carried.labels[4]) == 1, labels[4] == 1) > 0.88
    np.testing.assert_array_equal(carried.labels[0], drawn(moving, labels[0]).labels)
    (back,) = find("phase")({"segmentation": carried}, {"phase": 5})
    assert back.segment("left_ventricle").volume_mm3 == pytest.approx(float(carried.volumes_mm3[4, 0]))


def test_a_segmentation_of_another_grid_is_not_carried(beating):
    moving, labels = beating
    other = Segmentation(name="x", grid=Grid.make((96, 96, 8), (1, 1, 10)), labels=labels[0], segments=())
    with pytest.raises(BadInput, match="does not lie on the grid"):
        find("propagate")({"dynamic": moving, "segmentation": other}, {"phase": 1})
    empty = drawn(moving, np.zeros_like(labels[0]))
    with pytest.raises(BadInput, match="is empty"):
        find("propagate")({"dynamic": moving, "segmentation": empty}, {"phase": 1})


@pytest.mark.slow
def test_volumes_over_the_cycle_of_a_made_up_heart_are_found(beating, tmp_path):
    moving, labels = beating
    (found,) = find("cine")({"dynamic": moving})
    truth = (labels == 1).sum(axis=(1, 2, 3)) * moving.grid.voxel_volume_mm3 / 1000
    shown = {q.name: q.value for q in found.quantities}
    assert shown["LV end-diastolic volume"] == pytest.approx(truth.max(), rel=0.14)
    assert shown["LV ejection fraction"] == pytest.approx(100 * (1 - truth.min() / truth.max()), abs=7)
    assert shown["phase of end-systole"] in (4, 5, 6)
    with open(export(found, tmp_path / "curve.csv"), encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["phase", "time_s", "left_ventricle_ml"]
    assert len([row for row in rows[1:] if row and row[0].isdigit()]) == PHASES


@pytest.mark.parametrize("turn", ["as it is", "slices first", "mirrored", "apex first"])
def test_the_engine_finds_a_heart_however_its_axes_lie(turn):
    values, labels = heart(22.0)
    spacing = list(SPACING)
    if turn == "slices first":  # the slices along i
        values, labels, spacing = values.transpose(1, 2, 0), labels.transpose(1, 2, 0), [10.0, 1.5, 1.5]
    if turn == "mirrored":
        values, labels = values[:, :, ::-1], labels[:, :, ::-1]
    if turn == "apex first":
        values, labels = values[::-1], labels[::-1]
    from organtwin.model import Volume

    volume = Volume(name="x", grid=Grid.make(values.shape[::-1], spacing), values=values, modality="MR")
    (found,) = find("segment")({"volume": volume}, {"engine": "cine-mr"})
    assert dice(found.mask("left_ventricle"), labels == 1) > 0.9
    assert dice(found.mask("myocardium"), labels == 2) > 0.72
    assert dice(found.mask("right_ventricle"), labels == 3) > 0.6


def test_where_there_is_no_heart_the_engine_says_so():
    from organtwin.model import Volume

    noise = np.random.default_rng(0).normal(100, 5, (6, 80, 80)).astype(np.int16)
    volume = Volume(name="x", grid=Grid.make((80, 80, 6), (1.5, 1.5, 10)), values=noise, modality="MR")
    with pytest.raises(BadInput, match="No left ventricle was found"):
        find("segment")({"volume": volume}, {"engine": "cine-mr"})
    thin = Volume(name="x", grid=Grid.make((80, 80, 2), (1.5, 1.5, 10)), values=noise[:2], modality="MR")
    with pytest.raises(BadInput, match="has 2 slices"):
        find("segment")({"volume": thin}, {"engine": "cine-mr"})


def test_a_4d_file_is_one_object_with_its_times(beating, tmp_path):
    moving, _ = beating
    path = export(moving, tmp_path / "cine.nii.gz")
    (back,) = find("import")({}, {"sources": [str(path)]})
    assert back.kind == "dynamic"
    np.testing.assert_array_equal(back.values, moving.values)
    np.testing.assert_allclose(back.times_s, moving.times_s, atol=1e-6)
    assert back.period_s == pytest.approx(0.8)
    assert back.grid.same_as(moving.grid)


def test_single_volumes_become_phases_in_their_order(beating, tmp_path):
    moving, _ = beating
    paths = [str(export(moving.at(n), tmp_path / f"{'zyx'[n]}.nii")) for n in range(3)]
    (made,) = find("import")({}, {"sources": paths, "as_phases": True})
    np.testing.assert_array_equal(made.values, moving.values[:3])
    assert any("counted, not timed" in note for note in made.notes)
    with pytest.raises(BadInput, match="makes no phases"):
        find("import")({}, {"sources": paths[:1], "as_phases": True})
    whole = str(export(moving, tmp_path / "all.nii"))
    with pytest.raises(BadInput, match="has 8 phases itself"):
        find("import")({}, {"sources": [whole, paths[0]], "as_phases": True})


def test_phases_on_different_grids_are_refused(beating, tmp_path):
    moving, _ = beating
    other = moving.at(1).with_(grid=Grid.make((96, 96, 8), (1.4, 1.5, 10)))
    paths = [str(export(moving.at(0), tmp_path / "a.nii")), str(export(other, tmp_path / "b.nii"))]
    with pytest.raises(BadInput, match="does not lie on the grid of the first"):
        find("import")({}, {"sources": paths, "as_phases": True})


def test_a_gated_series_has_the_times_of_its_trigger(studio, tmp_path):
    for k, position in enumerate(studio.positions(3)):
        for t in range(5):
            studio.series(
                tmp_path,
                [position],
                modality="MR",
                TriggerTime=160.0 * t,
                prefix=f"{k}-{t}-",
                SOPInstanceUID=f"1.2.{k}.{t}",
            )
    (made,) = find("import")({}, {"sources": [str(tmp_path)]})
    np.testing.assert_allclose(made.times_s, 0.16 * np.arange(5))
    assert made.period_s == pytest.approx(0.8)
    assert made.modality == "MR"
