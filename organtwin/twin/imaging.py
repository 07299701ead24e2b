"""What a scan of the heart measured, as readings of the day it was made; and readings that only repeat others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import DynamicSegmentation, DynamicVolume, TwinObject
from organtwin.model.result import Quantity
from organtwin.physiology.model import Floats, Physiology
from organtwin.timeline.days import seconds_of
from organtwin.twin.course.study import SCANNED
from organtwin.twin.readings import Readings, codes_of

# quantity, its LOINC code, and the sd of measuring it again on another scan as part of the value: the upper ends of what
# Grothues et al. (Am. J. Cardiol. 90, 2002) found for cine MR
MEASURED = (
    ("LV end-diastolic volume", "18026-5", 0.05),
    ("LV end-systolic volume", "18148-7", 0.09),
    ("LV stroke volume", "20562-5", 0.08),
    ("LV ejection fraction", "10230-1", 0.07),
)
WORSE = {"good": 1.0, "fair": 1.5, "poor": 3.0, "unknown": 2.0}  # our judgement: contours that are less to be trusted
# what follows from two others that were measured together
FOLLOWS = (
    ("20562-5", "18026-5", "18148-7"),
    ("10230-1", "18026-5", "18148-7"),
    ("8478-0", "8480-6", "8462-4"),
)
TOGETHER_S = 3600.0


def from_quantities(model: Physiology, quantities: Iterable[Quantity], time_s: float) -> Readings:
    """Those that the model predicts: volumes where there are any, else what follows from them."""
    by_code = _places(model)
    values, sds = {}, {}
    for name, code, part in MEASURED:
        found = next((q for q in quantities if q.name == name), None)
        if found is None or code not in by_code or not np.isfinite(found.value) or found.value <= 0.0:
            continue
        values[by_code[code]] = found.value
        sds[by_code[code]] = part * found.value * WORSE[found.level]
    return without_repeats(model, Readings.from_values(model, time_s, values, sds)) if values else Readings.none()


def from_scans(model: Physiology, inputs: Mapping[str, TwinObject], dates: Mapping[str, str]) -> Readings:
    """Of segmented hearts: roles "heart-1" with "dynamic-1", and so on; ``dates`` by number where a scan does not tell its own.

    Raises
    ------
    BadInput
        When the day of a scan is not known: a date that was shifted for privacy is not that of the readings.
    """
    parts = []
    for role, heart in inputs.items():
        what, _, number = role.partition("-")
        if what != "heart" or not isinstance(heart, DynamicSegmentation):
            continue
        scan = inputs.get(f"dynamic-{number}" if number else "dynamic")
        told = dates.get(number or "1") or (scan.acquisition.get(SCANNED) if isinstance(scan, DynamicVolume) else None)
        if not told:
            raise BadInput(
                f"When '{heart.name}' was scanned is not known", remedy="Give its date (--date NAME=2024-03-01)."
            )
        parts.append(from_quantities(model, heart.quantities, seconds_of(told)))
    return Readings.none().with_(parts) if parts else Readings.none()


def without_repeats(model: Physiology, readings: Readings) -> Readings:
    """Without what only follows from two other readings of the same hour: it would count twice."""
    by_code = _places(model)
    keep = np.ones(len(readings), bool)
    for code, *causes in FOLLOWS:
        if code not in by_code or any(c not in by_code for c in causes):
            continue
        near = np.ones(len(readings), bool)
        for cause in causes:
            times = readings.times_s[readings.places == model.reading(by_code[cause])]
            near &= _has_near(times, readings.times_s)
        keep &= ~((readings.places == model.reading(by_code[code])) & near)
    return readings.where(keep)


def _has_near(times: Floats, at: Floats) -> NDArray[np.bool_]:
    """Whether one of ``times`` lies within the hour of each of ``at``."""
    if not len(times):
        return np.zeros(len(at), bool)
    right = np.clip(np.searchsorted(times, at), 0, len(times) - 1)
    near: NDArray[np.bool_] = (
        np.minimum(np.abs(times[right] - at), np.abs(times[np.maximum(right - 1, 0)] - at)) <= TOGETHER_S
    )
    return near


def _places(model: Physiology) -> dict[str, str]:
    """The model's readings by code; also by what other codes there are for the same."""
    return {code: r.key for r in reversed(model.readings) for code in codes_of(r.loinc)}
