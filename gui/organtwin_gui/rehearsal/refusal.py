"""Why the engine would not do something, in the picture: the window stays as it is under the surgeon's hand."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from organtwin_gui import theme

SHOWN_S = 7.0
_PAD = 12.0
_ABOVE = 52.0  # pixels of the badge below it
_WIDEST = 520.0


def paint_refusal(painter: QPainter, sentence: str, area: QRectF) -> QRectF:
    """Above the badge; returns the place it took."""
    font = theme.font(theme.SMALL_POINTS + 0.5, bold=True)
    most = max(min(_WIDEST, area.width() - 40), 80.0)
    flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
    text = QFontMetricsF(font).boundingRect(QRectF(0, 0, most - 2 * _PAD - 8, 400), flags, sentence)
    wide, high = text.width() + 2 * _PAD + 8, text.height() + _PAD + 4
    plate = QRectF(area.center().x() - wide / 2, area.bottom() - _ABOVE - high, wide, high)
    painter.save()
    painter.setPen(QPen(QColor(theme.DARK.warning), 1.2))
    painter.setBrush(QColor(12, 15, 19, 228))
    painter.drawRoundedRect(plate, 9, 9)
    painter.setFont(font)
    painter.setPen(QColor(theme.IMAGE_TEXT))
    painter.drawText(plate.adjusted(_PAD, 0, -_PAD, 0), flags, sentence)
    painter.restore()
    return plate
