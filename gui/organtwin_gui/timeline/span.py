"""The stretch of time that is looked at. All lanes, the strip of events and the axis follow the same one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent

from organtwin.timeline.days import DAY_S, clock

LEAST_S = 60.0
ZOOM_PER_NOTCH = 0.8
FRAME_MS = 16  # wheels and drags come faster than can be drawn


class Span(QObject):
    """``start_s`` to ``end_s``, in seconds since 1970 UTC, within what there is.

    Signals
    -------
    changed()
        At most once a frame, however fast it is moved.
    pointed(object)
        The time under the pointer, or None.
    """

    changed = Signal()
    pointed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.first_s, self.last_s = 0.0, DAY_S
        self.start_s, self.end_s = 0.0, DAY_S
        self.offset_s = 0.0  # of the patient's clock to UTC
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(FRAME_MS)
        self._soon.timeout.connect(self.changed)

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def set_limits(self, first_s: float, last_s: float) -> None:
        """What there is; a little air is left on both sides. Who saw it to its end sees what came after it too."""
        whole, at_end = self.start_s <= self.first_s, self.end_s >= self.last_s
        air = max(0.02 * (last_s - first_s), 0.25 * DAY_S)
        self.first_s, self.last_s = first_s - air, last_s + air
        if at_end:
            self.show(self.first_s if whole else self.last_s - self.length_s, self.last_s)
        else:
            self.show(self.start_s, self.end_s)

    def show(self, start_s: float, end_s: float) -> None:
        whole = self.last_s - self.first_s
        length = min(max(end_s - start_s, LEAST_S), whole)
        start = min(max(start_s, self.first_s), self.last_s - length)
        if (start, start + length) != (self.start_s, self.end_s):
            self.start_s, self.end_s = start, start + length
            if not self._soon.isActive():
                self._soon.start()

    def show_all(self) -> None:
        self.show(self.first_s, self.last_s)

    def show_last(self, length_s: float, end_s: float) -> None:
        """A length of time that ends a little after ``end_s``."""
        end = end_s + 0.04 * length_s
        self.show(end - length_s, end)

    def zoom(self, by: float, at_s: float) -> None:
        """Shorter for ``by`` below 1; what is ``at_s`` stays in its place."""
        length = min(max(self.length_s * by, LEAST_S), self.last_s - self.first_s)
        share = (at_s - self.start_s) / self.length_s
        self.show(at_s - share * length, at_s + (1.0 - share) * length)

    def pan(self, by_s: float) -> None:
        self.show(self.start_s + by_s, self.end_s + by_s)

    def at(self, share: float) -> float:
        return self.start_s + share * self.length_s

    def share(self, at_s: float) -> float:
        return (at_s - self.start_s) / self.length_s

    def local(self, at_s: float) -> datetime:
        """The patient's clock at a time."""
        return clock(at_s, self.offset_s / 60.0)

    def said(self, at_s: float) -> str:
        """A time in words, as exact as one can see."""
        pattern = "%d %b %Y" if self.length_s > 60 * DAY_S else "%a %d %b %Y, %H:%M"
        return f"{self.local(at_s):{pattern}}"


class Hand:
    """Wheel and drag over a widget move a span: wheel zooms, Shift and wheel or dragging goes along.

    ``edges`` gives the pixels of the span's beginning and end in the widget.
    """

    def __init__(self, span: Span, edges: Callable[[], tuple[float, float]]) -> None:
        self._span, self._edges = span, edges
        self._held: QPointF | None = None
        self.dragged = False

    def time_at(self, x: float) -> float:
        left, right = self._edges()
        return self._span.at((x - left) / max(right - left, 1.0))

    def wheel(self, event: QWheelEvent) -> None:
        step = event.angleDelta()
        sideways = step.x() if abs(step.x()) > abs(step.y()) else 0
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not sideways:
            sideways = step.y()
        if sideways:
            self._span.pan(-sideways / 120.0 * 0.12 * self._span.length_s)
        elif step.y():
            self._span.zoom(ZOOM_PER_NOTCH ** (step.y() / 120.0), self.time_at(event.position().x()))
        event.accept()

    def press(self, event: QMouseEvent) -> None:
        self._held, self.dragged = event.position(), False

    def move(self, event: QMouseEvent) -> None:
        if self._held is not None and event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton):
            away = event.position().x() - self._held.x()
            if self.dragged or abs(away) > 3:
                self.dragged, self._held = True, event.position()
                left, right = self._edges()
                self._span.pan(-away / max(right - left, 1.0) * self._span.length_s)
        else:
            self._span.pointed.emit(self.time_at(event.position().x()))

    def release(self) -> None:
        self._held = None
