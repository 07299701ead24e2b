"""Slow tools beside the window: started, watched and stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, QTimer, Signal, Slot

from organtwin.document.workbench import Workbench
from organtwin.edit.apply import Edited
from organtwin.edit.edit import Edit, canvas_of
from organtwin.errors import Cancelled, OrganTwinError
from organtwin.monitor import NullMonitor

SHOWN_AFTER_MS = 250  # what is done sooner needs no progress


class _Watch(NullMonitor):
    """Tells the window how far it is, from another thread."""

    def __init__(self, tell: Callable[[float, str], None]) -> None:
        self._tell = tell
        self.stopped = False

    def progress(self, fraction: float, what: str = "") -> None:
        if self.stopped:
            raise Cancelled
        self._tell(fraction, what)


class _Task(QRunnable):
    def __init__(self, owner: Aside, ticket: int, work: Callable[[_Watch], Any]) -> None:
        super().__init__()
        self._owner, self._ticket, self._work = owner, ticket, work
        self.watch = _Watch(lambda fraction, what: owner.heard.emit(ticket, fraction, what))

    def run(self) -> None:
        try:
            answer, error = self._work(self.watch), None
        except Cancelled:
            return
        except Exception as problem:  # handed to the window's thread
            answer, error = None, problem
        self._owner.answered.emit(self._ticket, answer, error)


class Aside(QObject):
    """At most one tool at a time."""

    progressed = Signal(float, str)  # -1: nothing goes on
    heard = Signal(int, float, str)
    answered = Signal(int, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._ticket = 0
        self._task: _Task | None = None
        self._title = ""
        self._done: Callable[[Edited], None] | None = None
        self._failed: Callable[[Exception], None] | None = None
        self._last = (0.0, "")
        self._shown = QTimer(self)
        self._shown.setSingleShot(True)
        self._shown.setInterval(SHOWN_AFTER_MS)
        self._shown.timeout.connect(self._tell)
        self.heard.connect(self._hear)
        self.answered.connect(self._receive)

    @property
    def busy(self) -> bool:
        return self._task is not None

    def start(
        self, bench: Workbench, edit: Edit, volume: str | None, title: str,
        done: Callable[[Edited], None], failed: Callable[[Exception], None],
    ) -> None:  # fmt: skip
        """Work an edit out without doing it."""
        self.stop()
        scan: Any = bench.document.get(volume) if volume else None
        canvas = canvas_of(bench.grid, bench.labels, bench.segments, edit.segment, scan)
        self._begin(lambda watch: edit.perform(canvas, watch), title, done, failed)

    def _begin(
        self,
        work: Callable[[_Watch], Any],
        title: str,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._ticket += 1
        self._title, self._done, self._failed, self._last = title, done, failed, (0.0, "")
        self._task = _Task(self, self._ticket, work)
        self._shown.start()
        self._pool.start(self._task)

    def stop(self) -> None:
        """Nobody waits for it any more."""
        if self._task is not None:
            self._task.watch.stopped = True
            self._finish()

    def _finish(self) -> None:
        self._task = None
        self._shown.stop()
        self.progressed.emit(-1.0, "")

    def _tell(self) -> None:
        fraction, what = self._last
        self.progressed.emit(fraction, f"{self._title}: {what}" if what else f"{self._title} …")

    @Slot(int, float, str)
    def _hear(self, ticket: int, fraction: float, what: str) -> None:
        if ticket == self._ticket and self._task is not None:
            self._last = (fraction, what)
            if not self._shown.isActive():
                self._tell()

    @Slot(int, object, object)
    def _receive(self, ticket: int, answer: Any, error: Exception | None) -> None:
        if ticket != self._ticket or self._task is None:
            return
        done, failed = self._done, self._failed
        self._finish()
        if error is not None and failed is not None:
            if not isinstance(error, OrganTwinError):
                import traceback

                traceback.print_exception(error)
            failed(error)
        elif done is not None:
            done(answer)

    def shut_down(self) -> None:
        self.stop()
        self._pool.clear()
        self._pool.waitForDone()
