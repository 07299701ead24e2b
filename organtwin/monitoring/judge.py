"""One rule of a protocol, judged on one patient's readings: it holds (a finding), it does not, or it cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from organtwin.model import Forecast, TwinState
from organtwin.monitoring.protocol import (
    Change,
    Composite,
    Drifting,
    Missing,
    Protocol,
    Rule,
    Share,
    Threshold,
    TwinAway,
    Watched,
    days,
    per_day,
    share,
)
from organtwin.monitoring.records import Adherence, Finding
from organtwin.timeline.days import DAY_S, long_day
from organtwin.timeline.timeline import Series, Timeline
from organtwin.timeline.words import number_words, unit_words
from organtwin.twin.drift import Daily, Drift, Floats, Settings, daily, detect

FRESH_DAYS = 7.0  # a last reading older than this says nothing of now, unless the rule says otherwise
BACK_DAYS = 180.0  # how far back "since when" is looked for


class CannotTell(Exception):
    """Why a rule could not be judged, as a sentence."""


@dataclass
class Patient:
    """What rules look at. ``open_rules`` are those with an open alert: a drift is over later than it begins."""

    timeline: Timeline
    now_s: float
    states: Sequence[TwinState] = ()
    forecasts: Sequence[Forecast] = ()
    begun_s: float | None = None
    open_rules: frozenset[tuple[str, str]] = frozenset()
    _series: dict[str, Series] = field(default_factory=dict)
    _daily: dict[str, Daily] = field(default_factory=dict)

    def series(self, watched: Watched) -> Series:
        """Readings up to now, of the first of its codes that the patient has had within a month, else has had at all."""
        told = [self._of(code) for code in watched.codes]
        recent = [s for s in told if len(s) and s.times_s[-1] > self.now_s - 30.0 * DAY_S]
        return next(iter(recent), None) or next((s for s in told if len(s)), told[0])

    def _of(self, code: str) -> Series:
        if code not in self._series:
            self._series[code] = self.timeline.series(code).between(t1_s=self.now_s + 1.0)
        return self._series[code]

    def daily(self, watched: Watched) -> Daily:
        """The median of each day; of what is counted (steps) its sum."""
        series = self.series(watched)
        if series.code not in self._daily:
            if len(series) and series.known.adds:
                noon, sums = series.daily("sum")
                self._daily[series.code] = Daily(np.rint(noon / DAY_S - 0.5).astype(np.int64), sums)
            else:
                self._daily[series.code] = daily(series.times_s, series.values, series.offset_min)
        return self._daily[series.code]

    @property
    def today(self) -> int:
        """The local day of the newest reading's clock."""
        return int(np.floor((self.now_s + 60.0 * self.offset_min) / DAY_S))

    @property
    def offset_min(self) -> float:
        newest = max((s for s in self._series.values() if len(s)), key=lambda s: s.times_s[-1], default=None)
        return float(newest.offset_min[-1]) if newest is not None else 0.0

    def day_s(self, day: int) -> float:
        """The beginning of a local day."""
        return day * DAY_S - 60.0 * self.offset_min

    def date(self, time_s: float) -> str:
        return long_day(time_s, self.offset_min)


def judge(rule: Rule, protocol: Protocol, patient: Patient, found: Mapping[str, Finding]) -> Finding | None:
    """The finding of a rule that holds, or None. ``found`` are those of the rules before it.

    Raises
    ------
    CannotTell
        With a sentence that says what is lacking.
    """
    told = _JUDGES[type(rule)](rule, protocol, patient, found)
    if told is None:
        return None
    since_s, why, evidence = told
    if rule.says:
        why = f"{why} {rule.says}"
    return Finding(protocol.name, rule.name, rule.severity, since_s, why, evidence)


Told = tuple[float, str, tuple[str, ...]] | None


