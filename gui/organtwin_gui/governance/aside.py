"""Work beside the window, in a thread: what takes seconds and must not leave this process (passphrases, keys)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from organtwin.errors import OrganTwinError
from organtwin.monitor import Monitor, NullMonitor

Work = Callable[[Monitor], Any]


class Aside(QObject):
    """``work(monitor)``, begun at once; one of ``answered`` and ``refused`` (a sentence) is called in the window's thread."""

    _answered = Signal(object)
    _refused = Signal(str)
    _progressed = Signal(float, str)

    def __init__(
        self,
        parent: QObject,
        work: Work,
        answered: Callable[[Any], None],
        refused: Callable[[str], None],
        progressed: Callable[[float, str], None] | None = None,
    ) -> None:
        super().__init__(parent)
        self._calls = answered, refused, progressed
        for signal, slot in (
            (self._answered, self._answer),
            (self._refused, self._refuse),
            (self._progressed, self._progress),
        ):
            signal.connect(slot, Qt.ConnectionType.QueuedConnection)
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    def _run(self, work: Work) -> None:
        try:
            told = work(_Told(self._progressed))
        except OrganTwinError as error:
            self._say(self._refused, error.sentence)
        except Exception as error:  # a defect must not leave a dialog waiting
            self._say(self._refused, f"Something unexpected went wrong: {error or type(error).__name__}.")
        else:
            self._say(self._answered, told)

    @staticmethod
    def _say(signal: Any, told: Any) -> None:
        with suppress(RuntimeError):  # the window is gone
            signal.emit(told)

    def _answer(self, told: Any) -> None:
        self._calls[0](told)
        self.deleteLater()

    def _refuse(self, sentence: str) -> None:
        self._calls[1](sentence)
        self.deleteLater()

    def _progress(self, fraction: float, what: str) -> None:
        if self._calls[2] is not None:
            self._calls[2](fraction, what)


class _Told(NullMonitor):
    def __init__(self, signal: Any) -> None:
        self._signal = signal

    def progress(self, fraction: float, what: str = "") -> None:
        with suppress(RuntimeError):
            self._signal.emit(fraction, what)
