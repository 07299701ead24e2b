"""One cycle as the ensemble has it: a loop of pressure and volume, or a curve over time with its band."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainterPath, QPolygonF
from PySide6.QtWidgets import QComboBox, QGraphicsPathItem, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from scipy.spatial import ConvexHull

from organtwin_gui import theme
from organtwin_gui.forms import title
from organtwin_gui.plots import axes
from organtwin_gui.redress import Redress

Floats = NDArray[np.float64]
ENDINGS = (
    ("_mmHg", "mmHg"), ("_mL_per_s", "mL/s"), ("_L_per_s", "L/s"), ("_L_per_min", "L/min"), ("_mL", "mL"), ("_L", "L"),
    ("_mg_per_dL", "mg/dL"), ("_mU_per_L", "mU/L"), ("_pmol_per_L", "pmol/L"), ("_percent", "%"), ("_cmH2O", "cmH₂O"), ("_g", "g"), ("_per_min", "/min"),
    ("_mg_per_kg_per_min", "mg/kg/min"), ("_pM", "pmol/L"),
)  # fmt: skip
ELLIPSES = 120
CORNERS = 24  # of each
NOT_DRAWN = ("time_s", "phase", "period_s")
LOOPS = (("left_ventricular_volume_mL", "left_ventricular_pressure_mmHg", "PV loop, left ventricle"),
         ("right_ventricular_volume_mL", "right_ventricular_pressure_mmHg", "PV loop, right ventricle"))  # fmt: skip


def curve_title(name: str) -> tuple[str, str]:
    """(words, unit) of a curve's name."""
    for ending, unit in sorted(ENDINGS, key=lambda e: -len(e[0])):
        if name.lower().endswith(ending.lower()):
            words = name[: -len(ending)]
            return _words(words), unit
    return _words(name), ""


def _words(name: str) -> str:
    return re.sub(r"_+", " ", name).strip().capitalize()


class CyclePlot(QWidget):
    """Filled from ``TwinState.curves``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves: Mapping[str, Floats] = {}
        self.heading = title("One cycle")
        self.choice = QComboBox()
        self.choice.setToolTip("Which curve is drawn. Shaded: 90 % of the ensemble")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(12)
        self.choice.currentIndexChanged.connect(lambda _i: self._draw())
        self.plot = pg.PlotWidget(enableMenu=False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(False, False)
        self.plot.setMinimumHeight(120)
        Redress(self, self._draw)
        self._empty = QLabel("The next calibration keeps the curves of a cycle.")
        self._empty.setObjectName("quiet")
        row = QHBoxLayout()
        row.setContentsMargins(10, 6, 10, 0)
        row.addWidget(self.heading)
        row.addStretch(1)
        row.addWidget(self.choice, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._empty)
        column.addWidget(self.plot, 1)

    def show_curves(self, curves: Mapping[str, Floats], cycle: str) -> None:
        """Draw another twin's cycle; what was chosen stays chosen."""
        self.curves = {name: np.asarray(values, float) for name, values in curves.items()}
        self.heading.setText(cycle[:1].upper() + cycle[1:] if cycle else "One cycle")
        chosen = self.choice.currentData()
        self.choice.blockSignals(True)
        self.choice.clear()
        for across, up, words in LOOPS:
            if across in self.curves and up in self.curves:
                self.choice.addItem(words, (across, up))
        for name in self.curves:
            if name not in NOT_DRAWN:
                self.choice.addItem(curve_title(name)[0], ("", name))
        index = next((n for n in range(self.choice.count()) if self.choice.itemData(n) == chosen), 0)
        self.choice.setCurrentIndex(index)
        self.choice.blockSignals(False)
        there = self.choice.count() > 0
        for widget, on in ((self.plot, there), (self.choice, there), (self._empty, not there)):
            widget.setVisible(on)
        self._draw()

    def _draw(self) -> None:
        self.plot.clear()
        pair = self.choice.currentData()
        if not pair:
            return
        across, up = pair
        look = theme.current()
        accent = QColor(look.accent)
        faint = QColor(look.accent)
        faint.setAlpha(60)
        words, unit = curve_title(up)
        y = _rows(self.curves[up])
        if across:
            axes.dress(self.plot, "Volume (mL)", f"Pressure ({unit})")
            x = _rows(self.curves[across])
            halo = QGraphicsPathItem(_halo(x, y))
            halo.setPen(pg.mkPen(None))
            halo.setBrush(faint)
            self.plot.addItem(halo)
            self.plot.addItem(pg.PlotCurveItem(np.append(x[1], x[1][0]), np.append(y[1], y[1][0]), pen=pg.mkPen(accent, width=2)))  # fmt: skip
        else:
            time = np.asarray(self.curves["time_s"], float).ravel()
            by, scale = ("s", 1.0) if time[-1] < 600 else ("h", 3600.0)
            time = time / scale
            axes.dress(self.plot, f"Time ({by})", f"{words} ({unit})" if unit else words)
            low, high = pg.PlotCurveItem(time, y[0], pen=None), pg.PlotCurveItem(time, y[2], pen=None)
            self.plot.addItem(pg.FillBetweenItem(low, high, brush=pg.mkBrush(faint)))
            self.plot.addItem(low)
            self.plot.addItem(high)
            self.plot.addItem(pg.PlotCurveItem(time, y[1], pen=pg.mkPen(accent, width=2)))
        self.plot.autoRange(padding=0.06)


def _rows(values: Floats) -> Floats:
    """(3, n): 5, 50 and 95 %, also of a curve without a band."""
    return values if values.ndim == 2 and len(values) == 3 else np.stack([values.ravel()] * 3)


def _halo(x: Floats, y: Floats) -> QPainterPath:
    """Where the ensemble is at each moment of the cycle: 90 % of each axis, as ellipses, and what lies between one and the next."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    size = np.maximum(np.array([np.ptp(x), np.ptp(y)]), 1e-9)
    closed = [np.append(row, row[0]) for row in (*x, *y)]
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(closed[1]) / size[0], np.diff(closed[4]) / size[1]))])
    even = np.linspace(0.0, way[-1], ELLIPSES)  # near together also where the cycle is fast
    rows = np.array([np.interp(even, way, row) for row in closed])
    x, y = rows[:3], rows[3:]
    angles = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)
    across = 0.5 * (x[0] + x[2])[:, None] + 0.5 * np.maximum(x[2] - x[0], 1e-6 * size[0])[:, None] * np.cos(angles)
    up = 0.5 * (y[0] + y[2])[:, None] + 0.5 * np.maximum(y[2] - y[0], 1e-6 * size[1])[:, None] * np.sin(angles)
    points = np.stack([across, up], axis=-1)
    for pair in np.concatenate([points[:-1], points[1:]], axis=1):
        corners = pair[ConvexHull(pair / size).vertices]  # all the same way round: they add up to one area
        path.addPolygon(QPolygonF([QPointF(*corner) for corner in (*corners, corners[0])]))
    return path
