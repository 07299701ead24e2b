"""A table of time and flow made into samples. Every bad table is refused in one sentence with its line."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from math import isfinite
from pathlib import Path

from organtwin.errors import BadInput
from organtwin.model.flow_case import Samples
from organtwin.units import parse

LARGEST = 10_000_000  # bytes: one heart beat is a few kilobytes
EXAMPLE = 'The first line names the columns with their units, as in "time (ms), flow (mL/s)".'
_UNIT = re.compile(r"[(\[]\s*([^)\]]+?)\s*[)\]]")
_BARE = re.compile(r"^\D*?[\s_/,]+(\S+)$")  # time ms, flow_mL/s, t/s


def read_waveform(path: Path) -> Samples:
    """Time and flow of one heart beat: see :func:`samples_from_csv`.

    Raises
    ------
    BadInput
        When the file cannot be read, is no text, or its table is wrong.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadInput("This file is far too large for the flow of one heart beat", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"The waveform cannot be read: {error.strerror}", where=str(path)) from error
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return samples_from_csv(text, path.name)
    raise BadInput("This file is not text", where=str(path), remedy="Save the table as CSV.")


def samples_from_csv(text: str, where: str = "") -> Samples:
    """Read a table of one heart beat.

    Columns are parted by comma, semicolon, tab or blanks; the decimal sign may be a comma where columns are not parted by
    one. The header gives the units, or the line below it does. Columns beyond time and flow are left out.

    Parameters
    ----------
    where : str
        The file, for messages.

    Raises
    ------
    BadInput
        With the line and what is wrong there.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise BadInput("The waveform file is empty", where=where, remedy=EXAMPLE)
    separator = _separator([line for _, line in lines])
    rows = [(number, _cells(line, separator)) for number, line in lines]
    header, body = rows[0][1], rows[1:]
    if all(_number(cell, separator) is not None for cell in header):
        raise BadInput("The waveform file has no header that gives the units", where=where, remedy=EXAMPLE)
    if len(header) < 2:
        raise BadInput("The waveform file has one column, and time and flow need two", where=where, remedy=EXAMPLE)
    units = [_unit(cell) for cell in header]
    if not any(units) and body and all(_number(cell, separator) is None for cell in body[0][1]):
        units, body = [_spelled(cell) for cell in body[0][1]], body[1:]
    time, flow = _column(header, units, "time", where), _column(header, units, "flow", where)
    seconds = parse(f"1 {units[time]}", "time")

    times, values = [], []
    for number, cells in body:
        place = f"{where + ', ' if where else ''}line {number}"
        if len(cells) != len(header):
            raise BadInput(
                f"This line has {len(cells)} columns and the header {len(header)}",
                where=place,
                remedy="Where numbers have a decimal comma, part the columns by semicolons.",
            )
        pair = [_number(cells[column], separator) for column in (time, flow)]
        for cell, value in zip((cells[time], cells[flow]), pair, strict=True):
            if value is None or not isfinite(value):
                raise BadInput(f"'{cell}' is not a finite number", where=place, remedy="Take the line out or mend it.")
        times.append(float(pair[0] or 0.0) * seconds)
        values.append(float(pair[1] or 0.0))
        if len(times) > 1 and times[-1] <= times[-2]:
            raise BadInput(
                "The time does not increase here", where=place, remedy="Give one beat, every time after the one before."
            )
    if len(times) < 3:
        raise BadInput(f"The waveform has {len(times)} points, and needs at least three", where=where)
    return Samples(times_s=tuple(times), values=tuple(values), unit=units[flow])


def period_s(samples: Samples) -> float:
    """The heart beat that samples stand for: to the last time when that closes the curve, else one step further."""
    times, values = samples.times_s, samples.values
    span = times[-1] - times[0]
    if abs(values[-1] - values[0]) <= 0.01 * max(max(values) - min(values), 1e-300):
        return span
    steps = sorted(b - a for a, b in pairwise(times))
    return span + steps[len(steps) // 2]


def _separator(lines: list[str]) -> str:
    """What parts the columns: the first of semicolon, tab, comma that the table has; else blanks."""
    for separator in (";", "\t"):
        if separator in lines[-1]:
            return separator
    return "," if "," in lines[0] or "," in lines[-1] else " "


def _cells(line: str, separator: str) -> list[str]:
    if separator == " ":
        # a unit in brackets may hold blanks
        return re.findall(r"[^\s(\[]+(?:\s*[(\[][^)\]]*[)\]])?", line)
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    except csv.Error as error:  # a cell of megabytes
        raise BadInput("A line of the waveform file cannot be parted into columns", remedy=EXAMPLE) from error


def _number(cell: str, separator: str) -> float | None:
    text = cell if separator == "," else cell.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _unit(cell: str) -> str:
    """The unit in a column's name, "" where there is none."""
    found = _UNIT.search(cell) or _BARE.match(cell)
    return _spelled(found.group(1)) if found else ""


def _spelled(unit: str) -> str:
    """As the units module reads it: cm3/s is cm^3/s, mL per s is mL/s."""
    unit = unit.strip().strip("()[]").replace("³", "^3").replace("·", "*").replace("⁻¹", "^-1")
    unit = re.sub(r"\s*(?:_per_|\bper\b)\s*", "/", unit)
    return re.sub(r"\b([cmd]?m)3\b", r"\1^3", unit)


def _column(header: list[str], units: list[str], dimension: str, where: str) -> int:
    """The first column whose unit is of that dimension; says what is wrong with the one that looks like it."""
    for column, unit in enumerate(units):
        if unit and _is(unit, dimension):
            return column
    likely = [h for h in header if h.strip().lower().startswith(dimension[0] if dimension == "time" else ("flow", "q"))]
    name = (likely or header)[0]
    given = units[header.index(name)] if header.index(name) < len(units) else ""
    if not given:
        raise BadInput(f"The column '{name}' has no unit", where=where, remedy=EXAMPLE)
    raise BadInput(f"No column is in a unit of {dimension}; '{name}' is in '{given}'", where=where, remedy=EXAMPLE)


def _is(unit: str, dimension: str) -> bool:
    try:
        parse(f"1 {unit}", dimension)
    except BadInput:
        return False
    return True
