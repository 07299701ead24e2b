"""Where along a vessel something is done: the radius over the distance from the inlet, and a span that is dragged on it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QVBoxLayout, QWidget

from organtwin.model import Centerline, Surface
from organtwin_gui import theme
from organtwin_gui.forms import form
from organtwin_gui.steps.curve import Curve
from organtwin_gui.steps.flow_fields import show_row, tidy

MARKED = "span"  # what the coloured sleeve is known by in the 3D view
SIDES = 28
NARROW, AT_ENDS = (
    0.85,
    0.97,
)  # share of the radius beside it: a stenosis worth pointing at, and where it begins and ends


class Way:
    """The way from the inlet to one opening: distance (n,) mm, diameter (n,) mm, points (n, 3) mm."""

    def __init__(self, line: Centerline, cap: str) -> None:
        at = line.path(cap)
        distance = np.asarray(line.distance_mm, float)[at]
        keep = np.concatenate([[True], np.diff(distance) > 1e-9])
        self.distance_mm = distance[keep]
        self.radius_mm = np.asarray(line.radius_mm, float)[at][keep]
        self.points_mm = np.asarray(line.points_mm, float)[at][keep]

    @property
    def length_mm(self) -> float:
        return float(self.distance_mm[-1])

    @property
    def narrowing(self) -> NDArray[np.float64]:
        """Radius (n,) over that to which the vessel widens again on both sides: 1 where it only tapers."""
        before = np.maximum.accumulate(self.radius_mm)
        after = np.maximum.accumulate(self.radius_mm[::-1])[::-1]
        return np.asarray(self.radius_mm / np.minimum(before, after))

    def narrowest(self) -> tuple[float, float]:
        """Start and stop (mm) of the worst narrowing; the middle of the vessel where there is none."""
        narrowing = self.narrowing
        at = int(np.argmin(narrowing))
        if narrowing[at] > NARROW:
            centre, half = 0.5 * self.length_mm, 2.0 * float(self.radius_mm[len(self.radius_mm) // 2])
            return max(centre - half, 0.0), min(centre + half, self.length_mm)
        wide = np.flatnonzero(narrowing > AT_ENDS)
        first = wide[wide < at].max(initial=0)
        last = wide[wide > at].min(initial=len(narrowing) - 1)
        return float(self.distance_mm[first]), float(self.distance_mm[last])

    def reference_mm(self, start: float, stop: float) -> float:
        """Diameter that the ends of a span suggest."""
        return float(np.interp([start, stop], self.distance_mm, self.radius_mm).sum())

    def sleeve(self, start: float, stop: float, scale: float = 1.12) -> Surface:
        """A tube around the span, a little wider than the vessel."""
        count = max(8, int((stop - start) / 1.0))
        at = np.linspace(start, max(stop, start + 0.5), count)
        centre = np.stack([np.interp(at, self.distance_mm, x) for x in self.points_mm.T], axis=1)
        radius = scale * np.interp(at, self.distance_mm, self.radius_mm)
        tangent = np.gradient(centre, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1)[:, None]
        first = np.empty_like(tangent)  # carried along, so that the tube does not twist
        first[0] = np.cross(tangent[0], np.eye(3)[np.argmin(np.abs(tangent[0]))])
        for n in range(1, count):
            first[n] = first[n - 1] - tangent[n] * (first[n - 1] @ tangent[n])
        first /= np.linalg.norm(first, axis=1)[:, None]
        second = np.cross(tangent, first)
        angle = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
        ring = np.cos(angle)[:, None] * first[:, None] + np.sin(angle)[:, None] * second[:, None]
        points = (centre[:, None] + radius[:, None, None] * ring).reshape(-1, 3)
        return Surface(uuid=MARKED, name="Span", structure=MARKED, points_mm=points, triangles=_tube(count))


def _tube(rings: int) -> NDArray[np.int32]:
    """Triangles (m, 3) between rings of :data:`SIDES` points."""
    row, side = np.meshgrid(np.arange(rings - 1), np.arange(SIDES), indexing="ij")
    a, b = row * SIDES + side, row * SIDES + (side + 1) % SIDES
    c, d = a + SIDES, b + SIDES
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)]).astype(
        np.int32
    )


class Span(QWidget):
    """A plot of the diameter with a span on it, and its two ends as numbers. A single place has one end only."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.way: Way | None = None
        self._single = False
        self.plot = Curve("distance from the inlet (mm)", "⌀ (mm)", height=150)
        self.plot.setToolTip("Diameter along the vessel. Drag the marked span, or one of its ends")
        self.region = pg.LinearRegionItem(movable=True)
        self.mark = pg.InfiniteLine(movable=True, angle=90)
        for item in (self.region, self.mark):
            item.hide()
            self.plot.addItem(item, ignoreBounds=True)
        self.start, self.stop = (self._number(tip) for tip in ("Where the span begins", "Where the span ends"))
        self.rows = form()
        self.rows.addRow("From", self.start)
        self.rows.addRow("To", self.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.plot)
        column.addLayout(self.rows)
        self.region.sigRegionChanged.connect(self._dragged)
        self.mark.sigPositionChanged.connect(self._dragged)
        for box in (self.start, self.stop):
            box.valueChanged.connect(lambda _v: self._typed())
        self.plot.dressed.connect(self._dress)
        self._dress()

    def _number(self, tip: str) -> QDoubleSpinBox:
        box = tidy(QDoubleSpinBox())
        box.setDecimals(1)
        box.setSuffix(" mm")
        box.setToolTip(f"{tip}: distance from the inlet along the centreline")
        return box

    def _dress(self) -> None:
        look = theme.current()
        self.region.setBrush(self.plot.tint(50))
        self.region.setHoverBrush(self.plot.tint(80))
        for line in (*self.region.lines, self.mark):
            line.setPen(pg.mkPen(look.accent, width=2))
            line.setHoverPen(pg.mkPen(look.accent_strong, width=4))

    def set_way(self, way: Way | None, span: tuple[float, float] | None = None) -> None:
        """Take up another way through the vessel; the span goes where it is narrowest unless one is given."""
        self.way = way
        if way is None:
            self.plot.clear_curve()
            self.region.hide()
            self.mark.hide()
            return
        self.plot.show_curve(way.distance_mm, 2.0 * way.radius_mm)
        for box in (self.start, self.stop):
            with QSignalBlocker(box):
                box.setRange(0.0, way.length_mm)
        self.region.setBounds((0.0, way.length_mm))
        self.mark.setBounds((0.0, way.length_mm))
        self.set_span(*(span or way.narrowest()))
        self.set_single(self._single)

    def set_single(self, single: bool) -> None:
        """One place rather than a span."""
        self._single = single
        self.region.setVisible(self.way is not None and not single)
        self.mark.setVisible(self.way is not None and single)
        show_row(self.rows, self.stop, not single)
        self.rows.labelForField(self.start).setText("At" if single else "From")

    def set_span(self, start: float, stop: float) -> None:
        """Mark a span (mm)."""
        for box, value in ((self.start, start), (self.stop, stop)):
            with QSignalBlocker(box):
                box.setValue(value)
        self._show()
        self.changed.emit()

    @property
    def span_mm(self) -> tuple[float, float]:
        return self.start.value(), self.stop.value()

    def _show(self) -> None:
        with QSignalBlocker(self.region), QSignalBlocker(self.mark):
            self.region.setRegion(self.span_mm)
            self.mark.setPos(self.start.value())

    def _dragged(self) -> None:
        if self.way is None:
            return
        ends = (self.mark.value(), self.stop.value()) if self._single else sorted(self.region.getRegion())
        for box, value in zip((self.start, self.stop), ends, strict=True):
            with QSignalBlocker(box):
                box.setValue(float(value))
        self.changed.emit()

    def _typed(self) -> None:
        if not self._single and self.stop.value() < self.start.value():
            with QSignalBlocker(self.stop):
                self.stop.setValue(self.start.value())
        self._show()
        self.changed.emit()
