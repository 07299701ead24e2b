"""What the twin would have expected at many moments of the patient's past, knowing only what was known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from organtwin.model.twin_state import TwinState
from organtwin.monitor import Monitor
from organtwin.physiology.model import Floats, Physiology
from organtwin.timeline.days import DAY_S
from organtwin.twin.ahead import Clock, Pairs
from organtwin.twin.assimilation import Tracker
from organtwin.twin.drives import Driven
from organtwin.twin.emulator import Emulator
from organtwin.twin.ensemble import estimates, resampled
from organtwin.twin.prior import Prior
from organtwin.twin.readings import Readings

MEMBERS = 60
BACK_S = {"day": 400 * DAY_S, "minute": 21 * DAY_S}
SETTLING_S = 14 * DAY_S  # a filter that began at the prior is not asked before
ORIGINS = 300
BEFORE_S, AFTER_S, STEP_S = 8 * 3600.0, DAY_S, 300.0
MINUTE, HOUR = 60.0, 3600.0
EDGES_S: dict[str, tuple[float, ...]] = {
    "day": tuple(d * DAY_S for d in (0.0, 1.5, 3.5, 7.5, 14.5, 30.5, 60.5, 120.5, 240.5)),
    "minute": (
        0.0, 10 * MINUTE, 20 * MINUTE, 35 * MINUTE, 50 * MINUTE, 75 * MINUTE, 105 * MINUTE, 150 * MINUTE, 4 * HOUR, 8 * HOUR,
        16 * HOUR, 1.5 * DAY_S, 3.5 * DAY_S, 7.5 * DAY_S, 14.5 * DAY_S,
    ),
}  # fmt: skip
SHORT_S = {"day": 1.2 * DAY_S, "minute": 16 * MINUTE}  # what is "now" of a reading
LONG_S = {"day": 14 * DAY_S, "minute": DAY_S}
CLOCK = 4  # place of what the hour does among the features
MOST = 20000  # readings of a kind that are looked at


@dataclass(frozen=True)
class History:
    """``levels`` (o, l, r): what the twin expected of each reading at ``origins_s`` (o) for ``leads_s`` (l) later (or before).

    The last origin is now. ``readings`` are the patient's up to then.
    """

    model: Physiology
    origins_s: Floats
    leads_s: Floats
    levels: Floats
    readings: Readings
    offset_min: int

    def course(self, origin: int, place: int, leads_s: Floats) -> Floats:
        """(n) expected at one origin, so much later."""
        found: Floats = np.interp(leads_s, self.leads_s, self.levels[origin, :, place])
        return found

    def of(self, place: int) -> Known | None:
        """What the past says of one reading; None where it was hardly measured."""
        own = self.readings.of_place(place)
        if len(own) < 20 or len(self.origins_s) < 10:
            return None
        if len(own) > MOST:
            own = own.where(np.arange(len(own)) % (len(own) // MOST + 1) == 0)
        near = np.clip(np.searchsorted(self.origins_s, own.times_s, side="right") - 1, 0, len(self.origins_s) - 1)
        # off the level that lasts: what the filter said, or the fasting one
        off = own.values - self.levels[near, -1, place]
        clock = Clock.learn(own, off, float(own.sds.max()))
        return Known(self, place, own, clock, off - clock(own.times_s, own.offset_min))


@dataclass(frozen=True)
class Known:
    """The past of one reading. ``rest`` (n) is measured less the lasting level and the course of the day."""

    history: History
    place: int
    own: Readings
    clock: Clock
    rest: Floats

    def _at(self, origin: int) -> Floats:
        """Features of an origin: one, how far off the twin is now, which way that goes, how far off it was for long."""
        history, pace = self.history, self.history.model.pace
        now = history.origins_s[origin]
        t = self.own.times_s
        end = int(np.searchsorted(t, now, side="right"))
        first = int(np.searchsorted(t, now - LONG_S[pace]))
        long = float(np.mean(self.rest[first:end])) if end > first else 0.0
        recent = int(np.searchsorted(t, now - SHORT_S[pace]))
        if end <= recent:
            return np.array([1.0, 0.0, 0.0, long])
        if pace == "day":
            return np.array([1.0, float(np.mean(self.rest[recent:end])) - long, 0.0, long])
        expected = history.course(origin, self.place, t[recent:end] - now)
        off = self.own.values[recent:end] - expected
        way = 0.0
        if end - recent >= 3:
            minutes = (t[recent:end] - t[recent:end].mean()) / MINUTE
            way = float(minutes @ off / max(float(minutes @ minutes), 1e-9))
        return np.array([1.0, float(off[-3:].mean()), way, long])

    def features(self, origin: int, times_s: Floats, offset_min: Floats | NDArray[np.int16]) -> Floats:
        """(n, f) for forecasts made at an origin of times later."""
        here = self._at(origin)
        then = self.clock(times_s, offset_min)
        began = self.clock(self.history.origins_s[origin : origin + 1], offset_min[:1])[0]
        return np.column_stack([np.tile(here, (len(times_s), 1)), then, np.full(len(times_s), began)])

    def hours(self, times_s: Floats, offset_min: int, count: int) -> Floats:
        """(count, n) what the clock does on the days of times (n), at hours spread as the patient's own readings are."""
        hours = np.quantile(self.own.local_hour, (np.arange(count) + 0.5) / count, method="nearest")
        local = times_s + 60.0 * offset_min
        midnight = np.floor(local / DAY_S) * DAY_S - 60.0 * offset_min
        offsets = np.full(len(times_s), offset_min)
        return np.stack([self.clock(midnight + 3600.0 * hour, offsets) for hour in hours])

    def pairs(self, edges_s: Sequence[float]) -> Pairs:
        """Forecasts of every origin but the last, and the first reading that came in each span."""
        t = self.own.times_s
        origin_s, lead_s, features, off = [], [], [], []
        for origin, now in enumerate(self.history.origins_s[:-1]):
            lows = np.searchsorted(t, now + np.array(edges_s[:-1]) + 1e-3)
            highs = np.searchsorted(t, now + np.array(edges_s[1:]))
            # not always the first of a span, which would be at one hour of the day
            pick = np.array(
                [low + (origin * 7919) % (high - low) for low, high in zip(lows, highs, strict=True) if high > low], int
            )
            if not len(pick):
                continue
            features.append(self.features(origin, t[pick], self.own.offset_min[pick]))
            off.append(self.own.values[pick] - self.history.course(origin, self.place, t[pick] - now))
            origin_s.append(np.full(len(pick), now))
            lead_s.append(t[pick] - now)
        if not off:
            return Pairs(np.zeros(0), np.zeros(0), np.zeros((0, 6)), np.zeros(0))
        return Pairs(np.concatenate(origin_s), np.concatenate(lead_s), np.concatenate(features), np.concatenate(off))


