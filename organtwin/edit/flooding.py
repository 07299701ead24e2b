"""What is connected to a point and has values like it."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.edit.canvas import Box, Canvas, Proposal
from organtwin.edit.places import axis_across, box_around, voxels_of
from organtwin.edit.tools.flood import FloodOptions
from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment import regions, shaping


def flood(canvas: Canvas, options: FloodOptions, monitor: Monitor) -> Proposal:
    """See :class:`~organtwin.edit.tools.flood.FloodOptions`.

    Raises
    ------
    BadInput
        When a point lies outside the scan, or the scan has no value there.
    """
    grid = canvas.grid
    seeds = voxels_of(grid, options.points_mm)
    box = canvas.whole if options.reach_mm is None else box_around(seeds, options.reach_mm, grid)
    if options.normal is not None:
        axis = axis_across(grid, options.normal)
        here = int(seeds[0, axis])
        box = _sliced(box, axis, here)
        seeds = seeds[seeds[:, axis] == here]
    monitor.progress(0.05, "looking at the values")
    spacing = canvas.spacing_mm
    values = canvas.scan()[box]
    seeds = seeds - [s.start for s in box]
    if options.smooth_mm > 0:
        values = ndimage.gaussian_filter(values.astype(np.float32), options.smooth_mm / spacing[::-1], truncate=3)
    low, high = options.values or _like(values, seeds, options.tolerance)
    monitor.progress(0.2, "flooding")
    mask = np.zeros(values.shape, bool)
    reach = np.inf if options.reach_mm is None else options.reach_mm
    _flood(values, seeds, float(low), float(high), reach, spacing[::-1].copy(), mask)
    if options.neck_mm > 0 and mask.any():
        monitor.progress(0.6, "cutting necks")
        inside = np.zeros_like(mask)
        inside[tuple(seeds.T)] = True
        mask = shaping.without_leaks(mask, inside & mask, spacing, options.neck_mm)
    if not mask.any():
        return Proposal(said="Nothing there is within that range of values.")
    tight = regions.bounding_box(mask, mask.shape, 0)
    assert tight is not None
    where = tuple(slice(b.start + t.start, b.start + t.stop) for b, t in zip(box, tight, strict=True))
    place: Box = (where[0], where[1], where[2])
    return canvas.take(place, mask[tight]) if options.erase else canvas.put(place, mask[tight])


def _sliced(box: Box, axis: int, place: int) -> Box:
    a, b, c = (slice(place, place + 1) if n == axis else s for n, s in enumerate(box))
    return a, b, c


def _like(values: NDArray[Any], seeds: NDArray[np.int64], tolerance: float) -> tuple[float, float]:
    """Range around the values at the seeds, each the median of its neighbours (one noisy voxel is no guide)."""
    centres = []
    for k, j, i in seeds:
        near = values[max(0, k - 1) : k + 2, max(0, j - 1) : j + 2, max(0, i - 1) : i + 2]
        if np.isfinite(values[k, j, i]):
            centres.append(float(np.nanmedian(near)))
    if not centres:
        raise BadInput("The scan has no value at that point", remedy="Choose a point inside the image.")
    return min(centres) - tolerance, max(centres) + tolerance


@numba.njit(cache=True)
def _flood(values, seeds, low, high, reach, spacing, mask):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mark the six-connected voxels from the seeds whose values lie in the range, within ``reach`` of a seed."""
    nk, nj, ni = values.shape
    stack = np.empty((1024, 3), np.int32)
    top = 0
    for s in range(len(seeds)):
        k, j, i = seeds[s]
        for dk in range(-1, 2):  # a noisy voxel under the pointer: begin beside it
            for dj in range(-1, 2):
                for di in range(-1, 2):
                    a, b, c = k + dk, j + dj, i + di
                    if not (0 <= a < nk and 0 <= b < nj and 0 <= c < ni) or mask[a, b, c]:
                        continue
                    if low <= values[a, b, c] <= high:
                        mask[a, b, c] = True
                        if top == len(stack):
                            stack = np.concatenate((stack, np.empty_like(stack)))
                        stack[top, 0], stack[top, 1], stack[top, 2] = a, b, c
                        top += 1
    while top > 0:
        top -= 1
        k, j, i = stack[top]
        for axis in range(3):
            for sense in (-1, 1):
                a = k + (sense if axis == 0 else 0)
                b = j + (sense if axis == 1 else 0)
                c = i + (sense if axis == 2 else 0)
                if not (0 <= a < nk and 0 <= b < nj and 0 <= c < ni) or mask[a, b, c]:
                    continue
                value = values[a, b, c]
                if not low <= value <= high:  # also where it is not a number
                    continue
                if reach < np.inf:
                    near = False
                    for s in range(len(seeds)):
                        x = (a - seeds[s, 0]) * spacing[0]
                        y = (b - seeds[s, 1]) * spacing[1]
                        z = (c - seeds[s, 2]) * spacing[2]
                        if x * x + y * y + z * z <= reach * reach:
                            near = True
                            break
                    if not near:
                        continue
                mask[a, b, c] = True
                if top == len(stack):
                    stack = np.concatenate((stack, np.empty_like(stack)))
                stack[top, 0], stack[top, 1], stack[top, 2] = a, b, c
                top += 1
