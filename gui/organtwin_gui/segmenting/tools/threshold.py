"""A range of values, seen on the slices before it is applied."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer

from organtwin_gui.segmenting.hand import BrushHand
from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.widgets import Amount, Choice, act, row
from organtwin_gui.views.slice_view import SliceCanvas
from organtwin_gui.views.state import RangePreview

PULSE_MS = 90
SAMPLE_MM = 4.0


class ThresholdPage(ToolPage):
    name = "threshold"
    title = "Threshold"
    icon = "threshold"
    key = "6"
    about = "What lies in the range glows on the slices. Drag over a part that belongs to take the range from there."

    def build(self) -> None:
        self.low = Amount("From", 100, -1024, 3071, "", "Lowest value that belongs", digits=0)
        self.high = Amount("To", 400, -1024, 3071, "", "Highest value that belongs", digits=0)
        self.where = Choice(
            (
                ("all", "Everywhere", "All voxels of the range"),
                ("at", "At the crosshair", "Only what hangs together with the crosshair"),
            )
        )
        self.mode = Choice(
            (
                ("become", "Becomes", "The segment becomes the range"),
                ("add", "Gains", "The segment gains the range"),
                ("erase", "Loses", "The segment loses the range"),
            )
        )
        self.go = act("Apply", "Apply the range to the segment in hand (Enter)", self.apply, icon="done", strong=True)
        self.use = act(
            "Use as paint range", "Paint only within this range from now on: the rule 'Values' is set", self._as_rule
        )
        self.add(self.low, self.high, self.where, self.mode, row(self.use, self.go, stretch=1))
        self.hand = BrushHand(
            self.desk, self._sampled, radius=lambda: SAMPLE_MM, resize=lambda _v: None, ready=lambda: True,
            colour=lambda _o: (235, 240, 246),
        )  # fmt: skip
        for amount in (self.low, self.high):
            amount.changed.connect(lambda _v: self._show())
        self._pulse = QTimer(self)
        self._pulse.setInterval(PULSE_MS)
        self._pulse.timeout.connect(self._beat)
        self._phase = 0.0
        self._of: str | None = None

    # -- the preview ----------------------------------------------------------------------------------------------

    def take_up(self) -> None:
        self._phase = 0.0
        self._pulse.start()
        self._show()

    def put_down(self) -> None:
        super().put_down()
        self._pulse.stop()
        self.desk.scene.pulse = 1.0
        self.desk.scene.set_range_preview(None)

    def refresh(self) -> None:
        scene = self.desk.scene
        volume = scene.volume
        if volume is not None and volume.uuid != self._of and scene.values is not None:
            self._of = volume.uuid
            low, high = (float(v) for v in np.percentile(scene.values[::4, ::8, ::8], (0.1, 99.9)))
            low, high = math.floor(low - 1), math.ceil(high + 0.2 * (high - low) + 1)
            unit = volume.value_unit or ("HU" if volume.modality == "CT" else "")
            for amount in (self.low, self.high):
                amount.set_range(low, high, unit)
            middle = scene.level
            self.low.set_value(max(low, middle))
            self.high.set_value(high)
        if self._pulse.isActive():
            self._show()

    def _show(self) -> None:
        if self._pulse.isActive():
            self._phase = 0.0
            self.desk.scene.set_range_preview(RangePreview(self.low.value, self.high.value, self.desk.colour))

    def _beat(self) -> None:
        """Glow, and come to rest: what moves for ever tires the eye."""
        scene = self.desk.scene
        self._phase += PULSE_MS / 1000
        calm = min(1.0, self._phase / 6.0)
        pulse = 0.72 + 0.28 * math.cos(2 * math.pi * self._phase / 1.6) * (1 - calm)
        if abs(pulse - scene.pulse) > 0.004:
            scene.pulse = pulse
            scene.marks_changed.emit()

    # -- doing ----------------------------------------------------------------------------------------------------

    def _sampled(self, canvas: SliceCanvas, points: NDArray[np.float64], other: bool) -> None:
        """The range of what was dragged over: the middle 95 % of the values, a little wider."""
        scene = self.desk.scene
        if scene.values is None or scene.grid is None:
            return
        found = []
        grid = scene.grid
        reach = np.maximum(1, np.rint(SAMPLE_MM / grid.spacing_mm)).astype(int)
        for point in points:
            i, j, k = np.rint(grid.to_index(point)).astype(int)
            part = scene.values[
                max(0, k) : k + 1, max(0, j - reach[1]) : j + reach[1] + 1, max(0, i - reach[0]) : i + reach[0] + 1
            ]
            found.append(part.ravel())
        values = np.concatenate(found)
        if values.size:
            low, high = np.percentile(values, (2.5, 97.5))
            room = 0.15 * (high - low)
            self.low.set_value(round(float(low - room)))
            self.high.set_value(round(float(high + room)))
            self._show()

    def _range(self) -> tuple[float, float] | None:
        low, high = self.low.value, self.high.value
        if low >= high:
            self.desk.told.emit(
                "The range is empty: the upper value must be larger than the lower one.", True, "", None
            )
            return None
        return low, high

    def apply(self) -> bool:
        values = self._range()
        if values is None:
            return True
        options: dict[str, Any] = {"values": values, "mode": self.mode.taken}
        if self.where.taken == "at":
            options["at_mm"] = [float(v) for v in self.desk.scene.cursor.position_mm]
        self.desk.do("threshold", options)
        return True

    def _as_rule(self) -> None:
        values = self._range()
        if values is not None:
            self.desk.set_rules(self.desk.rules.model_copy(update={"values": values}))
            self.desk.paint_wanted.emit()
