"""One managed VTK render window inside Qt.

VTK draws off the screen and Qt shows the picture: no native child window, no second event loop and no VTK interactor,
so the same code serves X11, Wayland, Windows, macOS, a display-less machine (EGL) and every screen density, and Qt can
write legends and letters on top in its own type. While something moves the picture is drawn coarser, as coarse as the
machine needs to stay fluent, and drawn finely once it rests.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # registers the OpenGL classes
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkCellPicker, vtkLightKit, vtkRenderer, vtkRenderWindow

from organtwin_gui import theme
from organtwin_gui.views import camera as eye
from organtwin_gui.views.opengl_probe import choose_window, is_software, renderer_name
from organtwin_gui.views.orientation_cube import CubeFace, face_at, paint_cube, visible_faces

_MOVING_FRAME_S = 0.045  # a frame while moving should not take longer
_HURRIED_FRAME_S = 0.06
_FINE_FRAME_S = 0.3  # a resting frame may take this long for smooth edges
_REST_MS = 180
_FINER_MS = 120

Painting = Callable[[QPainter, QRectF], None]


class RenderCanvas(QWidget):
    """The 3D picture and the mouse on it. Scene contents are put into :attr:`renderer` by others.

    Call :meth:`refresh` after a change and :meth:`shut_down` before the widget goes.
    """

    picked = Signal(object)  # (3,) LPS mm of a surface point that was clicked
    hovered = Signal(object)  # (3,) LPS mm under the pointer while Shift is held
    maximise_requested = Signal()
    moving_changed = Signal(bool)
    view_changed = Signal()
    touched = Signal()  # the user moved the camera by hand

    def __init__(self, parent: QWidget | None = None, *, enabled: bool = True) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("3D view")
        self.message = "" if enabled else "3D pictures need OpenGL, which does not work on this machine."
        self.overpaint: list[Painting] = []
        self.points_to_see: Callable[[], list[NDArray[np.float64]]] = list  # beyond the props
        self.show_cube = True
        self.hurried = False  # a hand is at work: on a machine without graphics card no picture may take long
        self._software: bool | None = None
        self._moving = False
        self._coarseness = 1.0
        self._dirty = True
        self._picture: QImage | None = None
        self._pixels: NDArray[np.uint8] | None = None
        self._drag: tuple[Qt.MouseButton, QPointF, QPointF] | None = None
        self._cube: list[CubeFace] = []
        self._frame_s = 0.02
        self._unknown = True  # what a resting frame takes, since the contents have changed
        self._finer = QTimer(self)
        self._finer.setSingleShot(True)
        self._finer.setInterval(_FINER_MS)
        self._finer.timeout.connect(self.refresh)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._come_to_rest)
        self.renderer = vtkRenderer()
        self.window_: vtkRenderWindow | None = None
        self._lights = vtkLightKit()
        self._set_up_renderer()
        if enabled:
            choose_window()
            self.window_ = vtkRenderWindow()
            self.window_.SetOffScreenRendering(1)
            self.window_.ShowWindowOff()
            self.window_.SetMultiSamples(0)
            self.window_.SetAlphaBitPlanes(1)
            self.window_.AddRenderer(self.renderer)

    def _set_up_renderer(self) -> None:
        r = self.renderer
        r.GradientBackgroundOn()
        bottom, top = QColor(theme.VIEWPORT_BOTTOM), QColor(theme.VIEWPORT_TOP)
        r.SetBackground(bottom.redF(), bottom.greenF(), bottom.blueF())
        r.SetBackground2(top.redF(), top.greenF(), top.blueF())
        r.AutomaticLightCreationOff()
        self._lights.SetKeyLightIntensity(0.85)  # a surface that faces the eye then has just its own colour
        self._lights.SetKeyToFillRatio(2.4)
        self._lights.SetKeyToHeadRatio(3.2)
        self._lights.SetKeyToBackRatio(3.5)
        self._lights.SetKeyLightWarmth(0.55)
        self._lights.SetFillLightWarmth(0.45)
        self._lights.SetKeyLightAngle(38, 12)
        self._lights.AddLightsToRenderer(r)
        camera = r.GetActiveCamera()
        camera.SetViewAngle(24)
        eye.frame_box(camera, (-100,) * 3, (100,) * 3, *eye.STANDARD_VIEWS["A"], 1.0)

    # -- drawing --------------------------------------------------------------------------------------------------

    @property
    def software(self) -> bool:
        """Whether the processor draws, for want of a graphics card."""
        if self._software is None and self.window_ is not None:
            if self._picture is None:  # it answers only after a first picture
                self.window_.SetSize(8, 8)
                self.window_.Render()
            self._software = is_software(renderer_name(self.window_))
        return bool(self._software)

    @property
    def ready(self) -> bool:
        """Whether there is a window to draw with."""
        return self.window_ is not None

    def refresh(self) -> None:
        """Draw anew at the next opportunity; any number of calls make one frame."""
        self._dirty = True
        self.update()

    def contents_changed(self) -> None:
        """Draw anew, quickly at first: what the new contents take is not known."""
        self._unknown = True
        self.refresh()

    def moving(self) -> None:
        """Something moves: draw coarsely from now until it rests."""
        if not self._moving:
            self._moving = True
            self.moving_changed.emit(True)
        self._rest.start()
        self.refresh()

    def _come_to_rest(self) -> None:
        if self._drag is not None:
            self._rest.start()
            return
        self._moving = False
        self.moving_changed.emit(False)
        self.refresh()

    def draw(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """Draw the scene: (height, width, 4) uint8 RGBA, top row first; None without OpenGL."""
        if self.window_ is None:
            return None
        self._peel()  # may ask for the renderer, which draws a small picture: before the size is set
        if tuple(self.window_.GetSize()) != (width, height):
            self.window_.SetSize(width, height)
        self.renderer.ResetCameraClippingRange()
        self.window_.Render()
        raw = vtkUnsignedCharArray()
        self.window_.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, raw)
        return np.asarray(vtk_to_numpy(raw).reshape(height, width, 4)[::-1])

    def _peel(self) -> None:
        """Correct blending of several translucent surfaces, where there are any and time for it."""
        translucent = 0
        actors = self.renderer.GetActors()
        actors.InitTraversal()
        for _ in range(actors.GetNumberOfItems()):
            actor = actors.GetNextActor()
            translucent += bool(actor.GetVisibility()) and actor.GetProperty().GetOpacity() < 1
        wanted = translucent > 0 and not ((self._moving or self.hurried) and self.software)
        self.renderer.SetUseDepthPeeling(wanted)
        self.renderer.SetUseDepthPeelingForVolumes(False)
        self.renderer.SetMaximumNumberOfPeels(4 if self.software else 8)
        self.renderer.SetOcclusionRatio(0.0)

    def _render(self) -> None:
        ratio = self.devicePixelRatioF()
        wide, high = self.width() * ratio, self.height() * ratio
        if self._moving:
            scale = 1.0 / self._coarseness
        else:
            # up to twice as fine for smooth edges, as far as that is affordable; coarser when even one to one is not
            affordable = ((_HURRIED_FRAME_S if self.hurried else _FINE_FRAME_S) / max(self._frame_s, 1e-3)) ** 0.5
            scale = float(np.clip(affordable, 0.5 if self.hurried else 0.7, 2.0 if ratio < 1.5 else 1.0))
            scale = 1.0 if 1.0 < scale < 2.0 else scale
            if self._unknown:
                scale = min(scale, 1.0)
        width, height = max(1, round(wide * scale)), max(1, round(high * scale))
        self.renderer.SetUseFXAA(not self._moving and scale < 2.0)
        first = self._picture is None
        start = time.perf_counter()
        pixels = self.draw(width, height)
        taken = time.perf_counter() - start
        self._dirty = False
        if pixels is None:
            return
        if self._moving:
            # coarser or finer by what the last frame took; never below a third
            wanted = self._coarseness * (taken / _MOVING_FRAME_S) ** 0.5
            self._coarseness = float(np.clip(0.5 * self._coarseness + 0.5 * wanted, 1.0, 3.0))
        elif not first:  # what a frame of one to one takes; a single slow one (a new volume) counts half
            self._frame_s = 0.5 * self._frame_s + 0.5 * taken / scale**2
            if self._unknown:  # a first one tells what a finer one would take
                self._unknown = False
                self._finer.start()
        self._pixels = np.ascontiguousarray(pixels)
        picture = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGBX8888)
        if scale > 1:
            picture = picture.scaled(
                round(wide),
                round(high),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        self._picture = picture

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.window_ is not None and self._dirty and self.isVisible():
            self._render()
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self._picture is None or self.window_ is None:
            painter.fillRect(area, QColor(theme.VIEWPORT_BOTTOM))
            painter.setFont(theme.font())
            painter.setPen(QColor("#8b97a5"))
            painter.drawText(
                area.adjusted(20, 20, -20, -20),
                int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap),
                self.message,
            )
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(area, self._picture)
            self._paint_over(painter, area)
        painter.end()

    def _paint_over(self, painter: QPainter, area: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for paint in self.overpaint:
            paint(painter, area)
        if self.show_cube:
            place = self.cube_area(area)
            frame = eye.axes(self.renderer.GetActiveCamera())
            self._cube = visible_faces(frame, place.center(), place.width() / 4.2)
            paint_cube(painter, self._cube)

    def cube_area(self, area: QRectF) -> QRectF:
        """Where the orientation cube stands, however it is turned."""
        size = 4.2 * (17.0 if min(area.width(), area.height()) > 260 else 12.0)
        return QRectF(area.right() - size - 8, area.bottom() - size - 8, size, size) if self.show_cube else QRectF()

    def screenshot(self, scale: float = 2.0) -> QImage:
        """The view with its legends, ``scale`` times as many pixels as on the screen."""
        area = QRectF(self.rect())
        width, height = max(1, round(area.width() * scale)), max(1, round(area.height() * scale))
        image = QImage(width, height, QImage.Format.Format_RGB32)
        image.fill(QColor(theme.VIEWPORT_BOTTOM))
        pixels = self.draw(width, height)
        painter = QPainter(image)
        painter.scale(scale, scale)
        if pixels is not None:
            kept = np.ascontiguousarray(pixels)
            painter.drawImage(area, QImage(kept.data, width, height, 4 * width, QImage.Format.Format_RGBX8888))
            self._paint_over(painter, area)
        painter.end()
        self.refresh()
        return image

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.refresh()
        super().changeEvent(event)

    # -- from the screen to the patient and back --------------------------------------------------------------------

    def point_at(self, position: QPointF) -> NDArray[np.float64] | None:
        """LPS mm of the surface under a widget position; None over the background."""
        if self.window_ is None or self._picture is None:
            return None
        width, height = self.window_.GetSize()
        x = position.x() / max(1, self.width()) * width
        y = (1 - position.y() / max(1, self.height())) * height
        depth = self.renderer.GetZ(int(x), int(y))
        if 0 < depth < 1:  # an opaque surface: the depth buffer knows
            self.renderer.SetDisplayPoint(x, y, depth)
            self.renderer.DisplayToWorld()
            point = np.array(self.renderer.GetWorldPoint())
            return np.asarray(point[:3] / point[3])
        picker = vtkCellPicker()
        picker.SetTolerance(0.0005)
        if picker.Pick(x, y, 0, self.renderer):
            return np.array(picker.GetPickPosition())
        return None

    def project(self, xyz_mm: NDArray[np.float64]) -> QPointF:
        """Widget position of a point."""
        wide, high = max(1, self.width()), max(1, self.height())
        matrix = self.renderer.GetActiveCamera().GetCompositeProjectionTransformMatrix(wide / high, -1, 1)
        x, y, _, w = matrix.MultiplyPoint((*np.asarray(xyz_mm, dtype=float), 1.0))
        return QPointF((x / w + 1) / 2 * wide, (1 - y / w) / 2 * high)

    # -- mouse ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        button = event.button()
        if self._drag is not None or self.window_ is None:
            return
        if button == Qt.MouseButton.LeftButton:
            face = face_at(self._cube, event.position()) if self.show_cube else None
            if face is not None:
                self.look_from(face)
                return
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                button = Qt.MouseButton.MiddleButton
        self._drag = (button, event.position(), event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        now = event.position()
        if self._drag is None:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                point = self.point_at(now)
                if point is not None:
                    self.hovered.emit(point)
            return
        button, start, before = self._drag
        if (now - start).manhattanLength() < 4 and before == start:
            return
        self._drag = (button, start, now)
        dx, dy = now.x() - before.x(), now.y() - before.y()
        camera = self.renderer.GetActiveCamera()
        if button == Qt.MouseButton.LeftButton:
            eye.rotate(camera, dx, dy, self.width(), self.height())
        elif button == Qt.MouseButton.MiddleButton:
            eye.pan(camera, dx, dy, self.height())
        elif button == Qt.MouseButton.RightButton:
            eye.zoom(camera, float(1.008**dy))
        self.touched.emit()
        self.moving()
        self.view_changed.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag = self._drag, None
        if drag is None:
            return
        button, start, last = drag
        if button == Qt.MouseButton.LeftButton and last == start:
            point = self.point_at(event.position())
            if point is not None:
                self.picked.emit(point)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and face_at(self._cube, event.position()) is None:
            self._drag = None
            self.maximise_requested.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        if self.window_ is None:
            return
        eye.zoom(self.renderer.GetActiveCamera(), float(1.0012 ** event.angleDelta().y()))
        self.touched.emit()
        self.moving()
        self.view_changed.emit()

    # -- camera ---------------------------------------------------------------------------------------------------

    def _frame(self, towards: ArrayLike, up: ArrayLike) -> None:
        """All that can be seen, as large as it goes, seen from a direction."""
        bounds = np.array(self.renderer.ComputeVisiblePropBounds())
        if bounds[0] > bounds[1]:
            bounds = np.array([-100.0, 100.0] * 3)
        low, high = bounds[::2], bounds[1::2]
        for point in self.points_to_see():
            low, high = np.minimum(low, point), np.maximum(high, point)
        aspect = self.width() / max(1, self.height())
        eye.frame_box(self.renderer.GetActiveCamera(), low, high, np.asarray(towards), np.asarray(up), aspect)
        self.refresh()
        self.view_changed.emit()

    def look_from(self, letter: str) -> None:
        """See all from one of the six sides: A, P, L, R, S or I."""
        self._frame(*eye.STANDARD_VIEWS[letter])

    def reset_camera(self) -> None:
        """All in the view, from where the eye is now."""
        axes = eye.axes(self.renderer.GetActiveCamera())
        self._frame(axes[2], axes[1])

    def set_parallel(self, parallel: bool) -> None:
        """Parallel projection, or perspective; what is at the focal point keeps its size."""
        camera = self.renderer.GetActiveCamera()
        half = np.tan(np.radians(camera.GetViewAngle() / 2))
        if parallel:
            camera.SetParallelScale(camera.GetDistance() * half)
        else:
            towards = eye.axes(camera)[2]
            distance = camera.GetParallelScale() / half
            camera.SetPosition(*(np.array(camera.GetFocalPoint()) + distance * towards))
        camera.SetParallelProjection(parallel)
        self.refresh()

    # -- the end --------------------------------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Free the OpenGL resources; the widget stays as an empty picture."""
        self._rest.stop()
        self._finer.stop()
        self.overpaint.clear()
        self.points_to_see = list
        if self.window_ is not None:
            self.renderer.RemoveAllViewProps()
            self.renderer.ReleaseGraphicsResources(self.window_)
            self.window_.RemoveRenderer(self.renderer)
            self.window_.Finalize()
            self.window_ = None
        self._picture = self._pixels = None