def _threshold(rule: Threshold, protocol: Protocol, patient: Patient, _: Mapping[str, Finding]) -> Told:
    watched = protocol.readings[rule.reading]
    series = patient.series(watched)
    limit = watched.value(rule.above or rule.below)
    sign = 1.0 if rule.above else -1.0
    side = "above" if rule.above else "below"
    unit = unit_words(series.known.unit)
    if rule.of == "last":
        newest = _fresh(series, patient, days(rule.over) if rule.over else FRESH_DAYS)
        beyond = sign * (series.values - limit) > 0.0
        if not beyond[-1]:
            return None
        within = np.flatnonzero(~beyond)
        first = int(within[-1]) + 1 if len(within) else 0
        count = len(series) - first
        repeated = f", as were the last {count} readings" if count > 1 else ""
        why = f"{series.known.title} was {number_words(newest)} {unit} on {patient.date(series.times_s[-1])}, {side} {number_words(limit)} {unit}{repeated}."
        return float(series.times_s[first]), why, (series.code,)
    span = days(rule.over)
    statistic = _statistic(rule.of, rule.least)
    value = statistic(_last(series, patient.now_s, span))
    if value is None:
        raise CannotTell(_too_few(series, patient, span, rule.least))
    if sign * (value - limit) <= 0.0:
        return None
    since = _since(series, patient.now_s, span, lambda v: (x := statistic(v)) is not None and sign * (x - limit) > 0.0)
    count = len(_last(series, patient.now_s, span))
    return (
        since,
        f"{series.known.title}: the {rule.of} of {count} readings in {rule.over} is {number_words(value)} {unit}, {side} {number_words(limit)} {unit} "
        f"since {patient.date(since)}.",
        (series.code,),
    )


def _share(rule: Share, protocol: Protocol, patient: Patient, _: Mapping[str, Finding]) -> Told:
    watched = protocol.readings[rule.reading]
    series = patient.series(watched)
    low = watched.value(rule.from_) if rule.from_ else -np.inf
    high = watched.value(rule.to) if rule.to else np.inf
    limit = share(rule.above or rule.below)
    sign = 1.0 if rule.above else -1.0
    span = days(rule.over)

    def inside(values: Floats) -> float | None:
        return float(np.mean((values >= low) & (values <= high))) if len(values) >= rule.least else None

    part = inside(_last(series, patient.now_s, span))
    if part is None:
        raise CannotTell(_too_few(series, patient, span, rule.least))
    if sign * (part - limit) <= 0.0:
        return None
    since = _since(series, patient.now_s, span, lambda v: (x := inside(v)) is not None and sign * (x - limit) > 0.0)
    unit = unit_words(series.known.unit)
    ends = [number_words(x) for x in (low, high) if np.isfinite(x)]
    between = "between " + " and ".join(ends) if len(ends) == 2 else ("up to " if rule.to else "from ") + ends[0]
    return (
        since,
        f"{series.known.title}: {100 * part:.1f} % of the readings of {rule.over} are {between} {unit}, "
        f"{'more' if rule.above else 'less'} than {rule.above or rule.below}, since {patient.date(since)}.",
        (series.code,),
    )


def _change(rule: Change, protocol: Protocol, patient: Patient, _: Mapping[str, Finding]) -> Told:
    watched = protocol.readings[rule.reading]
    series = patient.series(watched)
    span = days(rule.within)
    _fresh(series, patient, min(span, 3.0) if span < 30.0 else span)
    each = patient.daily(watched)
    amount = watched.value(rule.rise or rule.fall, difference=True)
    sign = 1.0 if rule.rise else -1.0
    near = each.days >= each.days[-1] - span
    if near.sum() < 2:
        raise CannotTell(f"{series.known.title}: only one day of the last {rule.within} has a value.")
    before = sign * each.values[near]
    low = int(before[:-1].argmin())
    moved = float(before[-1] - before[low])
    if moved < amount - 1e-9:
        return None
    first = int(each.days[near][low])
    unit = unit_words(series.known.unit)
    since = patient.day_s(first)
    return (
        since,
        f"{series.known.title} {'rose' if rule.rise else 'fell'} by {number_words(moved)} {unit} in {_count(int(each.days[-1]) - first, 'day')}, "
        f"from {number_words(sign * before[low])} on {patient.date(since)} to {number_words(sign * before[-1])} {unit}; "
        f"{number_words(amount)} {unit} within {rule.within} is the limit.",
        (series.code,),
    )


