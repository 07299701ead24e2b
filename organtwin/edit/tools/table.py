"""The table of segments: add, remove, rename, colour, lock, order, merge."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from organtwin.edit.boxes import box_of
from organtwin.edit.canvas import Canvas, Proposal
from organtwin.edit.fields import Colour
from organtwin.edit.segments import Table, free_name, new_segment
from organtwin.edit.tool import Tool
from organtwin.errors import BadInput
from organtwin.model import Frozen, Segment
from organtwin.monitor import Monitor


class TableOptions(Frozen):
    """What to do with the segment in hand, or, to add one, with none.

    add: ``key`` of a structure or any ``name``, or both, and a ``colour``; rename: ``name``; recolour: ``colour``;
    lock, unlock: the segment in hand, or all where there is none; order: to ``place``, 0 is the first; merge: its voxels go
    ``into`` another one and it is gone; remove: its voxels go to the background.
    """

    action: Literal["add", "remove", "rename", "recolour", "lock", "unlock", "order", "merge"]
    key: str = ""
    name: Annotated[str, Field(max_length=64)] = ""
    colour: Colour | None = None
    place: Annotated[int, Field(ge=0)] | None = None
    into: str = ""


TOOL = Tool(
    name="table",
    title="Segments",
    about="Add, remove, rename, colour, lock, order or merge segments.",
    options=TableOptions,
    function="organtwin.edit.tools.table:table",
    quick=True,
    target=False,
    ruled=False,
)


def table(canvas: Canvas, options: TableOptions, monitor: Monitor) -> Proposal:
    """The table as it is wanted, and the voxels that go with it."""
    segments = canvas.segments
    name = options.name.strip()
    if options.action == "add":
        key = options.key.strip()
        if not key and not name:
            raise BadInput("A new segment needs the key of a structure or a name")
        made = new_segment(segments, key, name, options.colour)
        place = len(segments) if options.place is None else options.place
        return Proposal(segments=(*segments[:place], made, *segments[place:]))
    if options.action in ("lock", "unlock"):
        label = canvas.label if canvas.target else None
        locked: dict[str, object] = {"locked": options.action == "lock"}
        return Proposal(segments=tuple(_with(s, locked) if label in (None, s.label) else s for s in segments))
    label = canvas.label
    mine = next(s for s in segments if s.label == label)
    match options.action:
        case "rename":
            if not name:
                raise BadInput("A segment needs a name")
            return Proposal(segments=_changed(segments, mine, {"name": name}))
        case "recolour":
            if options.colour is None:
                raise BadInput("Give a colour, as in (216, 108, 54)")
            return Proposal(segments=_changed(segments, mine, {"colour": options.colour}))
        case "order":
            if options.place is None:
                raise BadInput("Give the place in the table, 0 is the first")
            others = tuple(s for s in segments if s is not mine)
            return Proposal(segments=(*others[: options.place], mine, *others[options.place :]))
        case _:
            return _gone(canvas, mine, options)


def _gone(canvas: Canvas, mine: Segment, options: TableOptions) -> Proposal:
    """The segment leaves the table; its voxels go to another one or to the background."""
    heir = 0
    affected = [mine]
    if options.action == "merge":
        heir = canvas.label_of(options.into)
        if heir == mine.label:
            raise BadInput(f"'{mine.name}' cannot be merged into itself")
        affected += [s for s in canvas.segments if s.label == heir]
    for segment in affected:
        if segment.locked:
            raise BadInput(f"'{segment.name}' is locked", remedy="Unlock it first.")
    left = tuple(s for s in canvas.segments if s is not mine)
    box = box_of(canvas.labels, mine.label)
    if box is None:
        return Proposal(segments=left)
    old = canvas.labels[box]
    return Proposal(box, np.where(old == mine.label, old.dtype.type(heir), old), left)


def _changed(segments: Table, mine: Segment, changes: dict[str, object]) -> Table:
    if "name" in changes:
        changes = {"name": free_name(tuple(s for s in segments if s is not mine), str(changes["name"]))}
    return tuple(_with(s, changes) if s is mine else s for s in segments)


def _with(segment: Segment, changes: dict[str, object]) -> Segment:
    return segment.model_copy(update=changes)
