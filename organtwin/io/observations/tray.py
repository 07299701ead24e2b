"""Where the readers of all formats put what they find, and where it is checked.

A reader asks for a column by what is read and in which unit, and appends to it; what it cannot read it sets aside with a
reason. Checks are made at the end, on whole columns.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Event, Person, Quarantined, Source
from organtwin.timeline.codes import Code, find

Reason = Literal["duplicate", "unit", "impossible", "clock", "patient", "code", "unreadable", "status"]
KEPT_EACH = 200  # of one kind of failing; more are counted in one record
LONGEST_RAW = 300


@dataclass(eq=False)
class Column:
    """Readings of one code, in one unit, from one device, of one patient. ``place`` says where the n-th of the file is.

    ``logged``: in the order in which the device wrote them, so that a jump of its clock shows.
    """

    code: Code
    unit: str
    turn: tuple[float, float]
    file: str
    format: str
    device: str
    subject: str
    place: str
    logged: bool
    times_s: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    durations_s: array[float] = field(default_factory=lambda: array("d"))
    offset_min: array[int] = field(default_factory=lambda: array("h"))
    rows: array[int] = field(default_factory=lambda: array("q"))

    def add(self, time_s: float, value: float, row: int, offset_min: int = 0, duration_s: float = 0.0) -> None:
        """``value`` as it stood, in the column's unit."""
        self.times_s.append(time_s)
        self.values.append(value)
        self.durations_s.append(duration_s)
        self.offset_min.append(offset_min)
        self.rows.append(row)

    def extend(
        self, times_s: NDArray[Any], values: NDArray[Any], row: int, offset_min: int = 0, duration_s: float = 0.0
    ) -> None:
        """Many at once, all from one place of the file."""
        count = len(times_s)
        self.times_s.frombytes(np.ascontiguousarray(times_s, np.float64).tobytes())
        self.values.frombytes(np.ascontiguousarray(values, np.float64).tobytes())
        self.durations_s.frombytes(np.full(count, duration_s, np.float64).tobytes())
        self.offset_min.frombytes(np.full(count, offset_min, np.int16).tobytes())
        self.rows.frombytes(np.full(count, row, np.int64).tobytes())

    def __len__(self) -> int:
        return len(self.times_s)


@dataclass
class Shared:
    """What files of one import tell of each other: words of the patient's name, which are not kept, and drugs by reference."""

    words: set[str] = field(default_factory=set)
    drugs: dict[str, Any] = field(default_factory=dict)

    def named(self, text: str) -> None:
        """Keep in mind the words of a name."""
        self.words |= {word.casefold() for word in re.split(r"[\W_\d]+", text) if len(word) > 2}
        self.words |= {word.casefold() for word in re.split(r"[\W_]+", text) if len(word) > 2}

    def cleaned(self, text: str) -> str:
        """A file's name without the words of the patient's, which stand within longer ones there."""
        for word in sorted((w for w in self.words if len(w) > 3), key=len, reverse=True):
            text = re.sub(re.escape(word), "", text, flags=re.IGNORECASE)
        return str(self.scrubbed(text))

    def scrubbed(self, thing: Any) -> Any:
        """Texts without the words of the patient's name."""
        if isinstance(thing, str):
            return "".join(part for part in re.split(r"([\W_]+)", thing) if part.casefold() not in self.words)
        if isinstance(thing, dict):
            return {key: self.scrubbed(value) for key, value in thing.items()}
        return [self.scrubbed(one) for one in thing] if isinstance(thing, list) else thing


