"""The page for the patient: what was measured, what it tells, what it does not tell, whom to ask. Short words, no advice.

What guidelines call a limit is not on it, nor any alert, nor how a tumour, a narrowing or a weak heart may go on: those are
for a talk, not for a page. Wording follows the CDC Clear
Communication Index (2014) and the advice on plain language of the NHS service manual: one thought a sentence, numbers with
their meaning, no word that only clinicians use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from organtwin.model import Course
from organtwin.report.living import Living, course_plot
from organtwin.store import Entry
from organtwin.timeline.days import YEAR_S, short_day

# LOINC: what it is called at a kitchen table, what it tells, decimals
PLAIN: dict[str, tuple[str, str, int]] = {
    "8480-6": ("Blood pressure, upper number", "How hard the blood pushes when the heart beats.", 0),
    "8462-4": ("Blood pressure, lower number", "How hard the blood pushes when the heart rests.", 0),
    "8867-4": ("Heart beats in a minute", "How fast the heart beats.", 0),
    "40443-4": ("Heart beats in a minute, at rest", "How fast the heart beats when you sit or sleep.", 0),
    "9279-1": ("Breaths in a minute", "How often you breathe in.", 0),
    "2708-6": ("Oxygen in the blood", "How much of the blood carries oxygen.", 0),
    "59408-5": ("Oxygen in the blood", "How much of the blood carries oxygen.", 0),
    "29463-7": ("Weight", "How much you weigh.", 1),
    "8310-5": ("Body heat", "How warm your body is.", 1),
    "55423-8": ("Steps in a day", "How much you walk.", 0),
    "2339-0": ("Blood sugar", "How much sugar is in the blood.", 0),
    "2345-7": ("Blood sugar", "How much sugar is in the blood.", 0),
    "41653-7": ("Blood sugar, finger test", "How much sugar is in the blood.", 0),
    "99504-3": ("Sugar, from the sensor", "How much sugar is under the skin, close to that in the blood.", 0),
    "4548-4": ("Long-term blood sugar (HbA1c)", "How much sugar was in the blood over the last three months.", 1),
    "10230-1": (
        "Share of blood the heart pumps out",
        "How much of the blood in the heart leaves it with each beat.",
        0,
    ),
    "93832-4": ("Sleep", "How long you sleep in a night.", 1),
    "20150-9": ("Breathing test, first second", "How much air you can blow out in one second.", 1),
    "19868-9": ("Breathing test, whole breath", "How much air you can blow out in one breath.", 1),
}
PLAIN_UNITS = {
    "mmHg": "mmHg",
    "per min": "a minute",
    "°C": "°C",
    "kg": "kg",
    "steps": "steps",
    "%": "%",
    "mL": "mL",
    "mm": "mm",
    "h": "hours",
    "L": "litres",
    "g": "g",
}

# structures: (name, where or what it is)
BODY: dict[str, str] = {
    "aorta": "main blood vessel", "liver": "liver", "spleen": "spleen", "heart": "heart", "kidney_right": "right kidney",
    "kidney_left": "left kidney", "lung_right": "right lung", "lung_left": "left lung", "left_ventricle": "left main chamber of the heart",
    "right_ventricle": "right main chamber of the heart", "bone": "bones", "tumour": "spot that your team follows",
    "inferior_vena_cava": "large vein of the belly", "stomach": "stomach", "pancreas": "pancreas", "brain": "brain",
    "prostate": "prostate", "urinary_bladder": "bladder", "gallbladder": "gall bladder",
}  # fmt: skip
SCANS = {
    "CT": "a CT scan (X-rays from all sides)",
    "MR": "an MR scan (pictures made with a magnet)",
    "US": "an ultrasound scan",
}
ORGANS_SHOWN = 6
READINGS_SHOWN = 6


def page(living: Living, entries: Sequence[Entry]) -> dict[str, Any]:
    """What the template of the page needs."""
    return {
        "who": _kept_name(entries),
        "scans": _scans(entries),
        "organs": _organs(entries),
        "readings": _readings(living),
        "courses": [told for c in living.courses if (told := _course(c))],
        "alerts": bool([a for a in living.alerts if not a["ended"]]),
    }


def _kept_name(entries: Sequence[Entry]) -> str:
    """The name, only where identity was kept at import."""
    for entry in entries:
        name = str((entry.facts.get("acquisition") or {}).get("patient name") or "")
        if name:
            return " ".join(part for part in reversed(name.replace("^", " ^ ").split("^")) if part.strip()).strip()[:80]
    return ""


def _scans(entries: Sequence[Entry]) -> list[str]:
    kinds = [str(e.facts.get("modality", "")) for e in entries if e.kind in ("volume", "dynamic")]
    made = []
    for kind in dict.fromkeys(kinds):
        name, count = SCANS.get(kind, "a scan of your body"), kinds.count(kind)
        made.append(name if count == 1 else f"{name}, {count} times")
    return made


def _organs(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for entry in entries:
        if entry.kind != "segmentation":
            continue
        for s in entry.facts["segments"]:
            if s["key"] in BODY and s["key"] != "tumour" and s["volume_mm3"] > 0:
                found[s["key"]] = (BODY[s["key"]], _amount(s["volume_mm3"] / 1000))
    order = list(BODY)
    return [found[key] for key in sorted(found, key=order.index)][:ORGANS_SHOWN]


def _amount(ml: float) -> str:
    if ml >= 1000:
        return f"{ml / 1000:.1f} litres"
    return f"{ml:.0f} mL" if ml >= 10 else f"{ml:.1f} mL"


def _readings(living: Living) -> list[dict[str, str]]:
    made: list[dict[str, str]] = []
    for trend in living.trends:
        if trend.code not in PLAIN or len(made) == READINGS_SHOWN:
            continue
        name, tells, decimals = PLAIN[trend.code]
        size = PLAIN_UNITS.get(trend.unit, trend.unit)
        made.append(
            {
                "name": name, "tells": tells, "value": f"{trend.recent:,.{decimals}f} {size}",
                "change": _compared(trend.recent, trend.before, decimals), "day": short_day(trend.last_s),
            }
        )  # fmt: skip
    return made


def _compared(now: float, before: float, decimals: int) -> str:
    if not np.isfinite(before):
        return ""
    if abs(now - before) <= max(0.03 * abs(before), 0.5 * 10.0**-decimals):
        return "About the same as three months before."
    word = "More" if now > before else "Less"
    return f"{word} than three months before ({before:,.{decimals}f})."


def _course(shown: dict[str, Any]) -> dict[str, Any] | None:
    course: Course = shown["object"]
    name = _thing(course)
    if name is None:
        return None
    told = [
        f"{short_day(float(course.times_s[k]))}: {_said(float(course.values[k]), course.unit)}."
        for k in range(len(course.times_s))
    ]
    if "has not changed by more" in course.change:
        means = "The scans show no clear change. Small steps up and down are normal, as each scan has a small error."
    else:
        means = "It is not the same as it was. The change is more than the small error that each scan has."
    forecast = shown["forecast"] if course.subject.endswith(("diameter", "diameter)")) else None
    ahead, until = "", 0.0
    if forecast is not None:
        at = int(np.argmin(np.abs(forecast.times_s - (forecast.times_s[0] + YEAR_S))))
        until = float(forecast.times_s[at]) + 1.0
        low, high = (float(forecast.quantiles[0][k][at]) for k in (0, -1))
        month = " ".join(short_day(float(forecast.times_s[at])).split()[1:])
        ahead = (
            f"The computer also made a guess. If things go on like this, a scan in {month} would most likely show "
            f"{_said(low, course.unit)} to {_said(high, course.unit)}. It will be right nine times out of ten. It is a guess, not a plan."
        )
    return {
        "name": name,
        "told": told,
        "means": means,
        "ahead": ahead,
        "svg": course_plot(course, forecast, large=True, until_s=until),
    }


def _said(value: float, unit: str) -> str:
    """No more digits than a person can use."""
    if unit == "mL":
        return _amount(value)
    return f"{value:.0f} {PLAIN_UNITS.get(unit, unit)}"


def _thing(course: Course) -> str | None:
    """What is followed, in plain words; None where there are none for it: a page with no word is better than a wrong one."""
    subject = course.subject.lower()
    if "tumour" in subject or "lesion" in subject:
        return "Size of the spot that your team follows"
    if "stenosis" in subject:
        return "How narrow one place of a blood vessel is"
    if "ejection fraction" in subject:
        return "Share of blood the heart pumps out"
    if "diastolic" in subject or "systolic" in subject:
        return None
    if "mass" in subject:
        return "Weight of the heart muscle"
    if "diameter" in subject:
        return "Width of your main blood vessel" if "aort" in subject else "Width of one of your blood vessels"
    plain = next(
        (name for key, name in BODY.items() if subject.startswith((key.replace("_", " "), name))),
        None,
    )
    return f"Size of your {plain}" if plain else None
