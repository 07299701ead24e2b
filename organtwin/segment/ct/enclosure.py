"""How far an organ surrounds what it does not yet hold: tumours and vessels in it, and the pockets beside it."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

DIRECTIONS = np.array(
    [(k, j, i) for k in (-1, 0, 1) for j in (-1, 0, 1) for i in (-1, 0, 1) if (k, j, i) != (0, 0, 0)], np.int64
)


def enclosure(worth: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Mean over 26 directions of the worth of the first thing met within ``reach`` voxels.

    Parameters
    ----------
    worth : (nk, nj, ni) float32 array
        Above 0 where a ray ends and counts as much; 0 where it goes on; below 0 where it ends and counts nothing.
    reach : int
        Longest ray, in voxels along the axis of its largest step.

    Returns
    -------
    (nk, nj, ni) float32 array
        1 where every ray meets something worth 1, 0 in the open. A ray that leaves the scan does not count.
    """
    total = np.zeros(worth.shape, np.float32)
    rays = np.zeros(worth.shape, np.float32)
    for k, j, i in DIRECTIONS:
        _cast(np.ascontiguousarray(worth), int(k), int(j), int(i), reach, total, rays)
    return np.asarray(total / np.maximum(rays, 1))


@numba.njit(cache=True)
def _cast(worth, dk, dj, di, reach, total, rays):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add what each voxel sees in one direction, carrying the sight from its neighbour there.

    ``seen`` is the worth of the first thing in that direction, ``far`` the steps to it; far < 0 is beyond the scan.
    """
    nk, nj, ni = worth.shape
    seen = np.zeros(worth.shape, np.float32)
    far = np.full(worth.shape, -1, np.int16)
    for a in range(nk):
        k = nk - 1 - a if dk > 0 else a
        for b in range(nj):
            j = nj - 1 - b if dj > 0 else b
            for c in range(ni):
                i = ni - 1 - c if di > 0 else c
                pk, pj, pi = k + dk, j + dj, i + di
                if pk < 0 or pk >= nk or pj < 0 or pj >= nj or pi < 0 or pi >= ni:
                    continue
                met = worth[pk, pj, pi]
                if met != 0:
                    seen[k, j, i] = max(met, np.float32(0))
                    far[k, j, i] = 1
                elif far[pk, pj, pi] >= 0:
                    far[k, j, i] = min(far[pk, pj, pi] + 1, 30000)
                    seen[k, j, i] = seen[pk, pj, pi]
                else:
                    continue
                rays[k, j, i] += 1
                if far[k, j, i] <= reach:
                    total[k, j, i] += seen[k, j, i]
