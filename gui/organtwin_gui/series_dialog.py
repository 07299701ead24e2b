"""All series of a folder, with the reason beside those that cannot be imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QProgressBar,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui.command import Command
from organtwin_gui.forms import quiet


class SeriesDialog(QDialog):
    """Lists in a process of its own, so that a slow disk does not hold up the window."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Series found")
        self.resize(720, 420)
        self._said = quiet(f"Looking through {folder}")
        self._wait = QProgressBar()
        self._wait.setRange(0, 0)
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Series", "Remark"])
        self.tree.setColumnWidth(0, 380)
        self.tree.setRootIsDecorated(False)
        self.tree.itemChanged.connect(lambda *_: self._allow())
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._import = self._buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self._import.setEnabled(False)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self._said, self._wait, self.tree, self._buttons):
            layout.addWidget(widget)
        self._command = Command(["series", str(folder), "--json"], self)
        self._command.answered.connect(self._listed)
        self._command.refused.connect(self._refused)

    @property
    def chosen(self) -> list[str]:
        """Keys of the ticked series."""
        items = (self.tree.topLevelItem(n) for n in range(self.tree.topLevelItemCount()))
        return [str(i.data(0, Qt.ItemDataRole.UserRole)) for i in items if i.checkState(0) is Qt.CheckState.Checked]

    def done(self, result: int) -> None:
        self._command.stop()
        super().done(result)

    def _refused(self, sentence: str) -> None:
        self._wait.hide()
        self._said.setText(sentence)

    def _listed(self, series: list[dict[str, Any]]) -> None:
        self._wait.hide()
        self._said.setText("Tick what to import.")
        for one in series:
            line = f"{one['number']}: {one['description'] or 'no description'} ({one['modality'] or '?'}), {one['summary']}"
            item = QTreeWidgetItem([line, one["reason"] or ("proposed" if one["best"] else "")])
            item.setData(0, Qt.ItemDataRole.UserRole, one["key"])
            item.setToolTip(0, line)
            item.setToolTip(1, one["reason"] or "")
            if one["reason"]:
                item.setDisabled(True)
            else:
                item.setCheckState(0, Qt.CheckState.Checked if one["best"] else Qt.CheckState.Unchecked)
            self.tree.addTopLevelItem(item)

    def _allow(self) -> None:
        self._import.setEnabled(bool(self.chosen))
