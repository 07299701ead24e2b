"""Encryption: seal, unseal, another passphrase. The project is closed meanwhile, and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from organtwin.document.sealing import change_passphrase, seal, unseal
from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.store.keyring import SHORTEST, open_vault, unwrap
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import form, quiet, title


class SealingPage(QWidget):
    """Signals
    -------
    wanted(object, str)
        Work that needs the project closed, and what to say when it is done. It returns the open door, or None.
    """

    wanted = Signal(object, str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self._state, self._said = title(""), quiet("")
        self.old, self.new, self.again = (
            _secret("The passphrase it has now"),
            _secret(f"At least {SHORTEST} characters; several words are best"),
            _secret("The same once more"),
        )
        self._rows = form()
        for name, line in (("Passphrase", self.old), ("New passphrase", self.new), ("Again", self.again)):
            self._rows.addRow(name, line)
            line.textChanged.connect(self._enable)
        self._wrong = quiet("")
        self._wrong.setObjectName("danger")
        self.seal, self.change, self.unseal = (
            QPushButton("Seal"),
            QPushButton("Change passphrase"),
            QPushButton("Unseal"),
        )
        for button, icon, slot, tip in (
            (self.seal, "locked", self._seal, "Encrypt every file of this project"),
            (self.change, "edit", self._change, "Another passphrase; copies made before keep the old one"),
            (self.unseal, "unlocked", self._unseal, "Decrypt every file of this project"),
        ):
            button.setAutoDefault(False)
            button.setIcon(theme.icon(icon))
            button.setToolTip(tip)
            button.clicked.connect(slot)
        self.seal.setObjectName("primary")
        self.seal.setIcon(theme.icon("locked", theme.current().accent_text))
        row = QHBoxLayout()
        for button in (self.seal, self.change, self.unseal):
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 14, 4, 4)
        column.setSpacing(12)
        column.addWidget(self._state)
        column.addWidget(self._said)
        column.addLayout(self._rows)
        column.addWidget(self._wrong)
        column.addLayout(row)
        column.addStretch(1)

    def refresh(self) -> None:
        """As the open project is."""
        document = self.bridge.document
        if document is None:
            return
        sealed = document.project.vault.sealed
        may = "seal" in document.project.role.may
        self._state.setText("This project is sealed" if sealed else "This project is not sealed")
        self._said.setText(
            "Every file is encrypted (age). Who takes the folder, the disk or a backup reads nothing without the passphrase."
            if sealed
            else "Who takes the folder, the disk or a backup can read all of it. Sealing encrypts every file with a passphrase. "
            "Without the passphrase nobody can read the project again, and there is no way around that, also not for you. "
            "What the files were is removed, not overwritten: backups and flash memory can still hold it."
        )
        for line in (self.old, self.new, self.again):
            line.clear()
        self._rows.setRowVisible(self.old, sealed and may)
        self._rows.setRowVisible(self.new, may)
        self._rows.setRowVisible(self.again, may)
        self.seal.setVisible(not sealed and may)
        self.change.setVisible(sealed and may)
        self.unseal.setVisible(sealed and may)
        if not may:
            self._said.setText(f"{self._said.text()} The role '{document.project.role.name}' may not change that.")
        self._enable()

    def _enable(self) -> None:
        new, again = self.new.text(), self.again.text()
        wrong = ""
        if new and len(new) < SHORTEST:
            wrong = f"The new passphrase is too short: {SHORTEST} characters are the least."
        elif again and new != again:
            wrong = "The two are not the same."
        self._wrong.setText(wrong)
        self._wrong.setVisible(bool(wrong))
        good = len(new) >= SHORTEST and new == again
        self.seal.setEnabled(good)
        self.change.setEnabled(good and bool(self.old.text()))
        self.unseal.setEnabled(bool(self.old.text()) and not new)

    def _seal(self) -> None:
        folder, new = self._folder(), self.new.text()

        def work(monitor: Monitor) -> Any:
            seal(folder, new, monitor)
            return open_vault(folder, new)

        self.wanted.emit(work, "The project is sealed. Keep the passphrase: nobody can read the project without it.")

    def _change(self) -> None:
        folder, old, new = self._folder(), self.old.text(), self.new.text()

        def work(_monitor: Monitor) -> Any:
            _known(folder, old)
            change_passphrase(folder, new, old)
            return open_vault(folder, new)

        self.wanted.emit(work, "The passphrase was changed. Copies made before still open with the old one.")

    def _unseal(self) -> None:
        folder, old = self._folder(), self.old.text()

        def work(monitor: Monitor) -> Any:
            _known(folder, old)
            unseal(folder, old, monitor)

        self.wanted.emit(work, "The project is not sealed any more: its files can be read by all who can reach them.")

    def _folder(self) -> Path:
        assert self.bridge.document is not None
        return self.bridge.document.project.folder


def _known(folder: Path, passphrase: str) -> None:
    """Who sits at an open window need not be who knows the passphrase."""
    if unwrap(folder, passphrase).role:
        raise BadInput("This is a role's passphrase, not the owner's", remedy="Give the owner's; nothing was changed.")


def _secret(told: str) -> QLineEdit:
    line = QLineEdit()
    line.setEchoMode(QLineEdit.EchoMode.Password)
    line.setPlaceholderText(told)
    line.setAccessibleName(told)
    return line
