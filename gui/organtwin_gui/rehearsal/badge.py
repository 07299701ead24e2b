"""What a rehearsal's picture always says of itself: that it is one, and how far it is from the full solve."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from organtwin.model.rehearsal import Deviation
from organtwin_gui import theme

_FAR_PERCENT = 8.0


@dataclass(frozen=True)
class Badge:
    """``since_s``: for how long the tissue has moved on since the moment that was checked; None while it is that one."""

    deviation: Deviation | None = None
    at_s: float = 0.0
    now_s: float = 0.0
    checking: bool = False

    @property
    def text(self) -> str:
        """In one line."""
        if self.deviation is None:
            said = "Rehearsal, not yet checked"
        else:
            mm, percent = _at_least(self.deviation.largest_mm, 2), _at_least(self.deviation.percent, 1)
            said = f"Rehearsal, deviation {mm} mm ({percent} %)"
            said += "" if abs(self.now_s - self.at_s) < 0.05 else f", checked at {self.at_s:.1f} s"
        return said + (" · checking" if self.checking else "")

    @property
    def colour(self) -> str:
        if self.deviation is None:
            return theme.DARK.text_quiet
        return theme.DARK.good if self.deviation.percent <= _FAR_PERCENT else theme.DARK.warning


def _at_least(value: float, decimals: int) -> str:
    """A number, or that it is less than what so many decimals can say."""
    least = 10.0**-decimals
    return f"under {least:g}" if value < least / 2 else f"{value:.{decimals}f}"


def paint_badge(painter: QPainter, badge: Badge, area: QRectF) -> QRectF:
    """At the foot of the picture; returns the place it took."""
    font = theme.font(theme.SMALL_POINTS, bold=True)
    metrics = QFontMetricsF(font)
    wide, high = metrics.horizontalAdvance(badge.text) + 34, metrics.height() + 10
    plate = QRectF(area.center().x() - wide / 2, area.bottom() - high - 10, wide, high)
    plate.moveLeft(max(area.left() + 8, min(plate.left(), area.right() - wide - 90)))
    painter.save()
    painter.setPen(QPen(QColor(255, 255, 255, 26), 1))
    painter.setBrush(QColor(12, 15, 19, 215))
    painter.drawRoundedRect(plate, high / 2, high / 2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(badge.colour))
    painter.drawEllipse(QPointF(plate.left() + 15, plate.center().y()), 4, 4)
    painter.setFont(font)
    painter.setPen(QColor(theme.IMAGE_TEXT))
    painter.drawText(
        plate.adjusted(26, 0, -8, 0), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), badge.text
    )
    painter.restore()
    return plate
