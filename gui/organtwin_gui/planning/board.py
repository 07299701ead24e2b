"""The plan in the 3D view: puts it there alone, and lets its handles be dragged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen

from organtwin_gui import theme
from organtwin_gui.planning.live import Drawn, Ground
from organtwin_gui.views.items.plan import UUID, PlanItem
from organtwin_gui.views.items.surface import SurfaceItem
from organtwin_gui.views.viewport import Viewport

REACH_PX = 15.0


class Board(QObject):
    """Owns the item while the page of planning is looked at.

    Signals
    -------
    dragged(int, float)
        Handle and how far, in mm along its normal, from where it was when it was taken hold of.
    dropped()
        It was let go.
    """

    dragged = Signal(int, float)
    dropped = Signal()

    def __init__(self, viewport: Viewport) -> None:
        super().__init__(viewport)
        self.viewport = viewport
        self.item: PlanItem | None = None
        self._aside: list[str] = []
        self._framed = False
        self._points, self._normals = np.zeros((0, 3)), np.zeros((0, 3))
        self._shown_handles = False
        self._held: tuple[int, QPointF, NDArray[np.float64], NDArray[np.float64]] | None = None
        self._over, self._gone = -1, 0.0
        self._known: set[str] = set()
        viewport.items_changed.connect(self._something_came)
        viewport.canvas.installEventFilter(self)
        viewport.canvas.overpaint.append(self._paint)

    @property
    def is_open(self) -> bool:
        return self.item is not None

    def open(self, ground: Ground) -> None:
        """Show the organ and what lies in it, and put all else aside; a rehearsal keeps the picture."""
        if self.viewport.is_live:
            return
        if self.item is None:
            self._put_others_aside()
            self.item = PlanItem(self.viewport._around)
            self._framed = False
        self.item.set_inner(ground.inner)
        self.item.show_organ(ground.organ)
        if UUID not in self.viewport.items:
            self.viewport._put(self.item)
        self._frame()
        self.viewport.canvas.contents_changed()

    def _put_others_aside(self) -> None:
        self._aside = [uuid for uuid, item in self.viewport.items.items() if item.visible and uuid != UUID]
        self._known = set(self.viewport.items)
        for uuid in self._aside:
            self.viewport.set_visible(uuid, False)

    def _something_came(self) -> None:
        """Surfaces that a job has made meanwhile wait until the page is left: they would hide the plan."""
        if self.item is None or not self.item.visible:
            return
        new = [uuid for uuid in self.viewport.items if uuid not in self._known and uuid != UUID]
        self._known.update(new)
        for uuid in new:
            if isinstance(self.viewport.items[uuid], SurfaceItem):
                self._aside.append(uuid)
                self.viewport.set_visible(uuid, False)

    def step_aside(self) -> None:
        """Something else is to be looked at; the plan comes back with its next change."""
        if self.item is not None:
            self._aside = []
            self.viewport.set_visible(UUID, False)

    def show(self, drawn: Drawn, asked_mm: float) -> None:
        """Show a plan."""
        if self.item is None:
            return
        if not self.item.visible:
            self._put_others_aside()
            self.viewport.set_visible(UUID, True)
        self.item.show_plan(drawn, asked_mm)
        if self._held is None:
            self._points, self._normals = drawn.handles, drawn.normals
            self._over = -1  # they have moved away from under the pointer
        self._frame()
        self.viewport.canvas.contents_changed()

    def _frame(self) -> None:
        if not self._framed:
            self._framed = True
            self.viewport._untouched = False
            self.viewport.look_from("A")

    def set_handles(self, points_mm: NDArray[np.float64] | None, normals: NDArray[np.float64] | None = None) -> None:
        """Other places to drag than those of the plan (for planes)."""
        if points_mm is not None and normals is not None and self._held is None:
            self._points, self._normals = points_mm, normals
            self.viewport.canvas.update()

    def show_handles(self, on: bool) -> None:
        self._shown_handles = on
        self.viewport.canvas.update()

    def close(self) -> None:
        """Take the plan out; what stood there before comes back."""
        self._held = None
        if self.item is None:
            return
        self.item = None
        self.viewport.remove(UUID)
        for uuid in self._aside:
            self.viewport.set_visible(uuid, True)
        self._aside = []

    # -- the mouse ----------------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self.item is None or not self.item.visible or not self._shown_handles or not isinstance(event, QMouseEvent):
            return False
        kind = event.type()
        if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            return self._take_hold(event.position())
        if self._held is not None and kind == QEvent.Type.MouseMove:
            self._gone = self._way(event.position())
            self.dragged.emit(self._held[0], self._gone)
            self.viewport.canvas.update()
            return True
        if kind == QEvent.Type.MouseMove and not event.buttons():
            over = self._near(event.position())
            if over != self._over:
                self._over = over
                self.viewport.canvas.setCursor(
                    Qt.CursorShape.PointingHandCursor if over >= 0 else Qt.CursorShape.ArrowCursor
                )
                self.viewport.canvas.update()
        if self._held is not None and kind == QEvent.Type.MouseButtonRelease:
            self._held = None
            self.dropped.emit()
            return True
        return False

    def _near(self, at: QPointF) -> int:
        """The handle under the pointer, -1 for none."""
        away = [_length(self.viewport.canvas.project(point) - at) for point in self._points]
        return int(np.argmin(away)) if away and min(away) <= REACH_PX else -1

    def _take_hold(self, at: QPointF) -> bool:
        n = self._near(at)
        if n < 0:
            return False
        self._gone = 0.0
        self._held = n, at, self._points[n].copy(), self._normals[n].copy()
        return True

    def _way(self, now: QPointF) -> float:
        """mm along the normal that the pointer has gone, as it is seen; up and down where the normal points at the eye."""
        assert self._held is not None
        _, start, point, normal = self._held
        canvas = self.viewport.canvas
        seen = (canvas.project(point + 5 * normal) - canvas.project(point - 5 * normal)) / 10.0
        moved = now - start
        length = _length(seen)
        across = np.cross(normal, np.array([0.37, 0.61, 0.7]))
        across /= max(float(np.linalg.norm(across)), 1e-9)
        scale = max(_length(canvas.project(point + 10 * across) - canvas.project(point)) / 10.0, length, 1e-6)
        if length < 0.25 * scale:
            return -moved.y() / scale
        return (moved.x() * seen.x() + moved.y() * seen.y()) / (length * length)

    def _paint(self, painter: QPainter, area: QRectF) -> None:
        """The handles, over everything: a ring, filled where it is held or pointed at; and the way it has gone."""
        if self.item is None or not self.item.visible or not self._shown_handles:
            return
        accent = QColor(theme.DARK.accent)
        for n, point in enumerate(self._points):
            at = self.viewport.canvas.project(point)
            held = self._held is not None and self._held[0] == n
            if held and self._held is not None:
                end = self.viewport.canvas.project(point + self._gone * self._held[3])
                painter.setPen(QPen(accent, 2.0))
                painter.drawLine(at, end)
                text = f"{self._gone:+.1f} mm".replace("-", "−")
                painter.setFont(theme.font(theme.SMALL_POINTS, bold=True))
                painter.setPen(QColor(theme.IMAGE_TEXT))
                painter.drawText(end + QPointF(12, 4), text)
                at = end
            for ink, wide in ((QColor(10, 13, 17), 4.5), (QColor(theme.IMAGE_TEXT), 2.0)):
                painter.setPen(QPen(ink, wide))
                painter.setBrush(accent if held or n == self._over else QColor(10, 13, 17, 120))
                painter.drawEllipse(at, 6.5, 6.5)

    def held_at(self) -> tuple[int, NDArray[np.float64], NDArray[np.float64]] | None:
        """The handle that is held, where it was, and its normal."""
        return None if self._held is None else (self._held[0], self._held[2], self._held[3])


def _length(vector: QPointF) -> float:
    return float(np.hypot(vector.x(), vector.y()))
