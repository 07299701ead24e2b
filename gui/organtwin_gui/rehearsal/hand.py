"""The hand: mouse, wheel, pen and keys over the 3D picture become what the instrument does there.

It listens in front of the picture. What is not for the instrument goes on to the camera.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QTabletEvent, QWheelEvent

from organtwin.model.rehearsal import Command
from organtwin.model.tool import Pose
from organtwin.resection.anatomy import is_tumour
from organtwin_gui.rehearsal.gestures import GESTURES, HandGesture, pose_of
from organtwin_gui.rehearsal.instruments import BY_DIGIT, Grip
from organtwin_gui.rehearsal.ray import Hit, Point, Ray, first_hit, ray_at
from organtwin_gui.views.camera import axes
from organtwin_gui.views.items.live import LiveItem
from organtwin_gui.views.render_canvas import RenderCanvas

_PUSH_MM = 0.35  # for a pixel of a drag with Shift
_AWAY_MM = 120.0  # where a lifted instrument waits, towards the eye


class Hand(QObject):
    """Holds at most one instrument.

    Signals
    -------
    posed(Pose)
        The instrument was moved.
    wanted(command)
        Something is to be done.
    chosen(str)
        Key of the instrument that a digit asked for; "" to put it aside.
    changed()
        Instrument, hint, or lifted or not.
    looked(str)
        A key asks for another look: "colour" or "solid".
    """

    posed = Signal(object)
    wanted = Signal(object)
    chosen = Signal(str)
    changed = Signal()
    looked = Signal(str)

    def __init__(self, canvas: RenderCanvas, item: Callable[[], LiveItem | None]) -> None:
        super().__init__(canvas)
        self._canvas, self._item = canvas, item
        self._gesture: HandGesture | None = None
        self._working = False
        self._pen = False
        self._last = QPointF()
        self.grip: Grip | None = None
        self.lifted = False
        self.hint = ""
        canvas.installEventFilter(self)
        canvas.overpaint.append(self._paint)

    def detach(self) -> None:
        """Let go of the picture."""
        self.take(None)
        self._canvas.removeEventFilter(self)
        if self._paint in self._canvas.overpaint:
            self._canvas.overpaint.remove(self._paint)

    # -- instruments --------------------------------------------------------------------------------------------------

    def take(self, grip: Grip | None) -> None:
        """Another instrument; the one before is laid away."""
        if self._gesture is not None and (grip is None or grip.mode.gesture != "hold"):
            self._gesture.lay()  # the engine lays a tool away when it is to take another
        self._swap(grip)

    def drop(self) -> None:
        """Hold nothing any more, and say nothing of it: what was done with it has been undone."""
        self._swap(None)

    def _swap(self, grip: Grip | None) -> None:
        item = self._item()
        if self._gesture is not None:
            self._gesture.end()
        self._gesture, self._working, self.lifted = None, False, False
        self.grip = grip
        self.hint = grip.mode.hint if grip else ""
        if item is not None:
            item.set_tool("")
        if grip is not None and item is not None:
            self._gesture = GESTURES[grip.mode.gesture](self, grip)
            item.set_tool(self._gesture.tool, self._gesture.shape)
            self._gesture.begin()
        self._canvas.setCursor(Qt.CursorShape.CrossCursor if grip else Qt.CursorShape.ArrowCursor)
        self.changed.emit()
        self._canvas.update()

    def lift(self, on: bool) -> None:
        """Out of the way, so that the mouse turns the camera; or back."""
        item = self._item()
        if self._gesture is None or item is None or on == self.lifted:
            return
        if on and self._working:
            self._gesture.release()
            self._working = False
        self.lifted = on
        if on:
            if self._gesture.tool:
                away = self.centre() + self._frame()[2] * (self.size_mm() + _AWAY_MM)
                self.posed.emit(pose_of(away, self._frame()))
            item.put_aside()
        self._canvas.setCursor(Qt.CursorShape.ArrowCursor if on else Qt.CursorShape.CrossCursor)
        self.changed.emit()

    # -- what gestures ask ------------------------------------------------------------------------------------------

    def hit(self, ray: Ray, *, inside: bool = False) -> Hit | None:
        """The first point of the organ; with ``inside`` a vessel seen through it comes first."""
        item = self._item()
        if item is None or item.frame is None:
            return None
        frame = item.frame
        if inside and item.look.opacity < 1:
            for name, thing in item.inside.items():
                points = frame.carried_mm.get(name)
                if points is not None and not is_tumour(thing.surface.structure):
                    found = first_hit(ray, points, np.asarray(thing.surface.triangles))
                    if found is not None:
                        return found
        return first_hit(ray, frame.points_mm, frame.triangles)

    def _frame(self) -> NDArray[np.float64]:
        return axes(self._canvas.renderer.GetActiveCamera())

    def axes(self) -> NDArray[np.float64]:
        return self._frame()

    def project(self, point_mm: Point) -> QPointF:
        return self._canvas.project(point_mm)

    def centre(self) -> Point:
        item = self._item()
        assert item is not None
        return np.asarray((item.low_mm + item.high_mm) / 2, float)

    def size_mm(self) -> float:
        item = self._item()
        assert item is not None
        return float(np.linalg.norm(item.high_mm - item.low_mm))

    def do(self, command: Command) -> None:
        self.wanted.emit(command)

    def hold(self, pose: Pose) -> None:
        item = self._item()
        if item is not None:
            item.hold(pose.tip_mm, pose.axis, pose.normal)
            self._canvas.moving()
        self.posed.emit(pose)

    def show_plane(self, point_mm: Point | None, normal: Point | None = None) -> None:
        item = self._item()
        if item is not None:
            item.show_plane(point_mm, (1, 0, 0) if normal is None else normal)
            self._canvas.moving()

    def show_needle(self, tip_mm: Point | None, axis: Point | None, along: float, across: float) -> None:
        item = self._item()
        if item is not None:
            item.show_needle(tip_mm, (0, 0, -1) if axis is None else axis, along, across)

    def set_hint(self, hint: str) -> None:
        self.hint = hint
        self.changed.emit()

    def finish(self) -> None:
        """The instrument has done its work."""
        self.chosen.emit("")

    # -- events -------------------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._gesture is None:
            return False
        match event:
            case QTabletEvent():
                return self._tablet(event)
            case QMouseEvent():
                return self._mouse(event)
            case QWheelEvent() if not self.lifted:
                turned = event.angleDelta().y() or event.angleDelta().x()  # with Alt it goes sideways
                used = self._gesture.wheel(turned / 120.0)
                if used:
                    self.changed.emit()
                    self._canvas.update()
                return used
        return False

    def _ray(self, position: QPointF) -> Ray:
        canvas = self._canvas
        return ray_at(canvas.renderer.GetActiveCamera(), position, canvas.width(), canvas.height())

    def _mouse(self, event: QMouseEvent) -> bool:
        kind, left = event.type(), event.button() == Qt.MouseButton.LeftButton
        if self._pen:  # the system repeats a pen's moves as a mouse
            return left
        if kind == QEvent.Type.MouseButtonDblClick and left and not self.lifted:
            return self._press(event.position(), 1.0)
        if kind == QEvent.Type.MouseButtonPress and left and not self.lifted:
            return self._press(event.position(), 1.0)
        if kind == QEvent.Type.MouseMove:
            return self._move(event.position(), 1.0, event.modifiers(), event.buttons())
        if kind == QEvent.Type.MouseButtonRelease and left:
            return self._release()
        return False

    def _tablet(self, event: QTabletEvent) -> bool:
        if self.lifted:
            return False
        event.accept()
        pressure = float(np.clip(event.pressure(), 0.02, 0.999))
        match event.type():
            case QEvent.Type.TabletPress if event.button() == Qt.MouseButton.LeftButton:
                self._pen = True
                return self._press(event.position(), pressure)
            case QEvent.Type.TabletMove:
                return self._move(event.position(), pressure, event.modifiers(), event.buttons())
            case QEvent.Type.TabletRelease:
                self._pen = False
                return self._release()
        return False

    def _press(self, position: QPointF, pressure: float) -> bool:
        assert self._gesture is not None
        self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        self._last = position
        self._working = self._gesture.press(self._ray(position), pressure)
        self._canvas.update()
        return self._working

    def _move(
        self, position: QPointF, pressure: float, modifiers: Qt.KeyboardModifier, buttons: Qt.MouseButton
    ) -> bool:
        if self.lifted or self._gesture is None:
            return False
        if self._working:
            if modifiers & Qt.KeyboardModifier.ShiftModifier:
                self._gesture.push((self._last.y() - position.y()) * _PUSH_MM)
            else:
                self._gesture.drag(self._ray(position), pressure)
            self._last = position
            self._canvas.update()
            return True
        if buttons == Qt.MouseButton.NoButton:
            self._gesture.hover(self._ray(position))
            self._canvas.update()
            return True
        return False

    def _release(self) -> bool:
        assert self._gesture is not None
        working, self._working = self._working, False
        if working:
            self._gesture.release()
            self._canvas.update()
        return working

    def key(self, event: QKeyEvent) -> bool:
        """Keys of the instruments; says whether this was one."""
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return False
        key = Qt.Key(event.key())
        if event.text() in BY_DIGIT:
            self.chosen.emit(BY_DIGIT[event.text()].key)
            return True
        if key in (Qt.Key.Key_C, Qt.Key.Key_X):
            self.looked.emit("colour" if key == Qt.Key.Key_C else "solid")
            return True
        if self._gesture is None:
            return False
        match key:
            case Qt.Key.Key_Space:
                self.lift(not self.lifted)
                return True
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                return self._gesture.confirm()
            case Qt.Key.Key_F:
                return self._gesture.flip()
            case Qt.Key.Key_Escape:
                if not self._gesture.cancel():
                    self.chosen.emit("")
                self._canvas.update()
                return True
        return False

    def confirm(self) -> None:
        """As Enter does."""
        if self._gesture is not None:
            self._gesture.confirm()

    @property
    def tool(self) -> str:
        """The tool that the engine should have in hand as well, or ""."""
        return self._gesture.tool if self.grip is not None and self.grip.mode.gesture == "hold" else ""  # type: ignore[union-attr]

    def _paint(self, painter: QPainter, area: QRectF) -> None:
        if self._gesture is not None and not self.lifted:
            painter.save()
            self._gesture.paint(painter)
            painter.restore()
