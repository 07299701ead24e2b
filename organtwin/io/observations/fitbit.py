"""Fitbit: the JSON files of an account's archive, and the CSV that the web page exports.

A file of the archive says what it counts only by its name. Its minute data are in UTC, its nights in the wearer's time; weights
are in pounds or kilograms by the account's language, which the body mass index beside them tells.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.sheets import Sheet, beginning, clock, heading, numbers, put, read_sheet
from organtwin.io.observations.table import take
from organtwin.io.observations.times import day_s, from_wall, written
from organtwin.io.observations.tray import Tray
from organtwin.timeline.days import DAY_S

# the beginning of a file's name: the reading, its unit, and the key of its value
_MINUTES: dict[str, tuple[str, str, str]] = {
    "heart_rate": ("8867-4", "/min", "bpm"),
    "steps": ("55423-8", "{steps}", ""),
}
_DAYS: dict[str, tuple[str, str, str]] = {
    "resting_heart_rate": ("40443-4", "/min", "value"),
    "very_active_minutes": ("55411-3", "min", ""),
    "moderately_active_minutes": ("55411-3", "min", ""),
    "demographic_vo2_max": ("94122-9", "mL/kg/min", "demographicVO2Max"),
}


def knows(file: Opened) -> bool:
    start = file.start.lstrip()
    if start[:1] != "[":
        return False
    return (
        ('"dateTime"' in start and '"value"' in start)
        or '"dateOfSleep"' in start
        or ('"logId"' in start and '"weight"' in start)
    )


def read(file: Opened, tray: Tray) -> None:
    tray.place = "entry {}"
    try:
        entries = json.loads(file.whole())
    except (ValueError, RecursionError) as error:
        raise BadInput(
            "The file is damaged or cut off: its JSON breaks", where=file.name, remedy="Get the archive again."
        ) from error
    entries = [one if isinstance(one, dict) else {} for one in entries] if isinstance(entries, list) else []
    kind = file.name.partition("-")[0].lower()
    if entries and "dateOfSleep" in entries[0]:
        _sleep(entries, tray)
    elif entries and "weight" in entries[0]:
        _weights(entries, tray)
    elif kind in _MINUTES or (entries and isinstance(entries[0].get("value"), dict) and "bpm" in entries[0]["value"]):
        _values(entries, tray, _MINUTES.get(kind, _MINUTES["heart_rate"]), day=False)
    elif kind in _DAYS:
        _values(entries, tray, _DAYS[kind], day=True)
    else:
        tray.set_aside(
            "code",
            f"Fitbit's '{kind[:40]}' is no reading that is known here",
            file.name,
            "",
            count=max(len(entries), 2),
        )


def _values(entries: list[dict[str, Any]], tray: Tray, what: tuple[str, str, str], day: bool) -> None:
    code, unit, key = what
    column = tray.column(code, unit, "Fitbit", logged=True)
    assert column is not None
    for n, entry in enumerate(entries, 1):
        value = entry.get("value")
        try:
            if isinstance(value, dict):
                value = value[key]
            number = float(value)  # type: ignore[arg-type]
            seconds = _american(str(entry["dateTime"]))
        except (KeyError, ValueError, TypeError):
            tray.refuse("unreadable", "The entry has a value or time that is none", n, entry)
            continue
        if not day:
            column.add(seconds, number, n, 0, 60.0 if code == "55423-8" else 0.0)
        elif number > 0 or code == "55411-3":  # a resting rate of 0 says that there is none
            start, offset = from_wall(seconds, tray.timezone)
            column.add(start, number, n, offset, DAY_S)


def _american(text: str) -> float:
    """Seconds of "01/31/20 08:00:05"."""
    month, day, year = int(text[0:2]), int(text[3:5]), int(text[6:8])
    if text[2] != "/" or text[8] != " ":
        return written(text, "month-first")[0]
    return day_s(2000 + year, month, day) + 3600 * int(text[9:11]) + 60 * int(text[12:14]) + int(text[15:17])


def _sleep(entries: list[dict[str, Any]], tray: Tray) -> None:
    column = tray.column("93832-4", "min", "Fitbit")
    assert column is not None
    for n, entry in enumerate(entries, 1):
        try:
            start, offset = from_wall(written(str(entry["startTime"]), "month-first")[0], tray.timezone)
            stop, _ = from_wall(written(str(entry["endTime"]), "month-first")[0], tray.timezone)
            column.add(start, float(entry["minutesAsleep"]), n, offset, max(stop - start, 0.0))
            tray.naive = True
        except (KeyError, ValueError, TypeError):
            tray.refuse(
                "unreadable", "The night has a value or time that is none", n, {"startTime": entry.get("startTime")}
            )


def _weights(entries: list[dict[str, Any]], tray: Tray) -> None:
    pairs = [
        (float(e["weight"]), float(e["bmi"]))
        for e in entries
        if _is_number(e.get("weight")) and _is_number(e.get("bmi"))
    ]
    heights = [np.sqrt(weight / bmi) for weight, bmi in pairs if bmi > 0]
    middle = float(np.median(heights)) if heights else 0.0
    unit = "kg" if 1.2 < middle < 2.2 else "[lb_av]" if middle > 2.2 else tray.units.get("29463-7", "")
    column = tray.column("29463-7", unit, "Fitbit") if unit else None
    if column is not None and middle:
        tray.note(f"Fitbit's weights were taken for {unit.strip('[]')}, as the body mass index beside them says.")
    for n, entry in enumerate(entries, 1):
        try:
            wall = written(f"{entry['date']} {entry.get('time', '')}".strip(), "month-first")[0]
            weight = float(entry["weight"])
        except (KeyError, ValueError, TypeError):
            tray.refuse("unreadable", "The entry has a value or time that is none", n, {"date": entry.get("date")})
            continue
        if column is None:
            tray.refuse_reading("29463-7", "", n, f"{weight:g}")
        else:
            tray.naive = True
            start, offset = from_wall(wall, tray.timezone)
            column.add(start, weight, n, offset)


def _is_number(thing: object) -> bool:
    return isinstance(thing, int | float) and not isinstance(thing, bool)


# -- the page's CSV: sections with a title each --------------------------------------------------------------------

_SECTIONS = {"Body", "Activities", "Sleep", "Foods", "Food Log"}


def knows_csv(file: Opened) -> bool:
    rows = [row for row in beginning(file) if any(row)]
    return (
        len(rows) > 1
        and len([c for c in rows[0] if c]) == 1
        and rows[0][0] in _SECTIONS
        and rows[1][0] in ("Date", "Start Time")
    )


def read_csv(file: Opened, tray: Tray) -> None:
    """Each section is a table of its own."""
    whole = read_sheet(
        file,
        tray,
        lambda cells: len([c for c in cells if c]) == 1 and cells[0] in _SECTIONS,
        lambda _: set(range(12)),
        titled=True,
    )
    cells = [[whole.columns[k][n] for k in range(12)] for n in range(len(whole))]
    title, sheet = whole.header[0], Sheet([], ",", [])
    sections: list[tuple[str, Sheet]] = []
    for row, number in zip(cells, whole.rows, strict=True):
        if row[0] in _SECTIONS and not any(row[1:]):
            title = row[0]
        elif row[0] in ("Date", "Start Time"):
            sheet = Sheet(row, ",", [], {n: [] for n in range(12)}, [])
            sections.append((title, sheet))
        elif sheet.header:
            for place, cell in enumerate(row):
                sheet.columns[place].append(cell)
            sheet.rows.append(number)
    for title, part in sections:
        if len(part) and title == "Sleep":
            _sleep_table(part, tray)
        elif len(part) and title in ("Body", "Activities"):
            known = {n for n, cell in enumerate(part.header) if cell == "Date" or heading(cell)[0] is not None}
            part.columns = {n: part.columns[n] for n in sorted(known)}
            take(part, tray)


def _sleep_table(sheet: Sheet, tray: Tray) -> None:
    when = clock(tray, sheet.columns[0], sheet.rows)
    until = clock(tray, sheet.columns[1], sheet.rows)
    texts = sheet.columns[sheet.header.index("Minutes Asleep")] if "Minutes Asleep" in sheet.header else []
    if texts:
        lengths = np.where(when.good & until.good, until.times_s - when.times_s, 0.0)
        put(
            tray,
            "93832-4",
            "min",
            when,
            numbers(texts, False),
            texts,
            sheet.rows,
            device="Fitbit",
            duration_s=np.clip(lengths, 0, 172800),
        )
