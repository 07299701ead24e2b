"""A subtle change of a patient against his own past, noticed before a limit is crossed, and since when.

Each reading becomes one value a day. For every day on which a change could have begun, two straight explanations of the last
weeks are compared: "as always" (a level) and "as always, and since that day a step or a slope". The evidence is the slope's
t value after whitening: daily values of a person are correlated from day to day (first order, with a longer step where days
are missing). The largest over all days is a generalised likelihood ratio (Willsky & Jones 1976, IEEE Trans. Automat. Contr.
21:108; Lai 1995, J. R. Stat. Soc. B 57:613), and the day where it stands is the estimate of "since when". Level, scale and
correlation are this patient's own and robust: a single wild reading counts as three standard deviations, not as thirty.

Several readings that move together are one piece of evidence: for each day, the p values of all of them are joined (Fisher
1925) and told as one normal score, so that one table of thresholds serves any number of readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.timeline.days import DAY_S

Floats = NDArray[np.float64]
Direction = Literal["rise", "fall", "either"]

USUAL_CORRELATION = 0.4  # of one day with the next, before a patient's own days say more (our choice)
OVER = 0.7  # of the threshold: a drift that was found is over when its score falls below this part of it
WILD = 3.0  # standard deviations from the median of a week, beyond which a value is pulled in

# The statistic that is reached this often where nothing changes, for so many readings watched together. Cohorts without any
# change of health, 90 days looked back on, correlation 0.2 to 0.6 from day to day, tails of Student's t with 5 degrees of freedom,
# weekly rhythm, season, wild values, a tenth of the days missing; each alarm counted once until it is over
# (benchmarks/drift_thresholds.py makes the table again).
RATES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)  # false alarms per patient and month
THRESHOLDS: dict[int, tuple[float, ...]] = {
    1: (2.25, 3.05, 3.5, 4.0, 4.45, 4.8),
    2: (2.5, 3.3, 3.7, 4.25, 4.8, 5.1),
    3: (2.7, 3.6, 4.0, 4.35, 4.95, 5.2),
}


@dataclass(frozen=True)
class Daily:
    """One value for each day that has one: ``days`` (n) whole local days since 1970, rising; ``values`` (n)."""

    days: NDArray[np.int64]
    values: Floats

    def until(self, day: int, back: int) -> Daily:
        """The last ``back`` days up to ``day`` with it."""
        first, last = np.searchsorted(self.days, [day - back + 1, day + 1])
        return Daily(self.days[first:last], self.values[first:last])


@dataclass(frozen=True)
class Settings:
    """How far back is looked, what of it must be there, and how often a false alarm is borne (per patient and month)."""

    window_days: int = 90
    newest_days: int = 45  # a change that began earlier than this is the patient's new level
    before_days: int = 14  # days with a value that must lie before a change
    after_days: int = 3  # and from it on
    false_alarms_per_month: float = 0.1


@dataclass(frozen=True)
class Moved:
    """One reading's part in a drift: its level before, where it is now by the fitted change, and the patient's own spread.

    ``score`` is the one-sided evidence in standard deviations; ``days`` are those with a value.
    """

    level: float
    now: float
    spread: float
    correlation: float
    score: float
    days: int
    shape: Literal["step", "slope"]

    @property
    def change(self) -> float:
        return self.now - self.level


@dataclass(frozen=True)
class Drift:
    """What was found on ``day``: evidence ``score`` against ``threshold``, and the day on which the change began."""

    day: int
    onset_day: int
    score: float
    threshold: float
    moved: tuple[Moved, ...]

    @property
    def found(self) -> bool:
        return self.score >= self.threshold

    @property
    def over(self) -> bool:
        return self.score < OVER * self.threshold


def daily(times_s: Floats, values: Floats, offset_min: NDArray[np.int16] | float = 0.0) -> Daily:
    """The median of each local day. Times (n) are seconds since 1970 UTC in any order; values that are no numbers are left out."""
    good = np.isfinite(values) & np.isfinite(times_s)
    days = np.floor((times_s + 60.0 * np.asarray(offset_min, dtype=np.float64)) / DAY_S)[good].astype(np.int64)
    kept = np.asarray(values, dtype=np.float64)[good]
    order = np.lexsort((kept, days))
    days, kept = days[order], kept[order]
    if not len(days):
        return Daily(days, kept)
    first = np.concatenate([[0], np.flatnonzero(np.diff(days)) + 1, [len(days)]])
    low, high = first[:-1] + (np.diff(first) - 1) // 2, first[:-1] + np.diff(first) // 2
    return Daily(days[first[:-1]], 0.5 * (kept[low] + kept[high]))


def threshold(false_alarms_per_month: float, readings: int = 1) -> float:
    """The statistic that is reached without any change this often, from :data:`THRESHOLDS` (more than three are taken for three)."""
    scores = THRESHOLDS[min(readings, max(THRESHOLDS))]
    return float(np.interp(-np.log(false_alarms_per_month), -np.log(RATES), scores))


def detect(
    readings: Sequence[Daily], directions: Sequence[Direction], day: int, settings: Settings = Settings()
) -> Drift | None:
    """Whether the readings (one or several of one patient) have begun to move, as far as is known on ``day``.

    Returns
    -------
    Drift or None
        The best explanation by a change (``found`` says whether it is strong enough); None where too few days have a value to
        say anything.
    """
    onsets = np.arange(day - settings.newest_days + 1, day - settings.after_days + 2)
    joined = np.zeros(len(onsets))
    freedom = 0
    fits = []
    for one, direction in zip(readings, directions, strict=True):
        fitted = _fitted(one.until(day, settings.window_days), direction, onsets, settings)
        fits.append(fitted)
        if fitted is not None:
            joined += np.where(np.isfinite(fitted.score), -2.0 * np.log(_upper_tail(fitted.score)), 0.0)
            freedom += 2
    known = [f for f in fits if f is not None]
    if not known:
        return None
    possible = np.any([np.isfinite(f.score) for f in known], axis=0)
    if not possible.any():
        return None
    scores = np.where(possible, _normal_of_chi2(joined, freedom), -np.inf)
    best = int(scores.argmax())
    moved = tuple(f.at(best, int(onsets[best]), day) for f in known)
    limit = threshold(settings.false_alarms_per_month, len(known))
    return Drift(day, int(onsets[best]), float(scores[best]), limit, moved)


@dataclass(frozen=True)
class _Fit:
    """For each onset (k): one-sided score, level, change on the last day, and which shape is the better one."""

    score: Floats
    level: Floats
    now: Floats
    sloped: NDArray[np.bool_]
    spread: float
    correlation: float
    days: int

    def at(self, k: int, onset: int, day: int) -> Moved:
        return Moved(
            level=float(self.level[k]), now=float(self.now[k]), spread=self.spread, correlation=self.correlation,
            score=float(self.score[k]), days=self.days, shape="slope" if self.sloped[k] else "step",
        )  # fmt: skip


def _fitted(one: Daily, direction: Direction, onsets: NDArray[np.int64], settings: Settings) -> _Fit | None:
    count = len(one.days)
    if count < settings.before_days + settings.after_days:
        return None
    after = count - np.searchsorted(one.days, onsets)
    possible = (after >= settings.after_days) & (count - after >= settings.before_days)
    if not possible.any():
        return None
    shapes = _shapes(one.days, onsets)  # (2, k, n)
    spread, correlation = _spread_of_steps(one), USUAL_CORRELATION
    fit = _regress(_tamed(one, spread), one.days, shapes, correlation)
    for _ in range(2):  # spread and correlation from what the best explanation leaves over
        strength = np.where(possible, np.abs(fit.slope) / np.maximum(fit.unit_error, 1e-12), -1.0)
        shape, k = np.unravel_index(int(strength.argmax()), strength.shape)
        left = one.values - fit.level[shape, k] - fit.slope[shape, k] * shapes[shape, k]
        spread, correlation = _own(one.days, left, one.values)
        fit = _regress(_tamed(one, spread), one.days, shapes, correlation)
    t = fit.slope / np.maximum(spread * fit.unit_error, 1e-12)
    # correlated days count for fewer free ones: their own number less level, change, spread and correlation
    score = _normal_of_t(t, max(count * (1.0 - correlation) / (1.0 + correlation) - 4.0, 3.0))
    if direction == "fall":
        score = -score
    elif direction == "either":
        score = _two_sided(score)
    score = np.where(possible, score, -np.inf)
    sloped = score[1] > score[0]
    pick = sloped.astype(int)
    rows = np.arange(len(onsets))
    level = fit.level[pick, rows]
    now = level + fit.slope[pick, rows] * shapes[pick, rows, -1]
    return _Fit(score[pick, rows], level, now, sloped, spread, correlation, count)


def _shapes(days: NDArray[np.int64], onsets: NDArray[np.int64]) -> Floats:
    """(2, k, n): a step at each onset, and a slope that begins there."""
    since = (days[None, :] - onsets[:, None] + 1).astype(np.float64)
    return np.stack([(since > 0.0).astype(np.float64), np.maximum(since, 0.0)])


@dataclass(frozen=True)
class _Regression:
    """(2, k) each; ``unit_error`` is the slope's standard error for values of spread one."""

    level: Floats
    slope: Floats
    unit_error: Floats


