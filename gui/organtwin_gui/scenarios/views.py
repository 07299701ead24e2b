"""One 3D view for each scenario, with linked cameras: its own result, or the anatomy where it has none."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from organtwin.model import OrganMesh, Result, Surface
from organtwin_gui.bridge import Bridge
from organtwin_gui.scenarios.table import Tried, at_time, ink
from organtwin_gui.stage import NOT_AT_FIRST
from organtwin_gui.timeline.units import number_words, unit_words
from organtwin_gui.views import Viewport
from organtwin_gui.views.camera import zoom
from organtwin_gui.views.items.flow import FlowItem
from organtwin_gui.views.linked import Linked

MOST = 4
SAID = ("systolic", "diastolic", "cardiac_output", "heart_rate", "glucose", "spo2", "oxygen_saturation")


class ScenarioViews(QWidget):
    """Made empty: views come when they are first seen, since each takes a picture buffer of its own."""

    def __init__(self, bridge: Bridge, *, opengl: bool = True) -> None:
        super().__init__()
        self.bridge, self._opengl = bridge, opengl
        self.views: list[Viewport] = []
        self.heads: list[QLabel] = []
        self.says: list[QLabel] = []
        self._holders: list[QFrame] = []
        self._linked: Linked | None = None
        self._tried: list[Tried] = []
        self._at_s = 0.0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self._none = QLabel(
            "There is no anatomy in this project. Import a scan, find structures and mesh them to see them here."
        )
        self._none.setObjectName("quiet")
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._none.setWordWrap(True)
        self._grid.addWidget(self._none, 0, 0)

    def show_tried(self, tried: Sequence[Tried], at_s: float) -> None:
        self._tried, self._at_s = list(tried)[:MOST], at_s
        if self.isVisible():
            self._fill()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._fill()

    # -- filling ------------------------------------------------------------------------------------------------------

    def _anatomy(self) -> list[str]:
        meshes = [e.uuid for e in self.bridge.entries("mesh")]
        surfaces = [e.uuid for e in self.bridge.entries("surface") if e.facts["structure"] not in NOT_AT_FIRST]
        return surfaces or meshes

    def _fill(self) -> None:
        live = {e.uuid for e in self.bridge.entries("result")}
        there = bool(self._anatomy() or live) and bool(self._tried)
        self._none.setVisible(not there)
        for holder in self._holders:
            holder.setVisible(False)
        if not there:
            return
        self._make(len(self._tried))
        common = self._common_result(live)
        flows: list[FlowItem] = []
        with self.bridge.guarded():
            for number, one in enumerate(self._tried):
                holder, view = self._holders[number], self.views[number]
                holder.setVisible(True)
                self.heads[number].setText(f"<span style='color:{ink(one.colour)}'>●</span> <b>{escape(one.name)}</b>")
                own = [uuid for uuid in one.results if uuid in live]
                wanted = own[-1] if own else common if number == 0 else None
                self._show(view, wanted)
                self.says[number].setText(self._words(one, own[-1] if own else wanted))
                self.says[number].setToolTip(self.says[number].text())
                flows += [item for item in view.items.values() if isinstance(item, FlowItem)]
        for item in flows[1:]:
            flows[0].share_ranges(item)
        QTimer.singleShot(0, self._frame)

    def _common_result(self, live: set[str]) -> str | None:
        """What was solved as things are: the newest flow that no scenario has for its own."""
        taken = {uuid for one in self._tried for uuid in one.results}
        flows = [e.uuid for e in self.bridge.entries("result") if e.facts["physics"] == "flow" and e.uuid not in taken]
        return flows[-1] if flows and taken & live else None

    def _show(self, view: Viewport, uuid: str | None) -> None:
        wanted = [uuid] if uuid else self._anatomy()
        if set(view.items) == set(wanted):
            return
        for other in list(view.items):
            view.remove(other)
        for one in wanted:
            thing = self.bridge.get(one)
            if isinstance(thing, Surface):
                view.show_surface(thing)
            elif isinstance(thing, OrganMesh):
                view.show_mesh(thing)
            elif isinstance(thing, Result):
                mesh = self.bridge.get(thing.mesh)
                assert isinstance(mesh, OrganMesh)
                if thing.physics == "flow":
                    view.show_flow(thing, mesh)
                elif thing.physics == "tissue":
                    view.show_tissue(thing, mesh)
        view.reset_camera()

    def _words(self, one: Tried, result: str | None) -> str:
        """What the view stands for, and the numbers that have no place of their own in it."""
        parts = []
        for key in SAID:
            found = at_time(one.forecast, key, self._at_s)
            if found is not None and len(parts) < 3:
                row = one.forecast.keys.index(key)
                words = key.replace("_", " ")
                parts.append(
                    f"{words} {number_words(float(found[len(found) // 2]))} {unit_words(one.forecast.units[row])}"
                )
        shown = next((e.name for e in self.bridge.entries("result") if e.uuid == result), "anatomy only")
        return f"{', '.join(parts)}; {shown}" if parts else shown

    def _make(self, count: int) -> None:
        while len(self.views) < count:
            holder = QFrame()
            holder.setObjectName("panel")
            head, said = QLabel(), QLabel()
            said.setWordWrap(True)
            said.setObjectName("small")
            said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            view = Viewport(opengl=self._opengl)
            view.setMinimumSize(160, 120)
            column = QVBoxLayout(holder)
            column.setContentsMargins(8, 4, 4, 4)
            column.setSpacing(1)
            column.addWidget(head)
            column.addWidget(said)
            column.addWidget(view, 1)
            self.heads.append(head)
            self.says.append(said)
            self.views.append(view)
            self._holders.append(holder)
            self._linked = None
        for number, holder in enumerate(self._holders):
            self._grid.removeWidget(holder)
            columns = 2 if count in (2, 4) else count
            self._grid.addWidget(holder, number // max(columns, 1), number % max(columns, 1))
        if self._linked is None:
            self._linked = Linked(self.views)

    def _frame(self) -> None:
        if self.views and self._tried and self._linked is not None:
            self.views[0].reset_camera()
            zoom(self.views[0].canvas.renderer.GetActiveCamera(), 0.9)
            self._linked.follow(self.views[0])

    def clear(self) -> None:
        self._tried = []
        for view in self.views:
            view.time_bar.pause()
            view.clear()

    def shut_down(self) -> None:
        for view in self.views:
            view.shut_down()
