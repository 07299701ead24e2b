"""What was done, step by step; a click goes there."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from organtwin.model.rehearsal import Step
from organtwin_gui import theme
from organtwin_gui.rehearsal.words import ICONS, words_of


class StepList(QListWidget):
    """Steps done, and below them in grey those that redo brings back.

    Signals
    -------
    wanted(int)
        So many steps should be done.
    """

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("What was done. Click on a step to go back to just after it, or on again")
        self.setAccessibleName("Steps of the rehearsal")
        self.setMinimumHeight(110)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # after a click the keys are the instruments' as before
        self.setIconSize(theme.ICON_SIZE * 0.85)
        self.itemClicked.connect(lambda item: self.wanted.emit(self.row(item)))

    def show_steps(self, done: tuple[Step, ...], undone: tuple[Step, ...], step_s: float) -> None:
        """Fill it anew; the last step done is marked."""
        with QSignalBlocker(self):
            self.clear()
            self._add("Beginning", "first", done=True)
            for step in done:
                self._add(f"{words_of(step.command)}   {step.tick * step_s:.1f} s", ICONS[step.command.do], done=True)
            for step in undone:
                self._add(words_of(step.command), ICONS[step.command.do], done=False)
            self.setCurrentRow(len(done))
            self.scrollToItem(self.item(len(done)))

    def _add(self, text: str, icon: str, *, done: bool) -> None:
        look = theme.current()
        item = QListWidgetItem(theme.icon(icon, None if done else look.text_off), text)
        if not done:
            item.setForeground(QColor(look.text_off))
        self.addItem(item)
