"""A closed line over the 3D view, for scissors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPolygonF

from organtwin_gui.segmenting.hand import outlined
from organtwin_gui.views.render_canvas import RenderCanvas

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
STEP_PX = 3.0


class Lasso(QObject):
    """While it is on, a left drag draws; with Ctrl it turns the view as always, and the other buttons do what they do."""

    def __init__(
        self,
        canvas: RenderCanvas,
        ready: Callable[[], bool],
        closed: Callable[[list[tuple[float, float]], NDArray[np.float64]], object],
    ) -> None:
        super().__init__(canvas)
        self._canvas, self._ready, self._closed = canvas, ready, closed
        self._line: list[QPointF] = []
        self.on = False
        canvas.installEventFilter(self)
        canvas.overpaint.append(self._paint)

    def set_on(self, on: bool) -> None:
        if on != self.on:
            self.on = on
            self._line = []
            self._canvas.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)
            self._canvas.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self.on or not isinstance(event, QMouseEvent):
            return False
        kind, left = event.type(), event.button() == Qt.MouseButton.LeftButton
        if kind == QEvent.Type.MouseButtonDblClick and left:
            return True
        if kind == QEvent.Type.MouseButtonPress and left and not event.modifiers() & (CONTROL | SHIFT):
            area = self._canvas.cube_area(QRectF(self._canvas.rect()))
            if area.contains(event.position()) or not self._ready():
                return area.contains(event.position()) is False
            self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
            self._line = [event.position()]
            return True
        if kind == QEvent.Type.MouseMove and self._line:
            if (event.position() - self._line[-1]).manhattanLength() >= STEP_PX:
                self._line.append(event.position())
                self._canvas.update()
            return True
        if kind == QEvent.Type.MouseButtonRelease and left and self._line:
            line, self._line = self._line, []
            self._canvas.update()
            if len(line) >= 3:
                self._close(line)
            return True
        return False

    def _close(self, line: list[QPointF]) -> None:
        wide, high = max(1, self._canvas.width()), max(1, self._canvas.height())
        camera = self._canvas.renderer.GetActiveCamera()
        matrix = camera.GetCompositeProjectionTransformMatrix(wide / high, -1, 1)
        to_clip = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
        self._closed([(2 * p.x() / wide - 1, 1 - 2 * p.y() / high) for p in line], to_clip)

    def _paint(self, painter: QPainter, area: QRectF) -> None:
        if len(self._line) < 2:
            return
        fill = QColor(255, 255, 255, 36)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(self._line))
        outlined(painter, (235, 240, 246), lambda: painter.drawPolyline(QPolygonF([*self._line, self._line[0]])))
