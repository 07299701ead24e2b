"""Connected parts of a mask, found over its runs: what lies side by side in a row is looked at once, not voxel by voxel.

Two passes and a forest of runs (Rosenfeld and Pfaltz 1966, with runs as in He, Chao and Suzuki 2008): memory grows with
the surface of the mask, not with its box.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.edit.canvas import Mask


@dataclass(frozen=True)
class Parts:
    """Connected parts of a mask of ``shape`` (nk, nj, ni), the largest first.

    ``sizes`` (n,) in voxels; runs ``start`` to ``stop`` lie in row k*nj + j from ``offset[row]`` to ``offset[row + 1]`` and
    belong to part ``owner``.
    """

    shape: tuple[int, int, int]
    sizes: NDArray[np.int64]
    offset: NDArray[np.int64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    owner: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.sizes)

    def at(self, voxel: tuple[int, int, int]) -> int | None:
        """Number of the part that a voxel (k, j, i) belongs to."""
        k, j, i = voxel
        row = k * self.shape[1] + j
        for run in range(int(self.offset[row]), int(self.offset[row + 1])):
            if self.start[run] <= i < self.stop[run]:
                return int(self.owner[run])
        return None

    def mask(self, wanted: NDArray[np.bool_]) -> Mask:
        """Voxels of the parts that are wanted, (n,) of them."""
        made: Mask = self.numbered(wanted.astype(np.uint8)).view(bool)
        return made

    def numbered(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Each part with its own number, (n,); 0 elsewhere. The type is that of the numbers."""
        made = np.zeros(self.shape, numbers.dtype)
        _fill(made, self.offset, self.start, self.stop, self.owner, numbers)
        return made

    def at_border(self) -> NDArray[np.bool_]:
        """(n,) which parts meet a face of the box."""
        return np.asarray(_at_border(self.shape, self.offset, self.start, self.stop, self.owner, len(self.sizes)))


def parts(mask: Mask, corners: bool = False) -> Parts:
    """Parts that hang together by faces, or by faces, edges and corners."""
    nk, nj, ni = mask.shape
    offset = _count(mask)
    start, stop = _runs(mask, offset)
    owner = _join(offset, start, stop, nk, nj, corners)
    sizes = np.bincount(owner, (stop - start).astype(float)).astype(np.int64) if len(owner) else np.zeros(0, np.int64)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return Parts((nk, nj, ni), sizes[order], offset, start, stop, rank[owner])


@numba.njit(cache=True)
def _count(mask):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = mask.shape
    offset = np.zeros(nk * nj + 1, np.int64)
    for k in range(nk):
        for j in range(nj):
            n, before = 0, False
            for i in range(ni):
                now = mask[k, j, i]
                if now and not before:
                    n += 1
                before = now
            offset[k * nj + j + 1] = offset[k * nj + j] + n
    return offset


@numba.njit(cache=True)
def _runs(mask, offset):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = mask.shape
    start = np.empty(offset[-1], np.int32)
    stop = np.empty(offset[-1], np.int32)
    for k in range(nk):
        for j in range(nj):
            run = offset[k * nj + j]
            if offset[k * nj + j + 1] == run:
                continue
            before = False
            for i in range(ni):
                now = mask[k, j, i]
                if now and not before:
                    start[run] = i
                elif before and not now:
                    stop[run] = i
                    run += 1
                before = now
            if before:
                stop[run] = ni
    return start, stop


@numba.njit(cache=True)
def _root(parent, a):  # type: ignore[no-untyped-def]  # pragma: no cover
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@numba.njit(cache=True)
def _join(offset, start, stop, nk, nj, corners):  # type: ignore[no-untyped-def]  # pragma: no cover
    parent = np.arange(len(start)).astype(np.int32)
    reach = 1 if corners else 0
    for k in range(nk):
        for j in range(nj):
            row = k * nj + j
            if offset[row] == offset[row + 1]:
                continue
            for dk, dj in ((0, -1), (-1, 0), (-1, -1), (-1, 1)):
                if (dk * dj != 0 and not corners) or k + dk < 0 or j + dj < 0 or j + dj >= nj:
                    continue
                other = row + dk * nj + dj
                a, b = offset[row], offset[other]
                while a < offset[row + 1] and b < offset[other + 1]:
                    if start[a] < stop[b] + reach and start[b] < stop[a] + reach:
                        p, q = _root(parent, a), _root(parent, b)
                        if p < q:
                            parent[q] = p
                        elif q < p:
                            parent[p] = q
                    if stop[a] < stop[b]:
                        a += 1
                    else:
                        b += 1
    count = 0
    owner = np.empty(len(start), np.int32)
    for run in range(len(start)):  # a root comes before all that hang on it
        root = _root(parent, run)
        if root == run:
            owner[run] = count
            count += 1
        else:
            owner[run] = owner[root]
    return owner


@numba.njit(cache=True)
def _fill(made, offset, start, stop, owner, numbers):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, _ = made.shape
    for k in range(nk):
        for j in range(nj):
            for run in range(offset[k * nj + j], offset[k * nj + j + 1]):
                number = numbers[owner[run]]
                if number:
                    made[k, j, start[run] : stop[run]] = number


@numba.njit(cache=True)
def _at_border(shape, offset, start, stop, owner, count):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = shape
    meets = np.zeros(count, np.bool_)
    for k in range(nk):
        for j in range(nj):
            edge = k == 0 or k == nk - 1 or j == 0 or j == nj - 1
            for run in range(offset[k * nj + j], offset[k * nj + j + 1]):
                if edge or start[run] == 0 or stop[run] == ni:
                    meets[owner[run]] = True
    return meets
