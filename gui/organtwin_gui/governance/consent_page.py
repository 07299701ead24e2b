"""Consent: what the patient agreed to, for whom it holds, and taking it back."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QDateEdit,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.privacy.consent import Consent, policy, standing
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import form, quiet, title
from organtwin_gui.purposes import purposes

PURPOSE = Qt.ItemDataRole.UserRole


class ConsentPage(QWidget):
    """The last word on each purpose above, a form for another below."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self._said = quiet("")
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["Purpose", "State", "By", "Where the form is, what was agreed"])
        self.list.setRootIsDecorated(False)
        self.list.setMinimumHeight(120)
        head = self.list.header()
        for place, width in enumerate((110, 190, 140)):
            head.resizeSection(place, width)
        head.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.list.itemSelectionChanged.connect(self._enable)
        self.withdraw = QPushButton("Withdraw")
        self.withdraw.setIcon(theme.icon("cancel"))
        self.withdraw.setToolTip("The patient does not agree to the chosen purpose any more")
        self.purpose = purposes("Choose")
        self.purpose.currentIndexChanged.connect(self._enable)
        self.by = QLineEdit()
        self.by.setPlaceholderText("the patient, a guardian")
        self.ends = QCheckBox("until")
        self.ends.setToolTip("Without a tick it has no end")
        self.until = QDateEdit(QDate.currentDate().addYears(1))
        self.until.setDisplayFormat("yyyy-MM-dd")
        self.until.setCalendarPopup(True)
        self.until.setEnabled(False)
        self.ends.toggled.connect(self.until.setEnabled)
        self.said = QLineEdit()
        self.said.setPlaceholderText("form 12, archive")
        self.record = QPushButton("Record consent")
        self.record.setIcon(theme.icon("add"))
        for button, slot in ((self.withdraw, self.take_back), (self.record, self.keep)):
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        self.by.textChanged.connect(self._enable)
        self._form = QWidget()
        rows = form()
        when = QHBoxLayout()
        for widget in (self.ends, self.until):
            when.addWidget(widget)
        when.addStretch(1)
        rows.addRow("Purpose", self.purpose)
        rows.addRow("By", self.by)
        rows.addRow("Holds", when)
        rows.addRow("Note", self.said)
        low = QVBoxLayout(self._form)
        low.setContentsMargins(0, 6, 0, 0)
        low.setSpacing(10)
        low.addWidget(title("The patient agrees"))
        low.addLayout(rows)
        last = QHBoxLayout()
        last.addWidget(self.record)
        last.addStretch(1)
        low.addLayout(last)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 14, 4, 4)
        column.setSpacing(10)
        column.addWidget(self._said)
        column.addWidget(self.list, 1)
        row = QHBoxLayout()
        row.addWidget(self.withdraw)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self._form)

    def refresh(self) -> None:
        document = self.bridge.document
        if document is None:
            return
        with self.bridge.guarded():
            rules, known = policy(), standing(document.project.consents)
            may = "consent" in document.project.role.may
            self.list.clear()
            for one in known.values():
                self.list.addTopLevelItem(_line(one))
            covered = [one.purpose for one in known.values() if one.holds()]
            self._said.setText(
                f"Exports, reports and de-identified copies leave for: {', '.join(covered) or 'nothing'}. Other purposes are refused."
                if known or rules.consent_needed
                else "No consent is on record, so none is asked for. As soon as one is, nothing leaves for a purpose that it does not cover."
            )
            self._form.setVisible(may)
            self.withdraw.setVisible(may)
            if not may:
                self._said.setText(
                    f"{self._said.text()} The role '{document.project.role.name}' may not record consent."
                )
        self._enable()

    def _enable(self) -> None:
        item = self.list.currentItem()
        self.withdraw.setEnabled(item is not None and item.isSelected() and not item.data(1, PURPOSE))
        self.record.setEnabled(bool(self.by.text().strip() and self.purpose.currentData()))

    def keep(self) -> None:
        """Record what the form says."""
        last: date | None = self.until.date().toPython() if self.ends.isChecked() else None  # type: ignore[assignment]
        by, said = self.by.text().strip(), self.said.text().strip()
        self._record(Consent(purpose=self.purpose.currentData(), by=by, until=last, said=said))

    def take_back(self) -> None:
        """Withdraw the chosen one."""
        item = self.list.currentItem()
        if item is not None:
            self._record(Consent(purpose=item.data(0, PURPOSE), by=item.text(2), withdrawn=True))

    def _record(self, consent: Consent) -> None:
        with self.bridge.guarded():
            assert self.bridge.document is not None
            self.bridge.document.project.record_consent(consent)
            self.by.clear()
            self.said.clear()
        self.refresh()


def _line(one: Consent) -> QTreeWidgetItem:
    holds = one.holds()
    state = (
        f"holds{f' until {one.until}' if one.until else ''}"
        if holds
        else "withdrawn" if one.withdrawn else f"ended on {one.until}"
    )  # fmt: skip
    item = QTreeWidgetItem([one.purpose, state, one.by, one.said])
    item.setData(0, PURPOSE, one.purpose)
    item.setData(1, PURPOSE, one.withdrawn)
    item.setForeground(1, QColor(theme.current().good if holds else theme.current().warning))
    return item
