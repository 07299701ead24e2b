"""The audit log as a table, and whether it is whole."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.monitor import Monitor
from organtwin.store.audit import AuditLog, Record, anchor_of
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet
from organtwin_gui.governance.aside import Aside

SHOWN = 5000  # newest first
HEADS = ("No.", "When", "Who", "Role", "Did", "What")
Told = tuple[list[Record], list[str]]


class AuditPage(QWidget):
    """Reads beside the window: every stroke of a brush is a record."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self._reading: Aside | None = None
        self.head = ""
        self.state = QLabel("")
        self.state.setWordWrap(True)
        self._said = quiet("")
        self.words = QLineEdit()
        self.words.setPlaceholderText("Find: a person, a deed, a word")
        self.words.setClearButtonEnabled(True)
        self.words.textChanged.connect(lambda _t: self._sift())
        self.noted = QLineEdit()
        self.noted.setPlaceholderText("A hash that you noted elsewhere: is it still in the log?")
        self.noted.returnPressed.connect(self.refresh)
        self.check = QPushButton("Check")
        self.check.setToolTip("Read the log again, and see whether it is whole and holds the noted hash")
        self.copy = QPushButton("Copy the last hash")
        self.copy.setIcon(theme.icon("copy"))
        self.copy.setToolTip(
            "Keep it elsewhere, such as in a mail to yourself: it shows later whether the log was rewritten"
        )
        for button, slot in ((self.check, self.refresh), (self.copy, self._copy)):
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        self.list = QTreeWidget()
        self.list.setHeaderLabels(HEADS)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        head = self.list.header()
        for place, width in enumerate((56, 170, 150, 90, 100)):
            head.resizeSection(place, width)
        head.setSectionResizeMode(5, QHeaderView.ResizeMode.Stretch)
        row = QHBoxLayout()
        row.addWidget(self.noted, 1)
        row.addWidget(self.check)
        row.addWidget(self.copy)
        self._parts = (self.words, self.list, self.noted, self.check, self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 14, 4, 4)
        column.setSpacing(10)
        for widget in (self.state, self._said, self.words):
            column.addWidget(widget)
        column.addWidget(self.list, 1)
        column.addLayout(row)

    def refresh(self) -> None:
        document = self.bridge.document
        if document is None or self._reading is not None:
            return
        project = document.project
        sees = "audit" in project.role.sees
        for part in self._parts:
            part.setVisible(sees)
        if not sees:
            self.state.setText(f"The role '{project.role.name}' does not see the audit log.")
            self._said.setText("")
            self.list.clear()
            return
        self.state.setText("Reading …")
        log = AuditLog(project.folder / "audit", project.vault)  # one of its own, for the thread
        head, noted = project.head, self.noted.text().strip()

        def work(_monitor: Monitor) -> Told:
            return log.records(), log.verify(anchor_of(head), noted)

        self._reading = Aside(self, work, self._show, self._refused)

    def _refused(self, sentence: str) -> None:
        self._reading = None
        self._state_is(sentence, False)

    def _show(self, told: Told) -> None:
        self._reading = None
        records, wrong = told
        self.head = records[-1].hash if records else ""
        noted = " The noted hash is in it." if self.noted.text().strip() and not wrong else ""
        self._state_is(
            "The log was tampered with. " + " ".join(wrong[:5])
            if wrong
            else f"The log is whole: {len(records)} records.{noted}",
            not wrong,
        )
        left = len(records) - SHOWN
        self._said.setText(
            f"Newest first{f'; {left} older ones: organtwin audit' if left > 0 else ''}. Who can write all files of a project that is "
            "not sealed can write a whole new log: a hash noted elsewhere shows that."
        )
        self.list.clear()
        self.list.addTopLevelItems([_line(record) for record in reversed(records[-SHOWN:])])
        self.copy.setEnabled(bool(self.head))
        self._sift()

    def _state_is(self, text: str, good: bool) -> None:
        self.state.setText(text)
        self.state.setObjectName("good" if good else "danger")
        self.state.style().polish(self.state)

    def _sift(self) -> None:
        words = self.words.text().lower().split()
        for number in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(number)
            assert item is not None
            told = " ".join(item.text(place) for place in range(len(HEADS))).lower()
            item.setHidden(not all(word in told for word in words))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.head)
        self.bridge.told.emit("The last hash of the audit log is on the clipboard. Keep it elsewhere.")


def _line(record: Record) -> QTreeWidgetItem:
    when = f"{datetime.fromisoformat(record.at).astimezone():%Y-%m-%d %H:%M:%S}"
    item = QTreeWidgetItem([str(record.n), when, record.who, record.role, record.did, record.what])
    item.setTextAlignment(0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    for place in (2, 5):
        item.setToolTip(place, item.text(place))
    return item
