"""The lumped model of a vessel tree, on centrelines made from a formula and on small meshes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from organtwin_solvers.flow.setup.conditions import Conditions, resolve
from organtwin_solvers.lumped.solve import solve
from organtwin_solvers.lumped.start import periodic_state
from organtwin_solvers.lumped.stenosis import young_tsai
from organtwin_solvers.lumped.tree import NARROW, bent, courses, curvature, find_narrowings
from organtwin_solvers.lumped.vessel import solve_vessel
from organtwin_solvers.validation.pipes import pipe, tee

from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.model.centerline import Branch, Centerline
from organtwin.operations.registry import find
from organtwin.vessel.tree import of_mesh

VISCOSITY, DENSITY = 3.5e-3, 1.06e-3
WINDKESSEL = {"proximal": "1 mmHg*s/mL", "compliance": "0.1 mL/mmHg", "distal": "10 mmHg*s/mL"}


def straight(areas: np.ndarray, step: float = 1.0) -> Centerline:
    z = step * np.arange(len(areas), dtype=float)
    points = np.column_stack([np.zeros_like(z), np.zeros_like(z), z])
    return Centerline(
        name="line", mesh="m", inlet="inlet", branches=(Branch(name="outlet", parent=-1, cap="outlet", first=0, last=len(z) - 1),),
        points_mm=points, distance_mm=z, radius_mm=np.sqrt(areas / np.pi), area_mm2=areas,
    )  # fmt: skip


def newtonian(shear: np.ndarray) -> np.ndarray:
    return np.full_like(shear, VISCOSITY)


def case(**changes: object) -> FlowCase:
    data = {
        "inlets": [{"cap": "inlet", "flow": "2 mL/s"}],
        "outlets": [{"cap": "*", "pressure": "90 mmHg"}],
        **changes,
    }
    return FlowCase.model_validate(data)


def test_a_straight_vessel_costs_poiseuille() -> None:
    (course,) = courses(straight(np.full(81, math.pi * 4.0)), DENSITY, newtonian, profile=1.0)
    assert course.friction[-1] == pytest.approx(8.0 * VISCOSITY * 80.0 / (math.pi * 16.0), rel=1e-12)
    assert course.inertia[-1] == pytest.approx(DENSITY * 80.0 / (math.pi * 4.0), rel=1e-12)
    assert not course.narrowings
    assert course.loss[-1] == 0.0


def test_a_plug_costs_what_young_and_tsai_say() -> None:
    areas = np.full(801, math.pi * 4.0)
    areas[360:441] = math.pi * 1.0
    (course,) = courses(straight(areas, 0.1), DENSITY, newtonian)
    (narrowing,) = course.narrowings
    law = young_tsai(4.0, 2.0, 8.0, VISCOSITY, DENSITY)
    healthy = 8.0 * math.pi * VISCOSITY * 71.8 / areas[0] ** 2
    assert narrowing.percent == pytest.approx(50.0, abs=0.1)
    assert course.loss[-1] == pytest.approx(law.stenosis, rel=1e-9)
    assert course.friction[-1] - healthy == pytest.approx(law.resistance, rel=0.02)


def test_a_taper_and_a_bulge_are_no_narrowings() -> None:
    x = np.linspace(0.0, 200.0, 201)
    assert not find_narrowings(x, 400.0 * np.exp(-x / 100.0))
    assert not find_narrowings(x, 300.0 + 900.0 * np.exp(-(((x - 100.0) / 30.0) ** 2)))


def test_two_narrowings_are_told_apart_and_noise_is_none() -> None:
    x = np.linspace(0.0, 200.0, 401)
    noise = 1.0 + 0.05 * np.sin(7.0 * x)
    dips = 1.0 - 0.6 * np.exp(-(((x - 60.0) / 4.0) ** 2)) - 0.4 * np.exp(-(((x - 140.0) / 4.0) ** 2))
    found = find_narrowings(x, 50.0 * dips * noise)
    assert [round(x[n.throat] / 20.0) for n in found] == [3, 7]
    assert not find_narrowings(x, 50.0 * noise)
    assert all(n.reference_mm2 > NARROW * n.area_mm2 for n in found)


def test_a_circle_has_its_curvature_and_costs_more_than_a_straight_pipe() -> None:
    angle = np.linspace(0.0, math.pi, 200)
    points = 50.0 * np.column_stack([np.cos(angle), np.sin(angle), 0.0 * angle])
    assert curvature(points, 50.0 * angle, np.full(200, 10.0)) == pytest.approx(1.0 / 50.0, rel=0.01)
    dean = np.array([30.0, 100.0, 300.0, 1000.0])
    ito = 21.5 * dean / (1.56 + np.log10(dean)) ** 5.73  # another fit to measurements: Ito, J. Basic Eng. 81, 1959
    assert bent(dean) == pytest.approx(ito, rel=0.05)
    assert bent(np.array([5.0])) == 1.0


def test_static_pressure_falls_where_blood_is_faster_and_comes_back() -> None:
    x = np.arange(201.0)
    areas = 50.0 * (1.0 - 0.15 * np.exp(-(((x - 100.0) / 20.0) ** 2)))
    (course,) = courses(straight(areas), DENSITY, lambda shear: 1e-9 + 0.0 * shear, profile=1.0)
    pressure = course.static(np.array([1000.0]), np.array([5000.0]), np.zeros(1))[0]
    drop = 0.5 * DENSITY * 5000.0**2 * (1.0 / areas[100] ** 2 - 1.0 / areas[0] ** 2)
    assert pressure[0] - pressure[100] == pytest.approx(drop, rel=1e-2)
    assert pressure[0] == pytest.approx(pressure[-1], abs=1e-3 * drop)


def test_a_pipe_loses_the_exact_pressure_and_has_the_ffr_of_it() -> None:
    organ = pipe(2.0, 80.0, 4, 40)
    result = solve(organ, case())
    value = {q.name: q.value for q in result.quantities}
    area = organ.caps[0].area_mm2
    exact = 8.0 * math.pi * VISCOSITY * 80.0 / area**2 * 2000.0 / 133.322
    assert value["Pressure drop inlet → outlet"] == pytest.approx(exact, rel=0.02)
    assert value["FFR inlet → outlet"] == pytest.approx(90.0 / (90.0 + exact), rel=1e-3)
    table = result.tables["inlet → outlet"]
    assert table["distance_mm"][-1] == pytest.approx(80.0, rel=1e-3)
    assert table["ffr"][0] == 1.0
    assert {len(column) for column in table.values()} == {len(table["ffr"])}


def test_flow_divides_by_what_lies_beyond_a_fork() -> None:
    organ = tee(4.0, 12.0, 12.0, 4)
    outlets = [{"cap": "left", "resistance": "10 mmHg*s/mL"}, {"cap": "right", "resistance": "30 mmHg*s/mL"}]
    value = {q.name: q.value for q in solve(organ, case(outlets=outlets)).quantities}
    assert value["Flow share left"] == pytest.approx(75.0, abs=0.5)
    assert value["Flow left"] + value["Flow right"] == pytest.approx(2.0, rel=1e-9)


def test_blood_can_leave_where_the_centreline_begins() -> None:
    organ = tee(4.0, 12.0, 12.0, 4)
    ends = [{"cap": "inlet", "resistance": "10 mmHg*s/mL"}, {"cap": "right", "resistance": "30 mmHg*s/mL"}]
    for numerics in ({"mode": "steady"}, {"mode": "pulsatile"}):
        backwards = case(inlets=[{"cap": "left", "flow": "2 mL/s"}], outlets=ends, numerics=numerics)
        value = {q.name: q.value for q in solve(organ, backwards).quantities}
        assert value["Flow left"] == pytest.approx(2.0, rel=1e-6)
        assert value["Flow share inlet"] == pytest.approx(75.0, abs=1.0)
        assert value["Pressure left"] > value["Pressure inlet"]
        assert value["Pressure inlet"] == pytest.approx(10.0 * value["Flow inlet"], rel=1e-3)


def test_without_blood_pressures_there_is_no_ffr() -> None:
    result = solve(pipe(2.0, 40.0, 4, 20), case(outlets=[{"cap": "*"}]))
    assert not any(q.name.startswith("FFR") for q in result.quantities)
    assert "ffr" not in result.tables["inlet → outlet"]
    assert any(note.startswith("No FFR") for note in result.notes)


def test_a_branch_of_two_points_and_one_that_is_all_but_shut_are_solved() -> None:
    names = (("a", -1, "", 3), ("b", 0, "left", 2), ("c", 0, "", 4), ("d", 2, "right", 3), ("e", 2, "outlet", 60))
    branches, z, area = [], [], []
    for name, parent, cap, count in names:
        start = z[branches[parent].last] if parent >= 0 else 0.0
        first = len(z)
        branches.append(Branch(name=name, parent=parent, cap=cap, first=first, last=first + count - 1))
        z += list(start + 1.5 * np.arange(count))
        area += list(np.full(count, 0.02 if cap == "right" else 12.0))
    points = np.column_stack([np.zeros(len(z)), np.zeros(len(z)), z])
    radius = np.sqrt(np.array(area) / np.pi)
    line = Centerline(
        name="tree", mesh="m", inlet="inlet", branches=tuple(branches), points_mm=points, distance_mm=np.array(z),
        radius_mm=radius, area_mm2=np.array(area),
    )  # fmt: skip
    beating = case(
        inlets=[{"cap": "inlet", "flow": "2 mL/s", "waveform": "ascending-aorta"}],
        outlets=[{"cap": "*", "windkessel": WINDKESSEL}],
        numerics={"mode": "pulsatile"},
    )
    conditions = resolve(beating, pipe(2.0, 40.0, 4, 20))
    (outflow,) = conditions.outflows
    three = tuple(replace(outflow, cap=cap) for cap in ("left", "right", "outlet"))
    beat = solve_vessel(beating, replace(conditions, outflows=three), line)
    mean = beat.over_beat(beat.flow)
    assert mean[0] == pytest.approx(mean[[1, 3, 4]].sum(), rel=1e-9)
    assert 0.0 < mean[3] < 0.2 * mean[4]
    assert np.isfinite(beat.pressure(4)).all()


def test_a_beat_is_periodic_and_its_mean_flow_is_that_of_the_case() -> None:
    organ = pipe(2.0, 40.0, 4, 20)
    beating = case(
        inlets=[{"cap": "inlet", "flow": "2 mL/s", "waveform": "ascending-aorta"}],
        outlets=[{"cap": "outlet", "windkessel": WINDKESSEL}],
        numerics={"mode": "pulsatile", "period": "0.8 s"},
    )
    result = solve(organ, beating)
    pressure = np.array(result.histories["pressure outlet (mmHg)"])
    flow = np.array(result.histories["flow outlet (mL/s)"])
    assert abs(pressure[-1] - pressure[0]) < 1e-4 * np.ptp(pressure)
    assert flow[:-1].mean() == pytest.approx(2.0, rel=5e-3)
    assert pressure[:-1].mean() == pytest.approx(2.0 * 11.0, rel=5e-3)
    assert result.times_s[-1] == pytest.approx(0.8)


def test_a_run_from_the_periodic_state_stays_on_it() -> None:
    organ = pipe(2.0, 40.0, 4, 20)
    beating = case(
        inlets=[{"cap": "inlet", "flow": "2 mL/s", "waveform": "ascending-aorta"}],
        outlets=[{"cap": "outlet", "windkessel": WINDKESSEL}],
        numerics={"mode": "pulsatile", "period": "0.8 s"},
    )
    conditions, line = resolve(beating, organ), of_mesh(organ)
    start = periodic_state(organ, beating, conditions, line)
    (outflow,), (inflow,) = conditions.outflows, conditions.inflows
    stored, step = start.stored_pa["outlet"], 0.8 / 20000
    for i in range(20000):  # a rigid pipe passes on what flows in
        flow = inflow.at((i + 0.5) * step)
        stored += step * (flow - (stored - outflow.distal_pressure_pa) / outflow.distal) / outflow.compliance
    assert stored == pytest.approx(start.stored_pa["outlet"], abs=1.0)  # of 3000 Pa
    assert start.flow_mm3_per_s["inlet"] == pytest.approx(inflow.at(0.0), abs=0.02 * inflow.peak_mm3_per_s)


def test_thinning_blood_costs_more_than_what_it_is_at_high_shear() -> None:
    organ = pipe(2.0, 40.0, 4, 20)
    thin, thick = (
        {q.name: q.value for q in solve(organ, case(blood={"law": law})).quantities}["Pressure drop inlet → outlet"]
        for law in ("newtonian", "carreau-yasuda")
    )
    assert 1.05 * thin < thick < 3.0 * thin


def test_a_centreline_of_another_mesh_is_refused() -> None:
    organ = pipe(2.0, 40.0, 4, 20)
    conditions: Conditions = resolve(case(), organ)
    elsewhere = replace(conditions, outflows=tuple(replace(o, cap="aorta") for o in conditions.outflows))
    with pytest.raises(BadInput, match="does not lead to: aorta"):
        solve_vessel(case(), elsewhere, straight(np.full(41, 12.0)))


def test_the_operation_is_known_by_its_name() -> None:
    assert find("lumped").inputs == {"mesh": "mesh"}


def test_a_centreline_among_the_inputs_is_not_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    organ = pipe(2.0, 20.0, 3, 10)
    line = of_mesh(organ)
    monkeypatch.setattr("organtwin_solvers.lumped.solve.of_mesh", lambda *_: pytest.fail("it is known"))
    (result,) = find("lumped")({"mesh": organ, "line": line}, {"case": case().model_dump(mode="json")})
    assert set(result.tables) == {"inlet → outlet"}
