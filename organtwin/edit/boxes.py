"""Boxes of a label map: where segments lie, and what lies in one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from organtwin.edit.canvas import Box


def chosen(labels: NDArray[Any], numbers: Iterable[int]) -> NDArray[np.bool_]:
    """Table over all values that labels of this type can have: whether it is one of ``numbers``."""
    table = np.zeros(int(np.iinfo(labels.dtype).max) + 1, bool)
    table[list(numbers)] = True
    return table


def box_of(labels: NDArray[Any], *numbers: int, margin: ArrayLike = 0) -> Box | None:
    """Smallest box that holds all voxels of these numbers, wider by ``margin`` voxels (along k, j, i) within the grid; None
    where there are none."""
    low, high = _bounds(labels, chosen(labels, numbers))
    return None if high[0] < 0 else _widened(low, high + 1, margin, labels.shape)


def _widened(start: NDArray[Any], stop: NDArray[Any], margin: ArrayLike, shape: tuple[int, ...]) -> Box:
    a = np.maximum(start - np.asarray(margin, int), 0)
    b = np.minimum(stop + np.asarray(margin, int), shape)
    return slice(int(a[0]), int(b[0])), slice(int(a[1]), int(b[1])), slice(int(a[2]), int(b[2]))


def shape_of(box: Box) -> tuple[int, int, int]:
    return box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start


def start_of(box: Box) -> NDArray[np.float64]:
    """First index (i, j, k)."""
    return np.array([box[2].start, box[1].start, box[0].start], float)


def inner(box: Box, part: Box) -> Box:
    """A box given within another one, in the grid's own indices."""
    a, b, c = (slice(s.start + p.start, s.start + p.stop) for s, p in zip(box, part, strict=True))
    return a, b, c


@numba.njit(cache=True)
def _bounds(labels, table):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Lowest and highest index (k, j, i) of the voxels whose label the table has; highest is -1 where there are none."""
    nk, nj, ni = labels.shape
    low = np.array([nk, nj, ni])
    high = np.array([-1, -1, -1])
    for k in range(nk):
        for j in range(nj):
            row = labels[k, j]
            first = 0
            while first < ni and not table[row[first]]:
                first += 1
            if first == ni:
                continue
            last = ni - 1
            while not table[row[last]]:
                last -= 1
            low[0], high[0] = min(low[0], k), k
            low[1], high[1] = min(low[1], j), max(high[1], j)
            low[2], high[2] = min(low[2], first), max(high[2], last)
    return low, high
