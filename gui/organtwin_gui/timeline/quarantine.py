"""What was set aside on import: why, where it stood, and its text as it was. Nothing is dropped silently."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.model import Observations
from organtwin_gui import theme

REASONS = {
    "duplicate": "Twice", "unit": "Unit", "impossible": "Impossible", "clock": "Clock", "patient": "Other patient",
    "code": "Unknown code", "unreadable": "Unreadable", "status": "Not final",
}  # fmt: skip
HEADS = ("Reason", "What is wrong", "Where it stood", "As it was")
KEYS = ("reason", "said", "place", "raw")
Index = QModelIndex | QPersistentModelIndex


def lines_of(imports: Sequence[Observations]) -> list[bytes]:
    """The lines of all imports, one for each reading set aside; read only when they are looked at."""
    found: list[bytes] = []
    for one in imports:
        found += [line for line in bytes(np.asarray(one.quarantine)).split(b"\n") if line]
    return found


def reason_of(line: bytes) -> str:
    """The reason without reading all of a line: it stands first."""
    head = line[:80].split(b'"reason"', 1)
    word = head[1].split(b'"', 2)[1].decode() if len(head) == 2 and head[1].count(b'"') >= 2 else ""
    return word or str(json.loads(line)["reason"])


class QuarantineModel(QAbstractTableModel):
    """Rows are read one by one as they come into sight, so that a hundred thousand cost nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[bytes] = []
        self._reasons: list[str] = []
        self.rows: list[int] = []

    def take(self, lines: list[bytes], reasons: list[str]) -> None:
        self.beginResetModel()
        self._all, self._reasons = lines, reasons
        self.rows = list(range(len(lines)))
        self.endResetModel()

    @property
    def counts(self) -> Counter[str]:
        return Counter(self._reasons)

    def keep(self, reason: str, text: str) -> None:
        """Only those of a reason ("" for all) in which ``text`` stands."""
        wanted = text.strip().lower().encode()
        self.beginResetModel()
        self.rows = [
            n
            for n, line in enumerate(self._all)
            if (not reason or self._reasons[n] == reason) and (not wanted or wanted in line.lower())
        ]
        self.endResetModel()

    def cell(self, row: int, column: int) -> str:
        record: dict[str, Any] = json.loads(self._all[self.rows[row]])
        value = str(record.get(KEYS[column], ""))
        return REASONS.get(value, value) if column == 0 else value

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return HEADS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = self.cell(index.row(), index.column())
            if role == Qt.ItemDataRole.DisplayRole:
                return " ".join(text.split())[:300]
            return text[:2000]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0:
            return QColor(theme.current().warning)
        if role == Qt.ItemDataRole.FontRole and index.column() == 3:
            return theme.font(theme.SMALL_POINTS, monospaced=True)
        return None


class QuarantineList(QFrame):
    """The table, with a filter by reason and by text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.model = QuarantineModel()
        self.said = QLabel()
        self.said.setObjectName("title")
        self.reason = QComboBox()
        self.reason.setToolTip("Only what was set aside for this reason (Alt+R)")
        self.reason.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.reason.currentIndexChanged.connect(lambda _i: self._filter())
        self.text = QLineEdit()
        self.text.setPlaceholderText("Find")
        self.text.setClearButtonEnabled(True)
        self.text.setToolTip("Only lines with this text in them (Alt+T)")
        self.text.setMaximumWidth(220)
        self.text.textChanged.connect(lambda _t: self._filter())
        self.close_button = QToolButton()
        self.close_button.setIcon(theme.icon("close"))
        self.close_button.setToolTip("Put the list away (Alt+Q)")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.said)
        row.addStretch(1)
        for widget in (self.reason, self.text, self.close_button):
            row.addWidget(widget)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setWordWrap(False)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setToolTip("Readings that were not believed. They are kept as they came, and take part in nothing")
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        head.setStretchLastSection(True)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for section, width in enumerate((100, 300, 180)):
            self.table.setColumnWidth(section, width)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 8, 6)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.table, 1)

    def take(self, lines: list[bytes], reasons: list[str]) -> None:
        self.model.take(lines, reasons)
        chosen = self.reason.currentData()
        self.reason.blockSignals(True)
        self.reason.clear()
        self.reason.addItem(f"All reasons ({len(lines)})", "")
        for reason, count in self.model.counts.most_common():
            self.reason.addItem(f"{REASONS.get(reason, reason)} ({count})", reason)
        self.reason.setCurrentIndex(max(self.reason.findData(chosen), 0))
        self.reason.blockSignals(False)
        self._filter()

    def _filter(self) -> None:
        self.model.keep(self.reason.currentData() or "", self.text.text())
        shown, whole = len(self.model.rows), sum(self.model.counts.values())
        self.said.setText(f"{whole} set aside" if shown == whole else f"{shown} of {whole} set aside")
