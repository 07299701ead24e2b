"""Circuits: what is counted, what is refused, what is found."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from organtwin_solvers.lumped import blocks, svzerod
from organtwin_solvers.lumped.circuit import Circuit, Waveform
from organtwin_solvers.lumped.march import periodic, rest
from scipy.integrate import solve_ivp

from organtwin.errors import BadInput, SolveFailed


def _line(*parts: tuple[str, object]) -> Circuit:
    circuit = Circuit()
    for name, block in parts:
        circuit.add(name, block)  # type: ignore[arg-type]
    for (a, _), (b, _) in pairwise(parts):
        circuit.link(a, b)
    return circuit


def test_a_steady_state_meets_the_stenosis_law() -> None:
    circuit = _line(
        ("pump", blocks.GivenFlow(5.0)),
        ("vessel", blocks.Vessel(100.0, stenosis=100.0)),
        ("bed", blocks.Resistance(100.0, 100.0)),
    )
    system = circuit.system(steady=True)
    y = rest(system)
    assert y[system.index("pressure:pump:vessel")] == pytest.approx(3600.0, rel=1e-12)
    assert y[system.index("pressure:vessel:bed")] == pytest.approx(600.0, rel=1e-12)


def test_a_periodic_state_ends_where_it_began_however_slow_the_windkessel() -> None:
    pulse = Waveform(np.linspace(0.0, 1.0, 101), 2.0 + np.sin(2.0 * np.pi * np.linspace(0.0, 1.0, 101)))
    circuit = _line(
        ("pump", blocks.GivenFlow(pulse)),
        ("vessel", blocks.Vessel(10.0, inertance=1.0, stenosis=3.0)),
        ("bed", blocks.Windkessel(10.0, 1.0, 100.0)),  # 100 s
    )
    system = circuit.system()
    track, beats = periodic(system, 1.0, 100, np.zeros(len(system.names)), tolerance=1e-8)
    stored = track.y[:, system.index("pressure_c:bed")]
    assert beats <= 4
    assert stored[-1] == pytest.approx(stored[0], rel=1e-7)
    assert stored[:-1].mean() == pytest.approx(100.0 * 2.0, rel=1e-3)


def test_what_flows_into_a_junction_flows_out() -> None:
    circuit = Circuit()
    for name, block in {
        "pump": blocks.GivenFlow(9.0),
        "trunk": blocks.Vessel(1.0),
        "fork": blocks.Junction(),
        "left": blocks.Vessel(1.0),
        "right": blocks.Vessel(2.0),
        "a": blocks.Resistance(0.0),
        "b": blocks.Resistance(0.0),
    }.items():
        circuit.add(name, block)
    for link in ("pump trunk", "trunk fork", "fork left", "fork right", "left a", "right b"):
        circuit.link(*link.split())
    system = circuit.system(steady=True)
    y = rest(system)
    assert y[system.index("flow:left:a")] == pytest.approx(6.0)
    assert y[system.index("flow:right:b")] == pytest.approx(3.0)


def test_a_vessel_with_an_open_end_is_refused() -> None:
    circuit = _line(("pump", blocks.GivenFlow(5.0)), ("vessel", blocks.Vessel(1.0)))
    with pytest.raises(BadInput, match="one neighbour at each end"):
        circuit.system()


def test_two_pumps_against_each_other_have_no_answer() -> None:
    circuit = _line(("a", blocks.GivenFlow(1.0)), ("vessel", blocks.Vessel(1.0)), ("b", blocks.GivenFlow(2.0)))
    with pytest.raises(SolveFailed):
        rest(circuit.system(steady=True))


def test_a_waveform_repeats_and_refuses_times_that_go_back() -> None:
    wave = Waveform([0.0, 1.0, 2.0], [0.0, 1.0, 0.0])
    assert wave(2.5) == pytest.approx(0.5)
    with pytest.raises(BadInput, match="increase"):
        Waveform([0.0, 2.0, 1.0], [0.0, 1.0, 0.0])


def test_parts_of_different_periods_are_refused() -> None:
    data = {
        "simulation_parameters": {"number_of_cardiac_cycles": 1, "number_of_time_pts_per_cardiac_cycle": 5, "cardiac_period": 1.2},
        "boundary_conditions": [{"bc_name": "in", "bc_type": "FLOW", "bc_values": {"Q": [1.0, 1.0], "t": [0.0, 1.0]}}],
    }  # fmt: skip
    with pytest.raises(BadInput, match="different periods"):
        svzerod.read(data)


def test_an_unknown_part_is_named() -> None:
    data = {
        "simulation_parameters": {"number_of_cardiac_cycles": 1, "number_of_time_pts_per_cardiac_cycle": 5},
        "boundary_conditions": [{"bc_name": "in", "bc_type": "WARP", "bc_values": {}}],
    }
    with pytest.raises(BadInput, match="WARP"):
        svzerod.read(data)


def test_a_coronary_follows_its_own_equations() -> None:
    """Against an adaptive Runge-Kutta of the same circuit, written in its two stored pressures."""
    ra, ram, rv, ca, cim = 100.0, 80.0, 60.0, 1e-3, 2e-3
    flow = lambda t: 2.2 + 2.0 * np.sin(2.0 * np.pi * t)  # noqa: E731
    muscle = lambda t: 100.0 * np.sin(2.0 * np.pi * t) ** 2  # noqa: E731

    def rates(t: float, p: np.ndarray) -> list[float]:
        through = (p[0] - p[1]) / ram
        squeezed = 200.0 * np.pi * np.sin(4.0 * np.pi * t)
        return [(flow(t) - through) / ca, squeezed + (through - (p[1] - 5.0) / rv) / cim]

    exact = solve_ivp(rates, (0.0, 12.0), [0.0, 0.0], rtol=1e-9, atol=1e-9, dense_output=True).sol
    circuit = _line(
        ("pump", blocks.GivenFlow(flow)),
        ("vessel", blocks.Vessel(10.0)),
        ("heart", blocks.Coronary(ra, ram, rv, ca, cim, muscle, 5.0)),
    )
    system = circuit.system()
    start = np.zeros(len(system.names))
    for begin in system.starts:
        begin(start, start)
    track, _ = periodic(system, 1.0, 800, start, tolerance=1e-9)
    pressure = track.y[:, system.index("pressure:vessel:heart")]
    expected = [exact(11.0 + t)[0] + ra * flow(t) for t in track.times]
    assert np.abs(pressure - expected).max() < 1e-3 * np.ptp(expected)