def history(model: Physiology, state: TwinState, readings: Readings, driven: Driven, monitor: Monitor) -> History:
    """The twin's past; ``readings`` after the state's time are not looked at."""
    known = readings.between(state.at_s - BACK_S[model.pace], state.at_s)
    offset = int(known.offset_min[-1]) if len(known) else 0
    if model.pace == "day":
        origins, levels = _filtered(model, state, known, monitor)
        return History(model, origins, np.zeros(1), levels[:, None], known, offset)
    origins, leads, courses = _from_origins(model, state, known, driven)
    return History(model, origins, leads, courses, known, offset)


def daily(readings: Readings) -> Readings:
    """One reading of each kind for each local day: the robust level, at the time of the day's last."""
    if not len(readings):
        return readings
    day = np.floor((readings.times_s + 60.0 * readings.offset_min) / DAY_S).astype(np.int64)
    group = np.stack([readings.places, day])
    order = np.lexsort(group[::-1])
    sorted_groups = group[:, order]
    cuts = np.flatnonzero((np.diff(sorted_groups, axis=1) != 0).any(axis=0)) + 1
    lots = np.split(order, cuts)
    last = np.array([lot[np.argmax(readings.times_s[lot])] for lot in lots])
    values = np.array([float(np.median(readings.values[lot])) for lot in lots])
    return Readings.in_order(
        readings.times_s[last], values, readings.places[last], readings.sds[last], readings.offset_min[last]
    )


