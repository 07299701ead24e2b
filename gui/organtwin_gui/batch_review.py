"""A batch looked through in the window: its studies, what was flagged, what a person thinks of each; any of them opens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeySequence, QPainter, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.batch.folder import BatchFolder, Outcome
from organtwin.batch.review import Mark, marks, set_mark
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet, title

STUDY = Qt.ItemDataRole.UserRole
MARKS = (("Reviewed", "reviewed", "R"), ("Accepted", "accepted", "A"), ("Needs work", "needs work", "N"), ("No mark", "", "X"))  # fmt: skip
COLOURS = {"reviewed": "accent", "accepted": "good", "needs work": "warning"}
THUMBNAIL_PX = 64
SENTENCE_PX = 46  # three lines
COLUMNS = ("Study", "Status", "Remarks", "Mark")


def is_batch(folder: Path) -> bool:
    """Whether a folder is what ``organtwin batch`` leaves."""
    return (folder / "protocol.yaml").is_file() and (folder / "studies").is_dir()


@dataclass(frozen=True)
class Line:
    """A study as it is listed."""

    id: str
    name: str
    became: str
    remarks: str
    failed: bool
    picture: Path | None

    @classmethod
    def of(cls, outcome: Outcome, folder: BatchFolder) -> Line:
        failed = outcome.status == "failed"
        parts = [str(outcome.row[key]) for key in ("patient", "series") if outcome.row.get(key)]
        pictures = () if failed else sorted((folder.project(outcome.id) / "batch").glob("*.png"))
        doubts = "\n".join(flag.partition(": ")[2] or flag for flag in outcome.flags)
        return cls(
            outcome.id,
            "\n".join([outcome.id, ", ".join(parts)]).strip(),
            "set aside" if failed else "corrected" if outcome.row.get("corrected") else "done",
            outcome.sentence or doubts,
            failed,
            pictures[0] if pictures else None,
        )


class BatchDialog(QDialog):
    """Stays open beside the window: a study opens there by a double click, and is marked here.

    Signals
    -------
    project_wanted(object)
        Folder of a project to be opened.
    """

    project_wanted = Signal(object)

    def __init__(self, bridge: Bridge, root: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Batch {root.name}")
        self.resize(900, 620)
        self.bridge, self.folder = bridge, BatchFolder(root.resolve())
        self._said = quiet("")
        self.find = QLineEdit()
        self.find.setPlaceholderText("Find: a study, a patient, a mark, a word of the remarks")
        self.find.setToolTip("Show only studies with these words (Ctrl+F)")
        self.find.setClearButtonEnabled(True)
        self.find.textChanged.connect(lambda _t: self._sift())
        self.list = QTreeWidget()
        self.list.setHeaderLabels(COLUMNS)
        self.list.setRootIsDecorated(False)
        self.list.setIconSize(QSize(THUMBNAIL_PX, THUMBNAIL_PX))
        self.list.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.list.setAlternatingRowColors(True)
        self.list.setWordWrap(True)
        self.list.setToolTip("Double click opens a study in the window (Enter)")
        header = self.list.header()
        header.setStretchLastSection(False)
        for column, width in enumerate((260, 90, 0, 110)):
            header.resizeSection(column, width)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.list.itemActivated.connect(lambda item, _c: self._open(item))
        self.list.itemSelectionChanged.connect(self._enable)
        self.open = QPushButton("Open")
        self.open.setObjectName("primary")
        self.open.setIcon(theme.icon("open", theme.current().accent_text))
        self.open.setToolTip("Open the study in the window, to look at it and to correct it (Enter)")
        self.open.setAutoDefault(False)
        self.open.clicked.connect(lambda: self._open(self.list.currentItem()))
        self.note = QLineEdit()
        self.note.setPlaceholderText("Note with the mark")
        self.note.setToolTip("Kept with the mark that is given next")
        row = QHBoxLayout()
        row.addWidget(self.open)
        row.addWidget(self.note, 1)
        self.buttons: dict[str, QPushButton] = {}
        for text, mark, key in MARKS:
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.setToolTip(f"Mark the chosen studies: {text.lower()} (Ctrl+{key})")
            button.clicked.connect(lambda _c=False, m=mark: self.mark(m))
            QShortcut(QKeySequence(f"Ctrl+{key}"), self).activated.connect(button.click)
            self.buttons[mark] = button
            row.addWidget(button)
        QShortcut(QKeySequence("Ctrl+F"), self).activated.connect(self.find.setFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(title(root.name))
        head.addStretch(1)
        head.addWidget(self.find, 2)
        column.addLayout(head)
        column.addWidget(self._said)
        column.addWidget(self.list, 1)
        column.addLayout(row)
        self._fill()

    # -- the list -------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        with self.bridge.guarded():
            self.lines = [Line.of(outcome, self.folder) for outcome in self.folder.outcomes()]
            given = marks(self.folder)
            self.lines.sort(key=lambda line: (line.failed, line.id in given, not line.remarks, line.id))
            for line in self.lines:
                item = QTreeWidgetItem([line.name, line.became, line.remarks, ""])
                item.setData(0, STUDY, line.id)
                item.setToolTip(0, line.id)
                item.setToolTip(2, line.remarks)
                for column in range(3):
                    item.setTextAlignment(column, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
                if line.picture is not None:
                    item.setIcon(0, QIcon(_thumbnail(line.picture)))
                if line.failed:
                    item.setSizeHint(2, QSize(0, SENTENCE_PX))
                    item.setForeground(1, QColor(theme.current().danger))
                self.list.addTopLevelItem(item)
                self._show_mark(item, given.get(line.id))
            self._count()
        if self.list.topLevelItemCount():
            self.list.setCurrentItem(self.list.topLevelItem(0))
        self._enable()

    def _count(self) -> None:
        given = marks(self.folder)
        failed = sum(line.failed for line in self.lines)
        told = [f"{len(self.lines)} studies", f"{failed} set aside", f"{len(given)} marked"]
        told += [f"{n} {mark}" for mark in COLOURS if (n := sum(one.mark == mark for one in given.values()))]
        self._said.setText(", ".join(told) + ". What needs a look stands first. Marks are kept in review.json.")

    def _show_mark(self, item: QTreeWidgetItem, mark: Mark | None) -> None:
        item.setText(3, "" if mark is None else mark.mark + (f"\n{mark.note}" if mark.note else ""))
        item.setToolTip(3, mark.note if mark else "")
        item.setForeground(3, QColor(getattr(theme.current(), COLOURS[mark.mark]) if mark else theme.current().text))

    def _sift(self) -> None:
        words = self.find.text().lower().split()
        for number in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(number)
            told = " ".join(item.text(column) for column in range(len(COLUMNS))).lower()
            item.setHidden(not all(word in told for word in words))

    def _enable(self) -> None:
        chosen = self.list.selectedItems()
        current = self.list.currentItem()
        self.open.setEnabled(current is not None and self.folder.project(current.data(0, STUDY)).is_dir())
        for button in self.buttons.values():
            button.setEnabled(bool(chosen))

    # -- doing ----------------------------------------------------------------------------------------------------

    def _open(self, item: QTreeWidgetItem | None) -> None:
        if item is None:
            return
        project = self.folder.project(item.data(0, STUDY))
        if project.is_dir():
            self.project_wanted.emit(project)
        else:
            self.bridge.failed.emit(f"The study {item.data(0, STUDY)} was set aside: {item.text(2)}")

    def mark(self, mark: str) -> None:
        """Mark the chosen studies; an empty mark takes it away."""
        with self.bridge.guarded():
            for item in self.list.selectedItems():
                study = item.data(0, STUDY)
                set_mark(self.folder, study, mark, self.note.text().strip())
                self._show_mark(item, marks(self.folder).get(study))
            self.note.clear()
            self._count()


def _thumbnail(file: Path) -> QPixmap:
    """In the middle of a square, so that names stand below each other."""
    made = QPixmap(THUMBNAIL_PX, THUMBNAIL_PX)
    made.fill(Qt.GlobalColor.black)
    picture = QPixmap(str(file)).scaled(
        made.size(), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    painter = QPainter(made)
    painter.drawPixmap((THUMBNAIL_PX - picture.width()) // 2, (THUMBNAIL_PX - picture.height()) // 2, picture)
    painter.end()
    return made
