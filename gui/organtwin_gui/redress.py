"""A change of theme reaches a widget several times; what is drawn again for it is drawn once, and only when it is seen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget


class Redress(QObject):
    """Calls ``draw`` a moment after ``widget`` took on another palette; if it is hidden, when it is shown."""

    def __init__(self, widget: QWidget, draw: Callable[[], None]) -> None:
        super().__init__(widget)
        self._widget, self._draw = widget, draw
        self._due = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._now)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.PaletteChange:
            self._due = True
            self._soon.start()
        elif event.type() == QEvent.Type.Show and self._due:
            self._soon.start()
        return False

    def _now(self) -> None:
        if self._due and self._widget.isVisible():
            self._due = False
            self._draw()