def _filtered(model: Physiology, state: TwinState, known: Readings, monitor: Monitor) -> tuple[Floats, Floats]:
    """A twin that begins with the prior and is given the past day by day: at each day's end (o), what it expects (o, r)."""
    rng = np.random.default_rng(0)
    prior = Prior.of_state(model, state)
    base = np.median(np.asarray(state.parameters), axis=0)
    simulator = model.simulator()
    z = prior.draw(200, rng)
    y = simulator.run(prior.parameters(z, base), model.at_rest(), np.array([state.at_s])).readings[:, -1]
    good = np.isfinite(y).all(axis=1)
    emulator = Emulator.fit(z[good], y[good])
    if not len(known):
        return np.array([state.at_s]), np.median(y[good], axis=0)[None]
    z = prior.draw(MEMBERS, rng)
    weights = np.full(MEMBERS, 1.0 / MEMBERS)
    begun = TwinState(
        name=state.name, model=model.name, at_s=float(known.times_s[0]) - DAY_S, keys=state.keys,
        parameters=prior.parameters(z, base), state=np.zeros((MEMBERS, 0)), weights=weights,
        estimates=estimates(prior, z, weights), quantities=tuple(q for q in state.quantities if q.name.startswith(("scatter", "walk"))),
    )  # fmt: skip
    tracker = Tracker(model, begun, emulator=emulator)
    lots = daily(known)
    cuts = np.flatnonzero(np.diff(np.floor(lots.times_s / DAY_S))) + 1
    edges = [0, *cuts.tolist(), len(lots)]
    origins, levels = [], []
    places = np.arange(len(lots))
    for count, (low, high) in enumerate(pairwise(edges)):
        if count % 20 == 0:
            monitor.progress(0.05 + 0.4 * count / len(edges), "what the twin would have expected")
        tracker.take(lots.where((places >= low) & (places < high)))
        origins.append(float(lots.times_s[high - 1]))
        levels.append(tracker.predicted.mean(axis=0))
    late = np.array(origins) >= origins[0] + SETTLING_S
    late[-1] = True
    return np.array(origins)[late], np.array(levels)[late]


def _from_origins(
    model: Physiology, state: TwinState, known: Readings, driven: Driven
) -> tuple[Floats, Floats, Floats]:
    """The middle member begun settled some hours before each of many moments, and run on without what came later."""
    simulator = model.simulator()
    now = np.array([state.at_s])
    moments = np.unique(known.times_s)
    moments = moments[moments >= moments[0] + DAY_S] if len(moments) else moments
    some = (
        moments[np.linspace(0, len(moments) - 1, min(ORIGINS, len(moments))).astype(int)] if len(moments) else moments
    )
    origins = np.unique(np.concatenate([some, now]))
    leads = np.arange(-BEFORE_S, AFTER_S + 1.0, STEP_S)
    drives = np.stack([driven.known_at(float(o)).at(o + leads) for o in origins])
    drives[:, 0] = driven.default
    middle = np.median(np.asarray(state.parameters), axis=0)
    run = simulator.run(np.tile(middle, (len(origins), 1)), drives, leads)
    return origins, leads, run.readings


def typical(state: TwinState, members: int, seed: int = 0) -> NDArray[np.intp]:
    """Places of members of equal weight."""
    weights = np.asarray(state.weights)
    if np.ptp(weights) < 1e-12 and members == len(weights):
        return np.arange(members)
    return resampled(weights, members, np.random.default_rng(seed))
