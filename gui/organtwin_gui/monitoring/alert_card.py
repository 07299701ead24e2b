"""One alert: how bad, since when, why; and to say that it was seen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from organtwin.timeline.days import day_of
from organtwin_gui.forms import quiet
from organtwin_gui.monitoring.words import ago, colour_of

STRIPE_PX = 4


class AlertCard(QFrame):
    """``alert`` is a record of kind "alert", as JSON.

    Signals
    -------
    acknowledged(str, str)
        uuid of the alert, and what was said with it.
    """

    acknowledged = Signal(str, str)

    def __init__(self, alert: dict[str, Any], now_s: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        stripe = QFrame()
        stripe.setFixedWidth(STRIPE_PX)
        stripe.setStyleSheet(f"background: {colour_of(alert['severity'])}; border: none; border-radius: 2px;")
        head = QLabel(alert["name"])
        head.setObjectName("title")
        head.setWordWrap(True)
        why = QLabel(alert["why"])
        why.setWordWrap(True)
        since = f"{alert['severity'].capitalize()}, since {day_of(alert['since_s'])} ({ago(alert['since_s'], now_s)}), protocol {alert['protocol']}"
        text = QVBoxLayout()
        text.setSpacing(4)
        for widget in (head, why, quiet(since)):
            text.addWidget(widget)
        seen = alert["acknowledged"]
        if seen is not None:
            said = f": {seen['said']}" if seen["said"] else ""
            text.addWidget(quiet(f"Seen by {seen['by']} on {seen['at'][:10]}{said}"))
        else:
            text.addLayout(self._answer(alert["uuid"]))
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(stripe)
        row.addLayout(text, 1)

    def _answer(self, uuid: str) -> QHBoxLayout:
        self.note = QLineEdit()
        self.note.setPlaceholderText("What is done about it (optional)")
        self.note.setToolTip("Kept with the alert, with your name and the time (Enter)")
        self.seen = QPushButton("Seen")
        self.seen.setToolTip(
            "Say that you have seen this alert: it stays listed until it is over, and is not raised again (Enter)"
        )
        self.seen.setAutoDefault(False)
        self.seen.clicked.connect(lambda: self.acknowledged.emit(uuid, self.note.text().strip()))
        self.note.returnPressed.connect(self.seen.click)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.note, 1)
        row.addWidget(self.seen)
        return row
