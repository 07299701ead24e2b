"""What works in a slice with the mouse in place of the view's own tools: how the view and such a hand speak to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter

if TYPE_CHECKING:
    from organtwin_gui.views.slice_view import SliceCanvas


@dataclass
class Drag:
    """A mouse button held down: what to do when the pointer moves and when it is let go."""

    move: Callable[[QPointF], None]
    release: Callable[[QPointF], None] | None = None


class SliceHand(Protocol):
    """A tool in a slice view; all positions are of the widget."""

    cursor: Qt.CursorShape

    def press(self, canvas: SliceCanvas, point: QPointF, modifiers: Qt.KeyboardModifier) -> Drag | None:
        """The left button goes down."""

    def hover(self, canvas: SliceCanvas, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The pointer moves with no button down."""

    def leave(self, canvas: SliceCanvas) -> None:
        """The pointer goes elsewhere."""

    def double_click(self, canvas: SliceCanvas, point: QPointF) -> bool:
        """Two clicks; False where the view may do what it does with them."""

    def wheel(self, canvas: SliceCanvas, turn: float) -> bool:
        """The wheel with Shift held; False where it goes through the slices."""

    def paint(self, canvas: SliceCanvas, painter: QPainter) -> None:
        """Over the slice and its overlays."""
