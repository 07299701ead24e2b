"""Outlines of pixels and back: polygons along the edges of pixels, and the pixels whose centres lie in polygons or surfaces.

Coordinates are indices: the centre of a pixel is a whole number, its edges are halves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]


def outlines(mask: Mask) -> list[FloatArray]:
    """The closed lines around the pixels of a slice, along their edges.

    Parameters
    ----------
    mask : (nj, ni) array of bool

    Returns
    -------
    list of (n, 2) array
        Corners (i, j), the first not repeated. The inside is on the right hand of the way (j down), so that holes run the
        other way round than what they are in. Pixels that touch at a corner only are apart.
    """
    if not mask.any():
        return []
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = mask
    corners, ends = _trace(padded)
    return [line - 1.5 for line in np.split(corners.astype(np.float64), ends[:-1])]


def smooth_outlines(mask: Mask, softness: float = 0.8) -> list[FloatArray]:
    """Round lines between the same pixels: every centre stays on its side of the line.

    The level one half of the blurred mask, where that leaves the centres alone. ``softness`` is the blur in pixels.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.measure import find_contours

    padded = np.pad(mask, 3)
    soft = gaussian_filter(padded.astype(np.float64), softness)
    soft = np.where(padded, np.maximum(soft, 0.6), np.minimum(soft, 0.4))
    return [line[:-1, ::-1] - 3.0 for line in find_contours(soft, 0.5, fully_connected="low")]


def area(line: FloatArray) -> float:
    """Signed area of a closed line; positive where :func:`outlines` goes around something, negative around a hole."""
    x, y = line[:, 0] - line[0, 0], line[:, 1] - line[0, 1]
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def with_keyholes(lines: Sequence[FloatArray]) -> list[FloatArray]:
    """Holes joined to what they are in by a cut without width, so that each line stands for itself (PS3.3 C.8.8.6.3)."""
    signed = [area(line) for line in lines]
    outer = sorted((n for n, size in enumerate(signed) if size > 0), key=lambda n: signed[n])
    joined = {n: lines[n] for n in outer}
    for n, size in enumerate(signed):
        if size >= 0:
            continue
        point = lines[n][0]
        around = [m for m in outer if -size < signed[m] and _within(point, lines[m])]
        home = around[0] if around else outer[0]  # the smallest that holds it
        way = joined[home]
        gaps = np.linalg.norm(way - point, axis=1)
        at = int(np.argmin(gaps))
        corner = np.array([[point[0], way[at, 1]]])  # the cut too runs along the edges of pixels
        joined[home] = np.concatenate([way[: at + 1], corner, lines[n], lines[n][:1], corner, way[at:]])
    return [joined[n] for n in outer]


def _within(point: FloatArray, line: FloatArray) -> bool:
    """Even-odd; the point is a corner of a hole, moved a little so that it is on no line of the pixel edges."""
    x, y = point + np.array([1e-3, 1.3e-3])
    a, b = line, np.roll(line, -1, axis=0)
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        where = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    return bool(np.count_nonzero(crosses & (where > x)) % 2)


def fill(line: FloatArray, shape: tuple[int, int]) -> tuple[slice, slice, Mask]:
    """The pixels whose centres lie in a closed line (even-odd), as a box (rows, columns) and a mask in it.

    A cut there and back (a keyhole) covers nothing.
    """
    low = np.maximum(np.ceil(line.min(axis=0)), 0).astype(int)
    high = np.minimum(np.floor(line.max(axis=0)) + 1, (shape[1], shape[0])).astype(int)
    if (high <= low).any():
        return slice(0, 0), slice(0, 0), np.zeros((0, 0), bool)
    toggles = np.zeros((high[1] - low[1], high[0] - low[0] + 1), np.int64)
    _toggle(np.ascontiguousarray(line - low), toggles)
    inside = (np.cumsum(toggles, axis=1)[:, :-1] & 1).astype(bool)
    return slice(low[1], high[1]), slice(low[0], high[0]), inside


def fill_surface(points: FloatArray, triangles: NDArray[np.integer], shape: tuple[int, int, int]) -> Mask:
    """The voxels (nk, nj, ni) whose centres lie in a closed surface with points (n, 3) in indices (i, j, k).

    A ray along i is shot through the centres of each row; what lies behind an odd number of walls is inside. A hole in the
    surface leaves streaks: the caller compares the volumes.
    """
    inside = np.zeros(shape, np.bool_)
    # no corner lies exactly on a ray: by less than any surface is exact, and unlike in the two directions
    _rays(np.asarray(points, np.float64) + np.array([0.0, 1.23e-7, 3.71e-7]), np.asarray(triangles, np.int64), inside)
    return np.logical_xor.accumulate(inside, axis=2)


