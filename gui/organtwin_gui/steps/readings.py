"""Readings: what was measured on the patient, imported, looked at over time, and given away again."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
)

from organtwin.jobs import Job, JobState
from organtwin.model import Observations
from organtwin_gui import theme
from organtwin_gui.forms import form, quiet
from organtwin_gui.purposes import purposes
from organtwin_gui.steps.step import Step, primary
from organtwin_gui.timeline.board import TimelineBoard
from organtwin_gui.timeline.gather import Gathered, LaneKind
from organtwin_gui.timeline.untold import Untold

KEY = Qt.ItemDataRole.UserRole
GROUPS = {
    "circulation": "Heart and circulation", "breathing": "Breathing", "glucose": "Glucose", "body": "Body",
    "activity": "Activity and sleep", "laboratory": "Laboratory",
}  # fmt: skip
ENDINGS = "Readings (*.json *.ndjson *.jsonl *.xml *.csv *.tsv *.zip);;All files (*)"


class ReadingsStep(Step):
    name = "Readings"
    icon = "readings"
    purpose = "Bring in what was measured on the patient, and see it over time."

    export_wanted = Signal(object)  # the file

    def build(self) -> None:
        self.board: TimelineBoard | None = None
        self.run = primary("Import readings", "import", "Read files with measurements, events and drugs", "Ctrl+Return")
        self.run.clicked.connect(self.choose_files)
        self.page.addWidget(self.run)
        row = QHBoxLayout()
        self.folder = QPushButton("Folder")
        self.folder.setIcon(theme.icon("open"))
        self.folder.setToolTip("Read every file of a folder, such as an export of a watch (Ctrl+Shift+Return)")
        self.folder.setShortcut("Ctrl+Shift+Return")
        self.folder.clicked.connect(self.choose_folder)
        self.export = QPushButton("Export")
        self.export.setIcon(theme.icon("export"))
        self.export.setToolTip("Write all readings and events as a FHIR bundle (Alt+X)")
        self.export.setShortcut("Alt+X")
        self.export.clicked.connect(self.choose_export)
        for button in (self.folder, self.export):
            row.addWidget(button)
        self.page.addLayout(row)
        self.purpose = purposes("Nothing told")
        self.purpose.setToolTip(
            "What the patient agreed that these readings may be used for. It is kept with them as a consent: from then on exports and "
            "reports leave for no other purpose. More, with who agreed and until when: Privacy (Ctrl+Shift+G)"
        )
        self._rows = form()
        self._rows.addRow("Patient agreed to", self.purpose)
        self.page.addLayout(self._rows)
        self.more = QPushButton("If a file does not tell")
        self.more.setObjectName("flat")
        self.more.setIcon(theme.icon("settings"))
        self.more.setCheckable(True)
        self.more.setToolTip("Time zone, order of dates, units and patient, for files that do not tell them (Alt+Z)")
        self.more.setShortcut("Alt+Z")
        self.untold = Untold()
        self.untold.hide()
        self.more.toggled.connect(self.untold.setVisible)
        self.again = QPushButton("Read them again")
        self.again.setIcon(theme.icon("import"))
        self.again.setShortcut("Alt+R")
        self.again.hide()
        self.again.clicked.connect(lambda: self.import_files(self._last))
        for widget in (self.more, self.untold, self.again):
            self.page.addWidget(widget)
        self._last: list[Path] = []
        self.bridge.job_ended.connect(self._ended)
        self.bridge.closed.connect(self._forget)
        self._heading = QLabel("Lanes")
        self._heading.setObjectName("title")
        self.page.addWidget(self._heading)
        self.lanes = QTreeWidget()
        self.lanes.setColumnCount(2)
        self.lanes.setHeaderLabels(["Reading", "Last"])
        self.lanes.setIndentation(10)
        self.lanes.setStyleSheet("QTreeView::item { padding: 1px 2px; }")
        self.lanes.setToolTip("Tick what is to be seen (space)")
        self.lanes.setMinimumHeight(160)
        self.lanes.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        head = self.lanes.header()
        head.setStretchLastSection(False)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.lanes.itemChanged.connect(lambda _i, _c: self._ticked())
        self.page.addWidget(self.lanes, 10)
        self._facts = quiet("")
        self.page.addWidget(self._facts)

    def attach(self, board: TimelineBoard) -> None:
        """The timeline that this page is the hand of."""
        self.board = board
        board.gathered.connect(self._list)
        board.import_wanted.connect(self.choose_files)
        board.files_dropped.connect(self.import_files)

    def refresh(self) -> None:
        busy = self.busy("import-observations")
        document = self.bridge.document
        may = document.project.role.may if document else ()
        self.run.setEnabled("import" in may and not busy)
        self._rows.setRowVisible(self.purpose, "import" in may)
        self.folder.setEnabled(self.run.isEnabled())
        self.export.setEnabled("export" in may and bool(self.bridge.entries("observations")))
        if not self.bridge.entries("observations"):
            self._list(None)

    # -- files --------------------------------------------------------------------------------------------------------

    def choose_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Import readings from files", "", ENDINGS)
        if files:
            self.import_files([Path(f) for f in files])

    def choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Import readings from a folder")
        if folder:
            self.import_files([Path(folder)])

    def import_files(self, paths: list[Path]) -> None:
        """Start the import; one job for all of them."""
        if paths:
            self._last = list(paths)
            self.again.hide()
            with self.bridge.guarded():
                told = self.untold.parameters()
                self._start(paths, told)

    def _start(self, paths: list[Path], told: dict[str, object]) -> None:
        purpose = self.purpose.currentData()
        parameters = {"paths": [str(p.resolve()) for p in paths], "purpose": purpose, **told}
        inputs = {f"observations-{n + 1}": e.uuid for n, e in enumerate(self.bridge.entries("observations"))}
        self.bridge.start("import-observations", inputs, parameters, "Import readings")

    def _ended(self, job: Job) -> None:
        """A file that was refused can be read again, with what it did not tell."""
        if job.spec.operation == "import-observations" and job.state is JobState.FAILED and self._last:
            names = ", ".join(path.name for path in self._last[:3])
            self.again.setToolTip(f"Read {names} again, with what is told here (Alt+R)")
            self.again.show()
            self.more.setChecked(True)
        elif job.spec.operation == "import-observations" and job.state is JobState.DONE:
            newest = self.bridge.latest("observations")
            made = self.bridge.get(newest.uuid) if newest else None
            zoned = [note for note in made.notes if "zone" in note] if isinstance(made, Observations) else []
            self.more.setChecked(bool(zoned))
            if zoned:
                self.bridge.told.emit(
                    f"{zoned[0]} Undo, choose it under 'If a file does not tell', and read them again."
                )
                self.again.show()

    def _forget(self) -> None:
        self._last = []
        self.again.hide()

    def choose_export(self) -> None:
        file, _ = QFileDialog.getSaveFileName(
            self, "Write the readings as FHIR", "readings.json", "FHIR bundle (*.json);;FHIR lines (*.ndjson)"
        )
        if file:
            self.export_wanted.emit(Path(file))

    # -- lanes --------------------------------------------------------------------------------------------------------

    def _list(self, found: Gathered | None) -> None:
        self.lanes.blockSignals(True)
        self.lanes.clear()
        for widget in (self._heading, self.lanes, self._facts):
            widget.setVisible(found is not None)
        if found is not None and self.board is not None:
            for group, words in GROUPS.items():
                members = [lane for lane in found.lanes if lane.group == group]
                if not members:
                    continue
                parent = QTreeWidgetItem([words])
                parent.setFlags(Qt.ItemFlag.ItemIsEnabled)
                parent.setFont(0, theme.font(theme.SMALL_POINTS, bold=True))
                self.lanes.addTopLevelItem(parent)
                parent.setFirstColumnSpanned(True)
                for lane in members:
                    item = QTreeWidgetItem([lane.name if len(lane.tracks) > 1 else lane.tracks[0].said, lane.said])
                    item.setData(0, KEY, lane.key)
                    on = lane.key in self.board.chosen
                    item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                    item.setToolTip(0, said_of(lane, self.board))
                    item.setToolTip(1, said_of(lane, self.board))
                    item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight)
                    parent.addChild(item)
                parent.setExpanded(True)
            self._facts.setText(facts_of(found))
        self.lanes.blockSignals(False)

    def _ticked(self) -> None:
        groups = (self.lanes.topLevelItem(n) for n in range(self.lanes.topLevelItemCount()))
        items = [g.child(n) for g in groups if g is not None for n in range(g.childCount())]
        if self.board is not None:
            self.board.choose([i.data(0, KEY) for i in items if i.checkState(0) is Qt.CheckState.Checked])


def said_of(lane: LaneKind, board: TimelineBoard) -> str:
    """A lane in a line: how many readings, the last of them, and what measured it."""
    device = lane.last.source.device or lane.last.source.name
    when = f"{board.span.local(lane.last.time_s):%d %b %Y, %H:%M}"
    return f"{lane.name}: {lane.count:,} readings, the last on {when}, from {device}"


def facts_of(found: Gathered) -> str:
    """Who and from where, in a few lines."""
    person = found.timeline.person
    born = f"born {person.birth_year}" if person.birth_year else ""
    who = ", ".join(w for w in (person.sex if person.sex != "unknown" else "", born) if w)
    sources = dict.fromkeys(s.device or s.name for s in found.timeline.sources)
    shown = list(sources)[:6]
    lines = [f"{len(found.timeline):,} readings".replace(",", "\u202f") + (f", {who}" if who else "")]
    lines += [f"From: {', '.join(shown)}{f' and {len(sources) - 6} more' if len(sources) > 6 else ''}"]
    return "\n".join(lines)
