"""Least, greatest and mean of ever longer stretches of a series, so that a million samples are drawn in a millisecond."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP = 4  # samples of a level that become one of the next
_FINE = 32  # samples a pixel that are still looked at one by one
_PIECE = _STEP**8  # stretches that are joined at a time


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

    @property
    def columns(self) -> tuple[Floats, ...]:
        return self.first_s, self.time_sum, self.value_sum, self.low, self.high

    def coarser(self) -> _Level:
        return _Level(
            self.first_s[::_STEP],
            _joined(np.add, self.time_sum),
            _joined(np.add, self.value_sum),
            _joined(np.minimum, self.low),
            _joined(np.maximum, self.high),
        )


def _joined(join: np.ufunc, values: Floats) -> Floats:
    """What each :data:`_STEP` values are together; the last group may be smaller. Far quicker than ``join.reduceat``."""
    whole = len(values) - len(values) % _STEP
    made: Floats = join(values[:whole:_STEP], values[1:whole:_STEP])
    for n in range(2, _STEP):
        join(made, values[n:whole:_STEP], out=made)
    return made if whole == len(values) else np.append(made, join.reduce(values[whole:]))


@dataclass
class Pyramid:
    """Of a series in order of time. Times are summed from ``origin_s`` on, so that no digits are lost."""

    times_s: Floats
    values: Floats
    _levels: dict[int, _Level] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._origin_s = float(self.times_s[0]) if len(self.times_s) else 0.0

    def _level(self, k: int) -> _Level:
        """Stretches of ``_STEP**k`` samples: from the next finer level that is there, a piece at a time, since what fits in the
        processor's cache is joined in half the time."""
        if k not in self._levels:
            finer = max((j for j in self._levels if j < k), default=0)
            pieces = []
            for begin in range(0, -(-len(self.values) // _STEP**finer), _PIECE):
                piece = self._part(finer, begin, begin + _PIECE)
                for _ in range(finer, k):
                    piece = piece.coarser()
                pieces.append(piece.columns)
            self._levels[k] = _Level(*map(np.concatenate, zip(*pieces, strict=True)))
        return self._levels[k]

    def _part(self, k: int, begin: int, end: int) -> _Level:
        """The stretches from ``begin`` to ``end`` (not) of a level; of level 0 these are the samples themselves."""
        here = slice(begin, end)
        if k == 0:
            times, values = self.times_s[here], self.values[here]
            return _Level(times, times - self._origin_s, values, values, values)
        return _Level(*(column[here] for column in self._level(k).columns))

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
        size = _STEP**k
        # whole groups only: the one that holds the first sample may begin before it, the last may end after
        begin, end = int(i0) // size, -(-int(i1) // size)
        part = self._part(k, begin, end)
        pixel = np.floor((np.maximum(part.first_s, t0_s) - t0_s) * (pixels / max(t1_s - t0_s, 1e-9))).astype(np.int64)
        at = np.flatnonzero(np.diff(np.minimum(pixel, pixels - 1), prepend=-1))
        counts = size * np.diff(at, append=len(pixel))
        counts[-1] -= max(end * size - len(self.values), 0)
        return Window(
            self._origin_s + np.add.reduceat(part.time_sum, at) / counts,
            np.minimum.reduceat(part.low, at),
            np.maximum.reduceat(part.high, at),
            np.add.reduceat(part.value_sum, at) / counts,
            counts,
        )
