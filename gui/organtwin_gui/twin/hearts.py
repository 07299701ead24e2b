"""Segmented hearts of the project as measurements of a day: their volumes calibrate the circulation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QWidget

from organtwin.errors import BadInput
from organtwin.store import Entry
from organtwin.timeline.days import seconds_of
from organtwin.twin.course.study import SCANNED
from organtwin_gui import theme
from organtwin_gui.forms import form


class HeartDates(QWidget):
    """A row for each segmented heart with the day of its scan, filled in where the scan tells it; without a day it is left out.

    Signals
    -------
    changed()
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: QFormLayout = form()
        self.setLayout(self._rows)
        self._hearts: list[tuple[Entry, Entry | None]] = []
        self.edits: list[QLineEdit] = []

    def offer(self, hearts: Sequence[Entry], scans: Sequence[Entry]) -> None:
        """Those whose volumes were measured; what was typed stays."""
        by_uuid = {e.uuid: e for e in scans}
        found = [(e, by_uuid.get(e.facts.get("dynamic", ""))) for e in hearts if e.facts.get("quantities")]
        if [h.uuid for h, _ in found] == [h.uuid for h, _ in self._hearts]:
            return
        typed = {h.uuid: edit.text() for (h, _), edit in zip(self._hearts, self.edits, strict=True)}
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self._hearts, self.edits = found, []
        for heart, scan in found:
            told = (scan.facts.get("acquisition") or {}).get(SCANNED, "") if scan else ""
            edit = QLineEdit(typed.get(heart.uuid, told))
            edit.setPlaceholderText("not used: date unknown")
            edit.setAccessibleName(f"Day of {heart.name}")
            edit.textChanged.connect(lambda _t, e=edit: self._check(e))
            edit.editingFinished.connect(self.changed)
            self._rows.addRow("Heart scan of", edit)
            self.edits.append(edit)
            self._check(edit)

    def _check(self, edit: QLineEdit) -> None:
        heart = self._hearts[self.edits.index(edit)][0] if edit in self.edits else None
        name = heart.name if heart else "The heart"
        sound = not edit.text().strip() or day_of(edit.text()) is not None
        edit.setStyleSheet("" if sound else f"border-color: {theme.current().danger};")
        edit.setToolTip(
            f"{name}: the day of this scan, as 2024-03-01. Its volumes then count as measured on that day; empty: they do not"
            if sound
            else "This is no day: write it as 2024-03-01"
        )

    @property
    def used(self) -> list[str]:
        """Names of the hearts whose day is known."""
        return [h.name for (h, _), e in zip(self._hearts, self.edits, strict=True) if day_of(e.text()) is not None]

    def inputs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Inputs of a calibration by role, and the dates of the scans by number."""
        inputs: dict[str, str] = {}
        dates: dict[str, str] = {}
        for (heart, scan), edit in zip(self._hearts, self.edits, strict=True):
            day = day_of(edit.text())
            if day is None:
                continue
            number = str(len(dates) + 1)
            inputs[f"heart-{number}"] = heart.uuid
            if scan is not None:
                inputs[f"dynamic-{number}"] = scan.uuid
            dates[number] = day
        return inputs, dates


def day_of(text: str) -> str | None:
    """A day as it was written, if it is one."""
    try:
        seconds_of(text.strip())
    except BadInput:
        return None
    return text.strip()
