"""What the twin expects of a reading, after what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from organtwin.model import Forecast
from organtwin.timeline.days import DAY_S
from organtwin.twin.readings import codes_of
from organtwin_gui import theme
from organtwin_gui.forms import title
from organtwin_gui.plots import axes
from organtwin_gui.redress import Redress
from organtwin_gui.timeline.gather import Gathered
from organtwin_gui.timeline.units import number_words, unit_words
from organtwin_gui.twin.expected import there

MOST_POINTS = 260
# told apart by people who do not see all colours (Okabe and Ito, Color Universal Design, 2008), on dark and on light
OKABE_ITO = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#f0e442")


def telling(forecast: Forecast, all_: Gathered | None) -> list[str]:
    """Keys of a forecast, those first that say most: what was measured more than a few times, in the model's order; the rest."""
    often = {
        key: len(all_.timeline.series(code)) if all_ is not None and code in all_.timeline else 0
        for key, code in zip(forecast.keys, forecast.loinc or ("",) * len(forecast.keys), strict=True)
    }
    most = max(often.values(), default=0)
    return sorted(there([forecast]), key=lambda key: 0 if often[key] > max(10, 0.01 * most) else 1 if often[key] else 2)


class BandPlot(pg.PlotWidget):
    """Bands of one or several forecasts over a calendar, each in its colour, and measured points before."""

    def __init__(self) -> None:
        super().__init__(axisItems={"bottom": pg.DateAxisItem(orientation="bottom", utcOffset=0)}, enableMenu=False)
        self.hideButtons()
        self.setMouseEnabled(True, False)
        self.setMinimumHeight(120)
        self.getPlotItem().setContentsMargins(0, 7, 6, 0)  # half a number stands above the highest tick
        self._arguments: tuple[list[Forecast], list[str], str, str, str, Gathered | None] | None = None
        Redress(self, self._draw)
        self._dates = self.getPlotItem().getAxis("bottom")
        self.setToolTip("Wheel zooms in time, dragging goes along, a double click shows all")

    def show_reading(
        self,
        forecasts: Sequence[Forecast],
        colours: Sequence[str],
        key: str,
        name: str,
        unit: str,
        all_: Gathered | None,
    ) -> None:
        self._arguments = (list(forecasts), list(colours), key, name, unit, all_)
        self._draw()

    def mouseDoubleClickEvent(self, event: object) -> None:
        self._draw()

    def _draw(self) -> None:
        self.clear()
        if self._arguments is None:
            return
        forecasts, colours, key, name, unit, all_ = self._arguments
        look = theme.current()
        axes.dress(self, "", unit or name)
        self.getPlotItem().getAxis("bottom").showLabel(False)
        if all_ is not None:
            self._dates.utcOffset = -all_.offset_s
        values: list[np.ndarray] = []
        first, last = np.inf, -np.inf
        for forecast, colour in zip(forecasts, colours, strict=True):
            if key not in forecast.keys:
                continue
            row = forecast.keys.index(key)
            times, bands = np.asarray(forecast.times_s, float), np.asarray(forecast.quantiles, float)[row]
            if not len(times):
                continue
            ink = QColor(colour).darker(125) if look is theme.LIGHT else QColor(colour)
            for inner in range(len(bands) // 2):
                low, high = (pg.PlotCurveItem(times, row, pen=None) for row in (bands[inner], bands[-1 - inner]))
                faint = QColor(ink)
                faint.setAlpha(50)
                if len(forecasts) > 1 and inner < len(bands) // 2 - 1:  # many areas over each other would hide all
                    faint.setAlpha(150)
                    for edge in (low, high):
                        edge.setPen(pg.mkPen(faint, width=1, style=Qt.PenStyle.DotLine))
                else:
                    self.addItem(pg.FillBetweenItem(low, high, brush=pg.mkBrush(faint)))
                for item in (low, high):
                    self.addItem(item)
            self.addItem(
                pg.PlotCurveItem(
                    times, bands[len(bands) // 2], pen=pg.mkPen(ink, width=2 if values or len(forecasts) == 1 else 4)
                )
            )
            values.append(bands)
            first, last = min(first, times[0]), max(last, times[-1])
        measured = self._measured(forecasts, key, all_, first, last)
        if measured is not None:
            self.addItem(pg.ScatterPlotItem(*measured, size=4, pen=None, brush=pg.mkBrush(look.text_quiet)))
            values.append(measured[1])
            first, last = min(first, float(measured[0][0])), max(last, float(measured[0][-1]))
        if values:
            everything = np.concatenate([v.ravel() for v in values])
            everything = everything[np.isfinite(everything)]
            low, high = float(everything.min()), float(everything.max())
            margin = 0.08 * (high - low) or 1.0
            self.setYRange(low - margin, high + margin, padding=0)
            self.setXRange(first, last, padding=0.01)

    def _measured(
        self, forecasts: Sequence[Forecast], key: str, all_: Gathered | None, first: float, last: float
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Readings of it before the forecast, as long as it is, and during it."""
        forecast = next((f for f in forecasts if key in f.keys), None)
        if all_ is None or forecast is None or not forecast.loinc:
            return None
        code = forecast.loinc[forecast.keys.index(key)]
        for other in codes_of(code):
            if other in all_.timeline:
                window = all_.timeline.window(other, first - max(last - first, 7 * DAY_S), last, MOST_POINTS)
                if len(window):
                    return window.times_s, window.mean
        return None


class Trends(QWidget):
    """One reading of a forecast at a time.

    Signals
    -------
    sheet_wanted()
    """

    sheet_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.forecast: Forecast | None = None
        self.all: Gathered | None = None
        self.choice = QComboBox()
        self.choice.setToolTip("Which reading is looked at. Shaded: 50 % and 90 % of what is expected; dots: measured")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(12)
        self.choice.currentIndexChanged.connect(lambda _i: self._draw())
        self.plot = BandPlot()
        self.said = QLabel()
        self.said.setObjectName("small")
        self.said.setWordWrap(True)
        self._empty = QLabel("Nothing is forecast yet. Choose how far, and press Forecast.")
        self._empty.setObjectName("quiet")
        self._empty.setContentsMargins(10, 8, 10, 8)
        sheet = QToolButton()
        sheet.setIcon(theme.icon("sheet"))
        sheet.setToolTip("The data sheet behind this prediction: sources, where it holds, known bias (Alt+S)")
        sheet.clicked.connect(self.sheet_wanted.emit)
        row = QHBoxLayout()
        row.setContentsMargins(10, 6, 10, 0)
        row.addWidget(title("Forecast"))
        row.addStretch(1)
        row.addWidget(self.choice, 2)
        row.addWidget(sheet)
        self.said.setContentsMargins(10, 0, 10, 6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._empty)
        column.addWidget(self.plot, 1)
        column.addWidget(self.said)
        self.show_forecast(None, None)

    def show_forecast(
        self, forecast: Forecast | None, all_: Gathered | None, titles: dict[str, str] | None = None
    ) -> None:
        self.forecast, self.all = forecast, all_
        chosen = self.choice.currentData()
        self.choice.blockSignals(True)
        self.choice.clear()
        for key in there([forecast]) if forecast else ():
            self.choice.addItem((titles or {}).get(key, key.replace("_", " ").capitalize()), key)
        if forecast is not None:
            keep = self.choice.findData(chosen)
            self.choice.setCurrentIndex(keep if keep >= 0 else self.choice.findData(telling(forecast, all_)[0]))
        self.choice.blockSignals(False)
        for widget, on in (
            (self.plot, forecast),
            (self.choice, forecast),
            (self.said, forecast),
            (self._empty, not forecast),
        ):
            widget.setVisible(bool(on))
        self._draw()

    def _draw(self) -> None:
        key = self.choice.currentData()
        if self.forecast is None or key is None:
            return
        row = self.forecast.keys.index(key)
        unit = unit_words(self.forecast.units[row])
        self.plot.show_reading(
            [self.forecast], [theme.current().accent], key, self.choice.currentText(), unit, self.all
        )
        end = np.asarray(self.forecast.quantiles)[row][:, -1]
        last = f"At the end {number_words(float(end[len(end) // 2]))} {unit}, 90 %: {number_words(float(end[0]))} to {number_words(float(end[-1]))}."
        self.said.setText(f"{last} {self.forecast.checked}".strip())
        self.said.setToolTip("\n".join(self.forecast.assumes))
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
