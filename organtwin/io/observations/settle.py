"""From what was read to observations: units turned, the patient's own kept, what cannot be set aside with its reason."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io.observations.fhir_resources import name_drugs
from organtwin.io.observations.tray import KEPT_EACH, Column, Reason, Tray, as_lines
from organtwin.model import Event, Observations, Person, Source
from organtwin.timeline.codes import CODES, code
from organtwin.timeline.days import DAY_S, moment_of
from organtwin.timeline.identity import disagree, together
from organtwin.timeline.timeline import Timeline, event_key, nearby

Mask = NDArray[np.bool_]
_EARLIEST_S = datetime(1920, 1, 1, tzinfo=UTC).timestamp()
_JUMP_S = 2 * DAY_S
_SENSOR_STEP_S = 20 * 60.0  # nobody pricks a finger that often
_CLEAR = 0.9  # the share of a file that must be one patient's, to take him for the one meant


def settle(tray: Tray, name: str, earlier: Sequence[Observations], patient: str, now_s: float) -> Observations:
    """All checks, in the order in which they set aside.

    Raises
    ------
    BadInput
        When the file is of several patients and does not tell which is meant.
    """
    name_drugs(tray)
    before = Timeline(earlier)
    person = _the_patient(tray, before.person if earlier else Person(), patient)
    sources = tray.sources()
    if len(sources) > 65535:
        raise BadInput("The files name more than 65535 devices", remedy="Import fewer files at a time.")
    number = {source: n for n, source in enumerate(sources)}
    _finger_or_sensor(tray)
    parts: dict[str, list[dict[str, NDArray[np.float64]]]] = defaultdict(list)
    for place, column in enumerate(tray.columns.values()):
        if len(column):
            source = Source(name=column.file, format=column.format, device=tray.device_of(column.device))
            parts[column.code.loinc].append(_checked(tray, column, place, person, number[source], now_s))
    merged = {loinc: _without_repeats(tray, loinc, parts[loinc], before, sources) for loinc in CODES if loinc in parts}
    merged = {loinc: rows for loinc, rows in merged.items() if len(rows["time"])}
    columns = {key: np.concatenate([rows[key] for rows in merged.values()] or [np.zeros(0)]) for key in _KEYS}
    counts = [len(rows["time"]) for rows in merged.values()]
    at = np.repeat(np.arange(len(counts), dtype=np.uint16), counts)
    order = np.argsort(columns["time"], kind="stable")
    events = _events(tray, before, person, number, now_s)
    for text, count in tray.counted.items():
        tray.note(text.format(count))
    return Observations(
        name=name, person=person, codes=tuple(merged), sources=sources, times_s=columns["time"][order],
        durations_s=columns["duration"][order].astype(np.float32), offset_min=columns["offset"][order].astype(np.int16),
        values=columns["value"][order], code=at[order], source=columns["source"][order].astype(np.uint16),
        events=events, quarantine=as_lines(tray.aside), notes=tuple(tray.notes),
    )  # fmt: skip


_KEYS = ("time", "value", "duration", "offset", "source", "row", "column")


# -- whose they are ------------------------------------------------------------------------------------------------


def _the_patient(tray: Tray, known: Person, wanted: str) -> Person:
    """Choose the patient, and set everybody else's readings aside."""
    rows: Counter[str] = Counter(dict.fromkeys(tray.people, 0))
    for column in tray.columns.values():
        rows[column.subject] += len(column)
    rows.update(subject for _, subject, _ in tray.events)
    named = {subject: count for subject, count in rows.items() if subject}
    if wanted:
        chosen = next((s for s in named if wanted in (s, s.rpartition("/")[2])), None)
        if chosen is None:
            raise BadInput(f"There is no patient '{wanted}' in this file", remedy=f"It has: {_listed(named)}.")
    elif len(named) <= 1:
        chosen = next(iter(named), "")
    else:
        same = [s for s in named if known.identity and _proved(known, tray.people.get(s, Person()))]
        most = max(named, key=lambda s: named[s])
        if not same and named[most] < _CLEAR * max(sum(named.values()), 1):
            raise BadInput(
                f"The file has readings of {len(named)} patients: {_listed(named)}",
                remedy="Say whose to take (--patient).",
            )
        chosen = same[0] if same else most
        tray.note(f"The file has readings of {len(named)} patients; those of one were taken, the others set aside.")
    person = tray.people.get(chosen, Person())
    foreign = disagree(known, person)
    for column in tray.columns.values():
        if foreign or (column.subject and column.subject != chosen):
            said = (
                "it is of another patient than the project" if foreign else "it is of another patient in the same file"
            )
            _set_aside(tray, column, np.ones(len(column), bool), "patient", f"{column.code.title}: {said}")
            _drop_all(column)
    kept = []
    for event, subject, source in tray.events:
        if foreign or (subject and subject != chosen):
            tray.set_aside("patient", "An entry of another patient", source.name, event.display)
        else:
            kept.append((event, subject, source))
    tray.events[:] = kept
    if foreign:
        tray.note("These files are of another patient than this project: nothing was taken.")
        return known
    return together(known, person)


