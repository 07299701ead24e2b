"""The 3D view: which things are in the scene, how they look, and what was clicked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from organtwin.model import Surface
from organtwin_gui import theme
from organtwin_gui.views import camera as eye
from organtwin_gui.views.background import Background
from organtwin_gui.views.colours import paint_legend
from organtwin_gui.views.items.base import Colour, SceneItem, Surroundings
from organtwin_gui.views.items.surface import SurfaceItem
from organtwin_gui.views.render_canvas import RenderCanvas
from organtwin_gui.views.state import ImageScene

_VIEW_KEYS = {
    Qt.Key.Key_1: "A", Qt.Key.Key_2: "P", Qt.Key.Key_3: "L", Qt.Key.Key_4: "R", Qt.Key.Key_5: "S", Qt.Key.Key_6: "I",
}


class Viewport(QWidget):
    """The 3D viewport.

    Things are put in with ``show_...`` and are known by the uuid of the object they show; showing the same uuid again
    takes the place of what was there.

    Signals
    -------
    picked(object)
        (3,) LPS mm of a surface point that was clicked.
    maximise_requested()
        The view was double-clicked.
    items_changed()
        Something was put in or taken out.
    """

    picked = Signal(object)
    maximise_requested = Signal()
    items_changed = Signal()

    def __init__(self, scene: ImageScene | None = None, parent: QWidget | None = None, *, opengl: bool = True) -> None:
        super().__init__(parent)
        self.scene = scene
        self.canvas = RenderCanvas(self, enabled=opengl)
        self.items: dict[str, SceneItem] = {}
        self._background = Background(self)
        self._around = Surroundings(self._background, self.canvas.refresh, lambda: self.canvas.software)
        self._untouched = True
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.canvas, 1)
        self.setFocusProxy(self.canvas)
        self.canvas.overpaint += [self._paint_cursor, self._paint_labels, self._paint_legends]
        self.canvas.picked.connect(self._take_pick)
        self.canvas.hovered.connect(self._move_cursor)
        self.canvas.maximise_requested.connect(self.maximise_requested)
        self.canvas.moving_changed.connect(self._take_moving)
        if scene is not None:
            scene.cursor.moved.connect(self._cursor_moved)

    # -- things ---------------------------------------------------------------------------------------------------

    def show_surface(self, surface: Surface, *, colour: Colour | None = None, opacity: float = 1.0) -> None:
        """Put in a surface, in the colour of its structure unless another is given."""
        self._put(SurfaceItem(surface, self._around, colour, opacity))

    def _put(self, item: SceneItem) -> None:
        before = self.items.get(item.uuid)
        if before is not None:
            self._take_out(before)
            item.set_visible(before.visible)
        self.items[item.uuid] = item
        for prop in item.props:
            self.canvas.renderer.AddViewProp(prop)
        self._changed()

    def _take_out(self, item: SceneItem) -> None:
        for prop in item.props:
            self.canvas.renderer.RemoveViewProp(prop)
        item.close()

    def _changed(self) -> None:
        if self._untouched and self.items:
            self._untouched = False
            self.canvas.look_from("A")
        self.canvas.refresh()
        self.items_changed.emit()

    def remove(self, uuid: str) -> None:
        """Take a thing out; unknown ones are no matter."""
        item = self.items.pop(uuid, None)
        if item is not None:
            self._take_out(item)
            self._changed()

    def clear(self) -> None:
        """Take everything out."""
        for item in self.items.values():
            self._take_out(item)
        self.items.clear()
        self._untouched = True
        self._changed()

    def set_visible(self, uuid: str, visible: bool) -> None:
        if uuid in self.items:
            self.items[uuid].set_visible(visible)
            self._changed()

    def set_opacity(self, uuid: str, opacity: float) -> None:
        if uuid in self.items:
            self.items[uuid].set_opacity(opacity)
            self.canvas.refresh()

    def set_colour(self, uuid: str, colour: Colour) -> None:
        if uuid in self.items:
            self.items[uuid].set_colour(colour)
            self.canvas.refresh()

    def _take_moving(self, moving: bool) -> None:
        for item in self.items.values():
            item.set_moving(moving)

    # -- cursor ---------------------------------------------------------------------------------------------------

    def _take_pick(self, point_mm: NDArray[np.float64]) -> None:
        self._move_cursor(point_mm)
        self.picked.emit(point_mm)

    def _move_cursor(self, point_mm: ArrayLike) -> None:
        if self.scene is not None:
            self.scene.cursor.move(point_mm)

    def _cursor_moved(self, _: object) -> None:
        self.canvas.update()

    def _paint_cursor(self, painter: QPainter, area: QRectF) -> None:
        if self.scene is None or self.scene.grid is None or not self.scene.crosshair_visible:
            return
        centre = self.scene.cursor.position_mm
        reach = 12.0
        for axis, plane in enumerate(("sagittal", "coronal", "axial")):
            step = np.zeros(3)
            step[axis] = reach
            ink = QColor(theme.PLANE_COLOURS[plane])
            ink.setAlpha(210)
            painter.setPen(QPen(ink, 1.4))
            painter.drawLine(self.canvas.project(centre - step), self.canvas.project(centre + step))

    # -- words on the picture ---------------------------------------------------------------------------------------

    def _paint_labels(self, painter: QPainter, area: QRectF) -> None:
        small = theme.font(theme.SMALL_POINTS)
        metrics = QFontMetricsF(small)
        painter.setFont(small)
        for item in self.items.values():
            if not item.visible:
                continue
            for label in item.labels:
                at = self.canvas.project(label.at_mm)
                ink = QColor(*label.colour)
                plate = QRectF(
                    at.x() + 12, at.y() - metrics.height() / 2 - 2,
                    metrics.horizontalAdvance(label.text) + 12, metrics.height() + 4,
                )
                painter.setPen(QPen(ink, 1.2))
                painter.drawLine(at, QPointF(plate.left(), at.y()))
                painter.setPen(QPen(ink, 1))
                painter.setBrush(QColor(10, 13, 17, 215))
                painter.drawRoundedRect(plate, 4, 4)
                painter.setPen(QColor(theme.IMAGE_TEXT))
                painter.drawText(QPointF(plate.left() + 6, plate.top() + 2 + metrics.ascent()), label.text)

    def _paint_legends(self, painter: QPainter, area: QRectF) -> None:
        top, height = 10.0, min(180.0, max(70.0, area.height() * 0.32))
        right = area.right() - 10
        for item in self.items.values():
            if item.visible and item.legend is not None:
                right -= paint_legend(painter, item.legend, right, top, height) + 8

    # -- the view -------------------------------------------------------------------------------------------------

    def look_from(self, letter: str) -> None:
        """See everything from A (front), P (back), L, R, S (above) or I (below)."""
        self.canvas.look_from(letter)

    def reset_camera(self) -> None:
        self.canvas.reset_camera()

    def set_parallel(self, parallel: bool) -> None:
        self.canvas.set_parallel(parallel)

    def screenshot(self, path: Path | str | None = None, scale: float = 2.0) -> QImage:
        """The view as an image, twice as fine as the screen; saved as PNG where a path is given."""
        image = self.canvas.screenshot(scale)
        if path is not None:
            image.save(str(path), "PNG")
        return image

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        key = event.key()
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            event.ignore()
        elif key in _VIEW_KEYS:
            self.look_from(_VIEW_KEYS[key])
        elif key == Qt.Key.Key_R:
            self.reset_camera()
        elif key == Qt.Key.Key_P:
            self.set_parallel(not self.canvas.renderer.GetActiveCamera().GetParallelProjection())
        else:
            event.ignore()

    def shut_down(self) -> None:
        """Free threads and OpenGL; call before the widget goes."""
        self._background.shut_down()
        for item in self.items.values():
            item.close()
        self.items.clear()
        self.canvas.shut_down()


__all__ = ["Viewport", "eye"]
