"""Glucose sensors: Dexcom Clarity and Abbott LibreView as CSV, with the doses and meals that they keep."""

from __future__ import annotations

import re

import numpy as np

from organtwin.errors import BadInput
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.sheets import Sheet, beginning, clock, numbers, put, read_sheet
from organtwin.io.observations.table import worded
from organtwin.io.observations.tray import Tray
from organtwin.model import Person
from organtwin.timeline.identity import identity

# -- Dexcom Clarity ------------------------------------------------------------------------------------------------


def _clarity_header(cells: list[str]) -> bool:
    return len(cells) > 7 and cells[2] == "Event Type" and cells[1].startswith("Timestamp")


def knows_clarity(file: Opened) -> bool:
    return any(_clarity_header(row) for row in beginning(file))


def read_clarity(file: Opened, tray: Tray) -> None:
    sheet = read_sheet(file, tray, _clarity_header, lambda cells: set(range(min(len(cells), 11))))
    if not len(sheet):
        raise BadInput("The export has headings and no rows", where=file.name)
    kinds = sheet.columns[2]
    info = dict(zip(kinds, sheet.columns[4], strict=True))
    subject = ""
    if born := info.get("DateOfBirth", ""):
        name = f"{info.get('FirstName', '')} {info.get('LastName', '')}"
        year = int(born[:4]) if born[:4].isdigit() else None
        subject = "the owner of the sensor"
        tray.people[subject] = Person(identity=identity(name, born), birth_year=year)
    _only(sheet, [bool(text) and kind not in ("FirstName", "LastName", "DateOfBirth", "Device", "Alert")
                  for text, kind in zip(sheet.columns[1], kinds, strict=True)])  # fmt: skip
    if not len(sheet):
        return
    kind = np.array(sheet.columns[2])
    subtype = np.array([text.lower() for text in sheet.columns[3]])
    when = clock(tray, sheet.columns[1], sheet.rows)
    device = next((text for text in sheet.columns[5] if text), info.get("Device", "") or "Dexcom")
    glucose, insulin, carbs = (_place(sheet, word) for word in ("Glucose Value", "Insulin Value", "Carb Value"))
    unit = _unit(sheet.header[glucose]) or "mg/dL"

    def take(name: str, unit: str, at: int, where: np.ndarray) -> None:
        texts = sheet.columns[at]
        values = worded(tray, texts, numbers(texts, sheet.comma_is_point), name, unit)
        put(tray, name, unit, when, values, texts, sheet.rows, device=device, subject=subject, where=where)

    take("99504-3", unit, glucose, kind == "EGV")
    take("41653-7", unit, glucose, kind == "Calibration")
    take("insulin-long", "[iU]", insulin, (kind == "Insulin") & np.char.startswith(subtype, "long"))
    take("insulin-rapid", "[iU]", insulin, (kind == "Insulin") & ~np.char.startswith(subtype, "long"))
    take("9059-7", "g", carbs, kind == "Carbs")


# -- LibreView -----------------------------------------------------------------------------------------------------

# the columns have the same places in every language
_DEVICE, _TIME, _KIND, _HISTORIC, _SCAN, _RAPID, _CARBS, _LONG, _STRIP = 0, 2, 3, 4, 5, 7, 9, 12, 14


def _libre_header(cells: list[str]) -> bool:
    return len(cells) > _STRIP and bool(_unit(cells[_HISTORIC])) and _unit(cells[_SCAN]) == _unit(cells[_HISTORIC])


def knows_libre(file: Opened) -> bool:
    return any(_libre_header(row) for row in beginning(file))


def read_libre(file: Opened, tray: Tray) -> None:
    wanted = {_DEVICE, _TIME, _KIND, _HISTORIC, _SCAN, _RAPID, _CARBS, _LONG, _STRIP}
    sheet = read_sheet(file, tray, _libre_header, lambda cells: wanted)
    if not len(sheet):
        raise BadInput("The export has headings and no rows", where=file.name)
    when = clock(tray, sheet.columns[_TIME], sheet.rows)
    kind = np.array(sheet.columns[_KIND])
    unit = _unit(sheet.header[_HISTORIC])
    device = next((text for text in sheet.columns[_DEVICE] if text), "")
    for name, told, at, number in (
        ("99504-3", unit, _HISTORIC, "0"), ("99504-3", unit, _SCAN, "1"), ("41653-7", unit, _STRIP, "2"),
        ("insulin-rapid", "[iU]", _RAPID, "4"), ("insulin-long", "[iU]", _LONG, "4"), ("9059-7", "g", _CARBS, "5"),
    ):  # fmt: skip
        texts = sheet.columns[at]
        values = worded(tray, texts, numbers(texts, comma_is_point=True), name, told)
        put(tray, name, told, when, values, texts, sheet.rows, device=device, where=kind == number)


def _only(sheet: Sheet, keep: list[bool]) -> None:
    for place, column in sheet.columns.items():
        sheet.columns[place] = [one for one, kept in zip(column, keep, strict=True) if kept]
    sheet.rows[:] = [one for one, kept in zip(sheet.rows, keep, strict=True) if kept]


def _place(sheet: Sheet, word: str) -> int:
    found = next((n for n, cell in enumerate(sheet.header) if cell.startswith(word) and n in sheet.columns), None)
    if found is None:
        raise BadInput(f"The export has no column '{word}'")
    return found


def _unit(cell: str) -> str:
    found = re.search(r"mg/dl|mmol/l", cell, re.I)
    return found[0] if found else ""
