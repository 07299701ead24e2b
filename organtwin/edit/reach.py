"""What lies within a distance of a mask, in mm: as fast for a wide margin as for a narrow one."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.edit.canvas import Mask
from organtwin.segment.distance import squared_mm2
from organtwin.space import Grid


def within(mask: Mask, grid: Grid, reach_mm: float) -> Mask:
    """Voxels whose centre is at most ``reach_mm`` from that of a voxel of the mask, which lies on a part of ``grid``."""
    if reach_mm <= 0 or not mask.any():
        return mask.copy()
    square = grid.directions.T @ grid.directions
    if np.abs(square - np.eye(3)).max() > 1e-4:  # a sheared grid: no axis by axis
        return _stamped(mask, _ball(grid, reach_mm))
    near: Mask = squared_mm2(mask, grid.spacing_mm) <= reach_mm**2 * (1 + 1e-5)
    return near


def reach_voxels(grid: Grid, reach_mm: float) -> NDArray[np.int64]:
    """(k, j, i) by how many voxels a box must be wider so that all within a reach is in it."""
    return np.ceil(reach_mm * np.linalg.norm(grid.inverse[:3, :3], axis=1) + 1e-6).astype(np.int64)[::-1]


def _ball(grid: Grid, reach_mm: float) -> NDArray[np.int64]:
    """(n, 3) offsets (k, j, i) of at most that length."""
    far = reach_voxels(grid, reach_mm)
    k, j, i = np.meshgrid(*(np.arange(-n, n + 1) for n in far), indexing="ij")
    steps = np.stack([i, j, k], -1).reshape(-1, 3)
    lengths = np.linalg.norm(steps @ grid.affine[:3, :3].T, axis=1)
    return np.ascontiguousarray(steps[lengths <= reach_mm * (1 + 1e-6)][:, ::-1])


@numba.njit(cache=True)
def _stamped(mask, offsets):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = mask.shape
    made = mask.copy()
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                if not mask[k, j, i]:
                    continue
                if 0 < k < nk - 1 and 0 < j < nj - 1 and 0 < i < ni - 1 and (
                    mask[k - 1, j, i] and mask[k + 1, j, i] and mask[k, j - 1, i]
                    and mask[k, j + 1, i] and mask[k, j, i - 1] and mask[k, j, i + 1]
                ):  # fmt: skip
                    continue
                for o in range(len(offsets)):
                    a, b, c = k + offsets[o, 0], j + offsets[o, 1], i + offsets[o, 2]
                    if 0 <= a < nk and 0 <= b < nj and 0 <= c < ni:
                        made[a, b, c] = True
    return made
