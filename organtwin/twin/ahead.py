"""How far a twin's expectations were off, so far ahead: learnt from its forecasts of the patient's own past.

From many moments of the past ("origins") the twin's course is compared with what was then measured. What it leaves
unexplained is partly known at the origin (how far off the twin was, which way it went, what the hour does): a small ridge
regression for each span ahead. The quantiles of the rest, with the correction for their finite number of split conformal
prediction (Lei et al., J. Am. Stat. Assoc. 113, 2018), are the intervals. Whether they hold is counted on later forecasts
that took no part in making them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from organtwin.model.forecast import LEVELS
from organtwin.physiology.model import Floats
from organtwin.timeline.days import DAY_S
from organtwin.twin.levels import robust_fit, robust_sd
from organtwin.twin.readings import Readings

LEAST = 30  # pairs of a forecast and what was measured, from which a span ahead is learnt
MOST = 600  # the newest of them
RIDGE = 3.0
TEACHING = 0.6  # part of the past that makes the intervals when they are checked on the rest


@dataclass(frozen=True)
class Clock:
    """A patient's course of the day and the weekend, as deviation from his level; two harmonics."""

    coefficients: Floats

    @classmethod
    def learn(cls, own: Readings, off: Floats, floor: float) -> Clock:
        """From readings and how far they are off (n) a level."""
        if len(own) < 60 or len(np.unique((own.local_hour // 6.0).astype(int))) < 2:
            return cls(np.zeros(6))
        design = cls._design(own.times_s, own.offset_min)
        hours = len(np.unique((own.local_hour // 4.0).astype(int)))
        keep = np.array([True, hours >= 2, hours >= 2, hours >= 5, hours >= 5, len(own) >= 120])
        some = design[:, keep]
        penalty = 0.02 * len(own) * np.eye(some.shape[1])
        penalty[0, 0] = 0.0
        weights = robust_fit(np.ones((len(own), 1)), off, floor)[1]
        found = np.zeros(6)
        found[keep] = np.linalg.solve(some.T @ (some * weights[:, None]) + penalty, some.T @ (off * weights))
        found[0] = 0.0
        return cls(found)

    def __call__(self, times_s: Floats, offset_min: Floats | NDArray[np.int16]) -> Floats:
        found: Floats = self._design(times_s, offset_min) @ self.coefficients
        return found

    @staticmethod
    def _design(times_s: Floats, offset_min: Floats | NDArray[np.int16]) -> Floats:
        local = times_s + 60.0 * offset_min
        angle = 2.0 * np.pi * (local % DAY_S) / DAY_S
        weekend = (np.floor(local / DAY_S).astype(int) + 4) % 7  # 1970-01-01 was a Thursday; 0 is Sunday
        return np.stack(
            [
                np.ones_like(angle),
                np.cos(angle),
                np.sin(angle),
                np.cos(2 * angle),
                np.sin(2 * angle),
                np.isin(weekend, (0, 6)) - 2 / 7,
            ],
            axis=1,
        )


@dataclass(frozen=True)
class Pairs:
    """n forecasts of one reading and what was measured. ``lead_s`` (n), ``origin_s`` (n), ``features`` (n, f), first a one;
    ``off`` (n) is measured less the twin's course."""

    origin_s: Floats
    lead_s: Floats
    features: Floats
    off: Floats

    def where(self, keep: NDArray[np.bool_]) -> Pairs:
        return Pairs(self.origin_s[keep], self.lead_s[keep], self.features[keep], self.off[keep])


@dataclass(frozen=True)
class Span:
    """What was learnt for one span ahead: the regression, and quantiles of what it leaves at :data:`LEVELS`."""

    lead_s: float
    coefficients: Floats
    rest: Floats  # (q)
    count: int


@dataclass(frozen=True)
class Ahead:
    """Spans in order of their lead; none where the past is too short."""

    spans: tuple[Span, ...]

    @classmethod
    def learn(cls, pairs: Pairs, edges_s: Sequence[float]) -> Ahead:
        """``edges_s`` (b + 1) part the leads."""
        found = []
        for low, high in pairwise(edges_s):
            one = pairs.where((pairs.lead_s > low) & (pairs.lead_s <= high))
            if len(one.off) < LEAST:
                continue
            newest = np.argsort(one.origin_s)[-MOST:]
            one = Pairs(one.origin_s[newest], one.lead_s[newest], one.features[newest], one.off[newest])
            coefficients, rest = _fitted(one)
            found.append(Span(float(np.median(one.lead_s)), coefficients, conformal(rest), len(rest)))
        return cls(tuple(found))

    def __call__(self, lead_s: float, features: Floats) -> tuple[float, Floats]:
        """Middle of what is to be added to the twin's course, and the quantiles (q) about it; between spans by their leads' logarithm."""
        leads = np.log([s.lead_s for s in self.spans])
        at = float(np.clip(np.log(max(lead_s, 1.0)), leads[0], leads[-1]))
        right = int(np.clip(np.searchsorted(leads, at), 0, len(leads) - 1))
        left = max(right - 1, 0)
        share = 1.0 if right == left else (at - leads[left]) / (leads[right] - leads[left])
        one, other = self.spans[left], self.spans[right]
        middle = (1.0 - share) * float(features @ one.coefficients) + share * float(features @ other.coefficients)
        return middle, (1.0 - share) * one.rest + share * other.rest

    @property
    def longest_s(self) -> float:
        return self.spans[-1].lead_s if self.spans else 0.0


@dataclass(frozen=True)
class Check:
    """Of ``count`` forecasts that took no part in making the intervals, ``inside`` held at 90 %."""

    count: int
    inside: int


def check(pairs: Pairs, edges_s: Sequence[float]) -> Check:
    """Intervals made from the first part of the past, counted on the rest."""
    if len(pairs.off) < 2 * LEAST:
        return Check(0, 0)
    end = pairs.origin_s + pairs.lead_s
    cut = float(np.quantile(end, TEACHING))
    learnt = Ahead.learn(pairs.where(end <= cut), edges_s)
    if not learnt.spans:
        return Check(0, 0)
    later = pairs.where((pairs.origin_s >= cut) & (pairs.lead_s <= 1.5 * learnt.longest_s))
    inside = 0
    for lead, features, off in zip(later.lead_s, later.features, later.off, strict=True):
        middle, rest = learnt(float(lead), features)
        inside += bool(middle + rest[0] <= off <= middle + rest[-1])
    return Check(len(later.off), inside)


def conformal(rest: Floats) -> Floats:
    """(q) quantiles of n errors, moved outward by what their finite number asks for."""
    n = len(rest)
    ordered = np.sort(rest)
    places = []
    for level in LEVELS:
        rank = (n + 1) * level
        places.append(np.clip(np.floor(rank) - 1 if level < 0.5 else np.ceil(rank) - 1, 0, n - 1))
    found: Floats = ordered[np.array(places, int)]
    found[LEVELS.index(0.5)] = np.median(rest)
    return found


def _fitted(pairs: Pairs) -> tuple[Floats, Floats]:
    """Coefficients (f), and errors (n) as of forecasts that did not know what came: five blocks of time, each left out in turn."""
    n = len(pairs.off)
    block = np.minimum(5 * np.arange(n) // n, 4)
    rest = np.empty(n)
    for one in range(5):
        out = block == one
        rest[out] = pairs.off[out] - pairs.features[out] @ _ridge(pairs.features[~out], pairs.off[~out])
    return _ridge(pairs.features, pairs.off), rest


def _ridge(x: Floats, y: Floats) -> Floats:
    """Robust ridge regression; the first column is one and not held small."""
    scale = np.maximum(np.std(x, axis=0), 1e-9)
    scale[0] = 1.0
    scaled = x / scale
    found = np.zeros(x.shape[1])
    found[0] = np.median(y)
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 1e-9
    for _ in range(5):
        residual = y - scaled @ found
        spread = max(robust_sd(residual), 1e-9)
        weights = np.minimum(1.0, 2.0 * spread / np.maximum(np.abs(residual), 1e-12))
        found = np.linalg.solve(scaled.T @ (scaled * weights[:, None]) + penalty, scaled.T @ (y * weights))
    coefficients: Floats = found / scale
    return coefficients
