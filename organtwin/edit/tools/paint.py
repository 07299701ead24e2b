"""Paint and erase with a ball or a disc, plain or by the values of the scan."""

from __future__ import annotations

from typing import Annotated

import numba
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from organtwin.edit.boxes import shape_of, start_of
from organtwin.edit.canvas import Box, Canvas, Mask, Proposal
from organtwin.edit.fields import Point, Range
from organtwin.edit.places import around, voxel_at
from organtwin.edit.prism import layer_mm
from organtwin.edit.runs import parts
from organtwin.edit.tool import Tool
from organtwin.model import Frozen
from organtwin.monitor import Monitor
from organtwin.space import Grid


class PaintOptions(Frozen):
    """``points_mm``: the way of the brush, LPS mm. ``normal``: of the slice that a disc lies in; None paints with a ball.
    ``erase``: take away. By intensity: ``values`` takes only voxels in this range of the scan; ``like`` only those that differ
    by at most so much from what lies around the first point and hang together with it."""

    points_mm: Annotated[tuple[Point, ...], Field(min_length=1)]
    radius_mm: Annotated[float, Field(gt=0, le=500)] = 5.0
    normal: Point | None = None
    values: Range | None = None
    like: Annotated[float, Field(ge=0)] | None = None
    erase: bool = False


TOOL = Tool(
    name="paint",
    title="Paint",
    about="Draw with a ball or a disc, or erase with it; by intensity it takes only voxels that look alike.",
    options=PaintOptions,
    function="organtwin.edit.tools.paint:paint",
    quick=True,
)


def paint(canvas: Canvas, options: PaintOptions, monitor: Monitor) -> Proposal:
    """Every voxel whose centre lies within the brush somewhere along its way. A brush smaller than a voxel takes the nearest one."""
    points = np.asarray(options.points_mm, float)
    normal = None if options.normal is None else np.asarray(options.normal, float)
    box, mask = swept(canvas.grid, points, options.radius_mm, normal)
    if options.values is not None:
        values = canvas.scan()[box]
        mask &= (values >= options.values[0]) & (values <= options.values[1])
    if options.like is not None:
        mask = _alike(canvas, box, mask, points[0], options.like)
    return canvas.take(box, mask) if options.erase else canvas.put(box, mask)


def _alike(canvas: Canvas, box: Box, mask: Mask, first_mm: NDArray[np.float64], differing: float) -> Mask:
    """What of the mask looks like the middle of the 3 x 3 x 3 voxels around a point, and hangs together with it."""
    at = voxel_at(canvas.grid, first_mm)
    if at is None:
        return np.zeros_like(mask)
    near = tuple(slice(max(n - 1, 0), n + 2) for n in at)
    level = float(np.median(canvas.scan()[near]))
    mask = mask & (np.abs(canvas.scan()[box].astype(np.float32) - level) <= differing)
    k, j, i = (n - s.start for n, s in zip(at, box, strict=True))
    found = parts(mask, corners=True)
    here = found.at((k, j, i)) if len(found) else None
    return found.mask(np.arange(len(found)) == (-1 if here is None else here))


def swept(
    grid: Grid, points_mm: NDArray[np.float64], radius_mm: float, normal: NDArray[np.float64] | None = None
) -> tuple[Box, Mask]:
    """Box and mask of what a ball (or a disc one voxel thick, across ``normal``) covers along a polyline."""
    ways = points_mm if len(points_mm) > 1 else np.repeat(points_mm, 2, axis=0)
    box = around(grid, ways, radius_mm)
    mask = np.zeros(shape_of(box), bool)
    if 0 in mask.shape:
        return box, mask
    across, layer = np.zeros(3), (0.0, 0.0)
    if normal is not None and np.any(normal):
        across = normal / np.linalg.norm(normal)
        layer = layer_mm(grid, across)
    first = grid.to_world(start_of(box))
    _sweep(mask, first, np.ascontiguousarray(grid.affine[:3, :3].T), ways, radius_mm, across, layer)
    if radius_mm < 0.5 * np.linalg.norm(grid.spacing_mm):
        near = np.rint(grid.to_index(_dense(ways, 0.5 * float(grid.spacing_mm.min()))) - start_of(box)).astype(int)[
            :, ::-1
        ]
        inside = np.all((near >= 0) & (near < mask.shape), axis=1)
        mask[tuple(near[inside].T)] = True
    return box, mask