def _drifting(rule: Drifting, protocol: Protocol, patient: Patient, _: Mapping[str, Finding]) -> Told:
    names = [n for n in rule.readings if len(patient.series(protocol.readings[n]))]
    if not names:
        raise CannotTell(f"'{rule.name}': none of its readings was ever taken.")
    known = [patient.daily(protocol.readings[n]) for n in names]
    newest = max(int(one.days[-1]) for one in known)
    if newest < patient.today - 3:
        raise CannotTell(f"'{rule.name}': no value for {_count(patient.today - newest, 'day')}.")
    settings = Settings(false_alarms_per_month=rule.false_alarms_per_month)
    drift = detect(known, [rule.readings[n] for n in names], newest, settings)
    if drift is None:
        raise CannotTell(
            f"'{rule.name}': a drift needs {settings.before_days + settings.after_days} days with a value within "
            f"{settings.window_days} days."
        )
    is_open = (protocol.name, rule.name) in patient.open_rules
    if not (drift.found or (is_open and not drift.over)):
        return None
    for name, text in rule.at_least.items():
        if name in names and abs(drift.moved[names.index(name)].change) < protocol.readings[name].value(
            text, difference=True
        ):
            return None
    since = patient.day_s(drift.onset_day)
    return (
        since,
        drift_in_words([patient.series(protocol.readings[n]) for n in names], drift, patient),
        tuple(patient.series(protocol.readings[n]).code for n in names),
    )


def drift_in_words(series: Sequence[Series], drift: Drift, patient: Patient) -> str:
    """What moved by how much, against what is usual for this patient."""
    parts = []
    for one, moved in zip(series, drift.moved, strict=True):
        unit = unit_words(one.known.unit)
        way = "rises" if moved.change > 0.0 else "falls"
        if moved.score < 1.0:
            parts.append(f"{one.known.title} stays at {number_words(moved.level)} {unit}")
            continue
        how = f"{way} slowly" if moved.shape == "slope" else f"{way}"
        parts.append(
            f"{one.known.title} {how} from {number_words(moved.level)} to {number_words(moved.now)} {unit} "
            f"({abs(moved.change) / moved.spread:.1f} of the patient's own standard deviations, {number_words(moved.spread)} {unit})"
        )
    since = patient.date(patient.day_s(drift.onset_day))
    return f"Since about {since}: {'; '.join(parts)}. Evidence {drift.score:.1f}, limit {drift.threshold:.1f}."


def _missing(rule: Missing, protocol: Protocol, patient: Patient, _: Mapping[str, Finding]) -> Told:
    watched = protocol.readings[rule.reading]
    series = patient.series(watched)
    begun = patient.begun_s
    if not len(series) and (watched.optional or begun is None):
        raise CannotTell(f"{watched.title} was never taken.")
    last = float(series.times_s[-1]) if len(series) else float(begun or 0.0)
    if rule.none_for:
        silent = (patient.now_s - last) / DAY_S
        if silent <= days(rule.none_for):
            return None
        said = f"since {patient.date(last)}" if len(series) else f"since the protocol began on {patient.date(last)}"
        return (
            last,
            f"{watched.title}: no reading for {_count(int(silent), 'day')}, {said}; one is expected {watched.expect or 'now and then'}.",
            watched.codes[:1],
        )
    span = days(rule.over)
    first = float(series.times_s[0]) if begun is None and len(series) else (begun or patient.now_s)
    if patient.now_s - first < span * DAY_S:
        raise CannotTell(f"{watched.title}: fewer than {rule.over} since it began.")
    limit = share(rule.below)
    now = adhered(rule.reading, watched, protocol, patient, span)
    if now.share >= limit:
        return None
    since = patient.now_s
    while since - DAY_S > max(patient.now_s - BACK_DAYS * DAY_S, first + span * DAY_S):
        if _taken(series, watched, since - DAY_S, span)[0] / max(now.expected, 1e-9) >= limit:
            break
        since -= DAY_S
    return (
        since,
        f"{watched.title}: {number_words(now.taken)} of {number_words(now.expected)} expected readings in {rule.over} ({100 * now.share:.0f} %), "
        f"less than {rule.below} since {patient.date(since)}.",
        watched.codes[:1],
    )


