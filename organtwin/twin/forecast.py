"""What the twin expects of the next days or hours, under a scenario, with intervals that its own past has checked.

The middle is the twin's: what it expects now, moved by the scenario member by member. Around it lies what forecasts of this patient's
own past left unexplained so far ahead (:mod:`organtwin.twin.ahead`): drift, the hours, disturbances that last, the error of
measuring. Further ahead than the past reaches, intervals widen by how far the patient's parameters wander. Of what was hardly
ever measured, the ensemble's spread and the usual errors of measuring stand in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.forecast import LEVELS, Forecast, Scenario
from organtwin.model.twin_state import TwinState
from organtwin.monitor import Monitor, NullMonitor
from organtwin.physiology.model import Floats, Physiology, Simulator
from organtwin.timeline.codes import CODES
from organtwin.timeline.days import DAY_S
from organtwin.twin.ahead import Ahead, Check, check
from organtwin.twin.assimilation import WALK_PER_DAY, told
from organtwin.twin.drives import Driven
from organtwin.twin.history import CLOCK, EDGES_S, History, history, typical
from organtwin.twin.prior import Prior
from organtwin.twin.readings import Readings
from organtwin.twin.scenario import apply

MEMBERS = 200
KNOTS = 12  # times at which a scenario is run; between them its effect is interpolated
LONG_S = 2.0 * DAY_S  # an integrated model's ensemble is thinned for spans longer than this
NOTHING = 1e-5  # of a reading: what solving once more changes
SAMPLES = 20  # of what is unexplained, for each member


@dataclass(frozen=True)
class Effect:
    """``change`` (m, nt, r): what a scenario changes; ``now`` (m, nt, r) what the members expect as things are."""

    change: Floats
    now: Floats
    assumed: tuple[str, ...]

    def quantiles(self) -> Floats:
        """(r, q, nt) of the change at :data:`LEVELS`; exactly zero where it is only what solving once more changes."""
        nothing = np.abs(self.change) < NOTHING * np.maximum(np.abs(self.now), 1e-12)
        found: Floats = np.quantile(np.where(nothing, 0.0, self.change), LEVELS, axis=0)
        return np.moveaxis(found, 2, 0)


def forecast(
    model: Physiology,
    state: TwinState,
    readings: Readings,
    *,
    days: float = 7.0,
    times_s: Floats | None = None,
    scenario: Scenario | None = None,
    driven: Driven | None = None,
    members: int = MEMBERS,
    seed: int = 0,
    monitor: Monitor | None = None,
) -> Forecast:
    """Quantiles of all the model's readings from the state's time on.

    Parameters
    ----------
    readings : Readings
        The patient's; those after the state's time are not looked at.
    times_s : (nt), optional
        Seconds since 1970 UTC, after the state's; otherwise evenly over ``days``.

    Raises
    ------
    BadInput
        When the times lie before the state's, or the scenario makes no sense.
    """
    monitor = monitor or NullMonitor()
    driven = driven or Driven.none(model)
    steps = steps_s(model, days)
    times = state.at_s + steps if times_s is None else np.asarray(times_s, float)
    if not len(times) or (np.diff(times) <= 0).any() or times[0] <= state.at_s:
        raise BadInput("A forecast needs times that lie after the twin's own, one after the other")
    usual = as_usual(
        model, state, readings, times, driven=driven, members=members, seed=seed, monitor=monitor,
        all_day=times_s is None and whole_days(steps),
    )  # fmt: skip
    return usual.under(scenario)


@dataclass(frozen=True)
class Usual:
    """What is expected as things are, which all scenarios have in common; made by :func:`as_usual`.

    ``middle`` (r, nt), ``spread`` (r, k, nt) samples about it, ``now`` (m, nt, r) of the members.
    """

    model: Physiology
    state: TwinState
    times_s: Floats
    driven: Driven
    members: int
    seed: int
    offset_min: int
    middle: Floats
    spread: Floats
    now: Floats
    checked: str
    assumed: tuple[str, ...]

    def effect(self, scenario: Scenario | None) -> Effect:
        """What a scenario changes, for each member."""
        return scenario_effect(
            self.model, self.state, self.times_s, scenario, self.driven, self.members, self.seed, self.offset_min
        )

    def under(self, scenario: Scenario | None, effect: Effect | None = None) -> Forecast:
        """The forecast; ``effect`` is the scenario's, where it is known."""
        if effect is None:
            effect = self.effect(scenario)
        quantiles = np.full((len(self.model.readings), len(LEVELS), len(self.times_s)), np.nan)
        for place, reading in enumerate(self.model.readings):
            samples = (self.middle[place] + effect.change[:, :, place])[:, None] + self.spread[place]
            known = CODES.get(reading.loinc)
            # each of the samples stands for the middle of its part, also where all members agree
            found = np.quantile(samples.reshape(-1, len(self.times_s)), LEVELS, axis=0, method="hazen")
            low, high = known.possible if known else (0.0 if (self.now[:, :, place] >= 0.0).all() else -np.inf, np.inf)
            quantiles[place] = np.clip(found, low, high)
        return Forecast(
            name=f"{self.model.title}, {_span(self.times_s[-1] - self.state.at_s)} ahead"
            + (f", {scenario.name}" if scenario else ""),
            model=self.model.name,
            scenario=scenario.uuid if scenario else "",
            keys=tuple(r.key for r in self.model.readings),
            units=tuple(r.unit for r in self.model.readings),
            loinc=tuple(r.loinc for r in self.model.readings),
            times_s=self.times_s,
            quantiles=quantiles,
            changes=effect.quantiles() if scenario is not None and scenario.interventions else None,
            members=self.members,
            assumes=(*effect.assumed, *self.assumed),
            checked=self.checked,
        )