def _regress(values: Floats, days: NDArray[np.int64], shapes: Floats, correlation: float) -> _Regression:
    """Level and slope by generalised least squares under first-order correlation over the gaps that there are."""
    rho = correlation ** np.diff(days).astype(np.float64)
    scale = 1.0 / np.sqrt(1.0 - rho**2)

    def white(x: Floats) -> Floats:
        return np.concatenate([x[..., :1], (x[..., 1:] - rho * x[..., :-1]) * scale], axis=-1)

    e, one, f = white(values), white(np.ones(len(days))), white(shapes)
    oo, oe = one @ one, one @ e
    fo, fe, ff = f @ one, f @ e, np.einsum("skn,skn->sk", f, f)
    free = np.maximum(ff - fo**2 / oo, 1e-12)  # of the shape, what the level cannot explain
    slope = (fe - fo * oe / oo) / free
    return _Regression((oe - slope * fo) / oo, slope, 1.0 / np.sqrt(free))


def _spread_of_steps(one: Daily) -> float:
    """A first robust spread, from differences of neighbours: they hardly feel a slow change."""
    return max(_robust(np.diff(one.values)) / np.sqrt(2.0 * (1.0 - USUAL_CORRELATION)), _grain(one.values), 1e-9)


def _own(days: NDArray[np.int64], left: Floats, values: Floats) -> tuple[float, float]:
    """Spread, and correlation of one day with the next, of what a fit leaves over."""
    left = left - np.median(left)
    spread = max(_robust(left), _grain(values), 1e-9)
    tame = np.clip(left, -WILD * spread, WILD * spread)
    next_day = np.diff(days) == 1
    pairs = int(next_day.sum())
    power = float(tame @ tame) / len(tame)
    product = float((tame[1:] * tame[:-1])[next_day].sum()) / max(pairs, 1) / max(power, 1e-18)
    unbiased = product + (1.0 + 4.0 * product) / max(
        pairs, 4
    )  # Kendall 1954 (Biometrika 41:403), of one mean and one slope
    weight = pairs / (pairs + 15.0)  # few pairs say little
    return spread, float(np.clip(weight * unbiased + (1.0 - weight) * USUAL_CORRELATION, 0.0, 0.85))


