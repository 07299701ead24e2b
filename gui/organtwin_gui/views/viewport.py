"""The 3D view: which things are in the scene, how they look, and what was clicked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QKeyEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QVBoxLayout, QWidget

from organtwin.errors import BadInput
from organtwin.model import Centerline, OrganMesh, Result, Surface, Volume
from organtwin_gui import theme
from organtwin_gui.views.background import Background
from organtwin_gui.views.camera import axes
from organtwin_gui.views.colours import Legend, legend_width, paint_legend, paint_plate
from organtwin_gui.views.items.base import Colour, SceneItem, Surroundings
from organtwin_gui.views.items.flow import FlowItem
from organtwin_gui.views.items.live import UUID as LIVE_UUID
from organtwin_gui.views.items.live import LiveItem
from organtwin_gui.views.items.looks import FlowLook, Look, MeshLook, PlaneLook, TissueLook
from organtwin_gui.views.items.organ_mesh import MeshItem
from organtwin_gui.views.items.slices import UUID as SLICES_UUID
from organtwin_gui.views.items.slices import SlicesItem
from organtwin_gui.views.items.surface import SurfaceItem
from organtwin_gui.views.items.tissue import TissueItem
from organtwin_gui.views.items.volume import VolumeItem
from organtwin_gui.views.render_canvas import RenderCanvas
from organtwin_gui.views.state import ImageScene
from organtwin_gui.views.time_bar import TimeBar
from organtwin_gui.views.viewport_bar import ViewportBar

_VIEW_KEYS = {
    Qt.Key.Key_1: "A",
    Qt.Key.Key_2: "P",
    Qt.Key.Key_3: "L",
    Qt.Key.Key_4: "R",
    Qt.Key.Key_5: "S",
    Qt.Key.Key_6: "I",
}


_FLOW_KEYS = {
    Qt.Key.Key_S: "streamlines",
    Qt.Key.Key_D: "particles",
    Qt.Key.Key_C: "plane",
    Qt.Key.Key_BracketLeft: "back",
    Qt.Key.Key_BracketRight: "on",
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
    screenshot_wanted()
        The camera button was pressed: ask where to, then call :meth:`screenshot`.
    """

    picked = Signal(object)
    maximise_requested = Signal()
    items_changed = Signal()
    screenshot_wanted = Signal()

    def __init__(self, scene: ImageScene | None = None, parent: QWidget | None = None, *, opengl: bool = True) -> None:
        super().__init__(parent)
        self.scene = scene
        self.canvas = RenderCanvas(self, enabled=opengl)
        self.items: dict[str, SceneItem] = {}
        self._background = Background(self)
        self._around = Surroundings(
            self._background, self.canvas.refresh, lambda: self.canvas.software, self.items_changed.emit
        )
        self._untouched = True
        self._glass = False
        self._aside: list[str] = []
        self.keys: Callable[[QKeyEvent], bool] | None = None  # asked before the view's own keys
        self._marks: set[str] = set()
        self._marked: NDArray[np.float64] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.canvas, 1)
        self.time_bar = TimeBar(self)
        layout.addWidget(self.time_bar)
        self.setFocusProxy(self.canvas)
        self.canvas.overpaint += [self._paint_cursor, self._paint_labels, self._paint_legends, self._paint_readings]
        self._background.progressed.connect(self.canvas.update)
        self.canvas.points_to_see = self._arrow_points
        self.canvas.picked.connect(self._take_pick)
        self.canvas.hovered.connect(self._move_cursor)
        self.canvas.maximise_requested.connect(self.maximise_requested)
        self.bar = ViewportBar(self)
        self.bar.setVisible(opengl)
        self.bar.screenshot_wanted.connect(self.screenshot_wanted)
        self.canvas.moving_changed.connect(self._take_moving)
        self.canvas.touched.connect(self._keep_camera)
        self.time_bar.moved.connect(self._go_to)
        self.time_bar.hide()
        if scene is not None:
            scene.cursor.moved.connect(self._cursor_moved)

    # -- things ---------------------------------------------------------------------------------------------------

    def show_surface(
        self, surface: Surface, *, colour: Colour | None = None, opacity: float = 1.0, mark: bool = False
    ) -> None:
        """Put in a surface, in the colour of its structure unless another is given; a ``mark`` never turns to glass."""
        (self._marks.add if mark else self._marks.discard)(surface.uuid)
        self._put(SurfaceItem(surface, self._around, colour, opacity))

    def show_mesh(self, mesh: OrganMesh, look: MeshLook | None = None) -> None:
        """Put in a tetrahedral mesh."""
        self._put(MeshItem(mesh, self._around, look))

    def show_flow(
        self, result: Result, mesh: OrganMesh, look: FlowLook | None = None, line: Centerline | None = None
    ) -> None:
        """Put in a flow on its mesh; ``line`` is the middle of the vessel where it is known.

        Raises
        ------
        BadInput
            When the result does not fit the mesh.
        """
        self._put(FlowItem(result, mesh, self._around, look, line))

    def show_tissue(self, result: Result, mesh: OrganMesh, look: TissueLook | None = None) -> None:
        """Put in a deformation on its mesh.

        Raises
        ------
        BadInput
            When the result does not fit the mesh.
        """
        self._put(TissueItem(result, mesh, self._around, look))

    def show_volume(self, volume: Volume, preset: str | None = None) -> None:
        """Light up a scan with one of :data:`VOLUME_PRESETS` (the best for its modality unless one is given)."""
        item = self.items.get(volume.uuid)
        if isinstance(item, VolumeItem):
            item.set_preset(preset or item.preset.name)
            self.set_visible(volume.uuid, True)
        else:
            self._put(VolumeItem(volume, self._around, preset))

    def show_slices(self, on: bool = True) -> None:
        """Stand the three slices of the scene in space, or take them away."""
        if on and self.scene is not None and SLICES_UUID not in self.items:
            self._put(SlicesItem(self.scene, self._around))
        elif not on:
            self.remove(SLICES_UUID)

    def show_live(self, organ: OrganMesh, **about: Any) -> LiveItem:
        """Put in an organ that is rehearsed on (see :class:`LiveItem`); all else is put aside until :meth:`hide_live`."""
        if LIVE_UUID not in self.items:
            self._aside = [uuid for uuid, item in self.items.items() if item.visible]
            for uuid in self._aside:
                self.items[uuid].set_visible(False)
        item = LiveItem(organ, self._around, **about)
        self._put(item)
        self._untouched = False
        self.canvas.reset_camera()
        return item

    @property
    def is_live(self) -> bool:
        """Whether an organ is rehearsed on."""
        return LIVE_UUID in self.items

    def hide_live(self) -> None:
        """Take the live organ out; what stood there before comes back."""
        self.remove(LIVE_UUID)
        for uuid in self._aside:
            self.set_visible(uuid, True)
        self._aside = []

    @property
    def around(self) -> Surroundings:
        """What an item made elsewhere may use of this view."""
        return self._around

    @property
    def background(self) -> Background:
        """Where computations for this view are done."""
        return self._background

    def put(self, item: SceneItem) -> None:
        """Put in an item made elsewhere."""
        self._put(item)

    def put_aside(self, on: bool) -> None:
        """Hide all that stands here, or show again what was hidden so."""
        if on:
            self._aside = [uuid for uuid, item in self.items.items() if item.visible]
        for uuid in self._aside:
            if uuid in self.items:
                self.items[uuid].set_visible(not on)
        if not on:
            self._aside = []
        self._changed()

    def set_look(self, uuid: str, look: Look) -> None:
        """Change how a mesh, a flow or a deformation is shown."""
        item = self.items.get(uuid)
        if isinstance(item, MeshItem | FlowItem | TissueItem):
            dragged = isinstance(look, FlowLook) and isinstance(item, FlowItem) and look.plane and item.look.plane
            item.set_look(look)  # type: ignore[arg-type]
            if dragged and self.isVisible():  # a plane on its way along the vessel
                self.canvas.moving()
            self._changed()

    def look_of(self, uuid: str) -> Look | None:
        """How a mesh, a flow or a deformation is shown."""
        item = self.items.get(uuid)
        return item.look if isinstance(item, MeshItem | FlowItem | TissueItem) else None

    # -- time -----------------------------------------------------------------------------------------------------

    def _timed(self) -> list[SceneItem]:
        return [i for i in self.items.values() if i.visible and i.times_s is not None and len(i.times_s) > 1]

    def refresh_time_bar(self) -> None:
        """Show the time bar where something has frames; say so after an item has got or lost some."""
        timed = self._timed()
        if not timed:
            self.time_bar.pause()
        else:
            self.time_bar.back_and_forth = isinstance(timed[0], TissueItem)
            self._say_time(timed[0])
        self.time_bar.setVisible(bool(timed))

    def _say_time(self, item: SceneItem) -> None:
        last = len(item.times_s) - 1 if item.times_s is not None else 0
        self.time_bar.frames = last
        self.time_bar.set_text(item.time_text(self.time_bar.fraction * last))

    def _go_to(self, fraction: float) -> None:
        timed = self._timed()
        for item in timed:
            item.set_time(fraction * (len(item.times_s) - 1))  # type: ignore[arg-type]
        if timed:
            self._say_time(timed[0])
        if self.time_bar.playing:
            self.canvas.moving()
        else:
            self.canvas.refresh()

    def set_time(self, frame: float) -> None:
        """Go to a frame of the first thing that has several."""
        timed = self._timed()
        if timed:
            self.time_bar.set_fraction(frame / (len(timed[0].times_s) - 1))  # type: ignore[arg-type]

    # -- putting in and taking out ----------------------------------------------------------------------------------

    def _put(self, item: SceneItem) -> None:
        before = self.items.get(item.uuid)
        if before is not None:
            self._take_out(before)
            item.set_visible(before.visible)
        self.items[item.uuid] = item
        for prop in item.props:
            self.canvas.renderer.AddViewProp(prop)
        self._changed()
        if item.times_s is not None and len(item.times_s) > 1:
            self.time_bar.set_fraction(item.first_frame() / (len(item.times_s) - 1))

    def _take_out(self, item: SceneItem) -> None:
        for prop in item.props:
            self.canvas.renderer.RemoveViewProp(prop)
        item.close()

    def _changed(self) -> None:
        if self._untouched and self.items:
            self.canvas.look_from("A")
        self.refresh_time_bar()
        self._set_background()
        self.canvas.contents_changed()
        self.items_changed.emit()

    def set_glass(self, on: bool) -> None:
        """Whether surfaces are glass also where no result is shown: while something among them is worked on."""
        if on != self._glass:
            self._glass = on
            self._set_background()
            self.canvas.refresh()

    def _set_background(self) -> None:
        """Where a result is shown the surfaces around it turn to glass."""
        glass = self._glass or any(i.visible and isinstance(i, FlowItem | TissueItem) for i in self.items.values())
        for item in self.items.values():
            if isinstance(item, SurfaceItem):
                item.set_in_background(glass and item.uuid not in self._marks)

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

    def _keep_camera(self) -> None:
        """From now on the user holds the camera: new things do not move it."""
        self._untouched = False

    def _take_moving(self, moving: bool) -> None:
        for item in self.items.values():
            item.set_moving(moving)

    # -- cursor ---------------------------------------------------------------------------------------------------

    def _take_pick(self, point_mm: NDArray[np.float64]) -> None:
        item = self.flow_item()
        if item is not None and item.look.plane is not None and item.guides:  # the plane comes to where one clicks
            near = [guide.share_near(point_mm) for guide in item.guides]
            path = int(np.argmin([away for _, away in near]))
            if near[path][1] < 2 * item.size_mm:  # not when another organ is clicked
                plane = replace(item.look.plane, path=path, share=near[path][0])
                self.set_look(item.uuid, replace(item.look, plane=plane))
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
        if self.is_live:
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

    def _arrow_points(self) -> list[NDArray[np.float64]]:
        """Ends of the arrows at openings: they should be in the view as well."""
        labels = [label for item in self.items.values() if item.visible for label in item.labels]
        return [end for label in labels if label.arrow_mm is not None for end in label.arrow_mm]

    def _legends(self) -> list[Legend]:
        return [legend for item in self.items.values() if item.visible for legend in item.legends]

    def _legend_height(self, area: QRectF) -> float:
        return min(180.0, max(70.0, area.height() * 0.32))

    def _paint_legends(self, painter: QPainter, area: QRectF) -> None:
        right = area.right() - 10
        for legend in self._legends():
            right -= paint_legend(painter, legend, right, 10.0, self._legend_height(area)) + 8

    def _paint_readings(self, painter: QPainter, area: QRectF) -> None:
        """What a plane measures, and what is still being computed, at the lower left."""
        if self._marked is not None:
            at = self.canvas.project(self._marked)
            for ink, wide in ((QColor(10, 13, 17), 4.5), (QColor(theme.IMAGE_TEXT), 2.0)):
                painter.setPen(QPen(ink, wide))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(at, 7.0, 7.0)
        bottom = area.bottom() - 10
        for item in self.items.values():
            if not isinstance(item, FlowItem):
                continue
            if item.status:
                bottom -= paint_plate(painter, [(item.status, "")], 10.0, bottom) + 8
            if item.readings:
                bottom -= paint_plate(painter, item.readings, 10.0, bottom) + 8

    def _paint_labels(self, painter: QPainter, area: QRectF) -> None:
        """Names beside their points, on the side where there is room, none over another and none under a legend."""
        made = theme.font(theme.SMALL_POINTS)
        metrics = QFontMetricsF(made)
        right = area.right() - 10
        towards = axes(self.canvas.renderer.GetActiveCamera())[2]
        taken: list[QRectF] = [self.canvas.cube_area(area)]
        taken += [QRectF(self.bar.geometry())] if self.bar.isVisible() else []
        for legend in self._legends():
            width = legend_width(legend)
            taken.append(QRectF(right - width, 0, width, self._legend_height(area) + 60))
            right -= width + 8
        for item in self.items.values():
            for label in item.labels if item.visible else ():
                if label.normal is not None and label.normal @ towards < -0.15:
                    continue
                at, ink = self.canvas.project(label.at_mm), QColor(*label.colour)
                if label.arrow_mm is not None:
                    start, end = label.arrow_mm
                    _paint_arrow(painter, self.canvas.project(start), self.canvas.project(end), ink)
                text = metrics.elidedText(label.text, Qt.TextElideMode.ElideMiddle, max(60.0, area.width() - 40))
                size = QSizeF(metrics.horizontalAdvance(text) + 12, metrics.height() + 4)
                plate = _free_place(at, size, area, taken)
                taken.append(plate)
                edge = plate.left() if plate.left() > at.x() else plate.right()
                painter.setPen(QPen(ink, 1.2))
                painter.drawLine(at, QPointF(edge, plate.center().y()))
                painter.setBrush(QColor(10, 13, 17, 215))
                painter.drawRoundedRect(plate, 4, 4)
                painter.setFont(made)
                painter.setPen(QColor(theme.IMAGE_TEXT))
                painter.drawText(QPointF(plate.left() + 6, plate.top() + 2 + metrics.ascent()), text)

    # -- the view -------------------------------------------------------------------------------------------------

    def look_from(self, letter: str) -> None:
        """See everything from A (front), P (back), L, R, S (above) or I (below), and keep looking from there."""
        self._untouched = False
        self.canvas.look_from(letter)

    def reset_camera(self) -> None:
        self.canvas.reset_camera()

    def set_parallel(self, parallel: bool) -> None:
        """Parallel projection, or perspective."""
        self.canvas.set_parallel(parallel)
        self.items_changed.emit()

    def screenshot(self, path: Path | str | None = None, scale: float = 2.0) -> QImage:
        """The view as an image, twice as fine as the screen; saved as PNG where a path is given.

        Raises
        ------
        BadInput
            When the file cannot be written.
        """
        image = self.canvas.screenshot(scale)
        if path is not None and not image.save(str(path), "PNG"):  # type: ignore[call-overload]
            raise BadInput("The picture could not be written", where=str(path), remedy="Choose another folder.")
        return image

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if self.keys is not None and self.keys(event):
            return
        if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            event.ignore()
        elif key in _VIEW_KEYS:
            self.look_from(_VIEW_KEYS[key])
        elif key == Qt.Key.Key_R:
            self.reset_camera()
        elif key == Qt.Key.Key_P:
            self.set_parallel(not self.canvas.renderer.GetActiveCamera().GetParallelProjection())
        elif not self._flow_key(key):
            event.ignore()

    @property
    def is_ready(self) -> bool:
        """Whether everything that is shown has been computed for the time that is shown."""
        return all(i.is_ready for i in self.items.values() if isinstance(i, FlowItem) and i.visible)

    def place_plane(self, item: FlowItem, *, distance_mm: float) -> None:
        """Stand the plane of a flow at a distance along the way it is on; show it when there is none."""
        plane = item.look.plane or PlaneLook()
        guide = item.guides[min(plane.path, len(item.guides) - 1)]
        share = (distance_mm - float(guide.distance_mm[0])) / max(guide.length_mm, 1e-9)
        self.set_look(item.uuid, replace(item.look, plane=replace(plane, share=min(1.0, max(0.0, share)))))

    def mark(self, place_mm: NDArray[np.float64] | None) -> None:
        """Mark a place on the picture, or none."""
        self._marked = place_mm
        self.canvas.update()

    def _flow_key(self, key: Qt.Key) -> bool:
        """Keys of time and of the flow that is shown; says whether this was one."""
        if key == Qt.Key.Key_Space and self.time_bar.isVisible():
            self.time_bar.toggle()
            return True
        if key in (Qt.Key.Key_Comma, Qt.Key.Key_Period) and self.time_bar.isVisible():
            self.time_bar.step(-1 if key == Qt.Key.Key_Comma else 1)
            return True
        item = self.flow_item()
        if item is None or key not in _FLOW_KEYS:
            return False
        look, plane = item.look, item.look.plane
        match _FLOW_KEYS[key]:
            case "streamlines":
                look = replace(look, streamlines=not look.streamlines)
            case "particles":
                look = replace(look, particles=not look.particles)
            case "plane":
                look = replace(look, plane=PlaneLook() if plane is None else None)
            case step if plane is not None:
                share = min(1.0, max(0.0, plane.share + (-0.01 if step == "back" else 0.01)))
                look = replace(look, plane=replace(plane, share=share))
        self.set_look(item.uuid, look)
        return True

    def flow_item(self) -> FlowItem | None:
        """The flow that is shown, if there is one."""
        return next((i for i in self.items.values() if isinstance(i, FlowItem) and i.visible), None)

    def shut_down(self) -> None:
        """Free threads and OpenGL; call before the widget goes."""
        self.time_bar.pause()
        self._background.shut_down()
        for item in self.items.values():
            item.close()
        self.items.clear()
        self.canvas.shut_down()
        if self.scene is not None:
            self.scene.cursor.moved.disconnect(self._cursor_moved)
            self.scene = None


