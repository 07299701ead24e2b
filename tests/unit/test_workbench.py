"""Edits by hand: every stroke is a version, kept as a patch, taken back and done again exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.document import Document
from organtwin.document.workbench import LONGEST_WALK
from organtwin.edit.edit import Edit
from organtwin.edit.patch import Patch
from organtwin.edit.rules import Rules
from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

GRID = Grid.make((20, 18, 12), (1.0, 1.0, 2.0), (5.0, -3.0, 40.0))


@pytest.fixture
def document(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Document.create(tmp_path / "a.otwin")
    labels = np.zeros(GRID.shape, np.uint8)
    labels[:, 9:, :] = 2
    volume = Volume(name="scan", grid=GRID, values=np.arange(labels.size, dtype=np.int16).reshape(GRID.shape))
    segments = (
        Segment.of(1, "liver", 0.0),
        Segment.of(2, "spleen", float((labels == 2).sum()) * GRID.voxel_volume_mm3),
    )
    made.add([volume, Segmentation(name="s", grid=GRID, labels=labels, segments=segments)], "begin")
    yield made
    made.close()


def stroke(at: tuple[float, float, float], **more: object) -> Edit:
    rules = more.pop("rules", Rules())
    return Edit(
        tool="paint",
        segment="liver",
        options={"points_mm": [list(GRID.to_world(at))], "radius_mm": 3.0, **more},
        rules=rules,
    )


def bench_of(document: Document):  # type: ignore[no-untyped-def]
    return document.workbench(document.entries("segmentation")[-1].uuid)


def test_a_ball_takes_the_voxels_whose_centre_it_holds(document: Document) -> None:
    bench = bench_of(document)
    bench.do(stroke((10, 5, 6)))
    k, j, i = np.indices(GRID.shape)
    ball = np.linalg.norm(GRID.to_world(np.stack([i, j, k], -1)) - GRID.to_world((10, 5, 6)), axis=-1) <= 3.0
    np.testing.assert_array_equal(bench.labels == 1, ball)
    assert bench.segment("liver").volume_mm3 == pytest.approx(ball.sum() * 2.0)


def test_undo_and_redo_give_back_the_same_voxels_also_after_opening_again(document: Document, tmp_path: Path) -> None:
    bench = bench_of(document)
    states = [bench.labels.copy()]
    for n in range(110):  # longer than the longest walk
        if not bench.do(stroke((2 + n % 16, 2 + n % 13, n % 12), erase=n % 3 == 2)).nothing:
            states.append(bench.labels.copy())
    assert len(states) > LONGEST_WALK + 1
    for state in reversed(states[:-1]):
        document.undo()
        np.testing.assert_array_equal(bench.labels, state)
    for state in states[1:]:
        document.redo()
        np.testing.assert_array_equal(bench.labels, state)
    document.close()
    for _ in range(2):  # the second time the newest is kept whole
        again = Document.open(tmp_path / "a.otwin")
        bench = bench_of(again)
        np.testing.assert_array_equal(bench.labels, states[-1])
        again.undo()
        np.testing.assert_array_equal(bench.labels, states[-2])
        again.redo()
        again.close()


def test_a_stroke_takes_little_room(document: Document) -> None:
    bench = bench_of(document)
    bench.do(stroke((10, 5, 6)))
    folder = document.project.objects_folder / bench.uuid
    assert not (folder / "labels.npy").exists()
    assert sum(f.stat().st_size for f in folder.iterdir()) < 4000


def test_locked_segments_lose_nothing(document: Document) -> None:
    bench = bench_of(document)
    locked = tuple(s.model_copy(update={"locked": s.key == "spleen"}) for s in bench.segments)
    bench.segments = locked
    before = bench.labels == 2
    bench.do(stroke((10, 9, 6)))
    np.testing.assert_array_equal(bench.labels == 2, before)
    assert (bench.labels == 1).any()
    with pytest.raises(BadInput, match="locked"):
        bench.do(stroke((10, 9, 6)).model_copy(update={"segment": "spleen"}))


def test_rules_keep_an_edit_inside_an_area_and_a_range(document: Document) -> None:
    bench = bench_of(document)
    volume = document.entries("volume")[0].uuid
    bench.do(stroke((10, 9, 6), rules=Rules(inside=("spleen",))))
    assert not (bench.labels[:, :9] == 1).any()
    document.undo()
    bench.do(stroke((10, 9, 6), rules=Rules(over="background")))
    assert not (bench.labels[:, 9:] == 1).any()
    document.undo()
    bench.do(stroke((10, 9, 6), rules=Rules(values=(2200, 2300))), volume)
    painted = document.get(volume).values[bench.labels == 1]  # type: ignore[attr-defined]
    assert painted.min() >= 2200
    assert painted.max() <= 2300


def test_a_patch_of_random_changes_goes_there_and_back() -> None:
    rng = np.random.default_rng(7)
    old = rng.integers(0, 5, (9, 7, 5)).astype(np.uint8)
    new = old.copy()
    new[2:5, 1:4, 2:5] = rng.integers(0, 5, (3, 3, 3))
    patch = Patch.between(old, (slice(1, 9), slice(0, 7), slice(0, 5)), new[1:])
    there = old.copy()
    patch.apply(there)
    np.testing.assert_array_equal(there, new)
    patch.undo(there)
    np.testing.assert_array_equal(there, old)


def test_an_edit_that_changes_nothing_is_no_step(document: Document) -> None:
    bench = bench_of(document)
    bench.do(stroke((10, 5, 6)))
    label = document.undo_label
    uuid = bench.uuid
    bench.do(stroke((10, 5, 6)))
    assert bench.uuid == uuid
    assert document.undo_label == label
