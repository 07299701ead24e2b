"""Times as files write them, as seconds since 1970 UTC.

ISO 8601 says by itself what it means. Of "03/04/2024" the whole file decides which number is the day, and where it cannot, the
file is refused. Times without a zone are those of the patient's clock, summer time and the doubled hour in autumn included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput

_EPOCH = date(1970, 1, 1).toordinal()
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ]+(\d\d):(\d\d)(?::(\d\d(?:[.,]\d+)?))?\s*(Z|UTC|[+-]\d\d:?\d\d)?)?$", re.ASCII
)


@lru_cache(maxsize=100_000)
def day_s(year: int, month: int, day: int) -> int:
    """Seconds from 1970 to a day's midnight; ValueError when there is no such day."""
    return (date(year, month, day).toordinal() - _EPOCH) * 86400


@lru_cache(maxsize=1000)
def _offset_min(text: str) -> int:
    if text in ("Z", "UTC"):
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 15 or minutes > 59:
        raise ValueError("no zone")
    return (-1 if text[0] == "-" else 1) * (60 * hours + minutes)


def iso(text: str) -> tuple[float, int | None, bool]:
    """Seconds, the zone's offset in minutes, and whether it is a whole day.

    Without a zone the offset is None and the seconds are those of the clock on the wall.

    Raises
    ------
    ValueError
        When it is no date and time by ISO 8601.
    """
    found = _ISO.match(text)
    if found is None:
        raise ValueError(f"'{text[:40]}' is no time")
    year, month, day, hour, minute, second, zone = found.groups()
    seconds: float = day_s(int(year), int(month), int(day))
    if hour is None:
        return seconds, None, True
    clock = 3600 * int(hour) + 60 * int(minute) + float((second or "0").replace(",", "."))
    if int(hour) > 24 or int(minute) > 59 or clock > 86400.999:
        raise ValueError(f"'{text[:40]}' is no time")
    if zone is None:
        return seconds + clock, None, False
    offset = _offset_min(zone)
    return seconds + clock - 60 * offset, offset, False


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """The time zone of that IANA name; UTC for an empty one.

    Raises
    ------
    BadInput
        When there is none.
    """
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"There is no time zone '{name}'", remedy='Give its IANA name, as in "Europe/Berlin".'
        ) from error


