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

GROWTH = 1.3  # of the step from one to the next on the way to a steady state
HALVINGS = 6  # of a step that fails, before giving up
STALL = 60  # steps without progress after which a flow counts as unsteady; it is then averaged over as many
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

    def record(self, scheme: Scheme, state: State, change: float) -> None:
        columns = {"time_s": state.time_s, "residual": change, "iterations": scheme.iterations}
        for cap, flow in scheme.flows_by_cap(state).items():
            columns[f"flow {cap} (mL/s)"] = convert(flow, "flow", "mL/s")
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
    march, state = March(), scheme.rest()
    residence = scheme.residence_s()
    dt, longest = residence / 50.0, 100.0 * residence
    residuals: list[float] = []
    mean = _Mean(scheme)
    averaging = False
    while march.steps < numerics.max_steps:
        state, dt = _advance(scheme, state, dt, march, steady=True)
        march.steps += 1
        change = scheme.norm(state.velocity - state.before) / max(scheme.norm(state.velocity), 1e-300)
        march.residual = change / min(1.0, dt / residence)
        residuals.append(march.residual)
        march.record(scheme, state, march.residual)
        monitor.residual("velocity change", march.steps, march.residual)
        monitor.progress(_steady_fraction(residuals, numerics), f"step {march.steps}: velocity changes by {march.residual:.1e}")
        if march.residual < numerics.tolerance and march.steps > 5:
            march.frames.append(_frame(scheme, state))
            return march
        if averaging or march.steps > numerics.max_steps - STALL:
            mean.add(state, dt)
            if averaging and mean.steps >= STALL:
                break
        elif march.steps - int(np.argmin(residuals)) > STALL:
            monitor.log("The flow does not settle into a steady state: from here on it is averaged.")
            averaging, mean = True, _Mean(scheme)
        else:
            dt = min(dt * GROWTH, longest)
    march.fluctuation = mean.fluctuation()
    march.frames.append(mean.frame(state.time_s))
    return march


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
        monitor.progress(step / total, f"cycle {1 + (step - 1) // per_cycle} of {numerics.cycles}, t = {state.time_s:.3f} s")
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
            advanced = scheme.step(state, dt_s, steady=steady)
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


def _steady_fraction(residuals: list[float], numerics: FlowNumerics) -> float:
    """How far a steady march is: by the fall of its residual so far, or by its steps where that is further."""
    span = np.log(max(residuals) / numerics.tolerance)
    fallen = np.log(max(residuals) / max(min(residuals), 1e-300)) / span if span > 0 else 1.0
    return float(min(max(fallen, len(residuals) / numerics.max_steps), 1.0))
