"""The tools in a grid, the options of the chosen one below, and the keys of the bench."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFrame,
    QGridLayout,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui import theme
from organtwin_gui.forms import title
from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.segmenting.tools import PAGES, PaintPage, ToolPage
from organtwin_gui.views.state import Tool

COLUMNS = 6
ICON = QSize(20, 20)
_WRITING = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


class Palette(QWidget):
    """One tool is taken up, or none: then the mouse does what the tool bar says."""

    taken = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk, self.scene = desk, desk.scene
        self.pages: dict[str, ToolPage] = {}
        self.buttons: dict[str, QToolButton] = {}
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.setContentsMargins(0, 0, 0, 0)
        self._card = QFrame()
        self._card.setObjectName("card")
        inside = QVBoxLayout(self._card)
        inside.setContentsMargins(12, 10, 12, 12)
        inside.setSpacing(8)
        self._name = title("")
        inside.addWidget(self._name)
        for number, kind in enumerate(PAGES):
            page = kind(desk)
            page.hide()
            inside.addWidget(page)
            self.pages[kind.name] = page
            button = QToolButton()
            button.setObjectName("tool")
            button.setIcon(theme.icon(kind.icon))
            button.setIconSize(ICON)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setFixedHeight(36)
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            button.setToolTip(f"{kind.title} ({kind.key}): {kind.about}")
            button.setAccessibleName(kind.title)
            button.clicked.connect(lambda on, name=kind.name: self.take(name if on else ""))
            self.buttons[kind.name] = button
            grid.addWidget(button, number // COLUMNS, number % COLUMNS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(grid)
        layout.addWidget(self._card)
        self._card.hide()
        self._taken = ""
        self._last = PaintPage.name
        for signal in (desk.opened, desk.table_changed, desk.in_hand_changed, self.scene.volume_changed):
            signal.connect(self.refresh)
        self.scene.tool_changed.connect(self._tool_changed)

    @property
    def page(self) -> ToolPage | None:
        """The tool that is taken up."""
        return self.pages.get(self._taken)

    def take(self, name: str) -> None:
        """Take up a tool, or with "" none."""
        if name == self._taken:
            return
        before = self.page
        self._taken = name
        if before is not None:
            before.put_down()
            before.hide()
        page = self.page
        for key, button in self.buttons.items():
            button.setChecked(key == name)
        self._card.setVisible(page is not None)
        self.scene.hand = page.hand if page is not None else None
        self.taken.emit(name)
        if page is None:
            if self.scene.tool is Tool.EDIT:
                self.scene.tool = Tool.NAVIGATE
            return
        self._last = name
        self._name.setText(page.title)
        page.refresh()
        page.show()
        if page.hand is None:
            if self.scene.tool is Tool.EDIT:
                self.scene.tool = Tool.NAVIGATE
        elif self.scene.tool is Tool.EDIT:
            self.scene.tool_changed.emit(Tool.EDIT)  # another cursor
        else:
            self.scene.tool = Tool.EDIT
        page.take_up()

    def toggle(self) -> None:
        """Put the tool down, or take the last one up again (the space bar)."""
        self.take("" if self._taken else self._last)

    def _tool_changed(self, tool: Tool) -> None:
        """Another tool of the tool bar puts this one down, unless it needs no hand."""
        page = self.page
        if tool is not Tool.EDIT and page is not None and page.hand is not None:
            self.take("")

    def refresh(self) -> None:
        page = self.page
        if page is not None:
            page.refresh()
        for button in self.buttons.values():
            button.setEnabled(self.desk.bench is not None)
        if self.desk.bench is None:
            self.take("")

    def dress(self) -> None:
        for kind in PAGES:
            self.buttons[kind.name].setIcon(theme.icon(kind.icon))


class _Seen(QObject):
    """Lets the keys listen while the list is seen."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys)
        self._keys = keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._keys.hear(event.type() == QEvent.Type.Show)
        return False


