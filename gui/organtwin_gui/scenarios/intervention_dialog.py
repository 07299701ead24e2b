"""Choose something that can be done, and set it."""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.errors import BadInput
from organtwin.model import Intervention
from organtwin.timeline.days import DAY_S
from organtwin.twin import intervention as interventions
from organtwin.twin.intervention import Kind
from organtwin.units import parse
from organtwin_gui import theme
from organtwin_gui.forms import QuantityEdit, form, quiet, title
from organtwin_gui.scenarios.acts import GROUPS, kinds
from organtwin_gui.segmenting.fields import OptionsForm
from organtwin_gui.twin.sheet import SheetDialog

KIND = Qt.ItemDataRole.UserRole


class InterventionDialog(QDialog):
    """Groups at the left, the settings of the chosen kind at the right. ``act`` is what was chosen once it is accepted."""

    def __init__(self, model: str, act: Intervention | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change what is done" if act else "What is done")
        self.resize(720, 480)
        self.act: Intervention | None = None
        self.kind: Kind | None = None
        self.options: OptionsForm | None = None
        self.list = QTreeWidget()
        self.list.setHeaderHidden(True)
        self.list.setIndentation(10)
        self.list.setFixedWidth(220)
        self.list.setToolTip("What can be done for this model (arrows)")
        self.list.currentItemChanged.connect(lambda item, _b: self._choose(item))
        self._heading = title("")
        self._about = quiet("")
        self._place = QVBoxLayout()
        self.start = QuantityEdit("0 days", "time", "When it begins, from the beginning of the scenario")
        self.end = QuantityEdit("", "time", "When it ends; empty: it goes on", optional=True)
        self.end.setPlaceholderText("goes on")
        times = form()
        times.addRow("Begins after", self.start)
        times.addRow("Ends after", self.end)
        self._wrong = QLabel()
        self._wrong.setObjectName("danger")
        self._wrong.setWordWrap(True)
        sheet = QPushButton("Data sheet")
        sheet.setIcon(theme.icon("sheet"))
        sheet.setToolTip("Sources of the effect, for whom it holds, known bias (Alt+S)")
        sheet.setShortcut("Alt+S")
        sheet.setAutoDefault(False)
        sheet.clicked.connect(self._sheet)
        right = QWidget()
        inner = QVBoxLayout(right)
        inner.setContentsMargins(4, 0, 8, 0)
        inner.setSpacing(10)
        for widget in (self._heading, self._about):
            inner.addWidget(widget)
        inner.addLayout(self._place)
        inner.addLayout(times)
        inner.addWidget(self._wrong)
        inner.addWidget(sheet, 0, Qt.AlignmentFlag.AlignLeft)
        inner.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(right)
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self.list)
        row.addWidget(scroll, 1)
        buttons = QDialogButtonBox()
        self.ok = buttons.addButton("Change" if act else "Add", QDialogButtonBox.ButtonRole.AcceptRole)
        self.ok.setDefault(True)
        self.ok.setToolTip("Into the scenario (Return)")
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addLayout(row, 1)
        column.addWidget(buttons)
        self._fill(model, act)

    def _fill(self, model: str, act: Intervention | None) -> None:
        first = None
        for group, members in kinds(model).items():
            parent = QTreeWidgetItem([GROUPS[group][0]])
            parent.setIcon(0, theme.icon(GROUPS[group][1]))
            parent.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.list.addTopLevelItem(parent)
            for kind in members:
                item = QTreeWidgetItem([kind.title])
                item.setData(0, KIND, kind.name)
                item.setToolTip(0, kind.about)
                parent.addChild(item)
                if first is None or (act is not None and kind.name == act.kind):
                    first = item
            parent.setExpanded(True)
        if first is not None:
            self.list.setCurrentItem(first)
        if act is not None and self.options is not None:
            for key, value in act.options.items():
                self.options.set_value(key, value)
            self.start.setText(f"{act.start_day:g} days")
            self.end.setText("" if act.end_day is None else f"{act.end_day:g} days")
        self.ok.setEnabled(self.kind is not None)

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        name = item.data(0, KIND) if item is not None else None
        if not name:
            return
        self.kind = interventions.find(name)
        self._heading.setText(self.kind.title)
        self._about.setText(self.kind.about)
        self._wrong.setText("")
        while old := self._place.takeAt(0):
            if widget := old.widget():
                widget.hide()
                widget.deleteLater()
        self.options = OptionsForm(self.kind.options)
        for line in self.options.findChildren(QLineEdit):
            if not line.text() and not line.placeholderText():
                example = re.search(r'"([^"]+)"', line.toolTip())
                line.setPlaceholderText(f"such as {example[1]}" if example else "the usual")
        self._place.addWidget(self.options)
        self.ok.setEnabled(True)

    def _sheet(self) -> None:
        if self.kind is not None:
            SheetDialog(self.kind.title, self.kind.sheet, parent=self).exec()

    def choose(self, name: str) -> None:
        """Go to a kind."""
        for item in self.list.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive):
            if item.data(0, KIND) == name:
                self.list.setCurrentItem(item)

    def _accept(self) -> None:
        assert self.kind is not None
        assert self.options is not None
        try:
            values: dict[str, Any] = self.options.values()
            self.kind.read(values)
            start = parse(self.start.quantity or "0 s", "time") / DAY_S
            text = self.end.quantity
            end = None if text is None else parse(text, "time") / DAY_S
            if start < 0 or (end is not None and end <= start):
                raise BadInput("It ends before it begins", remedy="Give an end that is later than its beginning.")
        except BadInput as error:
            self._wrong.setText(error.sentence)
            return
        self.act = Intervention(kind=self.kind.name, options=values, start_day=start, end_day=end)
        self.accept()