@lru_cache(maxsize=200_000)
def _offsets(zone: str, quarter: int) -> tuple[int, int]:
    """Offsets of a quarter of an hour on the wall, for the first and the second time that it comes."""
    wall = datetime(1970, 1, 1) + timedelta(seconds=900 * quarter)
    both = (wall.replace(tzinfo=zone_named(zone), fold=fold).utcoffset() for fold in (0, 1))
    first, second = (int((one or timedelta()).total_seconds() // 60) for one in both)
    return first, second


def from_wall(wall_s: float, zone: str) -> tuple[float, int]:
    """Seconds UTC and offset of a clock on the wall; of the doubled hour in autumn the first."""
    offset = _offsets(zone, int(wall_s // 900))[0]
    return wall_s - 60 * offset, offset


def many_from_wall(wall_s: NDArray[np.float64], zone: str) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """As :func:`from_wall` for a log in order of time (up or down): where its clock steps back within the doubled hour in
    autumn, that hour's second turn begins."""
    if not len(wall_s):
        return wall_s, np.zeros(0, np.int16)
    falling = wall_s[-1] < wall_s[0]
    wall = wall_s[::-1] if falling else wall_s
    quarters, where = np.unique(np.floor(wall / 900).astype(np.int64), return_inverse=True)
    both = np.array([_offsets(zone, int(q)) for q in quarters], np.int16)
    offset = both[where, 0]
    doubled = both[:, 0] > both[:, 1]
    if doubled[where].any():
        inside = np.flatnonzero(doubled[where])
        for run in np.split(inside, np.flatnonzero(np.diff(wall[inside]) > 7200) + 1):  # one autumn each
            back = np.flatnonzero(np.diff(wall[run]) < -900)
            if len(back):
                second = run[back[0] + 1 :]
                offset[second] = both[where[second], 1]
    if falling:
        offset = offset[::-1]
    return wall_s - 60.0 * offset, offset


# -- dates whose order the file must tell --------------------------------------------------------------------------

_MONTHS = {
    m: n for n, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_MONTHS |= {"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fév": 2, "avr": 4, "aoû": 8, "déc": 12}
_NUMBERS = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{2,4})(?:,?[T\s]+(.*))?$")
_WORDS = re.compile(
    r"(?:(\d{1,2})[.\s-]+)?([^\W\d]{3})[^\W\d]*\.?[\s-]+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?(\d{4})(?:,?\s+(.*))?$"
)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?\s*([AaPp])?\.?[Mm]?\.?\s*(Z|UTC|[+-]\d\d:?\d\d)?$")
Order = str  # "day-first" or "month-first"


def _clock_s(text: str | None) -> tuple[float, int | None]:
    if not text or not text.strip():
        return 0.0, None
    found = _CLOCK.match(text.strip())
    if found is None:
        raise ValueError(f"'{text[:40]}' is no time of day")
    hour, minute, second, half, zone = found.groups()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(f"'{text[:40]}' is no time of day")
        hours = hours % 12 + (12 if half in "Pp" else 0)
    if hours > 24 or int(minute) > 59:
        raise ValueError(f"'{text[:40]}' is no time of day")
    seconds = 3600 * hours + 60 * int(minute) + float((second or "0").replace(",", "."))
    return seconds, _offset_min(zone) if zone else None


def written(text: str, order: Order) -> tuple[float, int | None, bool]:
    """As :func:`iso`, for any way to write a date; ``order`` is for numbers that do not tell by themselves.

    Raises
    ------
    ValueError
        When it is no date.
    """
    text = text.strip()
    try:
        return iso(text)
    except ValueError:
        pass
    if found := _NUMBERS.match(text):
        one, mark, two, three, rest = found.groups()
        if len(one) == 4:
            year, month, day = int(one), int(two), int(three)
        else:
            year = int(three) + (2000 if len(three) == 2 else 0)
            first = mark == "." or order == "day-first"
            day, month = (int(one), int(two)) if first else (int(two), int(one))
    elif found := _WORDS.match(text):
        before, word, after, written_year, rest = found.groups()
        month = _MONTHS.get(word.lower(), 0)
        if not month or not (before or after):
            raise ValueError(f"'{text[:40]}' is no date")
        year, day = int(written_year), int(before or after)
    else:
        raise ValueError(f"'{text[:40]}' is no date")
    seconds, offset = _clock_s(rest)
    return day_s(year, month, day) + seconds - 60 * (offset or 0), offset, rest is None or not rest.strip()


def order_of(texts: Sequence[str], now_s: float) -> tuple[Order, str]:
    """Which number is the day, by all dates of a file together; and a sentence where that had to be concluded.

    Raises
    ------
    BadInput
        When it cannot be told.
    """
    firsts, seconds = set(), set()
    numbers = []
    for text in texts:
        found = _NUMBERS.match(text.strip())
        if found and len(found[1]) < 4 and found[2] != ".":
            firsts.add(int(found[1]))
            seconds.add(int(found[3]))
            numbers.append(text)
    if not numbers:
        return "day-first", ""
    if max(firsts) > 12 and max(seconds) <= 12:
        return "day-first", ""
    if max(seconds) > 12 and max(firsts) <= 12:
        return "month-first", ""
    fits = [order for order in ("day-first", "month-first") if _in_order(numbers, order, now_s)]
    if max(firsts) <= 12 and len(fits) == 1:
        which = "day" if fits[0] == "day-first" else "month"
        return fits[
            0
        ], f"The first number of its dates was taken for the {which}: only so are its rows in order of time."
    raise BadInput(
        f"Whether '{numbers[0]}' begins with the day or the month cannot be told from this file",
        remedy="Say it: day-first or month-first (--dates).",
    )


def _in_order(texts: Iterable[str], order: Order, now_s: float) -> bool:
    times = []
    for text in texts:
        try:
            times.append(written(text, order)[0])
        except ValueError:
            return False
    steps = np.diff(times)
    if not len(steps) or max(times) > now_s + 86400:
        return False
    steps = steps[steps != 0]
    return bool(len(steps)) and bool((steps > 0).all() or (steps < 0).all())
