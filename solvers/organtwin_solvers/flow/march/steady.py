"""Marching a flow to its steady state, or to the mean of one that has none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.model.flow_case import FlowNumerics
from organtwin.monitor import Monitor
from organtwin_solvers.flow.flow_scheme import FlowScheme
from organtwin_solvers.flow.march.advance import Frame, March, advance, frame_of
from organtwin_solvers.flow.state import State

Array = NDArray[np.float64]

GROWTH = 1.3  # of the step from one to the next while the march to a steady state goes well
STALL = 15  # steps without progress after which a flow counts as unsteady
HARD = 80  # iterations of the linear solver from which on shorter steps cost less
SETTLE, AVERAGE = 20, 60  # steps in real time that follow then: to forget the long steps, and to average over
AVERAGING_CFL = 5.0


def steady(scheme: FlowScheme, numerics: FlowNumerics, monitor: Monitor) -> March:
    """March with growing implicit steps until the flow changes less than the tolerance.

    The residual is the relative change of velocity per step, or per residence time (volume / flow) while steps are
    shorter than that. A flow that has stopped approaching a steady state is averaged over further steps, and the
    fluctuation about that mean is kept.

    Raises
    ------
    SolveFailed
        When even short steps fail.
    """
    march, state = March(solver_tolerance=min(numerics.linear_tolerance, 0.003 * numerics.tolerance)), scheme.rest()
    residence = scheme.residence_s()
    dt, longest = residence / 50.0, 10.0 * residence
    best, best_step = np.inf, 0
    while march.steps < max(numerics.max_steps - SETTLE - AVERAGE, 10):
        state, dt = advance(scheme, state, dt, march, steady=True)
        change = scheme.norm(state.velocity - state.before) / max(scheme.norm(state.velocity), 1e-300)
        march.residual = change / min(1.0, dt / residence)
        _tell_steady(scheme, state, march, numerics, monitor)
        if march.residual < numerics.tolerance and march.steps > 5:
            march.frames.append(frame_of(scheme, state))
            return march
        too_long = march.residual > 1.5 * best or scheme.iterations > HARD
        if march.residual < 0.9 * best:
            best, best_step = march.residual, march.steps
        elif march.steps - best_step >= STALL:
            break
        dt = max(0.5 * dt, residence / 50.0) if too_long else min(GROWTH * dt, longest)
    return _average(scheme, state, march, numerics, monitor)


def _average(scheme: FlowScheme, state: State, march: March, numerics: FlowNumerics, monitor: Monitor) -> March:
    """Follow an unsteady flow in real time (second order) and keep its mean."""
    monitor.log("The flow does not settle into a steady state: it is followed in time and averaged.")
    residence, mean = scheme.residence_s(), _Mean(scheme)
    dt = float(np.clip(AVERAGING_CFL / max(scheme.cfl_rate, 1e-300), residence / 100.0, residence / 20.0))
    for step in range(SETTLE + AVERAGE):
        state, used = advance(scheme, state, dt, march, steady=step == 0)
        change = scheme.norm(state.velocity - state.before) / max(scheme.norm(state.velocity), 1e-300)
        march.residual = change / min(1.0, used / residence)
        _tell_steady(scheme, state, march, numerics, monitor, averaged=(step + 1) / (SETTLE + AVERAGE))
        if step >= SETTLE:
            mean.add(state, used)
    march.fluctuation = mean.fluctuation()
    march.frames.append(mean.frame(state.time_s))
    return march


def _tell_steady(
    scheme: FlowScheme, state: State, march: March, numerics: FlowNumerics, monitor: Monitor, *, averaged: float = 0.0
) -> None:
    march.steps += 1
    march.record(scheme, state, march.residual)
    monitor.residual("velocity change", march.steps, march.residual)
    if averaged:
        monitor.progress(0.5 + 0.5 * averaged, f"unsteady: averaging, step {march.steps}")
    else:
        seen = march.histories["residual"]
        span = np.log(max(seen) / numerics.tolerance)
        fallen = np.log(max(seen) / max(min(seen), 1e-300)) / span if span > 0 else 1.0
        fraction = min(max(fallen, 1.0 - np.exp(-march.steps / 20.0)), 1.0)
        monitor.progress(0.5 * fraction, f"step {march.steps}: velocity changes by {march.residual:.1e}")


class _Mean:
    """Time average of states."""

    def __init__(self, scheme: FlowScheme) -> None:
        self._scheme, self.steps, self._time = scheme, 0, 0.0
        self._sums: list[Array] = []
        self._square = 0.0

    def add(self, state: State, dt_s: float) -> None:
        parts = [state.velocity, state.pressure, self._scheme.reaction(state)]
        self._sums = [s + dt_s * part for s, part in zip(self._sums or [0.0] * 3, parts, strict=True)]
        self._square += dt_s * self._scheme.norm(state.velocity) ** 2
        self._time += dt_s
        self.steps += 1

    def fluctuation(self) -> float:
        mean = self._scheme.norm(self._sums[0] / self._time)
        return float(np.sqrt(max(self._square / self._time - mean**2, 0.0)) / max(mean, 1e-300))

    def frame(self, time_s: float) -> Frame:
        return Frame(time_s, *(self._scheme.to_points(part / self._time) for part in self._sums))
