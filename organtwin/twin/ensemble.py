"""Small things that every use of an ensemble needs: weighted moments and quantiles, resampling, estimates for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin.model.result import Quantity
from organtwin.model.twin_state import Estimate
from organtwin.physiology.model import Floats, Physiology, Simulator
from organtwin.timeline.words import number_words
from organtwin.twin.prior import Prior

NOTHING = 1e-9  # of any reading, in its unit
TOLD_APART = 0.9  # |correlation| above which two parameters cannot be


def weighted_mean(values: Floats, weights: Floats) -> Floats:
    """(k) of (m, k)."""
    mean: Floats = weights @ values
    return mean


def weighted_quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> Floats:
    """(q, ...) of (m, ...); the middle of each member's share of the weights is its level."""
    if np.ptp(weights) < 1e-12 * weights.max():
        found: Floats = np.quantile(values, levels, axis=0, method="hazen")
        return found
    flat = values.reshape(len(values), -1)
    order = np.argsort(flat, axis=0)
    share = weights[order]
    middle = np.cumsum(share, axis=0) - 0.5 * share
    columns = [np.interp(levels, middle[:, c], flat[order[:, c], c]) for c in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(len(levels), *values.shape[1:])


def resampled(weights: Floats, members: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """(members) places, each about weight times members times (systematic resampling; Kitagawa, J. Comput. Graph. Stat. 5, 1996)."""
    points = (rng.random() + np.arange(members)) / members
    return np.minimum(np.searchsorted(np.cumsum(weights / weights.sum()), points), len(weights) - 1)


def estimates(prior: Prior, z: Floats, weights: Floats) -> tuple[Estimate, ...]:
    """What is now believed of each parameter, beside what was before."""
    theta = prior.theta(z)
    mean = weighted_mean(theta, weights)
    low, median, high = weighted_quantiles(theta, weights, (0.05, 0.5, 0.95))
    sd = np.sqrt(np.maximum(weighted_mean((theta - mean) ** 2, weights), 0.0))
    z_sd = np.sqrt(np.maximum(weighted_mean((z - weighted_mean(z, weights)) ** 2, weights), 0.0))
    before = prior.theta(prior.draw(2000, np.random.default_rng(0)))
    z_before = np.std(prior.draw(2000, np.random.default_rng(0)), axis=0)
    related = correlations(z, weights)
    np.fill_diagonal(related, 0.0)
    made = []
    for k, key in enumerate(prior.keys):
        other = int(np.abs(related[k]).argmax()) if len(prior) > 1 else k
        parameter = prior.model.parameters[prior.places[k]]
        made.append(
            Estimate(
                key=key, unit=parameter.unit,
                prior=float(prior.default[k]), prior_sd=float(before[:, k].std()),
                value=float(median[k]), sd=float(sd[k]), low=float(low[k]), high=float(high[k]),
                learned=float(np.clip(1.0 - z_sd[k] / z_before[k], 0.0, 1.0)),
                with_=prior.keys[other] if abs(related[k, other]) > TOLD_APART else "",
            )
        )  # fmt: skip
    return tuple(made)


def correlations(z: Floats, weights: Floats) -> Floats:
    """(k, k)."""
    away = z - weighted_mean(z, weights)
    covariance = (away * weights[:, None]).T @ away
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    found: Floats = covariance / np.outer(sd, sd)
    return found


def quantities(model: Physiology, predicted: Floats, weights: Floats) -> tuple[Quantity, ...]:
    """The model's readings as the ensemble has them: the median, and 5 to 95 % in words. What is zero for all is not there (the
    flow of a pump that nobody has)."""
    low, middle, high = weighted_quantiles(predicted, weights, (0.05, 0.5, 0.95))
    return tuple(
        Quantity(
            name=r.title,
            value=float(middle[k]),
            unit=r.unit,
            why=f"5 to 95 %: {number_words(low[k])} to {number_words(high[k])}",
        )
        for k, r in enumerate(model.readings)
        if np.isfinite(middle[k]) and max(abs(low[k]), abs(high[k])) > NOTHING
    )


def cycle(
    simulator: Simulator, parameters: Floats, drives: Floats, state: Floats | None, weights: Floats
) -> dict[str, Floats]:
    """One cycle of about fifty members: "time_s" (n), and each curve's 5, 50 and 95 % (3, n)."""
    some = slice(None, None, max(len(parameters) // 50, 1))
    drawn: Mapping[str, Floats] = simulator.curves(parameters[some], drives, None if state is None else state[some])
    share = weights[some] / weights[some].sum()
    curves = {
        name: np.asarray(c, float)
        if np.ndim(c) == 1
        else weighted_quantiles(np.asarray(c, float), share, (0.05, 0.5, 0.95))
        for name, c in drawn.items()
    }
    if "phase" in curves and "period_s" in curves:  # members' cycles differ in length: the time of the middle one
        curves["time_s"] = curves["phase"] * curves["period_s"][1, 0]
    return curves
