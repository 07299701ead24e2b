"""The twin kept up with its patient: each reading that arrives moves the ensemble a little.

A serial ensemble square-root filter (Whitaker and Hamill, Mon. Weather Rev. 130, 2002) on the parameters in their normalised
form, the model's state and what it predicts, together. Between readings the parameters walk at random, because people change.
A sampling correlation of little weight is damped (Anderson, Physica D 230, 2007). A reading far outside what was expected counts
less (Huber); three in a row on one side are no outliers, and widen the ensemble so that it can follow.

A model of the pace "day" is replaced by a quadratic of its parameters fitted to its own runs, refitted when the ensemble has
left the place of the fit; one of the pace "minute" is itself integrated to the time of the reading.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from organtwin.model.result import Quantity
from organtwin.model.twin_state import TwinState
from organtwin.physiology.model import Floats, Physiology
from organtwin.timeline.days import DAY_S
from organtwin.twin.drives import Driven
from organtwin.twin.emulator import Emulator
from organtwin.twin.ensemble import cycle, estimates, quantities, resampled
from organtwin.twin.prior import Prior
from organtwin.twin.readings import Readings

WALK_PER_DAY = (
    0.015  # sd of z that a day adds, where nothing was learnt of this patient (0.3 of the prior's sd in a year)
)
MEMORY_S = {"day": 6 * 3600.0, "minute": 900.0}  # how long what the model leaves unexplained stays the same
# The same for what parameters are told: a meal that nobody wrote down lasts for hours, and is no change of the patient
TELLING_S = {"day": 6 * 3600.0, "minute": 6 * 3600.0}
FAR = 3.0  # standard deviations from what was expected, beyond which a reading counts less
IN_A_ROW = 3
KEPT = 128  # moments that one can go back to
LONGEST_S = DAY_S  # an integrated model is not followed through a longer gap: it begins settled so long before
STEP_S = 300.0


@dataclass(frozen=True)
class _Moment:
    """All that an update changes."""

    at_s: float
    z: Floats
    state: Floats
    predicted: Floats
    last_s: Floats  # (r) time of the last reading of each
    side: Floats  # (r) how many in a row were far, with their sign


class Tracker:
    """Holds a twin in memory and updates it.

    Parameters
    ----------
    state : TwinState
        Of ``model``, calibrated. Its quantities named "scatter of ..." are used as the patient's own scatter.
    walk_per_day : float
        Standard deviation that the random walk adds in a day to each parameter, in sds of its prior.
    driven : Driven, optional
        What acts on the model from outside (meals, insulin).
    emulator : Emulator, optional
        Of a model of the pace "day", where it was fitted before.

    Examples
    --------
    >>> tracker = Tracker(find("circulation"), state)  # doctest: +SKIP
    >>> state = tracker.update(Readings.of(model, [observations]))  # doctest: +SKIP
    """

    def __init__(
        self,
        model: Physiology,
        state: TwinState,
        *,
        walk_per_day: float | None = None,
        driven: Driven | None = None,
        emulator: Emulator | None = None,
        seed: int = 0,
    ) -> None:
        self.model, self._given = model, state
        self._rng = np.random.default_rng(seed)
        self.prior = Prior.of_state(model, state)
        self.walk_per_day = walk_per_day if walk_per_day is not None else told(state, "walk") or WALK_PER_DAY
        self.driven = driven or Driven.none(model)
        self._simulator = model.simulator()
        chosen = resampled(np.asarray(state.weights), len(state.weights), self._rng)
        if np.ptp(state.weights) < 1e-12:
            chosen = np.arange(len(state.weights))
        self._base = np.array(state.parameters)[chosen]
        z = self.prior.z(self._base[:, self.prior.places])
        self.scatter = np.array([told(state, f"scatter of {r.key}") or 0.0 for r in model.readings])
        self._used = dict(state.used)
        self._fit = {q.name: q for q in state.fit}
        self._emulator = emulator
        inner = np.array(state.state)[chosen]
        count = len(model.readings)
        self._now = _Moment(state.at_s, z, inner, np.zeros((len(z), count)), np.full(count, -np.inf), np.zeros(count))
        self._now = replace(self._now, predicted=self._predict(self._now))
        self._past: deque[tuple[_Moment, Readings]] = deque(maxlen=KEPT)

    @property
    def at_s(self) -> float:
        return self._now.at_s

    @property
    def z(self) -> Floats:
        return self._now.z

    @property
    def predicted(self) -> Floats:
        """(m, r) what the twin expects now."""
        return self._now.predicted

    def update(self, readings: Readings, curves: bool = False) -> TwinState:
        """Take in readings in any order of time; returns the twin as it is then.

        Readings older than the newest known are put in their place when that is still remembered (the last
        :data:`KEPT` moments); older ones count less, by how far the parameters may have walked since.
        ``curves`` also draws a cycle of the model anew.
        """
        self.take(readings)
        return self.state(curves)

    def take(self, readings: Readings) -> None:
        """As :meth:`update`, without writing down the state."""
        if not len(readings):
            return
        start = readings.times_s[0]
        again: list[Readings] = []
        while self._past and self._past[-1][1].times_s[0] > start:
            moment, known = self._past.pop()
            self._now = moment
            again.append(known)
        readings = readings.with_(again) if again else readings
        for lot in _by_moment(readings):
            if self._past and _repeats(self._past[-1][1], lot):
                continue
            before = self._now
            self._now = self._assimilated(before, lot)
            self._past.append((before, lot))
            if not again:
                for code, n in lot.counts(self.model).items():
                    self._used[code] = self._used.get(code, 0) + n
        if again:
            fresh = readings.counts(self.model)
            for known in again:
                for code, n in known.counts(self.model).items():
                    fresh[code] -= n
            for code, n in fresh.items():
                self._used[code] = self._used.get(code, 0) + n
        self._refit(readings)

    def _assimilated(self, now: _Moment, lot: Readings) -> _Moment:
        """One moment's readings taken in, one after the other."""
        time_s = float(lot.times_s[-1])
        late_s = max(now.at_s - time_s, 0.0)
        now = self._advanced(now, max(time_s, now.at_s))
        z, state, predicted = now.z, now.state, now.predicted
        last_s, side = now.last_s.copy(), now.side.copy()
        k, s = z.shape[1], state.shape[1]
        whole = np.concatenate([z, state, predicted], axis=1)
        pace = self.model.pace
        for value, place, sd in zip(lot.values, lot.places, lot.sds, strict=True):
            column = k + s + place
            spread2 = float(np.var(whole[:, column], ddof=1))
            scatter2 = max(self.scatter[place], sd) ** 2
            late2 = spread2 * min(late_s / DAY_S * self.walk_per_day**2, 1.0)
            after_s = abs(time_s - last_s[place])
            noise2 = np.full(whole.shape[1], scatter2 * _fewer(after_s, MEMORY_S[pace]) + late2)
            noise2[:k] = scatter2 * _fewer(after_s, TELLING_S[pace]) + late2
            innovation = value - whole[:, column].mean()
            off = abs(innovation) / np.sqrt(spread2 + scatter2)
            side[place] = (side[place] + np.sign(innovation)) if off > FAR and side[place] * innovation >= 0 else 0.0
            if off > FAR:
                if abs(side[place]) >= IN_A_ROW:
                    # a settled model follows with its parameters; one that is integrated with its state: it was a meal, or the like
                    wider = np.r_[:k, column] if pace == "day" else np.r_[k : whole.shape[1]]
                    whole[:, wider] += (np.sqrt(1.5) - 1.0) * (whole[:, wider] - whole[:, wider].mean(axis=0))
                    spread2 *= 1.5
                else:
                    noise2 *= (off / FAR) ** 2
            whole = _square_root(whole, column, float(value), spread2, noise2)
            last_s[place] = max(last_s[place], time_s)
        z = self.prior.inside(whole[:, :k])
        state = _kept_positive(state, whole[:, k : k + s]) if self.model.pace == "minute" else state
        updated = _Moment(now.at_s, z, state, whole[:, k + s :], last_s, side)
        return replace(updated, predicted=self._predict(updated)) if self.model.pace == "day" else updated

    def _advanced(self, now: _Moment, time_s: float) -> _Moment:
        """Up to a later time: parameters walk, an integrated model runs on."""
        days = (time_s - now.at_s) / DAY_S
        if days <= 0.0:
            return now
        steps = self._rng.standard_normal(now.z.shape)
        z = self.prior.inside(now.z + self.walk_per_day * np.sqrt(days) * (steps - steps.mean(axis=0)))
        moved = replace(now, at_s=time_s, z=z)
        if self.model.pace == "day":
            assert self._emulator is not None
            return replace(moved, predicted=now.predicted + self._emulator(z) - self._emulator(now.z))
        state: Floats | None = now.state
        start = now.at_s
        if time_s - start > LONGEST_S:
            start, state = time_s - LONGEST_S, None
        times, drives = self.driven.over(start, time_s, STEP_S, settled=state is None)
        run = self._simulator.run(self.prior.parameters(z, self._base), drives, times, state)
        return replace(moved, predicted=run.readings[:, -1], state=run.state)

    def _predict(self, now: _Moment) -> Floats:
        """(m, r) of the ensemble as it is."""
        if self.model.pace == "day":
            if self._emulator is None or not self._emulator.holds(now.z):
                self._emulator = self._fitted(now)
            return self._emulator(now.z)
        times, drives = self.driven.over(now.at_s, now.at_s, STEP_S)
        state = now.state if now.state.shape[1] else None
        run = self._simulator.run(self.prior.parameters(now.z, self._base), drives, times, state)
        return np.array(run.readings[:, -1])

    def _fitted(self, now: _Moment) -> Emulator:
        """Runs of the model at the ensemble, and as far around it as the readings may move it."""
        m, k = now.z.shape
        wide = now.z.mean(axis=0) + self._rng.standard_normal((m, k)) * np.maximum(2.0 * now.z.std(axis=0), 0.15)
        z = self.prior.inside(np.concatenate([now.z, wide]))
        drives = self.driven.over(now.at_s, now.at_s, STEP_S)[1]
        base = np.concatenate([self._base, self._base])
        state = np.concatenate([now.state, now.state]) if now.state.shape[1] else None
        run = self._simulator.run(self.prior.parameters(z, base), drives, np.array([now.at_s]), state)
        y = run.readings[:, -1]
        good = np.isfinite(y).all(axis=1)
        return Emulator.fit(z[good], y[good])

    def _refit(self, readings: Readings) -> None:
        """How far the twin is from the newest reading of each."""
        mean, sd = self._now.predicted.mean(axis=0), self._now.predicted.std(axis=0)
        for place in np.unique(readings.places):
            own = readings.of_place(int(place))
            known = self.model.readings[place]
            self._fit[known.title] = fit_of(known.title, known.unit, float(mean[place]), float(own.values[-1]),
                                            float(np.hypot(sd[place], max(self.scatter[place], own.sds[-1]))))  # fmt: skip

    def state(self, curves: bool = False) -> TwinState:
        """The twin as it is now."""
        now = self._now
        m = len(now.z)
        weights = np.full(m, 1.0 / m)
        parameters = self.prior.parameters(now.z, self._base)
        drawn = self._given.curves
        if curves:
            drawn = cycle(self._simulator, parameters, self.driven.over(now.at_s, now.at_s, STEP_S)[1][:1],
                          now.state if now.state.shape[1] else None, weights)  # fmt: skip
        kept = tuple(q for q in self._given.quantities if q.name.startswith(("scatter of", "walk")))
        return TwinState(
            name=self._given.name,
            model=self.model.name,
            at_s=now.at_s,
            keys=self._given.keys,
            parameters=parameters,
            state=now.state,
            weights=weights,
            estimates=estimates(self.prior, now.z, weights),
            quantities=quantities(self.model, now.predicted, weights) + kept,
            fit=tuple(self._fit.values()),
            used=dict(self._used),
            curves=drawn,
            method=f"serial ensemble square-root filter, {m} members, parameters walk {self.walk_per_day:.3g} prior sd "
            f"in the first day; begun from: {self._given.method.partition('; begun from')[0]}"[:400],
            notes=self._given.notes,
        )


