"""Google: Fit's archive (JSON data points, CSV of days) and records of Health Connect as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from organtwin.errors import BadInput
from organtwin.io.observations.apple_health import nights
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.sheets import beginning, heading, read_sheet
from organtwin.io.observations.table import take
from organtwin.io.observations.times import from_wall, iso
from organtwin.io.observations.tray import Tray

_TYPES: dict[str, tuple[tuple[str, str], ...]] = {  # the values of a data point, in order
    "com.google.heart_rate.bpm": (("8867-4", "/min"),),
    "com.google.step_count.delta": (("55423-8", "{steps}"),),
    "com.google.weight": (("29463-7", "kg"),),
    "com.google.height": (("8302-2", "m"),),
    "com.google.body.fat.percentage": (("41982-0", "%"),),
    "com.google.distance.delta": (("55430-3", "m"),),
    "com.google.blood_pressure": (("8480-6", "mm[Hg]"), ("8462-4", "mm[Hg]")),
    "com.google.blood_glucose": (("2339-0", "mmol/L"),),
    "com.google.oxygen_saturation": (("59408-5", "%"),),
    "com.google.body.temperature": (("8310-5", "Cel"),),
}
_REMEDY = "Get the archive again."


def _json(file: Opened) -> Any:
    try:
        return json.loads(file.whole())
    except (ValueError, RecursionError) as error:
        raise BadInput("The file is damaged or cut off: its JSON breaks", where=file.name, remedy=_REMEDY) from error


# -- Fit -----------------------------------------------------------------------------------------------------------


def knows_fit(file: Opened) -> bool:
    return file.start.lstrip()[:1] == "{" and '"Data Points"' in file.start


def read_fit(file: Opened, tray: Tray) -> None:
    tray.place = "point {}"
    points = _json(file).get("Data Points")
    for n, point in enumerate(points if isinstance(points, list) else [], 1):
        try:
            kind = str(point["dataTypeName"])
            start = int(point["startTimeNanos"]) / 1e9
            length = max(int(point["endTimeNanos"]) / 1e9 - start, 0.0)
            device = str(point.get("originDataSourceId", "")).split(":")[-1][:60]
            values = [next(iter(one["value"].values())) for one in point["fitValue"]]
            told = _TYPES.get(kind)
            if told is None:
                tray.refuse_reading(kind, "", n, values)
                continue
            _, offset = from_wall(start, tray.timezone)
            for (code, unit), value in zip(told, values, strict=False):
                column = tray.column(code, unit, device)
                assert column is not None
                column.add(start, float(value), n, offset, length)
        except (KeyError, ValueError, TypeError, AttributeError, StopIteration):
            tray.refuse("unreadable", "The data point is not as Google Fit writes it", n, point)


_DAY_NAME = re.compile(r"(\d{4}-\d\d-\d\d)")


def _day_header(cells: list[str]) -> bool:
    return cells[:2] == ["Start time", "End time"] and any("count" in cell for cell in cells)


def knows_day(file: Opened) -> bool:
    """The quarters of an hour of one day: the day is in the file's name."""
    return bool(_DAY_NAME.search(file.name)) and any(_day_header(row) for row in beginning(file))


def read_day(file: Opened, tray: Tray) -> None:
    found = _DAY_NAME.search(file.name)
    assert found is not None
    sheet = read_sheet(
        file,
        tray,
        _day_header,
        lambda cells: {0, 1} | {n for n, cell in enumerate(cells) if heading(cell)[0] is not None},
    )
    for place in (0, 1):
        sheet.columns[place] = [f"{found[1]}T{text}" if text else "" for text in sheet.columns[place]]
    if len(sheet):
        take(sheet, tray)


# -- Health Connect ------------------------------------------------------------------------------------------------