def _free_place(at: QPointF, size: QSizeF, area: QRectF, taken: list[QRectF]) -> QRectF:
    """Where a plate of some size goes: beside a point, moved into the view where it is too long for it."""
    room = area.adjusted(6, 6, -6 - size.width(), -6 - size.height())
    sides = (at.x() + 16, at.x() - 16 - size.width())
    heights = [at.y() - size.height() / 2 + sign * 22 * step for step in range(9) for sign in (1, -1)]
    beside = [QPointF(x, y) for y in heights for x in sides]
    moved = [
        QPointF(min(max(room.left(), x), max(room.left(), room.right())), y) for y in heights for x in sides
    ]  # over the point's own height, when neither side has room
    for corner in (*beside, *moved):
        place = QRectF(corner, size)
        if area.contains(place) and not any(place.intersects(other) for other in taken):
            return place
    corner = moved[0]
    corner.setY(min(max(room.top(), corner.y()), max(room.top(), room.bottom())))
    return QRectF(corner, size)


def _paint_arrow(painter: QPainter, start: QPointF, end: QPointF, ink: QColor) -> None:
    direction = end - start
    length = float(np.hypot(direction.x(), direction.y()))
    if length < 6:  # seen along its length
        return
    along = direction / length
    across = QPointF(-along.y(), along.x())
    head = end - along * 9
    painter.setPen(QPen(ink, 2.2))
    painter.drawLine(start, head)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawPolygon(QPolygonF([end, head + across * 4.5, head - across * 4.5]))
