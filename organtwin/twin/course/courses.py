"""How what imaging shows goes on: courses over several dates, and a forecast of each.

The scans are laid over each other first, so that a lesion is compared with itself and a vessel at the same place; each value
carries the sd of measuring it; the law of growth is then learnt from the values and what is known of other patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Course, Crossing, Forecast, Segmentation, Volume, structure
from organtwin.model.forecast import LEVELS
from organtwin.monitor import Monitor, PartMonitor
from organtwin.timeline.days import YEAR_S
from organtwin.twin.course import measures, subjects
from organtwin.twin.course.growth import Change, Growth, changed, first_beyond, grown
from organtwin.twin.course.measures import Measured
from organtwin.twin.course.registration import SAME, Laid, lay_over, overlap
from organtwin.twin.course.study import Study
from organtwin.twin.course.subjects import Landmark, Law, Subject

Numbers = NDArray[np.float64]

STEPS_A_YEAR, MOST_STEPS = 24, 240
AHEAD_YEARS = (1.0, 5.0)
TOGETHER = 0.5  # of a structure must lie over itself
HOLDS = {"tumour": ("liver", "lung_right", "lung_left", "kidney_right", "kidney_left", "spleen")}


def courses(
    given: Sequence[Study], key: str, what: str, law: Law | None, years: float | None, landmark: tuple[float, str] | None, monitor: Monitor
) -> list[Course | Forecast]:  # fmt: skip
    """A course, and a forecast of it, of everything found.

    Parameters
    ----------
    given : sequence of Study
        In order of time.
    key : str
        The structure; "" for hearts.
    what : str
        "auto", "volume", "diameter", "stenosis", or a quantity of the left ventricle.
    law : "linear" or "exponential", optional
        Instead of the subject's own.
    years : float, optional
        How far to look ahead; else twice as far as the scans look back, but 1 to 5 years.
    landmark : (value, unit), optional
        A value whose date is wanted; else that of the guidelines, where they name one.

    Raises
    ------
    BadInput
        When nothing is seen on two dates or more, or the unit of the landmark is not that of the course.
    """
    laid = [SAME] * len(given)
    if not key:
        found = measures.heart(given, what)
    else:
        laid = _laid(given, key, PartMonitor(monitor, 0.0, 0.6))
        rest = PartMonitor(monitor, 0.6, 0.95)
        if what == "volume" or (what == "auto" and not structure(key).vessel):
            lesion = measures.is_lesion(key)
            found = measures.lesions(key, given, laid) if lesion else measures.organ(key, given)
        else:
            found = measures.vessel(key, given, laid, "" if what == "auto" else what, rest)
    once = [track.name for track in found if len(track.at) == 1]
    seen = [track for track in found if len(track.at) >= 2]
    if not seen:
        name = structure(key).name if key else "left ventricle"
        where = f"; seen once: {', '.join(once)}" if once else ""
        raise BadInput(f"{name} could not be measured on two dates{where}", remedy="Segment it on the other scans too.")
    women = any(s.volume is not None and s.volume.acquisition.get("sex", "").upper().startswith("F") for s in given)
    made: list[Course | Forecast] = []
    for n, track in enumerate(seen):
        monitor.progress(0.95 + 0.05 * n / len(seen), track.name)
        own = [f"Seen once only: {', '.join(once)}."] if once and n == 0 else []
        made += _course(track, given, laid, law, years, _landmark(track.subject, landmark, women), own)
    monitor.progress(1.0, "courses")
    return made


def _landmark(subject: Subject, told: tuple[float, str] | None, women: bool) -> Landmark | None:
    if told is None:
        own = subject.landmark
        return replace(own, value=50.0) if own is not None and subject is subjects.AORTA and women else own
    value, unit = told
    if unit and unit != subject.unit:
        raise BadInput(
            f"{subject.name} is in {subject.unit}, not in {unit}", remedy=f"Write the landmark in {subject.unit}."
        )
    above = subject.landmark.above if subject.landmark is not None else True
    return Landmark(value, above, "asked for")


# -- registration -------------------------------------------------------------------------------------------------------


def _laid(given: Sequence[Study], key: str, monitor: Monitor) -> list[Laid]:
    first = given[0]
    made = [SAME]
    for n, study in enumerate(given[1:], 1):
        part = PartMonitor(monitor, (n - 1) / (len(given) - 1), n / (len(given) - 1))
        one, other = first.segmentation, study.segmentation
        if one is None or other is None:
            made.append(replace(SAME, said="not laid over the first one: nothing was segmented on one of them"))
            continue
        grows = key if measures.is_lesion(key) else ""
        scans: tuple[Volume, Volume] | None = None
        if first.volume is not None and study.volume is not None:
            scans = first.volume, study.volume
        organ = _around(key, one, other)
        laid = lay_over(one, other, scans, organ, part, grows)
        share = overlap(one, other, laid, organ)
        if share < TOGETHER and organ != grows:
            doubt = f"doubtful: only {100 * share:.0f} % of the {structure(organ).name.lower()} lies over itself"
            laid = replace(laid, said=f"{laid.said}; {doubt} on {study.said}")
        made.append(laid)
    return made


def _around(key: str, one: Segmentation, other: Segmentation) -> str:
    """The structure the last step of the registration is done around: that followed, or the organ that a lesion lies in."""
    if not measures.is_lesion(key):
        return key
    labels = np.asarray(one.labels)
    lesion = [s.label for s in one.segments if measures.same(key, s.key)]
    shown = {s.key for s in other.segments if s.volume_mm3}
    holders = [s for s in one.segments if s.key in HOLDS["tumour"] and s.key in shown and s.volume_mm3]
    if not holders:
        return key
    at = np.argwhere(np.isin(labels, lesion))
    if not len(at):
        return holders[0].key
    low, high = np.maximum(at.min(axis=0) - 3, 0), at.max(axis=0) + 4
    near = np.bincount(labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]].ravel(), minlength=256)
    best = max(holders, key=lambda s: near[s.label])
    return best.key if near[best.label] else key


# -- one course ---------------------------------------------------------------------------------------------------------


def _course(
    track: Measured, given: Sequence[Study], laid: Sequence[Laid], law: Law | None, years: float | None, landmark: Landmark | None,
    more: Sequence[str],
) -> tuple[Course, Forecast]:  # fmt: skip
    subject = track.subject
    own = [given[at] for at in track.at]
    values, sds = np.array(track.values), np.array(track.sds)
    times = np.array([s.at_s for s in own])
    at = (times - times[0]) / YEAR_S
    rule, prior, wobble = _law(subject, law, float(values[0]))
    if rule == "exponential" and values.min() <= 0:
        raise BadInput(f"{track.name} is not above zero at every date", remedy="Take the linear law.")
    growth = grown(at, values, sds, rule, prior, wobble)
    change = changed(at, values, sds)
    objects = {"objects": tuple(s.thing.uuid for s in own), "transforms": np.stack([laid[k].matrix for k in track.at])}
    ways = dict.fromkeys(laid[k].said for k in track.at[1:])
    notes = [f"Scans laid over the first one: {way}." for way in ways] if laid[-1] is not SAME else []
    if any(s.shifted for s in own):
        notes.append(
            "The dates were shifted when the scans were imported without identity: their distances are true, the dates are not."
        )
    course = Course(
        name=f"{track.name} since {own[0].said}", subject=_named(track), unit=subject.unit, times_s=times,
        values=values, sds=sds, law=rule, rate_per_year=float(growth.rate.mean()), rate_sd=float(growth.rate.std()),
        change=said(change, subject, own, values), notes=(*more, *track.notes, *notes, _rate(growth, subject, float(values[-1]))),
        **objects,
    )  # fmt: skip
    ahead = years or round(float(np.clip(2 * at[-1], *AHEAD_YEARS)), 1)
    return course, _forecast(track, course, growth, ahead, landmark, prior)


def _named(track: Measured) -> str:
    own = track.subject.name
    return track.name if own.lower() in track.name.lower() else f"{track.name} ({own})"


def _law(subject: Subject, law: Law | None, value: float) -> tuple[Law, tuple[float, float], float]:
    """The law with its prior and wobble; those of another law than the subject's own are carried over at this value."""
    mean, sd = subject.prior(value)
    if law is None or law == subject.law:
        return subject.law, (mean, sd), subject.wobble
    scale = 1 / value if law == "exponential" else value
    return law, (mean * scale, sd * scale), subject.wobble * scale


