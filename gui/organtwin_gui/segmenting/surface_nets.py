"""A rough surface of a mask, quickly and with the interpreter's lock let go: naive surface nets.

Gibson 1998, "Constrained elastic surface nets": one vertex in every cell of eight voxels that holds both inside and outside,
moved towards its neighbours but never out of its cell.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

SMOOTHINGS = 6


def surface_nets(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Points (n, 3) in indices i, j, k of a mask (nk, nj, ni); triangles (m, 3), outward; normals (n, 3)."""
    padded = np.pad(mask, 1)
    points, triangles = _nets(padded, SMOOTHINGS)
    normals = _normals(points, triangles)
    return points - 1.0, triangles, normals


@numba.njit(cache=True, nogil=True)
def boxes_of(labels: Any, size: int) -> Any:  # pragma: no cover
    """(size, 6) lowest and one past the highest k, j, i of every label; lowest > highest where there is none of it."""
    found = np.zeros((size, 6), np.int64)
    found[:, :3] = 1 << 30
    nk, nj, ni = labels.shape
    for k in range(nk):
        for j in range(nj):
            before = 0
            for i in range(ni):
                label = labels[k, j, i]
                if label == 0 or label >= size:
                    before = 0
                    continue
                row = found[label]
                if label != before:
                    row[0], row[3] = min(row[0], k), max(row[3], k + 1)
                    row[1], row[4] = min(row[1], j), max(row[4], j + 1)
                    row[2] = min(row[2], i)
                    before = label
                row[5] = max(row[5], i + 1)
    return found


@numba.njit(cache=True, nogil=True)
def _nets(mask, smoothings):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = mask.shape
    number = np.full((nk - 1, nj - 1, ni - 1), -1, np.int32)
    count = 0
    for k in range(nk - 1):
        for j in range(nj - 1):
            for i in range(ni - 1):
                first = mask[k, j, i]
                if (
                    mask[k, j, i + 1] != first
                    or mask[k, j + 1, i] != first
                    or mask[k, j + 1, i + 1] != first
                    or mask[k + 1, j, i] != first
                    or mask[k + 1, j, i + 1] != first
                    or mask[k + 1, j + 1, i] != first
                    or mask[k + 1, j + 1, i + 1] != first
                ):
                    number[k, j, i] = count
                    count += 1
    cell = np.empty((count, 3), np.int32)
    for k in range(nk - 1):
        for j in range(nj - 1):
            for i in range(ni - 1):
                n = number[k, j, i]
                if n >= 0:
                    cell[n, 0], cell[n, 1], cell[n, 2] = i, j, k
    points = np.empty((count, 3), np.float32)
    for n in range(count):
        for a in range(3):
            points[n, a] = cell[n, a] + 0.5
    moved = points.copy()
    for _ in range(smoothings):
        for n in range(count):
            i, j, k = cell[n]
            x = y = z = 0.0
            near = 0
            for step in range(6):
                ii, jj, kk = i, j, k
                if step == 0:
                    ii += 1
                elif step == 1:
                    ii -= 1
                elif step == 2:
                    jj += 1
                elif step == 3:
                    jj -= 1
                elif step == 4:
                    kk += 1
                else:
                    kk -= 1
                if 0 <= ii < ni - 1 and 0 <= jj < nj - 1 and 0 <= kk < nk - 1:
                    m = number[kk, jj, ii]
                    if m >= 0:
                        x += points[m, 0]
                        y += points[m, 1]
                        z += points[m, 2]
                        near += 1
            if near > 0:
                moved[n, 0] = min(max(x / near, i), i + 1)
                moved[n, 1] = min(max(y / near, j), j + 1)
                moved[n, 2] = min(max(z / near, k), k + 1)
        points, moved = moved, points
    faces = 0
    for k in range(1, nk - 1):
        for j in range(1, nj - 1):
            for i in range(1, ni - 1):
                if mask[k, j, i]:
                    faces += (not mask[k, j, i + 1]) + (not mask[k, j, i - 1])
                    faces += (not mask[k, j + 1, i]) + (not mask[k, j - 1, i])
                    faces += (not mask[k + 1, j, i]) + (not mask[k - 1, j, i])
    triangles = np.empty((2 * faces, 3), np.int32)
    at = 0
    for k in range(1, nk - 1):
        for j in range(1, nj - 1):
            for i in range(1, ni - 1):
                if not mask[k, j, i]:
                    continue
                for side in range(6):
                    di = (side == 0) - (side == 1)
                    dj = (side == 2) - (side == 3)
                    dk = (side == 4) - (side == 5)
                    if mask[k + dk, j + dj, i + di]:
                        continue
                    # the four cells round the edge between the two voxels
                    i1, j1, k1 = i - (di < 1), j - (dj < 1), k - (dk < 1)
                    if di != 0:
                        a, b, c, d = (
                            number[k - 1, j - 1, i1],
                            number[k - 1, j, i1],
                            number[k, j, i1],
                            number[k, j - 1, i1],
                        )
                        flip = di < 0
                    elif dj != 0:
                        a, b, c, d = (
                            number[k - 1, j1, i - 1],
                            number[k, j1, i - 1],
                            number[k, j1, i],
                            number[k - 1, j1, i],
                        )
                        flip = dj < 0
                    else:
                        a, b, c, d = (
                            number[k1, j - 1, i - 1],
                            number[k1, j - 1, i],
                            number[k1, j, i],
                            number[k1, j, i - 1],
                        )
                        flip = dk < 0
                    if flip:
                        b, d = d, b
                    triangles[at, 0], triangles[at, 1], triangles[at, 2] = a, b, c
                    triangles[at + 1, 0], triangles[at + 1, 1], triangles[at + 1, 2] = a, c, d
                    at += 2
    return points, triangles


@numba.njit(cache=True, nogil=True)
def _normals(points, triangles):  # type: ignore[no-untyped-def]  # pragma: no cover
    normals = np.zeros(points.shape, np.float32)
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for n in (a, b, c):
            normals[n, 0] += x
            normals[n, 1] += y
            normals[n, 2] += z
    for n in range(len(points)):
        length = np.sqrt(normals[n, 0] ** 2 + normals[n, 1] ** 2 + normals[n, 2] ** 2)
        if length > 0:
            normals[n] /= length
    return normals
