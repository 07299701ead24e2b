"""What tissue touches in a rehearsal: distances of tools and organs, forces that come from an energy, and no way through."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.contact.cut_faces import CutFaces
from organtwin_solvers.rehearsal.contact.distance_grid import DistanceGrid
from organtwin_solvers.rehearsal.contact.inside import winding
from organtwin_solvers.rehearsal.contact.organs import Neighbours
from organtwin_solvers.rehearsal.contact.penalty import pressure
from organtwin_solvers.rehearsal.contact.shapes import Form
from organtwin_solvers.rehearsal.contact.tool_contact import ToolContact
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.validation.block import block

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Scene
from organtwin.model.tool import Blade, Plane, Rod, Shape, Sphere
from organtwin.rehearsal.frame import CUT

SHAPES: list[Shape] = [Sphere(), Rod(), Blade(), Plane()]
DOWN = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, -1.0, 0.0])


def slab(cells=(5, 5, 3), size=(20.0, 20.0, 10.0), at=(-10.0, -10.0, -10.0)):
    """A block whose top is at z = 0."""
    return block(cells, lambda unit: unit * np.array(size) + np.array(at))


def at(x: float, y: float, z: float, tilt: float = 0.0) -> np.ndarray:
    return np.array([x, y, z, tilt, 0.0, -1.0, 0.0, -1.0, 0.0])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.shape)
def test_the_gradient_of_the_distance_to_a_tool_is_its_slope_and_a_unit_vector(shape: Shape) -> None:
    form, pose = Form.of(shape), np.array([1.0, 2, 3, 0.3, -0.5, 0.8, 0.1, 0.9, 0.2])
    x = np.random.default_rng(0).normal(size=(500, 3)) * 20
    _gap, slope = form.distance(x, pose)
    for axis in np.eye(3):
        h = 1e-5
        numeric = (form.distance(x + h * axis, pose)[0] - form.distance(x - h * axis, pose)[0]) / (2 * h)
        assert np.median(np.abs(numeric - slope @ axis)) < 1e-8
    assert np.allclose(np.linalg.norm(slope, axis=1), 1)


def test_the_tip_is_the_foremost_point_of_a_rod_and_the_centre_of_a_ball() -> None:
    below = np.array([[0.0, 0.0, -1.0]])
    assert Form.of(Rod()).distance(below, DOWN)[0] == pytest.approx(1.0)
    assert Form.of(Blade()).distance(below, DOWN)[0] == pytest.approx(1.0)
    assert Form.of(Sphere(radius="5 mm")).distance(below, DOWN)[0] == pytest.approx(-4.0)
    assert Form.of(Plane()).distance(below, DOWN)[0] == pytest.approx(-1.0)


def test_a_blade_is_wide_across_and_thin_along_its_normal() -> None:
    form = Form.of(Blade(width="25 mm", length="80 mm", thickness="3 mm"))
    beside = np.array([[13.5, 0, 10], [0, 2.5, 10], [0, 0, 81]])
    assert form.distance(beside, DOWN)[0] == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("shape", [Sphere(radius="0 mm"), Rod(length="3 mm"), Blade(width="2 mm", thickness="3 mm")])
def test_a_tool_without_size_or_thicker_than_long_is_refused(shape: Shape) -> None:
    with pytest.raises(BadInput):
        Form.of(shape)


def test_the_pressure_of_contact_begins_and_hardens_without_a_jump_of_its_slope() -> None:
    gaps = np.linspace(0.3, -3, 200_001)
    value, slope = np.array([pressure(g, 0.1) for g in gaps]).T
    assert np.allclose(np.diff(value) / -np.diff(gaps), (slope[1:] + slope[:-1]) / 2, atol=1e-3)
    assert np.abs(np.diff(slope)).max() < 1e-2
    assert (slope >= 0).all()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.shape)
def test_forces_of_tool_contact_are_the_gradient_of_an_energy(shape: Shape) -> None:
    stepper = Stepper(Body.of(slab(), Scene()))
    height = {"sphere": 4.6, "rod": -0.4, "blade": -0.4, "plane": -0.4}[shape.shape]
    contact = ToolContact(stepper, Form.of(shape), at(0.3, 0.2, height, 0.1))
    contact.begin(stepper.x, stepper.v, 1 / 60)
    rng = np.random.default_rng(1)
    x, d, h = stepper.x + rng.normal(size=stepper.x.shape) * 0.02, rng.normal(size=stepper.x.shape), 1e-5

    def work(y):  # of the force along d
        nodes, force, _ = contact.evaluate(y)
        return float((force * d[nodes]).sum())

    def loop(a, b):  # around a small square: zero for the gradient of an energy
        def along(p, q):
            total = 0.0
            for s in (0.5 - 0.5 / 3**0.5, 0.5 + 0.5 / 3**0.5):
                nodes, force, _ = contact.evaluate(p + s * (q - p))
                total += float((force * (q - p)[nodes]).sum()) / 2
            return total

        return along(x, x + a) + along(x + a, x + a + b) + along(x + a + b, x + b) + along(x + b, x)

    e = rng.normal(size=stepper.x.shape)
    turned, straight = loop(1e-3 * d, 1e-3 * e), abs(work(x)) * 1e-3
    assert straight > 0
    assert abs(turned) < 1e-4 * straight
    nodes, _, stiffness = contact.evaluate(x)
    drop = -(work(x + h * d) - work(x - h * d)) / (2 * h)
    bound = float(np.einsum("ka,kab,kb->", d[nodes], stiffness, d[nodes]))
    assert drop < 1.05 * bound  # lumped to the points it is an upper bound
    assert np.linalg.eigvalsh(stiffness).min() > -1e-6


def test_a_thin_rod_is_felt_between_the_points_of_the_mesh() -> None:
    stepper = Stepper(Body.of(slab(cells=(2, 2, 1), size=(40, 40, 20), at=(-20, -20, -20)), Scene()))
    contact = ToolContact(stepper, Form.of(Rod(radius="1 mm")), at(7, 12, -0.3))
    contact.begin(stepper.x, stepper.v, 1 / 60)
    assert -contact.evaluate(stepper.x)[1][:, 2].sum() > 0


def test_a_tool_inside_does_not_push_the_surface_outward() -> None:
    stepper = Stepper(Body.of(slab(), Scene()))
    contact = ToolContact(stepper, Form.of(Sphere(radius="2 mm")), at(0, 0, -1.5))
    assert not contact.evaluate(stepper.x)[1].any()
    assert contact.holds_inside(stepper.x, at(0, 0, -1.5))
    assert not contact.holds_inside(stepper.x, at(0, 0, 1.5))


@pytest.mark.parametrize("shape", [Rod(radius="1 mm"), Blade(thickness="2 mm"), Sphere(radius="1 mm")])
def test_tissue_that_would_be_on_the_far_side_of_a_tool_is_pushed_back(shape: Shape) -> None:
    stepper = Stepper(Body.of(slab(), Scene()))
    contact = ToolContact(stepper, Form.of(shape), at(0.5, 0.5, 4))
    v = np.zeros_like(stepper.v)
    v[:, 2] = 60 * 12.0
    contact.begin(stepper.x, v, 1 / 60)
    behind = stepper.x + np.array([0, 0, 12.0])  # the skin has jumped right through the tip
    assert contact.evaluate(behind)[1][:, 2].sum() < 0


def test_a_motion_stops_a_little_below_the_surface_and_a_retreat_does_not() -> None:
    stepper = Stepper(Body.of(slab(), Scene()))
    contact = ToolContact(stepper, Form.of(Rod()), at(0, 0, 5))
    share = contact.free_share(stepper.x, at(0, 0, 5), at(0, 0, -95), 2.0)
    assert 0.069 < share < 0.071
    assert contact.free_share(stepper.x, at(0, 0, -0.5), at(0, 0, 100), 2.0) == 1


def test_the_winding_number_tells_inside_from_outside() -> None:
    mesh = slab()
    for place, inside in (((0, 0, -5), 1), ((0, 0, 1), 0), ((9.9, 9.9, -0.1), 1), ((300, 0, 0), 0)):
        assert winding(np.array(place, float), mesh.points_mm, mesh.boundary_triangles) == pytest.approx(
            inside, abs=1e-9
        )


def test_the_distance_to_an_organ_is_that_to_its_surface_and_negative_inside() -> None:
    mesh = slab()
    grid = DistanceGrid.of(mesh.points_mm, mesh.boundary_triangles, 0.5)
    value, slope = grid.sample(np.array([[0.3, 0.2, 1.3], [0.3, 0.2, -1.3], [0.3, 0.2, 40.0], [11.0, 0.4, -4.8]]))
    assert value[:2] == pytest.approx([1.3, -1.3], abs=1e-9)
    assert value[3] == pytest.approx(1.0, abs=1e-9)
    assert value[2] == pytest.approx(40, rel=0.05)
    assert slope[0] == pytest.approx([0, 0, 1], abs=1e-9)
    assert slope[3] == pytest.approx([1, 0, 0], abs=1e-9)


def test_organs_that_overlap_at_the_start_are_left_in_peace_and_it_is_said() -> None:
    stepper = Stepper(Body.of(slab(), Scene()))
    above = slab(at=(-10.0, -10.0, -2.0))
    neighbours = Neighbours.of([above], stepper)
    neighbours.begin(stepper.x, stepper.v, 1 / 60)
    assert not neighbours.evaluate(stepper.x)[1].any()
    assert len(neighbours.says) == 1
    assert "2.0 mm" in neighbours.says[0]
    _nodes, force, _ = neighbours.evaluate(stepper.x + np.array([0, 0, 0.5]))
    assert (force[:, 2] <= 1e-9).all()
    assert force[:, 2].sum() < 0


def test_the_two_sides_of_a_cut_push_each_other_apart_with_equal_force() -> None:
    low, high = slab(), slab(at=(-10.0, -10.0, 0.0))
    n = len(low.points_mm)
    points = np.concatenate([low.points_mm, high.points_mm])
    triangles = np.concatenate([low.boundary_triangles, high.boundary_triangles + n])
    body = Body.of(low, Scene()).with_(
        rest_mm=points,
        tets=np.concatenate([low.tets, high.tets + n]).astype(np.int32),
        part=np.zeros(2 * len(low.tets), np.int16),
        triangles=triangles.astype(np.int32),
        kinds=np.where(np.abs(points[triangles][:, :, 2]).max(axis=1) < 1e-9, CUT, 0).astype(np.uint8),
    )
    stepper = Stepper(body)
    faces = CutFaces(stepper)
    x = points.copy()
    faces.begin(x, np.zeros_like(x), 1 / 60)
    assert not faces.evaluate(x)[1].any()
    x[n:] += [0.3, 0.2, -0.1]
    faces.begin(x, np.zeros_like(x), 1 / 60)
    nodes, force, _ = faces.evaluate(x)
    up = force[nodes >= n, 2].sum()
    assert up > 0
    assert force.sum(axis=0) == pytest.approx([0, 0, 0], abs=1e-6 * up)
    x[n:] += [0, 0, 5]
    faces.begin(x, np.zeros_like(x), 1 / 60)
    assert not faces.evaluate(x)[1].any()
