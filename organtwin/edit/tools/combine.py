"""One segment by another: set operations where no voxel has two labels."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from organtwin.edit.boxes import box_of, chosen, shape_of
from organtwin.edit.canvas import Box, Canvas, Proposal
from organtwin.edit.reach import reach_voxels, within
from organtwin.edit.runs import parts
from organtwin.edit.tool import Tool
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor


class CombineOptions(Frozen):
    """``others``: the segments it is combined with; ``grow_mm``: first made wider by so much.

    union: the segment gains them; intersect: it keeps only what lies in them (which needs ``grow_mm`` or the segment itself among
    them, for no voxel is in two segments); subtract: it loses what lies in them; copy: it becomes them; fill: it gains the holes
    that they enclose; invert: it becomes the background, and what it had becomes background; clear: it becomes empty.
    What it gains the others lose, unless they are locked or the rule says ``over="background"``.
    """

    action: Literal["union", "intersect", "subtract", "copy", "fill", "invert", "clear"]
    others: tuple[str, ...] = ()
    grow_mm: Annotated[float, Field(ge=0, le=200)] = 0.0


TOOL = Tool(
    name="combine",
    title="Combine",
    about="Unite, intersect, subtract, copy, fill, invert or clear segments.",
    options=CombineOptions,
    function="organtwin.edit.tools.combine:combine",
)


def combine(canvas: Canvas, options: CombineOptions, monitor: Monitor) -> Proposal:
    """The segment in hand after the operation."""
    if options.action == "clear":
        box = box_of(canvas.labels, canvas.label)
        return Proposal(said="It is empty already.") if box is None else _emptied(canvas, box)
    if options.action == "invert":
        return _inverted(canvas)
    if not options.others:
        raise BadInput("Name the segment to combine it with", remedy='As in {"others": ["liver"]}.')
    numbers = [canvas.label_of(key) for key in options.others]
    reach = options.grow_mm
    wide = reach_voxels(canvas.grid, reach) if reach else 0
    theirs = box_of(canvas.labels, *numbers, margin=wide)
    whole = box_of(canvas.labels, canvas.label)
    if theirs is None:
        if options.action in ("union", "subtract", "fill"):
            return Proposal(said="The other segment is empty.")
        return Proposal() if whole is None else _emptied(canvas, whole)
    box = _both(theirs, whole) if options.action in ("intersect", "copy") else theirs
    mask = chosen(canvas.labels, numbers)[canvas.labels[box]]
    monitor.progress(0.2, "where they are")
    if options.action == "fill":
        found = parts(~mask)
        mask = found.mask(~found.at_border())
    if reach:
        mask = within(mask, canvas.grid, reach)
    match options.action:
        case "subtract":
            return canvas.take(box, mask)
        case "intersect":
            return canvas.take(box, ~mask)
        case "copy":
            return canvas.become(box, mask)
    return canvas.put(box, mask)


def _emptied(canvas: Canvas, box: Box) -> Proposal:
    return canvas.take(box, np.ones(shape_of(box), bool))


def _both(a: Box, b: Box | None) -> Box:
    if b is None:
        return a
    x, y, z = (slice(min(p.start, q.start), max(p.stop, q.stop)) for p, q in zip(a, b, strict=True))
    return x, y, z


def _inverted(canvas: Canvas) -> Proposal:
    swap = np.arange(int(np.iinfo(canvas.labels.dtype).max) + 1).astype(canvas.labels.dtype)
    swap[0], swap[canvas.label] = canvas.label, 0
    return canvas.relabelled(canvas.whole, swap[canvas.labels])
