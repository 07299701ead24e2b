"""Tables as text: separators, headings, numbers and times of whole columns at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.times import many_from_wall, order_of, written
from organtwin.io.observations.tray import Tray
from organtwin.timeline.codes import Code, find
from organtwin.timeline.days import DAY_S
from organtwin.timeline.ucum import ucum

Floats = NDArray[np.float64]
_PREAMBLE = 40  # lines before the headings at most
_SEPARATORS = ",;\t|"


@dataclass
class Sheet:
    """``columns`` are those asked for, by their heading's place; ``rows`` their lines in the file."""

    header: list[str]
    separator: str
    before: list[list[str]]
    columns: dict[int, list[str]] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)

    @property
    def comma_is_point(self) -> bool:
        return self.separator != ","

    def __len__(self) -> int:
        return len(self.rows)


def encoding_of(file: Opened) -> str:
    """Unicode where it is, else what Windows writes; empty when it is no text."""
    if file.encoding != "utf-8":
        return file.encoding
    if b"\0" in file.head:
        return "utf-16-le" if file.head[1:200:2].count(0) > 60 else ""
    try:
        file.head[: file.head.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def beginning(file: Opened) -> list[list[str]]:
    """The first lines as cells, by the separator that fits the file best; empty when it is no table."""
    encoding = encoding_of(file)
    if not encoding or file.start.lstrip()[:1] in ("{", "[", "<"):
        return []
    text = file.head.decode(encoding, "replace").lstrip("\ufeff")
    lines = text.split("\n")
    lines = lines[:-1] if len(lines) > 1 and file.size > len(file.head) else lines
    return _cells(lines[: _PREAMBLE + 5], _separator(lines))


def _separator(lines: list[str]) -> str:
    """That which most lines have equally often, and often."""
    best, most = ",", 0.0
    for separator in _SEPARATORS:
        counts: list[int] = [line.count(separator) for line in lines[:_PREAMBLE] if line.strip()]
        if any(counts):
            middle = sorted(counts)[len(counts) // 2] or max(counts) / len(counts)
            score = middle * sum(abs(count - middle) <= 1 for count in counts)
            if score > most:
                best, most = separator, score
    return best


def _cells(lines: list[str], separator: str) -> list[list[str]]:
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    except csv.Error:
        return []


@contextmanager
def _rows(file: Opened, tray: Tray, separator: str) -> Iterator[Iterator[tuple[int, list[str]]]]:
    encoding = encoding_of(file)
    if encoding == "cp1252":
        tray.note(f"{file.name} is not Unicode; it was read as Windows writes western languages.")

    def each(stream: io.TextIOBase) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader((line.replace("\0", "") for line in stream), delimiter=separator)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                tray.refuse("unreadable", f"The row is no row of a table: {error}", reader.line_num, "")
                continue
            yield reader.line_num, row

    with file.open() as binary, io.TextIOWrapper(binary, encoding, errors="replace", newline="") as stream:
        yield each(stream)


def read_sheet(
    file: Opened, tray: Tray, is_header: Callable[[list[str]], bool], wanted: Callable[[list[str]], set[int]],
    titled: bool = False,
) -> Sheet:  # fmt: skip
    """The table below the first line that is one of headings.

    Empty rows are passed over, and rows of a single cell set aside, unless the table is ``titled`` with such within.

    Raises
    ------
    BadInput
        When there are no headings.
    """
    separator = _separator(file.head.decode(encoding_of(file) or "utf-8", "replace").split("\n"))
    before: list[list[str]] = []
    with _rows(file, tray, separator) as rows:
        for _, row in rows:
            cells = [cell.strip().lstrip("\ufeff") for cell in row]
            if is_header(cells):
                break
            before.append(cells)
            if len(before) > _PREAMBLE:
                raise BadInput("The table has no headings that are known", where=file.name)
        else:
            raise BadInput("The table has no headings that are known", where=file.name)
        sheet = Sheet(cells, separator, before)
        places = sorted(wanted(cells))
        columns = [sheet.columns.setdefault(place, []) for place in places]
        if not columns:
            return sheet
        least = places[-1] + 1
        for number, found in rows:
            row = found
            if len(row) < least:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) == 1 and not titled:
                    tray.refuse("unreadable", "The row is cut off", number, row[0])
                    continue
                row = [*row, *[""] * (least - len(row))]  # empty cells at the end are often left out
            for column, place in zip(columns, places, strict=True):
                column.append(row[place].strip())
            sheet.rows.append(number)
            if number % 20000 == 0:
                tray.progress(f"row {number}")
    return sheet


_UNIT = re.compile(r"^(.*?)[\s_]*[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*$")


def heading(text: str) -> tuple[Code | None, str]:
    """The reading that a column's heading names, and its unit where it has one: "Glucose Value (mg/dL)", "weight_kg"."""
    text = " ".join(text.split())
    if found := _UNIT.match(text):
        return find_loosely(found[1]), found[2]
    if known := find_loosely(text):
        return known, ""
    parts = re.split(r"[\s_]+", text)
    for count in range(1, min(4, len(parts))):
        name, unit = " ".join(parts[:-count]), "/".join(parts[-count:])
        known = find_loosely(name)
        if known is not None and ucum(unit) is not None:
            return known, unit
    return None, ""


def find_loosely(name: str) -> Code | None:
    """As :func:`find`, without regard to blanks, underscores and words that say little."""
    plain = re.sub(r"[\s_\-]+", " ", name.strip()).lower()
    less = re.sub(r"\b(value|reading|level|average|avg|mean|total|count|body mass)\b", " ", plain)
    for tried in (name, plain, plain.replace(" ", "_"), plain.replace(" ", ""), " ".join(less.split())):
        if tried and (known := find(tried)) is not None:
            return known
    return None


# -- columns as numbers --------------------------------------------------------------------------------------------

_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")


def numbers(texts: list[str], comma_is_point: bool) -> Floats:
    """Numbers of a column; NaN for what is none."""
    try:
        return np.array(texts).astype(np.float64)
    except ValueError:
        return np.array([_number(text, comma_is_point) for text in texts], np.float64)


def _number(text: str, comma_is_point: bool) -> float:
    text = text.replace("\u202f", "").replace("\u00a0", "").strip()
    if "," in text:
        if not comma_is_point and _THOUSANDS.match(text):
            text = text.replace(",", "")
        elif "." in text:  # 1.234,5
            text = text.replace(".", "").replace(",", ".")
        else:
            text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return float("nan")


@dataclass(frozen=True)
class Clock:
    """Times of rows: seconds UTC, offsets, whether a row is a whole day, and whether it has a time at all."""

    times_s: Floats
    offset_min: NDArray[np.int16]
    whole_day: NDArray[np.bool_]
    good: NDArray[np.bool_]


def clock(tray: Tray, texts: list[str], rows: list[int], order: str = "") -> Clock:
    """Times of a column, and rows without one set aside.

    Raises
    ------
    BadInput
        When the file does not tell whether day or month comes first.
    """
    count = len(texts)
    if (fast := _iso_at_once(texts)) is not None:
        tray.naive = True
        times, offsets = many_from_wall(fast, tray.timezone)
        return Clock(times, offsets, np.zeros(count, bool), np.ones(count, bool))
    if not order:
        order = tray.dates
    if not order:
        order, said = order_of(texts, tray.now_s)
        if said:
            tray.note(f"{tray.file}: {said}")
    times = np.full(count, np.nan)
    offsets = np.zeros(count, np.int16)
    whole, good, wall = np.zeros(count, bool), np.zeros(count, bool), np.zeros(count, bool)
    for n, text in enumerate(texts):
        if not text:
            continue
        try:
            times[n], offset, whole[n] = written(text, order)
        except (ValueError, OverflowError):
            tray.refuse("clock", "The row has a time that is none", rows[n], text)
            continue
        good[n] = True
        if offset is None:
            wall[n] = True
        else:
            offsets[n] = offset
    if wall.any():
        tray.naive |= bool((wall & ~whole).any())
        times[wall], offsets[wall] = many_from_wall(times[wall], tray.timezone)
    return Clock(times, offsets, whole, good)


def _iso_at_once(texts: list[str]) -> Floats | None:
    """Times of the form 2024-03-01T07:00:00 of a whole column; None where there is another."""
    if not texts or len(texts[0]) not in (16, 19) or len(set(map(len, texts))) > 1 or texts[0][4:5] != "-":
        return None
    try:
        found = np.array(texts, dtype="datetime64[s]")
    except ValueError:
        return None
    if np.isnat(found).any():
        return None
    return np.asarray(found.astype(np.int64), np.float64)


def put(
    tray: Tray, name: str, unit: str, when: Clock, values: Floats, texts: list[str], rows: list[int], *, device: str = "",
    subject: str = "", logged: bool = True, duration_s: Floats | float = 0.0, where: NDArray[np.bool_] | None = None,
) -> int:  # fmt: skip
    """Hand a column over: empty cells are no readings, words are set aside. Returns how many readings there were."""
    told = np.array([bool(text) for text in texts])
    if where is not None:
        told &= where
    column = tray.column(name, unit, device, subject, logged)
    bad = told & when.good & ~np.isfinite(values)
    for n in np.flatnonzero(bad):
        tray.refuse("unreadable", f"The value is no number ({name})", rows[n], texts[n])
    good = told & when.good & ~bad
    if column is None:
        for n in np.flatnonzero(good):
            tray.refuse_reading(name, unit, rows[n], texts[n])
        return 0
    at = np.flatnonzero(good)
    lengths = np.broadcast_to(np.asarray(duration_s, np.float64), (len(values),))
    lengths = np.where(when.whole_day & (lengths == 0), DAY_S, lengths)
    column.times_s.frombytes(when.times_s[at].tobytes())
    column.values.frombytes(np.ascontiguousarray(values[at]).tobytes())
    column.durations_s.frombytes(lengths[at].tobytes())
    column.offset_min.frombytes(when.offset_min[at].astype(np.int16).tobytes())
    column.rows.frombytes(np.array(rows, np.int64)[at].tobytes())
    return len(at)
