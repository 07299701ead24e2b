"""Before and after: two results in two 3D views that turn together, in the same colours, and their numbers in one table."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QToolButton, QVBoxLayout, QWidget

from organtwin.model import OrganMesh, Result
from organtwin.report.comparison import compare
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.compare_table import CompareTable
from organtwin_gui.steps.procedure import before_and_after
from organtwin_gui.views import Viewport
from organtwin_gui.views.camera import zoom
from organtwin_gui.views.items.flow import FlowItem
from organtwin_gui.views.items.looks import FlowLook

STREAMS = "streamlines"


class CompareView(QWidget):
    """Made empty; the two views come with the first comparison, since each takes a picture buffer of its own.

    Signals
    -------
    left()
        The person has seen enough.
    """

    left = Signal()

    def __init__(self, bridge: Bridge, *, opengl: bool = True) -> None:
        super().__init__()
        self.bridge = bridge
        self._opengl = opengl
        self._following = False
        self.views: list[Viewport] = []
        self.shown: tuple[str, str] | None = None
        self.boxes = [self._box(f"The result at the {side}") for side in ("left", "right")]
        self.colour = QComboBox()
        self.colour.setToolTip("What the colours mean, in both views")
        self.colour.setMinimumWidth(176)
        self.colour.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.colour.currentIndexChanged.connect(lambda _i: self._dress())
        swap = QToolButton()
        swap.setIcon(theme.icon("compare"))
        swap.setToolTip("Change places")
        swap.clicked.connect(self._swap)
        close = QToolButton()
        close.setIcon(theme.icon("close"))
        close.setToolTip("Back to the views (Ctrl+D)")
        close.clicked.connect(self.left)
        bar = QWidget()
        bar.setObjectName("panel")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        for label, widget, stretch in (
            ("Before", self.boxes[0], 1),
            ("", swap, 0),
            ("After", self.boxes[1], 1),
            ("Colours", self.colour, 0),
            ("", close, 0),
        ):
            if label:
                said = QLabel(label)
                said.setObjectName("quiet")
                row.addWidget(said)
            row.addWidget(widget, stretch)
        self._pair = QSplitter(Qt.Orientation.Horizontal)
        self._pair.setHandleWidth(4)
        self._pair.setChildrenCollapsible(False)
        self.table = CompareTable()
        down = QSplitter(Qt.Orientation.Vertical)
        down.setHandleWidth(4)
        down.setChildrenCollapsible(False)
        down.addWidget(self._pair)
        down.addWidget(self.table)
        down.setSizes([600, 250])
        down.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(bar)
        column.addWidget(down, 1)
        bridge.changed.connect(lambda _c: self.refresh() if self.isVisible() else None)
        bridge.closed.connect(self.clear)

    def _box(self, tip: str) -> QComboBox:
        box = QComboBox()
        box.setToolTip(tip)
        box.setMinimumWidth(120)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.currentIndexChanged.connect(lambda _i: self._chosen())
        return box

    # -- which results --------------------------------------------------------------------------------------------

    def results(self) -> list[tuple[str, str]]:
        """(uuid, words) of everything that can be compared, oldest first."""
        meshes = {e.uuid: e.name for e in self.bridge.entries("mesh")}
        return [
            (e.uuid, f"{meshes[e.facts['mesh']]}: {e.name}")
            for e in self.bridge.entries("result")
            if e.facts["physics"] == "flow" and e.facts["mesh"] in meshes
        ]

    def propose(self) -> tuple[str, str] | None:
        """The newest procedure before and after; otherwise the last two results."""
        known = [uuid for uuid, _ in self.results()]
        return before_and_after(self.bridge) or ((known[-2], known[-1]) if len(known) > 1 else None)

    def open(self, before: str | None = None, after: str | None = None) -> bool:
        """Show two results, those proposed unless told. Returns whether there are two."""
        pair = (before, after) if before is not None and after is not None else self.propose()
        if pair is None:
            return False
        self._offer()
        for box, uuid in zip(self.boxes, pair, strict=True):
            box.blockSignals(True)
            box.setCurrentIndex(box.findData(uuid))
            box.blockSignals(False)
        self._chosen()
        return True

    def refresh(self) -> None:
        """Something came or went; what is shown stays while it exists, then another procedure's pair, but no two others."""
        known = {uuid for uuid, _ in self.results()}
        if self.shown is not None and not set(self.shown) <= known:
            pair = before_and_after(self.bridge)
            if pair is None or not self.open(*pair):
                self.clear()
                self.left.emit()
        else:
            self._offer()

    def _offer(self) -> None:
        for box in self.boxes:
            chosen = box.currentData()
            box.blockSignals(True)
            box.clear()
            for uuid, words in reversed(self.results()):
                box.addItem(words, uuid)
            box.setCurrentIndex(box.findData(chosen))
            box.blockSignals(False)

    def _swap(self) -> None:
        if self.shown is not None:
            self.open(self.shown[1], self.shown[0])

    def _chosen(self) -> None:
        uuids = [box.currentData() for box in self.boxes]
        if None not in uuids:
            with self.bridge.guarded():
                self._show(uuids[0], uuids[1])

    # -- showing --------------------------------------------------------------------------------------------------

    def _show(self, before: str, after: str) -> None:
        self._make_views()
        pair = []
        for view, uuid in zip(self.views, (before, after), strict=True):
            result = self.bridge.get(uuid)
            assert isinstance(result, Result)
            mesh = self.bridge.get(result.mesh)
            assert isinstance(mesh, OrganMesh)
            if uuid not in view.items:
                for other in list(view.items):
                    view.remove(other)
                view.show_flow(result, mesh, self._look())
            pair.append(result)
        self.shown = before, after
        for box, side in zip(self.boxes, ("left", "right"), strict=True):
            box.setToolTip(f"The result at the {side}: {box.currentText()}")
        self._offer_colours()
        one, two = self._items()
        one.share_ranges(two)
        self._dress()
        self._follow(self.views[0], self.views[1])
        self.table.show_rows(compare(*pair))

    def _items(self) -> tuple[FlowItem, FlowItem]:
        assert self.shown is not None
        one, two = (view.items[uuid] for view, uuid in zip(self.views, self.shown, strict=True))
        assert isinstance(one, FlowItem)
        assert isinstance(two, FlowItem)
        return one, two

    def _offer_colours(self) -> None:
        one, two = self._items()
        chosen = self.colour.currentData()
        self.colour.blockSignals(True)
        self.colour.clear()
        if one.has("speed") and two.has("speed"):
            self.colour.addItem("Speed, streamlines", STREAMS)
        for key, shade in one.shades.items():
            if key != "speed" and two.has(key):
                self.colour.addItem(f"{shade.title}, wall", key)
        self.colour.setCurrentIndex(max(self.colour.findData(chosen), 0))
        self.colour.blockSignals(False)

    def _look(self) -> FlowLook:
        chosen = self.colour.currentData() or STREAMS
        return FlowLook() if chosen == STREAMS else FlowLook(wall=chosen, streamlines=False)

    def _dress(self) -> None:
        if self.shown is not None:
            for view, uuid in zip(self.views, self.shown, strict=True):
                view.set_look(uuid, self._look())

    # -- two views as one -----------------------------------------------------------------------------------------

    def _make_views(self) -> None:
        if self.views:
            return
        QTimer.singleShot(0, self._frame)  # once they have their sizes
        self.views = [Viewport(opengl=self._opengl) for _ in range(2)]
        for view, other in (self.views, self.views[::-1]):
            self._pair.addWidget(view)
            view.canvas.view_changed.connect(lambda a=view, b=other: self._follow(a, b))
            view.items_changed.connect(lambda a=view, b=other: self._follow(a, b))
            view.time_bar.moved.connect(lambda at, b=other: self._follow_time(at, b))
        self._pair.setSizes([1000, 1000])

    def _frame(self) -> None:
        """All of both vessels, with some air under the bar of tools."""
        if self.shown is not None:
            self.views[0].reset_camera()
            zoom(self.views[0].canvas.renderer.GetActiveCamera(), 0.88)
            self._follow(*self.views)

    def _follow(self, leader: Viewport, other: Viewport) -> None:
        """The other camera goes where this one went."""
        if self._following:
            return
        self._following = True
        other.canvas.renderer.GetActiveCamera().DeepCopy(leader.canvas.renderer.GetActiveCamera())
        other.canvas.touched.emit()  # new things no longer move it
        other.canvas.moving()
        self._following = False

    def _follow_time(self, fraction: float, other: Viewport) -> None:
        if not self._following:
            self._following = True
            other.time_bar.set_fraction(fraction)
            self._following = False

    # -- the end --------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Show nothing."""
        self.shown = None
        for view in self.views:
            view.time_bar.pause()
            view.clear()
        self.table.show_rows([])

    def shut_down(self) -> None:
        """Free threads and OpenGL."""
        for view in self.views:
            view.shut_down()
