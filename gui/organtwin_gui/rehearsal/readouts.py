"""What the surgeon must know, live, at the upper left of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from organtwin.rehearsal.frame import Measures
from organtwin_gui import theme

Level = Literal["", "near", "over"]
NEAR_VESSEL_MM, OVER_VESSEL_MM = 10.0, 4.0
NEAR_TUMOUR_MM, OVER_TUMOUR_MM = 10.0, 5.0
FAR_MM = 80.0  # what is farther away is no matter
_PAD, _GAP = 10.0, 18.0
_LONGEST = 22  # letters of a name


@dataclass(frozen=True)
class Row:
    """A name, a number with its unit, and whether it is near or over a limit; an empty name is a line between groups."""

    name: str
    value: str = ""
    level: Level = ""


def rows_of(now: Measures, pictures_per_s: float | None = None) -> list[Row]:
    """The rows that have something to say."""
    rows = [Row("Force at the tool", f"{now.force_n:.2f} N"), _strain(now)]
    near: list[Row] = []
    for name, mm, close, over in (
        (now.vessel, now.vessel_mm, NEAR_VESSEL_MM, OVER_VESSEL_MM),
        (now.tumour, now.tumour_mm, NEAR_TUMOUR_MM, OVER_TUMOUR_MM),
    ):
        if mm is not None and mm < FAR_MM:
            near.append(Row(f"To {_plain(name)}", f"{mm:.1f} mm", _level(-mm, -close, -over)))
    if near:
        rows += [Row(""), *near]
    if now.resected_ml > 0.005 or now.margin_mm is not None:
        rows += [
            Row(""),
            Row("Resected", f"{now.resected_ml:.1f} mL"),
            Row("Remnant", f"{now.remnant_ml:.0f} mL ({now.remnant_percent:.0f} %)"),
        ]
        if now.margin_mm is not None:
            rows.append(Row("Margin", f"{now.margin_mm:.1f} mm", _level(-now.margin_mm, -OVER_TUMOUR_MM, -1.0)))
    vessels = [
        Row("Bleeding", _names(now.bleeding), "over") if now.bleeding else None,
        Row("Cut", _names(now.vessels_cut)) if now.vessels_cut else None,
        Row("Clipped", _names(now.vessels_clipped)) if now.vessels_clipped else None,
    ]
    if any(vessels):
        rows += [Row(""), *(row for row in vessels if row is not None)]
    rate = "" if pictures_per_s is None else f"{pictures_per_s:.0f} pictures/s" if pictures_per_s else "at rest"
    return [*rows, Row(""), Row(f"{now.steps} step{'' if now.steps == 1 else 's'}, {now.time_s:.1f} s", rate)]


def _strain(now: Measures) -> Row:
    limit = now.strain_limit_percent
    text = f"{now.largest_strain_percent:.0f} %"
    if limit is None:
        return Row("Largest strain", text)
    return Row("Largest strain", f"{text} of {limit:.0f} %", _level(now.largest_strain_percent, 0.75 * limit, limit))


def _level(value: float, near: float, over: float) -> Level:
    return "over" if value >= over else "near" if value >= near else ""


def _plain(name: str) -> str:
    return name.replace("_", " ") or "the nearest"


def _names(names: tuple[str, ...]) -> str:
    first = _plain(names[0])
    first = first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1].rstrip(', ')}…"
    return first if len(names) == 1 else f"{first} + {len(names) - 1}"


def paint_readouts(painter: QPainter, rows: list[Row], left: float, top: float) -> QRectF:
    """A calm plate; numbers near a limit are amber, over it red. Returns the place it took."""
    font, bold = theme.font(theme.SMALL_POINTS), theme.font(theme.SMALL_POINTS, bold=True)
    metrics, heavy = QFontMetricsF(font), QFontMetricsF(bold)
    first = max(metrics.horizontalAdvance(row.name) for row in rows)
    second = max(heavy.horizontalAdvance(row.value) for row in rows)
    line, rule = metrics.height() + 3, 9.0
    wide = max(first + second + _GAP + 2 * _PAD, 190.0)  # so that it does not breathe with its numbers
    high = sum(line if row.name else rule for row in rows) + 2 * _PAD - 4
    plate = QRectF(left, top, wide, high)
    painter.save()
    painter.setPen(QPen(QColor(255, 255, 255, 22), 1))
    painter.setBrush(QColor(12, 15, 19, 205))
    painter.drawRoundedRect(plate, 8, 8)
    y = top + _PAD - 2
    colours = {"": theme.IMAGE_TEXT, "near": theme.DARK.warning, "over": theme.DARK.danger}
    for row in rows:
        if not row.name:
            painter.setPen(QPen(QColor(255, 255, 255, 24), 1))
            painter.drawLine(QPointF(left + _PAD, y + rule / 2 - 1), QPointF(plate.right() - _PAD, y + rule / 2 - 1))
            y += rule
            continue
        baseline = y + metrics.ascent()
        painter.setFont(font)
        painter.setPen(QColor(theme.DARK.text_quiet))
        painter.drawText(QPointF(left + _PAD, baseline), row.name)
        painter.setFont(bold)
        painter.setPen(QColor(colours[row.level]))
        painter.drawText(QPointF(plate.right() - _PAD - heavy.horizontalAdvance(row.value), baseline), row.value)
        if row.level == "over":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.DARK.danger))
            painter.drawRoundedRect(QRectF(left + 3, y + 2, 3, line - 5), 1.5, 1.5)
        y += line
    painter.restore()
    return plate
