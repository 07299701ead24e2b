"""What was done, as the lines of Python that do it again."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from organtwin.script.lines import Lines, script_of
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import title

HEIGHT = 210


class ScriptLog(QFrame):
    """A line for every act, as it is done. Hidden until it is asked for, and it costs nothing until then."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFixedHeight(HEIGHT)
        self.bridge = bridge
        self._lines: Lines | None = None
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(theme.font(theme.SMALL_POINTS, monospaced=True))
        self.text.setPlaceholderText("Nothing was done yet. Every act appears here as a line of Python.")
        self.text.setAccessibleName("What was done, in Python")
        self.copy = QPushButton("Copy all")
        self.copy.setToolTip("Copy the script that does all of this again in a new project (Alt+C)")
        self.copy.setShortcut("Alt+C")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.script()))
        self.save = QPushButton("Save")
        self.save.setToolTip("Save that script as a .py file (Alt+S)")
        self.save.setShortcut("Alt+S")
        self.save.clicked.connect(self._save)
        head = QHBoxLayout()
        head.addWidget(title("Python"))
        head.addStretch(1)
        head.addWidget(self.copy)
        head.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        bridge.opened.connect(self._begin)
        bridge.closed.connect(self._end)

    def setVisible(self, visible: bool) -> None:
        super().setVisible(visible)
        if visible:
            self._begin()
        else:
            self._end()

    def script(self) -> str:
        """All that was done and not taken back, as a script."""
        return script_of(self.bridge.document.project) if self.bridge.document else ""

    def _begin(self) -> None:
        self._end()
        if self.bridge.document is None or self.isHidden():
            return
        self._lines = Lines(self.bridge.document)
        self.text.setPlainText("\n".join(self._lines.all))
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        self.text.moveCursor(QTextCursor.MoveOperation.StartOfLine)  # lines are read from their beginning
        self._lines.said.connect(self._say)

    def _end(self) -> None:
        if self._lines is not None:
            self._lines.stop()
            self._lines = None
        self.text.clear()

    def _say(self, line: str) -> None:
        self.text.appendPlainText(line)

    def _save(self) -> None:
        file, _ = QFileDialog.getSaveFileName(self, "Save what was done as a script", "again.py", "Python (*.py)")
        if file:
            with self.bridge.guarded():
                Path(file).write_text(self.script(), encoding="utf-8")
                self.bridge.told.emit(f"Saved {file}.")