def said(change: Change, subject: Subject, studies: Sequence[Study], values: Numbers) -> str:
    """The change in a sentence."""
    percent = 100 * change.by / abs(values[0]) if values[0] else 0.0
    so = f"{_signed(change.by)} {subject.unit}" + (f" ({percent:+.1f} %)" if subject.unit != "%" else " points")
    if change.since is None:
        return f"has not changed by more than measuring explains ({so}; less than {_short(change.smallest)} {subject.unit} would not show)"
    word = subject.growing if change.by > 0 else subject.shrinking
    return f"{word} by more than measuring explains since {studies[change.since].said} ({so} from {studies[0].said} to {studies[-1].said})"


def _short(value: float) -> str:
    """Two digits, and no exponent."""
    digits = max(0, 1 - int(np.floor(np.log10(abs(value))))) if value else 0
    return f"{value:.{min(digits, 6)}f}"


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "") + _short(value)


def _rate(growth: Growth, subject: Subject, value: float) -> str:
    low, middle, high = np.quantile(growth.rate, (0.05, 0.5, 0.95))
    if growth.law == "linear":
        return f"Rate {middle:+.2g} {subject.unit} a year (90 % interval {low:+.2g} to {high:+.2g})."
    a, b, c = (100 * np.expm1(np.clip(r, -5, 8)) for r in (low, middle, high))
    told = f"Rate {_signed(b)} % a year (90 % interval {_signed(a)} to {_signed(c)})"
    days = np.log(2) * 365.25 / abs(middle) if middle else np.inf
    return f"{told}: it {'doubles' if middle > 0 else 'halves'} in {days:.0f} days." if days < 3650 else f"{told}."


