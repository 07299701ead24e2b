"""The twin in place of the views: what it believes, how it agrees with what was measured, and what it expects."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.model import Forecast, TwinState
from organtwin.physiology import model as physiology
from organtwin.physiology.model import Physiology
from organtwin.timeline.days import clock
from organtwin_gui.badges import badge_icon, said_of
from organtwin_gui.bridge import Bridge
from organtwin_gui.empty_page import with_empty_page
from organtwin_gui.forms import title
from organtwin_gui.redress import Redress
from organtwin_gui.timeline.gather import Gathered
from organtwin_gui.timeline.units import number_words, unit_words
from organtwin_gui.twin.cycle import CyclePlot
from organtwin_gui.twin.estimates import ROW_PX, EstimatesTable, dress_table
from organtwin_gui.twin.sheet import SheetButton, SheetDialog
from organtwin_gui.twin.trends import Trends

HEAD_PX = 76  # of a table with its title
MEASURED = re.compile(r"measured (-?[0-9.]+(?:e[+-]?[0-9]+)?)")


class FitTable(QTableWidget):
    """Twin against measured; what was not measured comes after."""

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.setHorizontalHeaderLabels(["Reading", "Twin", "Measured", "Difference"])
        dress_table(self)
        self.setToolTip("What the twin says of each reading, and what was measured last. A dot says how far they agree")
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def show_state(self, state: TwinState) -> None:
        fit = {one.name: one for one in state.fit}
        told = [one for one in state.quantities if one.why.startswith("5 to 95 %") and (one.value or one.name in fit)]
        rows = sorted(told, key=lambda one: one.name not in fit)
        self.setRowCount(len(rows))
        for number, one in enumerate(rows):
            unit = unit_words(one.unit)
            cells = [one.name.replace("Left ventricular", "LV"), f"{number_words(one.value)} {unit}".strip(), "–", "–"]
            off = fit.get(one.name)
            if off is not None:
                found = MEASURED.search(off.why)
                measured = float(found[1]) if found else one.value - off.value
                sign = "+" if off.value > 0 else ""
                cells[2:] = [
                    f"{number_words(measured)} {unit}".strip(),
                    f"{sign}{number_words(float(f'{off.value:.2g}'))} {unit}".strip(),
                ]
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(
                    f"{one.name}: {one.why}" if off is None else f"{one.name}: {said_of(off.level, off.why)}\n{one.why}"
                )
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if column == 3 and off is not None:
                    item.setIcon(badge_icon(off.level))
                self.setItem(number, column, item)


class TwinBoard(QWidget):
    """Shows one :class:`TwinState`; the page at the left chooses which."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.state: TwinState | None = None
        self.forecast: Forecast | None = None
        self.model: Physiology | None = None
        self.all: Gathered | None = None
        self.heading = title("")
        self.when = QLabel()
        self.when.setObjectName("quiet")
        self.when.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.sheet = SheetButton()
        self.sheet.clicked.connect(self.show_sheet)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 8, 6)
        head.setSpacing(12)
        head.addWidget(self.heading)
        head.addWidget(self.when, 1)
        head.addWidget(self.sheet)
        self.estimates = EstimatesTable()
        self.fit = FitTable()
        self.cycle = CyclePlot()
        self.trends = Trends()
        self.trends.sheet_wanted.connect(self.show_sheet)
        left = QSplitter(Qt.Orientation.Vertical)
        self._believed = _titled("What it believes", self.estimates)
        left.addWidget(self._believed)
        left.addWidget(_titled("Twin against measured", self.fit))
        right = QSplitter(Qt.Orientation.Vertical)
        for widget in (self.cycle, self.trends):
            holder = QFrame()
            holder.setObjectName("panel")
            inside = QVBoxLayout(holder)
            inside.setContentsMargins(0, 0, 0, 0)
            inside.addWidget(widget)
            right.addWidget(holder)
        split = QSplitter(Qt.Orientation.Horizontal)
        for part in (left, right):
            part.setChildrenCollapsible(False)
            part.setHandleWidth(4)
            split.addWidget(part)
        left.setSizes([330, 470])
        right.setSizes([430, 370])
        split.setSizes([620, 440])
        split.setHandleWidth(4)
        split.setChildrenCollapsible(False)
        self.empty, self._pages = with_empty_page(self, head, split)
        Redress(self, self._redress)

    def _redress(self) -> None:
        if self.state is not None:
            self.fit.show_state(self.state)

    def show_nothing(self, headline: str, text: str) -> None:
        """Say what to do to get a twin."""
        self.state = self.forecast = None
        self.empty.say(headline, text)
        self._pages.setCurrentIndex(0)

    def show_state(self, state: TwinState, forecast: Forecast | None, all_: Gathered | None) -> None:
        self.state, self.forecast, self.all = state, forecast, all_
        self.model = physiology.find(state.model) if state.model in physiology.names() else None
        self._pages.setCurrentIndex(1)
        self.heading.setText(self.model.title if self.model else state.model.capitalize())
        offset = all_.offset_s if all_ else 0.0
        day = clock(state.at_s, offset / 60.0)
        self.when.setText(
            f"as of {day:%d %b %Y, %H:%M}, from {sum(state.used.values())} readings; {len(state.weights)} members"
        )
        self.when.setToolTip(state.method)
        self.estimates.show_estimates(state.estimates, self.model)
        # what is left is the other table's
        self._believed.setMaximumHeight(HEAD_PX + self.estimates.rowCount() * ROW_PX)
        self.fit.show_state(state)
        self.cycle.show_curves(state.curves, self.model.cycle if self.model else "")
        titles = {r.key: r.title for r in self.model.readings} if self.model else {}
        self.trends.show_forecast(forecast, all_, titles)

    def show_sheet(self) -> None:
        if self.model is not None:
            assumes = self.forecast.assumes if self.forecast else ()
            SheetDialog(self.model.title, self.model.sheet, assumes, self).exec()


def _titled(text: str, table: QWidget) -> QFrame:
    frame = QFrame()
    frame.setObjectName("panel")
    column = QVBoxLayout(frame)
    column.setContentsMargins(10, 6, 6, 6)
    column.setSpacing(4)
    column.addWidget(title(text))
    column.addWidget(table, 1)
    return frame
