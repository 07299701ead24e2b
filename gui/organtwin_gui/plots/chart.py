"""A chart of several curves in the app's colours, with a legend, limits, and a line that follows the pointer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor

from organtwin_gui import theme
from organtwin_gui.plots import axes
from organtwin_gui.plots.series import Series

Colour = tuple[int, int, int]


class Chart(pg.PlotWidget):
    """Draws :class:`Series`. The wheel zooms, a double click shows everything again.

    Signals
    -------
    hovered(object)
        (number of the series, number of its point) under the pointer, or None when it leaves.
    clicked(float)
        x where it was clicked.
    """

    hovered = Signal(object)
    clicked = Signal(float)

    def __init__(self, across: str, name: str) -> None:
        super().__init__(enableMenu=False)
        self.setAccessibleName(name)
        self.setMinimumSize(220, 140)
        self.hideButtons()
        self.setMouseEnabled(True, False)
        self._across, self._up = across, ""
        self._series: list[Series] = []
        self._colours: list[Colour] = []
        self._limit: float | None = None
        self._level = pg.InfiniteLine(angle=0, movable=False)
        self._level.hide()
        self.cursor = pg.InfiniteLine(angle=90, movable=False)
        self.cursor.hide()
        self._place = pg.InfiniteLine(angle=90, movable=False)
        self._place.hide()
        self._dot = pg.ScatterPlotItem(size=9)
        self._says = pg.TextItem(anchor=(0, 1), fill=pg.mkBrush(0, 0, 0, 0))
        self._legend = self.addLegend(offset=(-8, 4), labelTextSize=f"{theme.SMALL_POINTS:g}pt")
        self.scene().sigMouseMoved.connect(self._moved)
        self.scene().sigMouseClicked.connect(self._pressed)
        self.dress()

    def dress(self) -> None:
        """Take on the colours of the theme."""
        look = theme.current()
        axes.dress(self, self._across, self._up)
        self._level.setPen(pg.mkPen(look.warning, width=1, style=Qt.PenStyle.DashLine))
        self.cursor.setPen(pg.mkPen(look.text_quiet, width=1.4))
        self._place.setPen(pg.mkPen(look.accent, width=1.2, style=Qt.PenStyle.DotLine))
        self._legend.setLabelTextColor(look.text)
        back = QColor(look.surface_0)
        back.setAlpha(190)
        self._legend.setBrush(pg.mkBrush(back))
        self._says.setColor(look.text)
        self._says.fill = pg.mkBrush(back)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_says"):
            self.dress()

    def show_series(
        self, series: Sequence[Series], colours: Sequence[Colour], *, across: str, up: str, limit: float | None = None
    ) -> None:
        """Draw other curves; ``limit`` is a level worth knowing."""
        self._series, self._colours, self._across, self._up, self._limit = (
            list(series),
            list(colours),
            across,
            up,
            limit,
        )
        self.dress()
        self.show_all()

    def _draw(self) -> None:
        item = self.getPlotItem()
        item.clear()
        light = theme.current() is theme.LIGHT
        for number, (series, colour) in enumerate(zip(self._series, self._colours, strict=True)):
            ink = QColor(*colour).darker(135) if light else QColor(*colour)
            width = 4 if number == 0 and len(self._series) > 1 else 2  # seen where another lies on it
            item.plot(series.x, series.y, pen=pg.mkPen(ink, width=width), name=series.name, connect="finite")
        self._legend.setVisible(len(self._series) > 1)
        for extra in (self._level, self.cursor, self._place, self._dot, self._says):
            item.addItem(extra, ignoreBounds=True)
        self._says.hide()
        self._level.setVisible(self._limit is not None)
        if self._limit is not None:
            self._level.setValue(self._limit)

    def show_all(self) -> None:
        """All curves in the view, and the limit with them."""
        finite = [s.y[np.isfinite(s.y)] for s in self._series]
        values = np.concatenate([*finite, [self._limit] if self._limit is not None else []]) if finite else np.empty(0)
        if len(values) == 0:
            return
        low, high = float(values.min()), float(values.max())
        least = 0.02 * max(abs(low), abs(high))  # what hardly changes shall not look as if it did
        if high - low < least:
            low, high = (low + high - least) / 2, (low + high + least) / 2
        margin = 0.08 * (high - low) or max(abs(high) * 0.05, 1e-6)
        self.setYRange(low - margin, high + margin, padding=0)
        self.setXRange(min(s.x[0] for s in self._series), max(s.x[-1] for s in self._series), padding=0.01)

    def set_cursor(self, x: float | None) -> None:
        """Where in time the 3D view is."""
        self.cursor.setVisible(x is not None)
        if x is not None:
            self.cursor.setValue(x)

    def set_place(self, x: float | None) -> None:
        """Where along the vessel the plane is."""
        self._place.setVisible(x is not None)
        if x is not None:
            self._place.setValue(x)

    # -- pointer ------------------------------------------------------------------------------------------------------

    def _moved(self, at: QPointF) -> None:
        box = self.getPlotItem().vb
        if not self._series or not self.getPlotItem().sceneBoundingRect().contains(at):
            self._leave()
            return
        best: tuple[float, int, int] | None = None
        for number, series in enumerate(self._series):
            point = int(np.argmin(np.abs(series.x - box.mapSceneToView(at).x())))
            if np.isfinite(series.y[point]):
                there = box.mapViewToScene(QPointF(series.x[point], series.y[point]))
                away = abs(there.y() - at.y())
                if best is None or away < best[0]:
                    best = away, number, point
        if best is None:
            self._leave()
            return
        _, number, point = best
        series = self._series[number]
        self._dot.setData([series.x[point]], [series.y[point]], brush=pg.mkBrush(QColor(*self._colours[number])))
        name = f"{series.name}: " if len(self._series) > 1 else ""
        unit = self._up[self._up.rfind("(") + 1 : -1] if self._up.endswith(")") else ""
        across = self._across[self._across.rfind("(") + 1 : -1] if self._across.endswith(")") else ""
        self._says.setText(f"{name}{series.y[point]:.4g} {unit} at {series.x[point]:.3g} {across}")
        (left, right), (low, high) = self.viewRange()
        near_right, near_top = series.x[point] > (left + right) / 2, series.y[point] > (low + high) / 2
        self._says.setAnchor((1 if near_right else 0, 0 if near_top else 1))
        self._says.setPos(series.x[point], series.y[point])
        self._says.show()
        self.hovered.emit((number, point))

    def _leave(self) -> None:
        self._dot.clear()
        self._says.hide()
        self.hovered.emit(None)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._leave()

    def _pressed(self, event: object) -> None:
        if event.double():  # type: ignore[attr-defined]
            self.show_all()
        elif event.button() == Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            self.clicked.emit(float(self.getPlotItem().vb.mapSceneToView(event.scenePos()).x()))  # type: ignore[attr-defined]
