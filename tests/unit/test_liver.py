"""What is in a liver that is known exactly: tumours, veins told apart, names, territories; and what is said where
things are absent."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.liver.anatomy import blood_hu
from organtwin.liver.lines import centerline_of, tree_from
from organtwin.liver.region import Region
from organtwin.liver.separation import grow
from organtwin.liver.skeleton import Graph, Skeleton
from organtwin.liver.territories import territories
from organtwin.liver.tissue import Parenchyma
from organtwin.liver.trees import Tree, TreeBranch, tree_of
from organtwin.liver.tumours import find_tumours
from organtwin.liver.vesselness import tubeness
from organtwin.liver.whole import whole_liver
from organtwin.model import Centerline, structure
from organtwin.operations.liver import OPERATION
from organtwin.operations.territories import OPERATION as TERRITORIES
from organtwin.space import Grid

_spec = importlib.util.spec_from_file_location("livers", Path(__file__).with_name("livers.py"))
assert _spec is not None
assert _spec.loader is not None
livers = sys.modules["livers"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(livers)
PORTAL, TUMOURS, known_liver = livers.PORTAL, livers.TUMOURS, livers.known_liver


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture(scope="module")
def known():
    return known_liver()


@pytest.fixture(scope="module")
def found(known):
    return OPERATION(known.inputs)


def test_both_tumours_are_found_where_they_are_the_largest_first(known, found):
    made = found[0]
    assert [s.key for s in made.segments if s.key.startswith("tumour")] == ["tumour", "tumour_2"]
    assert dice(made.mask("tumour"), known.masks["tumour_1"]) > 0.85
    assert dice(made.mask("tumour_2"), known.masks["tumour_2"]) > 0.85
    assert structure("tumour_2").colour == structure("tumour").colour


def test_portal_and_hepatic_veins_are_told_apart(known, found):
    made = found[0]
    for key, other in (("portal_vein", "hepatic_vein"), ("hepatic_vein", "portal_vein")):
        assert dice(made.mask(key), known.masks[key]) > 0.9
        taken = np.count_nonzero(made.mask(key) & known.masks[other]) / np.count_nonzero(known.masks[other])
        assert taken < 0.03


def test_branches_are_named_by_what_they_feed(found):
    portal, hepatic = found[1:]
    names = {b.name.removeprefix("portal vein ") for b in portal.branches}
    assert {"trunk", "right", "left", "left lateral", "left medial"} <= names
    assert {f"right {a} {b}" for a in ("anterior", "posterior") for b in ("superior", "inferior")} <= names
    assert {f"hepatic vein {side}" for side in ("right", "middle", "left")} <= {b.name for b in hepatic.branches}
    ends = {b.name: portal.points_mm[b.last] for b in portal.branches}
    assert ends["portal vein left lateral"][0] > 25 > -25 > ends["portal vein right"][0]
    assert len({b.name for b in portal.branches}) == len(portal.branches)
    trunk = portal.branches[0]
    assert trunk.parent == -1
    assert trunk.radius_mm == pytest.approx(PORTAL[0][2], abs=1.2)
    assert trunk.order > 1


def test_the_liver_with_what_is_in_it_is_as_large_as_it_was(known, found):
    assert dice(whole_liver(found[0]), known.masks["whole"]) > 0.98
    total = sum(s.volume_mm3 for s in found[0].segments)
    counted = np.count_nonzero(found[0].labels) * known.grid.voxel_volume_mm3
    assert total == pytest.approx(counted)


def test_territories_add_up_to_the_liver_and_lie_where_their_names_say(found):
    made, portal, _ = found
    for level, count in ((1, 2), (2, 4)):
        (shared,) = TERRITORIES({"segmentation": made, "tree": portal}, {"level": level})
        assert len(shared.segments) == count
        assert np.array_equal(shared.labels > 0, whole_liver(made))
    side = {s.name: np.argwhere(shared.labels == s.label)[:, 2].mean() for s in shared.segments}
    assert side["Left lateral"] > side["Left medial"] > side["Right anterior"]


def test_territories_need_no_tree_but_the_voxels_of_the_portal_vein(found):
    (with_tree,) = TERRITORIES({"segmentation": found[0], "tree": found[1]}, {"level": 1})
    (without,) = TERRITORIES({"segmentation": found[0]}, {"level": 1})
    assert np.mean((with_tree.labels == without.labels)[with_tree.labels > 0]) > 0.95


def test_a_territory_is_the_voronoi_cell_of_its_branches():
    """Two straight branches, mirrored: the border is the plane between them."""

    def line(x):
        return np.stack([np.full(41, x), np.zeros(41), np.linspace(-20, 20, 41)], axis=1)

    trunk = np.array([[0.0, -30, -20], [0.0, 0, -20]])
    ones = np.ones(41)
    tree = Tree(
        (
            TreeBranch(trunk, np.ones(2) * 3, -1),
            TreeBranch(np.vstack([trunk[-1], line(15.0)]), np.ones(42), 0),
            TreeBranch(np.vstack([trunk[-1], line(-15.0)]), np.ones(42), 0),
        )
    )
    grid = Grid.make((60, 40, 40), (1, 1, 1), (-29.5, -19.5, -19.5))
    parts = {t.name: t.mask for t in territories(tree, np.ones(grid.shape, bool), grid, 1)}
    i = np.arange(60)[None, None, :] * np.ones((40, 40, 1))
    above = slice(4, None)  # beside the fork the slanting roots of both are near
    assert np.array_equal(parts["left"][above], (i >= 30)[above])
    assert np.array_equal(parts["right"][above], (i < 30)[above])
    assert len(ones) == 41


def test_a_tree_survives_being_kept_as_a_centreline(found):
    line = found[1]
    again = centerline_of(
        tree_from(line), name=line.name, segmentation=line.segmentation, structure=line.structure, inlet=line.inlet
    )
    assert np.allclose(again.points_mm, line.points_mm)
    assert [b.name for b in again.branches] == [b.name for b in line.branches]
    for branch in line.branches:
        if branch.parent >= 0:
            assert np.allclose(line.points_mm[branch.first], line.points_mm[line.branches[branch.parent].last])


def test_a_centreline_belongs_to_one_thing():
    empty = {"points_mm": np.empty((0, 3)), "distance_mm": [], "radius_mm": [], "area_mm2": []}
    for owner in ({}, {"mesh": "a", "segmentation": "b"}):
        with pytest.raises(ValueError, match="mesh, of a segmentation or of a surface"):
            Centerline(name="x", inlet="", branches=(), **owner, **empty)


def test_two_vessels_that_cross_and_touch_keep_their_own_ends():
    grid = Grid.make((61, 61, 31), (1, 1, 1))
    k, j, i = np.indices(grid.shape)
    mask = (np.hypot(k - 13, j - 30) < 2.6) & (i > 4) & (i < 56) | (np.hypot(k - 17, i - 30) < 2.6) & (j > 4) & (j < 56)
    region = Region(np.zeros(grid.shape, np.float32), grid, grid)
    skeleton = Skeleton.of(region, mask)
    near = cKDTree(skeleton.voxels)
    roots = [int(near.query(end)[1]) for end in ((13, 30, 5), (17, 5, 30))]
    graph = Graph.of(skeleton, 1.0, roots)
    grown = grow(graph, [[int(graph.node_of[r])] for r in roots], 1.0)
    ends = [tree_of(region, graph, grown, n).branches[-1].points_mm[-1] for n in (0, 1)]
    assert ends[0][0] > 50
    assert ends[1][1] > 50


def test_a_tube_shines_a_plate_and_a_ball_do_not():
    k, j, i = np.indices((41, 41, 41)) - 20.0
    shapes = {"tube": np.hypot(k, j), "plate": np.abs(k) * np.sqrt(2), "ball": np.sqrt(k**2 + j**2 + i**2)}
    middle = {
        name: tubeness((100 * np.exp(-(r**2) / 8)).astype(np.float32), 1.0, (1.0, 2.0))[20, 20, 20]
        for name, r in shapes.items()
    }
    assert middle["tube"] > 20
    assert middle["plate"] < 0.05 * middle["tube"]
    assert middle["ball"] < 0.05 * middle["tube"]


def shaded_ball(dark: np.ndarray | None = None, radius: float = 36.0) -> tuple[Region, np.ndarray]:
    """A ball of liver of 105 HU with some noise, in fat; ``dark`` is what a shade takes off."""
    grid = Grid.make((60, 60, 60), (1.5, 1.5, 1.5))
    places = (np.indices(grid.shape) - 29.5) * 1.5
    liver = np.linalg.norm(places, axis=0) < radius
    hu = np.where(liver, 105.0, -90.0) + np.random.default_rng(3).normal(0, 12, grid.shape)
    if dark is not None:
        hu -= liver * np.where(places[1] > 14.0, dark, 0.0)
    return Region(hu.astype(np.float32), grid, grid), liver


def test_a_shade_over_the_back_of_the_liver_is_no_tumour():
    region, liver = shaded_ball(dark=np.float32(30.0))
    smooth = ndimage.gaussian_filter(region.hu, 1.0)
    assert find_tumours(region, Parenchyma.of(region, smooth, liver), liver, 250.0) == []


def test_calcium_in_the_wall_of_the_aorta_does_not_count_as_blood():
    region, _ = shaded_ball()
    aorta = np.zeros(region.hu.shape, bool)
    aorta[:, 20:32, 20:32] = True
    hu = np.where(aorta, 170.0, region.hu).astype(np.float32)
    hu[10:40, 23:26, 23:29] = 500.0
    assert 200 < blood_hu(replace(region, hu=hu), {"aorta": aorta}) < 240


def test_a_picked_point_takes_only_the_tumour_under_it(known):
    made = OPERATION(known.inputs, {"tumour_seeds_mm": [TUMOURS[1][0]]})[0]
    assert [s.key for s in made.segments if s.key.startswith("tumour")] == ["tumour"]
    assert dice(made.mask("tumour"), known.masks["tumour_2"]) > 0.85


def test_without_contrast_tumours_are_found_and_the_missing_veins_are_said():
    made, *trees = OPERATION(known_liver(contrast=False).inputs)
    assert not trees
    assert {"portal_vein", "hepatic_vein"}.isdisjoint({s.key for s in made.segments})
    assert sum("not found" in note for note in made.notes) == 2
    with pytest.raises(BadInput, match="no portal vein"):
        TERRITORIES({"segmentation": made})


def test_without_tumours_and_without_a_cava_nothing_is_made_up_and_picked_points_help():
    known = known_liver(tumours=False, cava=False)
    made, *trees = OPERATION(known.inputs)
    assert not any(s.key.startswith("tumour") for s in made.segments)
    assert any("No tumour" in note for note in made.notes)
    assert any("vena cava" in note for note in made.notes)
    assert [t.structure for t in trees] == ["portal_vein"]
    made = OPERATION(known.inputs, {"hepatic_seeds_mm": [(-12, 36, 98)]})[0]
    assert dice(made.mask("hepatic_vein"), known.masks["hepatic_vein"]) > 0.6


def test_a_point_outside_a_liver_that_is_missing_and_another_grid_are_refused(known):
    with pytest.raises(BadInput, match="outside the neighbourhood of the liver"):
        OPERATION(known.inputs, {"portal_seeds_mm": [(900, 0, 0)]})
    with pytest.raises(BadInput, match="has no liver"):
        OPERATION(known_liver(liver=False).inputs)
    small = known.volume.with_(grid=known.grid.crop((0, 0, 0), (50, 50, 50)), values=known.volume.values[:50, :50, :50])
    with pytest.raises(BadInput, match="grid"):
        OPERATION(known.inputs | {"volume": small})


def test_the_engine_paints_tumours_and_veins_on_the_scan(known, monkeypatch):
    from organtwin.operations.segment import OPERATION as SEGMENT
    from organtwin.segment.engine import Found
    from organtwin.segment.liver import automatic

    given = known.inputs["segmentation"]
    first_look = [Found(s.key, given.mask(s.key), 0.9) for s in given.segments]
    monkeypatch.setattr(automatic, "organs", lambda *_: first_look)
    (made,) = SEGMENT({"volume": known.inputs["volume"]}, {"engine": "liver"})
    assert {"liver", "tumour", "tumour_2", "portal_vein", "hepatic_vein"} == {s.key for s in made.segments}
    assert dice(made.mask("tumour"), known.masks["tumour_1"]) > 0.85
    monkeypatch.setattr(automatic, "organs", lambda *_: [Found("liver", None, 0.0, "the scan ends above it")])
    (none,) = SEGMENT({"volume": known.inputs["volume"]}, {"engine": "liver"})
    assert none.segments == ()
    assert any("the scan ends above it" in note for note in none.notes)
