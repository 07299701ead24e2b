"""A moment of a flow, and what the last ones say of the next: backward differences of second order and variable step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """Velocity (owned, 3), pressure (owned,) and windkessel pressures (outlets,) at a time, and those of steps before.

    The equations need one step ``before``; what is ``older`` only makes the first guess of a solve better.
    """

    time_s: float
    velocity: Array
    pressure: Array
    stored: Array
    before: Array | None = None
    pressure_before: Array | None = None
    stored_before: Array | None = None
    dt_s: float = 0.0
    older: Array | None = None
    pressure_older: Array | None = None
    dt_before_s: float = 0.0

    def ahead(self, dt_s: float, *, steady: bool = False) -> Ahead:
        """What is known before a step of ``dt_s``: first order from a single moment, or on the way to a steady state."""
        if steady or self.before is None or self.pressure_before is None or self.stored_before is None:
            return Ahead(dt_s, 1.0, self.velocity, self.stored, self.velocity, self.pressure)
        w = dt_s / self.dt_s
        past, earlier = 1 + w, w * w / (1 + w)
        return Ahead(
            dt_s,
            (1 + 2 * w) / (1 + w),
            past * self.velocity - earlier * self.before,
            past * self.stored - earlier * self.stored_before,
            (1 + w) * self.velocity - w * self.before,
            (1 + w) * self.pressure - w * self.pressure_before,
        )

    def parabola(self, dt_s: float) -> tuple[Array, Array] | None:
        """Velocity and pressure ``dt_s`` from now by the parabola through three moments; None with fewer."""
        if self.older is None or self.pressure_older is None:
            return None
        one, two = self.dt_s, self.dt_s + self.dt_before_s
        now = (dt_s + one) * (dt_s + two) / (one * two)
        before = -dt_s * (dt_s + two) / (one * (two - one))
        older = dt_s * (dt_s + one) / (two * (two - one))
        return (
            now * self.velocity + before * self.before + older * self.older,
            now * self.pressure + before * self.pressure_before + older * self.pressure_older,
        )

    def followed_by(self, ahead: Ahead, velocity: Array, pressure: Array, stored: Array) -> State:
        """The state after that step."""
        return State(
            self.time_s + ahead.dt_s, velocity, pressure, stored, self.velocity, self.pressure, self.stored, ahead.dt_s,
            self.before, self.pressure_before, self.dt_s,
        )  # fmt: skip


@dataclass(frozen=True)
class Ahead:
    """A step that is to be made: the rate of x there is (``a0`` x - past) / ``dt_s``.

    ``past`` (owned, 3) is that of the velocity, ``stored`` (outlets,) that of the windkessel pressures. ``convecting`` and
    ``pressure`` are extrapolated to the end of the step along a line.
    """

    dt_s: float
    a0: float
    past: Array
    stored: Array
    convecting: Array
    pressure: Array
