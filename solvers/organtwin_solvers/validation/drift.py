"""Change detection on simulated patients: how many days before a fixed limit it speaks, and how often it speaks in vain.

Every patient has a steady half year and then gets worse (a ramp, as published) or does not. Day-to-day spread, correlation and
size of the worsening are those of the literature where there is any, and our choice where it says so. The patients do not come
from the detector's own model: their worsening is bent (slow, then fast), levels differ from person to person, weeks have a
rhythm, a season passes, days are missing, some values are wild, and values are rounded as devices do.

Compared are, at the same number of false alarms on the patients that do not worsen, the detector and a fixed limit of the same
readings: on the distance from each patient's own first month (which favours it over one limit for all), with the daily values
averaged over three days. And the limit that guidelines give.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor
from organtwin.twin.drift import OVER, Daily, Direction, Settings, detect
from organtwin.validation import Case, Row

Floats = NDArray[np.float64]

STEADY_DAYS, WORSE_DAYS, FIRST = 150, 45, 40
MONTH = 365.25 / 12.0
BORNE = 1.0 / 6.0  # false alarms for each patient and month that the detector is told to keep to


@dataclass(frozen=True)
class Signal:
    """One daily reading. ``worse`` is the change at the end of the worsening; ``limit`` tells from the values (n) of a patient on
    which days the guideline's limit is crossed."""

    title: str
    unit: str
    level: tuple[float, float]  # mean and spread over patients
    spread: float
    correlation: float
    worse: float
    grain: float
    limit: Callable[[Floats], NDArray[np.bool_]] | None = None
    highest: float = np.inf

    @property
    def direction(self) -> Direction:
        return "rise" if self.worse > 0 else "fall"


@dataclass(frozen=True)
class Illness:
    """``days`` from the first day of the change to the event (admission, exacerbation)."""

    name: str
    days: int
    signals: tuple[Signal, ...]
    guideline: str
    source: str


def _gain(kg: float, days: int) -> Callable[[Floats], NDArray[np.bool_]]:
    def crossed(values: Floats) -> NDArray[np.bool_]:
        seen = np.zeros(len(values), bool)
        for day in range(1, len(values)):
            before = values[max(day - days, 0) : day]
            seen[day] = np.isfinite(values[day]) and np.isfinite(before).any() and values[day] - np.nanmin(before) >= kg
        return seen

    return crossed


def _median_below(limit: float, days: int) -> Callable[[Floats], NDArray[np.bool_]]:
    return lambda values: _rolling(values, days) < limit


def _median_above(limit: float, days: int) -> Callable[[Floats], NDArray[np.bool_]]:
    return lambda values: _rolling(values, days) > limit


