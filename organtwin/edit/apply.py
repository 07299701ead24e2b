"""From what a tool proposes to what happens: rules kept, the change said as a patch, volumes counted anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from organtwin.edit.canvas import Canvas, Proposal
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
        When the segment in hand is locked, or a rule names a segment that there is not.
    """
    table = canvas.segments if proposal.segments is None else proposal.segments
    if proposal.wanted is None or proposal.box is None:
        return Edited(Patch.between(canvas.labels, (slice(0, 0),) * 3, canvas.labels[:0, :0, :0]), table, proposal.said)
    locked = {s.label for s in canvas.segments if s.locked}
    in_hand = next((s for s in canvas.segments if s.key == canvas.target), None)
    if in_hand is not None and in_hand.locked:
        raise BadInput(f"'{in_hand.name}' is locked", remedy="Unlock it first, or choose another segment.")
    old, new = canvas.labels[proposal.box], proposal.wanted
    top = max(int(np.iinfo(canvas.labels.dtype).max), 1) + 1
    may_lose, may_gain = np.ones(top, bool), np.ones(top, bool)
    for label in locked:
        may_lose[label] = may_gain[label] = False
    if rules.inside is not None:
        inside = {0 if key == "" else canvas.label_of(key) for key in rules.inside}
        may_lose &= np.isin(np.arange(top), list(inside))
    if rules.over == "background":
        others = np.ones(top, bool)
        others[0] = False
        if in_hand is not None:
            others[in_hand.label] = False
        may_lose &= ~others
    allowed = (old != new) & may_lose[old] & may_gain[new]
    if rules.values is not None:
        values = canvas.scan()[proposal.box]
        allowed &= (values >= rules.values[0]) & (values <= rules.values[1])
    patch = Patch.between(canvas.labels, proposal.box, np.where(allowed, new, old))
    return Edited(patch, counted(table, patch, canvas.grid.voxel_volume_mm3), proposal.said)


def counted(segments: tuple[Segment, ...], patch: Patch, voxel_mm3: float) -> tuple[Segment, ...]:
    """The table with the volumes after a patch. A segment that a hand changed has no confidence of an engine any more."""
    grown = patch.counts()
    touched = set(grown) | ({int(v) for v in np.unique(patch.labels_before())} | {int(v) for v in np.unique(patch.labels_after())} if not patch.empty else set())  # fmt: skip
    return tuple(
        s if s.label not in touched
        else s.model_copy(update={"volume_mm3": max(0.0, s.volume_mm3 + grown.get(s.label, 0) * voxel_mm3), "confidence": None, "doubt": ""})
        for s in segments
    )  # fmt: skip
