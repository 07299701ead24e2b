"""A segment wider or narrower by so many mm."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.edit.boxes import box_of
from organtwin.edit.canvas import Canvas, Proposal
from organtwin.edit.reach import reach_voxels, within
from organtwin.edit.tool import Tool
from organtwin.model import Frozen
from organtwin.monitor import Monitor


class MarginOptions(Frozen):
    """``margin_mm``: grow, or shrink where it is negative."""

    margin_mm: Annotated[float, Field(ge=-200, le=200)]


TOOL = Tool(
    name="margin",
    title="Margin",
    about="Grow or shrink a segment by a distance in mm, the same in all directions whatever the voxels' shape.",
    options=MarginOptions,
    function="organtwin.edit.tools.margin:margin",
)


def margin(canvas: Canvas, options: MarginOptions, monitor: Monitor) -> Proposal:
    """Grown: all voxels whose centre is at most that far from one of the segment. Shrunk: without its voxels whose centre is at
    most that far from one outside of it; where the scan ends there is no outside, so an organ that it cuts keeps its cut face."""
    reach = abs(options.margin_mm)
    box = box_of(canvas.labels, canvas.label, margin=reach_voxels(canvas.grid, reach) if options.margin_mm > 0 else 1)
    if box is None:
        return Proposal(said="The segment is empty.")
    mask = canvas.labels[box] == canvas.label
    monitor.progress(0.1, "measuring distances")
    if options.margin_mm >= 0:
        done = canvas.put(box, within(mask, canvas.grid, reach))
    else:
        done = canvas.take(box, within(~mask, canvas.grid, reach))
    few = reach < canvas.spacing_mm.min()
    said = "The margin is smaller than a voxel; nothing has changed." if few and reach > 0 else ""
    return Proposal(done.box, done.wanted, said=said)
