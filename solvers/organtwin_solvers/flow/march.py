"""Marching a flow in time: to a steady state, or through the cycles of the heart."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import SolveFailed
from organtwin.model.cases import FlowNumerics
from organtwin.operations import Monitor
from organtwin.units import convert, parse
from organtwin_solvers.flow.coupled import NotConverged
from organtwin_solvers.flow.scheme import Scheme, State

Array = NDArray[np.float64]

GROWTH = 1.3  # of the step from one to the next while the march to a steady state goes well
HALVINGS = 6  # of a step that fails, before giving up
STALL = 15  # steps without progress after which a flow counts as unsteady
HARD = 80  # iterations of the linear solver from which on shorter steps cost less
SETTLE, AVERAGE = 20, 60  # steps in real time that follow then: to forget the long steps, and to average over
AVERAGING_CFL = 5.0
PHASES = 8  # moments of the cycle at which two cycles are compared
RUNAWAY = 100.0  # times the inflow's speed: no flow of this kind is faster


@dataclass(frozen=True)
class Frame:
    """One moment of the result, in the mesh's point order: (n, 3) mm/s, (n,) Pa, (n, 3) g mm/s^2."""

    time_s: float
    velocity: Array
    pressure: Array
    reaction: Array


@dataclass
class March:
    """Frames, and what is needed to believe them."""

    frames: list[Frame] = field(default_factory=list)
    histories: dict[str, list[float]] = field(default_factory=dict)
    steps: int = 0
    retries: int = 0
    residual: float = float("nan")  # steady: change of velocity; pulsatile: change from cycle to cycle
    fluctuation: float = 0.0  # rms deviation of velocity from the mean that is shown, relative; 0 when steady
    cfl: float = 0.0
    solver_tolerance: float = 3e-6

    def record(self, scheme: Scheme, state: State, change: float) -> None:
        columns = {"time_s": state.time_s, "residual": change, "iterations": scheme.iterations}
        for cap, flow in scheme.flows_by_cap(state).items():
            columns[f"flow {cap} (mL/s)"] = convert(flow, "flow", "mL/s")
        for cap, pressure in scheme.pressures_by_cap(state).items():
            columns[f"pressure {cap} (mmHg)"] = convert(pressure, "pressure", "mmHg")
        for name, value in columns.items():
            self.histories.setdefault(name, []).append(float(value))
        self.cfl = max(self.cfl, scheme.cfl_rate * state.dt_s)


def steady(scheme: Scheme, numerics: FlowNumerics, monitor: Monitor) -> March:
    """March with growing implicit steps until the flow changes less than the tolerance.

    The residual is the relative change of velocity per step, or per residence time (volume / flow) while steps are
    shorter than that. A flow that has stopped approaching a steady state is averaged over further steps, and the
    fluctuation about that mean is kept.

    Raises
    ------
    SolveFailed
        When even short steps fail.
    """
    march, state = March(solver_tolerance=min(3e-6, 0.003 * numerics.tolerance)), scheme.rest()
    residence = scheme.residence_s()
    dt, longest = residence / 50.0, 10.0 * residence
    best, best_step = np.inf, 0
    while march.steps < max(numerics.max_steps - SETTLE - AVERAGE, 10):
        state, dt = _advance(scheme, state, dt, march, steady=True)
        change = scheme.norm(state.velocity - state.before) / max(scheme.norm(state.velocity), 1e-300)
        march.residual = change / min(1.0, dt / residence)
        _tell_steady(scheme, state, march, numerics, monitor)
        if march.residual < numerics.tolerance and march.steps > 5:
            march.frames.append(_frame(scheme, state))
            return march
        too_long = march.residual > 1.5 * best or scheme.iterations > HARD
        if march.residual < 0.9 * best:
            best, best_step = march.residual, march.steps
        elif march.steps - best_step >= STALL:
            break
        dt = max(0.5 * dt, residence / 50.0) if too_long else min(GROWTH * dt, longest)
    return _average(scheme, state, march, numerics, monitor)


