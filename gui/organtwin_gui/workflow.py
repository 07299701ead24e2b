"""The workflow at the left: its steps, one page each."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.steps import STEPS, SegmentStep, Step, StudyStep
from organtwin_gui.views.state import ImageScene

RAIL_PX = 78
PAGE_PX = (324, 420)


class Workflow(QFrame):
    """A rail with the steps at the left, in the order of the work, and the page of the chosen one beside it."""

    def __init__(self, bridge: Bridge, scene: ImageScene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setMinimumWidth(PAGE_PX[0] + RAIL_PX)
        self.setMaximumWidth(PAGE_PX[1] + RAIL_PX)
        self._pages = QStackedWidget()
        self._buttons = QButtonGroup(self)
        rail = QWidget()
        rail.setObjectName("rail")
        rail.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        rail.setFixedWidth(RAIL_PX)
        down = QVBoxLayout(rail)
        down.setContentsMargins(5, 10, 5, 10)
        down.setSpacing(3)
        self._steps: dict[type[Step], Step] = {}
        for number, kind in enumerate(STEPS):
            step = kind(bridge, scene)
            self._steps[kind] = step
            self._pages.addWidget(step)
            button = QToolButton()
            button.setText(kind.name)
            button.setIcon(theme.icon(kind.icon))
            button.setIconSize(theme.RAIL_ICON_SIZE)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setFont(theme.font(theme.SMALL_POINTS))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the chosen step is the marked one
            button.setCheckable(True)
            button.setShortcut(f"Ctrl+{number + 1}")
            button.setToolTip(f"{kind.name}: {kind.purpose} (Ctrl+{number + 1})")
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            self._buttons.addButton(button, number)
            down.addWidget(button)
        down.addStretch(1)
        self._buttons.idClicked.connect(self._pages.setCurrentIndex)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(rail)
        row.addWidget(self._pages, 1)
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

    def dress(self) -> None:
        """In the colours of another theme."""
        for number, kind in enumerate(STEPS):
            self._buttons.button(number).setIcon(theme.icon(kind.icon))
            Step.dress(self._steps[kind])

    @property
    def current(self) -> type[Step]:
        return STEPS[self._pages.currentIndex()]

    def follow(self, operation: str) -> None:
        """Move on when a job is done, unless the person has gone elsewhere meanwhile."""
        if operation == "import" and self.current is StudyStep:
            self.go_to(SegmentStep)
