"""Two rehearsals side by side: their pictures, played together, and their numbers in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QToolButton, QVBoxLayout, QWidget

from organtwin.model import Rehearsal
from organtwin.rehearsal.session import Session
from organtwin.report.comparison import Row
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.compare_table import CompareTable
from organtwin_gui.rehearsal.player import Player
from organtwin_gui.views.state import ImageScene
from organtwin_gui.views.viewport import Viewport


def rows(one: Rehearsal, other: Rehearsal) -> list[Row]:
    """The numbers of two rehearsals, matched by name and unit."""
    first = {(q.name, q.unit): q for q in one.quantities}
    second = {(q.name, q.unit): q for q in other.quantities}
    return [Row(name, unit, first.get((name, unit)), second.get((name, unit))) for name, unit in {**first, **second}]


class RehearsalsView(QWidget):
    """Made empty; the views come with the first comparison.

    Signals
    -------
    left()
        The person has seen enough.
    failed(str)
        One sentence.
    """

    left = Signal()
    failed = Signal(str)

    def __init__(self, bridge: Bridge, scene: ImageScene, *, opengl: bool = True) -> None:
        super().__init__()
        self.bridge, self.scene = bridge, scene
        self.make_session: Callable[..., Any] = Session
        self._opengl = opengl
        self._following = False
        self.views: list[Viewport] = []
        self.players: list[Player] = []
        self._names = [QLabel(), QLabel()]
        close = QToolButton()
        close.setIcon(theme.icon("close"))
        close.setToolTip("Back to the views")
        close.clicked.connect(self.left)
        bar = QWidget()
        bar.setObjectName("panel")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6, 8, 6)
        for name in self._names:
            name.setObjectName("title")
            row.addWidget(name, 1)
        row.addWidget(close)
        self._pair = QSplitter(Qt.Orientation.Horizontal)
        self._pair.setHandleWidth(4)
        self._pair.setChildrenCollapsible(False)
        self.table = CompareTable()
        down = QSplitter(Qt.Orientation.Vertical)
        down.setHandleWidth(4)
        down.setChildrenCollapsible(False)
        down.addWidget(self._pair)
        down.addWidget(self.table)
        down.setSizes([560, 260])
        down.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(bar)
        column.addWidget(down, 1)
        bridge.closed.connect(self.clear)

    def open(self, one: str, other: str) -> None:
        """Show two rehearsals; their pictures come as they are played."""
        self.clear()
        pair = [self.bridge.get(uuid) for uuid in (one, other)]
        kept = [thing for thing in pair if isinstance(thing, Rehearsal)]
        self._make_views()
        for label, rehearsal in zip(self._names, kept, strict=True):
            label.setText(rehearsal.name)
        self.table.setHorizontalHeaderLabels(["Quantity", kept[0].name, kept[1].name, "Change"])
        self.table.show_rows(rows(kept[0], kept[1]))
        for view, rehearsal in zip(self.views, kept, strict=True):
            player = Player(self.bridge, self.scene, view, rehearsal, self.make_session)
            player.failed.connect(self.failed)
            self.players.append(player)

    def _make_views(self) -> None:
        if self.views:
            return
        self.views = [Viewport(opengl=self._opengl) for _ in range(2)]
        for view, other in (self.views, self.views[::-1]):
            self._pair.addWidget(view)
            view.canvas.view_changed.connect(lambda a=view, b=other: self._follow(a, b))
            view.time_bar.moved.connect(lambda at, a=view, b=other: self._follow_time(at, a, b))
        self._pair.setSizes([1000, 1000])

    def _follow(self, leader: Viewport, other: Viewport) -> None:
        """The other camera goes where this one went."""
        if not self._following:
            self._following = True
            other.canvas.renderer.GetActiveCamera().DeepCopy(leader.canvas.renderer.GetActiveCamera())
            other.canvas.moving()
            self._following = False

    def _follow_time(self, fraction: float, leader: Viewport, other: Viewport) -> None:
        """The same second of the other one; the shorter waits at its end."""
        if not self._following:
            self._following = True
            other.time_bar.set_fraction(min(1.0, fraction * leader.time_bar.seconds / other.time_bar.seconds))
            self._following = False

    def clear(self) -> None:
        """Show nothing."""
        for player in self.players:
            player.leave()
            player.viewport.time_bar.pause()
            player.deleteLater()
        self.players = []
        self.table.show_rows([])

    def shut_down(self) -> None:
        """Free threads and OpenGL."""
        self.clear()
        for view in self.views:
            view.shut_down()
