"""Least, greatest and mean of ever longer stretches of a series, so that a million samples are drawn in a millisecond."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP = 4  # samples of a level that become one of the next
_FINE = 32  # samples a pixel that are still looked at one by one


@dataclass(frozen=True)
class Window:
    """What to draw of a series: at most one entry a pixel, none where there is nothing.

    ``times_s`` (n) are mean times; ``low``, ``high`` and ``mean`` (n) are over ``count`` (n) samples.
    """

    times_s: Floats
    low: Floats
    high: Floats
    mean: Floats
    count: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.times_s)


@dataclass(frozen=True)
class _Level:
    first_s: Floats  # of each stretch: its first time, the sums of its times and values, and its extremes
    time_sum: Floats
    value_sum: Floats
    low: Floats
    high: Floats
    count: NDArray[np.int64]

    def coarser(self) -> _Level:
        at = np.arange(0, len(self.first_s), _STEP)
        return _reduced(self, at, self.first_s[at])


def _reduced(level: _Level, at: NDArray[np.int64], first_s: Floats) -> _Level:
    return _Level(
        first_s,
        np.add.reduceat(level.time_sum, at),
        np.add.reduceat(level.value_sum, at),
        np.minimum.reduceat(level.low, at),
        np.maximum.reduceat(level.high, at),
        np.add.reduceat(level.count, at),
    )


@dataclass
class Pyramid:
    """Of a series in order of time. Times are summed from ``origin_s`` on, so that no digits are lost."""

    times_s: Floats
    values: Floats
    _levels: list[_Level] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._origin_s = float(self.times_s[0]) if len(self.times_s) else 0.0

    def _level(self, k: int) -> _Level:
        if not self._levels:
            since = self.times_s - self._origin_s
            ones = np.ones(len(since), np.int64)
            self._levels.append(_Level(self.times_s, since, self.values, self.values, self.values, ones))
        while len(self._levels) <= k:
            self._levels.append(self._levels[-1].coarser())
        return self._levels[k]

    def window(self, t0_s: float, t1_s: float, pixels: int) -> Window:
        """What is between two times, both included, for a plot that is ``pixels`` wide.

        Of long stretches a group of samples belongs to the pixel where it begins; a group is a 32nd of a pixel or less
        where samples are evenly spread.
        """
        pixels = max(int(pixels), 1)
        i0, i1 = np.searchsorted(self.times_s, [t0_s, np.nextafter(t1_s, np.inf)])
        count = int(i1 - i0)
        if count <= pixels:
            here = slice(i0, i1)
            values = self.values[here]
            return Window(self.times_s[here], values, values, values, np.ones(count, np.int64))
        k = 0
        while count // _STEP ** (k + 1) >= _FINE * pixels:
            k += 1
        level = self._level(k)
        size = _STEP**k
        # whole groups only: the one that holds the first sample may begin before it, the last may end after
        j0, j1 = int(i0) // size, -(-int(i1) // size)
        part = _Level(*(getattr(level, name)[j0:j1] for name in level.__dataclass_fields__))
        pixel = np.floor((np.maximum(part.first_s, t0_s) - t0_s) * (pixels / max(t1_s - t0_s, 1e-9))).astype(np.int64)
        at = np.flatnonzero(np.diff(np.minimum(pixel, pixels - 1), prepend=-1))
        made = _reduced(part, at, part.first_s[at])
        return Window(
            self._origin_s + made.time_sum / made.count, made.low, made.high, made.value_sum / made.count, made.count
        )
