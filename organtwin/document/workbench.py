"""The segmentation under the hand: its labels in memory, changed in place by every edit, and every edit a version of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from organtwin.document.signal import Signal
from organtwin.edit.apply import Edited
from organtwin.edit.canvas import Box
from organtwin.edit.edit import Edit, canvas_of
from organtwin.edit.tool import find
from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Recipe, Segment, Segmentation, Volume
from organtwin.monitor import Monitor
from organtwin.space import Grid
from organtwin.store.objects import base_of, differences, keep_whole, patch_of
from organtwin.workbench.hand import Hand
from organtwin.workbench.messages import Progress
from organtwin.workbench.shared_labels import SharedLabels

if TYPE_CHECKING:
    from organtwin.document.document import Change, Document

LONGEST_WALK = 64  # patches from the nearest whole label map before one is written again


@cache
def _version() -> str:
    return version("organtwin")  # reads a file


@dataclass(frozen=True)
class Question:
    """An edit that the hand was asked to work out; a ``preview`` is shown, not done."""

    edit: Edit
    volume: str | None = None
    label: str = ""
    preview: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of a question about version ``of`` of the segmentation. Unless it was a preview it is done already."""

    question: Question
    done: Edited
    of: str


@dataclass(frozen=True)
class Failed:
    """Why there is no answer; nothing has changed."""

    question: Question
    error: OrganTwinError


@dataclass(frozen=True)
class Working:
    """How far the hand is, 0 to 1, and at what."""

    question: Question
    fraction: float
    what: str


@dataclass(frozen=True)
class Touched:
    """``box`` of the labels that changed (None: perhaps all of them); ``table``: whether segments changed as well."""

    box: Box | None
    table: bool


class Workbench:
    """Edits of one segmentation. Each is a version of it in the project, kept as a patch; undo goes through the document.

    ``labels`` is the one label map in memory, (nk, nj, ni) in the order of the grid: look, do not write. ``changed`` tells
    what was touched, after edits, undo and redo alike.

    Quick tools are done here and now by :meth:`do`. Slow ones are given to a process of their own by :meth:`ask` or
    :meth:`preview`; call :meth:`poll` regularly (every 50 ms or so) and listen to ``answered``, ``failed`` and ``progressed``.
    The newest question counts; when the labels change meanwhile it is asked again of what they are now.
    """

    grid: Grid

    def __init__(self, document: Document, uuid: str) -> None:
        self.document = document
        self.changed: Signal[Touched] = Signal()
        self.answered: Signal[Answer] = Signal()
        self.failed: Signal[Failed] = Signal()
        self.progressed: Signal[Working] = Signal()
        self._shared: SharedLabels | None = None
        self._hand: Hand | None = None
        self._question: Question | None = None
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
        if self._hand is not None and not segmentation.grid.same_as(self.grid):
            self._let_hand_go()
        self.grid = segmentation.grid
        self.segments: tuple[Segment, ...] = segmentation.segments
        self._share(np.asarray(segmentation.labels))
        self._notes = segmentation.notes
        self._snapshot: Segmentation | None = None

    def _share(self, labels: NDArray[Any]) -> None:
        """Have these labels in memory that the hand sees too: the only copy there is."""
        shared = self._shared
        if shared is not None and (shared.array.shape, shared.array.dtype) == (labels.shape, labels.dtype):
            shared.array[...] = labels
            return
        self._let_hand_go()
        if shared is not None:
            shared.close()
        self._shared = SharedLabels.of(labels)
        self.labels: NDArray[Any] = self._shared.array

    def close(self) -> None:
        self._stop()
        self._question = None
        self._let_hand_go()
        if self._shared is not None:
            self._shared.close()
        self.document.leave(self)

    def segment(self, key: str) -> Segment:
        """The segment of that key.

        Raises
        ------
        BadInput
            When there is none.
        """
        return self.live().segment(key)

    def live(self) -> Segmentation:
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
            self._snapshot = self.live().with_(labels=np.array(self.labels), **with_recipe)
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
                versions={"organtwin": _version()},
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

    # -- asking the hand --------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._question is not None

    def warm(self) -> None:
        """Let the hand's process begin, so that the first question finds it ready."""
        self._made_hand().warm()

    def ask(self, edit: Edit, volume: str | None = None, label: str = "") -> None:
        """Have an edit worked out beside the window and done when it is; ``answered`` or ``failed`` follows. An older question
        is dropped."""
        self._question = Question(edit, volume, label)
        self._ask()

    def preview(self, edit: Edit, volume: str | None = None) -> None:
        """Have an edit worked out and told by ``answered``, but not done; :meth:`accept` does it."""
        self._question = Question(edit, volume, preview=True)
        self._ask()

    def accept(self, answer: Answer) -> None:
        """Do what a preview showed.

        Raises
        ------
        BadInput
            When the segmentation has changed since; nothing has changed then.
        """
        if answer.of != self.uuid:
            raise BadInput("The segmentation has changed since this preview", remedy="Look at a new one first.")
        question = answer.question
        self.take(question.edit, answer.done, question.volume, question.label)

    def stop(self) -> None:
        """Want no answer any more; the hand stops within 0.3 s, as long as :meth:`poll` is called."""
        self._question = None
        if self._hand is not None:
            self._hand.stop()

    def poll(self) -> bool:
        """Hear the hand; returns whether an answer is still awaited."""
        for said in self._hand.poll() if self._hand is not None else ():
            question = self._question
            if question is None:
                continue
            if isinstance(said, Progress):
                self.progressed.emit(Working(question, said.fraction, said.what))
                continue
            self._question = None
            if isinstance(said, OrganTwinError):
                self.failed.emit(Failed(question, said))
                continue
            answer = Answer(question, said, self.uuid)
            try:
                if not question.preview:
                    self.take(question.edit, said, question.volume, question.label)
            except OrganTwinError as error:
                self.failed.emit(Failed(question, error))
            else:
                self.answered.emit(answer)
        return self.busy

    def _made_hand(self) -> Hand:
        if self._hand is None:
            assert self._shared is not None
            self._hand = Hand(self._shared, self.grid, vault=self.document.project.vault)
        return self._hand

    def _let_hand_go(self) -> None:
        if self._hand is not None:
            self._hand.close()
            self._hand = None

    def _ask(self) -> None:
        assert self._question is not None
        volume = self._question.volume
        folder = self.document.project.objects_folder / volume if volume else None
        self._made_hand().ask(self._question.edit, self.segments, folder)

    def _label(self, edit: Edit) -> str:
        named = next((s.name for s in self.segments if s.key == edit.segment), "")
        title = find(edit.tool).title
        return f"{title}: {named}" if named else title

    def _settled(self, segments: tuple[Segment, ...], box: Box | None, table: bool) -> None:
        self.segments = segments
        self._snapshot = None
        if self._question is not None:
            self._ask()  # of what there is now
        self.changed.emit(Touched(box, table))

    def _move(self, dtype: str) -> None:
        if np.dtype(dtype).itemsize > self.labels.dtype.itemsize:  # the 256th segment
            self._share(self.labels.astype(dtype))

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
