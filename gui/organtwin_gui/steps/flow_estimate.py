"""The answer of the 0D model, beside the form, before the 3D solve is started."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from organtwin.model import Quantity, Result
from organtwin_gui import theme
from organtwin_gui.steps.flow_fields import caption
from organtwin_gui.steps.flow_outlets import said

# heading, start of the quantity's name, figures
COLUMNS = (("Flow (mL/s)", "flow", 3), ("P (mmHg)", "pressure", 3), ("FFR", "ffr", 3))


class Estimate(QWidget):
    """A table by opening, and what the check before the run found."""

    def __init__(self) -> None:
        super().__init__()
        self._state = QLabel()
        self._state.setObjectName("small")
        self._state.setWordWrap(True)
        self.table = QTableWidget(0, 1 + len(COLUMNS))
        self.table.setHorizontalHeaderLabels(["Opening", *(heading for heading, _, _ in COLUMNS)])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setShowGrid(False)
        self.table.setFont(theme.font(theme.SMALL_POINTS))
        self.table.setStyleSheet("QHeaderView::section { padding: 3px 4px; } QTableView::item { padding: 2px 4px; }")
        self.table.horizontalHeader().setFont(theme.font(theme.SMALL_POINTS))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setToolTip("Means over a beat, from the 0D model of this vessel; the 3D solve is the finer answer")
        self.findings = QLabel()
        self.findings.setWordWrap(True)
        self.findings.setFont(theme.font(theme.SMALL_POINTS))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(caption("Estimate (0D)"))
        column.addWidget(self._state)
        column.addWidget(self.table)
        column.addWidget(self.findings)
        self.clear()

    def clear(self, why: str = "") -> None:
        """Nothing is known."""
        self.table.hide()
        self.findings.hide()
        self._say(why)

    def wait(self) -> None:
        """A new answer is on its way; the old one fades meanwhile."""
        self.table.setEnabled(False)
        self._say("Estimating …")

    def fail(self, sentence: str) -> None:
        """It cannot be estimated: what the sentence says is mostly wrong for the 3D solve as well."""
        self.table.hide()
        self._say("")
        self._find([sentence], "danger")

    def show_result(self, result: Result) -> None:
        """Show what a 0D model found."""
        rows = by_opening(result.quantities)
        self.table.setEnabled(True)
        self.table.setRowCount(len(rows))
        known = [any(prefix in found for found in rows.values()) for _, prefix, _ in COLUMNS]
        for column, shown in enumerate(known, start=1):
            self.table.setColumnHidden(column, not shown)
        for row, (cap, found) in enumerate(rows.items()):
            name = QTableWidgetItem(said(cap))
            name.setToolTip(said(cap))
            self.table.setItem(row, 0, name)
            for column, (_, prefix, figures) in enumerate(COLUMNS, start=1):
                value = found.get(prefix)
                item = QTableWidgetItem("" if value is None else f"{value:.{figures}g}")
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
            self.table.setRowHeight(row, 22)
        self.table.setFixedHeight(22 * len(rows) + self.table.horizontalHeader().sizeHint().height() + 4)
        self.table.setVisible(bool(rows))
        self._say("")
        self._find(list(result.notes), "warning")

    def _say(self, text: str) -> None:
        self._state.setText(text)
        self._state.setVisible(bool(text))

    def _find(self, sentences: list[str], how: str) -> None:
        self.findings.setObjectName(how)
        self.findings.style().polish(self.findings)
        self.findings.setText("\n".join(sentences))
        self.findings.setVisible(bool(sentences))


def by_opening(quantities: tuple[Quantity, ...]) -> dict[str, dict[str, float]]:
    """Mean flow (mL/s), pressure (mmHg) and FFR of each opening, from quantities called "Flow left_iliac"."""
    rows: dict[str, dict[str, float]] = {}
    for quantity in quantities:
        first, _, cap = quantity.name.partition(" ")
        prefix = first.lower()
        if cap and any(prefix == known for _, known, _ in COLUMNS) and not cap.startswith("share"):
            rows.setdefault(cap, {})[prefix] = quantity.value
    return rows
