"""What a closed line on a screen or in a plane holds: exact, and a row of voxels at a time.

A projection maps each row of voxels onto a line of the screen, so a row is inside between the places where that line crosses
the closed one (even-odd rule). No voxel is projected by itself, and the work is rows times corners.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.edit.boxes import shape_of, start_of
from organtwin.edit.canvas import Box, Mask
from organtwin.space import Grid

EVERYWHERE = (-1e30, 1e30)


def prism(
    grid: Grid,
    box: Box,
    corners: NDArray[np.float64],
    to_clip: NDArray[np.float64],
    depth: tuple[float, float] = EVERYWHERE,
) -> Mask:
    """Voxels of a box whose centre is seen within a closed line.

    Parameters
    ----------
    corners : (n, 2) array
        The closed line on the screen; the last corner joins the first.
    to_clip : (4, 4) array
        LPS mm to homogeneous clip coordinates (x, y, depth, w). What has w <= 0 lies behind the eye and is not seen.
    depth : (float, float)
        Range of depth / w, the end left out.
    """
    mask = np.zeros(shape_of(box), bool)
    to_clip = np.asarray(to_clip, np.float64) @ grid.affine
    first = to_clip @ np.append(start_of(box), 1.0)
    steps = np.ascontiguousarray(to_clip[:, :3].T)  # along i, j, k
    ends = np.column_stack([corners, np.ones(len(corners))])
    edges = np.cross(ends, np.roll(ends, -1, axis=0))
    _fill(mask, first, steps, np.ascontiguousarray(corners, np.float64), edges, float(depth[0]), float(depth[1]))
    return mask


def onto_plane(point_mm: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) from LPS mm to coordinates in a plane (x, y) and the distance from it, as :func:`prism` takes it."""
    n = normal / np.linalg.norm(normal)
    x = np.cross(n, np.eye(3)[np.argmin(np.abs(n))])
    x /= np.linalg.norm(x)
    made = np.eye(4)
    made[:3, :3] = x, np.cross(n, x), n
    made[:3, 3] = -made[:3, :3] @ point_mm
    return made


def layer_mm(grid: Grid, normal: NDArray[np.float64]) -> tuple[float, float]:
    """Distances from a plane between which exactly one voxel lies along the axis that runs nearest to its normal."""
    across = normal / np.linalg.norm(normal)
    half = 0.5 * float(np.abs(grid.affine[:3, :3].T @ across).max())
    shift = 1e-6 * half  # a plane midway between two layers takes the same one everywhere
    return -half - shift, half - shift


@numba.njit(cache=True)
def _clip(first, last, a, b):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The part of first..last where a + i b >= 0."""
    if b > 0:
        return max(first, -a / b), last
    if b < 0:
        return first, min(last, -a / b)
    return (first, last) if a >= 0 else (1.0, 0.0)


@numba.njit(cache=True)
def _holds(corners, x, y):  # type: ignore[no-untyped-def]  # pragma: no cover
    inside = False
    n = len(corners)
    for a in range(n):
        b = a + 1 if a + 1 < n else 0
        if (corners[a, 1] > y) != (corners[b, 1] > y):
            at = corners[a, 0] + (y - corners[a, 1]) * (corners[b, 0] - corners[a, 0]) / (corners[b, 1] - corners[a, 1])
            if x < at:
                inside = not inside
    return inside


@numba.njit(cache=True)
def _fill(mask, begin, steps, corners, edges, near, far):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = mask.shape
    n = len(corners)
    cross = np.empty(n + 1)
    bx, by, bz, bw = steps[0]
    for k in range(nk):
        for j in range(nj):
            ax = begin[0] + j * steps[1, 0] + k * steps[2, 0]
            ay = begin[1] + j * steps[1, 1] + k * steps[2, 1]
            az = begin[2] + j * steps[1, 2] + k * steps[2, 2]
            aw = begin[3] + j * steps[1, 3] + k * steps[2, 3]
            first, last = _clip(0.0, float(ni), aw, bw)
            if near > -1e29:
                first, last = _clip(first, last, az - near * aw, bz - near * bw)
            if far < 1e29:
                first, last = _clip(first, last, far * aw - az, far * bw - bz)
            if first >= last:
                continue
            # the row as a line of the screen: lx x + ly y + lw = 0
            lx, ly, lw = ay * bw - aw * by, aw * bx - ax * bw, ax * by - ay * bx
            size = (ax * ax + ay * ay + aw * aw) * (bx * bx + by * by + bw * bw)
            flat = bx * bx + by * by + bw * bw <= 1e-24 * (ax * ax + ay * ay + aw * aw)
            if flat or lx * lx + ly * ly + lw * lw <= 1e-24 * size:  # it is seen end on
                at = first if aw + first * bw > 0 else 0.5 * (first + last)
                w = aw + at * bw
                if w > 0 and _holds(corners, (ax + at * bx) / w, (ay + at * by) / w):
                    mask[k, j, int(np.ceil(first)) : min(int(np.ceil(last)), ni)] = True
                continue
            count = 0
            before = lx * corners[n - 1, 0] + ly * corners[n - 1, 1] + lw >= 0
            for c in range(n):
                now = lx * corners[c, 0] + ly * corners[c, 1] + lw >= 0
                if now != before:
                    e = c - 1 if c > 0 else n - 1
                    over = edges[e, 0] * bx + edges[e, 1] * by + edges[e, 2] * bw
                    if over != 0:
                        t = -(edges[e, 0] * ax + edges[e, 1] * ay + edges[e, 2] * aw) / over
                        if aw + t * bw > 0 or bw == 0:  # not what the line meets behind the eye
                            at = count
                            while at > 0 and cross[at - 1] > t:
                                cross[at] = cross[at - 1]
                                at -= 1
                            cross[at] = t
                            count += 1
                before = now
            inside = bw < 0 and count % 2 == 1  # the end at the eye's plane is outside
            lo = first
            for c in range(count + 1):
                hi = min(cross[c], last) if c < count else last
                if inside and hi > lo:
                    mask[k, j, int(np.ceil(lo)) : min(int(np.ceil(hi)), ni)] = True
                inside = not inside
                lo = max(lo, hi)
