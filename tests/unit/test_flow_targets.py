"""Outlets found from pressures and a split: the circuit must bring about exactly what was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.flow.setup.conditions import resolve
from organtwin_solvers.flow.setup.targets import Terminal, solve_loop, summary, terminals
from organtwin_solvers.flow.setup.waveforms import template
from organtwin_solvers.validation.pipes import tee

from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.model.flow_case import Outlet, Targets
from organtwin.units import convert, parse

PERIOD = 0.8
RADII = {"left": 3.0, "right": 6.0}


def find(flow="5 L/min", waveform="ascending-aorta", outlets=None, **targets):
    inflow = template(waveform, parse(flow, "flow"), PERIOD).over_period()
    given = outlets or {cap: Outlet(cap=cap) for cap in RADII}
    ends = terminals(given, Targets(**targets), RADII, inflow, PERIOD, 1.06e-3)
    return {end.cap: end for end in ends}, solve_loop(ends, inflow, PERIOD)


def mmhg(pressure):
    return convert(pressure, "pressure", "mmHg")


@pytest.mark.parametrize(
    ("waveform", "flow"),
    [
        ("ascending-aorta", "5 L/min"),
        ("abdominal-aorta", "0.6 L/min"),
        ("common-carotid", "6.5 mL/s"),
        ("iliac", "5 mL/s"),
    ],
)
@pytest.mark.parametrize(("high", "low"), [(120, 80), (165, 70), (95, 65)])
def test_the_loop_has_the_systolic_and_diastolic_pressure_that_were_asked_for(waveform, flow, high, low):
    _, loop = find(flow, waveform, systolic=f"{high} mmHg", diastolic=f"{low} mmHg")
    assert mmhg(loop.systolic_pa) == pytest.approx(high, abs=0.01)
    assert mmhg(loop.diastolic_pa) == pytest.approx(low, abs=0.01)


def test_flow_divides_as_the_cube_of_the_radius_or_as_it_is_told():
    murray, _ = find()
    assert murray["right"].mean_flow / murray["left"].mean_flow == pytest.approx(8.0)
    square, _ = find(exponent=2.0)
    assert square["right"].mean_flow / square["left"].mean_flow == pytest.approx(4.0)
    told, _ = find(split={"left": 30.0, "right": 70.0})
    assert told["left"].mean_flow == pytest.approx(0.3 * parse("5 L/min", "flow"))


def test_values_for_an_adult_at_rest_are_those_of_the_literature():
    ends, _ = find()
    resistance = 1.0 / sum(1.0 / convert(e.resistance, "resistance", "mmHg*s/mL") for e in ends.values())
    compliance = sum(convert(e.compliance, "compliance", "mL/mmHg") for e in ends.values())
    assert 1.0 < resistance < 1.3
    assert 1.0 < compliance < 2.2
    assert all(0.0 < e.proximal < 0.2 * e.resistance for e in ends.values())


def test_a_steady_flow_gets_plain_resistances_at_the_mean_pressure():
    ends, loop = find(waveform="constant")
    assert mmhg(loop.mean_pa) == pytest.approx(80 + 40 / 3, rel=1e-9)
    assert all(e.compliance == 0.0 and e.distal == 0.0 for e in ends.values())


def test_an_outlet_with_its_own_windkessel_keeps_it_and_the_rest_meet_the_targets():
    own = {
        "cap": "left",
        "windkessel": {"proximal": "1 mmHg*s/mL", "compliance": "0.1 mL/mmHg", "distal": "9 mmHg*s/mL"},
    }
    ends, loop = find(outlets={"left": Outlet(**own), "right": Outlet(cap="right")})
    assert convert(ends["left"].distal, "resistance", "mmHg*s/mL") == pytest.approx(9.0)
    assert (mmhg(loop.systolic_pa), mmhg(loop.diastolic_pa)) == pytest.approx((120, 80), abs=0.01)


def test_the_periodic_state_is_that_of_the_ordinary_differential_equation():
    end = Terminal("out", 0.02, 800.0, 0.3, 500.0, "case")
    inflow = template("ascending-aorta", 8e4, PERIOD).over_period(8000)
    loop = solve_loop([end], inflow, PERIOD)
    stored, dt = loop.terminals[0].stored_pa, PERIOD / 8000
    course = []
    for flow, following in zip(inflow, np.roll(inflow, -1), strict=True):
        course.append(0.02 * flow + stored)
        rate = (flow + following) / 2.0 / 800.0
        decay = dt / (0.3 * 800.0)
        stored = ((1 - decay / 2) * stored + dt * rate + decay * 500.0) / (1 + decay / 2)
    assert stored == pytest.approx(loop.terminals[0].stored_pa, rel=1e-6)  # back where it began
    np.testing.assert_allclose(course, loop.pressure_pa, rtol=1e-5)


def test_the_impedance_is_the_published_one():
    """RCR of 121, 1.5e-5 and 1212 in cm, g, s: |Z| 1324.459 at -0.10337 rad and 1 Hz, 1299.798 at 2 Hz."""
    end = Terminal("out", 121e-4, 1.5e-5 * 1e4, 1212e-4, 0.0, "case")
    once, twice = end.impedance(2.0 * np.pi * np.array([1.0, 2.0])) * 1e4
    assert abs(once) == pytest.approx(1324.459, abs=1e-3)
    assert np.angle(once) == pytest.approx(-0.10337, abs=1e-5)
    assert abs(twice) == pytest.approx(1299.798, abs=1e-3)


def test_a_case_with_targets_starts_at_the_periodic_state_relative_to_a_reference():
    numerics = {"mode": "pulsatile", "period": "0.8 s"}
    case = FlowCase.model_validate(
        {
            "inlets": [{"cap": "inlet", "flow": "6 mL/s", "waveform": "common-carotid"}],
            "targets": {},
            "numerics": numerics,
        }
    )
    conditions = resolve(case, tee(6.0, 6.0, 6.0, cells=4))
    for outflow, end in zip(conditions.outflows, conditions.loop.terminals, strict=True):
        assert outflow.stored_pa + conditions.reference_pa == pytest.approx(end.stored_pa)
        assert 75.0 < mmhg(end.stored_pa) < 120.0
        assert end.row()["from"] == "targets"
    assert summary(conditions.loop).startswith("from the targets: left ")
    steady = resolve(
        case.model_copy(update={"numerics": case.numerics.model_copy(update={"mode": "steady"})}),
        tee(6.0, 6.0, 6.0, cells=4),
    )
    assert all(outflow.compliance == 0.0 for outflow in steady.outflows)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"systolic": "70 mmHg"}, "do not fall in that order"),
        ({"split": {"left": 50.0, "right": 40.0}}, "adds up to 90 %"),
        (
            {"outlets": {"left": Outlet(pressure="90 mmHg"), "right": Outlet()}},
            "'left' has a fixed pressure of 90 mmHg",
        ),
        ({"split": {"left": float("nan"), "right": 50.0}}, "gives 'left' nothing"),
        ({"split": {"left": 50.0, "middle": 50.0}}, "names 'middle'"),
        ({"split": {"left": 100.0}}, "gives 'right' nothing"),
        ({"flow": "-5 L/min"}, "mean inflow above zero"),
        ({"waveform": "common-carotid", "systolic": "700 mmHg"}, "too even"),
    ],
)
def test_targets_that_cannot_be_met_are_refused_in_one_sentence(parts, sentence):
    with pytest.raises(BadInput) as refused:
        find(**parts)
    assert sentence in refused.value.sentence


@pytest.mark.parametrize("wrong", ["proximal", "compliance", "distal"])
@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_windkessel_of_zero_or_less_is_refused(wrong, value):
    units = {"proximal": "mmHg*s/mL", "compliance": "mL/mmHg", "distal": "mmHg*s/mL"}
    windkessel = {name: f"{value if name == wrong else 1} {unit}" for name, unit in units.items()}
    case = FlowCase.model_validate(
        {"inlets": [{"cap": "inlet", "flow": "5 mL/s"}], "outlets": [{"cap": "*", "windkessel": windkessel}]}
    )
    with pytest.raises(BadInput, match="is not above zero"):
        resolve(case, tee(6.0, 6.0, 6.0, cells=4))