def _robust(x: Floats) -> float:
    """The spread from the middle four fifths, as a standard deviation: a tenth of wild values at each end does not move it,
    and unlike the median deviation it does not vanish for values in whole numbers."""
    if len(x) < 3:
        return 0.0
    low, high = np.quantile(x, [0.1, 0.9])
    return float(high - low) / 2.563


def _grain(values: Floats) -> float:
    """Rounding's own spread: a device that shows whole numbers cannot be steadier than this."""
    steps = np.diff(np.unique(values))
    return float(steps.min()) / np.sqrt(12.0) if len(steps) else 0.0


def _tamed(one: Daily, spread: float) -> Floats:
    """Values, with what is far from the median of its neighbours pulled in."""
    padded = np.pad(one.values, 3, mode="reflect")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 7), axis=-1)
    return middle + np.clip(one.values - middle, -WILD * spread, WILD * spread)


def _normal_of_t(t: Floats, freedom: float) -> Floats:
    """The normal score of the same tail as ``t`` (Wallace 1959, Ann. Math. Stat. 30:1121; good to 1 % of the score)."""
    f = freedom
    return np.sign(t) * (8.0 * f + 1.0) / (8.0 * f + 3.0) * np.sqrt(f * np.log1p(t**2 / f))


def _upper_tail(z: Floats) -> Floats:
    from scipy.special import ndtr

    tail: Floats = np.maximum(ndtr(-z), 1e-300)
    return tail


def _two_sided(z: Floats) -> Floats:
    from scipy.special import ndtri

    score: Floats = -ndtri(np.clip(2.0 * _upper_tail(np.abs(z)), 1e-300, 1.0 - 1e-12))
    return score


def _normal_of_chi2(x: Floats, freedom: int) -> Floats:
    from scipy.special import chdtrc, ndtri

    score: Floats = -ndtri(np.clip(chdtrc(freedom, x), 1e-300, 1.0 - 1e-12))
    return score
