"""A model's parameters from a patient's own readings, with what is left uncertain.

A model of the pace "day" is fitted to the level of each reading over the last weeks (robust, without the course of the day,
older readings counting less by how far people change); one of the pace "minute" to the readings themselves, as they followed
meals and insulin, with errors that last for a while. How the posterior is drawn: :mod:`organtwin.twin.inference`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.result import Quantity
from organtwin.model.twin_state import TwinState
from organtwin.monitor import Monitor, NullMonitor
from organtwin.physiology.model import Floats, Physiology, Simulator
from organtwin.timeline.days import DAY_S
from organtwin.timeline.words import number_words, with_unit
from organtwin.twin.assimilation import WALK_PER_DAY, fit_of
from organtwin.twin.drives import Driven
from organtwin.twin.ensemble import cycle, estimates, quantities, weighted_mean
from organtwin.twin.identifiability import sentences
from organtwin.twin.imaging import without_repeats
from organtwin.twin.inference import Data, Posterior, Simulate, posterior
from organtwin.twin.levels import Level, level, robust_sd, walked
from organtwin.twin.prior import Prior
from organtwin.twin.readings import Readings

MEMBERS = 200
WINDOW_DAYS = {"day": 60.0, "minute": 5.0}
LEAST = 5  # readings of a kind that are looked for, further back than the window where need be
BEFORE_S = 6 * 3600.0  # an integrated model begins settled so long before the first reading
STEP_S = 300.0
APART_S = 1200.0  # readings of a sensor within so long are averaged
LASTING_S = 2400.0  # how long what an integrated model leaves unexplained, and a sensor's error, lasts, about
# Part of the variance of a sensor's error that lasts (sensors of glucose: Facchinetti et al., IEEE Trans. Biomed. Eng. 61, 2014,
# found most of it autocorrelated; the number is our choice)
OF_SENSOR = 0.5


@dataclass(frozen=True)
class Settings:
    """``keys`` are the parameters to learn (else those of the manifest); readings from ``from_s`` to ``until_s`` count."""

    keys: tuple[str, ...] = ()
    from_s: float | None = None
    until_s: float | None = None
    members: int = MEMBERS
    seed: int = 0


@dataclass(frozen=True)
class _Problem:
    """Data, and what the model says of them; ``scatter`` by key, ``used`` by code, ``said`` for people."""

    data: Data
    simulate: Simulate
    at_s: float
    scatter: dict[str, float]
    walk: float
    used: dict[str, int]
    said: tuple[str, ...]
    titles: tuple[str, ...] = ()  # of the data, where each stands for one kind of reading


def calibrate(
    model: Physiology,
    readings: Readings,
    settings: Settings | None = None,
    *,
    driven: Driven | None = None,
    name: str = "",
    monitor: Monitor | None = None,
) -> TwinState:
    """The twin of a patient.

    Raises
    ------
    BadInput
        When there is no reading that the model predicts, or a parameter cannot be learned.
    SolveFailed
        When the model fails nearly everywhere.
    """
    settings, monitor = settings or Settings(), monitor or NullMonitor()
    prior = Prior.of(model, settings.keys or None)
    until = settings.until_s if settings.until_s is not None else np.inf
    start = settings.from_s if settings.from_s is not None else -np.inf
    inside = without_repeats(model, readings.between(start, until))
    if not len(inside):
        known = ", ".join(r.title for r in model.readings if r.loinc)
        raise BadInput(
            f"The patient has no readings that the model '{model.name}' predicts in this time",
            remedy=f"It predicts: {known}.",
        )
    driven = driven or Driven.none(model)
    simulator = model.simulator()
    rng = np.random.default_rng(settings.seed)
    monitor.progress(0.02, "gathering the readings")
    at_s = float(inside.times_s[-1])
    build = _levels if model.pace == "day" else _series
    problem = build(model, simulator, prior, inside, driven, at_s, settings, rng)
    found = posterior(prior, problem.simulate, problem.data, settings.members, rng, monitor)
    monitor.progress(0.97, "the state at the last reading")
    return _state(model, simulator, prior, found, problem, driven, inside, name or f"Twin, {model.title.lower()}")


def _levels(
    model: Physiology, simulator: Simulator, prior: Prior, readings: Readings, driven: Driven, at_s: float,
    settings: Settings, rng: np.random.Generator,
) -> _Problem:  # fmt: skip
    """For a model of the pace "day": one datum for each kind of reading."""
    drives, when = driven.at(np.array([at_s])), np.array([at_s])

    def all_readings(z: Floats) -> Floats:
        return np.asarray(simulator.run(prior.parameters(z), drives, when).readings[:, -1])

    before = all_readings(prior.draw(max(settings.members // 2, 50), rng))
    spread = np.nanstd(before, axis=0)
    first = -np.inf if settings.from_s is not None else at_s - WINDOW_DAYS["day"] * DAY_S
    places = [int(p) for p in np.unique(readings.places)]
    own = {p: _recent(readings.of_place(p), first) for p in places}
    walks = [w for p in places if (w := walked(readings, p, float(spread[p]))) is not None]
    walk = float(np.clip(np.median(walks), 0.002, 0.1)) if walks else WALK_PER_DAY
    wander = {p: max(walk, WALK_PER_DAY) * float(spread[p]) for p in places}
    found: dict[int, Level] = {p: level(own[p], at_s, wander[p]) for p in places}
    aged = np.array([wander[p] ** 2 * found[p].age_s / DAY_S for p in places])
    variance = np.array([found[p].se ** 2 for p in places]) + aged
    chosen = np.array(places)
    return _Problem(
        data=Data(np.array([found[p].value for p in places]), np.diag(variance)),
        simulate=lambda z: all_readings(z)[:, chosen],
        at_s=at_s,
        scatter={model.readings[p].key: found[p].scatter for p in places},
        walk=walk,
        used={model.readings[p].loinc or model.readings[p].key: found[p].count for p in places},
        said=tuple(
            f"{model.readings[p].title}: {number_words(found[p].value)} ± {with_unit(float(f'{np.sqrt(v):.2g}'), model.readings[p].unit)} from "
            f"{found[p].count} reading{'' if found[p].count == 1 else 's'}{_late((at_s - own[p].times_s[-1]) / DAY_S)}"
            for p, v in zip(places, variance, strict=True)
        ),
        titles=tuple(model.readings[p].title for p in places),
    )


def _series(
    model: Physiology, simulator: Simulator, prior: Prior, readings: Readings, driven: Driven, at_s: float,
    settings: Settings, rng: np.random.Generator,
) -> _Problem:  # fmt: skip
    """For a model of the pace "minute": every reading in the window, thinned."""
    first = at_s - WINDOW_DAYS["minute"] * DAY_S
    window = readings.between(first)
    old = {int(p) for p in np.unique(readings.places)} - {int(p) for p in np.unique(window.places)}
    thin = _averaged(window)
    single = np.array([r.noise for r in model.readings])[thin.places]
    start = float(thin.times_s[0]) - BEFORE_S
    times, drives = driven.over(start, at_s, STEP_S, settled=True)
    right = np.clip(np.searchsorted(times, thin.times_s), 1, len(times) - 1)
    share = ((thin.times_s - times[right - 1]) / (times[right] - times[right - 1]))[None, :]

    def simulate(z: Floats) -> Floats:
        y = simulator.run(prior.parameters(z), drives, times).readings
        before, after = y[:, right - 1, thin.places], y[:, right, thin.places]
        return np.asarray((1.0 - share) * before + share * after)

    # a first look says how much the model leaves unexplained
    z = prior.draw(settings.members, rng)
    y = simulate(z)
    off = np.array([robust_sd(thin.values - one) if np.isfinite(one).all() else np.inf for one in y])
    least = y[np.argsort(off)[: max(len(off) // 20, 3)]]
    covariance = np.zeros((len(thin), len(thin)))
    scatter = {}
    for place in np.unique(thin.places):
        own = thin.places == place
        sd = thin.sds[own]
        residual = thin.values[own] - least[:, own].mean(axis=0)
        lasting = np.sqrt(max(robust_sd(residual) ** 2 - float(np.mean(single[own] ** 2)), 0.0))
        apart = np.abs(thin.times_s[own][:, None] - thin.times_s[own][None])
        alike = np.exp(-apart / LASTING_S)
        one = single[own]
        part = (1.0 - OF_SENSOR) * np.diag(sd**2) + (OF_SENSOR * np.outer(one, one) + lasting**2) * alike
        covariance[np.ix_(own, own)] = part
        scatter[model.readings[place].key] = float(np.sqrt(np.mean(one**2) + lasting**2))
    said = (
        f"{len(window)} readings from the last {(at_s - window.times_s[0]) / DAY_S:.1f} days as {len(thin)} means of "
        f"{APART_S / 60:.0f} minutes; {len(driven.times_s)} doses and meals known",
        *(f"{model.readings[p].title}: none in these days, not used" for p in sorted(old)),
        *(
            ()
            if len(driven.times_s)
            else (
                "No meal was recorded: the usual amount is taken, evenly over the waking hours, so that what a meal does is not learned.",
            )
        ),
    )
    return _Problem(Data(thin.values, covariance), simulate, at_s, scatter, WALK_PER_DAY, thin.counts(model), said)


def _state(
    model: Physiology, simulator: Simulator, prior: Prior, found: Posterior, problem: _Problem, driven: Driven,
    readings: Readings, name: str,
) -> TwinState:  # fmt: skip
    parameters, weights = prior.parameters(found.z), found.weights
    if model.pace == "day":
        times, drives = np.array([problem.at_s]), driven.at(np.array([problem.at_s]))
    else:
        times, drives = driven.over(problem.at_s - DAY_S, problem.at_s, STEP_S, settled=True)
    run = simulator.run(parameters, drives, times)
    now = run.readings[:, -1]
    good = np.isfinite(now).all(axis=1) & np.isfinite(run.state).all(axis=1)
    if not good.all():  # a member that fails at the end is one that runs, not a hole
        fine, failed = np.flatnonzero(good), np.flatnonzero(~good)
        for array in (parameters, now, run.state):
            array[failed] = array[np.resize(fine, len(failed))]
    z = prior.z(parameters[:, prior.places])
    mean = weighted_mean(now, weights)
    sd = np.sqrt(weighted_mean((now - mean) ** 2, weights))
    fit = []
    for place in np.unique(readings.places):
        known, own = model.readings[place], readings.of_place(int(place))
        about = np.hypot(sd[place], problem.scatter.get(known.key, known.noise))
        near = own.values[own.times_s > own.times_s[-1] - 7 * DAY_S] if model.pace == "day" else own.values[-1:]
        fit.append(fit_of(known.title, known.unit, float(mean[place]), float(np.median(near)), float(about)))
    scatter = [
        Quantity(
            name=f"scatter of {key}",
            value=value,
            unit=model.readings[model.reading(key)].unit,
            why="the patient's own readings",
        )
        for key, value in problem.scatter.items()
    ]
    walk = Quantity(
        name="walk", value=problem.walk, unit="1/sqrt(day)", why="how far parameters change, in sds of the prior"
    )
    told = estimates(prior, z, weights)
    less = np.diag(found.data.covariance) > np.diag(problem.data.covariance) * 1.001
    strange = [title for title, far in zip(problem.titles, less, strict=False) if far]
    doubt = (
        (f"The model does not explain {', '.join(strange)} together with the rest: it counted less. Look at these readings, or learn "
         "more of the model's parameters.",)
        if strange
        else ()
    )  # fmt: skip
    at_rest = drives[-1:]
    return TwinState(
        name=name,
        model=model.name,
        at_s=problem.at_s,
        keys=tuple(p.key for p in model.parameters),
        parameters=parameters,
        state=run.state,
        weights=weights,
        estimates=told,
        quantities=(*quantities(model, now, weights), *scatter, walk),
        fit=tuple(fit),
        used=problem.used,
        curves=cycle(simulator, parameters, at_rest, run.state, weights),
        method=f"ensemble smoother, then a sampled posterior weighed by the model itself: {len(weights)} members "
        f"({found.effective:.0f} effective), {found.runs} runs of the model",
        notes=(*doubt, *problem.said, *sentences(model, told, z, now, weights, tuple(problem.scatter))),
    )


def _late(days: float) -> str:
    return f", the newest {days:.0f} day{'' if round(days) == 1 else 's'} before the last of all" if days >= 0.5 else ""


def _recent(own: Readings, first_s: float) -> Readings:
    """Those in the window, or the last few where it holds fewer."""
    late = own.between(first_s)
    return late if len(late) >= LEAST else own.where(np.arange(len(own)) >= len(own) - LEAST)


def _averaged(readings: Readings) -> Readings:
    """Of each kind, the mean of those within :data:`APART_S`; their sds are those of the part of the error that does not last."""
    parts = []
    for place in np.unique(readings.places):
        own = readings.of_place(int(place))
        lot = np.floor((own.times_s - own.times_s[0]) / APART_S).astype(int)
        first = np.flatnonzero(np.diff(lot, prepend=-1))
        count = np.diff(np.append(first, len(own)))
        times, values, sds = (np.add.reduceat(a, first) / count for a in (own.times_s, own.values, own.sds))
        parts.append(Readings(times, values, own.places[first], sds / np.sqrt(count), own.offset_min[first]))
    return Readings.none().with_(parts)
