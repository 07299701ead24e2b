"""Paint and erase with a ball or a disc, plain or by the values of the scan."""

from __future__ import annotations

from typing import Annotated

import numba
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from organtwin.edit.canvas import Box, Canvas, Mask, Proposal
from organtwin.edit.tool import Tool
from organtwin.model import Frozen
from organtwin.monitor import Monitor
from organtwin.space import Grid

Point = tuple[float, float, float]


class PaintOptions(Frozen):
    """``points_mm``: the way of the brush, LPS mm. ``normal``: of the slice that a disc lies in; None paints with a ball.
    ``erase``: take away. ``values``: only voxels in this range of the scan (brush by intensity)."""

    points_mm: Annotated[tuple[Point, ...], Field(min_length=1)]
    radius_mm: Annotated[float, Field(gt=0, le=200)] = 5.0
    normal: Point | None = None
    values: tuple[float, float] | None = None
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
        mask = mask & (values >= options.values[0]) & (values <= options.values[1])
    return canvas.take(box, mask) if options.erase else canvas.put(box, mask)


def swept(
    grid: Grid, points_mm: NDArray[np.float64], radius_mm: float, normal: NDArray[np.float64] | None
) -> tuple[Box, Mask]:
    """Box and mask of what a ball (or a disc one voxel thick, across ``normal``) covers along a polyline."""
    ways = points_mm if len(points_mm) > 1 else np.repeat(points_mm, 2, axis=0)
    reach = radius_mm * np.linalg.norm(grid.inverse[:3, :3], axis=1) + 1  # voxels along i, j, k
    index = grid.to_index(ways)
    low = np.maximum(np.floor(index.min(0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(index.max(0) + reach) + 1, grid.size).astype(int)
    high = np.maximum(high, low)
    box = slice(int(low[2]), int(high[2])), slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    mask = np.zeros(tuple(s.stop - s.start for s in box), bool)
    thick = 0.0
    across = np.zeros(3)
    if normal is not None:
        across = normal / np.linalg.norm(normal)
        thick = 0.5 * float(np.abs(grid.affine[:3, :3].T @ across).max())
    _sweep(mask, low.astype(np.float64), grid.affine, ways, radius_mm, across, thick)
    near = np.rint(index).astype(int)[:, ::-1] - low[::-1]
    inside = np.all((near >= 0) & (near < mask.shape), axis=1)
    mask[tuple(near[inside].T)] = True
    return box, mask


@numba.njit(cache=True)
def _sweep(mask, low, affine, ways, radius, across, thick):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mark voxels within ``radius`` of the polyline (and within ``thick`` of its plane, where that is not 0)."""
    nk, nj, ni = mask.shape
    for s in range(len(ways) - 1):
        a, b = ways[s], ways[s + 1]
        d = b - a
        dd = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        for k in range(nk):
            for j in range(nj):
                for i in range(ni):
                    if mask[k, j, i]:
                        continue
                    x, y, z = i + low[0], j + low[1], k + low[2]
                    p0 = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2] * z + affine[0, 3] - a[0]
                    p1 = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2] * z + affine[1, 3] - a[1]
                    p2 = affine[2, 0] * x + affine[2, 1] * y + affine[2, 2] * z + affine[2, 3] - a[2]
                    if thick > 0 and abs(p0 * across[0] + p1 * across[1] + p2 * across[2]) > thick:
                        continue
                    t = 0.0
                    if dd > 0:
                        t = min(1.0, max(0.0, (p0 * d[0] + p1 * d[1] + p2 * d[2]) / dd))
                    q0, q1, q2 = p0 - t * d[0], p1 - t * d[1], p2 - t * d[2]
                    if q0 * q0 + q1 * q1 + q2 * q2 <= radius * radius:
                        mask[k, j, i] = True
