"""From what a model predicts to what its parameters are: an ensemble of the posterior, checked against the model itself.

1. An ensemble smoother with multiple data assimilation (Emerick and Reynolds, Comput. Geosci. 55, 2013) brings the prior's
   members near the data in four runs of the ensemble.
2. A quadratic of the parameters is fitted to the runs there, and its posterior drawn with the affine-invariant sampler
   (Goodman and Weare, Commun. Appl. Math. Comput. Sci. 5, 2010), so that the shape of the posterior, not only its first
   moments, is that of Bayes' rule.
3. The model is run at what was drawn. Members are weighed by how much likelier the model makes them than the quadratic did; where
   few carry the weight, the quadratic is fitted again, there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from organtwin.errors import SolveFailed
from organtwin.monitor import Monitor, PartMonitor
from organtwin.physiology.model import Floats
from organtwin.twin.emulator import Emulator
from organtwin.twin.ensemble import resampled
from organtwin.twin.prior import Prior

ALPHAS = (9.333, 7.0, 4.0, 2.0)  # their inverses sum to one
STEPS = 400
ROUNDS = 3
FEW = 0.5  # effective members, of all, below which the quadratic is fitted again
FAR = 4.0  # standard deviations from the data, beyond which a datum counts less
COMPONENTS = 40
FEW_DATA = 20

Simulate = Callable[[Floats], Floats]  # z (m, k) -> what is predicted of the data (m, n); not finite where it cannot be


@dataclass(frozen=True)
class Data:
    """``values`` (n) with the ``covariance`` (n, n) of their errors; what a model that is a little wrong cannot explain is in it."""

    values: Floats
    covariance: Floats

    def without_far(self, predicted: Floats) -> Data:
        """Data far from what even the fitted model says (n) get an error that fits."""
        sd = np.sqrt(np.diag(self.covariance))
        off = np.abs(self.values - predicted) / sd
        # of a few data one that is wrong pulls the fit away from others: the worst are held back first
        limit = max(FAR, 0.5 * float(off.max())) if len(off) < FEW_DATA else FAR
        more = np.where(off > limit, off / FAR * 3.0, 1.0)
        # of its own, not shared: an error that lasts says nothing of why one reading is wild
        wild = np.diag(self.covariance) * (more**2 - 1.0)
        return Data(self.values, self.covariance + np.diag(wild)) if (more > 1.0).any() else self


@dataclass(frozen=True)
class Posterior:
    """``z`` (m, k), ``predicted`` (m, n) by the model itself, ``weights`` (m). ``data`` are those it was fitted to in the end."""

    z: Floats
    predicted: Floats
    weights: Floats
    data: Data
    runs: int
    effective: float


def posterior(
    prior: Prior, simulate: Simulate, data: Data, members: int, rng: np.random.Generator, monitor: Monitor
) -> Posterior:
    """Draw ``members`` of the posterior.

    Raises
    ------
    SolveFailed
        When the model fails nearly everywhere.
    """
    z = prior.draw(members, rng)
    y = _complete(simulate(z))
    kept_z, kept_y = [z], [y]
    runs = members
    for step, alpha in enumerate(ALPHAS):
        monitor.progress(0.1 + 0.12 * step, "bringing the ensemble to the readings")
        z = prior.inside(_smoothed(z, y, data, alpha, rng))
        y = _complete(simulate(z))
        runs += members
        kept_z.append(z)
        kept_y.append(y)
        if step == len(ALPHAS) - 2:
            data = data.without_far(np.median(y, axis=0))
    wide = prior.inside(z.mean(axis=0) + 1.6 * (z[rng.permutation(members)] - z.mean(axis=0)) + _small(z, rng))
    kept_z.append(wide)
    kept_y.append(_complete(simulate(wide)))
    runs += members
    found: Posterior | None = None
    start = z
    for turn in range(ROUNDS):
        part = PartMonitor(monitor, 0.6 + 0.13 * turn, 0.73 + 0.13 * turn)
        part.progress(0.0, "drawing the posterior")
        near_z, near_y = _near(np.concatenate(kept_z), np.concatenate(kept_y), start, data)
        likelihood = _Likelihood.fit(near_z, near_y, data)
        drawn = _sampled(prior, likelihood, start, rng, part)
        y = _complete(simulate(drawn))
        runs += members
        weights = _weights(_log_likelihood(y, data) - likelihood(drawn))
        effective = 1.0 / float(np.sum(weights**2))
        if found is None or effective > found.effective:
            found = Posterior(drawn, y, weights, data, runs, effective)
        if effective >= FEW * members:
            break
        kept_z.append(drawn)
        kept_y.append(y)
        start = drawn[resampled(weights, members, rng)] + 0.3 * _small(drawn, rng)
        start = prior.inside(start)
    assert found is not None
    return Posterior(found.z, found.predicted, found.weights, data, runs, found.effective)


def _smoothed(z: Floats, y: Floats, data: Data, alpha: float, rng: np.random.Generator) -> Floats:
    m = len(z)
    dz, dy = z - z.mean(axis=0), y - y.mean(axis=0)
    root = np.linalg.cholesky(data.covariance)
    noise = rng.standard_normal(y.shape) @ root.T
    innovation = data.values + np.sqrt(alpha) * (noise - noise.mean(axis=0)) - y
    total = dy.T @ dy / (m - 1) + alpha * data.covariance
    gain = np.linalg.solve(total, dy.T @ dz / (m - 1))
    moved: Floats = z + innovation @ gain
    return moved


@dataclass(frozen=True)
class _Likelihood:
    """Of z, by a quadratic for the few combinations of whitened data that vary."""

    emulator: Emulator
    target: Floats
    precision: Floats

    @classmethod
    def fit(cls, z: Floats, y: Floats, data: Data) -> _Likelihood:
        root = np.linalg.cholesky(data.covariance)
        white = solve_triangular(root, (y - data.values).T, lower=True).T
        mean = white.mean(axis=0)
        _, size, directions = np.linalg.svd(white - mean, full_matrices=False)
        vary = size > 0.02 * np.sqrt(len(z))
        vary[COMPONENTS:] = False
        vary[0] = True
        emulator = Emulator.fit(z, (white - mean) @ directions[vary].T)
        return cls(emulator, -directions[vary] @ mean, 1.0 / (1.0 + emulator.error**2))

    def __call__(self, z: Floats) -> Floats:
        found: Floats = -0.5 * np.sum(self.precision * (self.emulator(z) - self.target) ** 2, axis=1)
        return found


def _log_likelihood(y: Floats, data: Data) -> Floats:
    root = np.linalg.cholesky(data.covariance)
    white = solve_triangular(root, (y - data.values).T, lower=True)
    found: Floats = -0.5 * np.sum(white**2, axis=0)
    return found


def _sampled(
    prior: Prior, likelihood: _Likelihood, start: Floats, rng: np.random.Generator, monitor: Monitor
) -> Floats:
    """Stretch moves of the two halves of an ensemble in turn."""
    low, high = prior.bounds

    def density(z: Floats) -> Floats:
        inside = np.all((z >= low) & (z <= high), axis=1)
        return np.where(inside, likelihood(z) - 0.5 * np.sum(z**2, axis=1), -np.inf)

    m, k = start.shape
    z = prior.inside(start + 0.1 * _small(start, rng))
    known = density(z)
    halves = (np.arange(m) < m // 2, np.arange(m) >= m // 2)
    for step in range(STEPS):
        if step % 100 == 0:
            monitor.progress(step / STEPS, "drawing the posterior")
        for own, other in (halves, halves[::-1]):
            n = int(own.sum())
            partners = z[other][rng.integers(0, int(other.sum()), n)]
            stretch = ((rng.random(n) + 1.0) ** 2) / 2.0  # density 1/sqrt(s) on [1/2, 2]
            tried = partners + stretch[:, None] * (z[own] - partners)
            value = density(tried)
            with np.errstate(invalid="ignore"):
                accept = np.log(rng.random(n)) < (k - 1) * np.log(stretch) + value - known[own]
            z[own] = np.where(accept[:, None], tried, z[own])
            known[own] = np.where(accept, value, known[own])
    return z


def _near(z: Floats, y: Floats, centre: Floats, data: Data) -> tuple[Floats, Floats]:
    """The runs that lie where the posterior may: by their distance from the ensemble ``centre``; all where there are few."""
    mean, covariance = centre.mean(axis=0), np.cov(centre.T).reshape(z.shape[1], -1)
    covariance = covariance + 1e-4 * np.eye(z.shape[1])
    away = z - mean
    distance = np.einsum("mi,ij,mj->m", away, np.linalg.inv(covariance), away)
    k = z.shape[1]
    least = min(len(z), 3 * (1 + 2 * k + k * (k - 1) // 2))
    limit = max(9.0 * k, float(np.sort(distance)[least - 1]))
    keep = distance <= limit
    return z[keep], y[keep]


def _weights(logs: Floats) -> Floats:
    """Normalised, none above the root of their number times the mean (Ionides, J. Comput. Graph. Stat. 17, 2008)."""
    raw = np.exp(logs - logs.max())
    raw = np.minimum(raw, raw.mean() * np.sqrt(len(raw)))
    found: Floats = raw / raw.sum()
    return found


def _small(z: Floats, rng: np.random.Generator) -> Floats:
    """Steps of a few percent of the ensemble's spread, and never none."""
    found: Floats = rng.standard_normal(z.shape) * np.maximum(0.2 * z.std(axis=0), 1e-3)
    return found


def _complete(y: Floats) -> Floats:
    """Members for which the model failed take the predictions of the others' worst, so that they are left behind."""
    good = np.isfinite(y).all(axis=1)
    if good.sum() < max(len(y) // 3, 3):
        raise SolveFailed(
            "The model finds no settled state for most of the parameters tried",
            remedy="Check the readings' units and dates, or learn fewer parameters.",
        )
    if good.all():
        return y
    filled = y.copy()
    away = np.abs(y[good] - y[good].mean(axis=0)).sum(axis=1)
    filled[~good] = y[good][away.argmax()]
    return filled