def _twin_away(rule: TwinAway, protocol: Protocol, patient: Patient, _: Mapping[str, Finding]) -> Told:
    watched = protocol.readings[rule.reading]
    series = patient.series(watched)
    span = days(rule.over)
    window = series.between(patient.now_s - span * DAY_S, patient.now_s + 1.0)
    if len(window) < rule.least:
        raise CannotTell(_too_few(series, patient, span, rule.least))
    expected, sd, source = _expected(rule.model, series.code, window, patient)
    # readings of one day are alike: the mean of several is as good as one for each day
    count = len(np.unique(np.floor((window.times_s + 60.0 * window.offset_min) / DAY_S)))
    away = float(np.mean((window.values - expected) / sd)) * np.sqrt(count)
    if abs(away) < rule.more_than:
        return None
    unit = unit_words(series.known.unit)
    return (
        float(window.times_s[0]),
        f"{series.known.title} is {number_words(abs(float(np.mean(window.values - expected))))} {unit} "
        f"{'above' if away > 0 else 'below'} what the twin expects (mean of {len(window)} readings in {rule.over} {number_words(float(window.values.mean()))}, "
        f"{source} {number_words(float(np.mean(expected)))} {unit}): {abs(away):.1f} standard deviations.",
        (series.code,),
    )


def _expected(model: str, code: str, window: Series, patient: Patient) -> tuple[Floats, Floats, str]:
    """(n) what was expected of each reading and its standard deviation: by a forecast made before them, else by a twin that had
    not seen them."""
    for forecast in reversed(patient.forecasts):
        if forecast.model != model or forecast.scenario or code not in forecast.loinc or not forecast.predictive:
            continue
        if forecast.times_s[0] > window.times_s[0] or forecast.times_s[-1] < window.times_s[-1]:
            continue
        rows = np.asarray(forecast.quantiles)[forecast.loinc.index(code)]
        levels = list(forecast.levels)
        low, middle, high = (
            np.interp(window.times_s, forecast.times_s, rows[levels.index(x)]) for x in (0.05, 0.5, 0.95)
        )
        return middle, np.maximum((high - low) / 3.29, 1e-9), "forecast"
    from organtwin.physiology.model import find, names

    if model not in names():
        raise CannotTell(f"There is no model '{model}' in this installation.")
    known = find(model)
    reading = next((r for r in known.readings if r.loinc and patient.timeline.series(r.loinc).code == code), None)
    if reading is None:
        raise CannotTell(f"The model '{model}' does not predict {window.known.title}.")
    if known.pace != "day":
        raise CannotTell(
            f"The model '{model}' changes within a day: make a forecast, and its readings are compared with it."
        )
    for state in reversed(patient.states):
        if state.model != model or state.at_s > window.times_s[0]:
            continue
        told = {q.name: q.value for q in state.quantities}
        if reading.title in told:
            sd = max(told.get(f"scatter of {reading.key}", 0.0), reading.noise)
            n = len(window)
            return np.full(n, told[reading.title]), np.full(n, sd), "twin"
    raise CannotTell(
        f"No twin of '{model}' was calibrated before the last {_count(int((patient.now_s - window.times_s[0]) // DAY_S) + 1, 'day')}."
    )


def _composite(rule: Composite, protocol: Protocol, patient: Patient, found: Mapping[str, Finding]) -> Told:
    there = [found[name] for name in rule.parts if name in found]
    if len(there) < rule.needed:
        return None
    why = f"{len(there)} of {len(rule.parts)} signs together: " + " ".join(finding.why for finding in there)
    evidence = tuple(dict.fromkeys(code for finding in there for code in finding.evidence))
    return min(finding.since_s for finding in there), why, evidence


