"""The readings of several scenarios in one table: what to expect, the chance of the target, the change to going on as now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from organtwin.model import Forecast
from organtwin.twin.comparison import TARGETS, chance
from organtwin_gui import theme
from organtwin_gui.timeline.units import number_words, unit_words
from organtwin_gui.twin.estimates import dress_table
from organtwin_gui.twin.expected import there

CLEAR = 0.25  # a difference of more than this part of the range as now is marked
NO_CHANGE = "no change"
ROW_PX = 38  # two lines
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, eq=False)
class Tried:
    """A scenario with its forecast and its colour; the first is to go on as now."""

    name: str
    colour: str
    forecast: Forecast
    results: tuple[str, ...] = ()


def at_time(forecast: Forecast, key: str, at_s: float, *, change: bool = False) -> np.ndarray | None:
    """(q,) quantiles of a reading at a time, or of its ``change``; None where the forecast does not have it."""
    values = forecast.changes if change else forecast.quantiles
    if key not in forecast.keys or not len(forecast.times_s) or values is None:
        return None
    rows = np.asarray(values, float)[forecast.keys.index(key)]
    found = np.array([np.interp(at_s, np.asarray(forecast.times_s, float), row) for row in rows])
    return found if np.isfinite(found).all() else None


class ScenarioTable(QTableWidget):
    """Rows are readings; a column for each scenario: its value and the chance of the target, below what it changes."""

    def __init__(self) -> None:
        super().__init__(0, 1)
        dress_table(self)
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.setFont(theme.font(theme.SMALL_POINTS))
        self.setToolTip(
            "First line: the median, in brackets where 90 % of measured values are expected, and the chance of the target. "
            "Second line: the change against going on as now in one and the same patient, with its own 90 %. "
            "Bold: more than a quarter of the range as now"
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
                item.setTextAlignment(LEFT)
        keys = there([one.forecast for one in tried]) if tried else []
        self.setRowCount(len(keys))
        for row, key in enumerate(keys):
            unit = unit_words(tried[0].forecast.units[tried[0].forecast.keys.index(key)])
            name = titles.get(key, key.replace("_", " ").capitalize())
            short, full = name.replace("Left ventricular", "LV"), f"{name}, {unit}" if unit else name
            target = TARGETS.get(key)
            lines = [f"{short}, {unit}" if unit else short, *([f"target {target.text}"] if target else [])]
            heading = QTableWidgetItem("\n".join(lines))
            heading.setToolTip(f"{full}\nTarget {target.text} {unit}: {target.source}" if target else full)
            self.setItem(row, 0, heading)
            for column, one in enumerate(tried, start=1):
                self.setItem(row, column, self._cell(tried[0].forecast, one.forecast, key, at_s, full))
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
    def _cell(now: Forecast, then: Forecast, key: str, at_s: float, about: str) -> QTableWidgetItem:
        found, base = at_time(then, key, at_s), at_time(now, key, at_s)
        item = QTableWidgetItem("–" if found is None else _spread(found))
        item.setTextAlignment(LEFT)
        if found is None:
            return item
        tip = [f"{about}: {item.text()}"]
        target = TARGETS.get(key)
        if target is not None:
            share = chance(target, then.levels, found)
            item.setText(f"{item.text()}   {share:.0%}".replace("%", " %"))
            tip.append(f"Chance that the next measured value is at the target ({target.text}): {share:.0%}")
        if then is not now and base is not None:
            change = at_time(then, key, at_s, change=True)
            middle = _middle(found) - _middle(base) if change is None else _middle(change)
            words = change_words(middle, _middle(base))
            if change is not None and words != NO_CHANGE:
                low, high = (f"{float(v):+.{_places(middle)}f}".replace("-", "−") for v in (change[0], change[-1]))
                words = f"{words} ({low} to {high})"
            item.setText(f"{item.text()}\n{words}")
            tip.append(f"{words} against going on as now")
            if abs(middle) > CLEAR * float(base[-1] - base[0]) > 0:
                item.setFont(theme.font(theme.SMALL_POINTS, bold=True))
        item.setToolTip("\n".join(tip))
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
    return f"{number_words(_middle(quantiles))} ({_between(quantiles)})"


def _between(quantiles: np.ndarray) -> str:
    low, high = number_words(float(quantiles[0])), number_words(float(quantiles[-1]))
    return f"{low} to {high}" if quantiles[0] < 0 else f"{low}–{high}"


def change_words(change: float, base: float) -> str:
    """A difference with its sign, to two digits; "no change" where there is none to speak of."""
    if abs(change) < 5e-4 * max(abs(base), 1e-9):
        return NO_CHANGE
    return f"{change:+.{_places(change)}f}".replace("-", "−")


def _places(change: float) -> int:
    return min(max(1 - int(np.floor(np.log10(abs(change)))), 0), 4)
