"""Scenarios as cards: a colour, a name, what is done."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
)

from organtwin.model import Scenario
from organtwin.twin import intervention as interventions
from organtwin_gui import theme
from organtwin_gui.scenarios.acts import GROUPS, said
from organtwin_gui.scenarios.table import dot


class ElidedButton(QPushButton):
    """A flat button whose words end in dots where there is no room."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.setObjectName("chip")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = self.width() - self.iconSize().width() - 24
        self.setText(self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, room))


class Card(QFrame):
    """One scenario; ``scenario`` None is to go on as now.

    Signals
    -------
    ticked(bool)
    act_wanted(int)
        Place of the intervention to be changed; -1: a new one.
    act_removed(int)
    renamed(str)
    copied()
    removed()
    results_wanted(object)
        The button under which a menu of results is to open.
    """

    ticked = Signal(bool)
    act_wanted = Signal(int)
    act_removed = Signal(int)
    renamed = Signal(str)
    copied = Signal()
    removed = Signal()
    results_wanted = Signal(object)

    def __init__(
        self, scenario: Scenario | None, name: str, colour: str, on: bool, state: str, warning: str = ""
    ) -> None:
        super().__init__()
        self.setObjectName("card")
        self.scenario = scenario
        self.tick = QCheckBox()
        self.tick.setChecked(on)
        self.tick.setToolTip("Compare this one (space)")
        self.tick.setAccessibleName(f"Compare {name}")
        self.tick.setEnabled(scenario is not None)
        self.tick.toggled.connect(self.ticked.emit)
        mark = QLabel()
        mark.setPixmap(dot(colour).pixmap(QSize(10, 10)))
        self.name = QLineEdit(name)
        self.name.setFrame(False)
        self.name.setReadOnly(scenario is None)
        self.name.setObjectName("heading")
        self.name.setFocusPolicy(
            Qt.FocusPolicy.ClickFocus
        )  # undo keys are the project's unless a name is being written
        self.name.setToolTip(
            "Click to give it another name" if scenario else "Nothing is changed: what the others are compared with"
        )
        self.name.editingFinished.connect(self._rename)
        head = QHBoxLayout()
        head.setSpacing(6)
        for widget in (self.tick, mark):
            head.addWidget(widget)
        head.addWidget(self.name, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 6, 8)
        column.setSpacing(2)
        column.addLayout(head)
        if scenario is not None:
            more = QToolButton()
            more.setIcon(theme.icon("more"))
            more.setToolTip("Copy, results in 3D, remove")
            more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            menu = QMenu(more)
            menu.addAction(theme.icon("copy"), "Copy", self.copied.emit)
            menu.addAction(theme.icon("only_3d"), "Result shown in 3D …", lambda: self.results_wanted.emit(more))
            menu.addAction(theme.icon("delete"), "Remove", self.removed.emit)
            more.setMenu(menu)
            head.addWidget(more)
            if warning:
                said_twice = QLabel(warning)
                said_twice.setObjectName("warning")
                said_twice.setWordWrap(True)
                column.addWidget(said_twice)
            for place, act in enumerate(scenario.interventions):
                column.addLayout(self._act(place, said(act), act.kind))
            add = QPushButton("Add")
            add.setObjectName("flat")
            add.setIcon(theme.icon("add"))
            add.setToolTip("Add a drug, a change of life, a device or a procedure")
            add.clicked.connect(lambda: self.act_wanted.emit(-1))
            self.add = add
            column.addWidget(add, 0, Qt.AlignmentFlag.AlignLeft)
        status = QLabel(state)
        status.setObjectName("small")
        status.setContentsMargins(24, 0, 0, 0)
        status.setVisible(bool(state))
        column.addWidget(status)

    def _act(self, place: int, words: str, kind: str) -> QHBoxLayout:
        group = interventions.find(kind).group if kind in interventions.names() else "procedure"
        button = ElidedButton(words)
        button.setIcon(theme.icon(GROUPS[group][1]))
        button.setToolTip(f"{words}. Click to change it")
        button.clicked.connect(lambda: self.act_wanted.emit(place))
        gone = QToolButton()
        gone.setIcon(theme.icon("close"))
        gone.setToolTip("Leave this out")
        gone.clicked.connect(lambda: self.act_removed.emit(place))
        row = QHBoxLayout()
        row.setContentsMargins(16, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(button, 1)
        row.addWidget(gone)
        return row

    def _rename(self) -> None:
        if self.scenario is not None and self.name.text().strip() not in ("", self.scenario.name):
            self.renamed.emit(self.name.text().strip())
