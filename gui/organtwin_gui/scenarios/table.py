"""The readings of several scenarios in one table: the middle, 90 %, and the difference to going on as now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from organtwin.model import Forecast
from organtwin_gui import theme
from organtwin_gui.timeline.units import number_words, unit_words
from organtwin_gui.twin.estimates import dress_table

CLEAR = 0.02  # a difference of less than this part is not marked


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
    """Rows are readings; each scenario has a column with its value, and one with what it changes."""

    def __init__(self) -> None:
        super().__init__(0, 1)
        dress_table(self)
        self.setToolTip("Median, and in brackets where 90 % are expected; beside it the difference of the medians to going on as now")

    def show_tried(self, tried: Sequence[Tried], at_s: float, titles: dict[str, str]) -> None:
        """Fill it for a time."""
        look = theme.current()
        heads = ["Reading"]
        for number, one in enumerate(tried):
            heads += [one.name] if number == 0 else [one.name, "Difference"]
        self.setColumnCount(len(heads))
        self.setHorizontalHeaderLabels(heads)
        column = 1
        for number, one in enumerate(tried):
            item = self.horizontalHeaderItem(column)
            if item is not None:
                item.setForeground(QColor(ink(one.colour)))
                item.setToolTip(one.name)
            column += 1 if number == 0 else 2
        keys = tried[0].forecast.keys if tried else ()
        self.setRowCount(len(keys))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for row, key in enumerate(keys):
            unit = unit_words(tried[0].forecast.units[row])
            name = titles.get(key, key.replace("_", " ").capitalize())
            self.setItem(row, 0, QTableWidgetItem(f"{name}, {unit}" if unit else name))
            base = at_time(tried[0].forecast, key, at_s)
            column = 1
            for number, one in enumerate(tried):
                found = at_time(one.forecast, key, at_s)
                text = "–" if found is None else _spread(found)
                value = QTableWidgetItem(text)
                value.setTextAlignment(right)
                self.setItem(row, column, value)
                column += 1
                if number:
                    change = None if found is None or base is None else float(_middle(found) - _middle(base))
                    item = QTableWidgetItem(_change(change, base))
                    item.setTextAlignment(right)
                    if change is not None and base is not None:
                        spread = float(base[-1] - base[0])
                        if abs(change) > 0.25 * spread > 0:
                            item.setFont(theme.font(bold=True))
                        elif abs(change) <= CLEAR * max(abs(_middle(base)), spread, 1e-9):
                            item.setForeground(QColor(look.text_off))
                        item.setToolTip(f"{name}: {_change(change, base)} {unit} against going on as now")
                    self.setItem(row, column, item)
                    column += 1
        head = self.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch if len(tried) < 4 else QHeaderView.ResizeMode.ResizeToContents)


def ink(colour: str) -> str:
    """A scenario's colour, dark enough on light ground."""
    return QColor(colour).darker(125).name() if theme.current() is theme.LIGHT else colour


def _middle(quantiles: np.ndarray) -> float:
    return float(quantiles[len(quantiles) // 2])


def _spread(quantiles: np.ndarray) -> str:
    low, middle, high = (number_words(float(v)) for v in (quantiles[0], _middle(quantiles), quantiles[-1]))
    return f"{middle}  ({low} to {high})"


def _change(change: float | None, base: np.ndarray | None) -> str:
    if change is None or base is None:
        return "–"
    if abs(change) < 5e-4 * max(abs(_middle(base)), 1e-9):
        return "0"
    return f"{'+' if change > 0 else ''}{number_words(change)}"