class Keys(QObject):
    """Keys of the bench, while its page is seen: heard before the window's own, and never while something is written."""

    hand_wanted = Signal()  # a tool is asked for where the tools are not seen

    def __init__(self, palette: Palette, listed: QWidget) -> None:
        super().__init__(palette)
        self._palette, self._desk, self._list = palette, palette.desk, listed
        self._heard_elsewhere: tuple[int, int] | None = None  # a key that went to something else first, and when
        self._by_key = {kind.key: kind.name for kind in PAGES}
        self._seen = _Seen(self)
        listed.installEventFilter(self._seen)
        if listed.isVisible():
            self.hear(True)

    def hear(self, on: bool) -> None:
        """Whether all events of the app pass here: only while it is needed, for each of them then costs a call of Python."""
        app = QApplication.instance()
        assert app is not None
        app.removeEventFilter(self)
        if on:
            app.installEventFilter(self)

    def _listening(self) -> bool:
        palette = self._palette
        if not self._list.isVisible() or self._desk.bench is None:
            return False
        window = palette.window()
        if QApplication.activeModalWidget() is not None or QApplication.activePopupWidget() is not None:
            return False
        focus = QApplication.focusWidget()
        if isinstance(focus, _WRITING) or (isinstance(focus, QComboBox) and focus.isEditable()):
            return False
        return focus is None or focus.window() is window

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyRelease:
            self._heard_elsewhere = None
        if kind not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) or not isinstance(event, QKeyEvent):
            return False
        if not isinstance(watched, QWidget) or isinstance(watched, _WRITING):
            return False
        if not self._listening():
            self._heard_elsewhere = event.key(), event.timestamp()
            return False
        if (event.key(), event.timestamp()) == self._heard_elsewhere:
            return False  # Enter that closed a list of choices goes up to the page behind it
        if not self._wanted(event):
            return False
        if kind == QEvent.Type.ShortcutOverride:
            event.accept()  # ours: it comes again as a key
            return True
        self._press(event)
        event.accept()
        return True

    def _wanted(self, event: QKeyEvent) -> bool:
        key, palette = event.key(), self._palette
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if held != Qt.KeyboardModifier.NoModifier:
            return False
        page = palette.page
        if key == Qt.Key.Key_Escape:
            return self._desk.busy or page is not None
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return page is not None
        if key == Qt.Key.Key_Backspace:
            return page is not None and hasattr(page, "back_one")
        if key in (Qt.Key.Key_Q, Qt.Key.Key_W, Qt.Key.Key_Space, Qt.Key.Key_Insert, Qt.Key.Key_Delete, Qt.Key.Key_X):
            return True
        if key == Qt.Key.Key_Home:
            return self._desk.segment is not None
        return event.text().upper() in self._by_key

    def _press(self, event: QKeyEvent) -> None:
        key, palette, desk = event.key(), self._palette, self._desk
        page = palette.page
        match key:
            case Qt.Key.Key_Q:
                desk.step(-1)
            case Qt.Key.Key_W:
                desk.step(1)
            case Qt.Key.Key_Space:
                self.hand_wanted.emit()
                palette.toggle()
            case Qt.Key.Key_X:
                self._list.glass.toggle()
            case Qt.Key.Key_Insert:
                self._list.open_adder()
            case Qt.Key.Key_Delete:
                self._list.remove_one()
            case Qt.Key.Key_Home:
                desk.go_to(desk.segment.key if desk.segment is not None else "")
            case Qt.Key.Key_Backspace:
                page.back_one()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                if page is not None and not page.apply() and page.hand is not None:
                    page.hand.confirm()
            case Qt.Key.Key_Escape:
                if desk.stop():
                    return
                if page is not None and page.hand is not None and page.hand.put_aside():
                    return
                if page is not None and hasattr(page, "forget") and page.forget():
                    return
                palette.take("")
            case _:
                self.hand_wanted.emit()
                palette.take(self._by_key[event.text().upper()])

    def shut_down(self) -> None:
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
