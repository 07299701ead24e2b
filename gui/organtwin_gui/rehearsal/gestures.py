"""What the hand does with each kind of instrument: from rays under the pointer to poses and commands."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from organtwin.model.rehearsal import (
    Ablate,
    Clip,
    Close,
    Command,
    Drain,
    Fix,
    Incise,
    Lay,
    MarginResection,
    Open,
    PlaneResection,
    PlanResection,
    SurfaceResection,
    Suture,
    Take,
)
from organtwin.model.tool import Blade, Pose, Rod, Shape, Sphere
from organtwin_gui import theme
from organtwin_gui.rehearsal.instruments import Grip
from organtwin_gui.rehearsal.ray import Hit, Point, Ray

_WHEEL_MM = 2.0  # in or out by a notch of the wheel
_APART_MM = 1.5  # of the points of a drawn path
_HANDLE = 13.0  # pixels around a handle that take hold of it
_CLEAR_MM = 4.0  # between an instrument that hovers and the tissue


class Field(Protocol):
    """Where the hand works: what the gestures may ask and do."""

    def hit(self, ray: Ray, *, inside: bool = False) -> Hit | None: ...
    def axes(self) -> NDArray[np.float64]: ...
    def project(self, point_mm: Point) -> QPointF: ...
    def centre(self) -> Point: ...
    def size_mm(self) -> float: ...
    def do(self, command: Command) -> None: ...
    def hold(self, pose: Pose) -> None: ...
    def show_plane(self, point_mm: Point | None, normal: Point | None = None) -> None: ...
    def show_needle(self, tip_mm: Point | None, axis: Point | None, along: float, across: float) -> None: ...
    def set_hint(self, hint: str) -> None: ...
    def finish(self) -> None: ...


class HandGesture:
    """Does nothing; the others do something of it. What returns bool says whether the event was for the hand."""

    tool = ""  # how the instrument looks

    def __init__(self, field: Field, grip: Grip) -> None:
        self.field, self.grip = field, grip

    @property
    def shape(self) -> Shape | None:
        return None

    def begin(self) -> None:
        """The instrument is taken."""

    def hover(self, ray: Ray) -> None: ...

    def press(self, ray: Ray, pressure: float) -> bool:
        return False

    def drag(self, ray: Ray, pressure: float) -> None: ...

    def push(self, mm: float) -> None:
        """Along the line of sight, away from the eye."""

    def release(self) -> None: ...

    def wheel(self, notches: float) -> bool:
        return False

    def confirm(self) -> bool:
        return False

    def cancel(self) -> bool:
        """Whether there was something to take back."""
        return False

    def flip(self) -> bool:
        return False

    def end(self) -> None:
        """Out of the picture."""

    def lay(self) -> None:
        """The instrument is laid away, and no other one that touches takes its place."""

    def paint(self, painter: QPainter) -> None: ...


def instrument_axis(axes: NDArray[np.float64]) -> tuple[Point, Point]:
    """Axis and normal of an instrument that comes over the surgeon's right hand: seen from the side, not end on."""
    right, up, towards = axes
    axis = -0.62 * towards - 0.42 * right + 0.62 * up
    axis = axis / np.linalg.norm(axis)
    normal = towards - axis * float(towards @ axis)
    return axis, normal / np.linalg.norm(normal)


def pose_of(tip_mm: Point, axes: NDArray[np.float64]) -> Pose:
    """An instrument with its tip there, held as the surgeon holds it who looks that way."""
    axis, normal = instrument_axis(axes)
    return Pose(tip_mm=_tuple(tip_mm), axis=_tuple(axis), normal=_tuple(normal))


