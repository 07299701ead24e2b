"""Parts of a segment that do not hang together."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from organtwin.edit.boxes import box_of
from organtwin.edit.canvas import Box, Canvas, Proposal
from organtwin.edit.fields import Point
from organtwin.edit.places import voxel_at
from organtwin.edit.runs import Parts, parts
from organtwin.edit.segments import free_name, new_segment
from organtwin.edit.tool import Tool
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor

MM3_PER_ML = 1000.0


class IslandsOptions(Frozen):
    """keep-largest: the ``count`` largest stay; keep-at, remove-at: the one at ``point_mm``; remove-small: what is smaller than
    ``smaller_than_ml`` goes; split: the largest stays and each other one of at least that size becomes a segment of its own, at
    most ``count`` of them where it is given. ``touching``: by faces, or by edges and corners as well."""

    action: Literal["keep-largest", "keep-at", "remove-at", "remove-small", "split"] = "keep-largest"
    count: Annotated[int, Field(ge=1)] | None = None
    point_mm: Point | None = None
    smaller_than_ml: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    touching: Literal["faces", "corners"] = "faces"


TOOL = Tool(
    name="islands",
    title="Islands",
    about="Keep the largest part of a segment, keep or remove the one at a point, remove small ones, or make each a segment.",
    options=IslandsOptions,
    function="organtwin.edit.tools.islands:islands",
)


def islands(canvas: Canvas, options: IslandsOptions, monitor: Monitor) -> Proposal:
    """The segment without the parts that are not wanted."""
    box = box_of(canvas.labels, canvas.label)
    if box is None:
        return Proposal(said="The segment is empty.")
    mask = canvas.labels[box] == canvas.label
    found = parts(mask, options.touching == "corners")
    monitor.progress(0.7, "islands found")
    small = found.sizes * canvas.grid.voxel_volume_mm3 < options.smaller_than_ml * MM3_PER_ML
    count = len(found)
    match options.action:
        case "keep-largest":
            keep = (np.arange(count) < (options.count or 1)) & ~small
        case "keep-at":
            keep = np.arange(count) == _at(canvas, box, found, options.point_mm)
        case "remove-at":
            keep = np.arange(count) != _at(canvas, box, found, options.point_mm)
        case "remove-small":
            keep = ~small
        case "split":
            return _split(canvas, box, found, ~small, options.count)
    gone = int(count - keep.sum())
    said = f"{gone} of {count} islands removed." if gone else f"Nothing to remove: {count} island{'s' * (count > 1)}."
    return Proposal(box, canvas.take(box, found.mask(~keep)).wanted, said=said)


def _at(canvas: Canvas, box: Box, found: Parts, point_mm: Point | None) -> int:
    if point_mm is None:
        raise BadInput("Give the point that the island lies at")
    voxel = voxel_at(canvas.grid, point_mm)
    if voxel is not None and canvas.labels[voxel] == canvas.label:
        k, j, i = (n - s.start for n, s in zip(voxel, box, strict=True))
        here = found.at((k, j, i))
        assert here is not None
        return here
    raise BadInput("The segment has no voxel at this point", where="{:.1f}, {:.1f}, {:.1f} mm".format(*point_mm),
                   remedy="Point at one of its islands.")  # fmt: skip


def _split(canvas: Canvas, box: Box, found: Parts, large: np.ndarray, count: int | None) -> Proposal:
    own = np.flatnonzero(large[1:])[:count] + 1
    mine = next(s for s in canvas.segments if s.label == canvas.label)
    table = canvas.segments
    numbers = np.zeros(len(found), np.uint16)
    for part in own:
        made = new_segment(table, name=free_name(table, f"{mine.name} {part + 1}"))
        table = (*table, made)
        numbers[part] = made.label
    if not len(own):
        return Proposal(said="There is only one island to make a segment of.")
    numbered = found.numbered(numbers.astype(np.min_scalar_type(int(numbers.max()))))
    old = canvas.labels[box]
    return Proposal(
        box, np.where(numbered > 0, numbered, old), table, f"{len(own) + 1} segments from {len(found)} islands."
    )
