"""Paint and erase."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin_gui.segmenting.hand import BrushHand, normal_of, plain
from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.widgets import Amount, Choice
from organtwin_gui.views.slice_view import SliceCanvas

LOW_MM, HIGH_MM = 0.5, 60.0


class PaintPage(ToolPage):
    name = "paint"
    title = "Paint"
    icon = "brush"
    key = "1"
    about = "Drag in a slice. Hold Ctrl to erase. Shift and wheel change the size."
    erases = False

    def build(self) -> None:
        self.size = Amount(
            "Radius", 5.0, LOW_MM, HIGH_MM, "mm", "Radius of the brush (Shift + wheel over a slice)", log=True
        )
        self.shape = Choice(
            (
                ("disc", "Disc", "One slice: the one drawn in"),
                ("ball", "Ball", "All slices within the radius"),
                ("alike", "Alike", "A ball that takes only values like those where the stroke begins"),
            )
        )
        self.tolerance = Amount(
            "Tolerance", 25, 1, 300, "", "How far values may be from where the stroke begins", digits=0, log=True
        )
        self.tolerance.hide()
        self._values: tuple[float, float] | None = None
        self.shape.changed.connect(lambda shape: self.tolerance.setVisible(shape == "alike"))
        self.add(self.shape, self.size, self.tolerance)
        self.hand = BrushHand(
            self.desk, self._drawn, radius=lambda: self.size.value, resize=self.size.set_value,
            values=lambda: self._values, erases=lambda: self.erases, begun=self._begun,
        )  # fmt: skip
        self.size.changed.connect(lambda _v: self.desk.scene.brush_changed.emit())

    def _begun(self, where: NDArray[np.float64]) -> None:
        value = self.desk.scene.value_at(where) if self.shape.taken == "alike" else None
        self._values = None if value is None else (value - self.tolerance.value, value + self.tolerance.value)

    def _drawn(self, canvas: SliceCanvas, points: NDArray[np.float64], other: bool) -> None:
        options: dict[str, Any] = {"points_mm": plain(points), "radius_mm": round(self.size.value, 3)}
        if self.shape.taken == "disc":
            options["normal"] = normal_of(canvas)
        if self._values is not None:
            options["values"], self._values = self._values, None
        if self.erases != other:
            options["erase"] = True
        self.desk.do("paint", options)


class ErasePage(PaintPage):
    name = "erase"
    title = "Erase"
    icon = "erase"
    key = "2"
    about = "Drag in a slice: the segment in hand loses what is under the brush. Hold Ctrl to paint."
    erases = True
