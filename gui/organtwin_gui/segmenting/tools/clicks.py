"""Tools of one click or of the pointer alone: flood, level trace, a lesion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QComboBox

from organtwin_gui.forms import form
from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.segmenting.hand import CONTROL, ClickHand, Hand, Modifiers, normal_of, plain
from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.widgets import Amount, Choice
from organtwin_gui.views.hands import Drag
from organtwin_gui.views.slice_view import SliceCanvas

TUMOUR = "tumour"


class FloodPage(ToolPage):
    name = "flood"
    title = "Flood"
    icon = "flood"
    key = "5"
    about = (
        "Click: all that hangs together with that point and has values like it is added. Ctrl and click takes it away."
    )

    def build(self) -> None:
        self.where = Choice(
            (("slice", "This slice", "Stay in the slice"), ("all", "All slices", "Go through all slices")), "all"
        )
        self.tolerance = Amount(
            "Tolerance", 30, 1, 500, "", "How far values may be from the one clicked", digits=0, log=True
        )
        self.reach = Amount("Reach", 60, 2, 300, "mm", "No farther than this from the click", digits=0, log=True)
        self.neck = Amount(
            "Necks", 0, 0, 20, "mm", "Passages thinner than this are not crossed: stops leaks", lowest="crossed"
        )
        self.add(self.where, self.tolerance, self.reach, self.neck)
        self.hand = ClickHand(self.desk, self._clicked)

    def _clicked(self, canvas: SliceCanvas, where: NDArray[np.float64], other: bool) -> None:
        options: dict[str, Any] = {
            "points_mm": plain([where]), "tolerance": self.tolerance.value, "reach_mm": self.reach.value,
            "neck_mm": self.neck.value, "erase": other,
        }  # fmt: skip
        if self.where.taken == "slice":
            options["normal"] = normal_of(canvas)
        self.desk.do("flood", options)


class TraceHand(Hand):
    """The line of equal value follows the pointer; a click takes what it encloses."""

    def __init__(self, desk: Desk, page: TracePage) -> None:
        super().__init__(desk)
        self._page = page

    def hover(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> None:
        where = canvas.world_at(point)
        if where is not None and canvas.inside(where) and self.desk.segment is not None and not self.desk.busy:
            self._page.trace(canvas, where, bool(modifiers & CONTROL))

    def leave(self, canvas: SliceCanvas) -> None:
        self.desk.scene.set_label_preview(None)

    def press(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> Drag | None:
        where = canvas.world_at(point)
        if where is not None and canvas.inside(where):
            self.desk.scene.set_label_preview(None)
            self._page.take(canvas, where, bool(modifiers & CONTROL))
        return None

    def paint(self, canvas: SliceCanvas, painter: QPainter) -> None:
        return None


class TracePage(ToolPage):
    name = "level-trace"
    title = "Level trace"
    icon = "trace"
    key = "4"
    about = "The line of equal value follows the pointer. Click to add what it encloses in this slice, with Ctrl to take it away."

    def build(self) -> None:
        self.smooth = Amount("Calm", 0, 0, 6, "mm", "Noise is averaged over this distance before the line is found")
        self.add(self.smooth)
        self.hand = TraceHand(self.desk, self)

    def _options(self, canvas: SliceCanvas, where: NDArray[np.float64], erase: bool) -> dict[str, Any]:
        return {
            "point_mm": plain([where])[0], "normal": normal_of(canvas), "smooth_mm": self.smooth.value, "erase": erase,
        }  # fmt: skip

    def trace(self, canvas: SliceCanvas, where: NDArray[np.float64], erase: bool) -> None:
        self.desk.preview("level-trace", self._options(canvas, where, erase), failed=lambda _e: None)

    def take(self, canvas: SliceCanvas, where: NDArray[np.float64], erase: bool) -> None:
        self.desk.do("level-trace", self._options(canvas, where, erase))

    def put_down(self) -> None:
        super().put_down()
        self.desk.scene.set_label_preview(None)


class LesionPage(ToolPage):
    name = "lesion"
    title = "Lesion"
    icon = "lesion"
    key = "L"
    about = "Click once in a tumour, in the slice where it is largest. It joins the segment in hand where that is a tumour, else a tumour is added."

    def build(self) -> None:
        self.within = QComboBox()
        self.within.setToolTip("The lesion does not leave this organ")
        self.within.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.radius = Amount("At most", 60, 3, 120, "mm", "Largest radius to look within", digits=0, log=True)
        rows = form()
        rows.addRow("Within", self.within)
        self.add(rows, self.radius)
        self.hand = ClickHand(self.desk, self._clicked)

    def refresh(self) -> None:
        chosen = self.within.currentData()
        self.within.clear()
        self.within.addItem("Anywhere", "")
        for segment in self.desk.segments:
            if not segment.key.startswith(TUMOUR):
                self.within.addItem(segment.name, segment.key)
        keys = [s.key for s in self.desk.segments]
        if chosen is None or (chosen not in keys and chosen != ""):
            chosen = "liver" if "liver" in keys else ""
        self.within.setCurrentIndex(max(0, self.within.findData(chosen)))

    def _clicked(self, canvas: SliceCanvas, where: NDArray[np.float64], other: bool) -> None:
        desk = self.desk
        if not desk.ready(target=False):
            return
        if desk.segment is None or not desk.segment.key.startswith(TUMOUR):
            known = next((s.key for s in desk.segments if s.key.startswith(TUMOUR)), None)
            if known is None and not desk.add(TUMOUR):
                return
            desk.take(known or TUMOUR)
        within = self.within.currentData() or None
        if desk.segment is None or not desk.ready():
            return
        stroke = {"key": desk.segment.key, "points_mm": plain([where]), "radius_mm": 1.0}
        options = {"mode": "lesion", "strokes": [stroke], "within": within, "reach_mm": self.radius.value}
        desk.do("grow", options)