class Hold(HandGesture):
    """Instruments that touch: they hover over the surface, and while the button is down they work."""

    NAMES: ClassVar[dict[str, str]] = {"probe": "probe", "grasp": "grasper", "retract": "retractor", "press": "ball"}

    def __init__(self, field: Field, grip: Grip) -> None:
        super().__init__(field, grip)
        self.tool = self.NAMES[grip.mode.key]
        self._tip: Point | None = None
        self._start: Point | None = None
        self._down = self._left = False
        self._deep = 0.0
        self._frame = field.axes()

    @property
    def shape(self) -> Shape | None:
        match self.tool:
            case "probe":
                return Rod(radius=self.grip.mm("radius"))
            case "retractor":
                return Blade(width=self.grip.mm("width"), length=self.grip.mm("length"))
            case "ball":
                return Sphere(radius=self.grip.mm("radius"))
        return None

    @property
    def _radius(self) -> float:
        return self.grip.values.get("radius", 2.0)

    def begin(self) -> None:
        self._frame = self.field.axes()
        clear = 0.5 * self.field.size_mm() + 2 * self._radius + 10.0
        self._tip = self.field.centre() + self._frame[2] * clear
        self._send()
        self.field.do(Take(tool=self.tool, shape=self.shape))  # type: ignore[arg-type]

    def _send(self) -> None:
        if self._tip is not None:
            self.field.hold(pose_of(self._tip - self._frame[2] * self._deep, self._frame))

    def _above(self, ray: Ray, clear: float) -> Point:
        hit = self.field.hit(ray)
        if hit is not None:
            outward = hit.normal if hit.normal @ ray.direction < 0 else -hit.normal
            return hit.point_mm + outward * (self._lift() + clear)
        through = self._tip if self._tip is not None else self.field.centre()
        return ray.on_plane(through, self._frame[2])

    def _lift(self) -> float:
        return {"ball": self._radius, "retractor": 2.0}.get(self.tool, 0.0)

    def hover(self, ray: Ray) -> None:
        self._frame = self.field.axes()
        self._deep = 0.0
        self._tip = self._above(ray, _CLEAR_MM)
        self._send()

    def press(self, ray: Ray, pressure: float) -> bool:
        self._frame = self.field.axes()
        self._tip = self._start = self._above(ray, 0.0)
        self._down, self._deep = True, self._pressed(pressure)
        self._send()
        if self.tool == "grasper":
            self.field.do(Close(reach=self.grip.mm("reach")))
        return True

    def _pressed(self, pressure: float) -> float:
        return self.grip.values["depth"] * pressure if self.tool == "ball" else 0.0

    def drag(self, ray: Ray, pressure: float) -> None:
        if self._start is None:
            return
        self._tip = ray.on_plane(self._start, self._frame[2])
        if self.tool == "ball" and pressure < 1.0:
            self._deep = self._pressed(pressure)
        self._send()

    def push(self, mm: float) -> None:
        self._deep += mm
        self._send()

    def wheel(self, notches: float) -> bool:
        if not self._down:
            return False
        self.push(_WHEEL_MM * notches)
        return True

    def release(self) -> None:
        if self._down and self.tool == "grasper":
            self.field.do(Open())
        self._down = False

    def confirm(self) -> bool:
        if self.tool != "retractor":
            return False
        self._left = True
        self.field.do(Lay(leave=True))
        self.field.finish()
        return True

    def lay(self) -> None:
        if self._down:
            self.release()
        if not self._left:
            self.field.do(Lay())


class PointAt(HandGesture):
    """One click, one command: hold, let go, clip."""

    def __init__(self, field: Field, grip: Grip) -> None:
        super().__init__(field, grip)
        self._over: Hit | None = None

    def hover(self, ray: Ray) -> None:
        self._over = self.field.hit(ray, inside=self.grip.mode.key == "clip")

    def press(self, ray: Ray, pressure: float) -> bool:
        self.hover(ray)
        if self._over is None:
            return False  # beside the organ: the camera has the mouse
        at = _tuple(self._over.point_mm)
        match self.grip.mode.key:
            case "clip":
                self.field.do(Clip(at_mm=at))
            case mode:
                self.field.do(Fix(at_mm=at, radius=self.grip.mm("radius"), free=mode == "free"))
        return True

    def paint(self, painter: QPainter) -> None:
        if self._over is not None:
            radius = self.grip.values.get("radius", 2.5)
            _paint_ring(painter, self.field, self._over, radius)


