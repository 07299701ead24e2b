"""Colours for numbers: maps whose steps look equal, and the legend that explains them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPen
from vtkmodules.vtkCommonCore import vtkLookupTable

from organtwin_gui import theme

# quantity -> (matplotlib map, part of it that is used: dark ends would sink into the dark background)
MAPS: dict[str, tuple[str, float, float]] = {
    "pressure": ("cividis", 0.05, 1.0),
    "speed": ("viridis", 0.05, 1.0),
    "wall_shear": ("inferno", 0.15, 0.97),
    "displacement": ("viridis", 0.05, 1.0),
    "strain": ("magma", 0.18, 0.98),
    "stress": ("inferno", 0.15, 0.97),
    "quality": ("cividis", 0.05, 1.0),
    "through": ("RdBu_r", 0.08, 0.92),
    "signed": ("PuOr_r", 0.06, 0.94),
    "index": ("magma", 0.18, 0.98),
    "residence": ("plasma", 0.08, 0.98),
    "vorticity": ("cividis", 0.05, 1.0),
    "viscosity": ("viridis", 0.05, 1.0),
}


@lru_cache(maxsize=32)
def ramp(quantity: str) -> NDArray[np.uint8]:
    """(256, 3) colours from low to high of a quantity of :data:`MAPS`."""
    from matplotlib import colormaps

    name, low, high = MAPS[quantity]
    rgba = colormaps[name](np.linspace(low, high, 256), bytes=True)
    table = np.array(rgba[:, :3])
    table.flags.writeable = False
    return table


def lookup_table(quantity: str, low: float, high: float) -> vtkLookupTable:
    """The ramp as VTK wants it, over a range of values."""
    table = vtkLookupTable()
    table.SetNumberOfTableValues(256)
    for n, (red, green, blue) in enumerate(ramp(quantity) / 255.0):
        table.SetTableValue(n, red, green, blue, 1.0)
    table.SetRange(low, high if high > low else low + 1e-9)
    table.SetNanColor(0.35, 0.38, 0.42, 1.0)
    return table


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers within a range, about as many as wanted."""
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return [low]
    rough = span / max(wanted - 1, 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = min((s * power for s in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - rough))
    first = np.ceil(low / step - 1e-9) * step
    return [float(first + n * step) for n in range(int(np.floor((high - first) / step + 1e-9)) + 1)]


def fair_range(values: NDArray[np.floating], *, from_zero: bool = False, tail: float = 0.5) -> tuple[float, float]:
    """Range that leaves the outermost ``tail`` percent at each end to the end colours, so that a spike does not grey out the rest."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite, (tail, 100 - tail))
    if from_zero:
        low = min(0.0, float(low))
    if high - low < 1e-12:
        high = low + max(abs(float(low)) * 1e-3, 1e-9)
    return float(low), float(high)


@dataclass(frozen=True)
class Legend:
    """What the colours of an item mean. ``low`` and ``high`` in ``unit``, the unit people use; ``level`` says how far the
    numbers can be believed; ``limit`` is marked where something should not go beyond it.
    """

    title: str
    unit: str
    quantity: str
    low: float
    high: float
    level: str = "unknown"
    limit: float | None = None


def number_text(value: float, step: float) -> str:
    """A tick's number with no more digits than the step between ticks needs."""
    digits = max(0, -int(np.floor(np.log10(step) + 1e-9))) if step > 0 else 2
    if digits == 0 and step < 5 and abs(step - round(step)) > 1e-9:
        digits = 1
    if digits and abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


_BAR, _GAP, _PAD = 14.0, 8.0, 10.0


def _marks(legend: Legend, height: float) -> tuple[list[float], list[str]]:
    marks = ticks(legend.low, legend.high, 5 if height > 100 else 4)
    step = marks[1] - marks[0] if len(marks) > 1 else max(abs(marks[0]), 1.0)
    return marks, [number_text(value, step) for value in marks]


def legend_width(legend: Legend, height: float = 180.0) -> float:
    """Pixels that a legend takes across."""
    head, small = theme.font(theme.BODY_POINTS, bold=True), theme.font(theme.SMALL_POINTS)
    head_metrics, metrics = QFontMetricsF(head), QFontMetricsF(small)
    unit = f" ({legend.unit})" if legend.unit else ""
    title = head_metrics.horizontalAdvance(legend.title) + metrics.horizontalAdvance(unit) + 3
    numbers = _BAR + _GAP + max(metrics.horizontalAdvance(text) for text in _marks(legend, height)[1])
    badge = 14 if legend.level in ("good", "fair", "poor") else 0
    return float(max(title + badge, numbers) + 2 * _PAD)


def paint_legend(painter: QPainter, legend: Legend, right: float, top: float, height: float) -> float:
    """Draw a legend with its right edge at ``right``; returns the width it took."""
    head, small = theme.font(theme.BODY_POINTS, bold=True), theme.font(theme.SMALL_POINTS)
    head_metrics, metrics = QFontMetricsF(head), QFontMetricsF(small)
    marks, texts = _marks(legend, height)
    width = legend_width(legend)
    left = right - width
    title_height = head_metrics.height() + 6
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(255, 255, 255, 22), 1))
    painter.setBrush(QColor(12, 15, 19, 205))
    painter.drawRoundedRect(QRectF(left, top, width, height + title_height + 2 * _PAD + 4), 8, 8)
    baseline = top + _PAD + head_metrics.ascent()
    painter.setFont(head)
    painter.setPen(QColor(theme.IMAGE_TEXT))
    painter.drawText(QPointF(left + _PAD, baseline), legend.title)
    if legend.unit:
        painter.setFont(small)
        painter.setPen(QColor(theme.DARK.text_quiet))
        after = head_metrics.horizontalAdvance(legend.title) + 3
        painter.drawText(QPointF(left + _PAD + after, baseline), f" ({legend.unit})")
    if legend.level in ("good", "fair", "poor"):  # as the dots beside the numbers of the inspector
        colour = {"good": theme.DARK.good, "fair": theme.DARK.warning, "poor": theme.DARK.danger}[legend.level]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(QPointF(left + width - _PAD - 1, baseline - head_metrics.ascent() / 2 + 1), 3.5, 3.5)
    x, y = left + _PAD, top + _PAD + title_height + 2
    gradient = QLinearGradient(0, y + height, 0, y)
    table = ramp(legend.quantity)
    for n in range(0, 256, 15):
        gradient.setColorAt(n / 255, QColor(*(int(c) for c in table[n])))
    painter.setPen(QColor(0, 0, 0, 0))
    painter.setBrush(gradient)
    painter.drawRoundedRect(QRectF(x, y, _BAR, height), 3, 3)
    painter.setFont(small)
    painter.setPen(QColor(theme.IMAGE_TEXT))
    span = max(legend.high - legend.low, 1e-30)
    for value, text in zip(marks, texts, strict=True):
        at = y + height * (1 - (value - legend.low) / span)
        painter.drawLine(QPointF(x + _BAR, at), QPointF(x + _BAR + 4, at))
        painter.drawText(QPointF(x + _BAR + _GAP, at + metrics.ascent() / 2 - 1), text)
    if legend.limit is not None and legend.low <= legend.limit <= legend.high:
        at = y + height * (1 - (legend.limit - legend.low) / span)
        painter.setPen(QPen(QColor(theme.DARK.warning), 2.2))
        painter.drawLine(QPointF(x - 3, at), QPointF(x + _BAR + 3, at))
    painter.restore()
    return width


