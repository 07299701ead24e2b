"""What happened, as bars and marks above the lanes: conditions, medication, procedures, scans, reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from organtwin.model import Event
from organtwin_gui import theme
from organtwin_gui.timeline.lane import AXIS_PX
from organtwin_gui.timeline.span import Hand, Span

ROW_PX, MARK_PX = 19, 11
MOST_ROWS = {"condition": 3, "medication": 4, "mark": 1}
# bars last, marks are moments
BARS = ("condition", "medication")
WORDS = {
    "condition": "Condition", "medication": "Medication", "procedure": "Procedure", "imaging": "Scan", "report": "Report",
    "encounter": "Visit", "note": "Note",
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """Something that was painted, and where."""

    place: QRectF
    events: tuple[Event, ...]


class Happenings(QWidget):
    """Bars where something lasted, marks where it was a moment; what lies too close is one mark with a number.

    Signals
    -------
    clicked(object)
        The event that was clicked.
    """

    clicked = Signal(object)

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self.events: tuple[Event, ...] = ()
        self.drawn: list[Drawn] = []
        self._rows: dict[str, list[list[Event]]] = {}
        self._hand = Hand(span, self.edges)
        self.setMouseTracking(True)
        self.setAccessibleName("What happened")
        span.changed.connect(self.update)

    def edges(self) -> tuple[float, float]:
        return float(AXIS_PX), float(self.width() - 1)

    def show_events(self, events: Sequence[Event]) -> None:
        self.events = tuple(sorted(events, key=lambda e: e.start_s))
        self._rows = {kind: _packed([e for e in self.events if e.kind == kind], MOST_ROWS[kind]) for kind in BARS}
        rows = sum(len(rows) for rows in self._rows.values()) + any(e.kind not in BARS for e in self.events)
        self.setFixedHeight(rows * ROW_PX + 6)
        self.setVisible(rows > 0)
        self.update()

    # -- painting -----------------------------------------------------------------------------------------------------

    def _x(self, at_s: float) -> float:
        left, right = self.edges()
        return left + self.span.share(at_s) * (right - left)

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(look.surface_0))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.SMALL_POINTS))
        self.drawn = []
        top = 3.0
        for kind, colour in (("condition", look.warning), ("medication", look.accent)):
            for number, row in enumerate(self._rows.get(kind, ())):
                if number == 0:
                    painter.setPen(QColor(look.text_quiet))
                    name = {"condition": "Illness", "medication": "Drugs"}[kind]
                    painter.drawText(QRectF(0, top, AXIS_PX - 6, ROW_PX), _RIGHT, name)
                self._paint_bars(painter, row, top, colour)
                top += ROW_PX
        marks = [e for e in self.events if e.kind not in BARS]
        if marks:
            painter.setPen(QColor(look.text_quiet))
            painter.drawText(QRectF(0, top, AXIS_PX - 6, ROW_PX), _RIGHT, "Events")
            self._paint_marks(painter, marks, top)
        painter.end()

    def _paint_bars(self, painter: QPainter, row: Sequence[Event], top: float, colour: str) -> None:
        look = theme.current()
        left, right = self.edges()
        for event in row:
            start = self._x(event.start_s)
            end = right if event.end_s is None else max(self._x(event.end_s), start + 4)
            if end < left or start > right:
                continue
            place = QRectF(max(start, left), top + 1.5, min(end, right) - max(start, left), ROW_PX - 3)
            fill = QColor(colour)
            fill.setAlpha(60)
            painter.setPen(QPen(QColor(colour), 1))
            painter.setBrush(fill)
            painter.drawRoundedRect(place, 3, 3)
            said = painter.fontMetrics().elidedText(event.display, Qt.TextElideMode.ElideRight, int(place.width()) - 8)
            if place.width() > 26:
                painter.setPen(QColor(look.text))
                painter.drawText(place.adjusted(5, 0, -2, 0), _LEFT, said)
            self.drawn.append(Drawn(place, (event,)))

    def _paint_marks(self, painter: QPainter, marks: Sequence[Event], top: float) -> None:
        look = theme.current()
        left, right = self.edges()
        colours = {"imaging": look.good, "procedure": look.danger, "report": look.accent}
        groups: list[list[Event]] = []
        last = -1e9
        for event in marks:
            x = self._x(event.start_s)
            if not left <= x <= right:
                continue
            if groups and x - last < MARK_PX + 1:
                groups[-1].append(event)
            else:
                groups.append([event])
                last = x
        for n, group in enumerate(groups):
            chief = next((e for kind in ("procedure", "imaging", "report") for e in group if e.kind == kind), group[0])
            x = self._x(group[0].start_s)
            place = QRectF(x - MARK_PX / 2, top + (ROW_PX - MARK_PX) / 2, MARK_PX, MARK_PX)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.get(chief.kind, look.text_off)))
            if chief.kind == "imaging":
                painter.drawRoundedRect(place, 2, 2)
            else:
                painter.drawEllipse(place)
            room = (self._x(groups[n + 1][0].start_s) if n + 1 < len(groups) else right) - x - MARK_PX
            text = chief.display if len(group) == 1 else f"{len(group)}: {chief.display}"
            if room > 50:
                painter.setPen(QColor(look.text_quiet))
                said = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room) - 6)
                painter.drawText(QRectF(x + MARK_PX / 2 + 4, top, room, ROW_PX), _LEFT, said)
            self.drawn.append(Drawn(place.adjusted(-2, -3, 2, 3), tuple(group)))

    # -- pointer ------------------------------------------------------------------------------------------------------

    def _at(self, x: float, y: float) -> Drawn | None:
        return next((d for d in reversed(self.drawn) if d.place.contains(x, y)), None)

    def _tell(self, at: QPoint, drawn: Drawn) -> None:
        lines = [said_of(event, self.span) for event in drawn.events[:8]]
        if len(drawn.events) > 8:
            lines.append(f"and {len(drawn.events) - 8} more: zoom in to tell them apart")
        if any(e.kind == "imaging" for e in drawn.events):
            lines.append("Click to open the study")
        QToolTip.showText(at, "\n".join(lines), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hand.move(event)
        found = self._at(event.position().x(), event.position().y())
        self.setCursor(Qt.CursorShape.PointingHandCursor if found else Qt.CursorShape.ArrowCursor)
        if found is not None and not event.buttons():
            self._tell(event.globalPosition().toPoint(), found)
        elif found is None:
            QToolTip.hideText()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._hand.release()
        found = self._at(event.position().x(), event.position().y())
        if found is not None and not self._hand.dragged:
            scans = [e for e in found.events if e.kind == "imaging"]
            self.clicked.emit((scans or list(found.events))[0])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.span.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._hand.wheel(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.span.pointed.emit(None)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _packed(events: Sequence[Event], most: int) -> list[list[Event]]:
    """Rows in which nothing lies over another; what lasts longest comes first. What finds no place shares the last row."""
    rows: list[list[Event]] = []
    for event in sorted(events, key=lambda e: e.start_s - (e.end_s if e.end_s is not None else 1e12)):
        free = next((row for row in rows if not any(_meet(event, other) for other in row)), None)
        if free is None and len(rows) < most:
            free = []
            rows.append(free)
        (free if free is not None else rows[-1]).append(event)
    return rows


def _meet(one: Event, other: Event) -> bool:
    end = one.end_s if one.end_s is not None else 1e12
    other_end = other.end_s if other.end_s is not None else 1e12
    return one.start_s < other_end and other.start_s < end


def said_of(event: Event, span: Span) -> str:
    """An event in a line: what, since when, until when, and what is known of it."""
    start = f"{span.local(event.start_s):%d %b %Y}"
    end = "" if event.end_s is None else f" to {span.local(event.end_s):%d %b %Y}"
    if event.kind in BARS and event.end_s is None:
        end = " until now"
    more = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in event.detail.items() if isinstance(v, str | int | float))
    said = f"{WORDS.get(event.kind, event.kind)}: {event.display}, {start}{end}"
    return f"{said} ({more[:160]})" if more else said
