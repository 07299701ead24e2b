"""The rules of the hand: where it may change voxels at all."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QWidget

from organtwin.edit.rules import Rules
from organtwin_gui.forms import form
from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.segmenting.widgets import Fold, row

ANYWHERE, BACKGROUND, SEEN = "*", "", "+"


class RulesPanel(Fold):
    """Editable area, range of values, and whether other segments may lose voxels. Locks hold whatever it says."""

    def __init__(self, desk: Desk) -> None:
        inner = QWidget()
        super().__init__(
            "Rules", "Where tools may change voxels: an area, a range of values, the background only", inner
        )
        self.desk = desk
        self.inside = QComboBox()
        self.inside.setToolTip("Tools change voxels only within this")
        self.inside.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.over = QCheckBox("Only over background")
        self.over.setToolTip("Tools take no voxel from another segment")
        self.over.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.ranged = QCheckBox("Values")
        self.ranged.setToolTip("Tools change only voxels whose value lies in this range")
        self.ranged.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for box, value in ((self.low, 0.0), (self.high, 200.0)):
            box.setRange(-100000, 100000)
            box.setDecimals(0)
            box.setValue(value)
            box.setKeyboardTracking(False)
            box.setToolTip("Range of values, ends included")
            box.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            box.valueChanged.connect(lambda _v: self._set())
        rows = form()
        rows.addRow("Inside", self.inside)
        rows.addRow(self.ranged, row(self.low, self.high))
        rows.addRow(self.over)
        rows.setContentsMargins(8, 0, 0, 4)
        inner.setLayout(rows)
        self.inside.activated.connect(lambda _i: self._set())
        for box in (self.over, self.ranged):
            box.toggled.connect(lambda _on: self._set())
        desk.rules_changed.connect(self._show)
        desk.table_changed.connect(self._offer)
        self._offer()

    def _offer(self) -> None:
        chosen = self.inside.currentData()
        self.inside.clear()
        self.inside.addItem("Anywhere", ANYWHERE)
        self.inside.addItem("Background", BACKGROUND)
        for segment in self.desk.segments:
            self.inside.addItem(segment.name, segment.key)
        self.inside.setCurrentIndex(max(0, self.inside.findData(chosen)))
        inside = self.desk.rules.inside
        if inside is not None and not {*inside} <= {s.key for s in self.desk.segments} | {""}:
            self._set()  # the segment it named is gone
        self._head()

    def _set(self) -> None:
        chosen = self.inside.currentData()
        mine = self.desk.segment
        area = (
            None
            if chosen in (ANYWHERE, None)
            else tuple(dict.fromkeys((chosen, mine.key if mine and chosen else chosen)))
        )
        over: Literal["any", "background"] = "background" if self.over.isChecked() else "any"
        values = (self.low.value(), self.high.value()) if self.ranged.isChecked() else None
        self.desk.set_rules(Rules(inside=area, values=values, over=over))
        self._head()

    def _show(self) -> None:
        rules = self.desk.rules
        for box in (self.over, self.ranged, self.low, self.high):
            box.blockSignals(True)
        self.over.setChecked(rules.over == "background")
        self.ranged.setChecked(rules.values is not None)
        if rules.values is not None:
            self.low.setValue(rules.values[0])
            self.high.setValue(rules.values[1])
        for box in (self.over, self.ranged, self.low, self.high):
            box.blockSignals(False)
        self._head()

    def _head(self) -> None:
        """What holds is said also where the panel is folded."""
        rules, parts = self.desk.rules, []
        if rules.inside is not None:
            parts.append(f"in {self.inside.currentText().lower()}")
        if rules.values is not None:
            parts.append(f"{rules.values[0]:.0f} to {rules.values[1]:.0f}")
        if rules.over == "background":
            parts.append("background only")
        self.set_heading(f"Rules: {', '.join(parts)}" if parts else "Rules")