def _dense(ways: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Points on a polyline at most ``step`` apart."""
    counts = np.maximum(np.ceil(np.linalg.norm(np.diff(ways, axis=0), axis=1) / step).astype(int), 1)
    pieces = [a + np.linspace(0, 1, n + 1)[:, None] * (b - a) for a, b, n in zip(ways, ways[1:], counts, strict=False)]
    return np.concatenate(pieces)


@numba.njit(cache=True)
def _chord(p, u, r2):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Where |p + i u|^2 <= r2; first > last where nowhere."""
    uu, pu, pp = (
        u[0] * u[0] + u[1] * u[1] + u[2] * u[2],
        p[0] * u[0] + p[1] * u[1] + p[2] * u[2],
        p[0] * p[0] + p[1] * p[1] + p[2] * p[2],
    )
    if uu <= 1e-18:
        return (-1e18, 1e18) if pp <= r2 else (1.0, 0.0)
    root = pu * pu - uu * (pp - r2)
    if root < 0:
        return 1.0, 0.0
    root = np.sqrt(root)
    return (-pu - root) / uu, (-pu + root) / uu


@numba.njit(cache=True)
def _between(first, last, a, b, low, high):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The part of first..last where low <= a + i b < high."""
    if abs(b) <= 1e-12:
        return (first, last) if low <= a < high else (1.0, 0.0)
    s, t = (low - a) / b, (high - a) / b
    return max(first, min(s, t)), min(last, max(s, t))


@numba.njit(cache=True)
def _sweep(mask, origin, steps, ways, radius, across, layer):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mark what a ball along a polyline covers, a row at a time: a ball, a rod and a slab each meet a row in one stretch."""
    nk, nj, ni = mask.shape
    u = steps[0]
    flat = across[0] != 0 or across[1] != 0 or across[2] != 0
    un = u[0] * across[0] + u[1] * across[1] + u[2] * across[2]
    inverse = np.linalg.inv(steps)  # mm to (i, j, k), from the left
    r2 = radius * radius * (1 + 1e-9)
    reach = np.empty(3)
    for c in range(3):
        reach[c] = radius * np.sqrt(inverse[0, c] ** 2 + inverse[1, c] ** 2 + inverse[2, c] ** 2) + 1
    p, v, pp, vv, q = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for s in range(len(ways) - 1):
        a, d = ways[s], ways[s + 1] - ways[s]
        if s > 0 and d[0] == 0 and d[1] == 0 and d[2] == 0:
            continue
        low, high = np.empty(3, np.int64), np.empty(3, np.int64)
        for c in range(3):
            at = (
                (a[0] - origin[0]) * inverse[0, c]
                + (a[1] - origin[1]) * inverse[1, c]
                + (a[2] - origin[2]) * inverse[2, c]
            )
            to = at + d[0] * inverse[0, c] + d[1] * inverse[1, c] + d[2] * inverse[2, c]
            low[c] = max(0, int(np.floor(min(at, to) - reach[c])))
            high[c] = min((ni, nj, nk)[c], int(np.ceil(max(at, to) + reach[c])) + 1)
        dd = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        for k in range(low[2], high[2]):
            for j in range(low[1], high[1]):
                for c in range(3):
                    p[c] = origin[c] + j * steps[1, c] + k * steps[2, c] - a[c]
                    v[c] = u[c]
                pn = p[0] * across[0] + p[1] * across[1] + p[2] * across[2]
                first, last = 0.0, float(ni - 1)
                if flat:
                    first, last = _between(first, last, pn, un, layer[0], layer[1])
                    if first > last:
                        continue
                    for c in range(3):  # how far within the plane
                        p[c] -= pn * across[c]
                        v[c] -= un * across[c]
                lo, hi = _chord(p, v, r2)
                if dd > 0:
                    for c in range(3):
                        q[c] = p[c] - d[c]
                    lo2, hi2 = _chord(q, v, r2)
                    if lo2 <= hi2:
                        lo, hi = (min(lo, lo2), max(hi, hi2)) if lo <= hi else (lo2, hi2)
                    pd = p[0] * d[0] + p[1] * d[1] + p[2] * d[2]
                    vd = v[0] * d[0] + v[1] * d[1] + v[2] * d[2]
                    for c in range(3):
                        pp[c] = p[c] - pd / dd * d[c]
                        vv[c] = v[c] - vd / dd * d[c]
                    lo3, hi3 = _chord(pp, vv, r2)
                    lo3, hi3 = _between(lo3, hi3, pd, vd, 0.0, dd)
                    if lo3 <= hi3:
                        lo, hi = (min(lo, lo3), max(hi, hi3)) if lo <= hi else (lo3, hi3)
                lo, hi = max(lo, first), min(hi, last)
                if lo <= hi:
                    mask[k, j, int(np.ceil(lo - 1e-9)) : int(np.floor(hi + 1e-9)) + 1] = True
