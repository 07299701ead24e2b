"""A grey picture in millimetres with lines over it: a straightened vessel, or the section across it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from organtwin_gui import theme


class Picture(QWidget):
    """Shows ``values`` (rows, columns), whose middle is at ``centre`` mm (right, down), with lines (n, 2) in the same mm.

    Signals
    -------
    pointed(float, float)
        Where it was clicked or dragged, mm.
    turned(int)
        Steps of the wheel.
    """

    pointed = Signal(float, float)
    turned = Signal(int)

    def __init__(self, empty: str) -> None:
        super().__init__()
        self._empty = empty
        self._image: QImage | None = None
        self._extent = QRectF()
        self._lines: list[tuple[NDArray[np.float64], str, float]] = []
        self._texts: list[tuple[QPointF, str]] = []
        self.setMinimumSize(140, 120)
        self.setCursor(Qt.CursorShape.CrossCursor)

    @property
    def is_empty(self) -> bool:
        return self._image is None

    def picture(self, pixels_wide: int = 1600) -> QImage:
        """What is shown, with its lines, without the empty margins."""
        size = self._extent.size() * (pixels_wide / max(self._extent.width(), 1e-6))
        made = QImage(max(round(size.width()), 1), max(round(size.height()), 1), QImage.Format.Format_RGB32)
        painter = QPainter(made)
        self._paint(painter, QSizeF(made.size()), max(1.0, pixels_wide / 600))
        painter.end()
        return made

    def clear(self) -> None:
        self._image = None
        self.update()

    def show_picture(
        self,
        values: NDArray[np.float32],
        mm_per_pixel: tuple[float, float],
        corner_mm: tuple[float, float],
        window: tuple[float, float],
        lines: Sequence[tuple[NDArray[np.float64], str, float]] = (),
        texts: Sequence[tuple[tuple[float, float], str]] = (),
    ) -> None:
        """``mm_per_pixel`` and ``corner_mm`` (of the outer corner of the first pixel) are (right, down); ``window`` is
        (level, width); a line is (points, colour, width in pixels)."""
        level, width = window
        grey = np.clip(
            (np.nan_to_num(values, nan=level - width) - (level - width / 2)) / max(width, 1e-6) * 255, 0, 255
        )
        data = np.ascontiguousarray(grey, np.uint8)
        rows, columns = data.shape
        self._image = QImage(data.data, columns, rows, columns, QImage.Format.Format_Grayscale8).copy()
        self._extent = QRectF(*corner_mm, columns * mm_per_pixel[0], rows * mm_per_pixel[1])
        self._lines = list(lines)
        self._texts = [(QPointF(*place), text) for place, text in texts]
        self.update()

    # -- between mm and the screen --------------------------------------------------------------------------------

    def _scale(self, size: QSizeF) -> float:
        return min(size.width() / max(self._extent.width(), 1e-6), size.height() / max(self._extent.height(), 1e-6))

    def _to_screen(self, right: float, down: float, size: QSizeF) -> QPointF:
        scale, middle = self._scale(size), self._extent.center()
        return QPointF(size.width() / 2 + scale * (right - middle.x()), size.height() / 2 + scale * (down - middle.y()))

    def _to_mm(self, at: QPointF) -> tuple[float, float]:
        scale, middle = self._scale(QSizeF(self.size())), self._extent.center()
        return middle.x() + (at.x() - self.width() / 2) / scale, middle.y() + (at.y() - self.height() / 2) / scale

    # -- events ---------------------------------------------------------------------------------------------------

    def paintEvent(self, event: object) -> None:
        painter = QPainter(self)
        if self._image is None:
            painter.fillRect(self.rect(), QColor(theme.IMAGE_BACKGROUND))
            painter.setPen(QColor(theme.DARK.text_quiet))  # the ground is black in either theme
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._empty)  # fmt: skip
        else:
            self._paint(painter, QSizeF(self.size()))
        painter.end()

    def _paint(self, painter: QPainter, size: QSizeF, thicker: float = 1.0) -> None:
        assert self._image is not None
        painter.fillRect(QRectF(QPointF(), size), QColor(theme.IMAGE_BACKGROUND))
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        corner, scale = self._to_screen(self._extent.left(), self._extent.top(), size), self._scale(size)
        painter.drawImage(QRectF(corner.x(), corner.y(), self._extent.width() * scale, self._extent.height() * scale), self._image)  # fmt: skip
        for points, colour, width in self._lines:
            painter.setPen(QPen(QColor(colour), thicker * width))
            painter.drawPolyline(QPolygonF([self._to_screen(float(x), float(y), size) for x, y in points if np.isfinite(x + y)]))  # fmt: skip
        painter.setFont(theme.font(theme.SMALL_POINTS))
        painter.setPen(QColor(theme.IMAGE_TEXT))
        for place, text in self._texts:
            painter.drawText(self._to_screen(place.x(), place.y(), size), text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._image is not None and event.button() is Qt.MouseButton.LeftButton:
            self.pointed.emit(*self._to_mm(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._image is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.pointed.emit(*self._to_mm(event.position()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.angleDelta().y():
            self.turned.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
