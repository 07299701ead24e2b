r"""From values at a few dates to a rate, its uncertainty, and what follows.

The value (its logarithm under the exponential law) is a straight line, a Wiener process about it, and the noise of measuring:

.. math:: y_i = a + b t_i + W(t_i) + s \sigma_i e_i, \quad b \sim N(\mu, \tau^2)

with a flat prior on a, the population's on b, and a scale s of the noise that is itself uncertain (log-normal, a quarter).
Given s everything is Gaussian, so that the posterior is exact (C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for
Machine Learning, 2006, ch. 2); members are drawn from it for each s in the share that the values speak for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.twin.course.subjects import Law

Numbers = NDArray[np.float64]

MEMBERS = 4000
SCALES = np.exp(np.linspace(-1.0, 1.0, 21))  # of the noise
SCALE_SD = 0.25  # of the logarithm of the scale, before any value
SURE = 1.96


@dataclass(frozen=True)
class Growth:
    """The posterior as members: ``rate`` (m) a year, ``start`` (m) at the first date, ``scale`` (m) of the noise.

    ``paths(years)`` (m, nt) draws values at other dates.
    """

    law: Law
    rate: Numbers
    start: Numbers
    scale: Numbers
    years: Numbers
    values: Numbers
    sds: Numbers
    wobble: float
    _deviation: Numbers  # (m, n) of the Wiener process at the dates

    def paths(self, years: Numbers, seed: int = 1) -> Numbers:
        """(m, nt) values at ascending dates, in years from the first scan, without the noise of measuring.

        Between and after the scans the Wiener process is drawn on from what it was at them.
        """
        rng = np.random.default_rng(seed)
        at = np.asarray(years, float)
        known = self.years
        cross = self.wobble**2 * _shared(at, known)
        if self.wobble > 0 and (known > 0).any():
            own = known > 0
            gain = np.linalg.solve(
                self.wobble**2 * _shared(known[own], known[own]) + 1e-12 * np.eye(own.sum()), cross[:, own].T
            ).T
            mean = self._deviation[:, own] @ gain.T
            covariance = self.wobble**2 * _shared(at, at) - gain @ cross[:, own].T
        else:
            mean = np.zeros((len(self.rate), len(at)))
            covariance = self.wobble**2 * _shared(at, at)
        root = _root(covariance)
        line = self.start[:, None] + self.rate[:, None] * at + mean + rng.standard_normal(mean.shape) @ root.T
        return np.exp(line) if self.law == "exponential" else line


def _shared(one: Numbers, other: Numbers) -> Numbers:
    """Covariance of a Wiener process that is 0 at 0."""
    return np.asarray(np.maximum(np.minimum(one[:, None], other[None, :]), 0.0))


def _root(covariance: Numbers) -> Numbers:
    value, vector = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return np.asarray(vector * np.sqrt(np.maximum(value, 0.0)))


def grown(
    years: Numbers, values: Numbers, sds: Numbers, law: Law, prior: tuple[float, float], wobble: float, seed: int = 0, members: int = MEMBERS
) -> Growth:  # fmt: skip
    """The course through n values at ``years`` from the first scan; one value alone leaves the rate to the prior.

    Parameters
    ----------
    values, sds : (n,)
        In their unit, the sds of measuring each. Under the exponential law values are positive.
    prior : (mean, sd)
        Of the rate a year (of the logarithm under the exponential law).
    wobble : float
        sd by which the course leaves its law within a year, in the measure of the rate.
    """
    years, values, sds = (np.asarray(v, float) for v in (years, values, sds))
    y, noise = (np.log(values), sds / values) if law == "exponential" else (values, sds)
    n = len(y)
    mean, spread = prior
    basis = np.stack([np.ones(n), years], axis=1)
    middle = np.array([y[0], mean])
    before = np.diag([(100 * (np.ptp(y) + noise.max() + spread)) ** 2, spread**2])  # a: as good as flat
    wander = wobble**2 * _shared(years, years)
    centred = y - basis @ middle
    told = []  # for each scale: evidence, posterior of (a, b, W at the dates)
    for scale in SCALES:
        # stacked unknowns: a, b and the n values of W
        joint = np.block([[before, np.zeros((2, n))], [np.zeros((n, 2)), wander]])
        looks = np.hstack([basis, np.eye(n)])
        covariance = looks @ joint @ looks.T + np.diag((scale * noise) ** 2)
        gain = np.linalg.solve(covariance, looks @ joint).T
        after = joint - gain @ looks @ joint
        _, logdet = np.linalg.slogdet(covariance)
        evidence = (
            -0.5 * (centred @ np.linalg.solve(covariance, centred) + logdet) - 0.5 * (np.log(scale) / SCALE_SD) ** 2
        )
        told.append((evidence, gain @ centred, after))
    weight = np.exp(np.array([t[0] for t in told]) - max(t[0] for t in told))
    rng = np.random.default_rng(seed)
    which = rng.choice(len(SCALES), size=members, p=weight / weight.sum())
    drawn = np.empty((members, 2 + n))
    for k in np.unique(which):
        own = np.flatnonzero(which == k)
        drawn[own] = told[k][1] + rng.standard_normal((len(own), 2 + n)) @ _root(told[k][2]).T
    return Growth(
        law, drawn[:, 1] + mean, drawn[:, 0] + y[0], SCALES[which], years, values, sds, wobble, drawn[:, 2:]
    )  # fmt: skip


@dataclass(frozen=True)
class Change:
    """Whether the values moved by more than measuring explains: ``since`` is the first date (its index) from which they
    stayed beyond that, None where they did not; ``by`` is last less first; ``smallest`` the least change that would show."""

    by: float
    smallest: float
    since: int | None

    @property
    def real(self) -> bool:
        return self.since is not None


def changed(years: Numbers, values: Numbers, sds: Numbers) -> Change:
    """Test without any prior, 5 % two-sided: the slope through all dates and the last against the first (J. M. Bland,
    D. G. Altman, Lancet 327 (1986) 307: two measurements differ truly where by more than 1.96 times the sd of a difference).

    With more than two dates the slope decides; it uses all of them.
    """
    years, values, sds = (np.asarray(v, float) for v in (years, values, sds))
    by = float(values[-1] - values[0])
    smallest = SURE * float(np.hypot(sds[0], sds[-1]))
    if len(values) < 2:
        return Change(0.0, smallest, None)
    if not _sloped(years, values, sds):
        return Change(by, smallest, None)
    sign = np.sign(by) or 1.0
    beyond = sign * (values - values[0]) > SURE * np.hypot(sds, sds[0])
    since = len(values) - 1
    while since > 1 and beyond[since - 1]:
        since -= 1
    return Change(by, smallest, since)


def _sloped(years: Numbers, values: Numbers, sds: Numbers) -> bool:
    weight = 1 / sds**2
    mean = weight @ years / weight.sum()
    spread = weight @ (years - mean) ** 2
    slope = weight @ ((years - mean) * values) / max(float(spread), 1e-300)
    return bool(abs(slope) * np.sqrt(spread) > SURE)


def first_beyond(paths: Numbers, years: Numbers, threshold: float, above: bool) -> Numbers:
    """(m,) the date at which each path first is beyond a threshold, in the years given (between two by a straight line);
    inf where it never is."""
    beyond = paths >= threshold if above else paths <= threshold
    any_, first = beyond.any(axis=1), beyond.argmax(axis=1)
    out = np.full(len(paths), np.inf)
    out[any_] = years[first[any_]]
    between = np.flatnonzero(any_ & (first > 0))
    one, other = paths[between, first[between] - 1], paths[between, first[between]]
    part = np.clip((threshold - one) / np.where(other == one, 1.0, other - one), 0, 1)
    low, high = years[first[between] - 1], years[first[between]]
    out[between] = low + part * (high - low)
    return out
