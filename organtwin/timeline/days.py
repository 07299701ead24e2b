"""Days and times of the patient's clock, in seconds since 1970 UTC and in words."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

DAY_S = 86400.0
YEAR_S = 365.25 * DAY_S
NONE = "–"  # where there is no time


def clock(time_s: float, offset_min: float = 0.0) -> datetime:
    """What the patient's clock shows.

    Raises
    ------
    OverflowError
        For a time that no calendar has.
    """
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(time_s), minutes=float(offset_min))


def day_of(time_s: float | None, offset_min: float = 0.0) -> str:
    """``2024-03-01``; a dash where there is none."""
    return _written(time_s, offset_min, "{:%Y-%m-%d}")


def minute_of(time_s: float | None, offset_min: float = 0.0) -> str:
    """``2024-03-01 07:30``; a dash where there is none."""
    return _written(time_s, offset_min, "{:%Y-%m-%d %H:%M}")


def moment_of(time_s: float, offset_min: float = 0.0) -> str:
    """``2024-03-01T07:30:00+01:00``; the seconds themselves where no calendar has them."""
    try:
        zone = timezone(timedelta(minutes=int(offset_min)))
        return datetime.fromtimestamp(time_s, UTC).astimezone(zone).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{time_s:.0f} s since 1970"


def long_day(time_s: float | None, offset_min: float = 0.0) -> str:
    """``3 March 2026``, in a sentence; a dash where there is none."""
    return _written(time_s, offset_min, "{0.day} {0:%B %Y}")


def short_day(time_s: float | None, offset_min: float = 0.0) -> str:
    """``3 Mar 2026``; a dash where there is none."""
    return _written(time_s, offset_min, "{0.day} {0:%b %Y}")


def _written(time_s: float | None, offset_min: float, pattern: str) -> str:
    if time_s is None or not math.isfinite(time_s):
        return NONE
    try:
        return pattern.format(clock(time_s, offset_min))
    except OverflowError:
        return NONE