@njit(cache=True)
def _trace(mask):  # type: ignore[no-untyped-def]
    """Walk around all pixels of a padded mask. Directions: 0 right, 1 down, 2 left, 3 up; the inside is on the right."""
    nj, ni = mask.shape
    done = np.zeros((nj, ni), np.bool_)  # upper edges that were walked
    corners = np.empty((4 * np.count_nonzero(mask) + 4, 2), np.int32)
    ends = np.empty(np.count_nonzero(mask) + 1, np.int64)
    count, loops = 0, 0
    step = ((1, 0), (0, 1), (-1, 0), (0, -1))
    # the pixels right and left ahead of a corner (x, y) for each direction
    right = ((0, 0), (-1, 0), (-1, -1), (0, -1))
    left = ((0, -1), (0, 0), (-1, 0), (-1, -1))
    for sj in range(1, nj - 1):
        for si in range(1, ni - 1):
            if not (mask[sj, si] and not mask[sj - 1, si]) or done[sj, si]:
                continue
            x, y, d = si, sj, 0
            while True:
                if d == 0:
                    if done[y, x]:
                        break
                    done[y, x] = True
                x, y = x + step[d][0], y + step[d][1]
                r = mask[y + right[d][1], x + right[d][0]]
                ahead_left = mask[y + left[d][1], x + left[d][0]]
                if not r:
                    turned = (d + 1) % 4
                elif ahead_left:
                    turned = (d + 3) % 4
                else:
                    turned = d
                if turned != d:
                    corners[count, 0], corners[count, 1] = x, y
                    count += 1
                    d = turned
            ends[loops] = count
            loops += 1
    return corners[:count], ends[:loops]


@njit(cache=True)
def _toggle(line, toggles):  # type: ignore[no-untyped-def]
    rows, columns = toggles.shape
    n = len(line)
    for a in range(n):
        b = (a + 1) % n
        x0, y0, x1, y1 = line[a, 0], line[a, 1], line[b, 0], line[b, 1]
        if y0 == y1:
            continue
        if y0 > y1:  # always from above: an edge and its way back cross a row at the same place
            x0, y0, x1, y1 = x1, y1, x0, y0
        for row in range(max(0, int(np.ceil(y0))), min(rows, int(np.ceil(y1)))):
            x = x0 + (row - y0) * (x1 - x0) / (y1 - y0)
            column = int(np.ceil(x))
            toggles[row, min(max(column, 0), columns - 1)] += 1


@njit(cache=True)
def _rays(points, triangles, inside):  # type: ignore[no-untyped-def]
    nk, nj, ni = inside.shape
    for t in range(len(triangles)):
        p, q, r = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        turned = (q[1] - p[1]) * (r[2] - p[2]) - (q[2] - p[2]) * (r[1] - p[1])
        if turned == 0.0:
            continue
        j0, j1 = min(p[1], q[1], r[1]), max(p[1], q[1], r[1])
        k0, k1 = min(p[2], q[2], r[2]), max(p[2], q[2], r[2])
        for k in range(max(0, int(np.ceil(k0))), min(nk, int(np.floor(k1)) + 1)):
            for j in range(max(0, int(np.ceil(j0))), min(nj, int(np.floor(j1)) + 1)):
                u = (_side(q, r, j, k)) / turned
                v = (_side(r, p, j, k)) / turned
                w = (_side(p, q, j, k)) / turned
                if u < 0 or v < 0 or w < 0:
                    continue
                i = int(np.ceil(u * p[0] + v * q[0] + w * r[0]))
                if i < ni:
                    inside[k, j, max(i, 0)] ^= True


@njit(cache=True)
def _side(a, b, j, k):  # type: ignore[no-untyped-def]
    """Twice the area of (a, b, here), the same but for its sign for both triangles at an edge."""
    if a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]):
        return (b[1] - a[1]) * (k - a[2]) - (b[2] - a[2]) * (j - a[1])
    return -((a[1] - b[1]) * (k - b[2]) - (a[2] - b[2]) * (j - b[1]))
