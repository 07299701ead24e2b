"""What is kept of a solve on its way: frames of fields, and at every step the numbers that make histories."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.tissue_case import Dynamics
from organtwin.monitor import Monitor
from organtwin.units import convert, parse
from organtwin_solvers.tissue.fields import PointFields, Recovery

MOST_FRAMES = 200
MOST_STEPS = 20_000

Forces = dict[str, NDArray[np.float64]]


class Record:
    """Called after every step, with the load fraction or the time at its end.

    Parameters
    ----------
    recovery : Recovery
    forces : callable
        The forces on the tissue at the present state, by name.
    steps : int
        How many are expected; when they are many, only some become frames.
    unit : str
        Of what it is called with: "s", or "%" of the load.
    """

    def __init__(
        self, recovery: Recovery, forces: Callable[[], Forces], steps: int, monitor: Monitor, unit: str
    ) -> None:
        self._recovery, self._forces, self._monitor = recovery, forces, monitor
        self._unit = unit
        self._every, self._steps = ceil(steps / MOST_FRAMES), 0
        self.frames, self.times = [recovery()], [0.0]
        self.at, self.forces, self.moved = [0.0], [forces()], [0.0]
        self._last = (0.0, self.frames[0])

    def __call__(self, at: float) -> None:
        fields = self._recovery()
        self._steps += 1
        self._last = (at, fields)
        if self._steps % self._every == 0:
            self._keep()
        self.at.append(at)
        self.forces.append(self._forces())
        self.moved.append(float(np.linalg.norm(fields.displacement_mm, axis=1).max()))
        where = f"load {100 * at:.0f} %" if self._unit == "%" else f"{at:.4g} s"
        self._monitor.log(f"{where}: largest displacement {self.moved[-1]:.2f} mm")

    def close(self) -> None:
        """Keep the last step in any case."""
        if self.frames[-1] is not self._last[1]:
            self._keep()

    def _keep(self) -> None:
        self.times.append(self._last[0])
        self.frames.append(self._last[1])

    @property
    def last(self) -> PointFields:
        return self.frames[-1]

    def histories(self) -> dict[str, list[float]]:
        """Of every step: the largest displacement, and each force."""
        return {
            "largest displacement mm": self.moved,
            **{
                f"force at {name} N": [convert(float(np.linalg.norm(at[name])), "force", "N") for at in self.forces]
                for name in self.forces[-1]
            },
        }


def times(dynamics: Dynamics) -> dict[str, float]:
    """Duration, step and ramp in seconds.

    Raises
    ------
    BadInput
        When they are not positive, or make no step or too many.
    """
    given = {"duration_s": dynamics.duration, "step_s": dynamics.step, "ramp_s": dynamics.ramp or "0 s"}
    seconds = {name: parse(text, "time") for name, text in given.items()}
    if seconds["duration_s"] <= 0 or seconds["step_s"] <= 0 or seconds["ramp_s"] < 0:
        raise BadInput(
            "The duration and the step of a motion must be positive", remedy='Give for example "1 s" and "10 ms".'
        )
    if seconds["step_s"] > seconds["duration_s"]:
        raise BadInput(
            f"A motion of {dynamics.duration} is shorter than its step of {dynamics.step}",
            remedy="Take a shorter step.",
        )
    if seconds["duration_s"] > MOST_STEPS * seconds["step_s"]:
        raise BadInput(
            f"A motion of {dynamics.duration} in steps of {dynamics.step} needs more than {MOST_STEPS} steps",
            remedy="Take a longer step or a shorter duration.",
        )
    return seconds
