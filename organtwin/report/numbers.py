"""Numbers, units and days as people write them; units and numbers as everywhere else."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from organtwin.timeline.words import number_words as number
from organtwin.timeline.words import unit_words as unit

__all__ = ["day", "number", "unit"]


def day(t: float | None) -> str:
    """A time as a day; a dash where there is none."""
    if t is None or not np.isfinite(t):
        return "–"
    try:
        return f"{datetime.fromtimestamp(float(t), UTC):%-d %b %Y}"
    except (ValueError, OverflowError, OSError):
        return "–"
