"""What belongs to a segmentation."""

from __future__ import annotations

from organtwin.model import Recipe
from organtwin.store import Entry
from organtwin.store.relations import organ_trees, scan_behind


def entry(uuid: str, kind: str, operation: str = "", inputs: dict[str, str] | None = None, **facts: object) -> Entry:
    recipe = Recipe(operation=operation, inputs=inputs or {}) if operation else None
    return Entry(uuid=uuid, kind=kind, name=uuid, created="", recipe=recipe, facts=facts)


def grid(shift_mm: float = 0.0) -> dict[str, object]:
    affine = [[1.0, 0, 0, shift_mm], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]
    return {"size": [4, 4, 4], "affine": affine}


def test_the_scan_that_a_segmentation_was_made_from_comes_before_a_newer_one_on_its_grid():
    drawn = entry("drawn", "segmentation", "segment", {"volume": "first"}, grid=grid())
    first, second = entry("first", "volume", grid=grid()), entry("second", "volume", grid=grid())
    assert scan_behind(drawn, [first, second]) is first
    assert scan_behind(entry("other", "segmentation", grid=grid()), [first, second]) is second


def test_a_scan_of_the_same_size_elsewhere_is_not_behind_a_segmentation():
    drawn = entry("drawn", "segmentation", "segment", {"volume": "moved"}, grid=grid())
    assert scan_behind(drawn, [entry("moved", "volume", grid=grid(5.0))]) is None


def test_a_measured_vessel_is_no_tree_of_the_organ():
    found = entry("tree", "centerline", "liver", segmentation="s", structure="portal_vein")
    measured = entry("measured", "centerline", "vessel", segmentation="s", structure="portal_vein")
    aorta = entry("aorta", "centerline", "vessel", segmentation="s", structure="aorta")
    assert organ_trees("s", [found, measured, aorta], str) == {"portal_vein": found}


def test_of_several_trees_of_a_structure_the_newest_counts():
    trees = [entry(u, "centerline", "liver", segmentation="s", structure="portal_vein") for u in ("old", "new")]
    other = entry("other", "centerline", "liver", segmentation="another", structure="hepatic_vein")
    assert organ_trees("s", [*trees, other], str)["portal_vein"].uuid == "new"
    assert list(organ_trees("s", [*trees, other], str)) == ["portal_vein"]


def test_the_trees_of_a_segmentation_stay_its_own_when_a_stroke_changes_it():
    tree = entry("tree", "centerline", "liver", segmentation="s", structure="portal_vein")
    first_of = {"after-a-stroke": "s"}
    assert organ_trees("after-a-stroke", [tree], lambda uuid: first_of.get(uuid, uuid)) == {"portal_vein": tree}
