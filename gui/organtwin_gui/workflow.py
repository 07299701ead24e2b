"""The workflow at the left: its steps, one page each."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.steps import STEPS, SegmentStep, Step, StudyStep
from organtwin_gui.views.state import ImageScene


class Workflow(QFrame):
    """Buttons across the top, the page of the chosen step below."""

    def __init__(self, bridge: Bridge, scene: ImageScene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setMinimumWidth(324)
        self.setMaximumWidth(420)
        self._pages = QStackedWidget()
        self._buttons = QButtonGroup(self)
        row = QHBoxLayout()
        row.setContentsMargins(8, 8, 8, 0)
        row.setSpacing(2)
        self._steps: dict[type[Step], Step] = {}
        for number, kind in enumerate(STEPS):
            step = kind(bridge, scene)
            self._steps[kind] = step
            self._pages.addWidget(step)
            button = QToolButton()
            button.setText(kind.name)
            button.setIcon(theme.icon(kind.icon))
            button.setIconSize(theme.ICON_SIZE)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setFont(theme.font(theme.SMALL_POINTS))
            button.setStyleSheet("padding: 6px 0px;")  # the longest name fits at the narrowest width
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the chosen step is the marked one
            button.setCheckable(True)
            button.setShortcut(f"Ctrl+{number + 1}")
            button.setToolTip(f"{kind.name} (Ctrl+{number + 1})")
            button.setSizePolicy(button.sizePolicy().Policy.MinimumExpanding, button.sizePolicy().Policy.Fixed)
            self._buttons.addButton(button, number)
            row.addWidget(button)
        self._buttons.idClicked.connect(self._pages.setCurrentIndex)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self._pages, 1)
        bridge.closed.connect(lambda: self.go_to(StudyStep))
        self.go_to(StudyStep)

    def step[S: Step](self, kind: type[S]) -> S:
        """The page of a step."""
        found = self._steps[kind]
        assert isinstance(found, kind)
        return found

    def go_to(self, kind: type[Step]) -> None:
        """Show the page of a step."""
        index = STEPS.index(kind)
        self._pages.setCurrentIndex(index)
        self._buttons.button(index).setChecked(True)

    @property
    def current(self) -> type[Step]:
        return STEPS[self._pages.currentIndex()]

    def follow(self, operation: str) -> None:
        """Move on when a job is done, unless the person has gone elsewhere meanwhile."""
        if operation == "import" and self.current is StudyStep:
            self.go_to(SegmentStep)