class Draw(HandGesture):
    """A path on the surface, cut when the button is released."""

    tool = "knife"

    def __init__(self, field: Field, grip: Grip) -> None:
        super().__init__(field, grip)
        self._path: list[Point] = []
        self._over: Hit | None = None

    def hover(self, ray: Ray) -> None:
        self._over = self.field.hit(ray)
        if self._over is not None:
            self.field.hold(pose_of(self._over.point_mm, self.field.axes()))

    def press(self, ray: Ray, pressure: float) -> bool:
        self._path = []
        self.hover(ray)
        if self._over is None:
            return False
        self._path = [self._over.point_mm]
        return True

    def drag(self, ray: Ray, pressure: float) -> None:
        self.hover(ray)
        if self._over is None or not self._path:
            return
        if np.linalg.norm(self._over.point_mm - self._path[-1]) >= _APART_MM:
            self._path.append(self._over.point_mm)

    def release(self) -> None:
        path, self._path = self._path, []
        if len(path) > 1:
            self.field.do(Incise(path_mm=tuple(map(_tuple, path)), depth=self.grip.mm("depth")))

    def cancel(self) -> bool:
        had, self._path = bool(self._path), []
        return had

    def paint(self, painter: QPainter) -> None:
        _paint_path(painter, [self.field.project(p) for p in self._path])


class Outline(HandGesture):
    """A curve across the organ, then a click on the part that is taken."""

    tool = ""

    def __init__(self, field: Field, grip: Grip) -> None:
        super().__init__(field, grip)
        self._path: list[Point] = []
        self._direction: Point | None = None
        self._done = False

    def _place(self, ray: Ray) -> Point:
        hit = self.field.hit(ray)
        through = self._path[-1] if self._path else self.field.centre()
        return hit.point_mm if hit is not None else ray.on_plane(through, self.field.axes()[2])

    def press(self, ray: Ray, pressure: float) -> bool:
        if self._done:
            hit = self.field.hit(ray)
            if hit is None:
                return False
            assert self._direction is not None
            self.field.do(
                SurfaceResection(
                    path_mm=tuple(map(_tuple, self._path)),
                    direction=_tuple(self._direction),
                    take_mm=_tuple(hit.point_mm + ray.direction * 1.0),
                )
            )
            self.cancel()
            return True
        self._path = [self._place(ray)]
        self._direction = ray.direction
        return True

    def drag(self, ray: Ray, pressure: float) -> None:
        if self._path and not self._done:
            place = self._place(ray)
            if np.linalg.norm(place - self._path[-1]) >= _APART_MM:
                self._path.append(place)

    def release(self) -> None:
        if len(self._path) > 2:
            self._done = True
            self._direction = -self.field.axes()[2]
            self.field.set_hint("Now click on the part to be taken away. Esc begins again.")
        else:
            self.cancel()

    def cancel(self) -> bool:
        had = bool(self._path)
        self._path, self._done = [], False
        self.field.set_hint(self.grip.mode.hint)
        return had

    def paint(self, painter: QPainter) -> None:
        _paint_path(painter, [self.field.project(p) for p in self._path])