# record: (field, key within it or none, reading, unit)
_RECORDS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "Steps": (("count", "", "55423-8", "{steps}"),),
    "Weight": (("weight", "inKilograms", "29463-7", "kg"),),
    "Height": (("height", "inMeters", "8302-2", "m"),),
    "BloodPressure": (
        ("systolic", "inMillimetersOfMercury", "8480-6", "mm[Hg]"),
        ("diastolic", "inMillimetersOfMercury", "8462-4", "mm[Hg]"),
    ),
    "BloodGlucose": (
        ("level", "inMillimolesPerLiter", "2339-0", "mmol/L"),
        ("level", "inMilligramsPerDeciliter", "2339-0", "mg/dL"),
    ),
    "OxygenSaturation": (("percentage", "", "59408-5", "%"),),
    "RespiratoryRate": (("rate", "", "9279-1", "/min"),),
    "RestingHeartRate": (("beatsPerMinute", "", "40443-4", "/min"),),
    "BodyTemperature": (("temperature", "inCelsius", "8310-5", "Cel"),),
    "BodyFat": (("percentage", "", "41982-0", "%"),),
    "Vo2Max": (("vo2MillilitersPerMinuteKilogram", "", "94122-9", "mL/kg/min"),),
    "Distance": (("distance", "inMeters", "55430-3", "m"),),
    "FloorsClimbed": (("floors", "", "100304-5", "{count}"),),
    "ActiveCaloriesBurned": (("energy", "inKilocalories", "41981-2", "kcal"),),
}


def knows_connect(file: Opened) -> bool:
    start = file.start
    return start.lstrip()[:1] in ("{", "[") and (
        '"beatsPerMinute"' in start or any(f'"{kind}Record"' in start or f'"{kind}"' in start for kind in _RECORDS)
    ) and ('"time"' in start or '"startTime"' in start)  # fmt: skip


def read_connect(file: Opened, tray: Tray) -> None:
    tray.place = "record {}"
    asleep: list[tuple[float, float, int, int]] = []
    for n, (kind, record) in enumerate(_records(_json(file), ""), 1):
        try:
            if "samples" in record:
                for sample in record["samples"]:
                    _add(tray, "8867-4", "/min", sample["time"], None, sample["beatsPerMinute"], record, n)
            elif kind == "SleepSession":
                start, offset = _moment(record["startTime"], tray)
                asleep.append((start, _moment(record["endTime"], tray)[0], offset, n))
            elif kind in _RECORDS:
                for field, key, code, unit in _RECORDS[kind]:
                    value = record[field]
                    if isinstance(value, dict) and key not in value:
                        continue
                    number = value[key] if isinstance(value, dict) else value
                    _add(
                        tray,
                        code,
                        unit,
                        record.get("time") or record["startTime"],
                        record.get("endTime"),
                        number,
                        record,
                        n,
                    )
            else:
                tray.refuse_reading(kind or "record", "", n, {k: v for k, v in record.items() if k != "metadata"})
        except (KeyError, ValueError, TypeError, AttributeError):
            tray.refuse("unreadable", "The record is not as Health Connect writes it", n, {"type": kind})
    column = tray.column("93832-4", "h", "")
    for start, stop, hours, offset, place in nights(asleep):
        if column is not None:
            column.add(start, hours, place, offset, stop - start)


def _records(thing: Any, kind: str) -> Any:
    """Records in lists, under their type's name or with it in a field."""
    if isinstance(thing, list):
        for one in thing:
            yield from _records(one, kind)
    elif isinstance(thing, dict):
        told = thing.get("recordType") or thing.get("type") or thing.get("dataType") or kind
        if "time" in thing or "startTime" in thing:
            yield str(told).rpartition(".")[2].removesuffix("Record"), thing
        else:
            for key, one in thing.items():
                if isinstance(one, list | dict):
                    yield from _records(one, key)


def _moment(text: Any, tray: Tray) -> tuple[float, int]:
    seconds, offset, _ = iso(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    if offset is None:
        tray.naive = True
        return from_wall(seconds, tray.timezone)
    return seconds, offset


def _add(tray: Tray, code: str, unit: str, start: Any, end: Any, value: Any, record: dict[str, Any], n: int) -> None:
    metadata = record.get("metadata") if isinstance(record.get("metadata"), dict) else {}
    device = metadata.get("device") if isinstance(metadata, dict) else None
    told = (
        " ".join(str(device.get(key) or "") for key in ("manufacturer", "model")).strip()
        if isinstance(device, dict)
        else ""
    )
    column = tray.column(code, unit, told)
    assert column is not None
    seconds, offset = _moment(start, tray)
    length = max(_moment(end, tray)[0] - seconds, 0.0) if end else 0.0
    column.add(seconds, float(value), n, offset, length)