def _proved(a: Person, b: Person) -> bool:
    return bool(set(a.identity.split()) & set(b.identity.split()))


def _listed(named: dict[str, int]) -> str:
    most = sorted(named, key=lambda s: -named[s])[:5]
    return ", ".join(f"{s.rpartition('/')[2]} ({named[s]})" for s in most) + (" ..." if len(named) > 5 else "")


def _drop_all(column: Column) -> None:
    for name in ("times_s", "values", "durations_s", "offset_min", "rows"):
        del getattr(column, name)[:]


# -- one column ----------------------------------------------------------------------------------------------------


def _finger_or_sensor(tray: Tray) -> None:
    """Glucose every few minutes is a sensor's, whatever a telephone calls it."""
    for column in tray.columns.values():
        if column.code.loinc in ("2339-0", "41653-7") and len(column) >= 50:
            times = np.sort(np.frombuffer(column.times_s, np.float64))
            steps = np.diff(times)
            if np.median(steps[steps > 0] if (steps > 0).any() else steps) <= _SENSOR_STEP_S:
                column.code = code("99504-3")
                tray.note("Glucose every few minutes was taken for that of a sensor under the skin.")


def _checked(
    tray: Tray, column: Column, place: int, person: Person, source: int, now_s: float
) -> dict[str, NDArray[np.float64]]:
    time = np.array(column.times_s)
    value = column.turn[0] * np.array(column.values) + column.turn[1]
    title, unit = column.code.title, column.code.unit
    low, high = column.code.possible
    bad = ~np.isfinite(value) | ~np.isfinite(time)
    _set_aside(tray, column, bad, "unreadable", f"{title} has a value or time that is no number")
    slack = 1e-9 * (high - low)
    with np.errstate(invalid="ignore"):
        checks: list[tuple[Reason, str, Mask]] = [
            (
                "impossible",
                f"{title} cannot be outside {low:g} to {high:g} {unit}",
                (value < low - slack) | (value > high + slack),
            ),
            ("clock", "its time is in the future", time > now_s + DAY_S),
            ("clock", "its time is before anything was measured", time < _EARLIEST_S),
            (
                "clock",
                "its time is the beginning of a clock that was not set",
                np.isin(np.floor(time / DAY_S), _UNSET_DAYS),
            ),
        ]
        if person.birth_year is not None:
            born_s = datetime(max(person.birth_year, 1), 1, 1, tzinfo=UTC).timestamp()
            checks.append(("clock", "its time is before the patient was born", time < born_s))
        if column.logged:
            checks.append(("clock", "the device's clock jumped here", _jumped(time)))
    for reason, said, where in checks:
        _set_aside(tray, column, where & ~bad, reason, f"{title}: {said}" if reason == "clock" else said)
        bad |= where
    good = ~bad
    count = int(good.sum())
    return {
        "time": time[good], "value": value[good], "duration": np.array(column.durations_s)[good],
        "offset": np.array(column.offset_min, np.float64)[good], "source": np.full(count, float(source)),
        "row": np.array(column.rows, np.float64)[good], "column": np.full(count, float(place)),
    }  # fmt: skip


# a clock without power begins here: UNIX, GPS, and the first days of 2000 and 2001 that many devices are made with
_UNSET_DAYS = [np.floor(datetime(y, m, d, tzinfo=UTC).timestamp() / DAY_S) for y, m, d in ((1970, 1, 1), (1980, 1, 6))]


def _jumped(time: NDArray[np.float64]) -> Mask:
    """Rows of a log that stand apart from the order of all others by days: their clock was wrong."""
    none = np.zeros(len(time), bool)
    if len(time) < 10:
        return none
    falling = np.sum(np.diff(time) < 0) > len(time) / 2
    line = time[::-1] if falling else time
    if not (np.diff(line) < -_JUMP_S).any():
        return none
    kept = _longest_rising(line)
    if len(kept) < 0.8 * len(line):
        return none  # no log in order of time
    at = np.arange(len(line))
    off = np.abs(line - np.interp(at, kept, line[kept])) > _JUMP_S
    off[kept] = False
    return off[::-1] if falling else off


