"""Work that would hold up the window, done beside it; the newest request of a kind wins."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot

_log = logging.getLogger(__name__)


class _Task(QRunnable):
    def __init__(self, owner: Background, key: object, ticket: int, function: Callable[[], Any]) -> None:
        super().__init__()
        self._owner, self._key, self._ticket, self._function = owner, key, ticket, function

    def run(self) -> None:
        if not self._owner.wants(self._key, self._ticket):
            return
        try:
            answer, error = self._function(), None
        except Exception as problem:  # handed to the window's thread, which logs it
            answer, error = None, problem
        self._owner.answered.emit(self._key, self._ticket, answer, error)


class Background(QObject):
    """A queue of small computations for the views.

    ``submit(key, function, done)`` runs ``function()`` in a thread and then ``done(answer)`` in the window's thread.
    A later submit with the same key makes the earlier one void.
    """

    answered = Signal(object, int, object, object)
    progressed = Signal()  # from any thread: a long computation has come further

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._tickets: dict[object, int] = {}
        self._done: dict[object, Callable[[Any], None]] = {}
        self._closed = False
        self._next = 0
        self.answered.connect(self._receive)

    def submit(self, key: object, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        if self._closed:
            return
        self._next += 1
        self._tickets[key] = self._next
        self._done[key] = done
        self._pool.start(_Task(self, key, self._next, function))

    def wants(self, key: object, ticket: int) -> bool:
        """Whether the answer to a request is still of use."""
        return not self._closed and self._tickets.get(key) == ticket

    def forget(self, owner: object) -> None:
        """Void every request whose key is ``owner`` or a tuple that begins with it."""
        for key in [k for k in self._tickets if k == owner or (isinstance(k, tuple) and k and k[0] == owner)]:
            self._tickets.pop(key, None)
            self._done.pop(key, None)

    def has(self, key: object) -> bool:
        """Whether an answer to this key is awaited."""
        return key in self._tickets

    @property
    def busy(self) -> bool:
        return bool(self._tickets)

    @Slot(object, int, object, object)
    def _receive(self, key: object, ticket: int, answer: Any, error: Exception | None) -> None:
        if not self.wants(key, ticket):
            return
        del self._tickets[key]
        done = self._done.pop(key)
        if error is not None:
            _log.error("a view could not be computed", exc_info=error)
        else:
            done(answer)

    def shut_down(self) -> None:
        """Drop what waits and let what runs end."""
        self._closed = True
        self._tickets.clear()
        self._done.clear()
        self._pool.clear()
        self._pool.waitForDone()
