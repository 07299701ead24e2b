"""An edit as data: which tool, on which segment, how, and by which rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from organtwin.checked import validated
from organtwin.edit.apply import Edited, settle
from organtwin.edit.canvas import Canvas, Labels
from organtwin.edit.rules import Rules
from organtwin.edit.tool import Tool, find
from organtwin.errors import BadInput
from organtwin.model import Frozen, Segment, Segmentation, Volume
from organtwin.monitor import Monitor
from organtwin.space import Grid


class Edit(Frozen):
    """All it takes to do it again on the same labels; the same whether a hand, a script or a batch does it."""

    tool: str
    segment: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    rules: Rules = Rules()

    def perform(self, canvas: Canvas, monitor: Monitor | None = None) -> Edited:
        """Do it on a canvas (which does not change).

        Raises
        ------
        BadInput
            For an unknown tool, segment or option, or where the tool cannot do it.
        """
        tool: Tool = find(self.tool)
        options = validated(tool.options, self.options, f"options of '{tool.title}'")
        return settle(canvas, tool(canvas, options, monitor), self.rules if tool.ruled else Rules())


def canvas_of(grid: Grid, labels: Labels, segments: tuple[Segment, ...], target: str, volume: Volume | None) -> Canvas:
    """A canvas, with the scan behind it where it lies on the same grid.

    Raises
    ------
    BadInput
        When a volume is given that lies elsewhere.
    """
    values: NDArray[Any] | None = None
    if volume is not None:
        if not volume.grid.same_as(grid):
            raise BadInput(f"'{volume.name}' does not lie on the grid of this segmentation",
                           remedy="Give the scan that the segmentation was made from.")  # fmt: skip
        values = np.asarray(volume.values)
    return Canvas(grid, labels, segments, target, values, volume.modality if volume else "OT")


def edited(
    segmentation: Segmentation, edit: Edit, volume: Volume | None = None, monitor: Monitor | None = None
) -> Segmentation:
    """A new segmentation after one edit. The old one does not change."""
    canvas = canvas_of(segmentation.grid, segmentation.labels, segmentation.segments, edit.segment, volume)
    done = edit.perform(canvas, monitor)
    labels = np.array(segmentation.labels)
    done.patch.apply(labels)
    notes = (*segmentation.notes, done.said) if done.said else segmentation.notes
    return Segmentation(name=segmentation.name, grid=segmentation.grid, labels=labels, segments=done.segments,
                        replaces=segmentation.uuid, notes=notes)  # fmt: skip
