"""What acts on a model from outside while time goes on: meals, insulin, exercise, as they were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from organtwin.physiology.model import Floats, Physiology


@dataclass(frozen=True)
class Driven:
    """Doses (n): what begins at ``times_s`` and adds ``rates`` (n), in the drive's unit, to the drive at ``places`` (n) until
    ``ends_s``; the manifest's defaults otherwise."""

    default: Floats
    times_s: Floats
    ends_s: Floats
    places: Floats
    rates: Floats

    @classmethod
    def none(cls, model: Physiology) -> Self:
        empty = np.zeros(0)
        return cls(model.at_rest()[0], empty, empty, empty, empty)

    def over(self, start_s: float, end_s: float, step_s: float) -> tuple[Floats, Floats]:
        """Times (nt) from start to end, at most ``step_s`` apart, and the drives (nt, d) from each to the next."""
        steps = max(int(np.ceil((end_s - start_s) / step_s - 1e-9)), 0)
        times = np.linspace(start_s, end_s, steps + 1) if steps else np.array([start_s])
        return times, self.at(times)

    def at(self, times_s: Floats) -> Floats:
        """(nt, d): the mean of each drive from each time to the next (at the last: then)."""
        drives = np.tile(self.default, (len(times_s), 1))
        width = np.diff(times_s, append=times_s[-1] + 1.0)
        for t, end, place, rate in zip(self.times_s, self.ends_s, self.places.astype(int), self.rates, strict=True):
            shared = np.minimum(times_s + width, end) - np.maximum(times_s, t)
            drives[:, place] += rate * np.clip(shared / width, 0.0, 1.0)
        return drives
