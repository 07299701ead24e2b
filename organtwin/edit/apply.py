"""From what a tool proposes to what happens: rules kept, the change said as a patch, volumes counted anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from organtwin.edit.canvas import Box, Canvas, Mask, Proposal
from organtwin.edit.patch import Patch
from organtwin.edit.rules import Rules
from organtwin.errors import BadInput
from organtwin.model import Segment


@dataclass(frozen=True)
class Edited:
    """``patch`` of the labels, the table after it, and what the tool said."""

    patch: Patch
    segments: tuple[Segment, ...]
    said: str = ""

    @property
    def nothing(self) -> bool:
        return self.patch.empty


def settle(canvas: Canvas, proposal: Proposal, rules: Rules) -> Edited:
    """Let through what is allowed.

    Raises
    ------
    BadInput
        When nothing may change and the segment in hand is locked, or a rule names a segment that there is not.
    """
    table = canvas.segments if proposal.segments is None else proposal.segments
    wide = max((s.label for s in table), default=0) > np.iinfo(canvas.labels.dtype).max
    dtype = np.dtype(np.uint16) if wide else canvas.labels.dtype
    if proposal.wanted is None or proposal.box is None or 0 in proposal.wanted.shape:
        return Edited(Patch.nothing(dtype), table, proposal.said)
    in_hand = next((s for s in canvas.segments if s.key == canvas.target), None)
    may_lose, may_gain = np.ones(2**16, bool), np.ones(2**16, bool)
    if rules.inside is not None:
        may_lose[:] = False
        may_lose[[0 if key == "" else canvas.label_of(key) for key in rules.inside]] = True
    if rules.over == "background":
        may_lose[[s.label for s in canvas.segments if s is not in_hand]] = False
    locked = [s.label for s in canvas.segments if s.locked]
    may_lose[locked] = may_gain[locked] = False
    wanted = proposal.wanted.astype(dtype, copy=False) if wide else proposal.wanted
    patch = Patch.permitted(canvas.labels, proposal.box, wanted, may_lose, may_gain, _in_range(canvas, rules))
    if patch.empty and in_hand is not None and in_hand.locked:
        raise BadInput(f"'{in_hand.name}' is locked", remedy="Unlock it first, or choose another segment.")
    return Edited(patch, counted(table, patch, canvas.grid.voxel_volume_mm3), proposal.said)


def _in_range(canvas: Canvas, rules: Rules) -> Callable[[Box], Mask] | None:
    if rules.values is None:
        return None
    values, (low, high) = canvas.scan(), rules.values
    return lambda box: np.asarray((values[box] >= low) & (values[box] <= high))


def counted(segments: tuple[Segment, ...], patch: Patch, voxel_mm3: float) -> tuple[Segment, ...]:
    """The table with the volumes after a patch. A segment that a hand changed has no confidence of an engine any more."""
    grown, touched = patch.counts(), patch.touched()
    return tuple(
        s if s.label not in touched
        else s.model_copy(update={"volume_mm3": max(0.0, s.volume_mm3 + grown.get(s.label, 0) * voxel_mm3), "confidence": None, "doubt": ""})
        for s in segments
    )  # fmt: skip
