"""The proposed plans in a short list, to choose from."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from organtwin.model import ResectionPlan
from organtwin.resection.measure import CUTS, MARGIN, share_percent, value_of
from organtwin.resection.settings import Settings
from organtwin.resection.thresholds import THRESHOLDS
from organtwin_gui.planning.numbers import colour_of_share


class Candidates(QTableWidget):
    """A row for each plan: what it is, how much stays, the margin, how many vessels it cuts."""

    chosen = Signal(object)  # ResectionPlan

    def __init__(self) -> None:
        super().__init__(0, 4)
        self.plans: list[ResectionPlan] = []
        self.setHorizontalHeaderLabels(["Way", "Stays", "Margin", "Cuts"])
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(26)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setWordWrap(False)
        self.setToolTip(
            "The proposed plans, the most sparing of the safe ones first. Choose with a click or the arrow keys"
        )
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.itemSelectionChanged.connect(self._choose)
        self.hide()

    def show_plans(self, plans: list[ResectionPlan]) -> None:
        """Fill it anew; nothing is chosen yet."""
        self.plans = plans
        self.blockSignals(True)
        self.clearSelection()
        self.setRowCount(len(plans))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for row, plan in enumerate(plans):
            share, margin = share_percent(plan.quantities), value_of(plan.quantities, MARGIN)
            cuts = value_of(plan.quantities, CUTS)
            texts = (
                plan.name,
                f"{share:.0f} %",
                "–" if margin is None else f"{margin:.0f} mm",
                "–" if cuts is None else f"{cuts:.0f}",
            )
            about = "\n".join(
                [plan.name, *(f"{q.name}: {q.value:.4g} {q.unit}" for q in plan.quantities), *plan.warnings]
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(about)
                if column:
                    item.setTextAlignment(right)
                self.setItem(row, column, item)
        self.dress()
        self.blockSignals(False)
        height = self.horizontalHeader().sizeHint().height() + 26 * len(plans) + 4
        self.setFixedHeight(height)
        self.setVisible(bool(plans))

    def dress(self) -> None:
        """The shares in the colours of the theme."""
        for row, plan in enumerate(self.plans):
            threshold = THRESHOLDS[Settings.model_validate(plan.settings).condition]
            colour = colour_of_share(share_percent(plan.quantities), threshold)
            item = self.item(row, 1)
            if item is not None:
                item.setForeground(QColor(colour))

    def _choose(self) -> None:
        row = self.currentRow()
        if 0 <= row < len(self.plans) and self.selectedItems():
            self.chosen.emit(self.plans[row])
