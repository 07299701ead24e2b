"""One patient: alerts, trends with what the twin expects, and how regularly readings come."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from organtwin.timeline.days import day_of
from organtwin_gui import theme
from organtwin_gui.forms import quiet, title
from organtwin_gui.monitoring.alert_card import AlertCard
from organtwin_gui.monitoring.trend_plot import TrendPlot
from organtwin_gui.monitoring.words import ago

COLUMNS = 2
SHARE_PX = 120


class Dashboard(QScrollArea):
    """Filled by :meth:`show_patient` with what ``organtwin monitor --json --trends`` prints.

    Signals
    -------
    open_wanted()
        The patient is to be opened in the window.
    acknowledged(str, str)
        uuid of an alert, and what was said.
    """

    open_wanted = Signal()
    acknowledged = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.say("Choose a patient at the left.")

    def say(self, sentence: str) -> None:
        """Nothing but a sentence."""
        page, column = self._page()
        label = quiet(sentence)
        column.addWidget(label)
        column.addStretch(1)
        self.setWidget(page)

    def show_patient(self, name: str, told: dict[str, Any]) -> None:
        page, column = self._page()
        now_s = told["at_s"]
        column.addLayout(self._head(name, told))
        alerts = told["open"]
        if alerts:
            for alert in alerts:
                card = AlertCard(alert, now_s)
                card.acknowledged.connect(self.acknowledged)
                column.addWidget(card)
        else:
            column.addWidget(quiet("Nothing stands out: no rule of the protocols holds."))
        if told["trends"]:
            column.addWidget(title("The last months"))
            grid = QGridLayout()
            grid.setSpacing(10)
            for number, trend in enumerate(told["trends"]):
                grid.addWidget(TrendPlot(trend), number // COLUMNS, number % COLUMNS)
            column.addLayout(grid)
        if told["adherence"]:
            column.addWidget(title("Readings taken"))
            column.addLayout(self._adherence(told["adherence"], now_s))
        for sentence in told["unjudged"]:
            column.addWidget(quiet(sentence))
        column.addStretch(1)
        self.setWidget(page)

    @staticmethod
    def _page() -> tuple[QWidget, QVBoxLayout]:
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(18, 4, 14, 12)
        column.setSpacing(10)
        return page, column

    def _head(self, name: str, told: dict[str, Any]) -> QHBoxLayout:
        head = QLabel(name)
        head.setObjectName("headline")
        self.open = QPushButton("Open")
        self.open.setObjectName("primary")
        self.open.setIcon(theme.icon("open", theme.current().accent_text))
        self.open.setToolTip("Open this patient in the window (Ctrl+Return)")
        self.open.setAutoDefault(False)
        self.open.clicked.connect(self.open_wanted)
        chosen = "suggested by conditions and readings" if told["suggested"] else "chosen"
        words = f"At {day_of(told['at_s'])}. Protocols ({chosen}): {', '.join(told['protocols']) or 'none fit'}."
        text = QVBoxLayout()
        text.setSpacing(2)
        text.addWidget(head)
        text.addWidget(quiet(words))
        row = QHBoxLayout()
        row.addLayout(text, 1)
        row.addWidget(self.open)
        return row

    @staticmethod
    def _adherence(told: list[dict[str, Any]], now_s: float) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(2, 1)
        for line, one in enumerate(told):
            share = min(one["taken"] / one["expected"], 1.0) if one["expected"] else 1.0
            bar = QProgressBar()
            bar.setFixedWidth(SHARE_PX)
            bar.setValue(round(100 * share))
            words = f"{one['taken']:.0f} of {one['expected']:.0f} in {one['days']:.0f} days, last {ago(one['last_s'], now_s)}"
            bar.setToolTip(words)
            grid.addWidget(QLabel(one["title"]), line, 0)
            grid.addWidget(bar, line, 1)
            grid.addWidget(quiet(words), line, 2)
        return grid