def _longest_rising(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of a longest subsequence that never falls."""
    tails: list[float] = []
    places: list[int] = []
    before = np.full(len(values), -1, np.int64)
    for n, value in enumerate(values.tolist()):
        at = bisect_right(tails, value)
        if at:
            before[n] = places[at - 1]
        if at == len(tails):
            tails.append(value)
            places.append(n)
        else:
            tails[at], places[at] = value, n
    chain = []
    n = places[-1]
    while n >= 0:
        chain.append(n)
        n = int(before[n])
    return np.array(chain[::-1], np.int64)


def _set_aside(tray: Tray, column: Column, where: Mask, reason: Reason, said: str) -> None:
    rows = np.flatnonzero(where)
    for n in rows[:KEPT_EACH].tolist():
        place = f"{column.file}, {column.place.format(column.rows[n])}"
        tray.set_aside(reason, said, place, _raw(column, n))
    if len(rows) > KEPT_EACH:
        tray.set_aside(reason, said, column.file, "", count=len(rows) - KEPT_EACH)


def _raw(column: Column, n: int) -> str:
    when = moment_of(column.times_s[n], column.offset_min[n])
    return f"{column.code.title} {column.values[n]:g} {column.unit} at {when}"


# -- what comes twice ----------------------------------------------------------------------------------------------


def _without_repeats(
    tray: Tray, loinc: str, parts: list[dict[str, NDArray[np.float64]]], before: Timeline, sources: Sequence[Source]
) -> dict[str, NDArray[np.float64]]:
    rows = {key: np.concatenate([part[key] for part in parts]) for key in _KEYS}
    if not len(rows["time"]):
        return rows
    span = rows["time"].min() - DAY_S, rows["time"].max() + DAY_S  # a day around tells how often a source measures
    old_time, old_value, old_origin = nearby(before.observations, loinc, *span)
    time = np.concatenate([old_time, rows["time"]])
    value = np.concatenate([old_value, rows["value"]])
    origin = np.concatenate([-1.0 - old_origin, rows["source"]])
    new = np.arange(len(time)) >= len(old_time)
    order = np.lexsort((~new * -1, value, time))  # of two alike the one that was there first stays
    exact, near = np.zeros(len(time), bool), np.zeros(len(time), bool)
    exact[order] = _exact(time[order], value[order])
    if not _dense(time, origin):
        near[order] = _near(time[order], value[order], origin[order]) & ~exact[order]
    for where, said in ((exact, "it is there already"), (near, "another source has the same value within a minute")):
        twice = np.flatnonzero(where & new) - len(old_time)
        _tell_twice(tray, rows, twice, f"{CODES[loinc].title}: {said}")
    keep = ~(exact | near)[len(old_time) :]
    return {key: column[keep] for key, column in rows.items()}


def _tell_twice(tray: Tray, rows: dict[str, NDArray[np.float64]], twice: NDArray[np.int64], said: str) -> None:
    columns = list(tray.columns.values())
    for n in twice[:KEPT_EACH].tolist():
        column = columns[int(rows["column"][n])]
        place = f"{column.file}, {column.place.format(int(rows['row'][n]))}"
        raw = f"{column.code.title} {rows['value'][n]:g} {column.code.unit} at {moment_of(rows['time'][n], int(rows['offset'][n]))}"
        tray.set_aside("duplicate", said, place, raw)
    if len(twice) > KEPT_EACH:
        tray.set_aside("duplicate", said, columns[int(rows["column"][twice[0]])].file, "", count=len(twice) - KEPT_EACH)


def _alike(value: NDArray[np.float64]) -> Mask:
    """Whether a value says what the one before says: rounding in another unit counts as the same."""
    return np.asarray(np.abs(np.diff(value)) <= 0.005 * np.abs(value[1:]), bool)


def _exact(time: NDArray[np.float64], value: NDArray[np.float64]) -> Mask:
    again = np.zeros(len(time), bool)
    if len(time) > 1:
        again[1:] = (np.diff(time) < 1e-3) & _alike(value)
    return again


def _near(time: NDArray[np.float64], value: NDArray[np.float64], origin: NDArray[np.float64]) -> Mask:
    again = np.zeros(len(time), bool)
    if len(time) > 1:
        again[1:] = (np.diff(time) <= 60.0) & _alike(value) & (np.diff(origin) != 0)
    return again


def _dense(time: NDArray[np.float64], origin: NDArray[np.float64]) -> bool:
    """Whether a source measures every few minutes, so that equal values within a minute are chance."""
    for one in np.unique(origin):
        times = np.sort(time[origin == one])
        if len(times) > 20 and np.median(np.diff(times)) < 240.0:
            return True
    return False


# -- events --------------------------------------------------------------------------------------------------------


def _events(tray: Tray, before: Timeline, person: Person, number: dict[Source, int], now_s: float) -> tuple[Event, ...]:
    seen = {event_key(event) for event in before.events}
    kept = []
    for event, _, source in tray.events:
        key = event_key(event)
        if key in seen:
            tray.set_aside(
                "duplicate",
                "An entry that is there already",
                source.name,
                f"{event.display} {moment_of(event.start_s)}",
            )
        elif event.start_s > now_s + 366 * DAY_S:
            tray.set_aside(
                "clock", "An entry of the far future", source.name, f"{event.display} {moment_of(event.start_s)}"
            )
        elif (
            person.birth_year is not None
            and event.start_s < datetime(max(person.birth_year, 1), 1, 1, tzinfo=UTC).timestamp()
        ):
            tray.set_aside(
                "clock",
                "An entry before the patient was born",
                source.name,
                f"{event.display} {moment_of(event.start_s)}",
            )
        else:
            display, detail = tray.shared.scrubbed(event.display), tray.shared.scrubbed(event.detail)
            kept.append(event.model_copy(update={"source": number[source], "display": display, "detail": detail}))
        seen.add(key)
    return tuple(sorted(kept, key=lambda event: event.start_s))
