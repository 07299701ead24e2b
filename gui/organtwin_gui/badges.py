"""How far a number can be believed, as a coloured dot."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from organtwin_gui import theme

WORDS = {
    "good": "Can be relied on",
    "fair": "A fair estimate",
    "poor": "Not to be relied on",
    "unknown": "Nothing is known of its error",
}
SIZE = 20  # pixels, for a dot of 8 on screens of twice the density


def colour_of(level: str) -> str:
    """The theme's colour of a level."""
    look = theme.current()
    return {"good": look.good, "fair": look.warning, "poor": look.danger}.get(level, look.text_off)


def said_of(level: str, why: str) -> str:
    """A level in words, and what it rests on."""
    words = WORDS.get(level, WORDS["unknown"])
    return f"{words}: {why}" if why else f"{words}."


def badge_pixmap(level: str) -> QPixmap:
    """A dot; an open one where nothing is known."""
    return _dot(colour_of(level), level in WORDS and level != "unknown")


def badge_icon(level: str) -> QIcon:
    return QIcon(badge_pixmap(level))


@lru_cache(maxsize=16)
def _dot(colour: str, filled: bool) -> QPixmap:
    picture = QPixmap(SIZE, SIZE)
    picture.fill(Qt.GlobalColor.transparent)
    picture.setDevicePixelRatio(2.0)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(colour))
    painter.setBrush(QColor(colour) if filled else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(1, 1, 7, 7)
    painter.end()
    return picture
