"""Everything that was measured on a patient, from all imports together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Event, Observations, Person, Source
from organtwin.timeline.codes import CODES, Code, find
from organtwin.timeline.days import DAY_S
from organtwin.timeline.identity import disagree, together
from organtwin.timeline.pyramid import Floats, Pyramid, Window

SAME_S = 1e-3  # readings less apart than this are of one moment
How = Literal["mean", "median", "min", "max", "sum", "last", "count"]


@dataclass(frozen=True)
class Sample:
    """One reading, in the unit of its code."""

    time_s: float
    value: float
    code: str
    source: Source


@dataclass(frozen=True, eq=False)
class Series:
    """The readings of one code in order of time; arrays of length n as those of :class:`Observations`.

    ``source`` points into the timeline's ``sources``.
    """

    code: str
    times_s: Floats
    values: Floats
    durations_s: NDArray[np.float32]
    offset_min: NDArray[np.int16]
    source: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def known(self) -> Code:
        return CODES[self.code]

    @cached_property
    def pyramid(self) -> Pyramid:
        return Pyramid(self.times_s, self.values)

    def between(self, t0_s: float = -np.inf, t1_s: float = np.inf) -> Series:
        """The part from ``t0_s`` (included) to ``t1_s`` (not)."""
        i0, i1 = np.searchsorted(self.times_s, [t0_s, t1_s])
        return self.part(slice(int(i0), int(i1)))

    def part(self, at: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Series:
        return Series(
            self.code, self.times_s[at], self.values[at], self.durations_s[at], self.offset_min[at], self.source[at]
        )

    def daily(self, how: How | None = None) -> tuple[Floats, Floats]:
        """One value a day of the patient's own clock; what lasted counts where its middle lies.

        Parameters
        ----------
        how : str, optional
            Without it amounts are summed and levels averaged. A sum is taken for each source, and the greatest counts: a watch
            and a telephone that count the same steps are not added up.

        Returns
        -------
        days_s, values : (n,) float64
            Noon of the day by the patient's clock, in seconds since 1970 UTC; and its value. Days without readings are absent.
        """
        how = how or ("sum" if self.known.adds else "mean")
        if not len(self):
            return np.zeros(0), np.zeros(0)
        local = self.times_s + 0.5 * self.durations_s + 60.0 * self.offset_min
        day = np.floor(local / DAY_S).astype(np.int64)
        if how == "sum":
            return self._summed(day)
        order = np.argsort(day, kind="stable")
        starts = np.flatnonzero(np.diff(day[order], prepend=day[order[0]] - 1))
        values, counts = self.values[order], np.diff(starts, append=len(order))
        if how == "mean":
            made = np.add.reduceat(values, starts) / counts
        elif how == "min":
            made = np.minimum.reduceat(values, starts)
        elif how == "max":
            made = np.maximum.reduceat(values, starts)
        elif how == "count":
            made = counts.astype(np.float64)
        elif how == "last":
            made = values[starts + counts - 1]
        else:
            made = np.array([np.median(part) for part in np.split(values, starts[1:])])
        return self._noon(day[order[starts]], self.offset_min[order[starts]]), made

    def _summed(self, day: NDArray[np.int64]) -> tuple[Floats, Floats]:
        order = np.lexsort((self.source, day))
        key = day[order] * (int(self.source.max()) + 1) + self.source[order]
        starts = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
        sums, days = np.add.reduceat(self.values[order], starts), day[order[starts]]
        firsts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
        return self._noon(days[firsts], self.offset_min[order[starts[firsts]]]), np.maximum.reduceat(sums, firsts)

    @staticmethod
    def _noon(day: NDArray[np.int64], offset_min: NDArray[np.int16]) -> Floats:
        made: Floats = (day + 0.5) * DAY_S - 60.0 * offset_min
        return made


class Timeline:
    """All observations of one patient, merged in order of time and without what came twice.

    Cheap to make: a code's readings are merged when they are first asked for.

    Attributes
    ----------
    person : Person
        What the imports know of the patient, together.
    sources : tuple of Source
    codes : tuple of str
        LOINC codes with readings, in the order of the table of codes.

    Raises
    ------
    BadInput
        When the observations are of different patients.
    """

    def __init__(self, observations: Iterable[Observations] = ()) -> None:
        self.observations = tuple(observations)
        self.person = _person(self.observations)
        self.sources = tuple(source for one in self.observations for source in one.sources)
        present = {code for one in self.observations for code in one.codes}
        self.codes = tuple(code for code in CODES if code in present)
        self._series: dict[str, Series] = {}

    def __len__(self) -> int:
        return sum(len(self.series(code)) for code in self.codes)

    def __contains__(self, code: str) -> bool:
        return len(self.series(code)) > 0

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What happened, in order of time, each once. ``source`` points into the timeline's sources."""
        found: dict[tuple[object, ...], Event] = {}
        first = 0
        for one in self.observations:
            for event in one.events:
                found.setdefault(event_key(event), event.model_copy(update={"source": event.source + first}))
            first += len(one.sources)
        return tuple(sorted(found.values(), key=lambda event: event.start_s))

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last time of a reading; (nan, nan) without any."""
        ends = [
            (float(one.times_s[0]), float(one.times_s[-1])) for one in self.observations if len(one.times_s)
        ]  # in order of time
        return (min(a for a, _ in ends), max(b for _, b in ends)) if ends else (np.nan, np.nan)

    def series(self, code: str, t0_s: float = -np.inf, t1_s: float = np.inf) -> Series:
        """The readings of a code from ``t0_s`` (included) to ``t1_s`` (not); empty where there are none.

        ``code`` may be any name that the table of codes knows.
        """
        known = find(code)
        loinc = known.loinc if known else code
        if loinc not in self._series:
            self._series[loinc] = self._merged(loinc)
        whole = self._series[loinc]
        return whole if t0_s == -np.inf and t1_s == np.inf else whole.between(t0_s, t1_s)

    def window(self, code: str, t0_s: float, t1_s: float, pixels: int) -> Window:
        """What to draw of a code between two times in a plot so many pixels wide: under 5 ms for a million samples."""
        return self.series(code).pyramid.window(t0_s, t1_s, pixels)

    def last(self, code: str, before_s: float = np.inf) -> Sample | None:
        """The newest reading of a code, at ``before_s`` or earlier."""
        series = self.series(code)
        at = int(np.searchsorted(series.times_s, before_s, side="right")) - 1
        if at < 0:
            return None
        return Sample(float(series.times_s[at]), float(series.values[at]), series.code, self.sources[series.source[at]])

    def _merged(self, code: str) -> Series:
        parts, first = [], 0
        for one in self.observations:
            if code in one.codes:
                alone = len(one.codes) == 1  # nothing to choose from, and nothing to copy
                at = slice(None) if alone else np.flatnonzero(np.asarray(one.code) == one.codes.index(code))
                columns = (one.times_s, one.values, one.durations_s, one.offset_min)
                parts.append((*(np.asarray(column)[at] for column in columns), one.source[at] + np.int32(first)))
            first += len(one.sources)
        if not parts:
            none = np.zeros(0)
            return Series(code, none, none, none.astype(np.float32), none.astype(np.int16), none.astype(np.int32))
        times, values, durations, offsets, sources = (
            parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        )
        durations, offsets, sources = (
            durations.astype(np.float32, copy=False),
            offsets.astype(np.int16, copy=False),
            sources.astype(np.int32, copy=False),
        )
        made = Series(code, times, values, durations, offsets, sources)
        if bool((np.diff(times) >= SAME_S).all()):  # as one import mostly is: neither to be sorted nor anything twice
            return made
        order = in_order(times, values)
        return made.part(order if len(parts) == 1 else order[~repeats(times[order], values[order])])


def in_order(times_s: Floats, values: Floats) -> NDArray[np.int64]:
    """Places in order of time, and of value where times are equal. Quick where long stretches are in order already."""
    order = np.argsort(times_s, kind="stable")
    sorted_s = times_s[order]
    equal = np.zeros(len(order), bool)
    equal[1:] = sorted_s[1:] == sorted_s[:-1]
    equal[:-1] |= equal[1:]
    if equal.any():
        tied = order[equal]
        order[equal] = tied[np.lexsort((values[tied], times_s[tied]))]
    return order


def nearby(observations: Iterable[Observations], code: str, t0_s: float, t1_s: float) -> tuple[Floats, Floats, Floats]:
    """Times, values and number of the source of a code's readings between two times, without merging all there are."""
    found: list[tuple[Floats, Floats, Floats]] = [(np.zeros(0), np.zeros(0), np.zeros(0))]
    first = 0
    for one in observations:
        if code in one.codes:
            i0, i1 = np.searchsorted(one.times_s, [t0_s, t1_s])
            at = i0 + np.flatnonzero(one.code[i0:i1] == one.codes.index(code))
            found.append((one.times_s[at], one.values[at], one.source[at].astype(np.float64) + first))
        first += len(one.sources)
    times, values, sources = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return times, values, sources


def event_key(event: Event) -> tuple[object, ...]:
    """What two records of one event share, whatever words they have for it."""
    end = None if event.end_s is None else round(event.end_s)
    return event.kind, event.system, event.code or event.display, round(event.start_s), end


def repeats(times_s: Floats, values: Floats) -> NDArray[np.bool_]:
    """Which samples say again what the one before says: sorted by time and value; a value that went through another unit on its
    way differs by its rounding, so 0.5 % counts as the same."""
    again = np.zeros(len(times_s), np.bool_)
    if len(times_s) > 1:
        near = np.abs(np.diff(values)) <= 0.005 * np.abs(values[1:])
        again[1:] = (np.diff(times_s) < SAME_S) & near
    return again


def _person(observations: tuple[Observations, ...]) -> Person:
    person = Person()
    for one in observations:
        if disagree(person, one.person):
            raise BadInput(
                "These readings are of different patients", where=one.name, remedy="Keep each patient in a project."
            )
        person = together(person, one.person)
    return person
