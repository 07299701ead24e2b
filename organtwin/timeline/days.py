"""Days and times of the patient's clock, in seconds since 1970 UTC and in words."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

from organtwin.errors import BadInput

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


def seconds_of(text: str, at: float = 0.5) -> float:
    """Seconds since 1970 UTC of a date or time: ``2024-03-01``, ``20240301`` as in DICOM, ``2024-03-01T08:00+01:00``.

    Parameters
    ----------
    at : float
        Where in the day it is when no hour is told: 0 its beginning, 0.5 noon, 1 its last second. Without a zone it is UTC.

    Raises
    ------
    BadInput
        When it is no date, or none of this time.
    """
    told = text.strip()
    if len(told) == 8 and told.isdigit():
        told = f"{told[:4]}-{told[4:6]}-{told[6:]}"
    try:
        when = datetime.fromisoformat(told)
    except ValueError:
        raise BadInput(f"'{text}' is no date", remedy="Write it as 2024-03-01 or 2024-03-01T08:00+01:00.") from None
    if not 1900 <= when.year <= datetime.now(UTC).year + 1:
        raise BadInput(
            f"The date {text} cannot be right: no patient was measured then", remedy="Write it as 2024-03-01."
        )
    zoned = when if when.tzinfo else when.replace(tzinfo=UTC)
    return zoned.timestamp() + (min(at * DAY_S, DAY_S - 1.0) if len(told) == 10 else 0.0)


def _written(time_s: float | None, offset_min: float, pattern: str) -> str:
    if time_s is None or not math.isfinite(time_s):
        return NONE
    try:
        return pattern.format(clock(time_s, offset_min))
    except OverflowError:
        return NONE
