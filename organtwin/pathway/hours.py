"""When something is open: "Mon-Fri 08:00-16:30"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise

from organtwin.errors import BadInput

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 1440.0
WEEK = 7.0 * DAY
EPSILON = 1e-6
_FORM = re.compile(r"([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))?\s+(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


@dataclass(frozen=True)
class Hours:
    """Spans (from, to) of a week that begins on Monday at midnight, in minutes, in order. None at all: always open."""

    spans: tuple[tuple[float, float], ...] = ()

    def opens_in(self, now: float) -> float:
        """Minutes until it is open; 0 while it is. The last of a sum of floats does not shut a door."""
        if not self.spans:
            return 0.0
        at = now % WEEK
        for start, stop in self.spans:
            if at < stop - EPSILON:
                return start - at if start - at > EPSILON else 0.0
        return self.spans[0][0] + WEEK - at

    def closes_in(self, now: float) -> float:
        """Minutes until it closes, seen from a time at which it is open."""
        at = now % WEEK
        return next((stop - at for _, stop in self.spans if at < stop - EPSILON), math.inf)

    def open_between(self, start: float, stop: float) -> float:
        """Minutes that it is open."""
        if not self.spans:
            return stop - start
        weeks = range(int(start // WEEK), int(stop // WEEK) + 1)
        return sum(
            max(0.0, min(stop, week * WEEK + b) - max(start, week * WEEK + a)) for week in weeks for a, b in self.spans
        )


def read_hours(text: str) -> Hours:
    """From text such as ``"Mon-Fri 08:00-16:30, Sat 09:00-12:00"``; ``"always"`` has no limits.

    Raises
    ------
    BadInput
        When it cannot be read, or two spans overlap.
    """
    if text.strip().lower() == "always":
        return Hours()
    spans: list[tuple[float, float]] = []
    for part in text.split(","):
        found = _FORM.fullmatch(part.strip())
        first, last = (found.group(1), found.group(2) or found.group(1)) if found else ("", "")
        if found is None or first not in DAYS or last not in DAYS or DAYS.index(last) < DAYS.index(first):
            raise BadInput(f"'{part.strip()}' are no opening hours", remedy='Write for example "Mon-Fri 08:00-16:30".')
        start = 60.0 * int(found.group(3)) + int(found.group(4))
        stop = 60.0 * int(found.group(5)) + int(found.group(6))
        if not start < stop <= DAY or int(found.group(4)) > 59 or int(found.group(6)) > 59:
            raise BadInput(f"'{part.strip()}' does not close after it opens", remedy="Times go from 00:00 to 24:00.")
        for day in range(DAYS.index(first), DAYS.index(last) + 1):
            spans.append((day * DAY + start, day * DAY + stop))
    spans.sort()
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise BadInput(f"The opening hours '{text}' overlap")
    return Hours(tuple(spans))
