"""What a tool may look at, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Segment
from organtwin.space import Grid

Labels = NDArray[np.integer[Any]]
Box = tuple[slice, slice, slice]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Canvas:
    """A segmentation under the hand, and the scan behind it.

    ``labels`` and ``values`` (nk, nj, ni) in the order of ``grid`` and never to be changed by a tool; ``values`` is None where
    there is no scan on this grid. ``target`` is the key of the segment in hand, "" for tools that need none.
    """

    grid: Grid
    labels: Labels
    segments: tuple[Segment, ...]
    target: str = ""
    values: NDArray[Any] | None = None
    modality: str = "OT"

    def __post_init__(self) -> None:
        labels = self.labels.view()
        labels.flags.writeable = False  # a tool looks; and what is compiled is compiled for one kind of array
        object.__setattr__(self, "labels", labels)

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """(3,) along i, j, k."""
        return self.grid.spacing_mm

    @property
    def whole(self) -> Box:
        nk, nj, ni = self.labels.shape
        return slice(0, nk), slice(0, nj), slice(0, ni)

    @property
    def label(self) -> int:
        """Number of the segment in hand."""
        return self.label_of(self.target)

    def label_of(self, key: str) -> int:
        """Number of a segment.

        Raises
        ------
        BadInput
            When there is none of that key.
        """
        for segment in self.segments:
            if segment.key == key:
                return segment.label
        known = ", ".join(s.key for s in self.segments) or "none"
        raise BadInput(f"There is no segment '{key}' to work on", remedy=f"There are: {known}. Add it first.")

    def scan(self) -> NDArray[Any]:
        """Values of the scan.

        Raises
        ------
        BadInput
            When there is no scan on this grid.
        """
        if self.values is None:
            raise BadInput("This tool looks at the scan, and none lies on the grid of this segmentation",
                           remedy="Give the volume that the segmentation was made from.")  # fmt: skip
        return self.values

    # -- proposals ------------------------------------------------------------------------------------------------

    def put(self, box: Box, mask: Mask) -> Proposal:
        """The segment in hand gets the mask (of the box's shape); what it has elsewhere stays."""
        return self._with(box, mask, put=True, bare=False)

    def take(self, box: Box, mask: Mask) -> Proposal:
        """The segment in hand loses the mask."""
        return self._with(box, ~mask, put=False, bare=True)

    def become(self, box: Box, mask: Mask) -> Proposal:
        """Within the box the segment in hand becomes the mask."""
        return self._with(box, mask, put=True, bare=True)

    def _with(self, box: Box, mask: Mask, *, put: bool, bare: bool) -> Proposal:
        from organtwin.edit.changes import relabelled

        return self.relabelled(box, relabelled(self.labels[box], mask, self.label, put, bare))

    def relabelled(self, box: Box, labels: Labels) -> Proposal:
        """Any labels within a box."""
        return Proposal(box, labels)


@dataclass(frozen=True)
class Proposal:
    """``wanted``: labels for ``box``, as the tool would have them (None: no voxel changes). ``segments``: the table as it would
    have it, None where it stays. ``said``: one short sentence for the user, "" for nothing. A label that the table does not
    know may not be proposed."""

    box: Box | None = None
    wanted: Labels | None = None
    segments: tuple[Segment, ...] | None = None
    said: str = ""
