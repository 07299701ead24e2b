"""Tools of a line in a slice: a contour, scissors, a plane to cut by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin_gui.segmenting.hand import LassoHand, LineHand, normal_of, plain
from organtwin_gui.segmenting.tools.base import ToolPage
from organtwin_gui.segmenting.widgets import Choice
from organtwin_gui.views.slice_view import SliceCanvas


def clip_matrix(canvas: SliceCanvas) -> NDArray[np.float64]:
    """(4, 4) from LPS mm to -1 to 1 over a slice view, y up; the depth runs from -1 to 1 through its slices."""
    geometry, framing = canvas.geometry_, canvas.framing
    assert geometry is not None
    assert framing is not None
    x = 2 * geometry.column_mm / framing.mm_per_pixel / framing.width
    y = -2 * geometry.row_mm / framing.mm_per_pixel / framing.height
    z = 2 / max(geometry.count, 1)
    screen = np.array([
        [x, 0, 0, -x * framing.centre_column],
        [0, y, 0, -y * framing.centre_row],
        [0, 0, z, z / 2 - 1],
        [0, 0, 0, 1],
    ])  # fmt: skip
    return np.asarray(screen @ geometry.from_world_matrix)


class ContourPage(ToolPage):
    name = "contour"
    title = "Contour"
    icon = "contour"
    key = "0"
    about = "Draw round it in one go, or click corner by corner and close with a double click (or Enter). With Ctrl it is erased."

    def build(self) -> None:
        self.hand = LassoHand(self.desk, self._closed)

    def apply(self) -> bool:
        return self.hand is not None and self.hand.confirm()

    def _closed(self, canvas: SliceCanvas, points: NDArray[np.float64], other: bool) -> None:
        self.desk.do("contour", {"points_mm": plain(points), "normal": normal_of(canvas), "erase": other})


class ScissorsPage(ToolPage):
    name = "scissors"
    title = "Scissors"
    icon = "scissors"
    key = "8"
    about = "Draw a closed line in the 3D view or in a slice: the segment is cut all the way through behind it."

    def build(self) -> None:
        self.what = Choice(
            (
                ("erase-inside", "Erase inside", "What lies within the line goes"),
                ("erase-outside", "Erase outside", "What lies outside the line goes"),
            )
        )
        self.on = Choice(
            (
                ("one", "Segment in hand", "Only the segment in hand is cut"),
                ("all", "All seen", "Every segment that is seen and not locked"),
            )
        )
        self.through = Choice(
            (
                ("all", "All the way", "A line in a slice cuts through all slices"),
                ("slice", "This slice", "A line in a slice cuts in that slice only"),
            )
        )
        self.add(self.what, self.on, self.through)
        self.hand = LassoHand(self.desk, self._closed, ready=self.ready)

    def ready(self) -> bool:
        return self.desk.ready(target=self.on.taken == "one")

    def apply(self) -> bool:
        return self.hand is not None and self.hand.confirm()

    def _closed(self, canvas: SliceCanvas, points: NDArray[np.float64], other: bool) -> None:
        assert canvas.geometry_ is not None
        to_clip = clip_matrix(canvas)
        at = np.column_stack([points, np.ones(len(points))]) @ to_clip.T
        depth = None
        if self.through.taken == "slice":
            half = 1.0 / canvas.geometry_.count
            depth = (float(at[0, 2]) - half, float(at[0, 2]) + half)
        self.cut([(float(x), float(y)) for x, y in at[:, :2]], to_clip, other, depth)

    def cut(
        self, line: list[tuple[float, float]], to_clip: NDArray[np.float64], other: bool = False,
        depth: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        """Cut with a line on the screen, -1 to 1 over the view, and the camera it was drawn through."""
        inside = (self.what.taken == "erase-inside") != other
        options: dict[str, Any] = {
            "line": [(round(x, 5), round(y, 5)) for x, y in line], "to_clip": to_clip.tolist(),
            "action": "erase-inside" if inside else "erase-outside", "depth": depth,
        }  # fmt: skip
        if self.on.taken == "all":
            options["keys"] = [s.key for s in self.desk.segments if not s.locked and self.desk.is_visible(s.key)]
        self.desk.do("scissors", options, target=self.on.taken == "one")


class CutPage(ToolPage):
    name = "cut-plane"
    title = "Cut plane"
    icon = "cut_plane"
    key = "9"
    about = (
        "Drag a line across the segment in a slice: the plane through it, straight into the picture, cuts the segment."
    )

    def build(self) -> None:
        self.what = Choice(
            (
                ("erase-left", "Erase left", "What lies to the left of the line, as it was dragged, goes"),
                ("erase-right", "Erase right", "What lies to the right of the line, as it was dragged, goes"),
                ("split", "Split", "What lies to the right becomes a segment of its own"),
            )
        )
        self.add(self.what)
        self.hand = LineHand(self.desk, self._drawn)

    def _drawn(self, canvas: SliceCanvas, points: NDArray[np.float64], other: bool) -> None:
        assert canvas.geometry_ is not None
        along = points[1] - points[0]
        m = canvas.geometry_.to_world_matrix
        right, down = m[:3, 0] / np.linalg.norm(m[:3, 0]), m[:3, 1] / np.linalg.norm(m[:3, 1])
        across = (
            -(along @ down) * right + (along @ right) * down
        )  # to the right of the way that was dragged, on the screen
        across /= np.linalg.norm(across)
        self.cut(points[0], across)

    def cut(self, point: NDArray[np.float64], right: NDArray[np.float64]) -> None:
        normal = -right if self.what.taken == "erase-left" else right
        self.desk.do("cut-plane", {
            "point_mm": plain([point])[0], "normal": tuple(float(v) for v in normal),
            "action": "split" if self.what.taken == "split" else "remove",
        })  # fmt: skip
