"""What the timeline shows, gathered from all imports of a project. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from organtwin.model import Forecast, Observations
from organtwin.timeline.codes import CODES
from organtwin.timeline.days import DAY_S
from organtwin.timeline.pyramid import Window
from organtwin.timeline.timeline import Sample, Timeline
from organtwin.twin.readings import codes_of
from organtwin_gui.timeline.lane import Band, Floats, Seen, Track
from organtwin_gui.timeline.quarantine import lines_of, reason_of
from organtwin_gui.timeline.units import number_words, unit_words

# readings of one unit that are looked at together
TOGETHER: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Blood pressure", ("8480-6", "8462-4")),
    ("Heart rate", ("8867-4", "40443-4")),
    ("Glucose", ("99504-3", "41653-7", "2339-0", "2345-7")),
    ("Insulin", ("insulin-rapid", "insulin-long")),
    ("Oxygen saturation", ("59408-5", "2708-6")),
    ("Volumes of the left ventricle", ("18026-5", "18148-7")),
    ("Cholesterol", ("2093-3", "13457-7", "2085-9")),
)
# what is seen at first, if it is there
AT_FIRST = ("8480-6", "8867-4", "99504-3", "41653-7", "2339-0", "59408-5", "29463-7", "55423-8", "20150-9", "33762-6")
FIRST_LANES = 6
DAILY_FROM_S = 4 * DAY_S  # amounts are summed by day where this much or more is in sight
PREPARED_PX = 900


@dataclass(frozen=True)
class LaneKind:
    """A lane that can be shown."""

    key: str  # the first of its codes
    name: str
    group: str
    tracks: tuple[Track, ...]
    count: int
    last: Sample
    said: str  # the last value of each track


@dataclass(frozen=True, eq=False)
class Gathered:
    """All of it; made beside the window's thread, since a million readings take a moment to be put in order."""

    timeline: Timeline
    lanes: tuple[LaneKind, ...]
    lines: list[bytes]  # set aside
    reasons: list[str]
    offset_s: float
    daily: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last time of a reading; of events where there are none. What began long before is seen from then on."""
        if np.isfinite(self.timeline.span_s[0]):
            return self.timeline.span_s
        starts = [e.start_s for e in self.timeline.events]
        return (min(starts), max(starts)) if starts else (np.nan, np.nan)

    @property
    def now_s(self) -> float:
        """The time of the last reading."""
        return self.span_s[1]

    def seen(self, track: Track, start_s: float, end_s: float, pixels: int) -> Seen:
        """What of a track is to be drawn between two times."""
        if track.adds and end_s - start_s >= DAILY_FROM_S:
            days, values = self.daily[track.code]
            at = slice(*np.searchsorted(days, [start_s - DAY_S, end_s + DAY_S]))
            made = values[at]
            return Seen(Window(days[at], made, made, made, np.ones(len(made), np.int64)), daily=True)
        beside = 0.02 * (end_s - start_s)  # so that lines lead out of sight
        return Seen(self.timeline.window(track.code, start_s - beside, end_s + beside, round(1.06 * pixels)))


def gather(imports: Sequence[Observations]) -> Gathered:
    """Put everything in order.

    Raises
    ------
    BadInput
        When the imports are of different patients.
    """
    timeline = Timeline(imports)
    there = [code for code in timeline.codes if code in timeline]
    groups = dict.fromkeys(_lane_of(code) for code in there)
    lanes = []
    for name, codes in groups:
        mine = [code for code in codes if code in there]
        samples = [s for code in mine if (s := timeline.last(code)) is not None]
        tracks = tuple(
            Track(c, CODES[c].title, unit_words(CODES[c].unit), CODES[c].usual, CODES[c].adds, CODES[c].label)
            for c in mine
        )
        count = sum(len(timeline.series(code)) for code in mine)
        last = max(samples, key=lambda s: s.time_s)
        title = name if len(mine) > 1 else CODES[mine[0]].title
        newest = [s for s in samples if s.time_s > last.time_s - DAY_S] if name == "Blood pressure" else [last]
        said = " / ".join(number_words(s.value) for s in newest)
        lanes.append(
            LaneKind(mine[0], title, CODES[mine[0]].group, tracks, count, last, f"{said} {tracks[0].unit}".strip())
        )
    for code in there:  # the first frame must not wait for it
        timeline.window(code, *timeline.span_s, PREPARED_PX)
    daily = {code: timeline.series(code).daily() for code in there if CODES[code].adds}
    lines = lines_of(imports)
    offsets = [np.median(one.offset_min) for one in imports if len(one)]
    offset_s = 60.0 * float(np.median(offsets)) if offsets else 0.0
    _ = timeline.events
    return Gathered(timeline, tuple(lanes), lines, [reason_of(line) for line in lines], offset_s, daily)


def _lane_of(code: str) -> tuple[str, tuple[str, ...]]:
    for name, codes in TOGETHER:
        if code in codes:
            return name, codes
    return CODES[code].title, (code,)


def first_lanes(gathered: Gathered) -> list[str]:
    """Keys of the lanes that are seen at first: the usual ones, then those with most readings."""
    by_code = {track.code: lane.key for lane in gathered.lanes for track in lane.tracks}
    usual = [by_code[code] for code in AT_FIRST if code in by_code]
    others = [lane.key for lane in sorted(gathered.lanes, key=lambda lane: -lane.count)]
    chosen = list(dict.fromkeys([*usual, *others]))[:FIRST_LANES]
    return [lane.key for lane in gathered.lanes if lane.key in chosen]


def bands_of(forecast: Forecast, tracks: Sequence[Track]) -> dict[str, Band]:
    """What a forecast expects of the tracks of a lane, by code. What stands for a reading that the lane has itself is left out."""
    rows = {loinc: row for row, loinc in enumerate(forecast.loinc) if loinc}
    found = {t.code: rows[t.code] for t in tracks if t.code in rows}
    if not found and tracks:
        other = next((code for code in codes_of(tracks[0].code) if code in rows), None)
        found = {tracks[0].code: rows[other]} if other else {}
    times, quantiles = np.asarray(forecast.times_s, float), np.asarray(forecast.quantiles, float)
    return {
        code: Band(times, quantiles[row], forecast.name)
        for code, row in found.items()
        if np.isfinite(quantiles[row]).all()
    }