def _forecast(
    track: Measured, course: Course, growth: Growth, years: float, landmark: Landmark | None, prior: tuple[float, float]
) -> Forecast:  # fmt: skip
    subject = track.subject
    steps = int(np.clip(round(years * STEPS_A_YEAR), 6, MOST_STEPS))
    at = growth.years[-1] + np.linspace(0.0, years, steps + 1)
    paths = np.clip(growth.paths(at), subject.least, subject.most)
    rng = np.random.default_rng(2)
    noise = growth.scale[:, None] * (
        growth.sds[-1] / max(abs(growth.values[-1]), 1e-9) if growth.law == "exponential" else growth.sds[-1]
    )
    noise = noise * (paths if growth.law == "exponential" else 1.0)
    seen = np.clip(paths + noise * rng.standard_normal(paths.shape), subject.least, subject.most)
    start = float(course.times_s[0])
    crossings = (_crossing(track, paths, at, start, landmark),) if landmark is not None else ()
    way = "of the value" if growth.law == "exponential" else subject.unit
    sheet = subject.sheet
    return Forecast(
        name=f"{track.name}, {years:g} years ahead", model="progression", subject=course.subject, keys=(track.name,), units=(subject.unit,),
        loinc=("10230-1",) if subject is subjects.EF else (), times_s=start + at * YEAR_S,
        quantiles=np.quantile(seen, LEVELS, axis=0)[None], members=len(paths),
        assumes=(
            f"Nothing is done about it, and it goes on by the {growth.law} law.",
            f"Before these scans: {prior[0]:+.2g} ± {prior[1]:.2g} {way} a year (mean and sd over patients).",
            *(f"Source: {source}." for source in sheet.sources),
            *(() if sheet.sources else (sheet.bias,)),
        ),
        checked="On simulated courses 90 % intervals held 85 to 95 % of the next values ('organtwin validate progression').",
        crossings=crossings, notes=tuple(_when(c) for c in crossings),
    )  # fmt: skip


def _crossing(track: Measured, paths: Numbers, at: Numbers, start: float, landmark: Landmark) -> Crossing:
    when = first_beyond(paths, at, landmark.value, landmark.above)
    parts = [float(np.sort(when)[min(int(q * len(when)), len(when) - 1)]) for q in (0.1, 0.5, 0.9)]
    a, b, c = (start + p * YEAR_S if np.isfinite(p) else None for p in parts)
    return Crossing(
        key=track.name, landmark=landmark.value, unit=track.subject.unit, above=landmark.above, times_s=(a, b, c),
        chance=float(np.isfinite(when).mean()), source=landmark.source,
    )  # fmt: skip


def _when(c: Crossing) -> str:
    def month(t: float) -> str:
        return datetime.fromtimestamp(t, UTC).strftime("%Y-%m")

    early, middle, _ = c.times_s
    end = f"{100 * c.chance:.0f} % by the end of the forecast"
    place = f"{c.landmark:g} {c.unit} is {'reached' if c.above else 'fallen to'}"
    if early is None:
        return f"{place} with a chance of less than 10 % ({end})."
    half = "" if middle is None else f", by {month(middle)} with one of 50 %"
    return f"{place} by {month(early)} with a chance of 10 %{half} ({end})."
