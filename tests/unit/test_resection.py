"""Planning a resection of a liver that is a ball: volumes, margins and vessels that are known beforehand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.model import ResectionPlan, Segmentation
from organtwin.operations import find
from organtwin.resection.anatomy import Anatomy
from organtwin.resection.comparison import compare_plans
from organtwin.resection.plan import make_plan
from organtwin.resection.proposal import halves, propose
from organtwin.resection.settings import CutPlane, Push, Settings, Stroke

sys.path.insert(0, str(Path(__file__).parent))
from resection import RADIUS, ball_liver, grid, places, portal_fork, quarters, to_line

DEEP = {"tumour": ((0.0, 0.0, 0.0), 8.0)}
AT_THE_RIGHT = {"tumour": ((-30.0, 0.0, 10.0), 8.0)}
WHOLE_ML = 4 / 3 * np.pi * RADIUS**3 / 1000


def ball_ml(radius: float) -> float:
    return 4 / 3 * np.pi * radius**3 / 1000


def numbers(plan: ResectionPlan) -> dict[str, float]:
    return {q.name: q.value for q in plan.quantities}


def planned(segmentation: Segmentation, parts: Segmentation | None = None, /, **settings: object) -> ResectionPlan:
    return make_plan(Anatomy.of(segmentation, parts), Settings.model_validate(settings))


def behind_the_slab_ml() -> float:
    """What lies beyond x = -14 and nearer to the right branch than to the trunk."""
    at = places(grid())
    right, trunk = to_line(at, (-40, 0, 0), (0, 0, 0)), to_line(at, (0, 0, -55), (0, 0, 0))
    behind = (np.linalg.norm(at, axis=-1) <= RADIUS) & (at[..., 0] <= -14) & (right - 3 < trunk - 5)
    return float(behind.sum()) * 8 / 1000


@pytest.mark.parametrize("margin", [5, 10, 15])
def test_a_margin_around_a_ball_takes_a_larger_ball(margin):
    found = numbers(planned(ball_liver(DEEP), margin=f"{margin} mm", reach_surface=False))
    # smoothing never eats of the margin: a little more is taken, about half a voxel
    assert ball_ml(8 + margin - 0.5) < found["resected volume"] < ball_ml(8 + margin + 1.2)
    assert found["margin"] == pytest.approx(margin, abs=1.0)
    assert found["tumour volume"] == pytest.approx(ball_ml(8), rel=0.1)
    assert found["cut surface"] == pytest.approx(4 * np.pi * (8 + margin) ** 2 / 100, rel=0.12)


def test_taken_and_remnant_are_the_whole_liver():
    plan = planned(ball_liver(DEEP))
    found = numbers(plan)
    assert found["resected volume"] + found["remnant volume"] == pytest.approx(WHOLE_ML, rel=0.01)
    share = 100 * found["remnant volume"] / (WHOLE_ML - ball_ml(8))
    assert found["remnant of functional liver"] == pytest.approx(share, abs=0.5)


def test_a_deep_tumour_is_opened_a_way_to_the_surface():
    closed = planned(ball_liver(DEEP), reach_surface=False)
    opened = planned(ball_liver(DEEP))
    assert numbers(opened)["resected volume"] > numbers(closed)["resected volume"] + 5
    away = np.linalg.norm(closed.cut_points_mm, axis=1)
    assert away.max() < 25  # a hollow in the middle
    assert np.linalg.norm(opened.cut_points_mm, axis=1).max() > RADIUS - 2  # an opening at the surface


def test_a_plane_through_the_middle_takes_half():
    plan = planned(ball_liver(), strategy="plane", planes=[CutPlane(point_mm=(1, 0, 0), normal=(1, 0, 0))])
    found = numbers(plan)  # the plane lies between two layers of voxels
    assert found["resected volume"] == pytest.approx(WHOLE_ML / 2 - np.pi * RADIUS**2 / 1000, rel=0.01)
    assert found["cut surface"] == pytest.approx(np.pi * RADIUS**2 / 100, rel=0.05)
    assert plan.cut_points_mm[:, 0] == pytest.approx(1.0, abs=0.01)
    assert np.linalg.norm(plan.cut_points_mm, axis=1).max() > RADIUS + 1.5  # reaches beyond the organ


def test_two_planes_make_a_wedge():
    planes = [CutPlane(point_mm=(1, 0, 0), normal=(1, 0, 0)), CutPlane(point_mm=(0, 0, -1), normal=(0, 0, 1))]
    found = numbers(planned(ball_liver(), strategy="plane", planes=planes))
    assert found["resected volume"] == pytest.approx(WHOLE_ML / 4, rel=0.03)


def test_the_plane_that_is_found_keeps_the_margin_and_takes_a_cap():
    found = numbers(planned(ball_liver(AT_THE_RIGHT), strategy="plane"))
    assert found["margin"] >= 9.0
    depth = RADIUS - (np.hypot(30, 10) - 18)  # a cap of this height
    cap = np.pi * depth**2 * (RADIUS - depth / 3) / 1000
    assert found["resected volume"] == pytest.approx(cap, rel=0.12)


def test_the_normals_of_the_cut_point_away_from_what_is_taken():
    plan = planned(ball_liver(DEEP), reach_surface=False)
    a, b, c = (plan.cut_points_mm[plan.cut_triangles[:, n]] for n in range(3))
    outward = np.einsum("ij,ij->i", np.cross(b - a, c - a), (a + b + c) / 3)
    assert (outward > 0).mean() > 0.99


def test_territories_touched_are_taken_whole():
    liver = ball_liver({"tumour": ((-30.0, 0.0, 25.0), 6.0)})
    plan = planned(liver, quarters(liver), strategy="territories")
    assert plan.territories == ("territory_right_superior",)
    assert numbers(plan)["resected volume"] == pytest.approx(WHOLE_ML / 4, rel=0.06)


def test_territories_add_up():
    liver = ball_liver()
    parts = quarters(liver)
    one = planned(liver, parts, strategy="territories", territories=("territory_right_superior",))
    two = planned(
        liver, parts, strategy="territories", territories=("territory_right_superior", "territory_right_inferior")
    )
    assert numbers(two)["resected volume"] == pytest.approx(2 * numbers(one)["resected volume"], rel=0.05)


def test_a_territory_is_added_and_removed_by_hand():
    liver = ball_liver({"tumour": ((-30.0, 0.0, 25.0), 6.0)})
    parts = quarters(liver)
    margin = numbers(planned(liver, parts))["resected volume"]
    added = numbers(planned(liver, parts, add_territories=("territory_left_superior",)))["resected volume"]
    assert added == pytest.approx(margin + WHOLE_ML / 4, rel=0.1)
    removed = planned(
        liver, parts, remove_territories=("territory_right_superior",), add_territories=("territory_left_superior",)
    )
    assert "The cut goes through a tumour." in removed.warnings


def test_halves_are_known_by_the_names_of_their_territories():
    liver = ball_liver()
    found = halves(Anatomy.of(liver, quarters(liver)))
    assert set(found["Right hemihepatectomy"]) == {"territory_right_inferior", "territory_right_superior"}


def test_an_offset_takes_a_shell_more():
    plain = numbers(planned(ball_liver(DEEP), reach_surface=False))
    more = numbers(planned(ball_liver(DEEP), reach_surface=False, offset="4 mm"))
    assert more["margin"] == pytest.approx(plain["margin"] + 4, abs=0.8)
    assert more["resected volume"] == pytest.approx(ball_ml(22), rel=0.15)


def test_a_push_moves_the_cut_there_and_nowhere_else():
    plane = CutPlane(point_mm=(0, 0, 0), normal=(1, 0, 0))
    push = Push(at_mm=(0, 0, 0), move_mm=(-8, 0, 0), radius="30 mm")
    points = planned(ball_liver(), strategy="plane", planes=[plane], pushes=[push]).cut_points_mm
    beside = np.linalg.norm(points[:, 1:], axis=1)
    assert points[beside < 4, 0].mean() == pytest.approx(-8, abs=1.2)
    assert np.abs(points[beside > 34, 0]).max() < 1.0


def test_a_stroke_takes_what_is_drawn_and_another_leaves_it():
    plane = CutPlane(point_mm=(20, 0, 0), normal=(1, 0, 0))
    line = ((0.0, 0.0, 0.0), (25.0, 0.0, 0.0))
    plain = numbers(planned(ball_liver(), strategy="plane", planes=[plane]))["resected volume"]
    stroke = [Stroke(points_mm=line, radius="8 mm")]
    more = numbers(planned(ball_liver(), strategy="plane", planes=[plane], strokes=stroke))["resected volume"]
    assert more > plain + 3
    back = [*stroke, Stroke(points_mm=line, radius="8 mm", take=False)]
    assert numbers(planned(ball_liver(), strategy="plane", planes=[plane], strokes=back))["resected volume"] < plain


def test_the_branch_that_is_cut_is_named_and_its_part_of_the_remnant_is_without_inflow():
    liver = ball_liver(tubes={"portal_vein": [((0, 0, -55), (0, 0, 0), 5.0), ((-40, 0, 0), (40, 0, 0), 3.0)]})
    anatomy = Anatomy.of(liver, None, [portal_fork()])
    slab = [CutPlane(point_mm=(-6, 0, 0), normal=(-1, 0, 0)), CutPlane(point_mm=(-14, 0, 0), normal=(1, 0, 0))]
    plan = make_plan(anatomy, Settings(strategy="plane", planes=tuple(slab)))
    assert [v.name for v in plan.vessels_cut] == ["Portal vein right"]
    assert plan.vessels_cut[0].diameter_mm == pytest.approx(6.0)
    assert plan.vessels_cut[0].at_mm[0] == pytest.approx(-6, abs=2.5)
    assert numbers(plan)["remnant without portal inflow"] == pytest.approx(behind_the_slab_ml(), rel=0.1)


def test_without_a_tree_the_voxels_of_the_vein_tell_the_same():
    liver = ball_liver(tubes={"portal_vein": [((0, 0, -55), (0, 0, 0), 5.0), ((-40, 0, 0), (40, 0, 0), 3.0)]})
    slab = [CutPlane(point_mm=(-6, 0, 0), normal=(-1, 0, 0)), CutPlane(point_mm=(-14, 0, 0), normal=(1, 0, 0))]
    plan = planned(liver, strategy="plane", planes=slab)
    assert plan.vessels_cut[0].diameter_mm == pytest.approx(6.0, abs=1.5)
    assert numbers(plan)["remnant without portal inflow"] == pytest.approx(behind_the_slab_ml(), rel=0.1)


def test_a_branch_at_the_border_that_feeds_what_stays_is_spared():
    liver = ball_liver(tubes={"portal_vein": [((0, 0, -55), (0, 0, 0), 5.0), ((-40, 0, 0), (40, 0, 0), 3.0)]})
    anatomy = Anatomy.of(liver, quarters(liver), [portal_fork()])
    settings = Settings(strategy="territories", territories=("territory_right_superior",))
    spared = numbers(make_plan(anatomy, settings))
    through = numbers(make_plan(anatomy, settings.model_copy(update={"spare_vessels": False, "offset": "4 mm"})))
    assert spared["remnant without portal inflow"] < 0.3 * through["remnant without portal inflow"]


def test_proposals_come_with_the_most_sparing_safe_one_first():
    liver = ball_liver({"tumour": ((-30.0, 0.0, 25.0), 6.0)})
    plans = propose(Anatomy.of(liver, quarters(liver)), Settings())
    assert len(plans) >= 4
    remnants = [numbers(p)["remnant volume"] for p in plans]
    assert remnants[0] == max(remnants)
    for plan in plans:  # each can be made again from what it says of itself
        again = make_plan(Anatomy.of(liver, quarters(liver)), Settings.model_validate(plan.settings))
        assert (again.taken == plan.taken).all()


def test_two_plans_are_compared_by_number_and_by_place():
    liver = ball_liver(AT_THE_RIGHT)
    small, large = planned(liver, margin="5 mm"), planned(liver, margin="15 mm")
    found = compare_plans(small, large)
    assert found.only_one_ml < 1.0
    assert found.both_ml == pytest.approx(numbers(small)["resected volume"], rel=0.02)
    better = {row.name: row.better for row in found.rows}
    assert better["remnant volume"] == "one"
    assert better["margin"] == "other"


def test_a_small_remnant_is_a_warning_with_its_source():
    plane = CutPlane(point_mm=(-25, 0, 0), normal=(1, 0, 0))
    liver = ball_liver()
    assert any("Kishi" in w and "not a verdict" in w for w in planned(liver, strategy="plane", planes=[plane]).warnings)
    third = CutPlane(point_mm=(-10, 0, 0), normal=(1, 0, 0))
    assert not planned(liver, strategy="plane", planes=[third]).warnings
    assert planned(liver, strategy="plane", planes=[third], condition="cirrhosis").warnings


def test_a_tumour_at_the_vena_cava_is_told():
    cava = {"inferior_vena_cava": [((0.0, 44.0, -60.0), (0.0, 44.0, 60.0), 8.0)]}
    plan = planned(ball_liver({"tumour": ((0.0, 28.0, 0.0), 9.0)}, cava))
    assert any("touches the vena cava" in w for w in plan.warnings)
    assert any("inferior vena cava" in w for w in plan.warnings)


def test_slices_thicker_than_wide_give_the_same_volumes():
    fine = ball_liver(DEEP, voxel=1.0)
    thick = fine.with_(
        grid=fine.grid.with_spacing((1.0, 1.0, 3.0 * fine.grid.size[2] / (3 * (fine.grid.size[2] // 3)))),
        labels=np.asarray(fine.labels)[1::3][: fine.grid.size[2] // 3],
    )
    one = numbers(planned(fine, reach_surface=False))["resected volume"]
    other = numbers(planned(thick, reach_surface=False))["resected volume"]
    assert other == pytest.approx(one, rel=0.12)


def test_the_cut_does_not_bend_around_loose_voxels_beside_the_organ():
    liver = ball_liver(AT_THE_RIGHT)
    labels, at = np.array(liver.labels), places(liver.grid)
    labels[np.linalg.norm(at - (-52.0, 0.0, 12.0), axis=-1) < 2.5] = 1  # near the tumour, and free of the ball
    one, other = planned(liver), planned(liver.with_(labels=labels))
    assert numbers(other)["margin"] == pytest.approx(numbers(one)["margin"], abs=0.3)
    assert numbers(other)["resected volume"] == pytest.approx(numbers(one)["resected volume"], rel=0.01)
    assert not other.warnings


# -- what cannot be done ------------------------------------------------------------------------------------------------


def test_without_a_tumour_there_is_no_margin_to_ask_for():
    with pytest.raises(BadInput, match="no") as failure:
        planned(ball_liver())
    assert "Find or draw one" in failure.value.sentence
    with pytest.raises(BadInput, match="proposed"):
        propose(Anatomy.of(ball_liver()), Settings())


def test_a_margin_that_takes_everything_is_refused():
    with pytest.raises(BadInput, match="whole liver"):
        planned(ball_liver(DEEP), margin="60 mm")


def test_a_plane_beside_the_organ_takes_nothing():
    with pytest.raises(BadInput, match="Nothing"):
        planned(ball_liver(), strategy="plane", planes=[CutPlane(point_mm=(80, 0, 0), normal=(1, 0, 0))])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"strategy": "territories", "territories": ("nowhere",)}, "no territory 'nowhere'"),
        ({"tumours": ("tumour_9",)}, "no tumour 'tumour_9'"),
        ({"protect": {"gallbladder": "5 mm"}}, "no structure 'gallbladder'"),
        ({"margin": "-3 mm"}, "not possible"),
        ({"add_territories": ("nowhere",)}, "no territory 'nowhere'"),
    ],
)
def test_an_unknown_name_is_told_with_those_there_are(settings, said):
    liver = ball_liver(DEEP)
    with pytest.raises(BadInput, match=said):
        planned(liver, quarters(liver), **settings)


def test_territories_are_needed_for_territories():
    with pytest.raises(BadInput, match="no vascular territories"):
        planned(ball_liver(DEEP), strategy="territories")


def test_a_segmentation_without_the_organ_is_refused():
    liver = ball_liver(DEEP)
    with pytest.raises(BadInput, match="no spleen"):
        Anatomy.of(liver, organ="spleen")


# -- as an operation ----------------------------------------------------------------------------------------------------


def test_the_operation_makes_a_plan_with_its_recipe_that_the_store_keeps(tmp_path):
    from organtwin.store import load_object
    from organtwin.store.objects import save_object

    liver = ball_liver(AT_THE_RIGHT)
    (plan,) = find("resection-plan")({"segmentation": liver}, {"margin": "8 mm"})
    kept = load_object(save_object(plan, tmp_path))
    assert isinstance(kept, ResectionPlan)
    assert kept.recipe is not None
    assert kept.recipe.parameters["margin"] == "8 mm"
    assert (np.asarray(kept.taken) == np.asarray(plan.taken)).all()


def test_a_parameter_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="Unknown key"):
        find("resection-plan").read({"margins": "8 mm"})


def test_the_mesh_of_what_stays_has_the_cut_as_a_boundary_and_a_case_to_solve():
    from organtwin.model.tissue_case import TissueCase
    from organtwin.resection.opening import opening_case

    liver = ball_liver()
    plane = {"point_mm": (10, 0, 0), "normal": (1, 0, 0)}
    made = find("resection-plan")(
        {"segmentation": liver}, {"strategy": "plane", "planes": [plane], "opened": "remnant"}
    )
    plan, mesh = made
    corners = mesh.points_mm[mesh.boundary("cut")]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    assert area == pytest.approx(np.pi * (RADIUS**2 - 100), rel=0.12)
    case = TissueCase.model_validate(opening_case(plan, mesh))
    assert case.pulls[0].displacement_mm[0] < -10  # away from what was taken


def test_the_organ_is_opened_along_the_cut_but_for_a_hinge_at_the_back():
    from organtwin.model.tissue_case import TissueCase
    from organtwin.resection.opening import opening_case

    plane = {"point_mm": (10, 0, 0), "normal": (1, 0, 0)}
    plan, mesh = find("resection-plan")(
        {"segmentation": ball_liver()}, {"strategy": "plane", "planes": [plane], "opened": "open"}
    )
    lips = {name: mesh.points_mm[mesh.boundary(name)] for name in ("cut", "cut taken")}
    areas = {
        name: np.linalg.norm(np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]), axis=1).sum() / 2
        for name, c in lips.items()
    }
    assert areas["cut"] == pytest.approx(areas["cut taken"], rel=1e-9)
    whole = np.pi * (RADIUS**2 - 100)
    assert 0.5 * whole < areas["cut"] < 0.85 * whole  # the rest is the hinge
    assert lips["cut"][..., 1].max() < 32  # nothing is cut at the back
    volume = np.einsum("ij,ij->i", *_edges(mesh)).sum() / 6000
    assert volume == pytest.approx(WHOLE_ML, rel=0.03)
    case = TissueCase.model_validate(opening_case(plan, mesh))
    stays, taken = case.pulls  # the lips are drawn apart, half the way each
    assert stays.displacement_mm[0] == pytest.approx(-6, abs=0.5)
    assert taken.displacement_mm[0] == pytest.approx(6, abs=0.5)
    assert not set(stays.region.points) & set(taken.region.points)


def _edges(mesh: object) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d = (mesh.points_mm[mesh.tets[:, k]] for k in range(4))
    return b - a, np.cross(c - a, d - a)
