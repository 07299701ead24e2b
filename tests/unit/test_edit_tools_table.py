"""The table of segments and what one segment does to another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from organtwin.edit.apply import Edited
from organtwin.edit.canvas import Canvas
from organtwin.edit.edit import Edit
from organtwin.edit.rules import Rules
from organtwin.errors import BadInput
from organtwin.model import Segment
from organtwin.space import Grid

GRID = Grid.make((12, 10, 8), (1.0, 2.0, 3.0))


def canvas(target: str = "liver", **locked: bool) -> Canvas:
    """Liver with a hole, spleen beside it, an aorta that is empty."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1:6, 1:6, 1:6] = 1
    labels[3, 3, 3] = 0
    labels[1:6, 1:6, 7:10] = 2
    volume = {n: float((labels == n).sum()) * GRID.voxel_volume_mm3 for n in (1, 2, 3)}
    table = tuple(
        Segment.of(n, key, volume[n], confidence=0.9).model_copy(update={"locked": locked.get(key, False)})
        for n, key in ((1, "liver"), (2, "spleen"), (3, "aorta"))
    )
    return Canvas(GRID, labels, table, target)


def done(on: Canvas, tool: str, rules: Rules | None = None, **options: Any) -> tuple[np.ndarray, Edited]:
    answer = Edit(tool=tool, segment=on.target, options=options, rules=rules or Rules()).perform(on)
    labels = on.labels.astype(answer.patch.dtype)
    answer.patch.apply(labels)
    for segment in answer.segments:
        assert segment.volume_mm3 == pytest.approx((labels == segment.label).sum() * GRID.voxel_volume_mm3)
    assert set(np.unique(labels)) <= {0, *(s.label for s in answer.segments)}
    return labels, answer


def test_a_structure_known_by_its_key_gets_its_own_name_and_colour() -> None:
    _, answer = done(canvas(""), "table", action="add", key="kidney_left")
    made = answer.segments[-1]
    assert (made.label, made.name, made.code) == (4, "Left kidney", "64033007")


def test_a_free_name_gets_a_key_and_a_colour_of_its_own() -> None:
    on = canvas("")
    names = ["Übergang / Süd", "Übergang / Süd"]
    for name in names:
        answer = Edit(tool="table", options={"action": "add", "name": name}).perform(on)
        on = Canvas(GRID, on.labels, answer.segments)
    first, second = on.segments[-2:]
    assert (first.key, second.key, first.name) == ("ubergang_sud", "ubergang_sud_2", "Übergang / Süd")
    assert first.colour != second.colour


def test_the_256th_segment_widens_the_labels() -> None:
    table = tuple(Segment.of(n, f"s{n}", 0.0) for n in range(1, 256))
    labels = np.full((2, 2, 2), 255, np.uint8)
    on = Canvas(Grid.make((2, 2, 2), (1, 1, 1)), labels, table)
    answer = Edit(tool="table", options={"action": "add", "name": "one more"}).perform(on)
    assert answer.segments[-1].label == 256
    assert np.dtype(answer.patch.dtype) == np.uint16


def test_a_number_that_became_free_is_used_again() -> None:
    _, answer = done(canvas("spleen"), "table", action="remove")
    on = Canvas(GRID, canvas().labels, answer.segments)
    assert Edit(tool="table", options={"action": "add", "name": "x"}).perform(on).segments[-1].label == 2


def test_what_is_removed_becomes_background_whatever_the_rules_say() -> None:
    labels, answer = done(canvas("spleen"), "table", Rules(inside=("liver",)), action="remove")
    assert not (labels == 2).any()
    assert [s.key for s in answer.segments] == ["liver", "aorta"]


def test_merged_voxels_go_into_the_other() -> None:
    on = canvas("spleen")
    labels, answer = done(on, "table", action="merge", into="aorta")
    np.testing.assert_array_equal(labels == 3, on.labels == 2)
    assert [s.key for s in answer.segments] == ["liver", "aorta"]


def test_names_colours_order_and_locks() -> None:
    assert done(canvas(), "table", action="rename", name=" Spleen ")[1].segments[0].name == "Spleen 2"
    assert done(canvas(), "table", action="recolour", colour=(1, 2, 3))[1].segments[0].colour == (1, 2, 3)
    assert [s.key for s in done(canvas(), "table", action="order", place=2)[1].segments] == ["spleen", "aorta", "liver"]
    assert [s.locked for s in done(canvas(), "table", action="lock")[1].segments] == [True, False, False]
    assert all(s.locked for s in done(canvas(""), "table", action="lock")[1].segments)
    assert not any(s.locked for s in done(canvas(liver=True), "table", action="unlock")[1].segments)


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ("liver", {"action": "add", "key": "spleen"}, "already"),
        ("", {"action": "add"}, "key of a structure or a name"),
        ("lung", {"action": "remove"}, "no segment 'lung'"),
        ("liver", {"action": "merge", "into": "lung"}, "no segment 'lung'"),
        ("liver", {"action": "merge", "into": "liver"}, "into itself"),
        ("spleen", {"action": "remove"}, "locked"),
        ("liver", {"action": "merge", "into": "spleen"}, "locked"),
        ("liver", {"action": "rename", "name": "  "}, "needs a name"),
        ("liver", {"action": "recolour", "colour": (1, 2, 300)}, "255"),
        ("liver", {"action": "paint"}, "action"),
    ],
)
def test_what_cannot_be_done_to_a_table_is_said(target: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Edit(tool="table", segment=target, options=options).perform(canvas(target, spleen=True))


def test_set_operations() -> None:
    on = canvas()
    liver, spleen = on.labels == 1, on.labels == 2
    for action, wanted in (
        ("union", liver | spleen),
        ("copy", spleen),
        ("intersect", liver & spleen),
        ("subtract", liver),
    ):
        labels, _ = done(on, "combine", action=action, others=["spleen"])
        np.testing.assert_array_equal(labels == 1, wanted, action)
    labels, _ = done(on, "combine", action="clear")
    assert not (labels == 1).any()
    labels, _ = done(on, "combine", action="invert")
    np.testing.assert_array_equal(labels == 1, on.labels == 0)
    np.testing.assert_array_equal(labels == 2, spleen)


def test_a_distance_is_kept_from_a_neighbour_in_mm() -> None:
    labels, _ = done(canvas(), "combine", action="subtract", others=["spleen"], grow_mm=3.0)
    assert not (labels[:, :, 4:] == 1).any()  # 1 mm voxels: the spleen begins at 7
    assert (labels[:, :, 3] == 1).any()


def test_another_is_filled_with_the_segment_in_hand() -> None:
    labels, _ = done(canvas("aorta"), "combine", action="fill", others=["liver"])
    assert np.argwhere(labels == 3).tolist() == [[3, 3, 3]]


def test_a_locked_neighbour_gives_nothing_to_a_union() -> None:
    on = canvas(spleen=True)
    labels, answer = done(on, "combine", action="union", others=["spleen"])
    np.testing.assert_array_equal(labels, on.labels)
    assert answer.nothing


def test_combining_with_nothing_changes_nothing() -> None:
    for action in ("union", "subtract", "fill"):
        assert done(canvas(), "combine", action=action, others=["aorta"])[1].nothing
    labels, _ = done(canvas(), "combine", action="copy", others=["aorta"])
    assert not (labels == 1).any()
    with pytest.raises(BadInput, match="Name the segment"):
        done(canvas(), "combine", action="union")
