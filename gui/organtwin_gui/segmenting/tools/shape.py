"""Tools that change the shape of a segment by rule: islands, margin, hollow, holes, combine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from organtwin_gui.forms import form
from organtwin_gui.segmenting.hand import ClickHand, plain
from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.widgets import Amount, Choice, act, row
from organtwin_gui.views.slice_view import SliceCanvas


class IslandsPage(ToolPage):
    name = "islands"
    title = "Islands"
    icon = "islands"
    key = "J"
    about = (
        "Click an island of the segment to keep only it, or with Ctrl to remove it; or press a button for all of them."
    )

    def build(self) -> None:
        self.least = Amount("Smaller than", 1.0, 0.01, 500, "mL", "What counts as small", digits=2, log=True)
        self.add(
            row(
                act("Keep largest", "Only the largest part of the segment stays (Enter)", self.apply, icon="islands"),
                act("Split", "Every part becomes a segment of its own", self._split),
            ),
            self.least,
            act("Remove small ones", "Parts smaller than this go", self._small),
        )
        self.hand = ClickHand(self.desk, self._clicked)

    def apply(self) -> bool:
        self.desk.do("islands", {"action": "keep-largest"})
        return True

    def _split(self) -> None:
        self.desk.do("islands", {"action": "split", "smaller_than_ml": self.least.value})

    def _small(self) -> None:
        self.desk.do("islands", {"action": "remove-small", "smaller_than_ml": self.least.value})

    def _clicked(self, canvas: SliceCanvas, where: NDArray[np.float64], other: bool) -> None:
        self.desk.do("islands", {"action": "remove-at" if other else "keep-at", "point_mm": plain([where])[0]})


class MarginPage(ToolPage):
    name = "margin"
    title = "Margin"
    icon = "margin"
    key = "A"
    about = "Grows or shrinks the segment in hand by the same distance all round."

    def build(self) -> None:
        self.way = Choice((("grow", "Grow", "Wider by the distance"), ("shrink", "Shrink", "Narrower by the distance")))
        self.size = Amount("Distance", 3.0, 0.3, 40, "mm", "How far its surface moves", log=True)
        self.add(self.way, self.size, act("Apply", "Move the surface (Enter)", self.apply, icon="margin", strong=True))

    def apply(self) -> bool:
        sign = 1 if self.way.taken == "grow" else -1
        self.desk.do("margin", {"margin_mm": sign * self.size.value})
        return True


class HollowPage(ToolPage):
    name = "hollow"
    title = "Hollow"
    icon = "hollow"
    key = "H"
    about = "Makes the segment in hand a wall, as of a vessel or a chamber."

    def build(self) -> None:
        self.side = Choice(
            (
                ("inside", "Inside", "The wall grows inwards from the surface"),
                ("outside", "Outside", "The wall grows outwards: what was there becomes the hollow"),
                ("medial", "Both", "Half to each side"),
            )
        )
        self.size = Amount("Wall", 2.0, 0.3, 30, "mm", "How thick the wall is", log=True)
        self.add(self.side, self.size, act("Apply", "Make it a wall (Enter)", self.apply, icon="hollow", strong=True))

    def apply(self) -> bool:
        self.desk.do("hollow", {"thickness_mm": self.size.value, "shell": self.side.taken})
        return True


class HolesPage(ToolPage):
    name = "fill-holes"
    title = "Fill holes"
    icon = "holes"
    key = "E"
    about = "Fills what the segment in hand encloses."

    def build(self) -> None:
        self.each = Choice(
            (
                ("volume", "Closed", "What is closed on all sides"),
                ("axial", "Axial", "What is closed in each axial slice"),
                ("coronal", "Coronal", "What is closed in each coronal slice"),
                ("sagittal", "Sagittal", "What is closed in each sagittal slice"),
            )
        )
        self.largest = Amount("Up to", 20, 0.01, 500, "mL", "Larger holes stay", digits=2, log=True)
        self.add(self.each, self.largest, act("Fill", "Fill the holes (Enter)", self.apply, icon="holes", strong=True))

    def apply(self) -> bool:
        self.desk.do("fill-holes", {"each": self.each.taken, "smaller_than_ml": self.largest.value})
        return True


class CombinePage(ToolPage):
    name = "combine"
    title = "Combine"
    icon = "combine"
    key = "C"
    about = (
        "The segment in hand and another one: unite, subtract, intersect, copy. A voxel belongs to one segment only."
    )

    def build(self) -> None:
        self.other = QComboBox()
        self.other.setToolTip("The other segment")
        self.other.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        rows = form()
        rows.addRow("With", self.other)
        self.what = Choice(
            (
                ("union", "Unite", "It gains the other"),
                ("subtract", "Subtract", "It loses what lies in the other, made wider by the distance below"),
                ("intersect", "Intersect", "It keeps only what lies in the other, made wider by the distance below"),
                ("copy", "Copy", "It becomes the other"),
                ("fill", "Fill", "It gains the holes that the other encloses"),
                ("invert", "Invert", "It becomes the background, and the background it"),
            ),
            columns=3,
        )
        self.wider = Amount("Wider by", 0, 0, 20, "mm", "The other is first made wider by so much")
        self.add(rows, self.what, self.wider, act("Apply", "Combine (Enter)", self.apply, icon="combine", strong=True))

    def refresh(self) -> None:
        chosen = self.other.currentData()
        mine = self.desk.segment
        self.other.clear()
        for segment in self.desk.segments:
            if mine is None or segment.key != mine.key:
                self.other.addItem(segment.name, segment.key)
        self.other.setCurrentIndex(max(0, self.other.findData(chosen)))

    def apply(self) -> bool:
        what = self.what.taken
        options: dict[str, Any] = {"action": what, "grow_mm": self.wider.value}
        if what != "invert":
            if self.other.currentData() is None:
                self.desk.told.emit("There is no other segment to combine with. Add one first.", True, "", None)
                return True
            options["others"] = [self.other.currentData()]
        self.desk.do("combine", options)
        return True
