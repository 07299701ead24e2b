"""Strokes: a few clicks or lines that say what is what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from organtwin.errors import BadInput
from organtwin.model import Frozen, Volume
from organtwin.space import Grid

BACKGROUND = "background"  # the key of strokes that say where no structure is
Point = tuple[float, float, float]


class Stroke(Frozen):
    """A click (one point) or a line (several), ``radius_mm`` thick, in LPS mm, that belongs to the structure ``key``."""

    key: Annotated[str, Field(min_length=1)]
    points_mm: Annotated[tuple[Point, ...], Field(min_length=1)]
    radius_mm: Annotated[float, Field(gt=0, le=50)] = 3.0


@dataclass(frozen=True)
class Drawn:
    """Strokes on a grid.

    ``keys``: the structures, in the order of first use, the background last where there is any.
    ``owner``: for every stroke the index into ``keys``. ``voxels``: for every stroke its voxels (n, 3), indices k, j, i.
    """

    keys: tuple[str, ...]
    owner: NDArray[np.int64]
    voxels: tuple[NDArray[np.int64], ...]

    @property
    def structures(self) -> tuple[str, ...]:
        return tuple(k for k in self.keys if k != BACKGROUND)

    def of(self, key: str) -> NDArray[np.int64]:
        """(n, 3) voxels of all strokes of one key."""
        return np.concatenate([v for v, n in zip(self.voxels, self.owner, strict=True) if self.keys[n] == key])

    def box(self, shape: tuple[int, int, int], margin: NDArray[np.int64]) -> tuple[slice, slice, slice]:
        """Slices (k, j, i) around all strokes of structures, ``margin`` voxels wider, and around those of the background."""
        inner = np.concatenate([self.of(key) for key in self.structures])
        every = np.concatenate(self.voxels)
        low = np.maximum(np.minimum(inner.min(0) - margin, every.min(0)), 0)
        high = np.minimum(np.maximum(inner.max(0) + margin, every.max(0)) + 1, shape)
        return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))

    def shifted(self, box: tuple[slice, slice, slice]) -> Drawn:
        """The same in indices of a part of the array."""
        start = np.array([s.start for s in box])
        return Drawn(self.keys, self.owner, tuple(v - start for v in self.voxels))


def draw(strokes: Sequence[Stroke], volume: Volume, structures: Sequence[str] | None) -> Drawn:
    """Put strokes on the grid of a scan.

    Raises
    ------
    BadInput
        When there is none of a structure, or one lies outside the scan.
    """
    wanted = [s for s in strokes if structures is None or s.key in structures or s.key == BACKGROUND]
    if all(s.key == BACKGROUND for s in wanted):
        missing = f" of '{structures[0]}'" if structures else ""
        raise BadInput(f"There is no stroke{missing} to start from", remedy="Draw at least one inside the structure.")
    return on_grid(wanted, volume.grid, volume.name)


def on_grid(strokes: Sequence[Stroke], grid: Grid, where: str = "") -> Drawn:
    """Put strokes on a grid, in the order given.

    Raises
    ------
    BadInput
        When one lies outside.
    """
    inside = tuple(dict.fromkeys(s.key for s in strokes if s.key != BACKGROUND))
    keys = (*inside, BACKGROUND) if any(s.key == BACKGROUND for s in strokes) else inside
    voxels = []
    for number, stroke in enumerate(strokes, 1):
        found = voxels_of(stroke, grid)
        if not len(found):
            x, y, z = stroke.points_mm[0]
            raise BadInput(
                f"Stroke {number} ('{stroke.key}') at ({x:g}, {y:g}, {z:g}) mm lies outside the scan", where=where
            )
        voxels.append(found)
    return Drawn(keys, np.array([keys.index(s.key) for s in strokes], np.int64), tuple(voxels))


def voxels_of(stroke: Stroke, grid: Grid) -> NDArray[np.int64]:
    """(n, 3) indices k, j, i of the voxels whose centre the stroke covers, at least those that its line goes through."""
    points = np.array(stroke.points_mm, dtype=float)
    step = float(grid.spacing_mm.min()) / 2
    line = [points[:1]]
    for a, b in pairwise(points):
        n = max(1, int(np.ceil(np.linalg.norm(b - a) / step)))
        line.append(a + (b - a) * (np.arange(1, n + 1) / n)[:, None])
    centres = np.concatenate(line)
    reach = np.ceil(stroke.radius_mm / grid.spacing_mm).astype(int)
    offsets = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"), -1).reshape(-1, 3)
    nearest = np.rint(grid.to_index(centres)).astype(np.int64)
    covered = [nearest]
    for centre, start in zip(
        centres[:: max(1, int(stroke.radius_mm / step / 4))],
        nearest[:: max(1, int(stroke.radius_mm / step / 4))],
        strict=True,
    ):
        candidates = start + offsets
        covered.append(candidates[np.linalg.norm(grid.to_world(candidates) - centre, axis=1) <= stroke.radius_mm])
    ijk = np.unique(np.concatenate(covered), axis=0)
    return ijk[np.all((ijk >= 0) & (ijk < grid.size), axis=1)][:, ::-1]
