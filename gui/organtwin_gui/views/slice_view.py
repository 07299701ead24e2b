"""One anatomical plane on the screen: the slice, its overlays and marks, and the hands that move them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QWidget

from organtwin_gui import theme
from organtwin_gui.views.hands import Drag, SliceHand
from organtwin_gui.views.slice_render import (
    Framing,
    LabelStyle,
    Plane,
    SliceGeometry,
    disc_statistics,
    paint_labels,
    patient_text,
    render_grey,
    sample_labels,
)
from organtwin_gui.views.state import Disc, Distance, ImageScene, Stroke, Tool

_CURSORS: dict[Tool, Qt.CursorShape] = {
    Tool.NAVIGATE: Qt.CursorShape.CrossCursor,
    Tool.SCROLL: Qt.CursorShape.SizeVerCursor,
    Tool.WINDOW: Qt.CursorShape.SizeAllCursor,
    Tool.PAN: Qt.CursorShape.OpenHandCursor,
    Tool.ZOOM: Qt.CursorShape.SizeVerCursor,
    Tool.MEASURE: Qt.CursorShape.CrossCursor,
    Tool.PROBE: Qt.CursorShape.CrossCursor,
    Tool.SEED: Qt.CursorShape.BlankCursor,
    Tool.PICK: Qt.CursorShape.PointingHandCursor,
    Tool.EDIT: Qt.CursorShape.CrossCursor,
}
_TOOL_KEYS: dict[int, Tool] = {
    Qt.Key.Key_1 + number: tool for number, tool in enumerate(t for t in Tool if t is not Tool.EDIT)
}
_MARK_COLOUR = "#ffd479"
_GRAB_PIXELS = 9.0
_LEFT, _RIGHT, _MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton


class SliceCanvas(QWidget):
    """The picture itself. See :class:`SliceView` for the widget with its slider."""

    slice_changed = Signal(int)
    maximise_requested = Signal()

    def __init__(self, plane: Plane, scene: ImageScene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane = plane
        self.scene = scene
        self.geometry_: SliceGeometry | None = None
        self.framing: Framing | None = None
        self.index = 0
        self._fitted = True
        self._grey: QImage | None = None
        self._paint: QImage | None = None
        self._preview: QImage | None = None
        self._buffers: dict[str, NDArray[np.generic]] = {}
        self._drag: Drag | None = None
        self._pointer: QPointF | None = None
        self._hot_mark: int | None = None
        self._fresh_disc: int | None = None
        self._stroke: list[NDArray[np.float64]] = []
        self._wheel = 0.0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(120, 100)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(f"{plane.value} slice")
        scene.volume_changed.connect(self._take_volume)
        scene.window_changed.connect(self._forget_grey)
        scene.overlays_changed.connect(self._forget_overlay)
        scene.overlay_touched.connect(self._touched)
        scene.preview_changed.connect(self._forget_preview)
        scene.marks_changed.connect(self.update)
        scene.brush_changed.connect(self.update)
        scene.tool_changed.connect(self._take_tool)
        scene.cursor.moved.connect(self._follow_cursor)
        self._take_tool(scene.tool)
        self._take_volume()

    # -- state ----------------------------------------------------------------------------------------------------

    def _take_volume(self) -> None:
        grid = self.scene.grid
        before = self.geometry_
        self.geometry_ = None if grid is None else SliceGeometry(grid, self.plane)
        if grid is None or before is None or not before.grid.same_as(grid):
            self._fitted = True
        if self.geometry_ is not None:
            self.index = self.geometry_.slice_of(self.scene.cursor.position_mm)
        self._frame()
        self._forget_grey()
        self._forget_overlay()
        self.slice_changed.emit(self.index)

    def _take_tool(self, tool: Tool) -> None:
        hand = self.scene.hand if tool is Tool.EDIT else None
        self.setCursor(hand.cursor if hand is not None else _CURSORS[tool])
        self._hot_mark = None
        self.update()

    def _follow_cursor(self, position_mm: NDArray[np.float64]) -> None:
        if self.geometry_ is not None:
            self._show_slice(self.geometry_.slice_of(position_mm))
        self.update()

    def _forget_grey(self, *_: object) -> None:
        self._grey = None
        self.update()

    def _forget_overlay(self, *_: object) -> None:
        self._paint = self._preview = None
        self.update()

    def _forget_preview(self) -> None:
        self._preview = None
        self.update()

    def _touched(self, box: tuple[slice, slice, slice]) -> None:
        """Paint anew where the slice goes through a box of labels that changed."""
        if self.geometry_ is not None:
            part = box[2 - self.geometry_.through_axis]
            if not part.start - 1 <= self.index <= part.stop:  # another grid may be half a voxel off
                return
        self._forget_overlay()

    def _show_slice(self, index: int) -> None:
        if self.geometry_ is None:
            return
        index = int(np.clip(index, 0, self.geometry_.count - 1))
        if index != self.index:
            self.index = index
            self._forget_grey()
            self._forget_overlay()
            self.slice_changed.emit(index)

    def set_slice(self, index: int) -> None:
        """Go to a slice; the cursor goes along, so that the other views know."""
        if self.geometry_ is None:
            return
        index = int(np.clip(index, 0, self.geometry_.count - 1))
        column, row, _ = self.geometry_.from_world(self.scene.cursor.position_mm)
        self._show_slice(index)
        self.scene.cursor.move(self.geometry_.to_world((column, row, index)))

    def step(self, slices: int) -> None:
        self.set_slice(self.index + slices)

    def reset(self) -> None:
        """The whole slice in the view."""
        self._fitted = True
        self._frame()

    def _pixels(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def _frame(self, framing: Framing | None = None) -> None:
        """Take a framing, or fit the slice where none was chosen by hand."""
        if self.geometry_ is None:
            self.framing = None
        else:
            width, height = self._pixels()
            if framing is not None:
                self._fitted = False
                self.framing = framing
            elif self._fitted or self.framing is None:
                self.framing = Framing.fit(self.geometry_, width, height)
            else:
                self.framing = replace(self.framing, width=width, height=height)
        self._forget_grey()
        self._forget_overlay()

    @property
    def zoom(self) -> float:
        """Enlargement against the fitted slice."""
        if self.geometry_ is None or self.framing is None:
            return 1.0
        fitted = Framing.fit(self.geometry_, self.framing.width, self.framing.height)
        return fitted.mm_per_pixel / self.framing.mm_per_pixel

    # -- between the screen and the patient -----------------------------------------------------------------------

    def world_at(self, point: QPointF) -> NDArray[np.float64] | None:
        """LPS mm under a widget position, on the slice that is shown."""
        if self.geometry_ is None or self.framing is None:
            return None
        ratio = self.devicePixelRatioF()
        column, row = self.framing.to_image(self.geometry_, point.x() * ratio, point.y() * ratio)
        return self.geometry_.to_world((float(column), float(row), self.index))

    def position_of(self, xyz_mm: NDArray[np.float64]) -> QPointF:
        """Widget position of a point, seen along the plane."""
        if self.geometry_ is None or self.framing is None:
            return QPointF()
        column, row, _ = self.geometry_.from_world(xyz_mm)
        x, y = self.framing.to_pixel(self.geometry_, column, row)
        ratio = self.devicePixelRatioF()
        return QPointF(float(x) / ratio, float(y) / ratio)

    def on_this_slice(self, points_mm: NDArray[np.float64]) -> bool:
        if self.geometry_ is None:
            return False
        depth = self.geometry_.from_world(np.atleast_2d(points_mm))[:, 2]
        return bool(np.all(np.abs(depth - self.index) <= 0.51))

    def inside(self, xyz_mm: NDArray[np.float64]) -> bool:
        if self.geometry_ is None:
            return False
        column, row, _ = self.geometry_.from_world(xyz_mm)
        return bool(-0.5 <= column <= self.geometry_.columns - 0.5 and -0.5 <= row <= self.geometry_.rows - 0.5)

    # -- mouse ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        point, button = event.position(), event.button()
        if self.geometry_ is None or self._drag is not None:
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if button == _RIGHT:
            self._drag = self._start_zoom(point)
        elif button == _MIDDLE or (button == _LEFT and shift):
            self._drag = self._start_pan(point)
        elif button == _LEFT:
            hand = self.hand
            self._drag = hand.press(self, point, event.modifiers()) if hand is not None else self._start_tool(point)

    @property
    def hand(self) -> SliceHand | None:
        """What works here in place of the view's own tools."""
        return self.scene.hand if self.scene.tool is Tool.EDIT else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        if self._drag is None and self._pointer is not None and (point - self._pointer).manhattanLength() > 2:
            self._fresh_disc = None
        self._pointer = point
        where = self.world_at(point)
        if self._drag is not None:
            self._drag.move(point)
        elif where is not None:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self.inside(where):
                self.scene.cursor.move(where)
            if self.hand is not None:
                self.hand.hover(self, point, event.modifiers())
            hot = self._mark_at(point)
            found = hot[0] if hot else None
            if found != self._hot_mark:
                self._hot_mark = found
                self.update()
        self.scene.probed.emit(self.scene.readout_at(where) if where is not None else None)
        if self.scene.tool in (Tool.SEED, Tool.EDIT):
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag = self._drag, None
        if drag is not None and drag.release is not None:
            drag.release(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != _LEFT or self.scene.tool is Tool.SEED:
            return
        if self.hand is not None and self.hand.double_click(self, event.position()):
            return
        if self._fresh_disc is not None:  # left by the first of the two clicks
            self.scene.remove_mark(self._fresh_disc)
            self._fresh_disc = None
        elif self._mark_at(event.position()) is not None:
            return
        self._drag = None
        self.maximise_requested.emit()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        self._hot_mark = None
        if self.hand is not None:
            self.hand.leave(self)
        self.scene.probed.emit(None)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        turn = event.angleDelta().y() or event.angleDelta().x()  # Shift turns the wheel sideways on some systems
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.ControlModifier and self.geometry_ is not None and self.framing is not None:
            ratio = self.devicePixelRatioF()
            point = event.position()
            self._frame(self.framing.zoomed(self.geometry_, 1.0015**turn, point.x() * ratio, point.y() * ratio))
            return
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        if shift and self.hand is not None and self.hand.wheel(self, turn):
            self.update()
            return
        if shift and self.scene.tool is Tool.SEED:
            brush = self.scene.brush
            self.scene.set_brush(replace(brush, radius_mm=float(np.clip(brush.radius_mm * 1.0012**turn, 0.5, 40))))
            return
        self._wheel += turn / 120
        steps = int(self._wheel)
        if steps:
            self._wheel -= steps
            self.step(steps)

    # -- tools ----------------------------------------------------------------------------------------------------

    def _start_tool(self, point: QPointF) -> Drag | None:
        hot = self._mark_at(point)
        if hot is not None and self.scene.tool in (Tool.NAVIGATE, Tool.MEASURE, Tool.PROBE):
            return self._start_editing(*hot)
        if self.scene.tool is Tool.EDIT:  # and nothing in hand
            return self._start_navigate(point)
        starters: dict[Tool, Callable[[QPointF], Drag | None]] = {
            Tool.NAVIGATE: self._start_navigate,
            Tool.SCROLL: self._start_scroll,
            Tool.WINDOW: self._start_window,
            Tool.PAN: self._start_pan,
            Tool.ZOOM: self._start_zoom,
            Tool.MEASURE: self._start_distance,
            Tool.PROBE: self._start_disc,
            Tool.SEED: self._start_stroke,
            Tool.PICK: self._start_pick,
        }
        return starters[self.scene.tool](point)

    def _start_navigate(self, point: QPointF) -> Drag:
        def move(now: QPointF) -> None:
            where = self.world_at(now)
            if where is not None and self.inside(where):
                self.scene.cursor.move(where)

        move(point)
        return Drag(move)

    def _start_scroll(self, point: QPointF) -> Drag:
        first = self.index
        reach = max(4.0, self.height() / (2 * max(1, self.geometry_.count if self.geometry_ else 1)))
        return Drag(lambda now: self.set_slice(first + round((point.y() - now.y()) / reach)))

    def _start_window(self, point: QPointF) -> Drag:
        level, width = self.scene.level, self.scene.width

        def move(now: QPointF) -> None:
            # half the width over the view's width: coarse for wide windows, fine for narrow ones
            rate = 2.0 * width / max(1, self.width())
            self.scene.set_window(
                level + (now.y() - point.y()) * rate / 2, max(1e-3 * width, width + (now.x() - point.x()) * rate)
            )

        return Drag(move)

    def _start_pan(self, point: QPointF) -> Drag:
        framing, ratio = self.framing, self.devicePixelRatioF()

        def move(now: QPointF) -> None:
            if framing is not None and self.geometry_ is not None:
                self._frame(
                    framing.panned(self.geometry_, (now.x() - point.x()) * ratio, (now.y() - point.y()) * ratio)
                )

        return Drag(move)

    def _start_zoom(self, point: QPointF) -> Drag:
        framing, ratio = self.framing, self.devicePixelRatioF()

        def move(now: QPointF) -> None:
            if framing is not None and self.geometry_ is not None:
                factor = float(np.clip(1.008 ** (now.y() - point.y()), 0.02, 50))
                self._frame(framing.zoomed(self.geometry_, factor, point.x() * ratio, point.y() * ratio))

        return Drag(move)

    def _start_distance(self, point: QPointF) -> Drag | None:
        start = self.world_at(point)
        if start is None:
            return None
        id_ = self.scene.new_id()

        def put(now: QPointF) -> None:
            end = self.world_at(now)
            if end is not None and (now - point).manhattanLength() > 3:
                self.scene.put_mark(Distance(id_, self.plane, np.stack([start, end])))

        return Drag(put, put)

    def _start_disc(self, point: QPointF) -> Drag | None:
        centre = self.world_at(point)
        if centre is None or not self.inside(centre):
            return None
        id_ = self.scene.new_id()

        def put(now: QPointF) -> None:
            rim = self.world_at(now)
            radius = float(np.linalg.norm(rim - centre)) if rim is not None else 0.0
            dragged = (now - point).manhattanLength() > 3
            self.scene.put_mark(Disc(id_, self.plane, centre, radius if dragged else 5.0))

        put(point)
        self._fresh_disc = id_
        return Drag(put)

    def _start_pick(self, point: QPointF) -> None:
        where = self.world_at(point)
        if where is not None and self.inside(where):
            self.scene.picked.emit(where)

    def _start_stroke(self, point: QPointF) -> Drag | None:
        brush = self.scene.brush
        if not brush.key:
            return None
        self._stroke = []

        def move(now: QPointF) -> None:
            where = self.world_at(now)
            if where is not None and self.inside(where):
                self._stroke.append(where)
                self.update()

        def release(now: QPointF) -> None:
            points, self._stroke = self._stroke, []
            if points:
                self.scene.add_stroke(
                    Stroke(self.scene.new_id(), brush.key, brush.colour, self.plane, np.array(points), brush.radius_mm)
                )

        move(point)
        return Drag(move, release)

    def _handles(self, mark: Distance | Disc) -> list[QPointF]:
        if isinstance(mark, Distance):
            return [self.position_of(p) for p in mark.points_mm]
        return [self.position_of(mark.centre_mm)]

    def _mark_at(self, point: QPointF) -> tuple[int, int] | None:
        """(id, handle) of the mark under the pointer."""
        for mark in reversed(list(self.scene.marks.values())):
            if mark.plane is not self.plane:
                continue
            if not self.on_this_slice(mark.points_mm if isinstance(mark, Distance) else mark.centre_mm):
                continue
            for n, handle in enumerate(self._handles(mark)):
                if np.hypot(handle.x() - point.x(), handle.y() - point.y()) < _GRAB_PIXELS:
                    return mark.id, n
        return None

    def _start_editing(self, id_: int, handle: int) -> Drag:
        def move(now: QPointF) -> None:
            where, mark = self.world_at(now), self.scene.marks.get(id_)
            if where is None or mark is None:
                return
            if isinstance(mark, Disc):
                self.scene.put_mark(replace(mark, centre_mm=where))
            else:
                points = mark.points_mm.copy()
                points[handle] = where
                self.scene.put_mark(replace(mark, points_mm=points))

        return Drag(move)

    # -- keys -----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            event.ignore()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_F):
            self.step(1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_B):
            self.step(-1)
        elif key == Qt.Key.Key_PageUp:
            self.step(10)
        elif key == Qt.Key.Key_PageDown:
            self.step(-10)
        elif key == Qt.Key.Key_Home and self.geometry_ is not None:
            self.set_slice(0)
        elif key == Qt.Key.Key_End and self.geometry_ is not None:
            self.set_slice(self.geometry_.count - 1)
        elif key == Qt.Key.Key_R:
            self.reset()
        elif key == Qt.Key.Key_G:
            self.scene.set_overlay_look(visible=not self.scene.overlays_visible)
        elif key == Qt.Key.Key_Space:
            self.scene.toggle_tool()
        elif key in _TOOL_KEYS:
            self.scene.tool = _TOOL_KEYS[key]
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._hot_mark is not None:
            self.scene.remove_mark(self._hot_mark)
            self._hot_mark = None
        else:
            event.ignore()

    # -- painting -------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._frame()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.IMAGE_BACKGROUND))
        if self.geometry_ is None or self.framing is None or self.scene.values is None:
            painter.setFont(theme.font(theme.BODY_POINTS))
            painter.setPen(QColor("#66717f"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.plane.value.capitalize())
            painter.end()
            return
        if (self.framing.width, self.framing.height) != self._pixels():  # moved to a screen of another density
            self._frame()
        self._render()
        target = QRectF(self.rect())
        if self._grey is not None:
            painter.drawImage(target, self._grey)
        if self._paint is not None and self.scene.overlays_visible:
            painter.drawImage(target, self._paint)
        if self._preview is not None:
            painter.setOpacity(self.scene.pulse)
            painter.drawImage(target, self._preview)
            painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_strokes(painter)
        if self.hand is not None:
            self.hand.paint(self, painter)
        if self.scene.crosshair_visible:
            self._paint_crosshair(painter)
        self._paint_marks(painter)
        self._paint_text(painter)
        painter.end()

    def _render(self) -> None:
        """Make the two pictures anew where they are out of date."""
        geometry, framing, scene = self.geometry_, self.framing, self.scene
        if geometry is None or framing is None or scene.values is None:
            return
        ratio = self.devicePixelRatioF()
        if self._grey is None:
            image = geometry.slice_image(scene.values, self.index)
            grey = render_grey(image, geometry, framing, scene.level, scene.width)
            self._grey = QImage(
                grey.data, framing.width, framing.height, framing.width, QImage.Format.Format_Grayscale8
            )
            self._buffers["grey"] = grey
        shown = [o for o in scene.overlays.values() if o.visible]
        if self._paint is None and shown and scene.overlays_visible:
            paint: NDArray[np.uint32] | None = None
            for overlay in shown:
                labels = sample_labels(overlay.labels, overlay.grid, geometry, self.index, framing)
                layer = paint_labels(
                    labels,
                    overlay.styles,
                    scene.overlay_opacity if scene.overlay_fill else 0.0,
                    min(1.0, scene.overlay_opacity + 0.45) if scene.overlay_outline else 0.0,
                    max(1, round(ratio)),
                )
                paint = layer if paint is None else np.where(layer > 0, layer, paint)
            if paint is not None:
                self._paint = self._image("paint", paint)
        if self._preview is None and (scene.range_preview is not None or scene.label_preview is not None):
            self._preview = self._image("preview", self._previewed())

    def _image(self, name: str, pixels: NDArray[np.uint32]) -> QImage:
        """A picture of premultiplied ARGB pixels, which are kept as long as it is."""
        kept = self._buffers[name] = np.ascontiguousarray(pixels)
        height, width = kept.shape
        return QImage(kept.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)

    def _previewed(self) -> NDArray[np.uint32]:
        """What a tool would take or make, as a picture."""
        geometry, framing, scene = self.geometry_, self.framing, self.scene
        assert geometry is not None
        assert framing is not None
        assert scene.values is not None
        pixels = np.zeros((framing.height, framing.width), np.uint32)
        wanted = scene.range_preview
        if wanted is not None:
            image = geometry.slice_image(scene.values, self.index)
            inside = ((image >= wanted.low) & (image <= wanted.high)).astype(np.uint8)
            across, across_in, down, down_in = framing.nearest(geometry)
            shown = np.take(inside, across, axis=1)[down] * (down_in[:, None] & across_in)
            pixels = paint_labels(shown, {1: LabelStyle(wanted.colour)}, 0.55, 0.9)
        made = scene.label_preview
        if made is not None:
            labels = sample_labels(made.labels, made.grid, geometry, self.index, framing)
            layer = paint_labels(labels, made.styles, 0.55, 1.0, max(1, round(self.devicePixelRatioF())))
            pixels = np.where(layer > 0, layer, pixels)
        return pixels

    def _paint_crosshair(self, painter: QPainter) -> None:
        centre = self.position_of(self.scene.cursor.position_mm)
        vertical, horizontal = {
            Plane.AXIAL: ("sagittal", "coronal"),
            Plane.CORONAL: ("sagittal", "axial"),
            Plane.SAGITTAL: ("coronal", "axial"),
        }[self.plane]
        gap = 14.0
        x, y, w, h = centre.x(), centre.y(), float(self.width()), float(self.height())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for colour, lines in (
            (vertical, ((QPointF(x, 0), QPointF(x, y - gap)), (QPointF(x, y + gap), QPointF(x, h)))),
            (horizontal, ((QPointF(0, y), QPointF(x - gap, y)), (QPointF(x + gap, y), QPointF(w, y)))),
        ):
            ink = QColor(theme.PLANE_COLOURS[colour])
            ink.setAlpha(150)
            painter.setPen(QPen(ink, 1))
            for start, end in lines:
                painter.drawLine(start, end)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def pixels_per_mm(self) -> float:
        return 1.0 / (self.framing.mm_per_pixel * self.devicePixelRatioF()) if self.framing else 1.0

    def _paint_strokes(self, painter: QPainter) -> None:
        scale = self.pixels_per_mm()
        drawn = [
            (s.points_mm, s.colour, s.radius_mm) for s in self.scene.strokes.values() if self.on_this_slice(s.points_mm)
        ]
        brush = self.scene.brush
        if self._stroke:
            drawn.append((np.array(self._stroke), brush.colour, brush.radius_mm))
        for points, colour, radius in drawn:
            ink = QColor(*colour)
            ink.setAlpha(170)
            width = max(2.0, 2 * radius * scale)
            painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
            line = [self.position_of(p) for p in points]
            if len(line) == 1:
                painter.drawPoint(line[0])
            else:
                painter.drawPolyline(QPolygonF(line))
        if self.scene.tool is Tool.SEED and self._pointer is not None:
            ink = QColor(*brush.colour)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            radius = max(2.0, brush.radius_mm * scale)
            painter.setPen(QPen(QColor(0, 0, 0, 160), 3))
            painter.drawEllipse(self._pointer, radius, radius)
            painter.setPen(QPen(ink, 1.5))
            painter.drawEllipse(self._pointer, radius, radius)

    def _paint_marks(self, painter: QPainter) -> None:
        for mark in self.scene.marks.values():
            points = mark.points_mm if isinstance(mark, Distance) else mark.centre_mm
            if mark.plane is not self.plane or not self.on_this_slice(points):
                continue
            ink = QColor("#ffffff" if mark.id == self._hot_mark else _MARK_COLOUR)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            handles = self._handles(mark)
            for pen in (QPen(QColor(0, 0, 0, 150), 3.5), QPen(ink, 1.5)):
                painter.setPen(pen)
                if isinstance(mark, Distance):
                    painter.drawLine(handles[0], handles[1])
                    for handle in handles:
                        painter.drawEllipse(handle, 3.5, 3.5)
                else:
                    radius = mark.radius_mm * self.pixels_per_mm()
                    painter.drawEllipse(handles[0], radius, radius)
                    painter.drawPoint(handles[0])
            if isinstance(mark, Distance):
                middle = (handles[0] + handles[1]) / 2
                self._label(painter, middle + QPointF(10, -8), [f"{mark.length_mm:.1f} mm"], ink)
            else:
                offset = mark.radius_mm * self.pixels_per_mm() * 0.72 + 6
                self._label(painter, handles[0] + QPointF(offset, offset), self._disc_lines(mark), ink)

    def _disc_lines(self, disc: Disc) -> list[str]:
        if self.geometry_ is None or self.scene.values is None or self.scene.volume is None:
            return []
        column, row, _ = self.geometry_.from_world(disc.centre_mm)
        image = self.geometry_.slice_image(self.scene.values, self.index)
        found = disc_statistics(image, self.geometry_, float(column), float(row), disc.radius_mm)
        if found is None:
            return []
        unit = self.scene.volume.value_unit or ("HU" if self.scene.volume.modality == "CT" else "")
        area = np.pi * disc.radius_mm**2
        mean = f"{found.mean:.0f}".replace("-", "−")
        return [f"{mean} ± {found.deviation:.0f} {unit}".rstrip(), f"{area:.0f} mm²"]

    def _label(self, painter: QPainter, at: QPointF, lines: list[str], ink: QColor) -> None:
        """Text on a dark plate, kept inside the view."""
        if not lines:
            return
        made = theme.font(theme.SMALL_POINTS)
        metrics = QFontMetricsF(made, self)
        width = max(metrics.horizontalAdvance(line) for line in lines) + 10
        height = metrics.lineSpacing() * len(lines) + 6
        x = min(max(2.0, at.x()), self.width() - width - 2)
        y = min(max(2.0, at.y()), self.height() - height - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 170))
        painter.drawRoundedRect(QRectF(x, y, width, height), 4, 4)
        painter.setFont(made)
        painter.setPen(ink)
        for n, line in enumerate(lines):
            painter.drawText(QPointF(x + 5, y + 3 + metrics.ascent() + n * metrics.lineSpacing()), line)

    def _paint_text(self, painter: QPainter) -> None:
        if self.geometry_ is None:
            return
        colour = QColor(theme.PLANE_COLOURS[self.plane.value])
        pad, wide, high = 8.0, float(self.width()), float(self.height())
        strong, small = theme.font(theme.BODY_POINTS, bold=True), theme.font(theme.SMALL_POINTS)
        metrics, strong_metrics = QFontMetricsF(small, self), QFontMetricsF(strong, self)
        line = metrics.lineSpacing()
        quiet = QColor(theme.IMAGE_TEXT)

        name = self.plane.value.capitalize()
        _shadowed(painter, QPointF(pad, pad + strong_metrics.ascent()), name, strong, colour)
        roomy = wide > 280 and high > 200
        count = f"{self.index + 1} / {self.geometry_.count}"
        start = pad + strong_metrics.horizontalAdvance(name) + 10
        if start + metrics.horizontalAdvance(count) > wide / 2 - 12:  # it would run into the letter at the top
            start = wide - pad - metrics.horizontalAdvance(count)
        _shadowed(painter, QPointF(start, pad + strong_metrics.ascent()), count, small, quiet)
        left, right, top, bottom = self.geometry_.letters()
        letters = theme.font(theme.TITLE_POINTS, bold=True)
        letter_metrics = QFontMetricsF(letters, self)
        middle = high / 2 + letter_metrics.ascent() / 2 - 2
        advance = letter_metrics.horizontalAdvance
        _shadowed(painter, QPointF(pad, middle), left, letters, colour)
        _shadowed(painter, QPointF(wide - pad - advance(right), middle), right, letters, colour)
        _shadowed(painter, QPointF((wide - advance(top)) / 2, pad + letter_metrics.ascent()), top, letters, colour)
        _shadowed(painter, QPointF((wide - advance(bottom)) / 2, high - pad), bottom, letters, colour)
        if not roomy:
            return
        where = patient_text(self.scene.cursor.position_mm).split("  ")
        narrow = wide < 460
        lines = where if narrow else ["  ".join(where)]
        for n, text in enumerate(reversed(lines)):
            _shadowed(painter, QPointF(pad, high - pad - n * line), text, small, quiet)
        level, width = self.scene.level, self.scene.width
        digits = 0 if width >= 20 else 2
        for n, text in enumerate((f"W {width:.{digits}f}  L {level:.{digits}f}", f"{100 * self.zoom:.0f} %")):
            x = wide - pad - metrics.horizontalAdvance(text)
            _shadowed(painter, QPointF(x, high - pad - n * line), text, small, quiet)
        self._paint_scale(painter, wide - pad, high - pad - 2 * line - 4, quiet)

    def _paint_scale(self, painter: QPainter, right: float, y: float, ink: QColor) -> None:
        """A bar of a round length."""
        per_mm = self.pixels_per_mm()
        lengths = [n for n in (1, 2, 5, 10, 20, 50, 100, 200) if n * per_mm <= 0.25 * self.width()]
        if not lengths:
            return
        length = lengths[-1] * per_mm
        for pen in (QPen(QColor(0, 0, 0, 180), 3), QPen(ink, 1.2)):
            painter.setPen(pen)
            painter.drawLine(QPointF(right - length, y), QPointF(right, y))
            painter.drawLine(QPointF(right - length, y - 4), QPointF(right - length, y))
            painter.drawLine(QPointF(right, y - 4), QPointF(right, y))
        text = f"{lengths[-1]} mm" if lengths[-1] < 10 else f"{lengths[-1] / 10:g} cm"
        small = theme.font(theme.SMALL_POINTS)
        advance = QFontMetricsF(small, self).horizontalAdvance(text)
        _shadowed(painter, QPointF(right - length / 2 - advance / 2, y - 5), text, small, ink)


_HALO = tuple((1.3 * np.cos(a), 1.3 * np.sin(a)) for a in np.arange(8) * np.pi / 4)


def _shadowed(painter: QPainter, at: QPointF, text: str, font_: QFont, ink: QColor) -> None:
    """Text with a dark rim, to be read on any picture."""
    painter.setFont(font_)
    painter.setPen(QColor(0, 0, 0, 130))
    for dx, dy in _HALO:
        painter.drawText(at + QPointF(dx, dy), text)
    painter.setPen(ink)
    painter.drawText(at, text)


class SliceView(QWidget):
    """A slice with its slider at the side.

    Signals
    -------
    slice_changed(int)
        Another slice is shown.
    maximise_requested()
        The view was double-clicked.
    """

    slice_changed = Signal(int)
    maximise_requested = Signal()

    def __init__(self, plane: Plane | str, scene: ImageScene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plane = Plane(plane)
        self.canvas = SliceCanvas(self.plane, scene, self)
        self.slider = QSlider(Qt.Orientation.Vertical, self)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.setFixedWidth(18)
        self.slider.setAccessibleName(f"{self.plane.value} slice number")
        colour = theme.PLANE_COLOURS[self.plane.value]
        self.slider.setStyleSheet(
            "QSlider { background: #000; }"
            "QSlider::groove:vertical { width: 4px; background: #20262e; border-radius: 2px; margin: 6px 0; }"
            f"QSlider::handle:vertical {{ height: 12px; width: 12px; margin: 0 -4px; border-radius: 6px; background: {colour}; }}"
            "QSlider::handle:vertical:disabled { background: #2b333d; }"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.slider)
        self.setFocusProxy(self.canvas)
        self.canvas.slice_changed.connect(self._show_number)
        self.canvas.slice_changed.connect(self.slice_changed)
        self.canvas.maximise_requested.connect(self.maximise_requested)
        self.slider.valueChanged.connect(self.canvas.set_slice)
        self._show_number(self.canvas.index)

    @property
    def index(self) -> int:
        """Number of the slice that is shown, from 0, counted to the left, to the back or upwards."""
        return self.canvas.index

    def set_slice(self, index: int) -> None:
        self.canvas.set_slice(index)

    def reset(self) -> None:
        self.canvas.reset()

    def _show_number(self, index: int) -> None:
        geometry = self.canvas.geometry_
        with QSignalBlocker(self.slider):
            self.slider.setEnabled(geometry is not None)
            self.slider.setRange(0, geometry.count - 1 if geometry is not None else 0)
            self.slider.setValue(index)
