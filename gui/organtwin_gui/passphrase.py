"""Asking for the passphrase of a sealed project."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from organtwin.errors import OrganTwinError
from organtwin.store import vault
from organtwin.store.keyring import open_vault, told
from organtwin_gui.forms import quiet, title


class PassphraseDialog(QDialog):
    """Takes a passphrase and tries it beside the window: that takes a second or more on purpose. Accepted when it fits;
    ``vault`` is then the open door."""

    _tried = Signal(object)  # Vault, or the sentence of a failure

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("A sealed project")
        self._folder = folder
        self.vault: vault.Vault | None = None
        self.line = QLineEdit()
        self.line.setEchoMode(QLineEdit.EchoMode.Password)
        self.line.setPlaceholderText("Passphrase")
        self.line.setAccessibleName("Passphrase")
        self._said = QLabel()
        self._said.setObjectName("danger")
        self._said.setWordWrap(True)
        self._said.hide()
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.hide()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self._open = self._buttons.button(QDialogButtonBox.StandardButton.Open)
        self._open.setEnabled(False)
        self._buttons.accepted.connect(self.attempt)
        self._buttons.rejected.connect(self.reject)
        self.line.textChanged.connect(lambda text: self._open.setEnabled(bool(text)))
        self._tried.connect(self._hear, Qt.ConnectionType.QueuedConnection)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        for widget in (title(folder.stem), quiet("This project is encrypted. Its passphrase opens it."),
                       self.line, self._said, self._bar, self._buttons):  # fmt: skip
            column.addWidget(widget)
        self.setMinimumWidth(380)

    def attempt(self) -> None:
        """Try what was typed."""
        self._busy(True)
        text = self.line.text()

        def work() -> None:
            found: object
            try:
                found = open_vault(self._folder, text)
            except OrganTwinError as error:
                found = error.sentence
            with suppress(RuntimeError):  # the dialog is gone
                self._tried.emit(found)

        threading.Thread(target=work, daemon=True).start()

    def _hear(self, found: object) -> None:
        self._busy(False)
        if isinstance(found, vault.Vault):
            self.vault = found
            self.accept()
            return
        self._said.setText(str(found))
        self._said.show()
        self.line.selectAll()
        self.line.setFocus()

    def _busy(self, on: bool) -> None:
        self._bar.setVisible(on)
        self.line.setEnabled(not on)
        self._open.setEnabled(not on)


def unlocked(parent: QWidget, folder: Path) -> vault.Vault | None:
    """The door to a project, asked for where it is sealed; None where the person gave up. Hold it until the project is open."""
    root = vault.sealed_root(folder / "project.json")
    if root is None or told():
        return vault.PLAIN
    known = vault.unlocked(root)
    if known is not None:
        return known
    dialog = PassphraseDialog(root, parent)
    dialog.exec()
    door = dialog.vault
    dialog.deleteLater()
    return door
