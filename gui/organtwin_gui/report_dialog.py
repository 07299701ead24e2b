"""What report is to be written: for whom, as what, and what it is for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFileDialog, QVBoxLayout, QWidget

from organtwin_gui.forms import form, quiet, title
from organtwin_gui.purposes import purposes

READERS = (
    ("Clinician and patient", "both", "Two parts in one file"),
    ("Clinician", "clinician", "Numbers with their intervals, sources and what is assumed"),
    ("Patient", "patient", "A page or two in plain language"),
)
KINDS = (("PDF, to print or send", "pdf"), ("Web page, to look at in a browser", "html"))


class ReportDialog(QDialog):
    """Accepted with ``file`` and ``options`` once a place was chosen."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Report")
        self._folder = folder
        self.file: Path | None = None
        self.reader, self.kind = QComboBox(), QComboBox()
        for number, (words, key, tip) in enumerate(READERS):
            self.reader.addItem(words, key)
            self.reader.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        for words, ending in KINDS:
            self.kind.addItem(words, ending)
        self.reader.setToolTip("Who is going to read it (Alt+F)")
        self.kind.setToolTip("What file it is to be (Alt+A)")
        self.purpose = purposes("Not told")
        self.purpose.setToolTip(
            "What it is for: where the patient has agreed to some uses only, it must be one of them (Alt+U)"
        )
        rows = form()
        rows.addRow("&For", self.reader)
        rows.addRow("&As", self.kind)
        rows.addRow("&Use", self.purpose)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        save = buttons.button(QDialogButtonBox.StandardButton.Save)
        save.setText("Choose a place")
        save.setObjectName("primary")
        save.setToolTip("Ask where to write it; the window can be used meanwhile (Return)")
        buttons.accepted.connect(self.choose)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(title("Report"))
        column.addWidget(quiet("All that the project holds: pictures, quality, readings, twin, forecasts, scenarios."))
        column.addLayout(rows)
        column.addWidget(buttons)
        self.setMinimumWidth(440)

    @property
    def options(self) -> list[str]:
        """Of ``organtwin report``."""
        purpose = self.purpose.currentData()
        return ["--for", self.reader.currentData(), *(["--purpose", purpose] if purpose else [])]

    def choose(self) -> None:
        """Ask for the place; without one it stays open."""
        ending = self.kind.currentData()
        reader = self.reader.currentData()
        name = f"{self._folder.stem}-report{'' if reader == 'both' else f'-{reader}'}.{ending}"
        file, _ = QFileDialog.getSaveFileName(
            self, "Write the report", str(self._folder.parent / name), f"{ending.upper()} (*.{ending})"
        )
        if file:
            self.file = Path(file) if Path(file).suffix.lower() == f".{ending}" else Path(f"{file}.{ending}")
            self.accept()
