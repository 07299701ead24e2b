"""One reading by days: dots that were measured, a line through their weeks, what is usual, and what is expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from organtwin.timeline.days import DAY_S
from organtwin_gui import theme
from organtwin_gui.forms import quiet
from organtwin_gui.timeline.units import number_words, unit_words

HEIGHT_PX = 96
WEEK_S = 7 * DAY_S


def smoothed(times_s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Median of the week before each day (n), so that days without readings leave no gap."""
    firsts = np.searchsorted(times_s, times_s - WEEK_S, side="right")
    return np.array([np.median(values[first : n + 1]) for n, first in enumerate(firsts)])


class TrendPlot(QFrame):
    """``trend`` is a record of organtwin.monitoring.trends, as JSON."""

    def __init__(self, trend: dict[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        look = theme.current()
        times, values = np.array(trend["times_s"]), np.array(trend["values"])
        head = QHBoxLayout()
        name = QLabel(trend["title"])
        name.setToolTip(f"LOINC {trend['code']}, one point a day")
        head.addWidget(name)
        head.addStretch(1)
        last = QLabel(f"{number_words(values[-1])} {unit_words(trend['unit'])}")
        last.setObjectName("title")
        last.setToolTip("The last day that was measured")
        head.addWidget(last)
        axis = pg.DateAxisItem(orientation="bottom")
        self.plot = pg.PlotWidget(axisItems={"bottom": axis}, background=look.surface_2, enableMenu=False)
        self.plot.setFixedHeight(HEIGHT_PX)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        for side in ("bottom", "left"):
            of_side = self.plot.getAxis(side)
            of_side.setPen(look.line)
            of_side.setTextPen(look.text_quiet)
            of_side.setStyle(tickFont=theme.font(theme.SMALL_POINTS - 1))
        self.plot.getAxis("left").setWidth(44)
        if trend["usual"]:
            self._band(*trend["usual"], QColor(look.good))
        if trend["expected"]:
            self._expected(trend["expected"])
        self.plot.plot(times, values, pen=None, symbol="o", symbolSize=3, symbolPen=None, symbolBrush=look.text_quiet)
        self.plot.plot(times, smoothed(times, values), pen=pg.mkPen(look.accent, width=2))
        if trend["twin"] is not None:
            self.plot.addItem(
                pg.InfiniteLine(trend["twin"], angle=0, pen=pg.mkPen(look.text, style=Qt.PenStyle.DotLine))
            )
        air = max(0.03 * (times[-1] - times[0]), WEEK_S)
        end = trend["expected"]["times_s"][-1] if trend["expected"] else times[-1]
        self.plot.setXRange(times[0] - air, max(end, times[-1]) + air, padding=0.0)
        near = np.concatenate(
            [values, trend["expected"]["low"], trend["expected"]["high"]] if trend["expected"] else [values]
        )
        low, high = np.percentile(near, (0.5, 99.5))
        self.plot.setYRange(low, high if high > low else low + 1.0, padding=0.12)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 6)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.plot)
        rare = len(times) < 2 or np.median(np.diff(times)) > WEEK_S
        words = ["line: from value to value" if rare else "line: median of a week"]
        words += ["green: usual"] * bool(trend["usual"]) + ["dotted: the twin"] * (trend["twin"] is not None)
        words += ["blue band: expected, 90 %"] * bool(trend["expected"])
        self.setToolTip(", ".join(words))
        column.addWidget(quiet(", ".join(words)))

    def _band(self, low: float, high: float, colour: QColor) -> None:
        colour.setAlpha(26)
        band = pg.LinearRegionItem(
            (low, high), orientation="horizontal", movable=False, brush=colour, pen=pg.mkPen(None)
        )
        band.setZValue(-20)
        self.plot.addItem(band, ignoreBounds=True)

    def _expected(self, band: dict[str, list[float]]) -> None:
        colour = QColor(theme.current().accent)
        times = np.array(band["times_s"])
        low = self.plot.plot(times, band["low"], pen=None)
        high = self.plot.plot(times, band["high"], pen=None)
        filled = QColor(colour)
        filled.setAlpha(60)
        self.plot.addItem(pg.FillBetweenItem(low, high, brush=filled))
        self.plot.plot(times, band["middle"], pen=pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine))
