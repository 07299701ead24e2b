"""Patients made up for tests of monitoring."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from organtwin.model import Event, Observations, Source

DAY = 86400.0
START = 1_735_689_600.0  # 1 January 2025, UTC


def observations(
    readings: Mapping[str, object], start_s: float = START, name: str = "readings", events: tuple[Event, ...] = ()
) -> Observations:
    """One value a day at eight o'clock for each code; NaN where the day is missed."""
    codes = tuple(readings)
    rows = [
        (start_s + DAY * day + 8 * 3600.0, place, value)
        for place, values in enumerate(readings.values())
        for day, value in enumerate(np.asarray(values, float))
        if np.isfinite(value)
    ]
    rows.sort()
    times, place, values = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return Observations(
        name=name, codes=codes, sources=(Source(name="test", format="fhir"),), times_s=times, durations_s=np.zeros(n, np.float32),
        offset_min=np.zeros(n, np.int16), values=values, code=place.astype(np.uint16), source=np.zeros(n, np.uint16), events=events,
    )  # fmt: skip


def steady(rng: np.random.Generator, days: int, level: float, spread: float) -> np.ndarray:
    return level + spread * rng.standard_normal(days)
