"""A shell in place of a solid segment."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from organtwin.edit.boxes import box_of
from organtwin.edit.canvas import Canvas, Mask, Proposal
from organtwin.edit.reach import reach_voxels, within
from organtwin.edit.tool import Tool
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor


class HollowOptions(Frozen):
    """``thickness_mm`` of the shell. ``shell``: it lies inside the surface, outside, or half on each side (medial). ``into``: the
    key of a segment that gets the shell while the one in hand stays (a wall around a lumen); "": the one in hand becomes the
    shell."""

    thickness_mm: Annotated[float, Field(gt=0, le=100)] = 2.0
    shell: Literal["inside", "medial", "outside"] = "inside"
    into: str = ""


TOOL = Tool(
    name="hollow",
    title="Hollow",
    about="Make a shell of given thickness from a segment, or lay a wall around it.",
    options=HollowOptions,
    function="organtwin.edit.tools.hollow:hollow",
)


def hollow(canvas: Canvas, options: HollowOptions, monitor: Monitor) -> Proposal:
    """Voxels within the thickness of the surface; never thinner than one voxel, so that the shell is closed. Where the scan ends
    there is no shell: a vessel that it cuts stays open."""
    inside = {"inside": 1.0, "medial": 0.5, "outside": 0.0}[options.shell] * options.thickness_mm
    outside = options.thickness_mm - inside
    box = box_of(canvas.labels, canvas.label, margin=reach_voxels(canvas.grid, outside) + 1)
    if box is None:
        return Proposal(said="The segment is empty.")
    heir = canvas.label_of(options.into) if options.into else canvas.label
    if options.into and heir == canvas.label:
        raise BadInput("A segment cannot get its own shell while it stays", remedy="Leave 'into' out.")
    mask = canvas.labels[box] == canvas.label
    shell: Mask = np.zeros_like(mask)
    if inside:
        shell |= mask & (within(~mask, canvas.grid, inside) | _rim(~mask))
    monitor.progress(0.5, "hollow")
    if outside:
        shell |= ~mask & (within(mask, canvas.grid, outside) | (_rim(mask) if not inside else False))
    old = canvas.labels[box]
    thin = options.thickness_mm < canvas.spacing_mm.max()
    said = f"The shell is one voxel thick ({canvas.spacing_mm.max():.3g} mm) in one direction." if thin else ""
    if not options.into:
        return Proposal(box, canvas.become(box, shell).wanted, said=said)
    return Proposal(box, np.where(shell, old.dtype.type(heir), old), said=said)


def _rim(mask: Mask) -> Mask:
    """The mask and all that meets one of its voxels by a face."""
    wide = mask.copy()
    for axis in range(3):
        here, there = [slice(None)] * 3, [slice(None)] * 3
        here[axis], there[axis] = slice(1, None), slice(None, -1)
        wide[tuple(here)] |= mask[tuple(there)]
        wide[tuple(there)] |= mask[tuple(here)]
    return wide
