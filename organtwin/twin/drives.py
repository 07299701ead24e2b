"""What acts on a model from outside while time goes on: meals and insulin, as they were recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from organtwin.model.observations import Observations
from organtwin.physiology.model import Floats, Physiology

# reading of the timeline, the drive (amount a minute) that it is, and how long it takes where that was not recorded
DOSES = (
    ("9059-7", "carbohydrates", 15 * 60.0),
    ("insulin-rapid", "insulin", 5 * 60.0),
)


@dataclass(frozen=True)
class Driven:
    """Doses (n): what begins at ``times_s`` and adds ``rates`` (n), in the drive's unit, to the drive at ``places`` (n) until
    ``ends_s``; the manifest's defaults otherwise."""

    default: Floats
    times_s: Floats
    ends_s: Floats
    places: NDArray[np.intp]
    rates: Floats

    @classmethod
    def none(cls, model: Physiology) -> Self:
        empty = np.zeros(0)
        return cls(model.at_rest()[0], empty, empty, np.zeros(0, np.intp), empty)

    @classmethod
    def of(cls, model: Physiology, observations: Iterable[Observations]) -> Self:
        """From what was recorded; none for a model of the pace "day", whose drives are lasting changes."""
        if model.pace == "day":
            return cls.none(model)
        drives = {d.key: k for k, d in enumerate(model.drives)}
        parts = []
        for one in observations:
            for code, key, usual_s in DOSES:
                if code not in one.codes or key not in drives:
                    continue
                at = np.flatnonzero(np.asarray(one.code) == one.codes.index(code))
                # what lasts longer than two hours is a day's sum, not a meal
                lasts = np.asarray(one.durations_s, float)[at]
                fine = (lasts <= 7200.0) & np.isfinite(one.values[at]) & (one.values[at] > 0.0)
                at, lasts = at[fine], np.where(lasts[fine] > 0.0, lasts[fine], usual_s)
                parts.append(
                    (
                        one.times_s[at],
                        one.times_s[at] + lasts,
                        np.full(len(at), drives[key]),
                        one.values[at] / (lasts / 60.0),
                    )
                )
        if not parts:
            return cls.none(model)
        times, ends, places, rates = (np.concatenate([p[k] for p in parts]) for k in range(4))
        order = np.lexsort((rates, places, times))
        again = np.concatenate(
            [[False], (np.diff(times[order]) == 0) & (np.diff(places[order]) == 0) & (np.diff(rates[order]) == 0)]
        )
        order = order[~again[: len(order)]]
        return cls(model.at_rest()[0], times[order], ends[order], places[order].astype(np.intp), rates[order])

    def known_at(self, time_s: float) -> Driven:
        """What had begun by then."""
        keep = self.times_s <= time_s
        return Driven(self.default, self.times_s[keep], self.ends_s[keep], self.places[keep], self.rates[keep])

    def over(self, start_s: float, end_s: float, step_s: float) -> tuple[Floats, Floats]:
        """Times (nt) from start to end, at most ``step_s`` apart, and the drives (nt, d) from each to the next."""
        steps = max(int(np.ceil((end_s - start_s) / step_s - 1e-9)), 0)
        times = np.linspace(start_s, end_s, steps + 1) if steps else np.array([start_s])
        return times, self.at(times)

    def at(self, times_s: Floats) -> Floats:
        """(nt, d): the mean of each drive from each time to the next (at the last: then)."""
        drives = np.tile(self.default, (len(times_s), 1))
        width = np.diff(times_s, append=times_s[-1] + 1.0)
        near = (self.ends_s > times_s[0]) & (self.times_s < times_s[-1] + 1.0)
        for k in np.flatnonzero(near):
            shared = np.minimum(times_s + width, self.ends_s[k]) - np.maximum(times_s, self.times_s[k])
            drives[:, self.places[k]] += self.rates[k] * np.clip(shared / width, 0.0, 1.0)
        return drives
