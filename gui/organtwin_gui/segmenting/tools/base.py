"""What the pages of the tools have in common."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtWidgets import QLayout, QVBoxLayout, QWidget

from organtwin_gui.forms import quiet
from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.segmenting.hand import Hand


class ToolPage(QWidget):
    """One tool: its options, and its hand in the slices where it has one."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    icon: ClassVar[str] = ""
    key: ClassVar[str] = ""  # that takes it up
    about: ClassVar[str] = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.hand: Hand | None = None
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(8)
        self._about = quiet(self.about)
        self.column.addWidget(self._about)
        self.build()

    def build(self) -> None:
        """Fill the column, make the hand."""
        raise NotImplementedError

    def add(self, *things: QWidget | QLayout) -> None:
        for thing in things:
            if isinstance(thing, QWidget):
                self.column.addWidget(thing)
            else:
                self.column.addLayout(thing)

    def take_up(self) -> None:
        """The tool is chosen."""

    def put_down(self) -> None:
        """Another one is chosen, or the page is left: previews go."""
        if self.hand is not None:
            self.hand.put_aside()

    def refresh(self) -> None:
        """The segmentation, the segment in hand or the scan is another one."""

    def apply(self) -> bool:
        """Enter; False where there is nothing to do."""
        return False
