"""Cavities of a segment that nothing reaches from outside."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from organtwin.edit.boxes import box_of
from organtwin.edit.canvas import Canvas, Mask, Proposal
from organtwin.edit.runs import parts
from organtwin.edit.tool import Tool
from organtwin.model import Frozen
from organtwin.monitor import Monitor
from organtwin.space import Grid

PATIENT_AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
MM3_PER_ML = 1000.0


class FillHolesOptions(Frozen):
    """``each``: "volume" fills what is closed on all sides; "axial", "sagittal", "coronal" what is closed in each such slice.
    ``smaller_than_ml``: only holes smaller than this (per slice: the hole in that slice). ``others``: also what belongs to
    other segments in a hole; otherwise only background is filled."""

    each: Literal["volume", "axial", "sagittal", "coronal"] = "volume"
    smaller_than_ml: Annotated[float, Field(gt=0)] | None = None
    others: bool = False


TOOL = Tool(
    name="fill-holes",
    title="Fill holes",
    about="Fill what a segment encloses: in all directions, or slice by slice.",
    options=FillHolesOptions,
    function="organtwin.edit.tools.fill_holes:fill_holes",
)


def fill_holes(canvas: Canvas, options: FillHolesOptions, monitor: Monitor) -> Proposal:
    """Parts of the rest that do not hang together (by faces) with what lies around the segment. A hollow that is open at the end
    of the scan is none."""
    box = box_of(canvas.labels, canvas.label)
    if box is None:
        return Proposal(said="The segment is empty.")
    old = canvas.labels[box]
    largest = np.inf
    if options.smaller_than_ml is not None:
        largest = options.smaller_than_ml * MM3_PER_ML / canvas.grid.voxel_volume_mm3
    rest = old != canvas.label
    if options.each == "volume":
        holes = _holes(rest, largest)
    else:
        axis = slice_axis(canvas.grid, options.each)
        holes = np.zeros_like(rest)
        for n in range(rest.shape[axis]):
            at: list[slice] = [slice(None)] * 3
            at[axis] = slice(n, n + 1)
            layer = np.moveaxis(rest[tuple(at)], axis, 0)  # (1, rows, columns), so that its own faces are the border
            holes[tuple(at)] = np.moveaxis(_holes(layer, largest), 0, axis)
            monitor.progress((n + 1) / rest.shape[axis], "fill holes")
    if not options.others:
        holes &= old == 0
    filled = int(holes.sum())
    volume = filled * canvas.grid.voxel_volume_mm3 / MM3_PER_ML
    return Proposal(
        box, canvas.put(box, holes).wanted, said=f"{volume:.3g} mL filled." if filled else "No hole to fill."
    )


def slice_axis(grid: Grid, view: str) -> int:
    """Axis of arrays (0, 1, 2 for k, j, i) across the slices of a view."""
    return 2 - grid.canonical_axes[PATIENT_AXES[view]][0]


def _holes(rest: Mask, largest: float) -> Mask:
    """Parts of what is not the segment that do not meet the border; of a single layer the rim is the border."""
    if rest.shape[0] == 1:
        rest = np.pad(rest, ((0, 0), (1, 1), (1, 1)), constant_values=True)
        found = parts(rest)
        outside = found.at((0, 0, 0))
        closed = (np.arange(len(found)) != outside) & (found.sizes < largest)
        return found.mask(closed)[:, 1:-1, 1:-1]
    found = parts(rest)
    return found.mask(~found.at_border() & (found.sizes < largest))