def as_usual(
    model: Physiology, state: TwinState, readings: Readings, times_s: Floats, *, driven: Driven, members: int = MEMBERS, seed: int = 0,
    monitor: Monitor | None = None, all_day: bool = False,
) -> Usual:  # fmt: skip
    """What of a forecast no scenario changes: the twin's own past gone through, which is most of the work.

    ``all_day``: a time stands for its day, that is for readings at any of the hours at which this patient measures.
    """
    monitor, driven = monitor or NullMonitor(), driven.known_at(state.at_s)
    past = history(model, state, readings, driven, monitor)
    monitor.progress(0.5, "the ensemble")
    effect = scenario_effect(model, state, times_s, None, driven, members, seed, past.offset_min)
    wander = _wander(model, state)
    rng = np.random.default_rng(seed)
    middles, spreads, checks = [], [], []
    for place, reading in enumerate(model.readings):
        if place % 3 == 0:
            monitor.progress(0.7 + 0.3 * place / len(model.readings), "intervals from the twin's own past")
        middle, spread, said = _expected(
            past, effect, place, times_s, wander[place], told(state, f"scatter of {reading.key}"), rng, all_day
        )
        middles.append(middle)
        spreads.append(spread)
        if said is not None and said.count:
            checks.append(f"{reading.title} {said.inside / said.count:.0%} of {said.count}")
    assumed = ["Each day stands for readings at the hours at which this patient measures."] if all_day else []
    late = [p for p in range(len(model.readings)) if past.of(p) is None and effect.now[:, :, p].any()]
    for place in tuple(late):  # measured in another way: what that left unexplained, this does too
        ways = [p for p in _alike(model, place) if past.of(p) is not None]
        if not ways:
            continue
        way = max(ways, key=lambda p: len(past.readings.of_place(p)))
        off = np.median(effect.now[:, :, place], axis=0) - np.median(effect.now[:, :, way], axis=0)
        middles[place], spreads[place] = middles[way] + off, spreads[way]
        late.remove(place)
        assumed.append(
            f"{model.readings[place].title}: as far from the twin, and as uncertain, as '{model.readings[way].title}'."
        )
    if late and len(late) < len(model.readings):
        assumed.append(
            "Intervals without a past to check them on: "
            f"{', '.join(model.readings[p].title for p in late)}. They rest on the model's spread and usual errors of measuring."
        )
    if model.pace == "minute":
        assumed.append(
            "Meals and insulin that are not yet known: the patient's usual amount a day (200 g where none was recorded), evenly over the waking hours."
        )
    return Usual(
        model, state, times_s, driven, members, seed, past.offset_min, np.array(middles), np.array(spreads), effect.now,
        _told(checks), tuple(assumed),
    )  # fmt: skip


