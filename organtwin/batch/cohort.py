"""A study against the others: which of its volumes lie far from theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from organtwin.batch.folder import Cell

LEAST = 5  # studies, before one can be called an outlier
FAR = 3.5  # robust standard deviations (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)


@dataclass(frozen=True)
class Spread:
    """Median and range of a column over the studies, and the range beyond which a value is an outlier."""

    median: float
    least: float
    most: float
    low: float
    high: float
    count: int


def spreads(rows: Sequence[dict[str, Cell]], ending: str = "_ml") -> dict[str, Spread]:
    """The spread of every column of that ending, by median and median absolute deviation.

    With fewer than :data:`LEAST` values nothing is an outlier.
    """
    found: dict[str, Spread] = {}
    for name in dict.fromkeys(key for row in rows for key in row if key.endswith(ending)):
        told = [row.get(name) for row in rows]
        values = np.array([v for v in told if isinstance(v, int | float) and not isinstance(v, bool)], float)
        if not values.size:
            continue
        middle = float(np.median(values))
        spread = 1.4826 * float(np.median(np.abs(values - middle)))
        far = max(FAR * spread, 0.05 * abs(middle)) if values.size >= LEAST else np.inf
        found[name] = Spread(middle, float(values.min()), float(values.max()), middle - far, middle + far, values.size)
    return found


def outliers(row: dict[str, Cell], all_spreads: dict[str, Spread]) -> list[str]:
    """Columns in which a row lies outside."""
    return [
        name
        for name, spread in all_spreads.items()
        if isinstance(value := row.get(name), int | float) and not spread.low <= value <= spread.high
    ]
