"""The plots below the views: a quantity along the vessel, and the course of flow and pressure at its openings."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from organtwin.model import OrganMesh, Result
from organtwin_gui.bridge import Bridge
from organtwin_gui.elided import Elided
from organtwin_gui.forms import title
from organtwin_gui.plots import series as curves
from organtwin_gui.plots.chart import Chart, Colour
from organtwin_gui.stage import Stage
from organtwin_gui.views.items.flow import FlowItem
from organtwin_gui.views.items.organ_mesh import INLET_COLOUR, OUTLET_COLOURS

HEIGHT = 230
_CONVERGENCE = "Step"


class PlotsPanel(QFrame):
    """Follows the chosen result, or the one that is shown. Pointing at a curve marks the place in the 3D view."""

    def __init__(self, bridge: Bridge, stage: Stage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFixedHeight(HEIGHT)
        self._bridge, self._stage, self._viewport = bridge, stage, stage.viewport
        self.result: Result | None = None
        self._caps: list[str] = []
        self.where, self.when = QComboBox(), QComboBox()
        for choice in (self.where, self.when):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.where.setToolTip("What is drawn along the vessel, from the inlet to each opening")
        self.when.setToolTip("What is drawn over the last cycle, at each opening")
        self.along = Chart("Distance (mm)", "Along the vessel")
        self.over = Chart("Time (s)", "Over the cycle")
        self._name = Elided("")
        self._name.setObjectName("quiet")
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._heads: list[QLabel] = []
        for heading, choice, chart in (
            ("Along the vessel", self.where, self.along),
            ("Over the cycle", self.when, self.over),
        ):
            side = QWidget()
            column = QVBoxLayout(side)
            column.setContentsMargins(6, 4, 6, 4)
            column.setSpacing(2)
            row = QHBoxLayout()
            row.setSpacing(10)
            head = title(heading)
            head.setToolTip(
                "Point at a curve: its place in 3D. Click: the plane goes there. Wheel: zoom. Double click: everything"
                if chart is self.along
                else "Click: goes to that time. Wheel: zoom. Double click: everything"
            )
            self._heads.append(head)
            row.addWidget(head)
            row.addWidget(choice)
            if chart is self.over:
                row.addWidget(self._name, 1)
            else:
                row.addStretch(1)
            column.addLayout(row)
            column.addWidget(chart, 1)
            self._split.addWidget(side)
        self._split.setChildrenCollapsible(False)
        self._split.setSizes([1000, 1000])
        self._empty = QLabel("No result with curves is shown. Solve a flow, or its 0D estimate.")
        self._empty.setObjectName("quiet")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._split)
        outer.addWidget(self._empty)
        self.where.currentIndexChanged.connect(lambda _i: self._draw_along())
        self.when.currentIndexChanged.connect(lambda _i: self._draw_over())
        self.along.hovered.connect(self._mark)
        self.along.clicked.connect(self._place_plane)
        self.over.clicked.connect(self._go_to)
        bridge.selected.connect(lambda _u: self.refresh())
        bridge.closed.connect(self.refresh)
        stage.changed.connect(self.refresh)
        self._viewport.items_changed.connect(self._follow_plane)
        self._viewport.time_bar.moved.connect(lambda _f: self._follow_time())
        self.refresh()

    # -- which result -----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the curves of the chosen result, or of the one in the 3D view."""
        if not self.isVisibleTo(self.parentWidget()):
            return
        result = self._wanted()
        if result is self.result and result is not None:
            return
        self.result = result
        shown = result is not None and bool(curves.quantities_along(result) or curves.histories(result))
        self._split.setVisible(shown)
        self._empty.setVisible(not shown)
        if result is None or not shown:
            return
        self._caps = self._caps_of(result)
        self._name.setText(result.name)
        self._name.setToolTip(result.name)
        self._fill(self.where, [(curves.title_of(c)[0], c) for c in curves.quantities_along(result)])
        self._fill(self.when, [(k[:1].upper() + k[1:], k) for k in curves.histories(result)])
        self._heads[1].setText("Over the cycle" if curves.period_s(result) > 0 else "Towards the steady state")
        self._split.widget(0).setVisible(self.where.count() > 0)
        self._split.widget(1).setVisible(self.when.count() > 0)
        self._draw_along()
        self._draw_over()

    def showEvent(self, event: object) -> None:
        self.result = None
        self.refresh()
        super().showEvent(event)  # type: ignore[arg-type]

    def _wanted(self) -> Result | None:
        entries = {e.uuid: e for e in self._bridge.entries("result")}
        chosen = self._bridge.selection
        candidates = [chosen] if chosen in entries else []
        candidates += [u for u, item in self._viewport.items.items() if u in entries and item.visible]
        candidates += [u for u, e in entries.items() if e.facts.get("physics") == "lumped"][-1:]
        for uuid in candidates:
            result = self._bridge.get(str(uuid))
            if isinstance(result, Result) and result.physics in ("flow", "lumped"):
                return result
        return None

    def _caps_of(self, result: Result) -> list[str]:
        known = {e.uuid for e in self._bridge.entries("mesh")}
        mesh = self._bridge.get(result.mesh) if result.mesh in known else None
        return [cap.name for cap in mesh.caps] if isinstance(mesh, OrganMesh) else []

    @staticmethod
    def _fill(choice: QComboBox, items: list[tuple[str, str]]) -> None:
        before = choice.currentData()
        choice.blockSignals(True)
        choice.clear()
        for text, value in items:
            choice.addItem(text, value)
        choice.setCurrentIndex(max(choice.findData(before), 0))
        choice.blockSignals(False)

    def _colours(self, made: list[curves.Series]) -> list[Colour]:
        """Those of the openings in the 3D view."""
        outlets = list(self._caps[1:])
        chosen = []
        for number, one in enumerate(made):
            if self._caps and one.cap == self._caps[0]:
                chosen.append(INLET_COLOUR)
            else:
                at = outlets.index(one.cap) if one.cap in outlets else number
                chosen.append(OUTLET_COLOURS[at % len(OUTLET_COLOURS)])
        return chosen

    # -- drawing ------------------------------------------------------------------------------------------------------

    def _draw_along(self) -> None:
        column = self.where.currentData()
        if self.result is None or column is None:
            return
        name, unit, _ = curves.title_of(column)
        made = curves.along(self.result, column)
        limit = curves.FFR_LIMIT if column == "ffr" else None
        up = f"{name} ({unit})" if unit else name
        self.along.show_series(made, self._colours(made), across="Distance from the inlet (mm)", up=up, limit=limit)
        self._follow_plane()

    def _draw_over(self) -> None:
        kind = self.when.currentData()
        if self.result is None or kind is None:
            return
        made = curves.courses(self.result, kind)
        across = "Time in the cycle (s)" if curves.period_s(self.result) > 0 else _CONVERGENCE
        self.over.show_series(made, self._colours(made), across=across, up=kind[:1].upper() + kind[1:])
        self._follow_time()

    # -- with the 3D view ---------------------------------------------------------------------------------------------

    def _item(self) -> FlowItem | None:
        item = self._viewport.items.get(self.result.uuid) if self.result is not None else None
        return item if isinstance(item, FlowItem) and item.visible else None

    def _follow_time(self) -> None:
        if self.isVisible():
            item = self._item()
            self.over.set_cursor(item.time_in_cycle_s if item is not None and item.period_s > 0 else None)

    def _follow_plane(self) -> None:
        item = self._item() if self.isVisible() else None
        if item is not None and item.look.plane is not None and item.guides:
            guide = item.guides[min(item.look.plane.path, len(item.guides) - 1)]
            self.along.set_place(float(guide.distance_mm[0]) + item.look.plane.share * guide.length_mm)
        else:
            self.along.set_place(None)

    def _tables(self) -> list[tuple[str, dict[str, list[float]]]]:
        column = self.where.currentData()
        tables = self.result.tables.items() if self.result is not None else ()
        return [(name, table) for name, table in tables if column in table]

    def _mark(self, at: tuple[int, int] | None) -> None:
        tables = self._tables()
        if at is None or at[0] >= len(tables):
            self._viewport.mark(None)
            return
        table = tables[at[0]][1]
        if all(c in table for c in ("x_mm", "y_mm", "z_mm")):
            self._viewport.mark(np.array([table[c][at[1]] for c in ("x_mm", "y_mm", "z_mm")]))

    def _place_plane(self, distance_mm: float) -> None:
        item = self._item()
        if item is not None and item.guides:
            self._viewport.place_plane(item, distance_mm=distance_mm)

    def _go_to(self, time_s: float) -> None:
        item = self._item()
        if item is not None and item.period_s > 0:
            self._viewport.time_bar.pause()
            self._viewport.set_time(item.frame_at_s(time_s))
