"""The numbers of two results beside each other."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from organtwin.model import Quantity, Result
from organtwin_gui import theme
from organtwin_gui.badges import badge_icon, said_of

# what is asked first after a procedure; the rest follows in the order of the result
FIRST = ("pressure drop", "ffr", "flow share", "flow", "tawss", "mean wall shear", "peak velocity", "pressure")


@dataclass(frozen=True)
class Row:
    """A quantity that both results have."""

    name: str
    unit: str
    before: Quantity
    after: Quantity

    @property
    def change(self) -> float:
        return self.after.value - self.before.value

    @property
    def change_percent(self) -> float | None:
        """None where the quantity is a share itself, or was nought."""
        if self.unit in ("", "%") or abs(self.before.value) < 1e-12:
            return None
        return 100.0 * self.change / abs(self.before.value)


def rows_of(before: Result, after: Result) -> list[Row]:
    """Quantities of the same name and unit, the ones that matter most first."""
    there = {(q.name, q.unit): q for q in after.quantities}
    both = [Row(q.name, q.unit, q, there[q.name, q.unit]) for q in before.quantities if (q.name, q.unit) in there]

    def place(row: Row) -> int:
        name = row.name.lower()
        return next((n for n, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))

    return sorted(both, key=place)


def change_text(row: Row) -> str:
    """The change with its unit, and in percent where that means something."""
    size = max(abs(row.before.value), abs(row.after.value))
    if abs(row.change) < 5e-4 * size or size == 0:
        return "no change"
    percent = row.change_percent
    text = f"{row.change:+.3g} {row.unit}".rstrip() + ("" if percent is None else f"  ({percent:+.0f} %)")
    return text.replace("-", "−")


class CompareTable(QTableWidget):
    """Quantity, before, after, change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 4, parent)
        self.setHorizontalHeaderLabels(["Quantity", "Before", "After", "Change"])
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setToolTip("The numbers of both results. A dot says how far a number can be believed")
        self.setStyleSheet("QTableView::item { padding: 2px 10px; }")
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeaderItem(0).setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def show_rows(self, rows: list[Row]) -> None:
        """Fill it anew."""
        self.setRowCount(len(rows))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number, row in enumerate(rows):
            name = QTableWidgetItem(row.name.replace("_", " "))
            self.setItem(number, 0, name)
            for column, quantity in ((1, row.before), (2, row.after)):
                item = QTableWidgetItem(f"{quantity.value:.4g} {row.unit}".rstrip())
                item.setTextAlignment(right)
                item.setIcon(badge_icon(quantity.level))
                item.setToolTip(said_of(quantity.level, quantity.why))
                self.setItem(number, column, item)
            percent = row.change_percent
            change = QTableWidgetItem(change_text(row))
            change.setTextAlignment(right)
            if percent is not None and abs(percent) >= 5:
                change.setFont(theme.font(bold=True))
            self.setItem(number, 3, change)