def _average(scheme: Scheme, state: State, march: March, numerics: FlowNumerics, monitor: Monitor) -> March:
    """Follow an unsteady flow in real time (second order) and keep its mean."""
    monitor.log("The flow does not settle into a steady state: it is followed in time and averaged.")
    residence, mean = scheme.residence_s(), _Mean(scheme)
    dt = float(np.clip(AVERAGING_CFL / max(scheme.cfl_rate, 1e-300), residence / 100.0, residence / 20.0))
    for step in range(SETTLE + AVERAGE):
        state, used = _advance(scheme, state, dt, march, steady=step == 0)
        change = scheme.norm(state.velocity - state.before) / max(scheme.norm(state.velocity), 1e-300)
        march.residual = change / min(1.0, used / residence)
        _tell_steady(scheme, state, march, numerics, monitor, averaged=(step + 1) / (SETTLE + AVERAGE))
        if step >= SETTLE:
            mean.add(state, used)
    march.fluctuation = mean.fluctuation()
    march.frames.append(mean.frame(state.time_s))
    return march


def _tell_steady(
    scheme: Scheme, state: State, march: March, numerics: FlowNumerics, monitor: Monitor, *, averaged: float = 0.0
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


def pulsatile(scheme: Scheme, numerics: FlowNumerics, monitor: Monitor) -> March:
    """Run the cycles from rest; frames are spread evenly over the last one, its end included.

    Raises
    ------
    SolveFailed
        When even short steps fail.
    """
    march, state = March(), scheme.rest()
    period, per_cycle = parse(numerics.period, "time"), numerics.steps_per_cycle
    total = numerics.cycles * per_cycle
    frames = {round(per_cycle * (k + 1) / numerics.frames_per_cycle) for k in range(numerics.frames_per_cycle)}
    phases = {round(per_cycle * (k + 1) / PHASES) for k in range(PHASES)}
    compared: dict[int, Array] = {}
    deviation = fastest = 0.0
    for step in range(1, total + 1):
        goal, previous = step * period / per_cycle, state.velocity
        while goal - state.time_s > 1e-9 * period:
            state, _ = _advance(scheme, state, goal - state.time_s, march, steady=False)
        march.steps += 1
        fastest = max(fastest, scheme.norm(state.velocity))
        change = scheme.norm(state.velocity - previous) / max(fastest, 1e-300)
        march.record(scheme, state, change)
        phase = 1 + (step - 1) % per_cycle
        if phase in phases:
            if phase in compared:
                deviation = max(deviation, scheme.norm(state.velocity - compared[phase]))
            compared[phase] = state.velocity
        if phase == per_cycle:
            march.residual = deviation / max(fastest, 1e-300) if step > per_cycle else float("nan")
            deviation = 0.0
        if step > total - per_cycle and phase in frames:
            march.frames.append(_frame(scheme, state))
        monitor.residual("velocity change", step, change)
        monitor.progress(
            step / total, f"cycle {1 + (step - 1) // per_cycle} of {numerics.cycles}, t = {state.time_s:.3f} s"
        )
    return march


class _Mean:
    """Time average of states."""

    def __init__(self, scheme: Scheme) -> None:
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


def _frame(scheme: Scheme, state: State) -> Frame:
    parts = (state.velocity, state.pressure, scheme.reaction(state))
    return Frame(state.time_s, *(scheme.to_points(part) for part in parts))


def _advance(scheme: Scheme, state: State, dt_s: float, march: March, *, steady: bool) -> tuple[State, float]:
    """One step, or a shorter one when it fails: the new state and the step that worked."""
    reason = ""
    for _ in range(HALVINGS + 1):
        try:
            advanced = scheme.step(state, dt_s, steady=steady, tolerance=march.solver_tolerance)
            if scheme.fastest(advanced)[0] > RUNAWAY * scheme.inflow_speed():
                raise NotConverged("the velocity runs away")
            return advanced, dt_s
        except NotConverged as failure:
            reason, dt_s = str(failure), 0.5 * dt_s
            march.retries += 1
    speed, place = scheme.fastest(state)
    raise SolveFailed(
        f"The flow solve failed at t = {state.time_s:.4g} s even with steps of {2 * dt_s:.2g} s: {reason}",
        where=f"fastest blood {speed / 10.0:.0f} cm/s near ({place[0]:.0f}, {place[1]:.0f}, {place[2]:.0f}) mm LPS",
        remedy="Look at the mesh there (thin cells, a leak, an opening too small for its flow), refine it, or lower the flow.",
    )
