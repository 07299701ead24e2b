"""Marching a flow through the beats of the heart, until they repeat."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.model.flow_case import FlowNumerics
from organtwin.monitor import Monitor
from organtwin.units import parse
from organtwin_solvers.flow.flow_scheme import FlowScheme
from organtwin_solvers.flow.march.advance import Frame, March, advance, frame_of
from organtwin_solvers.flow.results.cycle import CycleSums
from organtwin_solvers.flow.rheology import rheology

Array = NDArray[np.float64]

PHASES = 8  # moments of the cycle at which two cycles are compared
SAMPLES = 100  # moments of the cycle, or more, at which the wall's shear is summed
KEEP_EVERY_S = 30.0  # of wall time, between two checkpoints
FORMAT = 1  # of a checkpoint: another number for every change of what it holds
GROWTH = 1.2  # of the step from one to the next, where the CFL number sets it

# what a checkpoint holds of the march, of each of its frames and of the sums over the wall
MARCHED = ("steps", "retries", "residual", "cfl", "histories")
SHOWN = ("velocity", "pressure", "reaction")
SUMMED = ("vector", "magnitude", "pressure")


class Beats:
    """The cycles of a run. Frames and wall sums are those of the last one, its end included."""

    def __init__(self, scheme: FlowScheme, numerics: FlowNumerics, monitor: Monitor) -> None:
        self.scheme, self.numerics, self.monitor = scheme, numerics, monitor
        self.march = March(solver_tolerance=numerics.linear_tolerance)
        self.wall = CycleSums(scheme.mesh.organ, rheology(scheme.conditions.blood))
        self.state = scheme.rest()
        self.period_s = parse(numerics.period, "time")
        # moments of a cycle that are recorded; between them the CFL number may ask for several steps
        self.moments = numerics.steps_per_cycle
        if numerics.cfl is not None:
            per_frame = -(-SAMPLES // numerics.frames_per_cycle)
            self.moments = numerics.frames_per_cycle * per_frame
        self.done = 0  # moments so far
        self._compared: dict[int, Array] = {}
        self._deviation = self._fastest = 0.0

    def run(self) -> tuple[March, CycleSums]:
        """All cycles, or as many as it takes to repeat.

        Raises
        ------
        SolveFailed
            When even short steps fail.
        """
        self._restore()
        n, numerics = self.moments, self.numerics
        frames = _spread(numerics.frames_per_cycle, n)
        phases = _spread(PHASES, n)
        samples = _spread(min(SAMPLES, n), n)
        kept = time.monotonic()
        for moment in range(self.done + 1, numerics.cycles * n + 1):
            phase, cycle = 1 + (moment - 1) % n, 1 + (moment - 1) // n
            wanted = cycle == numerics.cycles or numerics.periodic_tolerance > 0.0
            if phase == 1:
                self.march.frames.clear()
                self.wall = self.wall.afresh()
            self._go_to(moment * self.period_s / n)
            if phase in phases:
                self._compare(phase)
            if wanted and phase in frames:
                self.march.frames.append(frame_of(self.scheme, self.state))
            if wanted and phase in samples:
                velocity = self.scheme.to_points(self.state.velocity)
                pressure = self.scheme.to_points(self.state.pressure)
                self.wall.add(self.state.time_s, self.period_s / len(samples), velocity, pressure)
            self.done = moment
            self.monitor.progress(
                moment / (numerics.cycles * n), f"beat {cycle} of {numerics.cycles}, t = {self.state.time_s:.3f} s"
            )
            if phase == n and self._repeats(cycle):
                break
            if self.scheme.restartable and self._due(kept):
                self.monitor.keep(self._pack())
                kept = time.monotonic()
        return self.march, self.wall

    def _go_to(self, goal: float) -> None:
        scheme, march, previous = self.scheme, self.march, self.state.velocity
        while goal - self.state.time_s > 1e-9 * self.period_s:
            left = goal - self.state.time_s
            dt = left
            if self.numerics.cfl is not None:
                allowed = self.numerics.cfl / max(scheme.cfl_rate, 1e-300) if scheme.cfl_rate else left / 10.0
                if self.state.dt_s:
                    allowed = min(allowed, GROWTH * self.state.dt_s)
                dt = left / np.ceil(left / allowed * (1.0 - 1e-9))
            self.state, _ = advance(scheme, self.state, dt, march, steady=False)
            march.steps += 1
        self._fastest = max(self._fastest, scheme.norm(self.state.velocity))
        change = scheme.norm(self.state.velocity - previous) / max(self._fastest, 1e-300)
        march.record(scheme, self.state, change)
        self.monitor.residual("velocity change", self.done + 1, change)

    def _compare(self, phase: int) -> None:
        if phase in self._compared:
            difference = self.scheme.norm(self.state.velocity - self._compared[phase])
            self._deviation = max(self._deviation, difference)
        self._compared[phase] = self.state.velocity

    def _repeats(self, cycle: int) -> bool:
        """Whether the cycle that has just ended is like the one before."""
        if cycle > 1:
            self.march.residual = self._deviation / max(self._fastest, 1e-300)
        self._deviation = 0.0
        return cycle > 1 and self.march.residual < self.numerics.periodic_tolerance

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def _due(self, kept: float) -> bool:
        """Whether it is time for a checkpoint: the first rank's clock decides for all."""
        return bool(self.scheme.mesh.comm.bcast(time.monotonic() - kept > KEEP_EVERY_S))

    def _pack(self) -> dict[str, NDArray[Any]]:
        """Everything it takes to go on, in the mesh's own point order: the ranks may be others then."""
        scheme, march, wall = self.scheme, self.march, self.wall
        arrays: dict[str, NDArray[Any]] = {f"state_{k}": v for k, v in scheme.pack(self.state).items()}
        for phase, velocity in self._compared.items():
            arrays[f"compared_{phase}"] = scheme.to_points(velocity)
        for k, frame in enumerate(march.frames):
            arrays |= {f"frame_{k}_{name}": getattr(frame, name) for name in SHOWN}
        arrays |= {f"wall_{name}": getattr(wall, name) for name in SUMMED}
        numbers = {
            "format": FORMAT,
            "march": {name: getattr(march, name) for name in MARCHED},
            "done": self.done,
            "deviation": self._deviation,
            "fastest": self._fastest,
            "cfl_rate": scheme.cfl_rate,
            "frame_times": [frame.time_s for frame in march.frames],
            "wall": [wall.time_s, wall.samples],
        }
        arrays["numbers"] = np.frombuffer(json.dumps(numbers).encode(), np.uint8)
        return arrays

    def _restore(self) -> None:
        arrays = self.monitor.kept()
        if arrays is None:
            return
        scheme, march, wall = self.scheme, self.march, self.wall
        numbers = json.loads(arrays["numbers"].tobytes())
        if numbers.get("format") != FORMAT:
            self.monitor.log("warning: The checkpoint is of another version of OrganTwin: the run begins afresh.")
            return
        self.state = scheme.unpack(_under("state_", arrays))
        self._compared = {int(k): scheme.from_points(v) for k, v in _under("compared_", arrays).items()}
        self.done, self._deviation, self._fastest = numbers["done"], numbers["deviation"], numbers["fastest"]
        scheme.cfl_rate = numbers["cfl_rate"]
        for name in MARCHED:
            setattr(march, name, numbers["march"][name])
        march.frames = [
            Frame(time_s, *(arrays[f"frame_{k}_{name}"] for name in SHOWN))
            for k, time_s in enumerate(numbers["frame_times"])
        ]
        for name in SUMMED:
            setattr(wall, name, arrays[f"wall_{name}"])
        wall.time_s, wall.samples = numbers["wall"]
        self.monitor.log(f"Going on from t = {self.state.time_s:.3f} s.")


def pulsatile(scheme: FlowScheme, numerics: FlowNumerics, monitor: Monitor) -> tuple[March, CycleSums]:
    """Run the cycles from rest, or from where a run of the same job was ended.

    Raises
    ------
    SolveFailed
        When even short steps fail.
    """
    return Beats(scheme, numerics, monitor).run()


def _spread(count: int, moments: int) -> set[int]:
    """``count`` moments, evenly over 1 to ``moments``, the last included."""
    return {round(moments * (k + 1) / count) for k in range(count)}


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
