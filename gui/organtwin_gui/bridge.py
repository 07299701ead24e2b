"""Between the document, which knows no window, and the widgets: Qt signals, a clock that hears the jobs, errors as notices."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.document import Change, Document
from organtwin.errors import OrganTwinError
from organtwin.jobs import Job, JobState
from organtwin.model import TwinObject
from organtwin.store import Entry

POLL_MS = 100


class Bridge(QObject):
    """The window's one way to the twin. Holds at most one open document."""

    opened = Signal()
    closed = Signal()
    changed = Signal(object)  # Change
    job_changed = Signal(object)  # Job
    job_ended = Signal(object)  # Job, once
    failed = Signal(str)  # one sentence
    told = Signal(str)  # one sentence that is good news
    selected = Signal(object)  # uuid or None

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document: Document | None = None
        self.selection: str | None = None
        self._ended: set[str] = set()
        self._clock = QTimer(self)
        self._clock.setInterval(POLL_MS)
        self._clock.timeout.connect(self._poll)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Failures inside become a notice; the window lives on."""
        try:
            yield
        except OrganTwinError as error:
            self.failed.emit(error.sentence)
        except Exception as error:  # a defect: the sentence goes to the user, the traceback to the terminal
            traceback.print_exc()
            self.failed.emit(
                f"Something unexpected went wrong: {error or type(error).__name__}. Your project is unchanged."
            )

    # -- the document ---------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self.document is not None

    def create(self, folder: Path) -> bool:
        return self._take(lambda: Document.create(folder))

    def open(self, folder: Path) -> bool:
        """Open a project; the one that was open is closed first. Returns whether it worked."""
        return self._take(lambda: Document.open(folder))

    def _take(self, make: Callable[[], Document]) -> bool:
        with self.guarded():
            document = make()
            self.close()
            self.document = document
            document.changed.connect(self._changed)
            document.job_changed.connect(self.job_changed.emit)
            self.opened.emit()
            if document.project.recovered_from_line is not None:
                self.told.emit("The last session ended in the middle of a step; everything before that step is here.")
            self._clock.start()
            self._poll()
            return True
        return False

    def close(self) -> None:
        self._clock.stop()
        if self.document is not None:
            self.document.close()
            self.document = None
            self._ended.clear()
            self.select(None)
            self.closed.emit()

    def _changed(self, change: Change) -> None:
        if self.selection in change.removed:
            self.select(None)
        self.changed.emit(change)

    def _poll(self) -> None:
        if self.document is None:
            return
        with self.guarded():
            self.document.poll()
        for job in list(self.document.jobs.values() if self.document else ()):  # a listener may have closed it
            if job.state.ended and job.id not in self._ended:
                self._ended.add(job.id)
                self.job_ended.emit(job)
                if job.state is JobState.FAILED and job.error is not None:
                    self.failed.emit(job.error.sentence)

    # -- asking ---------------------------------------------------------------------------------------------------

    def entries(self, kind: str | None = None) -> list[Entry]:
        return self.document.entries(kind) if self.document else []

    def get(self, uuid: str) -> TwinObject:
        assert self.document is not None
        return self.document.get(uuid)

    def latest(self, kind: str, **facts: Any) -> Entry | None:
        return self.document.latest(kind, **facts) if self.document else None

    def only_edited(self, change: Change) -> bool:
        """Whether a change is no more than the next version of a segmentation under the hand, or the one before again."""
        if self.document is None or len(change.added) != 1 or len(change.removed) != 1 or change.renamed:
            return False
        (new,), (old,) = change.added, change.removed
        entries = self.document.entry(new), self.document.entry(old)
        return all(e.kind == "segmentation" for e in entries) and (
            entries[0].replaces == old or entries[1].replaces == new
        )

    def running(self) -> list[Job]:
        return [j for j in self.document.jobs.values() if not j.state.ended] if self.document else []

    # -- doing ----------------------------------------------------------------------------------------------------

    def select(self, uuid: str | None) -> None:
        """Choose the object that the inspector shows."""
        if uuid != self.selection:
            self.selection = uuid
            self.selected.emit(uuid)

    def resume(self, job: Job) -> None:
        """Let a job that was ended before it was done go on from its checkpoint."""
        with self.guarded():
            assert self.document is not None
            self._ended.discard(job.id)
            self.document.resume(job)

    def start(
        self, operation: str, inputs: dict[str, str], parameters: dict[str, Any], label: str, *, ranks: int = 1
    ) -> Job | None:
        """Start a job; a mistake becomes a notice."""
        with self.guarded():
            assert self.document is not None
            return self.document.start(operation, inputs, parameters, label, ranks=ranks)
        return None

    def undo(self) -> None:
        if self.document:
            with self.guarded():
                self.document.undo()

    def redo(self) -> None:
        if self.document:
            with self.guarded():
                self.document.redo()


__all__ = ["Bridge", "Change"]