_JUDGES: dict[type, Callable[..., Told]] = {
    Threshold: _threshold, Share: _share, Change: _change, Drifting: _drifting, Missing: _missing, TwinAway: _twin_away,
    Composite: _composite,
}  # fmt: skip


# -- adherence ------------------------------------------------------------------------------------------------------------


def adhered(name: str, watched: Watched, protocol: Protocol, patient: Patient, span_days: float = 14.0) -> Adherence:
    """Readings taken against those expected, over the days up to now (no longer than the protocol has run)."""
    series = patient.series(watched)
    if patient.begun_s is not None:  # before that nobody had asked for them, unless they came anyway
        begun = min(patient.begun_s, float(series.times_s[0])) if len(series) else patient.begun_s
        span_days = max(min(span_days, (patient.now_s - begun) / DAY_S), 1.0)
    taken, expected = _taken(series, watched, patient.now_s, span_days)
    last = float(series.times_s[-1]) if len(series) else None
    return Adherence(protocol.name, name, series.known.title, span_days, expected, taken, last)


def _taken(series: Series, watched: Watched, until_s: float, span_days: float) -> tuple[float, float]:
    """(taken, expected): periods are counted back from ``until_s``, each up to what is expected in it."""
    rate, period = per_day(watched.expect)
    expected = rate * span_days
    times = series.between(until_s - span_days * DAY_S + 1.0, until_s + 1e-3).times_s
    if series.known.adds:  # many samples make one day's reading
        times = np.unique(np.floor((times - until_s) / DAY_S)) * DAY_S + until_s
    length = max(period, 1.0)
    which = np.floor((until_s - times) / (length * DAY_S)).astype(np.int64)
    counts = np.bincount(which) if len(which) else np.zeros(1)
    whole = np.ceil(span_days / length - 1e-9)
    room = np.full(int(max(whole, len(counts))), rate * length)
    room[len(room) - 1] = max(expected - rate * length * (whole - 1), 0.0) if whole == len(room) else 0.0
    return float(
        np.minimum(np.pad(counts.astype(float), (0, len(room) - len(counts))), np.ceil(room - 1e-9))
        .clip(max=room)
        .sum()
    ), expected


# -- the past -------------------------------------------------------------------------------------------------------------


def _fresh(series: Series, patient: Patient, span_days: float) -> float:
    if not len(series):
        raise CannotTell(f"{series.known.title} was never taken.")
    old = (patient.now_s - float(series.times_s[-1])) / DAY_S
    if old > span_days:
        raise CannotTell(f"{series.known.title}: the last reading is {_count(int(old), 'day')} old.")
    return float(series.values[-1])


def _last(series: Series, now_s: float, span_days: float) -> Floats:
    return series.between(
        now_s - span_days * DAY_S + 1.0, now_s + 1e-3
    ).values  # the reading of a week ago, to the minute, is out


def _statistic(of: str, least: int) -> Callable[[Floats], float | None]:
    functions: dict[str, Callable[[Floats], np.floating]] = {
        "mean": np.mean,
        "median": np.median,
        "lowest": np.min,
        "highest": np.max,
    }
    function = functions[of]
    return lambda values: float(function(values)) if len(values) >= least else None


def _since(series: Series, now_s: float, span_days: float, holds: Callable[[Floats], bool]) -> float:
    """The first reading of the unbroken time during which a statistic over the days before has held."""
    times = series.times_s[(series.times_s > now_s - BACK_DAYS * DAY_S) & (series.times_s <= now_s)]
    step = max(len(times) // 400, 1)  # a sensor's readings: near enough
    since = now_s
    for time in times[::-1][::step]:
        if not holds(_last(series, float(time), span_days)):
            break
        since = float(time)
    return since


def _too_few(series: Series, patient: Patient, span_days: float, least: int) -> str:
    have = len(_last(series, patient.now_s, span_days))
    return (
        f"{series.known.title}: {_count(have, 'reading')} in {_count(round(span_days, 1), 'day')}, {least} are needed."
    )


# -- words ----------------------------------------------------------------------------------------------------------------


def _count(n: float, what: str) -> str:
    return f"{n:g} {what}{'' if n == 1 else 's'}"
