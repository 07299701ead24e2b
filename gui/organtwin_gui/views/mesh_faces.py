"""The faces of a tetrahedral mesh, arranged so that cutting it open is one comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# corners of the face opposite to each corner, turned outwards for positively oriented tetrahedra
_FACES = np.array([(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)])


def _keys(triangles: NDArray[Any], points: int) -> NDArray[np.int64]:
    """A number for each triangle that does not mind the order of its corners."""
    ordered = np.sort(triangles, axis=1).astype(np.int64)
    if points < 2_000_000:  # fits 64 bits
        return np.asarray((ordered[:, 0] * points + ordered[:, 1]) * points + ordered[:, 2])
    mixed = ordered.astype(np.uint64) * np.array(
        [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64
    )
    return np.asarray((mixed[:, 0] ^ (mixed[:, 1] >> np.uint64(7)) ^ (mixed[:, 2] >> np.uint64(13))).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Seen:
    """The triangles (t, 3) that can be seen, turned outwards; the cell of each; its number in the boundary, -1 inside."""

    triangles: NDArray[np.int32]
    cell: NDArray[np.int32]
    boundary: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class MeshFaces:
    """Every face once: corners (f, 3) turned out of ``cell``; the cell on the other side, -1 at the boundary; and there
    its number among the mesh's boundary triangles.
    """

    faces: NDArray[np.int32]
    cell: NDArray[np.int32]
    other: NDArray[np.int32]
    boundary: NDArray[np.intp]

    @classmethod
    def of(cls, tets: NDArray[Any], boundary_triangles: NDArray[Any]) -> MeshFaces:
        """From tetrahedra (m, 4) and their boundary (b, 3)."""
        points = int(np.max(tets, initial=0)) + 1
        corners = np.asarray(tets)[:, _FACES].reshape(-1, 3)
        cells = np.repeat(np.arange(len(tets), dtype=np.int32), 4)
        key = _keys(corners, points)
        order = np.argsort(key, kind="stable")
        again = np.zeros(len(order), dtype=bool)
        again[1:] = key[order[1:]] == key[order[:-1]]
        first = order[~again]
        other = np.full(len(order), -1, np.int32)
        second = np.flatnonzero(again)
        other[order[second - 1]] = cells[order[second]]
        other = other[first]

        number = np.full(len(first), -1, np.intp)
        if len(boundary_triangles):
            outer = np.flatnonzero(other < 0)
            known = _keys(np.asarray(boundary_triangles), points)
            sorter = np.argsort(known)
            at = np.clip(np.searchsorted(known, key[first[outer]], sorter=sorter), 0, len(known) - 1)
            hit = known[sorter[at]] == key[first[outer]]
            number[outer[hit]] = sorter[at[hit]]
        return cls(corners[first].astype(np.int32), cells[first], other, number)

    def seen(self, kept: NDArray[np.bool_]) -> Seen:
        """What can be seen when only the ``kept`` (m,) cells are there."""
        mine = kept[self.cell]
        theirs = (self.other >= 0) & kept[self.other]
        out, back = mine & ~theirs, theirs & ~mine
        return Seen(
            np.concatenate([self.faces[out], self.faces[back][:, ::-1]]),
            np.concatenate([self.cell[out], self.other[back]]),
            np.concatenate([self.boundary[out], np.full(int(back.sum()), -1, np.intp)]),
        )


def cells_behind(points_mm: NDArray[Any], tets: NDArray[Any], normal: ArrayLike, offset_mm: float) -> NDArray[np.bool_]:
    """(m,) cells whose centre lies behind the plane ``x . normal = offset``: whole cells, a crinkled cut."""
    height = np.asarray(points_mm) @ np.asarray(normal, dtype=float)
    return np.asarray(height[tets].mean(axis=1) <= offset_mm)


def mean_ratio(points_mm: NDArray[Any], tets: NDArray[Any]) -> NDArray[np.float64]:
    """(m,) mean-ratio quality: 12 (3 V)^(2/3) over the sum of the squared edges; 1 is regular, 0 is flat.

    Liu and Joe, BIT 34 (1994) 268.
    """
    a, b, c, d = (np.asarray(points_mm)[np.asarray(tets)[:, n]] for n in range(4))
    volume = np.abs(np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a))) / 6
    edges = sum(((p - q) ** 2).sum(axis=1) for p, q in ((a, b), (a, c), (a, d), (b, c), (b, d), (c, d)))
    return np.asarray(12 * (3 * volume) ** (2 / 3) / np.maximum(edges, 1e-30))
