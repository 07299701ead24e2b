"""Garmin Connect as CSV: activities, weights, and the reports of its web page."""

from __future__ import annotations

import re

import numpy as np

from organtwin.io.observations.opening import Opened
from organtwin.io.observations.sheets import beginning, clock, numbers, put, read_sheet
from organtwin.io.observations.tray import Tray

# -- activities


def _activities_header(cells: list[str]) -> bool:
    return {"Activity Type", "Date", "Time", "Avg HR"} <= set(cells)


def knows_activities(file: Opened) -> bool:
    return any(_activities_header(row) for row in beginning(file))


def read_activities(file: Opened, tray: Tray) -> None:
    """How long each lasted. Titles are not kept: they name places."""
    sheet = read_sheet(file, tray, _activities_header, lambda cells: {cells.index("Date"), cells.index("Time")})
    days, times = (sheet.columns[sheet.header.index(name)] for name in ("Date", "Time"))
    when = clock(tray, days, sheet.rows)
    seconds = np.array([_length_s(text) for text in times])
    put(tray, "55411-3", "s", when, seconds, times, sheet.rows, device="Garmin", duration_s=np.nan_to_num(seconds))


def _length_s(text: str) -> float:
    try:
        parts = [float(part.replace(",", ".")) for part in text.split(":")]
    except ValueError:
        return float("nan")
    return sum(part * 60**n for n, part in enumerate(reversed(parts)))


# -- weights: a row with the day, and below it rows with a time and values with their units


def _weights_header(cells: list[str]) -> bool:
    return cells[:2] == ["Time", "Weight"] and "Change" in cells


def knows_weights(file: Opened) -> bool:
    return any(_weights_header(row) for row in beginning(file))


def read_weights(file: Opened, tray: Tray) -> None:
    sheet = read_sheet(file, tray, _weights_header, lambda cells: {0, 1})
    day, texts, rows, told = "", [], [], []
    for time, weight, row in zip(sheet.columns[0], sheet.columns[1], sheet.rows, strict=True):
        if not weight:
            day = time
        else:
            texts.append(f"{day} {time}")
            rows.append(row)
            told.append(weight)
    when = clock(tray, texts, rows)
    parts = [re.match(r"([\d.,]+)\s*(\S*)", text) for text in told]
    units = np.array([part[2] if part else "" for part in parts])
    values = numbers([part[1] if part else "" for part in parts], True)
    for unit in sorted(set(units.tolist())):
        put(tray, "29463-7", unit, when, values, told, rows, device="Garmin", where=units == unit)


# -- reports: a column of days without a heading

_REPORTS = {
    "steps": ("55423-8", "{steps}"),
    "resting heart rate": ("40443-4", "/min"),
    "floors": ("100304-5", "{count}"),
}


def _report_header(cells: list[str]) -> bool:
    return len(cells) in (2, 3) and cells[0] == "" and (cells[1] == "Actual" or cells[1].lower() in _REPORTS)


def _report_of(file: Opened, cells: list[str]) -> tuple[str, str] | None:
    told = cells[1].lower()
    by_name = next(
        (what for word, what in _REPORTS.items() if word.replace(" ", "") in re.sub(r"[\W_]", "", file.name.lower())),
        None,
    )
    return _REPORTS.get(told) or by_name


def knows_report(file: Opened) -> bool:
    return any(_report_header(row) and _report_of(file, row) is not None for row in beginning(file))


def read_report(file: Opened, tray: Tray) -> None:
    sheet = read_sheet(file, tray, _report_header, lambda _: {0, 1})
    what = _report_of(file, sheet.header)
    assert what is not None
    when = clock(tray, sheet.columns[0], sheet.rows)
    texts = sheet.columns[1]
    put(tray, *what, when, numbers(texts, False), texts, sheet.rows, device="Garmin")
