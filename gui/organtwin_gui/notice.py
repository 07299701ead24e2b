"""One sentence over the views: what went wrong or well, and a way to put it aside."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from organtwin_gui import theme

GOOD_NEWS_MS = 6000
_FLAG = re.compile(r" \(--[^)]*\)")


def without_flags(sentence: str) -> str:
    """Without what only the command line has: "Say it (--dates)." """
    return _FLAG.sub("", sentence)


class Notice(QFrame):
    """A strip that is hidden until there is something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton()
        close.setIcon(theme.icon("close"))
        close.setToolTip("Put this message aside (Esc)")
        close.setShortcut("Esc")
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def fail(self, sentence: str) -> None:
        """Something to act on: stays until it is put aside."""
        self._show("error", theme.current().danger, sentence)
        self._timer.stop()

    def tell(self, sentence: str) -> None:
        """Good news: goes by itself."""
        self._show("done", theme.current().good, sentence)
        self._timer.start(GOOD_NEWS_MS)

    def _show(self, icon: str, colour: str, sentence: str) -> None:
        self._icon.setPixmap(theme.icon(icon, colour).pixmap(theme.ICON_SIZE))
        self._text.setText(without_flags(sentence))
        self.show()
