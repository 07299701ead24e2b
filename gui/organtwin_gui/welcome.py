"""What is seen before a project is open: the three ways in, and what was open lately."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from organtwin_gui import theme
from organtwin_gui.forms import quiet, title


class Welcome(QWidget):
    """The start page."""

    sample_wanted = Signal()
    scan_wanted = Signal()
    project_wanted = Signal()
    batch_wanted = Signal()
    cohort_wanted = Signal()
    recent_wanted = Signal(object)  # Path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        card = QFrame()
        card.setObjectName("card")
        card.setMaximumWidth(620)
        inner = QVBoxLayout(card)
        inner.setContentsMargins(36, 32, 36, 32)
        inner.setSpacing(14)
        name = QLabel("OrganTwin")
        name.setObjectName("headline")
        inner.addWidget(name)
        inner.addWidget(
            quiet("Drop a folder with a scan, or files with readings, anywhere on this window, or begin here.")
        )
        row = QHBoxLayout()
        for text, icon, tip, signal, kind in (
            ("Import a scan", "import", "Read a DICOM folder into a new project (Ctrl+I)", self.scan_wanted, "primary"),
            ("Open the sample", "sample", "A made-up patient, to try everything on", self.sample_wanted, ""),
            ("Open a project", "open", "Go on with a project (Ctrl+O)", self.project_wanted, ""),
        ):
            button = QPushButton(text)
            if kind:
                button.setObjectName(kind)
            button.setIcon(theme.icon(icon, theme.current().accent_text if kind else None))
            button.setToolTip(tip)
            button.clicked.connect(signal.emit)
            row.addWidget(button)
        inner.addLayout(row)
        more = QHBoxLayout()
        for text, icon, tip, signal in (
            ("Look through a batch", "jobs", "List the studies that organtwin batch has done, open and mark them (Ctrl+Shift+O)", self.batch_wanted),
            ("Patients", "cohort", "All patients of a folder: who changed, why, since when (Ctrl+Shift+Y)", self.cohort_wanted),
        ):  # fmt: skip
            button = QPushButton(text)
            button.setObjectName("flat")
            button.setIcon(theme.icon(icon))
            button.setToolTip(tip)
            button.clicked.connect(signal.emit)
            more.addWidget(button)
        more.addStretch(1)
        inner.addLayout(more)
        self._recent_title = title("Recent projects")
        inner.addWidget(self._recent_title)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        inner.addLayout(self._recent)
        inner.addWidget(quiet("For research and rehearsal. Not a medical device."))
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addWidget(card, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)

    def show_recent(self, folders: list[Path]) -> None:
        """List the projects opened lately."""
        while item := self._recent.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        self._recent_title.setVisible(bool(folders))
        for folder in folders[:6]:
            button = QPushButton(f"{folder.stem}    {folder.parent}")
            button.setObjectName("flat")
            button.setIcon(theme.icon("study"))
            button.setToolTip(str(folder))
            button.clicked.connect(lambda _c=False, f=folder: self.recent_wanted.emit(f))
            self._recent.addWidget(button)
