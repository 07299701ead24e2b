"""Tools of a few strokes: a segment put right by one, several grown from seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox

from organtwin.document.workbench import Answer
from organtwin.segment.strokes import BACKGROUND
from organtwin_gui.forms import quiet
from organtwin_gui.segmenting.hand import ERASING, BrushHand, plain
from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.widgets import Amount, act, row
from organtwin_gui.views.slice_view import SliceCanvas
from organtwin_gui.views.state import Stroke

PREVIEW_AFTER_MS = 120
NOT_SEEDS = {"body"}


class CorrectPage(ToolPage):
    name = "correct"
    title = "Correct"
    icon = "correct"
    key = "3"
    about = "Draw a stroke where the segment lacks something: its border moves there, also in the slices around. Ctrl: where it has too much."

    def build(self) -> None:
        self.size = Amount("Radius", 3.0, 0.5, 30, "mm", "Radius of the stroke (Shift + wheel over a slice)", log=True)
        self.reach = Amount(
            "Reach",
            0,
            0,
            80,
            "mm",
            "How far from the stroke the border may move; 0: as far as the error seems to go",
            digits=0,
            lowest="by itself",
        )
        self.tolerance = Amount("Tolerance", 3.0, 0.5, 10, "sd", "How far values may be from those under the stroke")
        self.add(self.size, self.reach, self.tolerance)
        self.hand = BrushHand(self.desk, self._drawn, radius=lambda: self.size.value, resize=self.size.set_value,
                              colour=lambda other: ERASING if other else self.desk.colour)  # fmt: skip

    def _drawn(self, canvas: SliceCanvas, points: NDArray[np.float64], other: bool) -> None:
        segment = self.desk.segment
        if segment is None:
            return
        stroke = {
            "key": BACKGROUND if other else segment.key, "points_mm": plain(points), "radius_mm": round(self.size.value, 3),
        }  # fmt: skip
        options: dict[str, Any] = {
            "mode": "correct", "strokes": [stroke], "tolerance": self.tolerance.value, "reach_mm": self.reach.value or None,
        }  # fmt: skip
        self.desk.do("grow", options)


class SeedsPage(ToolPage):
    name = "grow"
    title = "Grow from seeds"
    icon = "seeds"
    key = "7"
    about = "Draw a stroke in each segment (q, w: the next one), with Ctrl where none of them is. They grow and compete; what comes of it is shown."

    def build(self) -> None:
        self.size = Amount("Radius", 3.0, 0.5, 30, "mm", "Radius of the strokes (Shift + wheel over a slice)", log=True)
        self.margin = Amount("Margin", 40, 5, 200, "mm", "How far around the strokes they may grow", digits=0, log=True)
        self.tolerance = Amount("Tolerance", 3.0, 0.5, 10, "sd", "How far values may be from those under a seed")
        self.as_seeds = QCheckBox("Other segments are seeds as they are")
        self.as_seeds.setToolTip(
            "Segments that are there already compete as well, and can be pushed back unless they are locked"
        )
        self.said = quiet("")
        self.go = act("Apply", "Make the segments what is shown (Enter)", self.apply, strong=True)
        self.back = act("Back", "Take the last stroke back (Backspace)", self.back_one)
        self.clear = act("Clear", "Take all strokes away (Esc)", self.forget)
        self.add(self.said, row(self.go, self.back, self.clear, stretch=0), self.size, self.margin, self.tolerance)
        self.add(self.as_seeds)
        self.hand = _SeedHand(self)
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(PREVIEW_AFTER_MS)
        self._due.timeout.connect(self._preview)
        for amount in (self.margin, self.tolerance):
            amount.changed.connect(lambda _v: self._due.start())
        self.as_seeds.toggled.connect(lambda _on: self._due.start())
        self._found: Answer | None = None
        self._tell()

    def ready(self) -> bool:
        """Strokes may be drawn while a preview is being worked out: the next one takes its place."""
        return self.desk.ready()

    def drawn(self, canvas: SliceCanvas, points: NDArray[np.float64], other: bool) -> None:
        segment, scene = self.desk.segment, self.desk.scene
        if segment is None:
            return
        key, colour = (BACKGROUND, ERASING) if other else (segment.key, segment.colour)
        scene.add_stroke(Stroke(scene.new_id(), key, colour, canvas.plane, points, self.size.value))
        self._found = None
        self._tell()
        self._due.start()

    def _options(self) -> dict[str, Any]:
        strokes = [
            {"key": s.key, "points_mm": plain(s.points_mm), "radius_mm": round(s.radius_mm, 3)}
            for s in self.desk.scene.strokes.values()
        ]
        drawn = {s["key"] for s in strokes}
        others = [s.key for s in self.desk.segments if s.key not in drawn | NOT_SEEDS and s.volume_mm3 > 0]
        return {
            "strokes": strokes, "from_segments": others if self.as_seeds.isChecked() else [],
            "margin_mm": self.margin.value, "tolerance": self.tolerance.value,
        }  # fmt: skip

    def _preview(self) -> None:
        if not self.desk.scene.strokes or self.desk.bench is None or not self.isVisible():
            return

        options = self._options()

        def found(answer: Answer) -> None:
            if options == self._options():  # else a stroke came since, and another preview is due
                self._found = answer
                self._tell()

        self.desk.preview("grow", options, target=False, then=found)

    def _tell(self) -> None:
        strokes = list(self.desk.scene.strokes.values())
        names = {s.key: s.name for s in self.desk.segments} | {BACKGROUND: "Outside"}
        keys = [s.key for s in strokes]
        counted = [f"{names.get(k, k)} {keys.count(k)}" for k in dict.fromkeys(keys)]
        self.said.setText(f"Strokes: {', '.join(counted)}" if counted else "No strokes yet.")
        for button in (self.go, self.back, self.clear):
            button.setEnabled(bool(strokes))

    def apply(self) -> bool:
        if not self.desk.scene.strokes:
            return False
        bench, found = self.desk.bench, self._found
        if bench is not None and found is not None and found.of == bench.uuid:
            self.desk.accept(found)
            self.forget()
        else:
            self.desk.aside.stop()
            self.desk.do("grow", self._options(), target=False, then=lambda _d: self.forget())
        return True

    def back_one(self) -> None:
        strokes = self.desk.scene.strokes
        if strokes:
            self.desk.scene.remove_stroke(next(reversed(strokes)))
            self._found = None
            if not strokes:
                self.desk.scene.set_label_preview(None)
            self._tell()
            self._due.start()

    def forget(self) -> bool:
        had = bool(self.desk.scene.strokes)
        self._due.stop()
        self._found = None
        self.desk.scene.clear_strokes()
        self.desk.scene.set_label_preview(None)
        self._tell()
        return had

    def take_up(self) -> None:
        self._tell()
        self._due.start()

    def put_down(self) -> None:
        super().put_down()
        self._due.stop()
        self.desk.scene.set_label_preview(None)

    def refresh(self) -> None:
        self._tell()


class _SeedHand(BrushHand):
    """Strokes that stay on the picture until they are applied or taken away."""

    def __init__(self, page: SeedsPage) -> None:
        super().__init__(
            page.desk, page.drawn, radius=lambda: page.size.value, resize=page.size.set_value,
            colour=lambda other: ERASING if other else page.desk.colour, ready=page.ready,
        )  # fmt: skip
        self._page = page
