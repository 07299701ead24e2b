"""Taylor-Hood elements: what they solve exactly, the orders they converge with, and the door they share with the fast scheme."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from organtwin_solvers.fem.backend import MPI, dmesh
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.flow.fast.coupled import NotConverged
from organtwin_solvers.flow.fast.scheme import Scheme
from organtwin_solvers.flow.setup.conditions import resolve
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.flow.taylor_hood.equations import TaylorHoodEquations
from organtwin_solvers.flow.taylor_hood.scheme import TaylorHood
from organtwin_solvers.validation.channel_mesh import CYLINDER, HEIGHT, RADIUS, box, channel, curved, tagged
from organtwin_solvers.validation.dfg_2d import Cylinder, steady
from organtwin_solvers.validation.dfg_3d import CENTRE, LENGTH, conditions_of
from organtwin_solvers.validation.pipes import pipe
from organtwin_solvers.validation.poiseuille import value

from organtwin.model import FlowCase
from organtwin.monitor import NullMonitor

BEAT = {
    "inlets": [{"cap": "inlet", "flow": "5 mL/s", "waveform": "systolic"}],
    "outlets": [{"windkessel": {"proximal": "0.05 mmHg*s/mL", "compliance": "1 mL/mmHg", "distal": "0.9 mmHg*s/mL"}}],
    "numerics": {"mode": "pulsatile"},
}


def plane_channel() -> tuple[TaylorHoodEquations, np.ndarray]:
    mesh = dmesh.create_unit_square(MPI.COMM_SELF, 3, 3)
    mesh.topology.create_connectivity(1, 2)
    sides = dmesh.exterior_facet_indices(mesh.topology)
    x = dmesh.compute_midpoints(mesh, 1, sides)[:, 0]
    tags = dmesh.meshtags(mesh, 1, sides, np.where(np.isclose(x, 1.0), 2, 1).astype(np.int32))
    equations = TaylorHoodEquations(mesh, tags, density=1.0, viscosity=0.1, held=(1,), outlets=(2,))
    y = equations.places[:, 1]
    return equations, np.array([y * (1.0 - y), 0.0 * y])


def small_pipe(**case):
    organ = pipe(10.0, 40.0, 3, 5)
    conditions = resolve(FlowCase.model_validate(case), organ)
    return organ, conditions


def test_a_parabola_between_plates_is_solved_to_rounding():
    equations, exact = plane_channel()
    velocity, pressure = equations.steady(np.zeros_like(exact), np.zeros(equations.corners), exact)
    assert velocity == pytest.approx(exact, abs=1e-12)
    assert pressure == pytest.approx(0.2 * (1.0 - equations.corner_places[:, 0]), abs=1e-12)


def test_the_forces_that_hold_the_walls_balance_the_pressure_drop():
    equations, exact = plane_channel()
    velocity, pressure = equations.steady(np.zeros_like(exact), np.zeros(equations.corners), exact)
    force = equations.reaction(velocity, pressure).sum(axis=1)
    assert force == pytest.approx([0.0, 0.0], abs=1e-11)  # in: pressure 0.2 on the inlet; out: drag of both walls, 0.2
    assert np.all(equations.reaction(velocity, pressure)[:, ~equations.held] == 0.0)


def test_drag_on_a_cylinder_converges_with_order_three_or_better():
    exact = 5.57953523384
    coarse, fine = (abs(steady(n).drag - exact) for n in (6, 12))
    assert fine < 3e-4 * exact
    assert math.log2(coarse / fine) > 2.9


def test_steps_are_of_second_order_in_time():
    cylinder = Cylinder(4)
    norms = []
    for steps in (10, 20, 40):
        velocity, _, _ = cylinder.march(
            *cylinder.at_rest(), lambda t: cylinder.inflow(math.sin(t) ** 2), start=0.0, end=0.5, steps=steps,
            mean_speed=1.0, monitor=NullMonitor(),
        )  # fmt: skip
        norms.append(cylinder.equations.norm(velocity))
    changes = np.abs(np.diff(norms))
    assert math.log2(changes[0] / changes[1]) > 1.8


def test_the_channel_is_closed_and_its_cells_turn_to_the_left():
    points, triangles = channel(5, centre=CENTRE, length=LENGTH)
    a, b, c = (points[triangles[:, i]] for i in range(3))
    areas = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert areas.min() > 0.0
    mesh = curved(points, triangles, CENTRE)
    tags = tagged(mesh, LENGTH)
    assert len(tags.find(CYLINDER)) == 20
    assert set(tags.values) == {1, 2, 3, 4}
    polygon = 0.5 * 20 * RADIUS**2 * math.sin(2 * math.pi / 20)
    assert areas.sum() == pytest.approx(LENGTH * HEIGHT - polygon, rel=1e-12)


def test_the_channel_of_tetrahedra_leaves_out_as_much_as_the_cylinder():
    organ = box(4, 4, centre=CENTRE, length=LENGTH, growth=1.2, slender=1.0)
    a, b, c, d = (organ.points_mm[organ.tets[:, i]] for i in range(4))
    volume = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)).sum() / 6.0
    assert volume == pytest.approx((LENGTH * HEIGHT - math.pi * RADIUS**2) * HEIGHT, rel=1e-12)


def test_nodes_of_velocity_are_those_of_its_components():
    equations, _ = plane_channel()
    assert equations.vectors.tabulate_dof_coordinates() == pytest.approx(equations.space.tabulate_dof_coordinates())


def test_an_inlet_carries_its_flow_and_its_parabola_over_to_the_edges():
    organ, conditions = small_pipe(inlets=[{"cap": "inlet", "flow": "100 mL/s"}])
    inflow = conditions.inflows[0]
    radius = np.linalg.norm(organ.points_mm[inflow.points][:, :2], axis=1)
    profile = np.outer((1.0 - (radius / 10.0) ** 2), [0.0, 0.0, 1.0])
    scheme = TaylorHood(fem_mesh(organ), replace(conditions, inflows=(replace(inflow, profile=profile),)))
    prescribed = scheme.prescribed(0.0)
    flux = scheme.equations.flux([scheme.mesh.tag("inlet")])[0]
    assert -np.sum(flux * prescribed) == pytest.approx(1e5, rel=1e-12)
    rho = np.linalg.norm(scheme.equations.places[:, :2], axis=1)
    moving = (prescribed[2] > 0.0) & (rho < 9.9)
    rho = rho[moving]
    shape = prescribed[2, moving] / (1.0 - (rho / 10.0) ** 2)
    assert shape == pytest.approx(shape.mean() * np.ones(moving.sum()), rel=1e-6)


def test_factors_and_blocks_precondition_to_the_same_answer():
    organ, conditions = small_pipe(**BEAT)
    found = []
    for direct in (True, False):
        scheme = TaylorHood(fem_mesh(organ), conditions, direct=direct)
        state = scheme.rest()
        for _ in range(3):
            state = scheme.step(state, 0.005, tolerance=1e-9)
        found.append(state)
    assert found[0].velocity == pytest.approx(found[1].velocity, abs=1e-5 * np.abs(found[0].velocity).max())
    assert found[0].stored == pytest.approx(found[1].stored, rel=1e-6)


def test_both_schemes_tell_the_same_of_a_beating_pipe_with_a_windkessel():
    organ, conditions = small_pipe(**BEAT)
    mesh = fem_mesh(organ)
    drops, pressures = [], []
    for kind in (Scheme, TaylorHood):
        scheme = kind(mesh, conditions)
        state = scheme.rest()
        for _ in range(20):
            state = scheme.step(state, 0.005)
        at = scheme.pressures_by_cap(state)
        drops.append(at["inlet"] - at["outlet"])
        pressures.append(at["outlet"])
        assert scheme.flows_by_cap(state)["outlet"] == pytest.approx(conditions.inflows[0].at(0.1), rel=1e-4)
        assert scheme.to_points(scheme.reaction(state)).shape == (len(organ.points_mm), 3)
    assert pressures[1] == pytest.approx(pressures[0], rel=1e-3)
    assert drops[1] == pytest.approx(drops[0], rel=0.1)


def test_blood_that_does_not_thin_flows_as_newtonian_blood():
    organ, conditions = small_pipe(inlets=[{"cap": "inlet", "flow": "20 mL/s"}])
    law = {"law": "carreau-yasuda", "exponent": 1.0, "viscosity_at_rest": "4.0 mPa*s", "viscosity": "3.5 mPa*s"}
    thin = replace(conditions, blood=conditions.blood.model_copy(update=law))
    same = replace(conditions, blood=conditions.blood.model_copy(update={"viscosity": "4.0 mPa*s"}))
    found = []
    for these in (thin, same):
        scheme = TaylorHood(fem_mesh(organ), these)
        state = scheme.rest()
        for _ in range(8):
            state = scheme.step(state, 0.5, steady=True)
        found.append(state.velocity)
    assert found[0] == pytest.approx(found[1], abs=2e-2 * np.abs(found[1]).max())


def test_pressure_at_the_outlet_of_the_3d_benchmark_falls_to_none():
    organ = box(4, 4, centre=CENTRE, length=LENGTH, growth=1.4, slender=1.0)
    scheme = TaylorHood(fem_mesh(organ), conditions_of(organ, 0.45, pulse=False))
    state = scheme.rest()
    for _ in range(4):
        state = scheme.step(state, 0.5, steady=True)
    at = scheme.pressures_by_cap(state)
    assert at["inlet"] > 0.1
    assert abs(at["outlet"]) < 0.01 * at["inlet"]


def test_a_case_that_asks_for_taylor_hood_gets_wall_shear_and_mass_right_on_a_coarse_pipe():
    case = FlowCase.model_validate(
        {"inlets": [{"cap": "inlet", "flow": "5 mL/s"}], "numerics": {"scheme": "taylor-hood", "tolerance": 1e-4}}
    )
    result = solve(pipe(5.0, 40.0, 3, 8), case)
    assert value(result, "Mass imbalance") < 0.01
    assert value(result, "Flow outlet") == pytest.approx(5.0, rel=1e-4)
    assert value(result, "Mean wall shear") == pytest.approx(4 * 3.5e-3 * 5e3 / (math.pi * 125.0), rel=0.02)


def test_what_is_not_a_number_is_told_and_not_marched_on():
    equations, exact = plane_channel()
    with pytest.raises(NotConverged):
        equations.step(exact * np.nan, np.zeros(equations.corners), exact, exact, 1.0, 0.1)