class Plane(HandGesture):
    """A plane with two handles: a disc that moves it, an arrow that turns it and shows what is taken."""

    def __init__(self, field: Field, grip: Grip) -> None:
        super().__init__(field, grip)
        right, up, towards = field.axes()
        self._point = field.centre()
        self._normal = (right + 0.25 * up + 0.55 * towards) / np.sqrt(1 + 0.25**2 + 0.55**2)  # seen slantwise
        self._reach = 0.32 * field.size_mm()
        self._dragged = ""

    def begin(self) -> None:
        self._show()

    def _show(self) -> None:
        self.field.show_plane(self._point, self._normal)

    @property
    def _arrow(self) -> Point:
        return self._point + self._normal * self._reach

    def press(self, ray: Ray, pressure: float) -> bool:
        for name, place in (("arrow", self._arrow), ("disc", self._point)):
            away = self.field.project(place) - self.field.project(ray.nearest_to(place))
            if away.manhattanLength() < 1.4 * _HANDLE:
                self._dragged = name
                return True
        return False

    def drag(self, ray: Ray, pressure: float) -> None:
        if self._dragged == "disc":
            self._point = ray.on_plane(self._point, self.field.axes()[2])
        elif self._dragged == "arrow":
            toward = ray.on_ball(self._point, self._reach) - self._point
            self._normal = toward / np.linalg.norm(toward)
        self._show()

    def release(self) -> None:
        self._dragged = ""

    def wheel(self, notches: float) -> bool:
        if not self._dragged:
            return False
        self._point = self._point + self._normal * notches * _WHEEL_MM
        self._show()
        return True

    def flip(self) -> bool:
        self._normal = -self._normal
        self._show()
        return True

    def confirm(self) -> bool:
        self.field.do(PlaneResection(point_mm=_tuple(self._point), normal=_tuple(self._normal)))
        self.field.finish()
        return True

    def cancel(self) -> bool:
        self.field.finish()
        return True

    def end(self) -> None:
        self.field.show_plane(None)

    def paint(self, painter: QPainter) -> None:
        start, end = self.field.project(self._point), self.field.project(self._arrow)
        ink = QColor(theme.DARK.accent)
        painter.setPen(QPen(QColor(10, 13, 17, 200), 5.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(start, end)
        painter.setPen(QPen(ink, 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(start, end)
        painter.setPen(QPen(QColor(10, 13, 17, 220), 2.0))
        painter.setBrush(QColor(theme.IMAGE_TEXT))
        painter.drawEllipse(start, 7.0, 7.0)
        painter.setBrush(ink)
        painter.drawEllipse(end, 7.0, 7.0)
        painter.setFont(theme.font(theme.SMALL_POINTS, bold=True))
        words = "is taken away"
        wide = QFontMetricsF(painter.font()).horizontalAdvance(words)
        at = end + QPointF(12 if end.x() >= start.x() else -12 - wide, -10)
        at.setX(min(max(at.x(), 8.0), painter.viewport().width() - wide - 8))
        _paint_words(painter, at, words)


class Join(HandGesture):
    """Two clicks, drawn together."""

    def __init__(self, field: Field, grip: Grip) -> None:
        super().__init__(field, grip)
        self._first: Hit | None = None
        self._over: Hit | None = None

    def hover(self, ray: Ray) -> None:
        self._over = self.field.hit(ray)

    def press(self, ray: Ray, pressure: float) -> bool:
        self.hover(ray)
        if self._over is None:
            return False
        if self._first is None:
            self._first = self._over
        else:
            first, self._first = self._first, None
            self.field.do(
                Suture(from_mm=_tuple(first.point_mm), to_mm=_tuple(self._over.point_mm), radius=self.grip.mm("radius"))
            )
        return True

    def cancel(self) -> bool:
        had, self._first = self._first is not None, None
        return had

    def paint(self, painter: QPainter) -> None:
        radius = self.grip.values["radius"]
        if self._first is not None:
            _paint_ring(painter, self.field, self._first, radius)
            if self._over is not None:
                ends = [self.field.project(h.point_mm) for h in (self._first, self._over)]
                painter.setPen(QPen(QColor("#d8c7ff"), 1.8, Qt.PenStyle.DashLine))
                painter.drawLine(*ends)
        if self._over is not None:
            _paint_ring(painter, self.field, self._over, radius)


class Aim(HandGesture):
    """A needle that goes in where one points, with what it would burn around its tip."""

    tool = "needle"

    def __init__(self, field: Field, grip: Grip) -> None:
        super().__init__(field, grip)
        self._over: Hit | None = None
        self._axis: Point | None = None
        self._tip: Point | None = None

    def hover(self, ray: Ray) -> None:
        self._over = self.field.hit(ray)
        self._show()

    def _show(self) -> None:
        values = self.grip.values
        self._tip = None
        if self._over is None:
            self.field.show_needle(None, None, 1.0, 1.0)
            return
        self._axis = axis = instrument_axis(self.field.axes())[0]
        self._tip = tip = self._over.point_mm + axis * values["depth"]
        self.field.hold(pose_of(tip, self.field.axes()))
        self.field.show_needle(tip, axis, values["along"], values["across"])

    def press(self, ray: Ray, pressure: float) -> bool:
        self.hover(ray)
        if self._over is None or self._axis is None:
            return False
        tip = self._over.point_mm + self._axis * self.grip.values["depth"]
        self.field.do(
            Ablate(
                tip_mm=_tuple(tip), axis=_tuple(self._axis), along=self.grip.mm("along"), across=self.grip.mm("across")
            )
        )
        return True

    def wheel(self, notches: float) -> bool:
        if self._over is None:
            return False
        self.grip.values["depth"] = max(0.0, self.grip.values["depth"] + _WHEEL_MM * notches)
        self._show()
        return True

    def end(self) -> None:
        self.field.show_needle(None, None, 1.0, 1.0)

    def paint(self, painter: QPainter) -> None:
        """The outline of what would be burnt, seen through the organ."""
        if self._tip is None or self._axis is None:
            return
        values = self.grip.values
        side = np.cross(self._axis, (0.31, 0.87, 0.39))
        side /= np.linalg.norm(side)
        frame = (self._axis * values["along"], side * values["across"], np.cross(self._axis, side) * values["across"])
        turn = np.linspace(0, 2 * np.pi, 49)[:, None]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(255, 178, 102, 210), 1.4))
        for one, other in ((0, 1), (0, 2), (1, 2)):
            ring = self._tip + np.cos(turn) * frame[one] + np.sin(turn) * frame[other]
            painter.drawPolyline(QPolygonF([self.field.project(p) for p in ring]))


class Confirm(HandGesture):
    """Needs no place: Enter does it."""

    def confirm(self) -> bool:
        match self.grip.mode.key:
            case "margin":
                self.field.do(MarginResection(inside=self.grip.inside, margin=self.grip.mm("margin")))
            case "plan":
                self.field.do(PlanResection())
            case "drain":
                self.field.do(Drain(inside=self.grip.inside, keep=self.grip.values["keep"] / 100))
        self.field.finish()
        return True


GESTURES: dict[str, type[HandGesture]] = {
    "hold": Hold,
    "point": PointAt,
    "draw": Draw,
    "outline": Outline,
    "plane": Plane,
    "join": Join,
    "aim": Aim,
    "confirm": Confirm,
}


def _tuple(point: Point) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in point)
    return x, y, z


def _paint_path(painter: QPainter, points: list[QPointF]) -> None:
    if len(points) < 2:
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for ink, wide in ((QColor(20, 6, 6, 190), 5.0), (QColor("#ff7a6e"), 2.2)):
        painter.setPen(QPen(ink, wide, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.drawPolyline(QPolygonF(points))


def _paint_ring(painter: QPainter, field: Field, hit: Hit, radius_mm: float) -> None:
    """A ring that lies on the surface."""
    side = np.cross(hit.normal, (0.31, 0.87, 0.39))
    side /= np.linalg.norm(side)
    other = np.cross(hit.normal, side)
    turn = np.linspace(0, 2 * np.pi, 33)[:, None]
    ring = hit.point_mm + 0.5 * hit.normal + radius_mm * (np.cos(turn) * side + np.sin(turn) * other)
    painter.setBrush(QColor(90, 169, 230, 40))
    shown = QPolygonF([field.project(p) for p in ring])
    for ink, wide in ((QColor(10, 13, 17, 170), 3.6), (QColor(theme.DARK.accent_strong), 1.6)):
        painter.setPen(QPen(ink, wide))
        painter.drawPolygon(shown)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_words(painter: QPainter, at: QPointF, words: str) -> None:
    painter.setPen(QColor(10, 13, 17))
    for dx, dy in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        painter.drawText(at + QPointF(dx, dy), words)
    painter.setPen(QColor(theme.IMAGE_TEXT))
    painter.drawText(at, words)
