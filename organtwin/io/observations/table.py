"""Any table with a column of times: a column for each reading, or a row for each with its name, value and unit.

This is what spreadsheets, blood pressure cuffs, scales, meters and many programs export. Headings are known by the table of
codes; columns that are no readings are passed over, and said.
"""

from __future__ import annotations

import numpy as np

from organtwin.errors import BadInput
from organtwin.io.observations.bare import unit_of
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.sheets import (
    Clock,
    Sheet,
    beginning,
    clock,
    find_loosely,
    heading,
    numbers,
    put,
    read_sheet,
)
from organtwin.io.observations.tray import Tray
from organtwin.model import Person
from organtwin.timeline.days import DAY_S
from organtwin.timeline.identity import identity


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


_TIMES = _words(
    "time|timestamp|date|datetime|date time|date/time|date & time|datum|datum/zeit|zeitpunkt|zeitstempel|device timestamp|"
    "gerätezeitstempel|recorded|recorded at|measured|measured at|measurement date|measurement time|measurement date and time|"
    "start|start time|starttime|start date|startdate|creationdate|created at|collection time|collected|effective|"
    "effectivedatetime|observation time|observed at|day|calendardate|calendar date|summary date|reading date|fecha|data|"
    "date and time|time of measurement|datum und uhrzeit|horodatage|record time|com.samsung.health.start time|local time"
)
_CLOCKS = _words("time|zeit|uhrzeit|hora|heure|ora|time of day|tijd")
_ENDS = _words("end|end time|endtime|end date|enddate")
_NAMES = _words(
    "loinc|loinc code|code|type|metric|measurement|name|parameter|observation|vital|analyte|test|signal|kind"
)
_VALUES = _words("value|wert|messwert|result|reading|numeric value|valuequantity|measurement value|val|quantity")
_UNITS = _words("unit|units|einheit|uom|unit of measure|value unit")
_DEVICES = _words("device|source|gerät|sourcename|device name|source name|geräte")
_PATIENTS = _words(
    "patient|patient id|patientid|subject|subject id|mrn|user id|userid|person id|participant|participant id"
)
_STATUS = frozenset({"status"})
_NEVER = ("entered-in-error", "cancelled", "invalid", "error", "deleted")

WORDS = {"low": -1, "lo": -1, "niedrig": -1, "bajo": -1, "bas": -1, "high": 1, "hi": 1, "hoch": 1, "alto": 1, "haut": 1}


def knows(file: Opened) -> bool:
    return any(_is_header(row) for row in beginning(file))


def _plain(cell: str) -> str:
    return " ".join(cell.replace("_", " ").strip(' "\ufeff').lower().split())


def _role(cells: list[str], names: frozenset[str]) -> int | None:
    return next((n for n, cell in enumerate(cells) if _plain(cell).partition("(")[0].strip() in names), None)


def _is_header(cells: list[str]) -> bool:
    if _role(cells, _TIMES) is None:
        return False
    long = _role(cells, _NAMES) is not None and _role(cells, _VALUES) is not None
    return long or any(heading(cell)[0] is not None for cell in cells)


def _wanted(cells: list[str]) -> set[int]:
    roles = [_role(cells, names) for names in (_TIMES, _ENDS, _DEVICES, _PATIENTS, _STATUS, _UNITS)]
    wanted = {n for n in (*roles, _second_clock(cells)) if n is not None}
    if _is_long(cells):
        wanted |= {n for n in (_role(cells, _NAMES), _role(cells, _VALUES)) if n is not None}
    else:
        wanted |= {n for n, cell in enumerate(cells) if n not in wanted and heading(cell)[0] is not None}
    return wanted


def _second_clock(cells: list[str]) -> int | None:
    """The column with the time of day, where the date has one of its own."""
    first = _role(cells, _TIMES)
    return next((n for n, c in enumerate(cells) if n != first and _plain(c) in _CLOCKS), None)


def _is_long(cells: list[str]) -> bool:
    return _role(cells, _NAMES) is not None and _role(cells, _VALUES) is not None


def read(file: Opened, tray: Tray) -> None:
    sheet = read_sheet(file, tray, _is_header, _wanted)
    if not len(sheet):
        raise BadInput("The table has headings and no rows", where=file.name)
    take(sheet, tray)


def take(sheet: Sheet, tray: Tray, order: str = "") -> None:
    """The readings of a sheet with known headings."""
    cells = sheet.header
    at = _role(cells, _TIMES)
    assert at is not None
    texts = sheet.columns[at]
    second = _second_clock(cells)
    if second is not None and second in sheet.columns:
        texts = [f"{day} {time}".strip() for day, time in zip(texts, sheet.columns[second], strict=True)]
    when = clock(tray, texts, sheet.rows, order)
    durations = _durations(sheet, tray, when, order)
    allowed = _allowed(sheet, tray)
    for subject in sorted(set(_column(sheet, _PATIENTS)) - {""}):
        tray.people[f"patient {subject}"] = Person(identity=identity(numbers=[("table", subject)]))
    for device, subject, where in _groups(sheet):
        if _is_long(cells):
            _take_long(sheet, tray, when, durations, device, subject, where & allowed)
        else:
            _take_wide(sheet, tray, when, durations, device, subject, where & allowed)
    if not _is_long(cells):
        used = {n for n, cell in enumerate(cells) if n in sheet.columns}
        left = [cell for n, cell in enumerate(cells) if n not in used and cell]
        if left:
            tray.note(f"Columns not used: {', '.join(left[:8])[:200]}{' ...' if len(left) > 8 else ''}.")


