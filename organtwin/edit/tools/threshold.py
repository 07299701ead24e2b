"""All voxels in a range of the scan, everywhere or in a part of it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from organtwin.edit.canvas import Box, Canvas, Mask, Proposal
from organtwin.edit.fields import Ball, Block, Point, Range
from organtwin.edit.places import around, voxel_at
from organtwin.edit.prism import prism
from organtwin.edit.runs import parts
from organtwin.edit.tool import Tool
from organtwin.edit.tools.paint import swept
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor
from organtwin.space import Grid


class ThresholdOptions(Frozen):
    """``values``: the range, ends included. ``within``: a ball or a block of the world; None: everywhere. ``at_mm``: only what
    hangs together with this point. ``mode``: the segment becomes it (within the ball or block), gains it, or loses it."""

    values: Range
    within: Ball | Block | None = None
    at_mm: Point | None = None
    mode: Literal["become", "add", "erase"] = "become"


TOOL = Tool(
    name="threshold",
    title="Threshold",
    about="Take all voxels in a range of the scan, everywhere, in a ball or a block, or only what hangs together with a point.",
    options=ThresholdOptions,
    function="organtwin.edit.tools.threshold:threshold",
    looks=True,
)


def threshold(canvas: Canvas, options: ThresholdOptions, monitor: Monitor) -> Proposal:
    """Voxels in the range, where they are wanted."""
    low, high = options.values
    if not low <= high:
        raise BadInput(f"The range from {low:g} to {high:g} is empty", remedy="Give the lower end first.")
    box, where = region(canvas.grid, options.within)
    mask: Mask = np.zeros(canvas.labels[box].shape, bool)
    for k in range(mask.shape[0]):  # a slice at a time: the scan stays on the disk
        values = canvas.scan()[box][k]
        mask[k] = (values >= low) & (values <= high)
        monitor.progress((k + 1) / len(mask), "threshold")
    if where is not None:
        mask &= where
    if options.at_mm is not None:
        mask = _part_at(canvas, box, mask, options.at_mm)
    match options.mode:
        case "add":
            return canvas.put(box, mask)
        case "erase":
            return canvas.take(box, mask)
    if where is None:
        return canvas.become(box, mask)
    wanted = np.where(where & (canvas.labels[box] == canvas.label), canvas.labels.dtype.type(0), canvas.labels[box])
    return canvas.relabelled(box, np.where(mask, canvas.labels.dtype.type(canvas.label), wanted))


def _part_at(canvas: Canvas, box: Box, mask: Mask, at_mm: Point) -> Mask:
    voxel = voxel_at(canvas.grid, at_mm)
    found = parts(mask)
    here = None
    if voxel is not None and all(s.start <= n < s.stop for n, s in zip(voxel, box, strict=True)):
        k, j, i = (n - s.start for n, s in zip(voxel, box, strict=True))
        here = found.at((k, j, i))
    if here is None:
        raise BadInput("The scan at this point is not in the range", where="{:.1f}, {:.1f}, {:.1f} mm".format(*at_mm),
                       remedy="Choose a point in what is wanted, or a wider range.")  # fmt: skip
    return found.mask(np.arange(len(found)) == here)


def region(grid: Grid, within: Ball | Block | None) -> tuple[Box, Mask | None]:
    """Box and mask of a part of the world; None for all of the box."""
    match within:
        case Ball():
            return swept(grid, np.array([within.centre_mm]), within.radius_mm)
        case Block():
            ends = np.array([within.corner_mm, within.opposite_mm])
            low, high = ends.min(0), ends.max(0)
            box = around(grid, np.array([[x, y, z] for x in ends[:, 0] for y in ends[:, 1] for z in ends[:, 2]]))
            edge = 1e-6 * np.maximum(high - low, 1.0)
            low, high = low - edge, high + edge  # ends included
            corners = np.array([(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])])
            return box, prism(grid, box, corners, np.eye(4), (low[2], high[2]))
    nk, nj, ni = grid.shape
    return (slice(0, nk), slice(0, nj), slice(0, ni)), None