def paint_plate(painter: QPainter, rows: list[tuple[str, str]], left: float, bottom: float) -> float:
    """Write words and numbers in two columns on a dark plate with its lower left corner there; returns its height."""
    font, bold = theme.font(theme.SMALL_POINTS), theme.font(theme.SMALL_POINTS, bold=True)
    metrics, heavy = QFontMetricsF(font), QFontMetricsF(bold)
    first = max(metrics.horizontalAdvance(what) for what, _ in rows)
    second = max(heavy.horizontalAdvance(number) for _, number in rows)
    line = metrics.height() + 3
    height = line * len(rows) + 2 * _PAD - 4
    plate = QRectF(left, bottom - height, first + second + 2 * _PAD + (14 if second else 0), height)
    painter.save()
    painter.setPen(QPen(QColor(255, 255, 255, 22), 1))
    painter.setBrush(QColor(12, 15, 19, 205))
    painter.drawRoundedRect(plate, 8, 8)
    at = plate.top() + _PAD - 2 + metrics.ascent()
    for what, number in rows:
        painter.setFont(font)
        painter.setPen(QColor(theme.DARK.text_quiet))
        painter.drawText(QPointF(left + _PAD, at), what)
        painter.setFont(bold)
        painter.setPen(QColor(theme.IMAGE_TEXT))
        painter.drawText(QPointF(plate.right() - _PAD - heavy.horizontalAdvance(number), at), number)
        at += line
    painter.restore()
    return float(height)