def _rolling(values: Floats, days: int) -> Floats:
    with np.errstate(all="ignore"):
        padded = np.concatenate([np.full(days - 1, np.nan), values])
        windows = np.lib.stride_tricks.sliding_window_view(padded, days)
        enough = np.isfinite(windows).sum(axis=1) >= max(days // 2, 1)
        filled = np.where(enough[:, None], windows, 0.0)
        return np.where(enough, np.nanmedian(filled, axis=1), np.nan)


# Chaudhry et al., Circulation 2007;116:1549: weight rises from about a month, and clearly for a week, before admission, by 2 to 10
# pounds. Spread of a day's weight: our choice within 0.5-0.8 kg. Resting rate: Quer et al., PLoS One 2020;15:e0227709, within a
# person about 3 /min. Home pressure from day to day: Kikuya et al., Hypertension 2008;52:1045 (systolic about 8 mmHg); what it does
# before decompensation differs, a small rise here (our choice; Adamson et al., JACC 2003;41:565 saw right ventricular pressures rise
# by a quarter over four days and more).
HEART_FAILURE = Illness(
    "heart failure",
    28,
    (
        Signal("weight", "kg", (82.0, 14.0), 0.6, 0.4, 2.7, 0.1, _gain(2.0, 3)),
        Signal("heart rate", "/min", (68.0, 8.0), 3.0, 0.3, 5.0, 1.0),
        Signal("systolic pressure", "mmHg", (124.0, 12.0), 8.0, 0.2, 5.0, 1.0),
    ),
    "weight gain of 2 kg in 3 days",
    "Chaudhry et al., Circulation 2007; ESC 2021",
)
# A slow loss of control: mean glucose up by about 40 mg/dL in six weeks is 1.4 % of HbA1c (Nathan et al., Diabetes Care 2008;31:1473);
# a day's median of a sensor differs from day to day by about 20 mg/dL in type 2 diabetes (our choice).
GLUCOSE = Illness(
    "glucose worsening",
    42,
    (Signal("glucose", "mg/dL", (148.0, 9.0), 20.0, 0.4, 42.0, 1.0, _median_above(180.0, 7)),),
    "median of a week above 180 mg/dL",
    "Nathan et al., Diabetes Care 2008",
)
# Hurst et al., BMC Pulm Med 2010;10:52: saturation falls by 1.2 % and pulse rises by 5 /min towards an exacerbation; Yanez et al., Chest
# 2012;141:1524: breathing rate rises by 15-30 % in the days before. Spreads within a person are our choice.
COPD = Illness(
    "COPD exacerbation",
    14,
    (
        Signal("SpO2", "%", (94.0, 0.9), 1.0, 0.3, -2.5, 1.0, _median_below(92.0, 3), highest=100.0),
        Signal("respiratory rate", "/min", (17.0, 2.0), 1.4, 0.3, 4.0, 0.5),
        Signal("heart rate", "/min", (78.0, 8.0), 3.5, 0.3, 5.0, 1.0),
    ),
    "median SpO2 of three days below 92 %",
    "Hurst et al. 2010; Yanez et al. 2012; GOLD 2024",
)
ILLNESSES = (HEART_FAILURE, GLUCOSE, COPD)


def simulated(rng: np.random.Generator, illness: Illness, onset: int | None) -> list[Floats]:
    """Daily values (n) of each signal, NaN where a day is missing. ``onset`` is the first day of the change, None without any."""
    n = STEADY_DAYS + WORSE_DAYS
    days = np.arange(n)
    missing = rng.random(n) < 0.1
    away = rng.integers(FIRST, n - 20)
    missing[away : away + rng.integers(0, 7)] = True  # a journey without the devices
    vary = rng.uniform(0.7, 1.3)  # people differ in how steady and how ill they are
    bent = rng.uniform(0.8, 1.8)
    size = rng.uniform(0.7, 1.4)
    signals = []
    for signal in illness.signals:
        phi = float(np.clip(signal.correlation + 0.15 * rng.standard_normal(), 0.0, 0.7))
        steps = rng.standard_t(5, n) / np.sqrt(5.0 / 3.0)
        noise = np.empty(n)
        noise[0] = steps[0]
        for day in range(1, n):
            noise[day] = phi * noise[day - 1] + np.sqrt(1.0 - phi**2) * steps[day]
        values = rng.normal(*signal.level) + vary * signal.spread * noise
        values += 0.3 * signal.spread * (np.sin(2 * np.pi * (days + rng.integers(7)) / 7.0))
        values += 0.4 * signal.spread * np.sin(2 * np.pi * (days / 365.25 + rng.random()))
        if onset is not None:
            values += size * signal.worse * np.clip((days - onset + 1) / illness.days, 0.0, 1.2) ** bent
        wild = rng.random(n) < 0.01
        values[wild] += rng.choice([-6.0, 6.0], wild.sum()) * signal.spread
        values = np.minimum(np.round(values / signal.grain) * signal.grain, signal.highest)
        signals.append(np.where(missing | (rng.random(n) < 0.05), np.nan, values))
    return signals


def scores(signals: list[Floats], illness: Illness, settings: Settings) -> tuple[Floats, Floats, float]:
    """(n) the detector's evidence on each day, (n) its estimate of the onset, and the threshold that it sets itself."""
    known = [Daily(np.flatnonzero(np.isfinite(v)).astype(np.int64), v[np.isfinite(v)]) for v in signals]
    n = len(signals[0])
    evidence, onset, limit = np.full(n, -np.inf), np.full(n, np.nan), np.inf
    for day in range(FIRST, n):
        drift = detect(known, [s.direction for s in illness.signals], day, settings)
        if drift is not None:
            evidence[day], onset[day], limit = drift.score, drift.onset_day, drift.threshold
    return evidence, onset, limit


def fixed(signals: list[Floats], illness: Illness) -> Floats:
    """(n) the greatest distance of a signal from the patient's own first days, mean of three days, in its typical spread."""
    away = []
    for signal, values in zip(illness.signals, signals, strict=True):
        own = np.nanmedian(values[:FIRST])
        padded = np.concatenate([np.full(2, np.nan), values])
        windows = np.lib.stride_tricks.sliding_window_view(padded, 3)
        count = np.isfinite(windows).sum(axis=1)
        mean = np.where(count > 0, np.nansum(windows, axis=1) / np.maximum(count, 1), np.nan)
        away.append(np.sign(signal.worse) * (mean - own) / signal.spread)
    worst = np.nanmax(np.where(np.isfinite(away), away, -np.inf), axis=0)
    worst[:FIRST] = -np.inf
    return np.asarray(worst, float)


def alarms(evidence: Floats, limit: float, over: float) -> int:
    """Each counted once until the evidence has fallen below a part of the limit."""
    count, on = 0, False
    for value in evidence[FIRST:]:
        if not on and value >= limit:
            on, count = True, count + 1
        elif value < over * limit:
            on = False
    return count


def rate(all_: list[Floats], limit: float, over: float) -> float:
    """False alarms for each patient and month."""
    return sum(alarms(e, limit, over) for e in all_) / (sum(len(e) - FIRST for e in all_) / MONTH)


def same_rate(all_: list[Floats], wanted: float, over: float) -> float:
    """The lowest limit that gives no more than this many false alarms."""
    finite = np.concatenate([e[np.isfinite(e)] for e in all_])
    for limit in np.quantile(finite, np.linspace(0.5, 1.0, 400)):
        if limit > 0.0 and rate(all_, float(limit), over) <= wanted:
            return float(limit)
    return float(finite.max()) + 1e-6


def first_day(evidence: Floats, limit: float, onset: int, event: int) -> float:
    """The first day from the onset to the event on which the limit is reached; inf where it is not."""
    days = np.flatnonzero(evidence[onset : event + 1] >= limit)
    return float(onset + days[0]) if len(days) else np.inf


def compared(illness: Illness, patients: int, seed: int) -> list[Row]:
    begun = time.perf_counter()
    rng = np.random.default_rng(seed)
    settings = Settings(false_alarms_per_month=BORNE)
    calm = [simulated(rng, illness, None) for _ in range(patients)]
    onsets = [int(rng.integers(STEADY_DAYS - 30, STEADY_DAYS)) for _ in range(patients)]
    worse = [simulated(rng, illness, onset) for onset in onsets]
    calm_detector = [scores(p, illness, settings) for p in calm]
    own_limit = next(limit for _, _, limit in calm_detector if np.isfinite(limit))
    measured = rate([e for e, _, _ in calm_detector], own_limit, OVER)
    calm_fixed = [fixed(p, illness) for p in calm]
    fixed_limit = same_rate(calm_fixed, measured, OVER)
    signal = next(s for s in illness.signals if s.limit is not None)
    assert signal.limit is not None
    place = illness.signals.index(signal)
    detector_day, fixed_day, guide_day, error = [], [], [], []
    for patient, onset in zip(worse, onsets, strict=True):
        event = onset + illness.days - 1
        evidence, estimate, _ = scores(patient, illness, settings)
        day = first_day(evidence, own_limit, onset, event)
        detector_day.append(event - day)
        fixed_day.append(event - first_day(fixed(patient, illness), fixed_limit, onset, event))
        guide_day.append(event - first_day(np.where(signal.limit(patient[place]), 1.0, 0.0), 1.0, onset, event))
        if np.isfinite(day):
            error.append(abs(estimate[int(day)] - onset))
    crossed = [np.where(signal.limit(patient[place]), 1.0, 0.0) for patient in calm]
    guide_rate = rate(crossed, 1.0, 1.0)
    seconds = time.perf_counter() - begun
    size = f"{patients} + {patients} patients, {STEADY_DAYS + WORSE_DAYS} days"
    ours, theirs, guide = (np.array(d) for d in (detector_day, fixed_day, guide_day))
    # a change that was not noticed has no lead: it is noticed at the event
    lead = [float(np.maximum(d, 0.0).mean()) for d in (ours, theirs, guide)]
    caught = [100.0 * float(np.mean(d >= 0.0)) for d in (ours, theirs, guide)]

    def row(
        what: str,
        reference: float,
        computed: float,
        unit: str,
        source: str,
        at_least: bool = True,
        accepted: float = 0.0,
    ) -> Row:
        return Row(f"{illness.name}: {what}", reference, computed, unit, accepted, source, size, seconds, at_least)

    months = sum(len(e) - FIRST for e, _, _ in calm_detector) / MONTH
    chance = 2.0 / np.sqrt(BORNE * months)  # two standard deviations of what is counted
    borne = round(100.0 * (1.0 - 1.0 / (1.0 + chance)), 1)
    same = f"a fixed limit at the same false alarms, computed here; less two standard errors; {illness.source}"
    guideline = f"{illness.guideline} (notices {caught[2]:.0f} %, {guide_rate:.2f} false alarms a month), computed here; less two standard errors"
    warned = [np.maximum(d, 0.0) for d in (ours, theirs, guide)]
    noticed = [100.0 * (d >= 0.0) for d in (ours, theirs, guide)]
    rows = [
        row("months between false alarms of a patient", 1.0 / BORNE, 1.0 / max(measured, 1.0 / months), "months",
            "what the detector was told to keep to, less two standard deviations of chance", accepted=borne),
        row("mean warning before the event, against a fixed limit", lead[1], lead[0], "d", same,
            accepted=_chance(warned[0], warned[1])),
        row("noticed before the event, against a fixed limit", caught[1], caught[0], "%", same,
            accepted=_chance(noticed[0], noticed[1])),
        row("mean warning before the event, against the guideline", lead[2], lead[0], "d", guideline,
            accepted=_chance(warned[0], warned[2])),
    ]  # fmt: skip
    if error:
        rows.append(
            row(
                "median error of the day on which it began",
                0.0,
                float(np.median(error)),
                "d",
                "the simulated onset",
                False,
                100.0 * 0.5 * illness.days,
            )
        )
    return rows


def _chance(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    """Two standard errors of the difference of the same patients' numbers, in percent of theirs."""
    error = float(np.std(ours - theirs, ddof=1)) / np.sqrt(len(ours))
    return round(200.0 * error / max(float(theirs.mean()), 1e-9), 1)


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of each illness; with ``quick`` fewer patients."""
    rows = []
    for k, illness in enumerate(ILLNESSES):
        monitor.progress(k / len(ILLNESSES), illness.name)
        rows += compared(illness, 16 if quick else 60, 2026 + k)
    return rows


CASE = Case("drift", "Change noticed before a limit is crossed", run)
