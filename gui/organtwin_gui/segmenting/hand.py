"""The hands of the tools in the slice views: a brush, a click, a line, a lasso."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.views.hands import Drag
from organtwin_gui.views.slice_render import sample_labels
from organtwin_gui.views.slice_view import SliceCanvas

CONTROL = Qt.KeyboardModifier.ControlModifier
ERASING = (245, 245, 245)
Modifiers = Qt.KeyboardModifier


def normal_of(canvas: SliceCanvas) -> tuple[float, float, float]:
    """Unit vector through the slices of a view, LPS."""
    assert canvas.geometry_ is not None
    x, y, z = canvas.geometry_.to_world_matrix[:3, 2]
    length = float(np.sqrt(x * x + y * y + z * z))
    return float(x) / length, float(y) / length, float(z) / length


def plain(points: Any) -> list[list[float]]:
    """Points as an edit keeps them: rounded to a thousandth of a millimetre."""
    return [[round(float(v), 3) for v in p] for p in points]


def outlined(painter: QPainter, colour: tuple[int, int, int], draw: Callable[[], None], wide: float = 1.6) -> None:
    """A line that is seen on bright and on dark."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(QColor(0, 0, 0, 170), wide + 1.8), QPen(QColor(*colour), wide)):
        pen.setCosmetic(True)
        painter.setPen(pen)
        draw()


