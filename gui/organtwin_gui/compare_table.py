"""The numbers of two results beside each other."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from organtwin.report.comparison import Row
from organtwin_gui import theme
from organtwin_gui.badges import badge_icon, said_of


def change_text(row: Row) -> str:
    """The change with its unit, and in percent where that means something."""
    if row.before is None or row.after is None or row.change is None:
        return "only before" if row.after is None else "only after"
    size = max(abs(row.before.value), abs(row.after.value))
    if abs(row.change) < 5e-4 * size or size == 0:
        return "no change"
    percent = row.change_percent
    text = f"{row.change:+.3g} {row.unit}".rstrip()
    if percent is not None:
        text += f"  ({percent:+.{0 if abs(percent) >= 1 else 1}f} %)"
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

    def show_rows(self, rows: Iterable[Row]) -> None:
        """Fill it anew."""
        rows = list(rows)
        self.setRowCount(len(rows))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number, row in enumerate(rows):
            name = QTableWidgetItem(row.name.replace("_", " "))
            self.setItem(number, 0, name)
            for column, quantity in ((1, row.before), (2, row.after)):
                item = QTableWidgetItem("–" if quantity is None else f"{quantity.value:.4g} {row.unit}".rstrip())
                item.setTextAlignment(right)
                if quantity is not None:
                    item.setIcon(badge_icon(quantity.level))
                    item.setToolTip(said_of(quantity.level, quantity.why))
                self.setItem(number, column, item)
            percent = row.change_percent
            change = QTableWidgetItem(change_text(row))
            change.setTextAlignment(right)
            if percent is not None and abs(percent) >= 5:
                change.setFont(theme.font(bold=True))
            self.setItem(number, 3, change)
