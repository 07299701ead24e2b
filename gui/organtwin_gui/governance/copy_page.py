"""A copy without identity of what the project holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.command import Command
from organtwin_gui.forms import form, quiet
from organtwin_gui.purposes import purposes


class CopyPage(QWidget):
    """Scans as NIfTI, segmentations as DICOM SEG, readings as FHIR; the scan's own files too where they are given."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self._command: Command | None = None
        self.out, self.dicom = QLineEdit(), QLineEdit()
        self.out.setPlaceholderText("A new or an empty folder")
        self.dicom.setPlaceholderText("Only if they are to be copied, too")
        self.purpose = purposes("As the role has it")
        self.shift = QCheckBox("Move the dates of this patient together by some days, instead of removing them")
        self.keep = QCheckBox("Keep sex, age (90 and more as 90), size and weight")
        self.looked = QCheckBox("I looked at the pictures: no name stands in them")
        self.write = QPushButton("Write the copy")
        self.write.setObjectName("primary")
        self.write.setIcon(theme.icon("export", theme.current().accent_text))
        self.write.setAutoDefault(False)
        self.write.clicked.connect(self.begin)
        self.out.textChanged.connect(self._enable)
        self.result = QLabel("")
        self.result.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.hide()
        rows = form()
        rows.addRow("Into", _with_button(self.out, self._choose_out))
        rows.addRow("DICOM files", _with_button(self.dicom, self._choose_dicom))
        rows.addRow("Purpose", self.purpose)
        self._said = quiet("")
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 14, 4, 4)
        column.setSpacing(10)
        column.addWidget(self._said)
        column.addLayout(rows)
        for box in (self.shift, self.keep, self.looked):
            column.addWidget(box)
        row = QHBoxLayout()
        row.addWidget(self.write)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self._bar)
        column.addWidget(self.result)
        column.addStretch(1)

    def refresh(self) -> None:
        self._said.setText(
            "Scans, segmentations and readings, with names, numbers, free text and private data taken out (DICOM PS3.15 basic profile; FHIR in the "
            "manner of Safe Harbor). What was left out is told. Rare diseases, faces in scans of the head and long series of readings can still tell who it is."
        )
        self._enable()

    def _enable(self) -> None:
        document = self.bridge.document
        may = document is not None and "deidentify" in document.project.role.may
        self.write.setEnabled(may and self._command is None and bool(self.out.text().strip()))
        if document is not None and not may:
            self.result.setText(f"The role '{document.project.role.name}' may not write de-identified copies.")

    def begin(self) -> None:
        """Write it in a process of its own."""
        if self.bridge.document is None:
            return
        arguments = ["deidentify", str(self.bridge.document.project.folder), "-o", self.out.text().strip(), "--json"]
        if self.purpose.currentData():
            arguments += ["--purpose", self.purpose.currentData()]
        if self.dicom.text().strip():
            arguments += ["--dicom", self.dicom.text().strip()]
        for box, option in ((self.shift, "--shift-dates"), (self.keep, "--keep-characteristics"), (self.looked, "--allow-burned-in")):  # fmt: skip
            arguments += [option] * box.isChecked()
        self.result.setText("")
        self._bar.show()
        self._command = Command(arguments, self)
        self._command.answered.connect(self._written)
        self._command.refused.connect(
            lambda sentence: self._tell(sentence or "The copy could not be written.", "danger")
        )
        self._command.ended.connect(self._ended)
        self._enable()

    def stop(self) -> None:
        if self._command is not None:
            self._command.stop()

    def _ended(self) -> None:
        self._command = None
        self._bar.hide()
        self._enable()

    def _written(self, told: dict[str, Any]) -> None:
        lines = [f"Wrote {len(told['files'])} files to {self.out.text().strip()}."]
        lines += [f"Left out {count}: {reason}." for reason, count in told["left_out"].items()]
        self._tell("\n".join([*lines, *told["notes"]]), "good" if not told["left_out"] and not told["notes"] else "")

    def _tell(self, text: str, name: str) -> None:
        self.result.setText(text)
        self.result.setObjectName(name)
        self.result.style().polish(self.result)

    def _choose_out(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A new or an empty folder for the copy", str(Path.home()))
        if folder:
            self.out.setText(folder)

    def _choose_dicom(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The DICOM files of the scan")
        if folder:
            self.dicom.setText(folder)


def _with_button(line: QLineEdit, choose: Any) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    button = QPushButton("Choose")
    button.setAutoDefault(False)
    button.clicked.connect(choose)
    row.addWidget(line, 1)
    row.addWidget(button)
    return made