def _alike(model: Physiology, place: int) -> list[int]:
    """Other readings that measure the same."""
    what = model.readings[place].measures
    return [p for p, r in enumerate(model.readings) if what and p != place and r.measures == what]


def steps_s(model: Physiology, days: float) -> Floats:
    """Times ahead in seconds: close together at first where the model follows minutes, else days or hours."""
    if not 0.0 < days <= 3660.0:
        raise BadInput(f"A forecast of {days:g} days makes no sense", remedy="Give more than 0 and at most 3660.")
    span = days * DAY_S
    if model.pace == "minute":
        step = 300.0 if days <= 0.5 else 900.0 if days <= 3.0 else 3600.0
    else:
        step = 3600.0 if days <= 3.0 else DAY_S if days <= 400.0 else 7 * DAY_S
    found: Floats = np.arange(1.0, max(int(np.floor(span / step + 1e-9)), 1) + 1.0) * step
    return found


def whole_days(steps: Floats) -> bool:
    """Whether steps (nt), s, are so long that what the hour does is of no interest."""
    return bool(steps[0] >= DAY_S)


def scenario_effect(
    model: Physiology, state: TwinState, times_s: Floats, scenario: Scenario | None, driven: Driven, members: int, seed: int,
    offset_min: int = 0,
) -> Effect:  # fmt: skip
    """What the members expect, and what the scenario changes of it, at the times; they begin together at the state's."""
    simulator = model.simulator()
    days = (times_s - state.at_s) / DAY_S
    long = model.pace == "minute" and times_s[-1] - state.at_s > LONG_S
    chosen = typical(state, max(members // 4, 20) if long else members, seed)
    parameters, inner = np.asarray(state.parameters)[chosen], np.asarray(state.state)[chosen]
    begin: Floats | None = inner if inner.shape[1] else None
    hour = ((state.at_s + 60.0 * offset_min) % DAY_S) / 3600.0
    run = _settled if model.pace == "day" else _integrated
    now, changed, assumed = run(model, simulator, parameters, begin, state.at_s, days, scenario, driven, seed, hour)
    change = np.zeros_like(now) if changed is None else changed - now
    change = np.where(np.isfinite(change), change, 0.0)
    if len(change) < members:
        again = np.resize(np.arange(len(change)), members)
        change, now = change[again], now[again]
    return Effect(change, now, assumed)


def _settled(
    model: Physiology, simulator: Simulator, parameters: Floats, begin: Floats | None, at_s: float, days: Floats,
    scenario: Scenario | None, driven: Driven, seed: int, hour: float,
) -> tuple[Floats, Floats | None, tuple[str, ...]]:  # fmt: skip
    """A model settled at each time is run where the scenario has moved it on; between, its readings are interpolated."""
    m, nt = len(parameters), len(days)
    rest = driven.at(np.array([at_s]))
    now = simulator.run(parameters, rest, np.array([at_s]), begin)
    steady = np.repeat(now.readings, nt, axis=1)
    if scenario is None or not scenario.interventions:
        return steady, None, ()
    thetas, drives, assumed = apply(
        scenario, model, np.repeat(parameters[:, None], nt, axis=1), np.tile(rest, (m, nt, 1)), days, seed, hour
    )
    moved = _moved(thetas) + _moved(drives)
    if moved[-1] == 0.0 and np.allclose(thetas[:, 0], parameters) and np.allclose(drives[:, 0], rest):
        return steady, None, assumed
    knots = _knots(moved, days)
    readings = np.empty((m, len(knots), len(model.readings)))
    inner: Floats | None = now.state if now.state.shape[1] else None
    for k, knot in enumerate(knots):
        step = simulator.run(thetas[:, knot], drives[:, knot : knot + 1], days[knot : knot + 1] * DAY_S, inner)
        readings[:, k], inner = step.readings[:, 0], step.state if step.state.shape[1] else None
    right = np.clip(np.searchsorted(moved[knots], moved), 0, len(knots) - 1)
    left = np.maximum(right - 1, 0)
    width = moved[knots][right] - moved[knots][left]
    share = np.where(width > 0.0, (moved - moved[knots][left]) / np.where(width > 0.0, width, 1.0), 1.0)[None, :, None]
    return steady, (1.0 - share) * readings[:, left] + share * readings[:, right], assumed


def _integrated(
    model: Physiology, simulator: Simulator, parameters: Floats, begin: Floats | None, at_s: float, days: Floats,
    scenario: Scenario | None, driven: Driven, seed: int, hour: float,
) -> tuple[Floats, Floats | None, tuple[str, ...]]:  # fmt: skip
    """A model that is integrated goes through all times; lasting changes of its parameters come in at the knots."""
    m = len(parameters)
    ahead = np.concatenate([[0.0], days])
    fine = np.unique(np.concatenate([ahead, np.arange(0.0, days[-1], 900.0 / DAY_S)]))
    where = np.searchsorted(fine, days)
    drives = np.broadcast_to(driven.at(at_s + fine * DAY_S), (m, len(fine), len(model.drives)))
    now = simulator.run(parameters, drives[0], fine * DAY_S, begin).readings[:, where]
    if scenario is None or not scenario.interventions:
        return now, None, ()
    thetas, driven_by, assumed = apply(
        scenario, model, np.repeat(parameters[:, None], len(fine), axis=1), np.array(drives), fine, seed, hour
    )
    edges = np.unique(np.concatenate([_knots(_moved(thetas), fine), [0]]))
    readings = np.empty((m, len(fine), len(model.readings)))
    state = begin
    for k, first in enumerate(edges):
        last = edges[k + 1] if k + 1 < len(edges) else len(fine) - 1
        part = slice(first, last + 1)
        run = simulator.run(thetas[:, first], driven_by[:, part], fine[part] * DAY_S, state)
        readings[:, part], state = run.readings, run.state
    return now, readings[:, where], assumed


def _moved(values: Floats) -> Floats:
    """(nt): how far (m, nt, c) has gone since its first time, summed over columns in parts of their range; never falls."""
    scale = np.maximum(np.ptp(values, axis=(0, 1)), 1e-12)
    step = np.abs(np.diff(values, axis=1)).mean(axis=0) / scale
    step[:, np.ptp(values, axis=(0, 1)) < 1e-12] = 0.0
    found: Floats = np.concatenate([[0.0], np.cumsum(step.sum(axis=1))])
    return found


def _knots(moved: Floats, days: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Places of at most :data:`KNOTS` times, evenly over what moves; a jump has one before and one after it."""
    if moved[-1] <= 0.0:
        return np.array([0])
    wanted = np.searchsorted(moved, np.linspace(0.0, moved[-1], KNOTS // 2 + 1) - 1e-9)
    jumps = np.argsort(np.diff(moved))[::-1][: KNOTS // 4]
    jumps = jumps[np.diff(moved)[jumps] > 0.05 * moved[-1]]
    return np.unique(np.clip(np.concatenate([wanted, jumps, jumps + 1, [0, len(days) - 1]]), 0, len(days) - 1))


def _expected(
    past: History,
    effect: Effect,
    place: int,
    times_s: Floats,
    wander: float,
    scatter: float | None,
    rng: np.random.Generator,
    all_day: bool,
) -> tuple[Floats, Floats, Check | None]:
    """Middle (nt) as things are, samples about it (k, nt), and how earlier ones held."""
    now_s = past.origins_s[-1]
    leads = times_s - now_s
    known = past.of(place)
    here = len(past.origins_s) - 1
    if known is not None:
        pairs = known.pairs(EDGES_S[past.model.pace])
        ahead = Ahead.learn(pairs, EDGES_S[past.model.pace])
        if ahead.spans:
            features = known.features(here, times_s, np.full(len(times_s), past.offset_min))
            course = past.course(here, place, leads)
            hours = known.hours(times_s, past.offset_min, SAMPLES) if all_day else features[None, :, CLOCK]
            features[:, CLOCK] = hours.mean(axis=0)
            by_hour = np.eye(features.shape[1])[CLOCK]
            middle, spread = np.empty(len(times_s)), np.empty((SAMPLES, len(times_s)))
            levels = (np.arange(SAMPLES) + 0.5) / SAMPLES
            for k, lead in enumerate(leads):
                added, rest = ahead(float(lead), features[k])
                middle[k] = course[k] + added
                beyond = max(lead - ahead.longest_s, 0.0) / DAY_S
                half = 0.5 * (rest[-1] - rest[0]) / 1.645
                rest = rest[2] + (rest - rest[2]) * np.sqrt(1.0 + wander**2 * beyond / max(half, 1e-9) ** 2)
                spread[:, k] = _sampled(levels, rest)
                if all_day:
                    swing = ahead(float(lead), by_hour)[0] * (hours[:, k] - hours[:, k].mean())
                    spread[:, k] = np.quantile(spread[:, k][:, None] + swing[None], levels, method="hazen")
            return middle, spread, check(pairs, EDGES_S[past.model.pace])
    members = effect.now[:, :, place]
    middle = np.median(members, axis=0)
    if not members.any():  # what is not there (a pump) is not measured either
        return middle, np.zeros((SAMPLES, len(times_s))), None
    reading = past.model.readings[place]
    noise = np.hypot(max(scatter or 0.0, reading.noise), wander * np.sqrt(np.maximum(leads, 0.0) / DAY_S))
    drawn = members[rng.integers(0, len(members), SAMPLES)] - middle
    from scipy.special import ndtri

    normal = ndtri((rng.permutation(SAMPLES) + 0.5) / SAMPLES)
    return middle, drawn + normal[:, None] * noise, None


def _sampled(levels: Floats, rest: Floats) -> Floats:
    """Values at other levels from quantiles at :data:`LEVELS`; beyond the outermost as a normal's tails go on."""
    from scipy.special import ndtri

    at, known = ndtri(levels), ndtri(np.array(LEVELS))
    found = np.interp(at, known, rest)
    low, high = at < known[0], at > known[-1]
    found[low] = rest[0] + (at[low] - known[0]) * (rest[2] - rest[0]) / -known[0]
    found[high] = rest[-1] + (at[high] - known[-1]) * (rest[-1] - rest[2]) / known[-1]
    return found


def _wander(model: Physiology, state: TwinState) -> Floats:
    """(r): sd of what a day's walk of the parameters does to each reading, from the prior's spread of it."""
    walk = told(state, "walk") or WALK_PER_DAY
    if model.pace == "minute":
        return np.zeros(len(model.readings))
    prior = Prior.of_state(model, state)
    z = prior.draw(60, np.random.default_rng(1))
    base = np.median(np.asarray(state.parameters), axis=0)
    y = model.simulator().run(prior.parameters(z, base), model.at_rest(), np.array([state.at_s])).readings[:, -1]
    return walk * np.nan_to_num(np.nanstd(y, axis=0))


def _span(seconds: float) -> str:
    days = seconds / DAY_S
    return (
        f"{days:.0f} days"
        if days >= 2
        else f"{seconds / 3600:.0f} hours"
        if seconds >= 7200
        else f"{seconds / 60:.0f} minutes"
    )


def _told(checks: list[str]) -> str:
    if not checks:
        return "The patient's past is too short to check intervals on."
    return (
        "90 % intervals on forecasts of this patient's own past that took no part in making them held: "
        + "; ".join(checks)
        + "."
    )
