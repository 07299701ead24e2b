"""Tools for a whole segment, done by a button: between slices, smooth."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox

from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.widgets import Amount, Choice, act


class BetweenPage(ToolPage):
    name = "interpolate"
    title = "Between slices"
    icon = "between"
    key = "I"
    about = "Paint every few slices of a segment; the slices between are filled by shape."

    def build(self) -> None:
        self.every = QCheckBox("All segments together")
        self.every.setToolTip("Fill all segments that skip slices, not only the one in hand")
        self.every.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.axis = Choice(
            (
                ("", "Auto", "The direction in which slices were left out"),
                ("k", "Axial", "Painted in axial slices"),
                ("j", "Coronal", "Painted in coronal slices"),
                ("i", "Sagittal", "Painted in sagittal slices"),
            )
        )
        self.add(
            self.axis,
            self.every,
            act("Fill between", "Fill the slices between (Enter)", self.apply, icon="between", strong=True),
        )

    def apply(self) -> bool:
        options: dict[str, Any] = {}
        if self.every.isChecked():
            options["segments"] = [s.key for s in self.desk.segments if s.volume_mm3 > 0 and not s.locked]
        if self.axis.taken and self.desk.bench is not None:
            own = self.desk.bench.grid.canonical_axes["ijk".index(self.axis.taken)][0]
            options["axis"] = "ijk"[own]
        self.desk.do("interpolate", options)
        return True


class SmoothPage(ToolPage):
    name = "smooth"
    title = "Smooth"
    icon = "smooth"
    key = "S"
    about = "Evens the surface of the segment in hand, or of all together without gaps between them."

    def build(self) -> None:
        self.method = Choice(
            (
                ("median", "Median", "A voxel goes to what most around it is"),
                ("gaussian", "Even", "A soft surface; the volume stays"),
                ("keeping", "Keep thin", "Like Even, but thin branches stay"),
                ("opening", "No spurs", "What a ball does not fit into is removed"),
                ("closing", "No clefts", "Clefts that a ball does not fit into are filled"),
                ("joint", "Joint", "All segments together: no gap and no overlap appears between them"),
            ),
            columns=3,
        )
        self.size = Amount("Radius", 2.0, 0.3, 15, "mm", "How much is evened", log=True)
        self.add(self.method, self.size, act("Smooth", "Smooth (Enter)", self.apply, icon="smooth", strong=True))

    def apply(self) -> bool:
        joint = self.method.taken == "joint"
        self.desk.do("smooth", {"method": self.method.taken, "radius_mm": self.size.value}, target=not joint)
        return True
