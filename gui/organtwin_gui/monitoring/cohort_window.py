"""All patients of a folder beside the window: worst first, one of them in detail, any of them opens."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.document import Document
from organtwin.monitoring import acknowledge
from organtwin.timeline.days import day_of
from organtwin_gui import theme
from organtwin_gui.arrivals import keep_raised
from organtwin_gui.bridge import Bridge
from organtwin_gui.command import Command
from organtwin_gui.forms import quiet, title
from organtwin_gui.monitoring.dashboard import Dashboard
from organtwin_gui.monitoring.words import ago, colour_of

ROW = Qt.ItemDataRole.UserRole
SETTLED_MS = 250  # between choosing a patient and reading him: arrow keys run through the list
COLUMNS = ("", "Patient", "What changed", "Since")
DOT = "●"
TWO_LINES_PX = 44


class CohortWindow(QDialog):
    """Stays open beside the window.

    Signals
    -------
    project_wanted(object)
        Folder of a project to be opened.
    """

    project_wanted = Signal(object)

    def __init__(self, bridge: Bridge, root: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Patients in {root.name}")
        self.resize(1320, 820)
        self.bridge, self.root = bridge, root
        self.rows: list[dict[str, Any]] = []
        self._commands: list[Command] = []
        self._looking: Command | None = None
        self._shown = ""
        self._told: dict[str, Any] = {}
        self._build()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SETTLED_MS)
        self._soon.timeout.connect(self._look)
        self.read()

    def _build(self) -> None:
        self._said = quiet("")
        self._wait = QProgressBar()
        self._wait.setRange(0, 0)
        self.find = QLineEdit()
        self.find.setPlaceholderText("Find: a patient, a word of what changed")
        self.find.setToolTip("Show only patients with these words (Ctrl+F)")
        self.find.setClearButtonEnabled(True)
        self.find.textChanged.connect(lambda _t: self._sift())
        self.again = QPushButton("Read again")
        self.again.setToolTip("Look through all patients once more (F5)")
        self.again.setAutoDefault(False)
        self.again.clicked.connect(self.read)
        self.list = QTreeWidget()
        self.list.setHeaderLabels(COLUMNS)
        self.list.setRootIsDecorated(False)
        self.list.setWordWrap(True)
        self.list.setToolTip("Double click opens the patient in the window (Enter)")
        header = self.list.header()
        header.setStretchLastSection(False)
        for place, width in ((0, 28), (1, 120), (3, 108)):
            header.resizeSection(place, width)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.list.currentItemChanged.connect(lambda *_: self._soon.start())
        self.list.itemActivated.connect(lambda *_: self._open())
        self.dashboard = Dashboard()
        self.dashboard.open_wanted.connect(self._open)
        self.dashboard.acknowledged.connect(self.acknowledge)
        for keys, what in (("Ctrl+F", self.find.setFocus), ("F5", self.read), ("Ctrl+Return", self._open)):
            QShortcut(QKeySequence(keys), self).activated.connect(what)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(title(self.root.name))
        head.addStretch(1)
        head.addWidget(self.again)
        column.addLayout(head)
        for widget in (self.find, self._said, self._wait):
            column.addWidget(widget)
        column.addWidget(self.list, 1)
        split = QSplitter()
        split.addWidget(left)
        split.addWidget(self.dashboard)
        split.setSizes([560, 760])
        split.setChildrenCollapsible(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 16, 6, 12)
        row.addWidget(split)

    # -- the list -------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Look through all projects of the folder, in a process of its own."""
        if self._wait.isVisible():
            return
        self._wait.show()
        self._said.setText("Looking through all patients …")
        self._run(["cohort", str(self.root), "--json"], self._list, self._refused)

    def _run(self, arguments: list[str], answered: Any, refused: Any) -> Command:
        command = Command(arguments, self)
        self._commands.append(command)
        command.answered.connect(answered)
        command.refused.connect(refused)
        command.ended.connect(lambda: self._commands.remove(command))
        return command

    def _refused(self, sentence: str) -> None:
        self._wait.hide()
        self._said.setText(sentence or "The patients could not be looked through. Read again (F5).")

    def _list(self, told: list[dict[str, Any]]) -> None:
        self._wait.hide()
        kept = self._shown
        self.rows = told
        self.list.clear()
        for row in self.rows:
            self.list.addTopLevelItem(self._item(row))
        waiting = sum(bool(row["waiting"]) for row in self.rows)
        self._said.setText(
            f"{len(self.rows)} patients, {waiting} with an alert nobody has seen. What needs a look stands first."
            if self.rows
            else f"There is no project (a folder that ends in .otwin) in {self.root}."
        )
        self._sift()
        for number, row in enumerate(self.rows):
            if row["folder"] == kept or (not kept and number == 0):
                self.list.setCurrentItem(self.list.topLevelItem(number))
        self._soon.start()

    @staticmethod
    def _item(row: dict[str, Any]) -> QTreeWidgetItem:
        why = row["error"] or row["why"] or "Nothing stands out."
        newest = row["at_s"]
        since = ago(row["since_s"], newest) if row["since_s"] is not None and newest is not None else ""
        item = QTreeWidgetItem([DOT, row["name"], why, since])
        item.setData(0, ROW, row["folder"])
        item.setSizeHint(2, QSize(0, TWO_LINES_PX))
        item.setForeground(0, QColor(colour_of("urgent" if row["error"] else row["severity"])))
        quiet_row = not row["waiting"] and not row["error"]
        for place in range(1, len(COLUMNS)):
            item.setToolTip(place, f"{why}\nLast reading {day_of(row['last_reading_s'])}")
            if quiet_row:
                item.setForeground(place, QColor(theme.current().text_quiet))
        return item

    def _sift(self) -> None:
        words = self.find.text().lower().split()
        for number in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(number)
            told = " ".join(item.text(column) for column in range(len(COLUMNS))).lower()
            item.setHidden(not all(word in told for word in words))

    # -- one patient ----------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> dict[str, Any] | None:
        item = self.list.currentItem()
        return next((row for row in self.rows if item and row["folder"] == item.data(0, ROW)), None)

    def _look(self) -> None:
        row = self.chosen
        if row is None:
            return
        if self._looking is not None:
            self._looking.stop()
        self._shown = row["folder"]
        if row["error"]:
            self.dashboard.say(row["error"])
            return
        self.dashboard.say(f"Reading {row['name']} …")
        # a project that is open here is held by this window: it is only looked at there
        held = ["--dry-run"] if self._document(row) is not None else []
        self._looking = self._run(
            ["monitor", row["folder"], "--trends", "--json", *held],
            lambda told: self._show(row["name"], told),
            lambda sentence: self.dashboard.say(sentence or "This patient could not be read."),
        )

    def _show(self, name: str, told: dict[str, Any]) -> None:
        self._told = told
        self.dashboard.show_patient(name, told)

    def _document(self, row: dict[str, Any]) -> Document | None:
        """The open document, where it is this patient's."""
        document = self.bridge.document
        return document if document is not None and document.project.folder == Path(row["folder"]).resolve() else None

    def acknowledge(self, alert: str, said: str) -> None:
        """Keep that an alert was seen; then everything is read again."""
        row = self.chosen
        if row is None:
            return
        document = self._document(row)
        if document is None:
            arguments = ["alerts", row["folder"], "--acknowledge", alert, "--json"]
            self._run(
                [*arguments, "--said", said] if said else arguments, lambda _told: self.read(), self.bridge.failed.emit
            )
            return
        with self.bridge.guarded():
            if not document.project.is_live(alert):  # raised just now, and kept by nobody yet
                keep_raised(document, self._told)
            acknowledge(document, alert, getpass.getuser(), said)
            self.read()

    def _open(self) -> None:
        row = self.chosen
        if row is not None:
            self.project_wanted.emit(Path(row["folder"]))

    def done(self, result: int) -> None:
        """Whatever still reads is ended."""
        for command in list(self._commands):
            command.stop()
        super().done(result)
