"""A page that has nothing to show yet: a card in its middle says what to do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QLayout, QStackedWidget, QVBoxLayout, QWidget

from organtwin_gui.forms import quiet

TEXT_PX = 416
EDGE_PX = 32


class EmptyPage(QFrame):
    """``below`` stands under the text, such as a button that does it."""

    def __init__(self, *below: QWidget) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.headline = QLabel()
        self.headline.setObjectName("headline")
        self.text = quiet("")
        card = QFrame()
        card.setObjectName("card")
        card.setFixedWidth(TEXT_PX + 2 * EDGE_PX)  # fixed: else the height of wrapped text is not known
        inner = QVBoxLayout(card)
        inner.setContentsMargins(EDGE_PX, 28, EDGE_PX, 28)
        inner.setSpacing(12)
        inner.addWidget(self.headline)
        inner.addWidget(self.text)
        for widget in below:
            inner.addWidget(widget, 0, Qt.AlignmentFlag.AlignLeft)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addWidget(card, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)

    def say(self, headline: str, text: str) -> None:
        self.headline.setText(headline)
        self.text.setText(text)
        self.text.setMinimumHeight(self.text.heightForWidth(TEXT_PX))


def with_empty_page(owner: QWidget, head: QLayout, body: QWidget) -> tuple[EmptyPage, QStackedWidget]:
    """Fill ``owner`` with an empty page (0) and, behind it, ``head`` over ``body`` (1)."""
    full = QFrame()
    full.setObjectName("panel")
    column = QVBoxLayout(full)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addLayout(head)
    column.addWidget(body, 1)
    empty, pages = EmptyPage(), QStackedWidget()
    pages.addWidget(empty)
    pages.addWidget(full)
    outer = QVBoxLayout(owner)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(pages)
    return empty, pages
