"""The level of a patient's readings over some weeks, how sure it is, and how they scatter about it.

Readings of the day follow the clock, and what disturbs one disturbs the next: the level is that of the whole day, not of the
hours at which was measured, and of readings that follow each other closely each new one counts less.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from organtwin.physiology.model import Floats
from organtwin.timeline.days import DAY_S
from organtwin.twin.readings import Readings

MEMORY_S = 6 * 3600.0  # how long a deviation of blood pressure or heart rate from its usual course lasts, about
SYSTEMATIC = 0.2  # of the error of measuring: what is the same every time (a cuff's size, a reader's habit); our choice
TUNING = 1.5  # Huber's, in standard deviations
FEWEST = 8  # readings from which their own scatter can be told
ENOUGH = 48  # readings over the day, from which its course can be told from the level


@dataclass(frozen=True)
class Level:
    """``se`` is of the level, with what is systematic; ``scatter`` the sd of single readings about it; ``age_s`` is how old
    the readings are on average at the time asked for."""

    value: float
    se: float
    scatter: float
    count: int
    age_s: float


def level(own: Readings, until_s: float, wander: float = 0.0) -> Level:
    """Of the readings of one kind, at least one.

    ``wander`` is how far the level moves in a day (sd, grows with the root of time): of a few readings over years the newer
    ones count more, and ``se`` has what may have happened since.
    """
    values, noise = own.values, float(own.sds.max())
    n = len(values)
    if n < ENOUGH and wander > 0.0 and np.ptp(own.times_s) > 0.0:
        return _aged(own, until_s, wander)
    design = np.ones((n, 1))
    if n >= ENOUGH and len(np.unique((own.local_hour // 4.0).astype(int))) >= 4:
        angle = 2.0 * np.pi * own.local_hour / 24.0
        design = np.stack([np.ones(n), np.cos(angle), np.sin(angle)], axis=1)
    fitted, weights, spread = robust_fit(design, values, noise)
    scatter = max(robust_sd(values - np.median(values)), noise) if n > 3 else noise
    step = np.diff(own.times_s)
    same = np.exp(-np.maximum(step, 1.0) / MEMORY_S)
    # information of an autoregressive series about its mean
    told = 1.0 + float(np.sum((1.0 - same) / (1.0 + same)))
    told *= float(weights.mean())
    spread = max(spread, noise) if n < 10 else max(spread, 0.5 * noise)
    se = float(np.hypot(spread / np.sqrt(max(told, 0.5)), SYSTEMATIC * noise))
    return Level(float(fitted[0]), se, scatter, n, max(float(until_s - np.mean(own.times_s)), 0.0))


def _aged(own: Readings, until_s: float, wander: float) -> Level:
    """Best linear estimate of a random walk at ``until_s`` from few noisy readings of it, wild ones held back."""
    noise = own.sds * _scattered(own, wander)
    age = np.maximum(until_s - own.times_s, 0.0) / DAY_S
    common = wander**2 * np.minimum(age[:, None], age[None])
    lasting = np.exp(-np.abs(own.times_s[:, None] - own.times_s[None]) / MEMORY_S)
    weights = np.ones(len(own))
    value, variance = float(np.median(own.values)), 0.0
    for _ in range(4):
        # what makes a reading wild does not last: shared with its neighbours it would count against them
        wild = noise**2 * (1.0 / weights - 1.0)
        covariance = common + np.outer(noise, noise) * lasting + np.diag(wild + 1e-9)
        told = np.linalg.solve(covariance, np.ones(len(own)))
        variance = 1.0 / float(told.sum())
        value = variance * float(told @ own.values)
        off = (own.values - value) / np.sqrt(np.diag(common) + noise**2)
        weights = huber(off, 1.0)
    single = float(own.sds.max())
    scatter = max(robust_sd(own.values - value), single) if len(own) > 3 else single
    return Level(value, float(np.hypot(np.sqrt(variance), SYSTEMATIC * single)), scatter, len(own), 0.0)


def _scattered(own: Readings, wander: float) -> float:
    """How many times more readings scatter than their error of measuring says (the hours of the day, disturbances), at least one.

    From one to the next, so that what the level wanders over the years does not count.
    """
    if len(own) < FEWEST:
        return 1.0
    step = np.diff(own.times_s)
    noise = own.sds[1:] ** 2 + own.sds[:-1] ** 2
    expected = noise * (1.0 - np.exp(-np.maximum(step, 1.0) / MEMORY_S)) + wander**2 * step / DAY_S
    return max(1.0, robust_sd(np.diff(own.values) / np.sqrt(expected + 1e-12)))


def robust_fit(design: Floats, values: Floats, floor: float) -> tuple[Floats, Floats, float]:
    """Coefficients, weights (n) and robust sd of the residuals, by iteratively reweighted least squares (Huber)."""
    weights = np.ones(len(values))
    centre = float(np.median(values))
    if design.shape[1] == 1:
        weights = huber(values - centre, max(robust_sd(values - centre), 0.3 * floor))
    found = np.zeros(design.shape[1])
    spread = floor
    for _ in range(8):
        root = np.sqrt(weights)
        found = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        residual = values - design @ found
        spread = max(robust_sd(residual), 0.3 * floor)
        weights = huber(residual, spread)
    return found, weights, spread


def huber(residual: Floats, sd: float) -> Floats:
    """Weights (n): one near, falling with the distance beyond."""
    found: Floats = np.minimum(1.0, TUNING / np.maximum(np.abs(residual) / max(sd, 1e-12), 1e-12))
    return found


def robust_sd(residual: Floats) -> float:
    """From the median absolute deviation; the plain one where most are the same."""
    if len(residual) < 2:
        return 0.0
    mad = 1.4826 * float(np.median(np.abs(residual - np.median(residual))))
    return mad if mad > 0 else float(np.std(residual))


def walked(readings: Readings, place: int, prior_sd: float, lag_days: int = 28) -> float | None:
    """How far this reading's level wanders in a day, in prior sds of it; None where too little is known.

    From levels of four weeks against those of the four weeks before: their differences vary by what wandered and by how
    unsure they are.
    """
    own = readings.of_place(place)
    if len(own) < 20 or prior_sd <= 0:
        return None
    block = np.floor((own.times_s - own.times_s[-1]) / (lag_days * DAY_S)).astype(int)
    found = [level(own.where(block == b), 0.0) if np.count_nonzero(block == b) >= 5 else None for b in np.unique(block)]
    pairs = [(a, b) for a, b in pairwise(found) if a and b]
    if len(pairs) < 3:
        return None
    systematic = SYSTEMATIC * float(own.sds.max())
    moved = np.array([(b.value - a.value) ** 2 for a, b in pairs])
    unsure = np.array([a.se**2 + b.se**2 - 2.0 * systematic**2 for a, b in pairs])
    per_day = (float(np.mean(moved)) - float(np.mean(unsure))) / lag_days
    return float(np.sqrt(max(per_day, 0.0))) / prior_sd
