"""Throw-away runs of an operation: worked out beside the project, read, and gone.

A quick estimate is asked for again at every change of a form. As objects of the project these would pile up, each with a
line in the history; so they run in a folder of their own, which the project does not look into.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.errors import OrganTwinError
from organtwin.jobs import Job, JobState
from organtwin.operations import find
from organtwin.store import load_object
from organtwin_gui.bridge import Bridge

FOLDER = "drafts"  # beside the jobs, so that the worker finds the project's objects
WAIT_MS, POLL_MS = 350, 60


class Draft(QObject):
    """Answers the newest question only; one that is overtaken is cancelled.

    Signals
    -------
    answered(list)
        The objects that the operation made; their arrays are in memory.
    failed(str)
        One sentence.
    """

    asked = Signal()
    answered = Signal(object)
    failed = Signal(str)

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._wanted: tuple[str, dict[str, str], dict[str, Any]] | None = None
        self._job: Job | None = None
        self._leaving: list[Job] = []
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MS)
        self._wait.timeout.connect(self._start)
        self._clock = QTimer(self)
        self._clock.setInterval(POLL_MS)
        self._clock.timeout.connect(self._poll)
        bridge.opened.connect(self._clean)
        bridge.closed.connect(self.forget)

    @property
    def busy(self) -> bool:
        return self._wait.isActive() or self._job is not None

    def ask(self, operation: str, inputs: dict[str, str], parameters: dict[str, Any]) -> None:
        """Ask a little later; asking again meanwhile takes the place of this."""
        self._wanted = (operation, inputs, parameters)
        self._wait.start()
        self.asked.emit()

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self._wanted = None
        self._wait.stop()
        self._put_aside()

    def _put_aside(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._leaving.append(self._job)
            self._job = None

    def _start(self) -> None:
        document = self._bridge.document
        if document is None or self._wanted is None:
            return
        self._put_aside()
        operation, inputs, parameters = self._wanted
        try:
            find(operation).read(parameters)
            job = Job.create(document.project.folder / FOLDER, operation, inputs, parameters, f"Draft of {operation}")
            job.start()
        except OrganTwinError as error:
            self.failed.emit(error.sentence)
            return
        self._job = job
        self._clock.start()

    def _poll(self) -> None:
        for job in list(self._leaving):
            job.poll()
            if job.state.ended:
                self._leaving.remove(job)
                shutil.rmtree(job.folder, ignore_errors=True)
        job = self._job
        if job is not None:
            job.poll()
            if job.state.ended:
                self._job = None
                self._take(job)
        if self._job is None and not self._leaving:
            self._clock.stop()

    def _take(self, job: Job) -> None:
        try:
            if job.state is JobState.DONE:
                self.answered.emit([load_object(folder) for folder in job.result_folders()])
            elif job.state is JobState.FAILED and job.error is not None:
                self.failed.emit(job.error.sentence)
        except OrganTwinError as error:
            self.failed.emit(error.sentence)
        except ValueError:  # written by another version of the program
            self.failed.emit("The answer cannot be read. Start the program again.")
        finally:
            shutil.rmtree(job.folder, ignore_errors=True)

    def _clean(self) -> None:
        """What a session before left here is of no use."""
        if self._bridge.document is not None:
            left: Path = self._bridge.document.project.folder / FOLDER
            shutil.rmtree(left, ignore_errors=True)
