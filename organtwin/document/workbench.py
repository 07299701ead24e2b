"""The segmentation under the hand: its labels in memory, changed in place by every edit, and every edit a version of it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from organtwin.document.signal import Signal
from organtwin.edit.apply import Edited
from organtwin.edit.canvas import Box
from organtwin.edit.edit import Edit, canvas_of
from organtwin.edit.tool import find
from organtwin.errors import BadInput
from organtwin.model import Recipe, Segment, Segmentation, Volume
from organtwin.monitor import Monitor
from organtwin.store.objects import base_of, differences, keep_whole, patch_of

if TYPE_CHECKING:
    from organtwin.document.document import Change, Document

LONGEST_WALK = 64  # patches from the nearest whole label map before one is written again


@dataclass(frozen=True)
class Touched:
    """``box`` of the labels that changed (None: perhaps all of them); ``table``: whether segments changed as well."""

    box: Box | None
    table: bool


class Workbench:
    """Edits of one segmentation. Each is a version of it in the project, kept as a patch; undo goes through the document.

    ``labels`` is the one label map in memory, (nk, nj, ni) in the order of the grid: look, do not write. ``changed`` tells
    what was touched, after edits, undo and redo alike.
    """

    def __init__(self, document: Document, uuid: str) -> None:
        self.document = document
        self.changed: Signal[Touched] = Signal()
        self._load(uuid)
        folder = document.project.objects_folder / uuid
        if not document.project.read_only and differences(folder) > LONGEST_WALK:
            keep_whole(folder, self.labels)
        self._stop = document.changed.connect(self._follow)

    def _load(self, uuid: str) -> None:
        segmentation = self.document.project.load(uuid)
        if not isinstance(segmentation, Segmentation):
            raise BadInput(f"'{segmentation.name}' is not a segmentation")
        self.uuid = uuid
        self.name = segmentation.name
        self.grid = segmentation.grid
        self.segments: tuple[Segment, ...] = segmentation.segments
        self.labels: NDArray[Any] = np.array(segmentation.labels)
        self._notes = segmentation.notes
        self._snapshot: Segmentation | None = None

    def close(self) -> None:
        self._stop()
        self.document.leave(self)

    def segment(self, key: str) -> Segment:
        """The segment of that key.

        Raises
        ------
        BadInput
            When there is none.
        """
        return self.snapshot_table().segment(key)

    def snapshot_table(self) -> Segmentation:
        """Name, grid and segments as a segmentation whose labels are those under the hand: for looking, now."""
        return Segmentation(
            uuid=self.uuid,
            name=self.name,
            grid=self.grid,
            labels=self.labels,
            segments=self.segments,
            notes=self._notes,
        )

    def snapshot(self) -> Segmentation:
        """The version under the hand as an object of its own, which later edits do not change."""
        if self._snapshot is None:
            with_recipe = {"recipe": self.document.entry(self.uuid).recipe}
            self._snapshot = self.snapshot_table().with_(labels=np.array(self.labels), **with_recipe)
        return self._snapshot

    # -- doing ----------------------------------------------------------------------------------------------------

    def do(self, edit: Edit, volume: str | None = None, monitor: Monitor | None = None, label: str = "") -> Edited:
        """Do it here and now. ``volume``: uuid of the scan behind it.

        Raises
        ------
        BadInput
            When it cannot be done; nothing has changed then.
        """
        scan = self.document.get(volume) if volume else None
        assert scan is None or isinstance(scan, Volume)
        canvas = canvas_of(self.grid, self.labels, self.segments, edit.segment, scan)
        done = edit.perform(canvas, monitor)
        self.take(edit, done, volume, label)
        return done

    def take(self, edit: Edit, done: Edited, volume: str | None = None, label: str = "") -> None:
        """Make what was worked out on this version, here or elsewhere, the next version. Nothing done is no version."""
        table = done.segments != self.segments
        if done.patch.empty and not table:
            return
        inputs = {"segmentation": self.uuid} | ({"volume": volume} if volume else {})
        thing = Segmentation(
            name=self.name, grid=self.grid, labels=self.labels, segments=done.segments, replaces=self.uuid, notes=self._notes,
            recipe=Recipe(
                operation="edit", parameters=edit.model_dump(mode="json", exclude_defaults=True), inputs=inputs,
                versions={"organtwin": version("organtwin")},
            ),
        )  # fmt: skip
        base, self.uuid = self.uuid, thing.uuid  # before the document tells of it: this change is ours
        try:
            self.document.edit(thing, base, done.patch, label or self._label(edit))
        except BaseException:
            self.uuid = base
            raise
        self._move(done.patch.dtype)
        done.patch.apply(self.labels)
        self._settled(done.segments, None if done.patch.empty else done.patch.box, table)

    def _label(self, edit: Edit) -> str:
        named = next((s.name for s in self.segments if s.key == edit.segment), "")
        title = find(edit.tool).title
        return f"{title}: {named}" if named else title

    def _settled(self, segments: tuple[Segment, ...], box: Box | None, table: bool) -> None:
        self.segments = segments
        self._snapshot = None
        self.changed.emit(Touched(box, table))

    def _move(self, dtype: str) -> None:
        if self.labels.dtype.str != dtype:  # the 256th segment
            self.labels = self.labels.astype(dtype)

    # -- following undo and redo ----------------------------------------------------------------------------------

    def _follow(self, change: Change) -> None:
        if self.uuid in change.renamed:
            self.name = next(e.name for e in self.document.entries() if e.uuid == self.uuid)
            self._snapshot = None
        if self.uuid not in change.removed:
            return
        folder = self.document.project.objects_folder
        for uuid in change.added:
            if self.document.entry(uuid).kind != Segmentation.kind:
                continue
            if base_of(folder / self.uuid) == uuid:
                patch = patch_of(folder / self.uuid)
                assert patch is not None
                patch.undo(self.labels)
            elif base_of(folder / uuid) == self.uuid:
                patch = patch_of(folder / uuid)
                assert patch is not None
                self._move(patch.dtype)
                patch.apply(self.labels)
            elif self.document.entry(uuid).replaces == self.uuid or self.document.entry(self.uuid).replaces == uuid:
                self._load(uuid)
                self._settled(self.segments, None, True)
                return
            else:
                continue
            self.uuid = uuid
            segments = tuple(Segment.model_validate(s) for s in self.document.entry(uuid).facts["segments"])
            self._settled(segments, None if patch.empty else patch.box, segments != self.segments)
            return
