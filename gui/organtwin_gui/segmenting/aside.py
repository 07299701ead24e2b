"""Slow tools beside the window: the process of the bench is asked, heard regularly, and stopped when nobody waits any more."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.document.workbench import Answer, Failed, Workbench, Working
from organtwin.edit.edit import Edit
from organtwin.errors import OrganTwinError

HEARD_EVERY_MS = 30
SHOWN_AFTER_MS = 250  # what is done sooner needs no progress
STOPPING_MS = 1500  # how long to listen on, so that a process that does not stop is ended


class Aside(QObject):
    """At most one question at a time; a newer one takes the place of an older one."""

    progressed = Signal(float, str)  # -1: nothing goes on

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bench: Workbench | None = None
        self._ends: list[Callable[[], object]] = []
        self._done: Callable[[Answer], None] | None = None
        self._failed: Callable[[OrganTwinError], None] | None = None
        self._title = ""
        self._last = (0.0, "")
        self._preview = False
        self._clock = QTimer(self)
        self._clock.setInterval(HEARD_EVERY_MS)
        self._clock.timeout.connect(self._poll)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(SHOWN_AFTER_MS)
        self._quiet.timeout.connect(self._tell)
        self._over = QTimer(self)
        self._over.setSingleShot(True)
        self._over.setInterval(STOPPING_MS)
        self._over.timeout.connect(self._clock.stop)

    @property
    def busy(self) -> bool:
        """Whether an edit is being worked out that will be done; a preview holds nobody up."""
        return self._done is not None and not self._preview

    def start(
        self,
        bench: Workbench,
        edit: Edit,
        volume: str | None,
        title: str,
        done: Callable[[Answer], None],
        failed: Callable[[OrganTwinError], None],
        *,
        preview: bool = False,
    ) -> None:
        """Ask the bench; unless it is a preview, what comes of it is done when ``done`` is called."""
        self._forget()
        self._hear(bench)
        self._done, self._failed, self._title, self._preview = done, failed, title, preview
        self._last = (0.0, "")
        bench.poll()  # a process that ended while nobody listened begins again
        if preview:
            bench.preview(edit, volume)
        else:
            bench.ask(edit, volume)
        self._quiet.start()
        self._over.stop()
        self._clock.start()

    def stop(self) -> None:
        """Nobody waits for it any more."""
        if self._done is not None:
            if self._bench is not None:
                self._bench.stop()
            self._forget()
            self._over.start()
            self.progressed.emit(-1.0, "")

    def leave(self) -> None:
        """The bench goes."""
        self.stop()
        self._clock.stop()
        self._over.stop()
        for end in self._ends:
            end()
        self._ends, self._bench = [], None

    def _hear(self, bench: Workbench) -> None:
        if bench is self._bench:
            return
        for end in self._ends:
            end()
        self._bench = bench
        self._ends = [
            bench.answered.connect(self._take_answer),
            bench.failed.connect(self._take_failure),
            bench.progressed.connect(self._take_progress),
        ]

    def _forget(self) -> None:
        self._done = self._failed = None
        self._quiet.stop()

    def _poll(self) -> None:
        if self._bench is None or (not self._bench.poll() and not self._over.isActive()):
            self._clock.stop()

    def _tell(self) -> None:
        fraction, what = self._last
        self.progressed.emit(fraction, f"{self._title}: {what}" if what else f"{self._title} …")

    def _take_progress(self, working: Working) -> None:
        self._last = (working.fraction, working.what)
        if self._done is not None and not self._quiet.isActive():
            self._tell()

    def _take_answer(self, answer: Answer) -> None:
        done = self._done
        self._forget()
        self.progressed.emit(-1.0, "")
        if done is not None:
            done(answer)

    def _take_failure(self, failure: Failed) -> None:
        failed = self._failed
        self._forget()
        self.progressed.emit(-1.0, "")
        if failed is not None:
            failed(failure.error)