def told(state: TwinState, name: str) -> float | None:
    """The value of a quantity of the state, where it has it."""
    return next((q.value for q in state.quantities if q.name == name), None)


def fit_of(title: str, unit: str, twin: float, measured: float, sd: float) -> Quantity:
    """Twin less measured, with the measured value in words."""
    off = abs(twin - measured) / max(sd, 1e-12)
    level = "good" if off < 1.0 else "fair" if off < 2.0 else "poor"
    return Quantity(
        name=title, value=twin - measured, unit=unit, level=level, why=f"measured {measured:.4g}, twin {twin:.4g}"
    )


def _fewer(after_s: float, memory_s: float) -> float:
    """By how much more variance a reading counts that comes so long after the one before: their deviations are alike for a while
    (autoregressive), so that each new one tells less."""
    same = float(np.exp(-after_s / memory_s)) if np.isfinite(after_s) else 0.0
    return (1.0 + same) / max(1.0 - same, 1e-3)


def _square_root(whole: Floats, column: int, value: float, spread2: float, noise2: Floats) -> Floats:
    """One reading taken in: mean by the Kalman gain, deviations by the reduced one. ``noise2`` is its variance as each column is
    told of it."""
    m = len(whole)
    mean = whole.mean(axis=0)
    away = whole - mean
    own = away[:, column].copy()
    if spread2 <= 0.0:
        return whole
    covariance = own @ away / (m - 1)
    sd = np.sqrt(np.maximum(np.einsum("mc,mc->c", away, away) / (m - 1), 1e-300))
    squared = np.minimum((covariance / sd) ** 2 / spread2, 1.0)
    # how much of a correlation stands above the sampling error of m members
    trust = np.clip((squared - (1.0 - squared) ** 2 / (m - 1)) / np.maximum(squared, 1e-300), 0.0, 1.0)
    gain = trust * covariance / (spread2 + noise2)
    less = 1.0 / (1.0 + np.sqrt(noise2 / (spread2 + noise2)))
    updated: Floats = mean + gain * (value - mean[column]) + away - np.outer(own, less * gain)
    return updated


def _kept_positive(before: Floats, after: Floats) -> Floats:
    """Concentrations and volumes stay positive, and nothing leaves by far the range that the ensemble had."""
    low, high = before.min(axis=0), before.max(axis=0)
    reach = 2.0 * (high - low)
    floor = np.where(low >= 0.0, np.maximum(low - reach, 0.1 * low), low - reach)
    kept: Floats = np.clip(after, floor, high + reach)
    return kept


def _by_moment(readings: Readings) -> list[Readings]:
    """Those of one time together."""
    cuts = np.flatnonzero(np.diff(readings.times_s)) + 1
    edges = [0, *cuts.tolist(), len(readings)]
    places = np.arange(len(readings))
    return [readings.where((places >= a) & (places < b)) for a, b in pairwise(edges) if b > a]


def _repeats(known: Readings, lot: Readings) -> bool:
    """Whether all of these were taken in already."""
    have = set(zip(known.times_s.tolist(), known.places.tolist(), known.values.tolist(), strict=True))
    return have >= set(zip(lot.times_s.tolist(), lot.places.tolist(), lot.values.tolist(), strict=True))