def _durations(sheet: Sheet, tray: Tray, when: Clock, order: str) -> np.ndarray | float:
    end = _role(sheet.header, _ENDS)
    if end is None or end not in sheet.columns:
        return 0.0
    until = clock(tray, sheet.columns[end], sheet.rows, order)
    length = np.where(until.good & when.good, until.times_s - when.times_s, 0.0)
    return np.clip(length, 0.0, 400 * DAY_S)


def _allowed(sheet: Sheet, tray: Tray) -> np.ndarray:
    """Rows whose status does not take them back."""
    at = _role(sheet.header, _STATUS)
    allowed = np.ones(len(sheet), bool)
    for n, status in enumerate(sheet.columns.get(at, []) if at is not None else []):
        if status.lower() in _NEVER:
            allowed[n] = False
            tray.refuse("status", f"Its status is '{status.lower()}'", sheet.rows[n], "")
    return allowed


def _groups(sheet: Sheet) -> list[tuple[str, str, np.ndarray]]:
    """Rows by device and patient."""
    whole = np.ones(len(sheet), bool)
    found: list[tuple[str, str, np.ndarray]] = []
    who = _column(sheet, _PATIENTS)
    what = _column(sheet, _DEVICES)
    for subject in sorted(set(who)) if who else [""]:
        mine = np.array([one == subject for one in who]) if who else whole
        devices = sorted({d for d, m in zip(what, mine, strict=True) if m}) if what else [""]
        if len(devices) > 200:  # numbers of rows, not names of devices
            what, devices = [], [""]
        for device in devices:
            where = mine & (np.array([one == device for one in what]) if what else whole)
            found.append((device, subject and f"patient {subject}", where))
    return found


def _column(sheet: Sheet, names: frozenset[str]) -> list[str]:
    at = _role(sheet.header, names)
    return sheet.columns.get(at, []) if at is not None else []


def _take_wide(
    sheet: Sheet, tray: Tray, when: Clock, durations: np.ndarray | float, device: str, subject: str, where: np.ndarray
) -> None:
    unit_at = _role(sheet.header, _UNITS)
    readings = [(n, *heading(sheet.header[n])) for n in sheet.columns if heading(sheet.header[n])[0] is not None]
    shared = sheet.columns.get(unit_at, []) if unit_at is not None and len(readings) == 1 else []
    for n, code, unit in readings:
        assert code is not None
        texts = sheet.columns[n]
        for told, part in _by_unit(shared, unit, where):
            values = worded(tray, texts, numbers(texts, sheet.comma_is_point), code.loinc, told)
            used = told or tray.units.get(code.loinc) or unit_of(code, values[part])
            if used and not told and used != code.unit:
                tray.note(f"'{sheet.header[n]}' has no unit; by its values it is in {used}.")
            put(tray, code.loinc, used, when, values, texts, sheet.rows, device=device, subject=subject,
                duration_s=durations if code.adds else 0.0, where=part)  # fmt: skip


def _by_unit(shared: list[str], unit: str, where: np.ndarray) -> list[tuple[str, np.ndarray]]:
    if not shared:
        return [(unit, where)]
    return [(one, where & np.array([told == one for told in shared])) for one in sorted(set(shared))]


def _take_long(
    sheet: Sheet, tray: Tray, when: Clock, durations: np.ndarray | float, device: str, subject: str, where: np.ndarray
) -> None:
    names, texts, units = _column(sheet, _NAMES), _column(sheet, _VALUES), _column(sheet, _UNITS)
    if not units:
        units = [""] * len(names)
    values = numbers(texts, sheet.comma_is_point)
    kinds: dict[tuple[str, str], list[int]] = {}
    for n in np.flatnonzero(where).tolist():
        kinds.setdefault((names[n], units[n]), []).append(n)
    for (name, unit), places in kinds.items():
        part = np.zeros(len(sheet), bool)
        part[places] = True
        code = find_loosely(name)
        loinc = code.loinc if code else name
        mine = worded(tray, texts, values, loinc, unit) if code else values
        used = unit or (tray.units.get(code.loinc) or unit_of(code, mine[part]) if code else "")
        put(tray, loinc, used, when, mine, texts, sheet.rows, device=device, subject=subject,
            duration_s=durations if code and code.adds else 0.0, where=part)  # fmt: skip


def worded(tray: Tray, texts: list[str], values: np.ndarray, loinc: str, unit: str) -> np.ndarray:
    """Glucose meters write "Low" and "High" beyond what they can measure: the limits then are 39 and 401 mg/dL."""
    if loinc not in ("99504-3", "41653-7", "2339-0") or not np.isnan(values).any():
        return values
    values = values.copy()
    factor = 1.0 if "dl" in unit.lower() or (not unit and np.nanmedian(values) > 35) else 1 / 18.0156
    for n in np.flatnonzero(np.isnan(values)).tolist():
        way = WORDS.get(texts[n].strip("<> ").lower(), 0)
        if not way and texts[n][:1] in "<>" and texts[n][1:].strip().replace(",", ".").replace(".", "", 1).isdigit():
            values[n] = float(texts[n][1:].replace(",", "."))
        elif way:
            values[n] = factor * (39.0 if way < 0 else 401.0)
            tray.counted["{} readings say only 'low' or 'high'; they were taken for 39 and 401 mg/dL."] += 1
    return values
