"""The role that the project is looked at in."""

from __future__ import annotations

import os

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QScrollArea, QVBoxLayout, QWidget

from organtwin.privacy.roles import DOING, OWNER, ROLE, SEEING, Role
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet

FROM_START = os.environ.get(ROLE, "")  # a window that was started in a role stays in it


class RolePage(QWidget):
    """Signals
    -------
    chosen(str)
        The name of a role, "" for the owner.
    """

    chosen = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self._said = quiet("")
        self.choices: dict[str, QRadioButton] = {}
        self._group = QButtonGroup(self)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 14, 4, 4)
        column.setSpacing(10)
        column.addWidget(self._said)
        column.addWidget(self._scroll, 1)

    def refresh(self) -> None:
        document = self.bridge.document
        if document is None:
            return
        project = document.project
        bound = project.vault.role or FROM_START
        self._said.setText(
            f"This {'passphrase' if project.vault.role else 'window'} opens projects as '{bound}' and nothing else."
            if bound
            else "Look at the project as somebody else sees it. Roles are views, not walls: who can read the project's files can "
            "read all of it. Give people of whom that is to be feared a copy without identity. The choice holds until the project is closed."
        )
        inner = QWidget()
        rows = QVBoxLayout(inner)
        rows.setContentsMargins(8, 8, 8, 8)
        self.choices.clear()
        with self.bridge.guarded():
            for role in (OWNER, *project.roles.values()):
                button = QRadioButton(role.title)
                button.setChecked(role.name == project.role.name)
                button.setEnabled(not bound or role.name == bound)
                button.clicked.connect(lambda _c=False, name=role.name: self.chosen.emit(name))
                self._group.addButton(button)
                rows.addWidget(button)
                words = quiet(words_of(role))
                words.setContentsMargins(24, 0, 0, 10)
                rows.addWidget(words)
                self.choices[role.name] = button
        rows.addStretch(1)
        self._scroll.setWidget(inner)


def words_of(role: Role) -> str:
    """What it sees and may do."""
    if role == OWNER:
        return "Sees everything and may do everything."
    sees = (
        ", ".join(words for key, words in SEEING.items() if key in role.sees)
        or "none of identity, readings, alerts and log"
    )
    may = ", ".join(words for key, words in DOING.items() if key in role.may) or "only look"
    return f"Sees {sees}.\nMay {may}."
