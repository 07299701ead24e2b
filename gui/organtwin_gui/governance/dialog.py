"""Privacy of the open project on five pages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QProgressBar, QPushButton, QTabWidget, QVBoxLayout, QWidget

from organtwin.privacy.roles import ROLE
from organtwin.store.vault import Sealed, Vault, remember
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet, title
from organtwin_gui.governance.aside import Aside, Work
from organtwin_gui.governance.audit_page import AuditPage
from organtwin_gui.governance.consent_page import ConsentPage
from organtwin_gui.governance.copy_page import CopyPage
from organtwin_gui.governance.role_page import FROM_START, RolePage
from organtwin_gui.governance.sealing_page import SealingPage


class PrivacyDialog(QDialog):
    """Holds the window meanwhile: sealing and another role close the project and open it again.

    Parameters
    ----------
    close_project, open_project : callable
        Of the window.
    """

    def __init__(
        self,
        bridge: Bridge,
        close_project: Callable[[], None],
        open_project: Callable[[Path], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Privacy")
        self.setModal(True)
        self.resize(860, 620)
        self.bridge = bridge
        self._close_project, self._open_project = close_project, open_project
        self._busy = False
        assert bridge.document is not None
        self.sealing, self.consent, self.role = SealingPage(bridge), ConsentPage(bridge), RolePage(bridge)
        self.audit, self.copy = AuditPage(bridge), CopyPage(bridge)
        self.tabs = QTabWidget()
        for page, name in (
            (self.sealing, "Encryption"), (self.consent, "Consent"), (self.role, "Role"),
            (self.audit, "Who did what"), (self.copy, "Copy without identity"),
        ):  # fmt: skip
            self.tabs.addTab(page, name)
        self.tabs.currentChanged.connect(lambda _i: self.refresh())
        self.sealing.wanted.connect(self._while_closed)
        self.role.chosen.connect(self.take_role)
        self._said = quiet("")
        self._said.hide()
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.hide()
        self.leave = QPushButton("Close")
        self.leave.setAutoDefault(False)
        self.leave.clicked.connect(self.reject)
        for number in range(self.tabs.count()):
            QShortcut(QKeySequence(f"Alt+{number + 1}"), self).activated.connect(
                lambda n=number: self.tabs.setCurrentIndex(n)
            )
        low = QHBoxLayout()
        low.addWidget(self._said, 100)
        low.addStretch(1)
        low.addWidget(self.leave)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 14)
        column.setSpacing(8)
        column.addWidget(title(bridge.document.project.name))
        column.addWidget(self.tabs, 1)
        column.addWidget(self._bar)
        column.addLayout(low)
        self.refresh()

    def refresh(self) -> None:
        """Read the page that is seen."""
        page = self.tabs.currentWidget()
        assert isinstance(page, SealingPage | ConsentPage | RolePage | AuditPage | CopyPage)
        page.refresh()

    # -- with the project closed ----------------------------------------------------------------------------------

    def _while_closed(self, work: Work, done: str) -> None:
        document = self.bridge.document
        if document is None or self._busy:
            return
        if self.bridge.running():
            self._tell("A job of this project is still running. Wait until it has ended, or cancel it.", bad=True)
            return
        folder, door, role = document.project.folder, document.project.vault, document.project.role.name
        self._hold(True)
        self._tell("")
        self._close_project()
        _set_role(role)
        Aside(
            self,
            work,
            lambda new: self._back(folder, new, done),
            lambda sentence: self._back(folder, door, sentence, bad=True),
            self._progress,
        )

    def _progress(self, fraction: float, what: str) -> None:
        self._bar.setValue(round(1000 * fraction))
        self._tell(what)

    def _back(self, folder: Path, door: Vault | None, said: str, bad: bool = False) -> None:
        """Open it again; ``door`` is held until then, so that nobody is asked for the passphrase once more."""
        self._open(folder, door)
        self._hold(False)
        if self.bridge.document is None:
            self.reject()
            return
        self._tell(said, bad)
        self.refresh()

    def take_role(self, name: str) -> None:
        """Open the project again in a role, until it is closed."""
        document = self.bridge.document
        if document is None or self._busy or name == document.project.role.name:
            return
        folder, door, before = document.project.folder, document.project.vault, document.project.role.name
        self._close_project()
        for wanted in (name, before):
            _set_role(wanted)
            self._open(folder, door)
            if self.bridge.document is not None:
                break
        if self.bridge.document is None:
            self.reject()
        else:
            self.refresh()

    def _open(self, folder: Path, door: Vault | None) -> None:
        if isinstance(door, Sealed):
            remember(door)
        self._open_project(folder)

    def _hold(self, on: bool) -> None:
        self._busy = on
        self.tabs.setEnabled(not on)
        self.leave.setEnabled(not on)
        self._bar.setValue(0)
        self._bar.setVisible(on)

    def _tell(self, text: str, bad: bool = False) -> None:
        self._said.setText(text)
        self._said.setObjectName("danger" if bad else "small")
        self._said.style().polish(self._said)
        self._said.setVisible(bool(text))

    def reject(self) -> None:
        if not self._busy:  # a project that is being sealed is not left alone
            super().reject()

    def done(self, result: int) -> None:
        self.copy.stop()
        super().done(result)
        self.deleteLater()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._busy:
            event.ignore()
        else:
            super().closeEvent(event)


def _set_role(name: str) -> None:
    """Also for the processes that the window starts."""
    if name:
        os.environ[ROLE] = name
    else:
        os.environ.pop(ROLE, None)


def forget_role() -> None:
    """A role that was chosen in the window ends with the project."""
    _set_role(FROM_START)
