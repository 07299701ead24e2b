"""What the readings tell of the parameters: which are learned, which cannot be told apart, and what would teach more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from organtwin.model.twin_state import Estimate
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.ensemble import correlations, weighted_mean
from organtwin.twin.prior import Prior

LEARNED = 0.5  # of the prior's spread that is gone: told by the readings
BARELY = 0.2  # less than this: as good as not


@dataclass(frozen=True)
class Identifiability:
    """``directions`` is how many combinations of the k parameters the readings tell better than the prior does;
    ``poorest`` the combination they tell least, as weights by key; ``learned`` (k) and ``correlation`` (k, k).

    ``teaches`` maps a reading that was never taken to the parameter of which one reading more would take away most of the
    spread that is left, and to how much of it (0 to 1).
    """

    keys: tuple[str, ...]
    learned: Floats
    correlation: Floats
    directions: int
    poorest: dict[str, float]
    teaches: dict[str, tuple[str, float]]


def identifiability(
    prior: Prior, z: Floats, predicted: Floats, weights: Floats, taken: Sequence[str] = ()
) -> Identifiability:
    """Of a posterior ensemble: ``z`` (m, k), what the model predicts for it (m, r); ``taken`` are keys of readings that were.

    In z the prior has the covariance one: the eigenvalues of the posterior's covariance say how much of each direction is left.
    """
    away = z - weighted_mean(z, weights)
    covariance = (away * weights[:, None]).T @ away
    left, directions = np.linalg.eigh(covariance)
    poorest = directions[:, -1]
    teaches: dict[str, tuple[str, float]] = {}
    dy = predicted - weighted_mean(predicted, weights)
    for place, reading in enumerate(prior.model.readings):
        if reading.key in taken or not np.isfinite(dy[:, place]).all():
            continue
        spread2 = float(weights @ dy[:, place] ** 2)
        cross = (away * weights[:, None]).T @ dy[:, place]
        gone = cross**2 / np.maximum(np.diag(covariance), 1e-12) / (spread2 + reading.noise**2)
        gone *= np.sqrt(np.diag(covariance))  # what is well known need not be taught
        best = int(gone.argmax())
        teaches[reading.key] = (prior.keys[best], float(1.0 - np.sqrt(max(1.0 - cross[best] ** 2 / max(covariance[best, best], 1e-12) / (spread2 + reading.noise**2), 0.0))))  # fmt: skip
    return Identifiability(
        keys=prior.keys,
        learned=np.clip(1.0 - np.sqrt(np.diag(covariance)), 0.0, 1.0),
        correlation=correlations(z, weights),
        directions=int(np.count_nonzero(left < 0.5)),
        poorest={k: round(float(w), 3) for k, w in zip(prior.keys, poorest, strict=True) if abs(w) > 0.2},
        teaches=teaches,
    )


def sentences(
    model: Physiology,
    told: Sequence[Estimate],
    z: Floats,
    predicted: Floats,
    weights: Floats,
    taken: Sequence[str] = (),
) -> tuple[str, ...]:
    """For people."""
    prior = Prior.of_estimates(model, told)
    found = identifiability(prior, z, predicted, weights, taken)
    title = {p.key: p.title for p in model.parameters}
    well = [title[e.key] for e in told if e.learned >= LEARNED]
    not_at_all = [title[e.key] for e in told if e.learned < BARELY]
    said = [f"The readings tell {found.directions} of {len(prior)} directions of the parameters."]
    if well:
        said.append(f"Told by the readings: {', '.join(well)}.")
    if not_at_all:
        said.append(f"Not told by them (still what was believed before): {', '.join(not_at_all)}.")
    pairs = {tuple(sorted((e.key, e.with_))) for e in told if e.with_}
    said += [f"Cannot be told apart: {title[a]} and {title[b]}." for a, b in sorted(pairs)]
    names = {r.key: r.title for r in model.readings}
    best = sorted(((gone, key, what) for key, (what, gone) in found.teaches.items() if gone > 0.1), reverse=True)[:2]
    said += [f"{names[key]} would teach more: {gone:.0%} less spread of {title[what]}." for gone, key, what in best]
    return tuple(said)
