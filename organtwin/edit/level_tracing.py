"""The line of equal value through a point of a slice, by marching squares from the cell that holds the point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.edit.canvas import Box, Canvas, Mask, Proposal
from organtwin.edit.places import axis_across, voxels_of
from organtwin.edit.tools.level_trace import LevelTraceOptions
from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.space import Grid

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Trace:
    """``points_mm`` (n, 3) of the closed line, LPS; ``box`` and ``mask`` of what it encloses, one slice thick; ``level`` its
    value."""

    points_mm: NDArray[np.float64]
    box: Box
    mask: Mask
    level: float


def level_trace(canvas: Canvas, options: LevelTraceOptions, monitor: Monitor) -> Proposal:
    """See :class:`~organtwin.edit.tools.level_trace.LevelTraceOptions`."""
    found = trace(canvas.grid, canvas.scan(), options.point_mm, options.normal, options.smooth_mm)
    if not found.mask.any():
        return Proposal(said="The line through that point encloses nothing.")
    return canvas.take(found.box, found.mask) if options.erase else canvas.put(found.box, found.mask)


def trace(grid: Grid, values: NDArray[Any], point_mm: Point, normal: Point, smooth_mm: float = 1.0) -> Trace:
    """The line through a point, to be drawn while the pointer moves (a few milliseconds on 512 x 512).

    Parameters
    ----------
    values : (nk, nj, ni) array
    normal : tuple
        The slice of the grid that lies most nearly across it is looked at.
    smooth_mm : float
        Standard deviation of the blur before.

    Raises
    ------
    BadInput
        When the point lies outside the scan, or the scan has no value there.
    """
    axis = axis_across(grid, normal)
    voxel = voxels_of(grid, [point_mm])[0]
    across = [a for a in range(3) if a != axis]
    image = np.ascontiguousarray(np.take(values, int(voxel[axis]), axis=axis), dtype=np.float32)
    if smooth_mm > 0:
        from scipy import ndimage

        image = ndimage.gaussian_filter(image, smooth_mm / grid.spacing_mm[::-1][across], truncate=3)
    place = grid.to_index(point_mm)[::-1][across] + 1.0  # of the padded slice
    if not np.isfinite(image[tuple(voxel[across])]):
        raise BadInput("The scan has no value at that point", remedy="Choose a point inside the image.")
    finite = np.nan_to_num(image, nan=float(np.nanmin(image)), posinf=3e38, neginf=-3e38)
    padded = np.pad(finite, 1, constant_values=np.float32(float(finite.min()) - 1.0))  # lines close at the rim
    line, level = _line(padded, float(place[0]), float(place[1]))
    line = line - 1.0
    low = np.clip(np.floor(line.min(0)).astype(int), 0, np.array(image.shape) - 1)
    high = np.clip(np.ceil(line.max(0)).astype(int) + 1, 1, image.shape)
    mask = _enclosed(line - low, int(high[0] - low[0]), int(high[1] - low[1]))
    sides = [slice(int(voxel[axis]), int(voxel[axis]) + 1)] * 3
    for a, start, stop in zip(across, low, high, strict=True):
        sides[a] = slice(int(start), int(stop))
    index = np.full((len(line), 3), float(voxel[axis]))
    index[:, across] = line
    return Trace(grid.to_world(index[:, ::-1]), (sides[0], sides[1], sides[2]), np.expand_dims(mask, axis), level)


@numba.njit(cache=True)
def _line(image, y, x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The closed line of the value at (y, x), bilinear, that passes through there; ((n, 2) points, level).

    Each step leaves a cell through the edge where one end lies above the level and the other does not; the side above stays
    on the left, which decides saddles and closes every line.
    """
    rows, columns = image.shape
    r, c = min(max(int(y), 0), rows - 2), min(max(int(x), 0), columns - 2)
    v, u = y - r, x - c
    level = (1 - v) * ((1 - u) * image[r, c] + u * image[r, c + 1]) + v * (
        (1 - u) * image[r + 1, c] + u * image[r + 1, c + 1]
    )
    points = np.empty((rows * columns, 2))
    # corners of a cell in turn: 0 (r, c), 1 (r, c+1), 2 (r+1, c+1), 3 (r+1, c); edge e runs from corner e to e + 1
    corner_r, corner_c = (0, 0, 1, 1), (0, 1, 1, 0)
    step_r, step_c = (-1, 0, 1, 0), (0, 1, 0, -1)
    edge = -1
    for dr, dc in (
        (0, 0),
        (-1, 0),
        (0, -1),
        (-1, -1),
        (1, 0),
        (0, 1),
        (1, 1),
        (-1, 1),
        (1, -1),
    ):  # a point on a corner has more
        a, b = r + dr, c + dc
        if edge >= 0 or not (0 <= a <= rows - 2 and 0 <= b <= columns - 2):
            continue
        for e in range(4):  # enter through an edge from below to above
            low = image[a + corner_r[e], b + corner_c[e]]
            high = image[a + corner_r[(e + 1) % 4], b + corner_c[(e + 1) % 4]]
            if low <= level < high:
                edge = e
        if edge >= 0:
            r, c = a, b
    if edge < 0:  # all around has one value
        return np.array([[y, x]]), level
    start_r, start_c, start_edge = r, c, edge
    count = 0
    while count < len(points):
        a0, b0 = r + corner_r[edge], c + corner_c[edge]
        a1, b1 = r + corner_r[(edge + 1) % 4], c + corner_c[(edge + 1) % 4]
        part = (level - image[a0, b0]) / (image[a1, b1] - image[a0, b0])
        points[count, 0] = a0 + part * (a1 - a0)
        points[count, 1] = b0 + part * (b1 - b0)
        count += 1
        # the next edge in turn that goes from above to below is the way out
        out = edge
        for n in range(1, 4):
            e = (edge + n) % 4
            a = image[r + corner_r[e], c + corner_c[e]]
            b = image[r + corner_r[(e + 1) % 4], c + corner_c[(e + 1) % 4]]
            if a > level >= b:
                out = e
                break
        r, c = r + step_r[out], c + step_c[out]
        edge = (out + 2) % 4
        if r < 0 or c < 0 or r > rows - 2 or c > columns - 2:
            break
        if r == start_r and c == start_c and edge == start_edge:
            break
    return points[:count].copy(), level


@numba.njit(cache=True)
def _enclosed(line, rows, columns):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Which pixel centres a closed line encloses (even-odd)."""
    mask = np.zeros((rows, columns), np.bool_)
    n = len(line)
    for a in range(n):
        y0, x0 = line[a]
        y1, x1 = line[(a + 1) % n]
        if y0 == y1:
            continue
        if y0 > y1:
            y0, y1, x0, x1 = y1, y0, x1, x0
        for r in range(max(0, int(np.ceil(y0))), rows):
            if r >= y1:
                break
            x = x0 + (r - y0) / (y1 - y0) * (x1 - x0)
            for c in range(max(0, int(np.ceil(x))), columns):  # all to the right change sides
                mask[r, c] = not mask[r, c]
    return mask
