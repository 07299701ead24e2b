"""Compiled passes over voxels: a segment put in a box, which voxels change by it, how many of each label.

Imported where they are called: compiling machinery takes most of a second to load, and few processes edit.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def changed_box(old, new, may_lose, may_gain):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Lowest and highest index (k, j, i) of the voxels that change; highest is -1 where none does."""
    nk, nj, ni = old.shape
    low = np.array([nk, nj, ni])
    high = np.array([-1, -1, -1])
    for k in range(nk):
        for j in range(nj):
            first = 0
            while first < ni:
                a, b = old[k, j, first], new[k, j, first]
                if a != b and may_lose[a] and may_gain[b]:
                    break
                first += 1
            if first == ni:
                continue
            last = ni - 1
            while True:
                a, b = old[k, j, last], new[k, j, last]
                if a != b and may_lose[a] and may_gain[b]:
                    break
                last -= 1
            low[0], high[0] = min(low[0], k), k
            low[1], high[1] = min(low[1], j), max(high[1], j)
            low[2], high[2] = min(low[2], first), max(high[2], last)
    return low, high


@numba.njit(cache=True)
def changed_voxels(old, new, may_lose, may_gain):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = old.shape
    changed = np.zeros((nk, nj, ni), np.bool_)
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                a, b = old[k, j, i], new[k, j, i]
                changed[k, j, i] = a != b and may_lose[a] and may_gain[b]
    return changed


@numba.njit(cache=True)
def histogram(values):  # type: ignore[no-untyped-def]  # pragma: no cover
    counts = np.zeros(2**16, np.int64)
    for value in values:
        counts[value] += 1
    return counts


@numba.njit(cache=True)
def relabelled(old, mask, label, put, bare):  # type: ignore[no-untyped-def]  # pragma: no cover
    """A copy in which the mask has the label (``put``), and the label is nowhere else (``bare``)."""
    new = np.empty_like(old)
    mine = new.dtype.type(label)
    nk, nj, ni = old.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                was = old[k, j, i]
                if mask[k, j, i]:
                    was = mine if put else was
                elif bare and was == mine:
                    was = was - was
                new[k, j, i] = was
    return new
