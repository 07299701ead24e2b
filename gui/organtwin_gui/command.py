"""A command of the program, run in a process of its own: what takes seconds and is no job of a project."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from organtwin.store.vault import keys

KILLED_MS = 1000


class Command(QObject):
    """``organtwin ARGUMENTS``, begun at once.

    Signals
    -------
    answered(object)
        It went well: what it printed, read as JSON where ``--json`` was asked for, else as text.
    refused(str)
        It did not: its sentence, empty where it was ended without one.
    ended()
        After either, and when it was stopped.
    """

    answered = Signal(object)
    refused = Signal(str)
    ended = Signal()

    def __init__(self, arguments: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._as_json = "--json" in arguments
        self._process = QProcess(self)
        self._process.finished.connect(self._finished)
        environment = QProcessEnvironment.systemEnvironment()
        for name, value in keys().items():  # of a sealed project that is open here
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.start(sys.executable, ["-m", "organtwin.cli.main", *arguments])

    @property
    def running(self) -> bool:
        return self._process.state() is not QProcess.ProcessState.NotRunning

    def stop(self) -> None:
        """End it; nobody is told."""
        if self.running:
            self._process.finished.disconnect(self._finished)
            self._process.kill()
            self._process.waitForFinished(KILLED_MS)
            self.ended.emit()

    def _finished(self, code: int, _status: object) -> None:
        printed = bytes(self._process.readAllStandardOutput().data())
        said = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip()
        try:
            answer = None if code else json.loads(printed) if self._as_json else printed.decode(errors="replace")
        except ValueError:
            code = 1
        if code:
            self.refused.emit(said.removeprefix("organtwin: "))
        else:
            self.answered.emit(answer)
        self.ended.emit()
