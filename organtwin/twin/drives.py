"""What acts on a model from outside while time goes on: meals and insulin, as they were recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from organtwin.model.observations import Observations
from organtwin.physiology.model import Floats, Physiology
from organtwin.timeline.days import DAY_S

# reading of the timeline, the drive (amount a minute) that it is, and how long it takes where that was not recorded
DOSES = (
    ("9059-7", "carbohydrates", 15 * 60.0),
    ("insulin-rapid", "insulin", 5 * 60.0),
)
USUAL = {"carbohydrates": 200.0}  # a day, where none was ever recorded: people eat
AWAY_S = 8 * 3600.0  # from the nearest record of a kind, beyond which the usual amount is taken
AWAKE = (7.0, 21.0)  # hours of the patient's clock over which it is spread evenly


@dataclass(frozen=True)
class Driven:
    """Doses (n): what begins at ``times_s`` and adds ``rates`` (n), in the drive's unit, to the drive at ``places`` (n) until
    ``ends_s``; the manifest's defaults otherwise. ``usual`` (d), the mean of a day, is spread over the waking hours where nothing
    is recorded for long, because nobody knows when it was; ``offset_s`` is the local clock's distance to UTC."""

    default: Floats
    times_s: Floats
    ends_s: Floats
    places: NDArray[np.intp]
    rates: Floats
    usual: Floats | None = None
    offset_s: float = 0.0

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
        whole = tuple(observations)
        offset = 60.0 * float(np.median(np.concatenate([o.offset_min for o in whole]))) if any(map(len, whole)) else 0.0
        for one in whole:
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
        usual = np.zeros(len(model.drives))
        for key, amount in USUAL.items():
            if key in drives:
                usual[drives[key]] = amount / 1440.0
        if not parts:
            return replace(cls.none(model), usual=usual, offset_s=offset)
        times, ends, places, rates = (np.concatenate([p[k] for p in parts]) for k in range(4))
        order = np.lexsort((rates, places, times))
        again = np.concatenate(
            [[False], (np.diff(times[order]) == 0) & (np.diff(places[order]) == 0) & (np.diff(rates[order]) == 0)]
        )
        order = order[~again[: len(order)]]
        made = cls(
            model.at_rest()[0], times[order], ends[order], places[order].astype(np.intp), rates[order], usual, offset
        )
        for place in np.unique(made.places):
            own = made.places == place
            days = len(np.unique(np.floor(made.times_s[own] / DAY_S)))
            usual[place] = float(np.sum(made.rates[own] * (made.ends_s - made.times_s)[own])) / 60.0 / days / 1440.0
        return made

    def known_at(self, time_s: float) -> Driven:
        """What had begun by then."""
        keep = self.times_s <= time_s
        return Driven(
            self.default, self.times_s[keep], self.ends_s[keep], self.places[keep], self.rates[keep], self.usual
        )

    def over(self, start_s: float, end_s: float, step_s: float, settled: bool = False) -> tuple[Floats, Floats]:
        """Times (nt) from start to end, at most ``step_s`` apart, and the drives (nt, d) from each to the next; ``settled``: a
        model is to begin there as it is when nothing acts on it."""
        steps = max(int(np.ceil((end_s - start_s) / step_s - 1e-9)), 0)
        times = np.linspace(start_s, end_s, steps + 1) if steps else np.array([start_s])
        drives = self.at(times)
        if settled:
            drives[0] = self.default
        return times, drives

    def at(self, times_s: Floats) -> Floats:
        """(nt, d): the mean of each drive from each time to the next (at the last: then)."""
        drives = np.tile(self.default, (len(times_s), 1))
        width = np.diff(times_s, append=times_s[-1] + 1.0)
        near = (self.ends_s > times_s[0]) & (self.times_s < times_s[-1] + 1.0)
        for k in np.flatnonzero(near):
            shared = np.minimum(times_s + width, self.ends_s[k]) - np.maximum(times_s, self.times_s[k])
            drives[:, self.places[k]] += self.rates[k] * np.clip(shared / width, 0.0, 1.0)
        if self.usual is None:
            return drives
        hour = ((times_s + self.offset_s) % DAY_S) / 3600.0
        awake = (hour >= AWAKE[0]) & (hour < AWAKE[1])
        for place in np.flatnonzero(self.usual):
            recorded = self.times_s[self.places == place]
            away = awake.copy()
            if len(recorded):
                after = np.clip(np.searchsorted(recorded, times_s), 0, len(recorded) - 1)
                near = np.minimum(
                    np.abs(recorded[after] - times_s), np.abs(recorded[np.maximum(after - 1, 0)] - times_s)
                )
                away &= near > AWAY_S
            drives[:, place] += self.usual[place] * away * 24.0 / (AWAKE[1] - AWAKE[0])
        return drives
