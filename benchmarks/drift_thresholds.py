"""The table of thresholds in organtwin/twin/drift.py, made again: how often each score is reached where nothing changes.

Usage: python benchmarks/drift_thresholds.py [PATIENTS]
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from organtwin.twin.drift import OVER, RATES, THRESHOLDS, Daily, detect

DAYS, FIRST, MONTH = 220, 40, 365.25 / 12.0


def unchanged(rng: np.random.Generator, days: int, correlation: float) -> Daily:
    """A patient without any change of health: first-order correlation, tails of Student's t with 5 degrees of freedom, a rhythm of
    the week, a season, one wild value in a hundred, and a tenth of the days missing."""
    steps = rng.standard_t(5, days) / np.sqrt(5.0 / 3.0)
    values = np.empty(days)
    values[0] = steps[0]
    for day in range(1, days):
        values[day] = correlation * values[day - 1] + np.sqrt(1.0 - correlation**2) * steps[day]
    at = np.arange(days)
    values += 0.3 * np.sin(2.0 * np.pi * (at / 7.0 + rng.random())) + 0.4 * np.sin(
        2.0 * np.pi * (at / 365.25 + rng.random())
    )
    wild = rng.random(days) < 0.01
    values[wild] += rng.choice([-6.0, 6.0], int(wild.sum()))
    kept = rng.random(days) > 0.1
    return Daily(at[kept], values[kept])


def scores(rng: np.random.Generator, readings: int, correlation: float) -> NDArray[np.float64]:
    """Of one patient, day by day."""
    own = [unchanged(rng, DAYS, correlation) for _ in range(readings)]
    found = [detect(own, ["rise"] * readings, day) for day in range(FIRST, DAYS)]
    return np.array([drift.score if drift else -np.inf for drift in found])


def alarms(score: NDArray[np.float64], limit: float) -> int:
    """Each counted once until it is over."""
    count, on = 0, False
    for value in score:
        if not on and value >= limit:
            on, count = True, count + 1
        elif value < OVER * limit:
            on = False
    return count


def main() -> None:
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rng = np.random.default_rng(7)
    kinds = [(readings, phi) for readings in (1, 2, 3) for phi in (0.2, 0.4, 0.6)]
    cohorts = {kind: [scores(rng, *kind) for _ in range(patients)] for kind in kinds}
    months = patients * (DAYS - FIRST) / MONTH
    limits = np.arange(1.2, 6.01, 0.1)
    rate = {
        kind: np.array([sum(alarms(s, x) for s in all_) for x in limits]) / months for kind, all_ in cohorts.items()
    }
    for readings in (1, 2, 3):
        mean = np.mean([each for (count, _), each in rate.items() if count == readings], axis=0)
        print(readings, "readings:", " ".join(f"{x:.1f}:{r:.3f}" for x, r in zip(limits, mean, strict=True)))
        falling = np.minimum.accumulate(np.maximum(mean, 1e-6))
        there = [np.interp(-np.log(wanted), -np.log(falling), limits) for wanted in RATES]
        print(readings, "readings:", ", ".join(f"{x:.2f}" for x in there), "in the code:", THRESHOLDS[readings])


if __name__ == "__main__":
    main()
