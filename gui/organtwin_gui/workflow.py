"""The workflow at the left: its steps, one page each."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.privacy.roles import Role
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.governance.role_views import in_sight
from organtwin_gui.steps import STEPS, TWIN_STEPS, ReadingsStep, SegmentStep, Step, StudyStep
from organtwin_gui.views.state import ImageScene

RAIL_PX = 78
PAGE_PX = (324, 420)


class Workflow(QFrame):
    """A rail with the steps at the left, in the order of the work, and the page of the chosen one beside it.

    Signals
    -------
    went(object)
        The step whose page is seen now.
    """

    went = Signal(object)

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
        down.setContentsMargins(5, 6, 5, 4)
        down.setSpacing(2)
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
            key = key_of(kind)
            button.setShortcut(key)
            button.setToolTip(f"{kind.name}: {kind.purpose} ({key})")
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
            least = theme.RAIL_ICON_SIZE.height() + button.fontMetrics().height() + 9
            button.setMinimumHeight(least)  # near together in a low window
            button.setMaximumHeight(least + 10)
            self._buttons.addButton(button, number)
            if kind is TWIN_STEPS[0]:
                down.addLayout(_heading("the twin"))
            down.addWidget(button, 100)
        down.addStretch(1)
        self._buttons.idClicked.connect(self._pages.setCurrentIndex)
        self._pages.currentChanged.connect(lambda _i: self.went.emit(self.current))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._roll = _rolled(rail)
        row.addWidget(self._roll)
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
        self._roll.ensureWidgetVisible(self._buttons.button(index))

    def offer(self, role: Role) -> None:
        """Only pages that a role finds something on."""
        for number, kind in enumerate(STEPS):
            seen = in_sight(kind, role)
            self._buttons.button(number).setVisible(seen)
            self._buttons.button(number).setEnabled(seen)  # its key does nothing then
        if not in_sight(self.current, role):
            self.go_to(StudyStep)

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
        if operation == "import-observations" and self.current is StudyStep:
            self.go_to(ReadingsStep)


def key_of(kind: type[Step]) -> str:
    """The keys that lead to a step."""
    if kind in TWIN_STEPS:
        return f"Ctrl+Alt+{TWIN_STEPS.index(kind) + 1}"
    return f"Ctrl+{STEPS.index(kind) + 1}"


def _rolled(rail: QWidget) -> QScrollArea:
    """The wheel rolls the rail where a window is too low for all of it; it does not make the window higher."""
    roll = QScrollArea()
    roll.setObjectName("rail")
    roll.setFixedWidth(RAIL_PX)
    roll.setFrameShape(QFrame.Shape.NoFrame)
    roll.setWidgetResizable(True)
    for bars in (roll.setVerticalScrollBarPolicy, roll.setHorizontalScrollBarPolicy):
        bars(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    roll.setWidget(rail)
    return roll


def _heading(text: str) -> QVBoxLayout:
    """A thin line, and under it what the buttons below have in common."""
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    said = QLabel(text)
    said.setObjectName("small")
    said.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    column = QVBoxLayout()
    column.setContentsMargins(4, 4, 4, 0)
    column.setSpacing(1)
    column.addWidget(line)
    column.addWidget(said)
    return column
