"""What is computed from a flow, on flows whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista
from organtwin_solvers.flow.march.advance import Frame, March
from organtwin_solvers.flow.results.along import Along, Sampler, tables
from organtwin_solvers.flow.results.cycle import CycleSums
from organtwin_solvers.flow.results.derived import Gradients, kinetic_energy, lambda2, q_criterion, vorticity
from organtwin_solvers.flow.results.quantities import result_of
from organtwin_solvers.flow.results.wall_shear import WallShear
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.flow.setup.conditions import resolve
from organtwin_solvers.validation.osi import CASE
from organtwin_solvers.validation.pipes import pipe

from organtwin.errors import SolveFailed
from organtwin.io.export import export
from organtwin.mesh.resize import resized
from organtwin.model import FlowCase
from organtwin.model.flow_case import Blood
from organtwin.monitor import NullMonitor
from organtwin.vessel.tree import of_mesh

RADIUS, LENGTH = 5.0, 40.0
BLOOD = rheology(Blood())


@pytest.fixture(scope="module")
def tube():
    return pipe(RADIUS, LENGTH, rings=5, layers=20)


def test_a_linear_field_is_sampled_exactly_and_outside_is_told(tube):
    points = np.array([[0.3, 0.2, 10.1], [2.0, -3.0, 39.9], [9.0, 0.0, 5.0]])
    weights, inside = Sampler(tube).matrix(points)
    assert inside.tolist() == [True, True, False]
    field = tube.points_mm @ [1.0, -2.0, 0.5] + 3.0
    assert (weights @ field)[:2] == pytest.approx(points[:2] @ [1.0, -2.0, 0.5] + 3.0)


def test_columns_along_a_pipe_are_those_of_poiseuille(tube):
    radius = np.hypot(tube.points_mm[:, 0], tube.points_mm[:, 1])
    velocity = np.zeros((2, len(radius), 3))
    velocity[:, :, 2] = np.array([1.0, 3.0])[:, None] * 200.0 * (1.0 - (radius / RADIUS) ** 2)
    pressure = np.array([[13000.0], [15000.0]]) - 50.0 * tube.points_mm[:, 2]
    table = tables(Along(tube, of_mesh(tube)), velocity, pressure, pressure.mean(axis=0), 14000.0)["inlet → outlet"]
    z = np.array(table["z_mm"])
    assert table["distance_mm"] == pytest.approx(z, abs=1e-6)
    assert table["pressure_pa"] == pytest.approx(14000.0 - 50.0 * z, abs=15.0)  # the ends lie 0.25 mm inside
    assert table["ffr"] == pytest.approx(1.0 - 50.0 * z / 14000.0, abs=2e-3)
    assert table["systolic_pa"] == pytest.approx(15000.0 - 50.0 * z, abs=15.0)
    assert np.array(table["speed_mm_per_s"]) == pytest.approx(200.0, rel=0.06)  # a parabola on linear cells
    assert np.array(table["peak_speed_mm_per_s"]) == pytest.approx(600.0, rel=0.06)


def test_there_is_no_ffr_where_pressures_are_not_absolute(tube):
    still = np.zeros((1, len(tube.points_mm), 3))
    none = np.zeros((1, len(tube.points_mm)))
    table = tables(Along(tube, of_mesh(tube)), still, none, none[0], 0.0)
    assert "ffr" not in table["inlet → outlet"]


def test_a_solid_rotation_is_a_vortex_and_a_strain_is_none(tube):
    gradient, points = Gradients(tube), np.asarray(tube.points_mm)
    turning = gradient(np.cross([0.0, 0.0, 3.0], points))
    assert vorticity(turning) == pytest.approx(6.0)
    assert q_criterion(turning) == pytest.approx(9.0)
    assert lambda2(turning) == pytest.approx(-9.0)
    strained = gradient(points * [2.0, -1.0, -1.0])
    assert vorticity(strained) == pytest.approx(0.0, abs=1e-9)
    assert q_criterion(strained) == pytest.approx(-3.0)
    assert lambda2(strained) == pytest.approx(1.0)


def test_lambda2_is_the_middle_eigenvalue():
    jacobian = np.random.default_rng(0).normal(size=(50, 3, 3))
    strain, spin = 0.5 * (jacobian + jacobian.transpose(0, 2, 1)), 0.5 * (jacobian - jacobian.transpose(0, 2, 1))
    wanted = np.linalg.eigvalsh(strain @ strain + spin @ spin)[:, 1]
    assert lambda2(jacobian) == pytest.approx(wanted)


def test_kinetic_energy_of_a_moving_block_is_half_its_mass_times_speed_squared(tube):
    velocity = np.zeros((1, len(tube.points_mm), 3))
    velocity[..., 0] = 1000.0  # 1 m/s
    area = tube.caps[0].area_mm2
    mass_kg = 1.06e-3 * area * LENGTH * 1e-3
    assert kinetic_energy(tube, 1.06e-3, velocity)[0] == pytest.approx(0.5 * mass_kg * 1e3)  # mJ


def test_steady_shear_has_no_oscillation_and_pure_oscillation_has_half(tube):
    size = len(tube.points_mm)
    one = np.tile([0.0, 0.0, 2.0], (size, 1))
    steady, turning = CycleSums(tube, BLOOD), CycleSums(tube, BLOOD)
    for k in range(4):
        steady.add_traction(0.1 * k, 0.1, one)
    turning.add_traction(0.3, 0.3, one)
    turning.add_traction(0.6, 0.3, -one)
    assert steady.tawss_pa == pytest.approx(2.0)
    assert steady.osi == pytest.approx(0.0, abs=1e-12)
    assert steady.rrt_per_pa == pytest.approx(0.5)
    assert turning.osi == pytest.approx(0.5)
    assert np.isfinite(turning.rrt_per_pa).all()


def test_the_osi_case_passes():
    assert [row.to_json() for row in CASE.run(True, NullMonitor()) if not row.passed] == []


def test_a_wall_shear_that_is_no_number_is_refused(tube):
    with pytest.raises(SolveFailed, match="no number"):
        CycleSums(tube, BLOOD).add_traction(0.1, 0.1, np.full((len(tube.points_mm), 3), np.nan))


def finished(organ, **numerics):
    """A made-up pulsatile march whose numbers are known: plug flow, pressure falling along z."""
    case = FlowCase.model_validate(
        {
            "inlets": [{"cap": "inlet", "flow": "10 mL/s", "waveform": "systolic"}],
            "outlets": [{"cap": "*", "pressure": "80 mmHg"}],
            "numerics": {"mode": "pulsatile", **numerics},
        }
    )
    conditions = resolve(case, organ)
    march, size = March(residual=0.003, steps=80), len(organ.points_mm)
    for k in range(1, 81):
        beat = 1.0 + np.sin(2.0 * np.pi * k / 40)
        row = {"time_s": 0.02 * k, "pressure inlet (mmHg)": 82.0 + beat, "pressure outlet (mmHg)": 80.0}
        for name, number in (row | {"flow inlet (mL/s)": beat, "flow outlet (mL/s)": beat}).items():
            march.histories.setdefault(name, []).append(number)
        if k > 40 and k % 4 == 0:
            pressure = 133.322 * (2.0 + beat) * (1.0 - organ.points_mm[:, 2] / LENGTH)
            velocity = np.tile([0.0, 0.0, 100.0 * beat], (size, 1))
            march.frames.append(Frame(0.02 * k, velocity, pressure, np.tile([0.0, 0.0, -0.1 * beat], (size, 1))))
    return case, conditions, march


def test_a_pulsatile_march_becomes_quantities_tables_and_fields_of_one_frame(tube):
    case, conditions, march = finished(tube)
    result = result_of(tube, case, conditions, march, seconds=1.0, line=of_mesh(tube))
    found = {q.name: q for q in result.quantities}
    assert found["Pressure drop inlet → outlet"].value == pytest.approx(3.0)
    assert found["Peak pressure drop inlet → outlet"].value == pytest.approx(4.0)
    assert found["Lowest FFR inlet → outlet"].value == pytest.approx(80.0 / 83.0, abs=2e-3)
    assert found["Flow outlet"].value == pytest.approx(1.0)
    assert found["Periodicity error"].value == pytest.approx(0.3)
    assert found["Mean OSI"].value == pytest.approx(0.0, abs=1e-9)
    assert found["Peak kinetic energy"].unit == "mJ"
    assert {len(result.fields[name]) for name in ("tawss_pa", "osi", "rrt_per_pa")} == {1}
    assert {len(result.fields[name]) for name in ("q_criterion_per_s2", "vorticity_per_s", "wall_shear_pa")} == {10}
    assert list(result.tables) == ["inlet → outlet"]
    assert {"mesh", "scheme", "step", "residual", "mass balance", "periodicity", "wall resolution", "verified"} <= set(
        result.credibility
    )


def test_every_quantity_says_how_far_it_can_be_believed(tube):
    case, conditions, march = finished(tube)
    good = result_of(tube, case, conditions, march, seconds=1.0, line=of_mesh(tube))
    assert {q.level for q in good.quantities} <= {"good", "fair"}
    march.residual = float("nan")
    one_cycle = result_of(tube, case, conditions, march, seconds=1.0, line=of_mesh(tube))
    drop = next(q for q in one_cycle.quantities if q.name.startswith("Pressure drop"))
    assert (drop.level, drop.why) == ("poor", "one cycle only, not known to be periodic")


def test_ffr_is_of_the_mean_pressure_over_all_moments_not_over_the_frames(tube):
    case, conditions, march = finished(tube)
    sums, z = CycleSums(tube, BLOOD), np.asarray(tube.points_mm)[:, 2]
    for k in range(4):
        drop = 133.322 * 20.0 * (k % 2) * (1.0 - z / LENGTH)  # 10 mmHg in the mean, nothing like the frames
        sums.add(0.2 * k, 0.2, np.zeros((len(z), 3)), drop)
    result = result_of(tube, case, conditions, march, seconds=1.0, cycle=sums, line=of_mesh(tube))
    ffr = result.tables["inlet → outlet"]["ffr"]
    assert ffr[0] == pytest.approx(1.0, abs=1e-3)
    assert ffr[-1] == pytest.approx(80.0 / 90.0, abs=1e-3)


def test_steps_of_uneven_length_count_by_their_length(tube):
    case, conditions, march = finished(tube)
    keep = np.r_[np.arange(0, 60), np.arange(61, 80, 2)]  # the second half of the last cycle with double steps
    march.histories = {name: np.array(values)[keep].tolist() for name, values in march.histories.items()}
    result = result_of(tube, case, conditions, march, seconds=1.0, line=of_mesh(tube))
    flow = next(q.value for q in result.quantities if q.name == "Flow inlet")
    assert flow == pytest.approx(1.0, abs=0.02)


def test_a_result_with_fields_of_one_frame_is_exported(tube, tmp_path):
    case, conditions, march = finished(tube)
    result = result_of(tube, case, conditions, march, seconds=1.0, line=of_mesh(tube))
    assert export([result.with_(mesh=tube.uuid), tube], tmp_path / "r.pvd").exists()
    names = pyvista.read(export([result, tube], tmp_path / "r.vtu")).point_data.keys()
    assert "osi" in names
    assert sum(name.startswith("q_criterion_per_s2 t=") for name in names) == 10


def poiseuille(organ, flow=1e4):
    """Velocity (n, 3) mm/s of a flow in mm^3/s along z, and the exact wall shear of blood of 3.5 mPa s, Pa."""
    velocity = np.zeros((len(organ.points_mm), 3))
    radius = np.hypot(organ.points_mm[:, 0], organ.points_mm[:, 1])
    velocity[:, 2] = 2.0 * flow / (np.pi * RADIUS**2) * (1.0 - (radius / RADIUS) ** 2)
    return velocity, 4.0 * 3.5e-3 * flow / (np.pi * RADIUS**3)


def test_wall_shear_of_a_parabola_is_exact_everywhere_and_points_along_the_flow(tube):
    velocity, exact = poiseuille(tube)
    shear = WallShear(tube, BLOOD)
    traction = shear.traction(velocity)
    assert traction[shear.points, 2] == pytest.approx(exact, rel=1e-6)
    assert np.abs(traction[shear.points, :2]).max() < 1e-6 * exact
    assert not np.delete(traction, shear.points, axis=0).any()
    assert shear.mean(traction[:, 2]) == pytest.approx(exact, rel=1e-6)


def test_wall_shear_on_an_unstructured_mesh_does_not_scatter():
    organ = resized(pipe(RADIUS, 20.0, 5, 15), 1.0)
    velocity, exact = poiseuille(organ)
    noise = np.random.default_rng(2).normal(scale=0.01 * velocity.max(), size=velocity.shape)
    noise[organ.boundary("wall")] = 0.0
    shear = WallShear(organ, BLOOD)
    values = np.linalg.norm(shear.traction(velocity + noise), axis=1)[shear.points]
    assert values.mean() == pytest.approx(exact, rel=0.02)
    assert values.std() < 0.05 * exact  # a hundredth of noise in velocity


def test_blood_that_thins_is_thicker_at_a_slow_wall(tube):
    velocity, exact = poiseuille(tube, 100.0)
    thinning = WallShear(tube, rheology(Blood(law="carreau-yasuda")))
    rate = exact / 3.5e-3
    found = thinning.mean(np.linalg.norm(thinning.traction(velocity), axis=1))
    wanted = rheology(Blood(law="carreau-yasuda")).viscosity(np.array(rate)) * rate
    assert found == pytest.approx(float(wanted), rel=1e-3)
    assert found > 2.0 * 3.5e-3 * rate
