"""The twin's parameters as a table: what was believed before, what is now, and whether the readings told it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from organtwin.model import Estimate
from organtwin.physiology.model import Physiology
from organtwin_gui import theme
from organtwin_gui.badges import badge_icon
from organtwin_gui.timeline.units import number_words, unit_words

WELL, PARTLY = 0.5, 0.2  # of the spread before that is gone
SIDE_SD = 1.645  # 5 to 95 % of a normal distribution
ROW_PX = 26
DATA = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


def told(estimate: Estimate) -> tuple[str, str]:
    """(level, word) of how much the readings say of a parameter."""
    if estimate.learned >= WELL:
        return "good", "well"
    if estimate.learned >= PARTLY:
        return "fair", "partly"
    return "poor", "no"


class BeliefBars(QStyledItemDelegate):
    """Before: a grey bar; now: a bar in the accent colour with its middle marked. Both hold 90 %."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        estimate = index.data(DATA)
        if not isinstance(estimate, Estimate):
            return
        look = theme.current()
        before = (estimate.prior - SIDE_SD * estimate.prior_sd, estimate.prior + SIDE_SD * estimate.prior_sd)
        low, high = min(before[0], estimate.low), max(before[1], estimate.high)
        room = QRectF(option.rect).adjusted(8, 0, -8, 0)
        wide = max(high - low, 1e-12)

        def x(value: float) -> float:
            return room.left() + (value - low) / wide * room.width()

        middle = room.center().y()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.surface_3))
        painter.drawRoundedRect(QRectF(x(before[0]), middle - 6, x(before[1]) - x(before[0]), 12), 3, 3)
        painter.setBrush(QColor(look.accent))
        painter.drawRoundedRect(
            QRectF(x(estimate.low), middle - 3, max(x(estimate.high) - x(estimate.low), 2), 6), 3, 3
        )
        painter.setPen(QPen(QColor(look.text_quiet), 1))
        painter.drawLine(int(x(estimate.prior)), int(middle - 6), int(x(estimate.prior)), int(middle + 6))
        painter.setPen(QPen(QColor(look.text), 2))
        painter.drawLine(int(x(estimate.value)), int(middle - 5), int(x(estimate.value)), int(middle + 5))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, ROW_PX)


class EstimatesTable(QTableWidget):
    """One row for each learned parameter, the best told first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 4, parent)
        self.setHorizontalHeaderLabels(["Parameter", "Now", "Before, now", "Told"])
        dress_table(self)
        self.setToolTip(
            "Grey: what was believed before any reading (90 %). Blue: now (90 %), with its middle. "
            "Narrow blue in wide grey: the readings told it"
        )
        self.setItemDelegateForColumn(2, BeliefBars(self))
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        head.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.setColumnWidth(2, 96)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_estimates(self, estimates: Sequence[Estimate], model: Physiology | None) -> None:
        known = {p.key: p for p in model.parameters} if model is not None else {}
        self.setRowCount(len(estimates))
        for row, one in enumerate(sorted(estimates, key=lambda e: -e.learned)):
            parameter = known.get(one.key)
            title = parameter.title if parameter else one.key.replace("_", " ").capitalize()
            unit = unit_words(one.unit)
            name = QTableWidgetItem(title.replace("Left ventricular", "LV"))
            about = [title, parameter.about if parameter else "", f"Source: {parameter.source}" if parameter and parameter.source else ""]  # fmt: skip
            name.setToolTip("\n".join(line for line in about if line))
            value = QTableWidgetItem(f"{number_words(one.value)} {unit}".strip())
            value.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setToolTip(
                f"90 %: {number_words(one.low)} to {number_words(one.high)} {unit}; before {number_words(one.prior)} ± "
                f"{number_words(one.prior_sd)} {unit}"
            )
            bar = QTableWidgetItem()
            bar.setData(DATA, one)
            bar.setToolTip(value.toolTip())
            level, words = told(one)
            tip = f"{one.learned:.0%} of what was uncertain before is gone"
            if one.with_:
                other = known[one.with_].title if one.with_ in known else one.with_
                level, words = "fair" if level == "good" else level, f"{words}, tied"
                tip += f". The readings cannot tell it apart from: {other.lower()}. Only together are they known"
            said = QTableWidgetItem(words)
            said.setIcon(badge_icon(level))
            said.setToolTip(tip)
            for column, item in enumerate((name, value, bar, said)):
                self.setItem(row, column, item)


def dress_table(table: QTableWidget) -> None:
    """As every table of numbers of the app looks."""
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_PX)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setAlternatingRowColors(True)
    table.setWordWrap(False)
    table.setStyleSheet("QTableView::item { padding: 1px 8px; }")
    head = table.horizontalHeader()
    head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
