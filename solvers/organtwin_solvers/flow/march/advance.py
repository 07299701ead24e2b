"""One step of a march, repeated shorter when it fails; what a march leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import SolveFailed
from organtwin.units import convert
from organtwin_solvers.flow.fast.coupled import NotConverged
from organtwin_solvers.flow.flow_scheme import FlowScheme
from organtwin_solvers.flow.state import State

Array = NDArray[np.float64]

HALVINGS = 6  # of a step that fails, before giving up
RUNAWAY = 100.0  # times the inflow's speed: no flow of this kind is faster
LONG_STEP = 5.0  # CFL number from which the step itself is the likely reason for a failure


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

    def record(self, scheme: FlowScheme, state: State, change: float) -> None:
        columns = {"time_s": state.time_s, "residual": change, "iterations": scheme.iterations}
        for cap, flow in scheme.flows_by_cap(state).items():
            columns[f"flow {cap} (mL/s)"] = convert(flow, "flow", "mL/s")
        for cap, pressure in scheme.pressures_by_cap(state).items():
            columns[f"pressure {cap} (mmHg)"] = convert(pressure, "pressure", "mmHg")
        for name, value in columns.items():
            self.histories.setdefault(name, []).append(float(value))
        self.cfl = max(self.cfl, scheme.cfl_rate * state.dt_s)


def frame_of(scheme: FlowScheme, state: State) -> Frame:
    """The state just reached."""
    parts = (state.velocity, state.pressure, scheme.reaction(state))
    return Frame(state.time_s, *(scheme.to_points(part) for part in parts))


def advance(scheme: FlowScheme, state: State, dt_s: float, march: March, *, steady: bool) -> tuple[State, float]:
    """One step, or a shorter one when it fails: the new state and the step that worked.

    Raises
    ------
    SolveFailed
        When even the shortest fails: when, where, and why that is likely.
    """
    reason, first = "", dt_s
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
        remedy=_likely(scheme, speed, place, first),
    )


def _likely(scheme: FlowScheme, speed: float, place: tuple[float, float, float], dt_s: float) -> str:
    organ = scheme.mesh.organ
    for cap in organ.caps:
        if speed > 0.0 and np.linalg.norm(np.subtract(cap.centre_mm, place)) < 2.0 * cap.radius_mm:
            return (
                f"It is at the opening '{cap.name}': give it a longer straight end, look at what is set there, "
                "or check that it is not far smaller than its flow."
            )
    if scheme.cfl_rate * dt_s > LONG_STEP:
        return f"The step is long (CFL number {scheme.cfl_rate * dt_s:.0f}): take more steps per beat."
    return "Look at the mesh there (thin cells, a leak), refine it, or lower the flow."
