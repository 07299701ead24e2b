"""What surgical cuts do to all that lies on the table."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from organtwin_solvers.rehearsal.actions import perform
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.carried import Carried
from organtwin_solvers.rehearsal.history import History
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.rehearsal.supports import Held, Link, Springs

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.model import OrganMesh
from organtwin.model.kinds import kind_of
from organtwin.model.rehearsal import Incise, MarginResection, PlaneResection, PlanResection, Scene, SurfaceResection
from organtwin.model.resection_plan import ResectionPlan
from organtwin.rehearsal.frame import CUT, SKIN
from organtwin.space.grid import Grid

from .test_cutting import block, sphere

SIZE = (24.0, 20.0, 16.0)  # of the block, mm


class Table(SimpleNamespace):
    """The attributes of the engine that actions use."""

    @property
    def body(self) -> Body:
        return self.stepper.body

    def note(self, **changes: Any) -> None:
        self.history = replace(self.history, **changes)

    def volume(self) -> float:
        return float(self.body.volume_mm3.sum())


def tube(start: np.ndarray, end: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    import pyvista as pv

    made = pv.Tube(pointa=tuple(start), pointb=tuple(end), resolution=30, radius=radius, n_sides=24, capping=False)
    made = made.triangulate()
    return np.asarray(made.points, float), made.faces.reshape(-1, 4)[:, 1:].astype(np.int32)


@pytest.fixture
def table() -> Table:
    """A block fixed at its left face, with a tumour of radius 3 in its middle and a vein of 3 mm along it."""
    points, tets, skin = block((12, 10, 8))
    organ = OrganMesh(
        name="block",
        structure="block",
        points_mm=points,
        tets=tets,
        boundary_triangles=skin,
        boundary_tags=np.ones(len(skin), np.int16),
        boundaries={"surface": 1},
    )
    body = Body.of(organ, Scene())
    stepper = Stepper(body)
    left = np.flatnonzero(points[:, 0] == 0).astype(np.int32)
    stepper.held["fixed 1"] = Held(left, points[left])
    tumour = Carried.bound("Tumour", "tumour", *sphere(np.array([16.0, 10.0, 8.0]), 3.0), body)
    vein = Carried.bound(
        "Portal vein", "vessel", *tube(np.array([2.0, 4.0, 8.0]), np.array([22.0, 4.0, 8.0]), 1.5), body
    )
    return Table(
        organ=organ,
        scene=Scene(),
        stepper=stepper,
        carried=(tumour, vein),
        trees=(),
        plan=None,
        history=History(volume_mm3=float(body.volume_mm3.sum())),
    )


def thing(table: Table, name: str) -> Carried:
    return next(c for c in table.carried if c.name == name)


def closed(table: Table) -> bool:
    body = table.body
    return bool(
        np.array_equal(np.sort(np.sort(quality.boundary(body.tets), 1), 0), np.sort(np.sort(body.triangles, 1), 0))
    )


def test_a_plane_takes_its_side_away_and_says_how_much_and_what_it_cut(table: Table) -> None:
    whole = table.volume()
    said = perform(table, PlaneResection(point_mm=(10.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0)))
    assert table.history.taken_mm3 == pytest.approx(14 * 20 * 16, rel=0.01)
    assert table.volume() + table.history.taken_mm3 == pytest.approx(whole, rel=1e-12)
    assert said.startswith("Took 4 mL away (58 %)")
    assert table.history.margin_mm == pytest.approx(3.0, abs=0.3)
    (cut,) = table.history.severed
    assert cut.branch == "Portal vein"
    assert cut.diameter_mm == pytest.approx(3.0, abs=0.2)
    assert cut.at_mm == pytest.approx((10.0, 4.0, 8.0), abs=0.2)
    assert closed(table)
    assert (table.body.kinds == CUT).sum() > 100
    used = np.unique(table.body.tets)
    assert table.body.rest_mm[used, 0].max() < 10.8
    assert thing(table, "Tumour").gone.all()
    gone = thing(table, "Portal vein").gone
    assert 0.5 < gone.mean() < 0.7


def test_a_tumour_that_bulges_out_of_the_organ_goes_whole_with_its_tissue_and_a_vessel_outside_stays(
    table: Table,
) -> None:
    bulge = sphere(np.array([22.0, 10.0, 16.0]), 7.0)  # up to 7 mm above the block
    table.carried = (
        Carried.bound("Tumour", "tumour", *bulge, table.body),
        Carried.bound("Artery", "vessel", *bulge, table.body),
    )
    perform(table, PlaneResection(point_mm=(10.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0)))
    assert thing(table, "Tumour").gone.all()  # nothing of it is left in the air
    assert not thing(table, "Artery").gone.all()


def test_an_incision_opens_when_it_is_pulled(table: Table) -> None:
    said = perform(table, Incise(path_mm=((12.1, 4.0, 16.0), (12.1, 16.0, 16.0)), depth="8 mm"))
    assert said.startswith("Incised 12 mm, 8 mm deep")
    assert "parted" not in said
    assert table.history.taken_mm3 == 0
    faces = table.body.triangles[table.body.kinds == CUT]
    middle = table.body.rest_mm[faces].mean(axis=1)
    assert np.abs(middle[:, 0] - 12.1).max() < 0.8
    assert middle[:, 2].min() > 7.5
    assert middle[:, 2].max() > 14.5
    rest = table.body.rest_mm
    pulled = rest + np.where(_right_of_crack(table), 1.0, 0.0)[:, None] * np.array([3.0, 0, 0])
    skin_gap = pulled[np.unique(faces)]
    assert np.ptp(skin_gap[skin_gap[:, 2] > 15.0][:, 0]) > 2.5
    assert (quality.volumes(pulled, table.body.tets) > 0).mean() > 0.9


def _right_of_crack(table: Table) -> np.ndarray:
    """Points of tetrahedra right of the crack, by their middles."""
    body = table.body
    right = body.rest_mm[body.tets].mean(axis=1)[:, 0] > 12.1
    out = np.zeros(len(body.rest_mm), bool)
    out[body.tets[right]] = True
    left = np.zeros(len(out), bool)
    left[body.tets[~right]] = True
    return out & ~left


def test_an_incision_along_a_direction_and_over_the_edge_of_the_organ(table: Table) -> None:
    said = perform(
        table, Incise(path_mm=((10.0, 10.0, 16.5), (30.0, 10.0, 16.5)), depth="5 mm", direction=(0.0, 0.0, -1.0))
    )
    assert said.startswith("Incised")
    assert closed(table)
    assert table.volume() == pytest.approx(np.prod(SIZE), rel=1e-12)


def test_a_cut_across_a_fixed_face_leaves_both_sides_held(table: Table) -> None:
    before = len(table.stepper.held["fixed 1"].nodes)
    perform(table, Incise(path_mm=((0.0, 10.1, 3.0), (0.0, 10.1, 13.0)), depth="8 mm"))
    held = table.stepper.held["fixed 1"]
    assert len(held.nodes) > before
    assert np.allclose(held.targets_mm, table.body.rest_mm[held.nodes])
    on_face = np.unique(table.body.triangles[(table.body.rest_mm[table.body.triangles][:, :, 0] == 0).all(axis=1)])
    assert np.array_equal(np.sort(held.nodes), on_face)
    table.stepper.step()
    assert np.isfinite(table.stepper.x).all()


def test_springs_keep_their_stiffness_and_threads_their_ends(table: Table) -> None:
    body = table.body
    top = np.flatnonzero(body.rest_mm[:, 2] == SIZE[2]).astype(np.int32)
    from organtwin_solvers.rehearsal.holds import node_areas

    on_top = (body.rest_mm[body.triangles][:, :, 2] == SIZE[2]).all(axis=1)
    area = node_areas(body.rest_mm, body.triangles[on_top])[top]
    table.stepper.springs = [Springs(top, 50.0 * area, body.rest_mm[top], np.tile([0.0, 0, 1], (len(top), 1)))]
    ends = [np.array(n, np.int32) for n in (top[:4], top[-4:])]
    table.stepper.links = [Link(ends[0], np.full(4, 0.25), ends[1], np.full(4, 0.25), 10.0)]
    total = table.stepper.springs[0].stiffness.sum()
    perform(table, Incise(path_mm=((12.1, 4.0, 16.0), (12.1, 16.0, 16.0)), depth="8 mm"))
    springs = table.stepper.springs[0]
    assert springs.stiffness.sum() == pytest.approx(total, rel=1e-9)
    assert (springs.stiffness > 0).all()
    assert np.allclose(springs.rest_mm, table.body.rest_mm[springs.nodes])
    perform(table, PlaneResection(point_mm=(14.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0)))
    assert table.stepper.springs[0].stiffness.sum() == pytest.approx(50 * 14 * 20, rel=0.02)
    assert table.stepper.links == []  # one end went


def test_what_is_cut_deformed_is_the_same_tissue_at_rest(table: Table) -> None:
    body = table.body
    bent = body.rest_mm + np.stack(
        [0.01 * body.rest_mm[:, 2] ** 2, np.zeros(len(body.rest_mm)), body.rest_mm[:, 0] * 0.2], 1
    )
    table.stepper.adopt(body, bent, np.zeros_like(bent))
    perform(table, PlaneResection(point_mm=(18.0, 0.0, 3.0), normal=(1.0, 0.0, 0.0)))
    assert quality.volumes(table.stepper.x, table.body.tets).min() > 0
    assert table.body.volume_mm3.min() > 0
    now = table.stepper.x[np.unique(table.body.tets)]
    assert now[:, 0].max() < 18.8
    assert table.volume() + table.history.taken_mm3 == pytest.approx(np.prod(SIZE), rel=1e-12)


def test_a_margin_that_touches_no_skin_leaves_a_hollow_and_says_so(table: Table) -> None:
    said = perform(table, MarginResection(inside="Tumour", margin="3 mm"))
    assert "no way leads out" in said
    assert 2.85 < table.history.margin_mm < 3.3
    assert 4 / 3 * np.pi * 6**3 < table.history.taken_mm3 < 4 / 3 * np.pi * 6.8**3
    assert thing(table, "Tumour").taken.all()
    assert closed(table)


def test_a_margin_reaching_the_skin_leads_out(table: Table) -> None:
    said = perform(table, MarginResection(inside="Tumour", margin="5.5 mm"))
    assert "no way" not in said
    assert "Portal vein" in said
    assert closed(table)


def test_a_curve_takes_the_piece_that_is_pointed_at(table: Table) -> None:
    curve = ((6.0, 5.0, 16.0), (8.0, 8.0, 16.0), (7.0, 15.0, 16.0))
    perform(table, SurfaceResection(path_mm=curve, direction=(0.0, 0.0, -1.0), take_mm=(24.0, 10.0, 8.0)))
    assert 0.6 < table.history.taken_mm3 / np.prod(SIZE) < 0.75
    assert np.unique(table.body.tets).size


def test_a_plan_takes_what_it_planned(table: Table) -> None:
    import pyvista as pv

    flat = pv.Plane(
        center=(10.0, 10.0, 8.0), direction=(1, 0, 0), i_size=18, j_size=22, i_resolution=9, j_resolution=11
    )
    flat = flat.triangulate()
    grid = Grid.make((12, 10, 8), (2.0, 2.0, 2.0), (1.0, 1.0, 1.0))
    taken = np.zeros(grid.shape, bool)
    taken[:, :, 5:] = True
    table.plan = ResectionPlan(
        name="Right half",
        segmentation="",
        organ="block",
        tumours=(),
        margin="5 mm",
        grid=grid,
        taken=taken,
        cut_points_mm=np.asarray(flat.points, float),
        cut_triangles=flat.faces.reshape(-1, 4)[:, 1:].astype(np.int32),
    )
    said = perform(table, PlanResection())
    assert "by the plan 'Right half'" in said
    assert table.history.taken_mm3 == pytest.approx(14 * 20 * 16, rel=0.02)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (PlaneResection(point_mm=(99.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0)), "goes through nothing"),
        (PlaneResection(point_mm=(10.0, 0.0, 0.0), normal=(0.0, 0.0, 0.0)), "no length"),
        (PlaneResection(point_mm=(10.0, 0.0, 0.0), normal=(-1.0, 0.0, 0.0)), "all that holds the organ"),
        (Incise(path_mm=((12.0, 4.0, 16.0), (12.0, 4.0, 16.0))), "two distinct points"),
        (Incise(path_mm=((12.0, 4.0, 99.0), (12.0, 8.0, 99.0))), "83 mm from the organ"),
        (Incise(path_mm=((12.0, 4.0, 16.0), (12.0, float("nan"), 16.0))), "not a finite number"),
        (Incise(path_mm=((12.0, 4.0, 16.0), (12.0, 9.0, 16.0)), direction=(0.0, 0.0, 0.0)), "no length"),
        (Incise(path_mm=((12.0, 4.0, 16.0), (12.0, 9.0, 16.0)), direction=(0.0, 0.0, 1.0)), "points out of the organ"),
        (MarginResection(inside="Cyst"), "carries no 'Cyst'. It carries: 'Tumour', 'Portal vein'"),
        (MarginResection(inside="Tumour", margin="50 mm"), "takes everything"),
        (
            SurfaceResection(path_mm=((7.0, 5.0, 16.0), (7.0, 5.0, 16.0)), direction=(0, 0, 1), take_mm=(24, 10, 8)),
            "two distinct points",
        ),
        (
            SurfaceResection(path_mm=((7.0, 5.0, 16.0), (7.0, 5.0, 12.0)), direction=(0, 0, 1), take_mm=(24, 10, 8)),
            "two distinct points",
        ),
        (PlanResection(), "no plan on the table"),
    ],
)
def test_a_refused_cut_changes_nothing_and_says_why(table: Table, command: Any, sentence: str) -> None:
    body, x, carried, history = table.body, table.stepper.x.copy(), table.carried, table.history
    held = dict(table.stepper.held)
    with pytest.raises(BadInput, match=sentence):
        perform(table, command)
    assert table.body is body
    assert np.array_equal(table.stepper.x, x)
    assert table.carried is carried
    assert table.history is history
    assert table.stepper.held == held


def test_a_piece_that_nothing_holds_is_said(table: Table) -> None:
    across = ((12.1, -1.0, 16.0), (12.1, 21.0, 16.0))
    said = perform(table, Incise(path_mm=across, depth="18 mm", direction=(0.0, 0.0, -1.0)))
    assert "parted" in said
    assert "a piece is held by nothing" in said


def test_a_cut_is_the_same_bytes_each_time(table: Table) -> None:
    body, x, carried = table.body, table.stepper.x.copy(), table.carried
    states = []
    for _ in range(2):
        table.carried = carried
        table.stepper.held = {"fixed 1": Held(np.arange(5, dtype=np.int32), body.rest_mm[:5])}
        table.stepper.adopt(body, x, np.zeros_like(x))
        perform(table, PlaneResection(point_mm=(10.0, 3.0, 0.0), normal=(1.0, 0.2, 0.1)))
        states.append((table.body.tets.tobytes(), table.body.rest_mm.tobytes(), table.stepper.x.tobytes()))
    assert states[0] == states[1]


# -- what is carried -----------------------------------------------------------------------------------------------------


def test_carried_points_follow_an_affine_motion_exactly(table: Table) -> None:
    body = table.body
    matrix = np.array([[1.1, 0.2, 0.0], [0.0, 0.9, 0.1], [0.05, 0.0, 1.0]])
    tumour = thing(table, "Tumour")
    assert tumour.inside.all()
    assert np.allclose(tumour.positions(body.rest_mm @ matrix.T), tumour.points_mm @ matrix.T)


def test_points_outside_follow_the_skin_and_far_ones_stay(table: Table) -> None:
    body = table.body
    places = np.array([[25.0, 10.0, 8.0], [44.0, 10.0, 8.0], [200.0, 10.0, 8.0]])
    thing = Carried.bound("Vena cava", "vessel", places, np.array([[0, 1, 2]], np.int32), body)
    moved = thing.positions(body.rest_mm + np.array([0.0, 5.0, 0.0])) - places
    assert moved[0] == pytest.approx([0, 5, 0])
    assert 0 < moved[1, 1] < 5
    assert moved[2] == pytest.approx([0, 0, 0])
    assert list(thing.inside) == [True, False, False]


def test_points_on_the_two_sides_of_a_cut_follow_their_own_side(table: Table) -> None:
    perform(table, Incise(path_mm=((12.1, -1.0, 16.0), (12.1, 21.0, 16.0)), depth="18 mm", direction=(0, 0, -1.0)))
    body, vein = table.body, thing(table, "Portal vein")
    right = _right_of_crack(table)
    x = body.rest_mm + np.where(right, 6.0, 0.0)[:, None] * np.array([1.0, 0.0, 0.0])
    moved = vein.positions(x)[:, 0] - vein.points_mm[:, 0]
    at = vein.points_mm[:, 0]
    assert np.allclose(moved[at > 13.0], 6.0)
    assert np.allclose(moved[at < 11.2], 0.0)
    assert np.isclose(moved, 0.0).sum() + np.isclose(moved, 6.0).sum() == len(moved)
    corners = vein.positions(x)[vein.triangles[~vein.gone]]
    assert np.ptp(corners[:, :, 0], axis=1).max() < 2.0  # no triangle spans the gap
    assert 0 < vein.gone.sum() < 0.2 * len(vein.gone)


def test_kinds_are_told_from_the_structure_and_the_name() -> None:
    assert [kind_of(k) for k in ("portal_vein", "tumour", "hepatic_artery", "gallbladder")] == [
        "vessel",
        "tumour",
        "vessel",
        "other",
    ]
    assert kind_of("segment_1", "Liver metastasis") == "tumour"


def test_skin_stays_skin(table: Table) -> None:
    perform(table, PlaneResection(point_mm=(10.0, 0.0, 0.0), normal=(1.0, 0.0, 0.0)))
    body = table.body
    skin = body.rest_mm[body.triangles[body.kinds == SKIN]]
    on_box = ((np.ptp(skin, axis=1) < 1e-9) & np.isin(skin[:, 0].round(9), [0.0, *SIZE])).any(axis=1)
    assert on_box.all()


def test_warming_up_compiles_what_a_cut_needs() -> None:
    from organtwin_solvers.rehearsal.warming import warm_up

    from organtwin.mesh.cutting import kernels

    warm_up()
    assert kernels.split.signatures
    assert kernels.part_stars.signatures


def test_a_cut_is_undone_and_done_again_to_the_same_bytes_by_the_engine(table: Table) -> None:
    from organtwin_solvers.rehearsal.engine import Engine

    from organtwin.model import Surface
    from organtwin.model.tissue_case import Region

    points, faces = sphere(np.array([16.0, 10.0, 8.0]), 3.0)
    tumour = Surface(name="Tumour", structure="tumour", points_mm=points, triangles=faces)
    scene = Scene(fixed=(Region(toward=(-1.0, 0.0, 0.0), fraction=0.05),), gravity=(0.0, 0.0, -1.0))
    engine = Engine({"mesh": table.organ, "inside-1": tumour}, scene)
    engine.step()
    before, digest = engine.snapshot(), engine.digest()
    ends = []
    for _ in range(2):
        engine.restore(before)
        assert engine.digest() == digest
        engine.do(Incise(path_mm=((12.1, 4.0, 16.0), (12.1, 16.0, 16.0)), depth="8 mm"))
        engine.step()
        engine.do(MarginResection(inside="Tumour", margin="3 mm"))
        for _ in range(3):
            engine.step()
        frame = engine.frame()
        assert frame.carried_gone["Tumour"].all()
        assert np.isfinite(frame.points_mm).all()
        assert frame.measures.resected_ml + frame.measures.remnant_ml == pytest.approx(7.68)
        ends.append(engine.digest())
    assert ends[0] == ends[1]
