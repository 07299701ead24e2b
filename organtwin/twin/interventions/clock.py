"""What happens at times of the day: meals, injections, sessions."""

from __future__ import annotations

import re

import numpy as np

from organtwin.errors import BadInput
from organtwin.physiology.model import Floats
from organtwin.twin.intervention import When

_TIME = re.compile(r"\s*(\d{1,2}):(\d{2})\s*")


def read_times(text: str) -> tuple[float, ...]:
    """ "08:00, 13:30" as hours.

    Raises
    ------
    BadInput
        When it cannot be read.
    """
    hours = []
    for part in text.split(","):
        found = _TIME.fullmatch(part)
        if found is None or int(found.group(1)) > 23 or int(found.group(2)) > 59:
            raise BadInput(f"'{part.strip()}' is no time of day", remedy='Write for example "08:00, 13:00, 19:00".')
        hours.append(int(found.group(1)) + int(found.group(2)) / 60.0)
    return tuple(hours)


def per_minute(when: When, hour: float, minutes: float) -> Floats:
    """(nt) mean rate between each time and the next, 1/min, of something that is given once a day from ``hour`` on over
    ``minutes``, at times at which the intervention goes on. Steps longer than a day have the mean of the day."""
    days = when.days
    if len(days) < 2:
        return np.where(when.on, 1.0 / 1440.0, 0.0)
    edges = np.append(days, 2.0 * days[-1] - days[-2])
    since = edges + (when.hours[0] / 24.0 - days[0]) - hour / 24.0  # in days from the first time it is given
    given = np.floor(since) + np.clip((since - np.floor(since)) * 1440.0 / minutes, 0.0, 1.0)
    return np.where(when.on, np.diff(given) / np.maximum(np.diff(edges) * 1440.0, 1e-9), 0.0)
