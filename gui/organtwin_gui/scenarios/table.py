"""The readings of several scenarios in one table: the middle, 90 %, and the difference to going on as now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from organtwin.model import Forecast
from organtwin_gui import theme
from organtwin_gui.timeline.units import number_words, unit_words
from organtwin_gui.twin.estimates import dress_table

CLEAR = 0.25  # a difference of more than this part of the range as now is marked
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, eq=False)
class Tried:
    """A scenario with its forecast and its colour; the first is to go on as now."""

    name: str
    colour: str
    forecast: Forecast
    results: tuple[str, ...] = ()


def at_time(forecast: Forecast, key: str, at_s: float) -> np.ndarray | None:
    """(q,) quantiles of a reading at a time; None where the forecast does not have it."""
    if key not in forecast.keys or not len(forecast.times_s):
        return None
    rows = np.asarray(forecast.quantiles, float)[forecast.keys.index(key)]
    found = np.array([np.interp(at_s, np.asarray(forecast.times_s, float), row) for row in rows])
    return found if np.isfinite(found).all() else None


class ScenarioTable(QTableWidget):
    """Rows are readings; a column for each scenario: its value, where 90 % are, and what it changes."""

    def __init__(self) -> None:
        super().__init__(0, 1)
        dress_table(self)
        self.setFont(theme.font(theme.SMALL_POINTS))
        self.setToolTip(
            "Median, in brackets where 90 % are expected, and after it the difference of the medians to going on as now. "
            "Bold: more than a quarter of that range"
        )

    def show_tried(self, tried: Sequence[Tried], at_s: float, titles: dict[str, str]) -> None:
        """Fill it for a time."""
        self.setColumnCount(1 + len(tried))
        self.setHorizontalHeaderLabels(["Reading", *(one.name for one in tried)])
        for column, one in enumerate(tried, start=1):
            item = self.horizontalHeaderItem(column)
            if item is not None:
                item.setIcon(dot(one.colour))
                item.setToolTip(one.name)
                item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        keys = tried[0].forecast.keys if tried else ()
        self.setRowCount(len(keys))
        for row, key in enumerate(keys):
            unit = unit_words(tried[0].forecast.units[row])
            name = titles.get(key, key.replace("_", " ").capitalize())
            short = name.replace("Left ventricular", "LV")
            heading = QTableWidgetItem(f"{short}, {unit}" if unit else short)
            heading.setToolTip(f"{name}, {unit}" if unit else name)
            self.setItem(row, 0, heading)
            base = at_time(tried[0].forecast, key, at_s)
            for column, one in enumerate(tried, start=1):
                self.setItem(
                    row, column, self._cell(at_time(one.forecast, key, at_s), base, column > 1, f"{name}, {unit}")
                )
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self._share()

    def _share(self) -> None:
        self.setColumnWidth(0, min(max(self.viewport().width() // 5, 150), 250))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share()

    @staticmethod
    def _cell(found: np.ndarray | None, base: np.ndarray | None, compared: bool, about: str) -> QTableWidgetItem:
        if found is None:
            item = QTableWidgetItem("–")
            item.setTextAlignment(RIGHT)
            return item
        text = _spread(found)
        item = QTableWidgetItem(text)
        if compared and base is not None:
            change, spread = _middle(found) - _middle(base), float(base[-1] - base[0])
            item.setText(f"{text}  {change_words(change, _middle(base))}")
            item.setToolTip(f"{about}: {text}, {change_words(change, _middle(base))} against going on as now")
            if abs(change) > CLEAR * spread > 0:
                item.setFont(theme.font(theme.SMALL_POINTS, bold=True))
        item.setTextAlignment(RIGHT)
        return item


def dot(colour: str) -> QIcon:
    """A scenario's colour before its name."""
    picture = QPixmap(20, 20)
    picture.setDevicePixelRatio(2.0)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ink(colour)))
    painter.drawEllipse(1, 1, 8, 8)
    painter.end()
    return QIcon(picture)


def ink(colour: str) -> str:
    """A scenario's colour, dark enough on light ground."""
    return QColor(colour).darker(125).name() if theme.current() is theme.LIGHT else colour


def _middle(quantiles: np.ndarray) -> float:
    return float(quantiles[len(quantiles) // 2])


def _spread(quantiles: np.ndarray) -> str:
    low, middle, high = (number_words(float(v)) for v in (quantiles[0], _middle(quantiles), quantiles[-1]))
    between = " to " if quantiles[0] < 0 else "–"
    return f"{middle} ({low}{between}{high})"


def change_words(change: float, base: float) -> str:
    """A difference with its sign, to two digits; "±0" where there is none to speak of."""
    if abs(change) < 5e-4 * max(abs(base), 1e-9):
        return "±0"
    places = max(1 - int(np.floor(np.log10(abs(change)))), 0)
    return f"{change:+.{min(places, 4)}f}".replace("-", "−")