@dataclass
class Tray:
    """What is being read. ``file`` and ``format`` are those of the file at hand, ``place`` its word for a position."""

    progress: Callable[[str], None] = lambda what: None
    timezone: str = ""
    dates: str = ""
    now_s: float = 0.0
    units: dict[str, str] = field(default_factory=dict)  # by LOINC code: of readings whose file tells none
    naive: bool = False  # whether there was a time without a zone
    file: str = ""
    format: str = ""
    place: str = "row {}"
    columns: dict[tuple[str, ...], Column] = field(default_factory=dict)
    events: list[tuple[Event, str, Source]] = field(default_factory=list)  # and whose it is, and where it came from
    people: dict[str, Person] = field(default_factory=dict)  # by the name that the file has for them
    devices: dict[str, str] = field(default_factory=dict)  # a reference's device, where it is told elsewhere
    shared: Shared = field(default_factory=lambda: Shared())
    notes: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)  # sentences with {} for their number
    _aside: dict[tuple[str, str], list[Quarantined]] = field(default_factory=dict)
    _more: Counter[tuple[str, str]] = field(default_factory=Counter)

    def column(self, name: str, unit: str, device: str = "", subject: str = "", logged: bool = False) -> Column | None:
        """Where readings of that name and unit go; None where either is unknown (:meth:`refuse_reading` says which)."""
        key = (self.file, name, unit, device, subject)
        if key not in self.columns:
            code = find(name)
            unit = unit or (self.units.get(code.loinc, "") if code else "")
            turn = code.turned(unit) if code else None
            if code is None or turn is None:
                return None
            self.columns[key] = Column(
                code, unit, turn, self.file, self.format, device[:100], subject, self.place, logged
            )
        return self.columns[key]

    def refuse_reading(self, name: str, unit: str, row: int, raw: object) -> None:
        """Set aside a reading that has no column."""
        code = find(name)
        if code is None:
            self.refuse("code", f"'{name[:80]}' is no reading that is known here", row, raw)
        elif not unit:
            said = f"{code.title} has no unit here; say it, as in --unit '{code.loinc}={code.unit}'"
            self.refuse("unit", said, row, raw)
        else:
            self.refuse("unit", f"{code.title} cannot be in '{unit[:40]}'; it is kept in {code.unit}", row, raw)

    def refuse(self, reason: Reason, said: str, row: int | str, raw: object) -> None:
        """Set something aside. Those with the same reason and sentence are one kind."""
        place = f"{self.file}, {self.place.format(row)}" if isinstance(row, int) else f"{self.file}, {row}"
        self.set_aside(reason, said, place if row != "" else self.file, raw)

    def set_aside(self, reason: Reason, said: str, place: str, raw: object, count: int = 1) -> None:
        key = (reason, said)
        kept = self._aside.setdefault(key, [])
        if len(kept) < KEPT_EACH and count == 1:
            text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, default=str)
            kept.append(Quarantined(reason=reason, said=said, place=place, raw=text[:LONGEST_RAW]))
        else:
            self._more[key] += count

    def event(self, event: Event, subject: str = "", device: str = "") -> None:
        self.events.append((event, subject, Source(name=self.file, format=self.format, device=device)))

    def of_file(self, file: str, format: str) -> Tray:
        """A tray for one file, so that nothing is left of one that breaks on the way; :meth:`absorb` takes what it holds."""
        return replace(
            self, file=file, format=format, columns={}, events=[], people={}, notes=[], counted=Counter(), _aside={}, _more=Counter(),
            naive=False,
        )  # fmt: skip

    def absorb(self, other: Tray) -> None:
        number = str(len(self.columns))
        self.columns.update({(number, *key): column for key, column in other.columns.items()})
        self.events += other.events
        self.people.update(other.people)
        self.naive |= other.naive
        self.counted.update(other.counted)
        for note in other.notes:
            self.note(note)
        for (reason, said), kept in other._aside.items():
            for one in kept:
                self.set_aside(reason, said, one.place, one.raw)  # type: ignore[arg-type]
        self._more.update(other._more)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    @property
    def aside(self) -> list[Quarantined]:
        """All that was set aside."""
        made = [one for kept in self._aside.values() for one in kept]
        for (reason, said), count in self._more.items():
            made.append(Quarantined(reason=reason, said=said, place="and more like it", raw="", count=count))
        return made

    def sources(self) -> tuple[Source, ...]:
        """File and device of every column and event, each once."""
        told = [(c.file, c.format, self.device_of(c.device)) for c in self.columns.values()]
        made = [Source(name=name, format=format, device=device) for name, format, device in dict.fromkeys(told)]
        return tuple(dict.fromkeys([*made, *(source for _, _, source in self.events)]))

    def device_of(self, reference: str) -> str:
        return self.devices.get(reference, reference)


def as_lines(aside: Sequence[Quarantined]) -> NDArray[np.uint8]:
    """A quarantine as observations keep it."""
    lines = "\n".join(json.dumps(one.model_dump(), ensure_ascii=False) for one in aside)
    return np.frombuffer(lines.encode("utf-8", "replace"), np.uint8)
