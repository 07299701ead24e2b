"""What is known before a step: backward differences, first guesses, and what an outlet does during it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from organtwin_solvers.flow.setup.conditions import Outflow, resistances_and_pressures
from organtwin_solvers.flow.state import State

TIMES = (0.0, 0.1, 0.35)  # steps of different length
STEP = 0.2


def parabola(time_s: float) -> float:
    return 1.0 + 2.0 * time_s + 3.0 * time_s**2


def line(time_s: float) -> float:
    return 1.0 + 2.0 * time_s


def state(f) -> State:
    """Velocity, pressure and stored pressure that follow a function of time."""

    def values(time_s: float) -> list[np.ndarray]:
        return [np.full(shape, f(time_s)) for shape in ((1, 3), 1, 1)]

    now = State(TIMES[0], *values(TIMES[0]))
    for before, time_s in pairwise(TIMES):
        now = now.followed_by(now.ahead(time_s - before), *values(time_s))
    return now


def test_the_rate_of_a_parabola_is_exact_after_steps_of_any_length():
    ahead, there = state(parabola).ahead(STEP), TIMES[-1] + STEP
    for past in (ahead.past, ahead.stored):
        np.testing.assert_allclose((ahead.a0 * parabola(there) - past) / STEP, 2.0 + 6.0 * there, rtol=1e-12)


def test_a_line_and_a_parabola_are_guessed_ahead_exactly():
    there = TIMES[-1] + STEP
    ahead = state(line).ahead(STEP)
    np.testing.assert_allclose(ahead.convecting, line(there))
    np.testing.assert_allclose(ahead.pressure, line(there))
    for guess in state(parabola).parabola(STEP):
        np.testing.assert_allclose(guess, parabola(there))


def test_on_the_way_to_a_steady_state_only_the_last_moment_counts():
    now = state(parabola)
    ahead = now.ahead(STEP, steady=True)
    assert ahead.a0 == 1.0
    assert ahead.past is ahead.convecting is now.velocity


def outlet(*, compliance: float, distal: float) -> Outflow:
    return Outflow("outlet", np.zeros((1, 3)), 2e-3, compliance, distal, 900.0, 0.0)


@pytest.mark.parametrize(("compliance", "distal"), [(300.0, 4e-3), (0.0, 4e-3), (300.0, 0.0), (0.0, 0.0)])
def test_the_pressure_of_an_outlet_meets_its_equation_at_the_end_of_a_step(compliance, distal):
    kind, flow, past, a0 = outlet(compliance=compliance, distal=distal), 5e4, 1300.0, 1.5
    resistance, known = kind.after_step(past, a0, STEP)
    stored = known + (resistance - kind.proximal) * flow
    rate = (a0 * stored - past) / STEP
    assert stored - kind.distal_pressure_pa == pytest.approx(distal * (flow - compliance * rate))


def test_a_steady_flow_does_not_see_compliance():
    (resistance,), (known,) = resistances_and_pressures(
        [outlet(compliance=300.0, distal=4e-3)], np.array([1300.0]), 1.0, np.inf
    )
    assert resistance == pytest.approx(6e-3)
    assert known == pytest.approx(900.0)
