"""Contact in the full solve: exact tangents, balance, distance, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.case import facets
from organtwin_solvers.tissue.contact import Contact, Skin
from organtwin_solvers.tissue.contact_neighbours import Neighbour
from organtwin_solvers.tissue.contact_organs import OrganContact
from organtwin_solvers.tissue.contact_tools import Tool, tools_of
from organtwin_solvers.tissue.deform import deform
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.operation import OPERATION
from organtwin_solvers.tissue.problem import Problem, Support
from organtwin_solvers.tissue.together import together
from organtwin_solvers.validation import hertz, patch
from organtwin_solvers.validation.block import block
from pydantic import ValidationError

from organtwin.errors import BadInput, SolveFailed
from organtwin.model import OrganMesh, Result, TissueCase
from organtwin.model.tissue_case import Material, Pull, Region, Spring, TissueNumerics
from organtwin.model.tool import Blade, Plane, Pose, RigidTool, Rod, Sphere
from organtwin.monitor import NullMonitor

SHAPES = [
    Sphere(radius="4 mm"),
    Rod(radius="2 mm", length="20 mm"),
    Blade(width="10 mm", length="20 mm", thickness="3 mm"),
    Plane(),
]
SIDE_MM = 30.0
COARSE = TissueNumerics(element="linear", load_steps=3)


def cushion(cells: int = 5) -> OrganMesh:
    return block((cells, cells, 3), (SIDE_MM, SIDE_MM, 15.0), "cushion")


def case(**changes: object) -> TissueCase:
    given = {"material": Material(young="6 kPa", poisson=0.45), "fixed": (Region(boundary="z0"),), "numerics": COARSE}
    return TissueCase(**{**given, **changes})


def ball_pressed_by(depth_mm: float, **more: object) -> RigidTool:
    top = 15.0 + 8.0
    return RigidTool(
        shape=Sphere(radius="8 mm"),
        start=Pose(tip_mm=(14, 16, top + 0.5)),
        pose=Pose(tip_mm=(14, 16, top - depth_mm)),
        **more,
    )


def quantity(result: Result, name: str) -> float:
    return next(q.value for q in result.quantities if q.name == name)


# -- distances ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.shape)
def test_normal_and_curvature_are_the_derivatives_of_the_distance_to_a_tool(shape):
    pose = Pose(tip_mm=(1, 2, 3), axis=(0.3, 0.2, -1), normal=(0, -1, 0.2))
    tool = Tool(RigidTool(shape=shape, pose=pose, start=Pose(tip_mm=(5, 5, 5))), "tool")
    tool.move(0.7)
    x = 8 * np.random.default_rng(0).normal(size=(500, 3)) + (2, 3, 4)
    gap, h = tool.gap(x), 1e-5
    gradient = [(tool.gap(x + h * e).distance - tool.gap(x - h * e).distance) / (2 * h) for e in np.eye(3)]
    second = [(tool.gap(x + h * e).normal - tool.gap(x - h * e).normal) / (2 * h) for e in np.eye(3)]
    assert np.quantile(np.abs(np.stack(gradient, 1) - gap.normal), 0.98) < 1e-6
    assert np.quantile(np.abs(np.stack(second, 2) - gap.curvature), 0.98) < 1e-6


def test_a_rod_reaches_from_its_tip_back_against_its_axis():
    tool = Tool(RigidTool(shape=SHAPES[1], pose=Pose(tip_mm=(0, 0, 0), axis=(0, 0, -1))), "rod")
    places = np.array([[0, 0, 0], [0, 0, -1], [2, 0, 10], [0, 0, 20], [0, 0, 21], [0, 5, 5]], float)
    assert np.allclose(tool.gap(places).distance, [0, 1, 0, 0, 1, 3], atol=1e-9)


def test_a_blade_is_as_wide_long_and_thick_as_said():
    tool = Tool(RigidTool(shape=SHAPES[2], pose=Pose(tip_mm=(0, 0, 0), axis=(0, 0, -1), normal=(0, -1, 0))), "blade")
    places = np.array([[0, 0, 0], [5, 0, 10], [-5, 0, 10], [0, 1.5, 10], [0, -1.5, 10], [0, 0, 20]], float)
    assert np.allclose(tool.gap(places).distance, 0, atol=1e-9)


def test_the_distance_to_a_neighbour_is_smooth_and_that_to_its_surface():
    mesh = block((6, 6, 6), lambda unit: 12 * _ball(2 * unit - 1), "ball")
    neighbour = Neighbour.of(mesh, "ball")
    x = np.random.default_rng(1).normal(size=(300, 3))
    x *= np.random.default_rng(2).uniform(10.5, 13.0, (300, 1)) / np.linalg.norm(x, axis=1, keepdims=True)
    gap, h = neighbour.gap(x), 1e-4
    assert np.abs(gap.distance - (np.linalg.norm(x, axis=1) - 12)).max() < 0.5  # of facets 4 mm long
    gradient = [(neighbour.gap(x + h * e).distance - neighbour.gap(x - h * e).distance) / (2 * h) for e in np.eye(3)]
    second = [(neighbour.gap(x + h * e).normal - neighbour.gap(x - h * e).normal) / (2 * h) for e in np.eye(3)]
    assert np.allclose(np.stack(gradient, 1), gap.normal, atol=1e-6)
    assert np.allclose(np.stack(second, 2), gap.curvature, atol=1e-4)


def _ball(cube: np.ndarray) -> np.ndarray:
    return (
        cube * np.abs(cube).max(axis=1, keepdims=True) / np.maximum(np.linalg.norm(cube, axis=1, keepdims=True), 1e-9)
    )


# -- equations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("degree", [1, 2])
def test_the_tangent_of_contact_is_exact(mixed: bool, degree: int):
    fem = fem_mesh(block((3, 3, 3), (10.0, 10.0, 10.0)))
    elastic = Elastic.from_young(law("neo_hookean"), 6000.0, 0.45)
    body = Problem(fem.mesh, elastic, Formulation(mixed, degree), [Support("fixed", fem.facets("z0"))])
    tools = (
        RigidTool(shape=Sphere(radius="4 mm"), pose=Pose(tip_mm=(5.1, 4.3, 13.5))),
        RigidTool(shape=Blade(width="8 mm"), pose=Pose(tip_mm=(11, 5, 5.3), axis=(0, 0.1, -1), normal=(1, 0, 0.1))),
    )
    body.add(Contact(Skin(body.displacement_space, body.u_dofs, fem.facets("x1", "z1")), tools_of(tools), 8000.0))
    random, state = np.random.default_rng(4), body.state.x.array
    state[body.u_dofs] = 0.1 * random.standard_normal(len(body.u_dofs))
    state[body.held] = 0.0
    there, step = state.copy(), np.where(body.free, random.standard_normal(len(state)), 0.0)
    tangent = body.assemble_tangent()
    x, y = tangent.createVecs()
    x.array[:] = step
    tangent.mult(x, y)
    state[:] = there + 1e-6 * step
    forward = body.residual()
    state[:] = there - 1e-6 * step
    difference = np.where(body.free, (forward - body.residual()) / 2e-6, 0.0)
    assert np.linalg.norm(y.array - difference) < 1e-6 * np.linalg.norm(difference)


def test_a_plane_that_presses_a_block_between_rollers_makes_the_stress_of_compression():
    fem = fem_mesh(block((3, 3, 3), (10.0, 10.0, 10.0)))
    rollers = [Support(face, fem.facets(face), components=(axis,)) for axis, face in enumerate(("x0", "y0", "z0"))]
    body = Problem(fem.mesh, Elastic.from_young(law("linear"), 6000.0, 0.3), Formulation(False, 1), rollers)
    plate = RigidTool(
        shape=Plane(), start=Pose(tip_mm=(0, 0, 10), axis=(0, 0, 1)), pose=Pose(tip_mm=(0, 0, 9), axis=(0, 0, 1))
    )
    contact = Contact(Skin(body.displacement_space, body.u_dofs, fem.facets("z1")), tools_of((plate,)), 1e5)
    body.add(contact)
    follow_load(body, steps=1, tolerance=1e-8)
    pressure = contact.pressures(body.state.x.array)
    assert np.allclose(pressure, 600.0, rtol=0.01)
    assert contact.forces(body.state.x.array, fem.comm)["plane"] == pytest.approx([0, 0, -6e4], rel=0.01, abs=1.0)


# -- the public way -------------------------------------------------------------------------------------------------


def test_a_ball_pressed_into_tissue_meets_the_force_that_the_support_bears():
    result = deform(cushion(), case(tools=(ball_pressed_by(3.0),)))
    force = quantity(result, "force at the sphere")
    assert 0.05 < force < 2.0
    assert force == pytest.approx(quantity(result, "force at the fixed region"), rel=1e-4)
    forces = result.histories["force at sphere N"]
    assert forces[0] == 0
    assert np.all(np.diff(forces) >= 0)
    assert "largest penetration" in result.credibility["contact"]
    down = -result.fields["displacement_mm"][-1][:, 2]
    assert 2.0 < down.max() < 3.1


def test_a_tool_far_away_moves_nothing():
    away = RigidTool(shape=Sphere(), pose=Pose(tip_mm=(100, 100, 100)))
    result = deform(cushion(), case(tools=(away,)))
    assert quantity(result, "force at the sphere") == 0
    assert np.abs(result.fields["displacement_mm"]).max() < 1e-9


def test_a_tool_laid_into_the_surface_without_a_start_grows_to_its_size_and_says_so():
    pose = ball_pressed_by(3.0).pose
    grown = deform(cushion(), case(tools=(RigidTool(shape=Sphere(radius="8 mm"), pose=pose),)))
    brought = deform(cushion(), case(tools=(ball_pressed_by(3.0),)))
    assert quantity(grown, "force at the sphere") == pytest.approx(quantity(brought, "force at the sphere"), rel=0.02)
    assert any(re.search(r"overlapped the organ by [23]\.\d mm at rest", note) for note in grown.notes)


def test_an_organ_sags_onto_its_neighbour_and_not_into_it():
    shelf = block((4, 4, 1), lambda unit: unit * (50, 50, 10) + (-10, -10, -11), "shelf")
    given = case(fixed=(Region(boundary="x0"),), gravity=(0, 0, -1), material=Material(young="1 kPa", poisson=0.45))
    free = deform(cushion(), given)
    (lying,) = OPERATION({"mesh": cushion(), "neighbour-1": shelf}, {"case": given.model_dump(mode="json")})
    lowest = [(cushion().points_mm + r.fields["displacement_mm"][-1])[:, 2].min() for r in (free, lying)]
    assert lowest[0] < -2.0
    assert -1.2 < lowest[1] < -0.8
    weight = 30 * 30 * 15 * 1.06e-3 * 9806.65e-6
    assert 0.2 * weight < quantity(lying, "force at the shelf") < weight


# -- what is refused ------------------------------------------------------------------------------------------------


def test_a_tool_that_starts_inside_the_organ_is_refused_with_its_depth():
    inside = RigidTool(shape=Rod(), pose=Pose(tip_mm=(15, 15, 5)))
    with pytest.raises(
        BadInput, match=r"The rod starts inside the organ, \d.* mm under its surface.*Give it a start outside"
    ):
        deform(cushion(), case(tools=(inside,)))


def test_organs_that_overlap_deeply_are_refused_with_the_place():
    far_in = block((3, 3, 3), lambda unit: unit * 40 + (-5, -5, 2), "spleen")
    with pytest.raises(BadInput, match=r"'spleen' and 'cushion' overlap by 1\d mm \(near"):
        deform(cushion(), case(gravity=(0, 0, -1)), neighbours={"neighbour-1": far_in})


def test_friction_is_refused_rather_than_left_out():
    with pytest.raises(BadInput, match=r"knows no friction, and the sphere has 0\.3"):
        deform(cushion(), case(tools=(ball_pressed_by(1.0, friction=0.3),)))


def test_a_blade_thicker_than_wide_and_a_ball_without_size_are_refused():
    pose = Pose(tip_mm=(50, 50, 50))
    for shape, said in (
        (Blade(width="2 mm"), "thicker than it is wide"),
        (Sphere(radius="0 mm"), "radius 0 mm is no tool"),
    ):
        with pytest.raises(BadInput, match=said):
            deform(cushion(), case(tools=(RigidTool(shape=shape, pose=pose),)))


def test_a_pose_that_is_not_a_number_is_one_sentence():
    plain = case(tools=(ball_pressed_by(1.0),)).model_dump(mode="json")
    plain["tools"][0]["pose"]["tip_mm"] = [1.0, float("nan"), 2.0]
    with pytest.raises(BadInput, match=r"tip_mm\.1: NaN is not a number"):
        OPERATION({"mesh": cushion()}, {"case": plain})
    with pytest.raises(ValidationError):
        Pose(tip_mm=(0, 0, 0), axis=(0, 0, 1), normal=(0, 0, 2))


# -- published and by hand ------------------------------------------------------------------------------------------


def test_a_ball_on_a_half_space_meets_hertzs_force_radius_and_pressure():
    force, touch, pressure, _ = hertz.solve(0.49, Formulation(True, 2), 6, NullMonitor())
    reference, peak = hertz.by_hand(0.49)
    assert force == pytest.approx(reference, rel=0.05)
    assert touch == pytest.approx(hertz.TOUCH_MM, rel=0.05)
    assert pressure == pytest.approx(peak, rel=0.08)


def test_a_ball_as_soft_as_the_half_space_meets_half_of_hertzs_force_and_gives_it_back():
    force, given_back, _ = hertz.two_bodies(0.3, Formulation(False, 2), 5, NullMonitor())
    assert force == pytest.approx(hertz.by_hand(0.3)[0] / 2, rel=0.05)
    assert given_back == pytest.approx(1.0, rel=1e-9)


def test_uniform_stays_uniform_inside_and_through_contact():
    assert [row.quantity for row in patch.CASE.run(True, NullMonitor()) if not row.passed] == []


# -- hard loads -----------------------------------------------------------------------------------------------------


def test_a_slender_column_under_a_plate_gives_way_to_the_side_instead_of_failing():
    column = block((3, 3, 10), (20.0, 20.0, 80.0), "column")
    plate = RigidTool(
        shape=Plane(), start=Pose(tip_mm=(0, 0, 81), axis=(0, 0, 1)), pose=Pose(tip_mm=(0, 0, 60), axis=(0, 0, 1))
    )
    result = deform(column, case(tools=(plate,)))
    assert result.times_s[-1] == 1.0
    sideways = np.linalg.norm(result.fields["displacement_mm"][-1][:, :2], axis=1).max()
    assert sideways > 5.0  # Euler: it buckles from 1.3 % on; 25 % are asked for


def test_a_thin_rod_pushed_too_deep_is_said_to_be_too_thin_for_the_mesh():
    needle = RigidTool(shape=Rod(radius="1 mm"), start=Pose(tip_mm=(14, 16, 16)), pose=Pose(tip_mm=(14, 16, 3)))
    with pytest.raises(
        SolveFailed, match=r"no equilibrium beyond \d+ %.*The rod is round with 1\.0 mm where the mesh has edges"
    ):
        deform(cushion(), case(tools=(needle,), numerics=TissueNumerics(element="linear", max_newton=8)))


# -- neighbours that give way ---------------------------------------------------------------------------------------


def pressed_together(young: str, element: str = "linear", **more: object) -> Result:
    """Two cubes of 10 mm, the lower one held far below, the upper one pressed down by 0.5 mm; without Poisson's effect."""
    top = block((3, 3, 3), lambda unit: 10 * unit + (0, 0, 10), "top")
    bottom = block((4, 4, 3), lambda unit: 10 * unit, "bottom")
    pull = Pull(region=Region(boundary="z1"), displacement_mm=(0, 0, -0.5))
    given = case(
        material=Material(law="linear", young="6 kPa", poisson=0.0),
        fixed=(),
        springs=(Spring(region=Region(boundary="x0"), stiffness="0.001 Pa/mm"),),
        pulls=(pull,),
        neighbour_material=Material(law="linear", young=young, poisson=0.0),
        numerics=TissueNumerics(element=element, formulation="displacement", load_steps=2),
    )
    return deform(top, given, neighbours={"neighbour-1": bottom})


