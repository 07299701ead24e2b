"""Numbers, units and days as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

UNITS = {"mm[Hg]": "mmHg", "Cel": "°C", "{steps}": "steps", "/min": "per min", "%": "%"}


def day(t: float | None) -> str:
    """A time as a day; a dash where there is none."""
    if t is None or not np.isfinite(t):
        return "–"
    try:
        return f"{datetime.fromtimestamp(float(t), UTC):%-d %b %Y}"
    except (ValueError, OverflowError, OSError):
        return "–"


def unit(name: str) -> str:
    """A UCUM unit as people write it."""
    return UNITS.get(name, name.replace("{", "").replace("}", "").replace("[Hg]", "Hg"))


def number(value: float, digits: int = 3) -> str:
    """Three digits, without an exponent where people would not write one."""
    if not np.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = int(np.floor(np.log10(abs(value))))
    if -4 < size < 7:
        return f"{value:,.{max(digits - 1 - size, 0)}f}".replace("-", "−").replace(",", "\u202f")
    return f"{value:.{digits}g}"
