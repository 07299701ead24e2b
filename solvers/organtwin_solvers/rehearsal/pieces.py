"""The separate pieces that a cut leaves, and which of them nothing holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.mesh.cutting import Cut
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.supports import Held, Springs


@dataclass(frozen=True)
class Pieces:
    """Which piece each point belongs to (n,), -1 for none, and their volumes at rest (mm3) from the largest to the
    smallest."""

    of_points: NDArray[np.int64]
    mm3: NDArray[np.float64]


def pieces_of(body: Body) -> Pieces:
    """The pieces of a body, by the tetrahedra that join its points."""
    label = _joined(body.tets, len(body.rest_mm))
    volume = np.bincount(label[body.tets[:, 0]], body.volume_mm3, len(label))
    present = np.flatnonzero(volume)
    order = present[np.argsort(-volume[present], kind="stable")]
    number = np.full(len(label), -1, np.int64)
    number[order] = np.arange(len(order))
    return Pieces(number[label], volume[order])


@numba.njit(cache=True, nogil=True)
def _joined(tets: Any, count: int) -> Any:
    """Of each point the smallest point that tetrahedra join it with."""
    root = np.arange(count)
    for m in range(len(tets)):
        for k in range(1, 4):
            i, j = tets[m, 0], tets[m, k]
            while root[i] != i:
                root[i] = root[root[i]]
                i = root[i]
            while root[j] != j:
                root[j] = root[root[j]]
                j = root[j]
            if i < j:
                root[j] = i
            else:
                root[i] = j
    for i in range(count):
        j = i
        while root[j] != j:
            j = root[j]
        root[i] = j
    return root


def loose(pieces: Pieces, held: Iterable[Held], springs: Iterable[Springs]) -> int:
    """How many pieces nothing holds."""
    nodes = np.concatenate([np.zeros(0, np.int32), *(h.nodes for h in held), *(s.nodes for s in springs)])
    return len(pieces.mm3) - len(np.setdiff1d(pieces.of_points[nodes], [-1]))


def enclosed(made: Cut, removed: NDArray[np.integer]) -> bool:
    """Whether what is taken touches no surface that was there before."""
    return not (np.isin(made.piece[made.triangle_tet], removed) & (made.triangle_parent >= 0)).any()


def between_parts(body: Body) -> NDArray[np.bool_]:
    """Points where tetrahedra of several parts meet: moving them would change the volumes of these parts."""
    low, high = np.full(len(body.rest_mm), 32767, np.int16), np.full(len(body.rest_mm), -1, np.int16)
    if not body.part.any():
        return np.zeros(len(low), bool)
    for k in range(4):
        np.minimum.at(low, body.tets[:, k], body.part)
        np.maximum.at(high, body.tets[:, k], body.part)
    return np.asarray(high > low)