@pytest.mark.parametrize("element", ["linear", "quadratic"])
def test_what_presses_on_a_soft_neighbour_is_what_holds_it(element: str):
    result = pressed_together("6 kPa", element)
    held, pulled, between = (
        quantity(result, f"force at the {name}") for name in ("far side of the bottom", "pulled region", "bottom")
    )
    assert between == pytest.approx(held, rel=1e-5)
    assert between == pytest.approx(pulled, rel=1e-5)
    assert len(result.fields["displacement_mm"][-1]) == 4**3  # of the organ alone
    depth = re.search(r"penetration [0-9.]+ mm, ([0-9.]+) %", result.credibility["contact"])
    assert depth is not None
    assert float(depth[1]) <= 1.0


def test_pressure_between_two_blocks_is_uniform_and_both_give_way_alike():
    mesh = together(
        block((3, 3, 3), lambda unit: 10 * unit + (0, 0, 10), "top"),
        case(gravity=(0, 0, -1), neighbour_material=Material()),
        {"bottom": block((4, 4, 3), (10.0, 10.0, 10.0))},
    )
    assert mesh.mesh.points_mm[mesh.behind["bottom"]][:, 2].max() <= 5.0
    fem = fem_mesh(mesh.mesh.with_(boundary_tags=np.arange(mesh.first[-1], dtype=np.int32)))
    x = np.asarray(mesh.mesh.points_mm)[np.asarray(mesh.mesh.boundary_triangles)]

    def at(axis: int, place: float, piece: int | None = None) -> np.ndarray:
        mask = (np.abs(x[:, :, axis] - place) < 1e-9).all(axis=1)
        return facets(fem, mask if piece is None else mask & mesh.triangles(piece))

    supports = [
        Support("x", at(0, 0.0), components=(0,)),
        Support("y", at(1, 0.0), components=(1,)),
        Support("below", at(2, 0.0), components=(2,)),
        Support("above", at(2, 20.0), lambda place: np.stack([0 * place[0], 0 * place[0], 0 * place[0] - 1]), (2,)),
    ]
    body = Problem(fem.mesh, Elastic.from_young(law("linear"), 6000.0, 0.3), Formulation(False, 1), supports)
    own, other = (
        Skin(body.displacement_space, body.u_dofs, at(2, 10.0, piece), apart_mm)
        for piece, apart_mm in ((0, 1.0), (1, 9.0))
    )
    contact = OrganContact(own, other, 6000.0 / 0.91, "bottom")
    body.add(contact)
    follow_load(body, steps=1, tolerance=1e-8)
    state = body.state.x.array
    pressure = contact.pressures(state)
    mean = float((pressure * own.weight).sum() / 100)
    assert mean == pytest.approx(6000 * 1 / 20, rel=0.01)
    assert np.quantile(np.abs(pressure / mean - 1), 0.9) < 0.15  # point by point; the meshes do not match
    reactions = body.reactions()
    force = contact.forces(state, fem.comm)["bottom"][2]
    assert reactions["below"][2] == pytest.approx(force, rel=1e-6)
    assert reactions["above"][2] == pytest.approx(-force, rel=1e-6)
    moved = fem.to_points(body.displacement())[np.abs(mesh.mesh.points_mm[:, 2] - 10) < 1e-9, 2]
    assert moved == pytest.approx(-0.5, abs=0.02)


def test_a_stiff_neighbour_that_gives_way_is_the_rigid_one():
    shelf = block((4, 4, 1), lambda unit: unit * (50, 50, 10) + (-10, -10, -11), "shelf")
    given = case(fixed=(Region(boundary="x0"),), gravity=(0, 0, -1), material=Material(young="1 kPa", poisson=0.45))
    rigid = deform(cushion(), given, neighbours={"neighbour-1": shelf})
    stiff = given.with_(neighbour_material=Material(young="1 MPa", poisson=0.3))
    soft = deform(cushion(), stiff, neighbours={"neighbour-1": shelf})
    assert quantity(soft, "force at the shelf") == pytest.approx(quantity(rigid, "force at the shelf"), rel=0.05)
    assert any("Neighbours give way (shelf)" in note for note in soft.notes)


def test_a_neighbour_that_gives_way_needs_tetrahedra():
    empty = block((2, 2, 1), (5.0, 5.0, 5.0), "shelf").with_(tets=np.zeros((0, 4), np.int32))
    with pytest.raises(BadInput, match="neighbour 'shelf' has no tetrahedra"):
        deform(cushion(), case(gravity=(0, 0, -1), neighbour_material=Material()), neighbours={"neighbour-1": empty})
