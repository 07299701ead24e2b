"""Apple Health: export.xml (gigabytes, read as a stream) as it lies in export.zip.

The file declares its own document type, which is allowed; entities are not, so that nothing can be expanded or fetched.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from xml.parsers import expat

from organtwin.errors import BadInput
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.times import iso
from organtwin.io.observations.tray import Column, Tray
from organtwin.model import Event, Person

_ASLEEP = "HKCategoryValueSleepAnalysisAsleep"
_SEXES = {"HKBiologicalSexFemale": "female", "HKBiologicalSexMale": "male", "HKBiologicalSexOther": "other"}
_FRACTIONS = ("HKQuantityTypeIdentifierOxygenSaturation", "HKQuantityTypeIdentifierBodyFatPercentage")
_INSULIN = "HKQuantityTypeIdentifierInsulinDelivery"
_CHUNK = 1 << 20
_NIGHT_GAP_S = 3 * 3600.0  # those asleep again within three hours are in the same night


def knows(file: Opened) -> bool:
    return "<HealthData" in file.start and file.start.lstrip()[:1] == "<"


def read(file: Opened, tray: Tray) -> None:
    tray.place = "line {}"
    export = _Export(file, tray)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.EntityDeclHandler = export.refuse_entity
    parser.ExternalEntityRefHandler = export.refuse_entity
    parser.StartElementHandler = export.start
    parser.EndElementHandler = export.end
    export.parser = parser
    size, done = max(file.size, 1), 0
    try:
        with file.open() as stream:
            while block := stream.read(_CHUNK):
                parser.Parse(block, False)
                done += len(block)
                if done % (16 * _CHUNK) < _CHUNK:
                    tray.progress(f"{min(done / size, 1.0):.0%}")
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        cut = "no element found" in str(error) or "unclosed" in str(error)
        raise BadInput(
            f"The file is {'cut off' if cut else 'damaged'}: its XML breaks at line {error.lineno}",
            where=file.name,
            remedy="Export it again from the telephone, whole.",
        ) from error
    export.close()


class _Export:
    """Takes elements as they come."""

    def __init__(self, file: Opened, tray: Tray) -> None:
        self.file, self.tray = file, tray
        self.parser: Any = None
        self.columns: dict[tuple[str, str, str], Column | None] = {}
        self.unknown: Counter[str] = Counter()
        self.inside = 0  # correlations say again what stands alone elsewhere
        self.insulin: dict[str, str] | None = None
        self.asleep: dict[str, list[tuple[float, float, int, int]]] = {}

    def refuse_entity(self, *_: object) -> int:
        raise BadInput(
            "The file declares entities, which no health export does", where=self.file.name, remedy="It was not read."
        )

    def start(self, name: str, found: dict[str, str]) -> None:
        if name == "Record":
            if not self.inside:
                self.record(found)
        elif name == "Correlation":
            self.inside += 1
        elif name == "Me":
            self.me(found)
        elif name == "Workout":
            self.workout(found)
        elif name == "MetadataEntry" and self.insulin is not None and found.get("key") == "HKInsulinDeliveryReason":
            self.insulin["reason"] = found.get("value", "")

    def end(self, name: str) -> None:
        if name == "Correlation":
            self.inside -= 1
        elif name == "Record" and self.insulin is not None:
            found, self.insulin = self.insulin, None
            self.put("insulin-long" if found.get("reason") == "1" else "insulin-rapid", found)

    def record(self, found: dict[str, str]) -> None:
        kind = found.get("type", "")
        if kind == _INSULIN:
            self.insulin = dict(found)
        elif kind == "HKCategoryTypeIdentifierSleepAnalysis":
            if found.get("value", "").startswith(_ASLEEP):
                self.sleep(found)
        else:
            self.put(kind, found)

    def put(self, kind: str, found: dict[str, str]) -> None:
        unit = found.get("unit", "")
        key = (kind, unit, found.get("sourceName", ""))
        if key in self.columns:
            column = self.columns[key]
        else:
            told = "1" if kind in _FRACTIONS and unit == "%" else unit  # Apple's percent is a fraction
            column = self.columns[key] = self.tray.column(kind, told, _device(found))
        line = self.parser.CurrentLineNumber
        if column is None:
            self.tray.refuse_reading(kind, unit, line, {k: found.get(k) for k in ("value", "unit", "startDate")})
            return
        try:
            start, offset, _ = iso(found["startDate"])
            until = found["endDate"]
            length = iso(until)[0] - start if until != found["startDate"] else 0.0
            value = float(found["value"])
        except (KeyError, ValueError):
            said = "The record has a value or time that is none"
            self.tray.refuse("unreadable", said, line, {k: found.get(k) for k in ("value", "startDate", "endDate")})
            return
        column.add(start, value, line, offset or 0, max(length, 0.0))

    def sleep(self, found: dict[str, str]) -> None:
        try:
            start, offset, _ = iso(found["startDate"])
            stop = iso(found["endDate"])[0]
        except (KeyError, ValueError):
            self.tray.refuse("unreadable", "The sleep has a time that is none", self.parser.CurrentLineNumber, found)
            return
        self.asleep.setdefault(_device(found), []).append((start, stop, offset or 0, self.parser.CurrentLineNumber))

    def me(self, found: dict[str, str]) -> None:
        born = found.get("HKCharacteristicTypeIdentifierDateOfBirth", "")
        sex = _SEXES.get(found.get("HKCharacteristicTypeIdentifierBiologicalSex", ""), "unknown")
        year = int(born[:4]) if born[:4].isdigit() else None
        self.tray.people[""] = Person(sex=sex, birth_year=year)

    def workout(self, found: dict[str, str]) -> None:
        try:
            start, stop = iso(found["startDate"])[0], iso(found["endDate"])[0]
        except (KeyError, ValueError):
            return
        kind = found.get("workoutActivityType", "").removeprefix("HKWorkoutActivityType")
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind)
        self.tray.event(
            Event(kind="note", code=kind, system="https://developer.apple.com/documentation/healthkit", display=f"Workout: {words}",
                  start_s=start, end_s=stop, detail={"minutes": round((stop - start) / 60, 1)}),
        )  # fmt: skip

    def close(self) -> None:
        for device, parts in self.asleep.items():
            column = self.tray.column("93832-4", "h", device)
            assert column is not None
            for start, stop, hours, offset, line in nights(parts):
                column.add(start, hours, line, offset, stop - start)


def nights(parts: list[tuple[float, float, int, int]]) -> list[tuple[float, float, float, int, int]]:
    """Stretches of sleep as nights: beginning, end, hours asleep (what overlaps counts once), offset and place."""
    made: list[tuple[float, float, float, int, int]] = []
    for start, stop, offset, place in sorted(parts):
        if stop <= start:
            continue
        if made and start - made[-1][1] <= _NIGHT_GAP_S:
            first, until, hours, first_offset, first_place = made[-1]
            more = max(stop - max(start, until), 0.0) / 3600.0
            made[-1] = (first, max(until, stop), hours + more, first_offset, first_place)
        else:
            made.append((start, stop, (stop - start) / 3600.0, offset, place))
    return made


_OWNER = re.compile(r"^.*?['’]s\s+|\s+(?:von|de|di|van|av|af)\s+.*$", re.I)


def _device(found: dict[str, str]) -> str:
    """The device's kind; the name that its owner gave it names him."""
    told = found.get("device", "")
    if name := re.search(r"name:([^,>]+)", told):
        return name[1].strip()
    return _OWNER.sub("", found.get("sourceName", "")).strip()