class Hand:
    """What all have in common: nothing happens."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def press(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> Drag | None:
        return None

    def hover(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> None:
        return None

    def leave(self, canvas: SliceCanvas) -> None:
        return None

    def double_click(self, canvas: SliceCanvas, point: QPointF) -> bool:
        return True

    def wheel(self, canvas: SliceCanvas, turn: float) -> bool:
        return False

    def paint(self, canvas: SliceCanvas, painter: QPainter) -> None:
        return None

    def put_aside(self) -> bool:
        """Escape, or another tool: forget what was begun; False where nothing was."""
        return False

    def confirm(self) -> bool:
        """Enter: finish what was begun; False where nothing was."""
        return False


class ClickHand(Hand):
    """One click in a structure."""

    def __init__(self, desk: Desk, clicked: Callable[[SliceCanvas, NDArray[np.float64], bool], object]) -> None:
        super().__init__(desk)
        self._clicked = clicked

    def press(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> Drag | None:
        where = canvas.world_at(point)
        if where is not None and canvas.inside(where):
            self._clicked(canvas, where, bool(modifiers & CONTROL))
        return None


class BrushHand(Hand):
    """A disc or a ball that is drawn along a way. The stroke is seen at once, within what the rules let through."""

    cursor = Qt.CursorShape.BlankCursor

    def __init__(
        self,
        desk: Desk,
        drawn: Callable[[SliceCanvas, NDArray[np.float64], bool], object],
        *,
        radius: Callable[[], float],
        resize: Callable[[float], object],
        colour: Callable[[bool], tuple[int, int, int]] | None = None,
        values: Callable[[], tuple[float, float] | None] = lambda: None,
        erases: Callable[[], bool] = lambda: False,
        ready: Callable[[], bool] | None = None,
        begun: Callable[[NDArray[np.float64]], object] | None = None,
    ) -> None:
        super().__init__(desk)
        self._drawn, self._radius, self._resize = drawn, radius, resize
        self._colour, self._values, self._erases = colour, values, erases
        self._ready, self._begun = ready or desk.ready, begun
        self._canvas: SliceCanvas | None = None
        self._points: list[NDArray[np.float64]] = []
        self._other = False
        self._at: tuple[SliceCanvas, QPointF, bool] | None = None
        self._allowed: QImage | None = None
        self._kept: NDArray[np.uint32] | None = None

    @property
    def erasing(self) -> bool:
        return self._erases() != self._other

    def press(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> Drag | None:
        where = canvas.world_at(point)
        if where is None or not canvas.inside(where) or not self._ready():
            return None
        self._other = bool(modifiers & CONTROL)
        self._canvas, self._points = canvas, [where]
        if self._begun is not None:
            self._begun(where)
        self._allow(canvas)
        least = max(0.2, 0.3 * self._radius())

        def move(now: QPointF) -> None:
            self._at = (canvas, now, self._other)
            there = canvas.world_at(now)
            if there is not None and float(np.linalg.norm(there - self._points[-1])) >= least:
                self._points.append(there)
            canvas.update()

        def release(now: QPointF) -> None:
            there = canvas.world_at(now)
            if there is not None and float(np.linalg.norm(there - self._points[-1])) > 1e-3:
                self._points.append(there)
            points, self._points = self._points, []
            other, self._other = self._other, False
            self._allowed = self._kept = None
            self._drawn(canvas, np.array(points), other)
            canvas.update()

        self._at = (canvas, point, self._other)
        canvas.update()
        return Drag(move, release)

    def hover(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> None:
        self._at = (canvas, point, bool(modifiers & CONTROL))

    def leave(self, canvas: SliceCanvas) -> None:
        if not self._points:
            self._at = None

    def wheel(self, canvas: SliceCanvas, turn: float) -> bool:
        self._resize(self._radius() * 1.0012**turn)
        return True

    def put_aside(self) -> bool:
        had, self._points = bool(self._points), []
        return had

    # -- the picture of a stroke on its way -------------------------------------------------------------------------

    def _allow(self, canvas: SliceCanvas) -> None:
        """Where this stroke may leave something: locks, the rules and the range of values, at every pixel of the view."""
        desk, geometry, framing, scene = self.desk, canvas.geometry_, canvas.framing, self.desk.scene
        bench, segment = desk.bench, desk.segment
        if bench is None or segment is None or geometry is None or framing is None:
            return
        rules, values = desk.rules, self._values()
        labels = sample_labels(
            bench.grid.to_canonical(bench.labels), bench.grid.canonical(), geometry, canvas.index, framing
        )
        size = max(int(labels.max(initial=0)), *(s.label for s in bench.segments)) + 1
        free = np.ones(size, bool)
        for other in bench.segments:
            free[other.label] = not other.locked and (rules.over == "any" or other.label == segment.label)
        if rules.inside is not None:
            inside = {s.label for s in bench.segments if s.key in rules.inside} | ({0} if "" in rules.inside else set())
            free &= np.isin(np.arange(size), list(inside))
        if self.erasing:
            free = np.arange(size) == segment.label
        allowed = free[labels]
        ranges = [r for r in (rules.values, values) if r is not None]
        if ranges and scene.values is not None:
            image = geometry.slice_image(scene.values, canvas.index)
            good = np.ones(image.shape, bool)
            for low, high in ranges:
                good &= (image >= low) & (image <= high)
            across, _, down, _ = framing.nearest(geometry)
            allowed = allowed & np.take(good, across, axis=1)[down]
        if allowed.all():
            return
        self._kept = np.where(allowed, np.uint32(0xFFFFFFFF), np.uint32(0))
        height, width = self._kept.shape
        self._allowed = QImage(self._kept.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)

    def _ink(self, erasing: bool) -> tuple[int, int, int]:
        if self._colour is not None:
            return self._colour(self._other)
        return ERASING if erasing else self.desk.colour

    def paint(self, canvas: SliceCanvas, painter: QPainter) -> None:
        erasing = self.erasing
        radius = max(0.8, self._radius() * canvas.pixels_per_mm())
        if self._points and canvas is self._canvas and canvas.on_this_slice(np.array(self._points)):
            self._paint_stroke(canvas, painter, self._ink(erasing), radius)
        if self._at is None or self._at[0] is not canvas:
            return
        _, at, other = self._at
        look = self._ink(self._erases() != other)
        outlined(painter, look, lambda: painter.drawEllipse(at, radius, radius))
        if self._erases() != other:  # a stroke through it: this takes away
            step = 0.5 * min(radius, 7.0)
            outlined(painter, look, lambda: painter.drawLine(at - QPointF(step, 0), at + QPointF(step, 0)))

    def _paint_stroke(self, canvas: SliceCanvas, painter: QPainter, ink: tuple[int, int, int], radius: float) -> None:
        ratio = canvas.devicePixelRatioF()
        layer = QImage(canvas.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        layer.setDevicePixelRatio(ratio)
        layer.fill(0)
        pen = QPen(QColor(*ink), 2 * radius)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        inner = QPainter(layer)
        inner.setPen(pen)
        line = [canvas.position_of(p) for p in self._points]
        if self._at is not None:
            line.append(self._at[1])
        inner.drawPolyline(QPolygonF(line)) if len(line) > 1 else inner.drawPoint(line[0])
        if self._allowed is not None:
            inner.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
            inner.drawImage(QRectF(canvas.rect()), self._allowed)
        inner.end()
        painter.setOpacity(0.5)
        painter.drawImage(QPointF(0, 0), layer)
        painter.setOpacity(1.0)


class LassoHand(Hand):
    """A closed line in a slice: dragged, or corner by corner with clicks; a double click or Enter closes it."""

    def __init__(
        self,
        desk: Desk,
        closed: Callable[[SliceCanvas, NDArray[np.float64], bool], object],
        *,
        colour: Callable[[], tuple[int, int, int]] | None = None,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(desk)
        self._closed, self._colour = closed, colour or (lambda: desk.colour)
        self._ready = ready or desk.ready
        self._canvas: SliceCanvas | None = None
        self._index = -1
        self._points: list[NDArray[np.float64]] = []
        self._other = False
        self._pointer: QPointF | None = None

    def press(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> Drag | None:
        where = canvas.world_at(point)
        if where is None:
            return None
        if self._points and (canvas is not self._canvas or canvas.index != self._index):
            self.put_aside()  # begun elsewhere
        if not self._points:
            if not self._ready():
                return None
            self._canvas, self._index = canvas, canvas.index
            self._other = bool(modifiers & CONTROL)
        first = not self._points
        self._points.append(where)
        begun = len(self._points)

        def move(now: QPointF) -> None:
            there = canvas.world_at(now)
            self._pointer = now
            if there is not None and (now - canvas.position_of(self._points[-1])).manhattanLength() > 3:
                self._points.append(there)
            canvas.update()

        def release(now: QPointF) -> None:
            if len(self._points) - begun > 4 and first:  # drawn in one go
                self.confirm()
            canvas.update()

        canvas.update()
        return Drag(move, release)

    def hover(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> None:
        self._pointer = point if canvas is self._canvas else None

    def double_click(self, canvas: SliceCanvas, point: QPointF) -> bool:
        self.confirm()
        return True

    def confirm(self) -> bool:
        points, self._points = self._points, []
        canvas = self._canvas
        if canvas is None or not points:
            return False
        if len(points) >= 3:
            self._closed(canvas, np.array(points), self._other)
        canvas.update()
        return True

    def put_aside(self) -> bool:
        had, self._points = bool(self._points), []
        if had and self._canvas is not None:
            self._canvas.update()
        return had

    def paint(self, canvas: SliceCanvas, painter: QPainter) -> None:
        if not self._points or canvas is not self._canvas or canvas.index != self._index:
            return
        line = [canvas.position_of(p) for p in self._points]
        if self._pointer is not None:
            line.append(self._pointer)
        ink = QColor(*self._colour())
        fill = QColor(ink)
        fill.setAlpha(60)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(line))
        outlined(painter, self._colour(), lambda: painter.drawPolyline(QPolygonF(line)))
        painter.setBrush(ink)
        painter.setPen(Qt.PenStyle.NoPen)
        if len(self._points) < 40:
            for corner in line[: len(self._points)]:
                painter.drawEllipse(corner, 3.0, 3.0)


class LineHand(Hand):
    """A straight line dragged across a slice."""

    def __init__(
        self, desk: Desk, drawn: Callable[[SliceCanvas, NDArray[np.float64], bool], object],
        ready: Callable[[], bool] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(desk)
        self._drawn = drawn
        self._ready = ready or desk.ready
        self._line: tuple[SliceCanvas, QPointF, QPointF] | None = None

    def press(self, canvas: SliceCanvas, point: QPointF, modifiers: Modifiers) -> Drag | None:
        if canvas.world_at(point) is None or not self._ready():
            return None
        other = bool(modifiers & CONTROL)

        def move(now: QPointF) -> None:
            self._line = (canvas, point, now)
            canvas.update()

        def release(now: QPointF) -> None:
            self._line = None
            if (now - point).manhattanLength() > 6:
                self._drawn(canvas, np.array([canvas.world_at(point), canvas.world_at(now)]), other)
            canvas.update()

        return Drag(move, release)

    def paint(self, canvas: SliceCanvas, painter: QPainter) -> None:
        if self._line is None or self._line[0] is not canvas:
            return
        _, start, end = self._line
        way = end - start
        far = 4000.0 / max(np.hypot(way.x(), way.y()), 1e-6)
        dashed = QPen(QColor(*self.desk.colour, 150), 1.0, Qt.PenStyle.DashLine)
        painter.setPen(dashed)
        painter.drawLine(start - way * far, start + way * far)
        outlined(painter, self.desk.colour, lambda: painter.drawLine(start, end), 2.0)
