"""A patient's readings as a model sees them: which of its own readings each is, when, and how sure the measuring was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from organtwin.model.observations import Observations
from organtwin.physiology.model import Floats, Physiology
from organtwin.timeline.days import DAY_S

OFTEN = 20  # readings of the model's own code, from which others for the same quantity are not needed
ALL_DAY = 12  # momentary heart rates for each day's resting one, from which a wearable took them

# Readings of the timeline that measure one quantity: each stands for the others where a model has only one of them.
SAME = (
    ("8867-4", "40443-4"),  # heart rate; at rest
    ("18026-5", "8821-1"),  # LV end-diastolic volume
    ("18148-7", "8823-7"),  # LV end-systolic volume
    ("59408-5", "2708-6"),  # oxygen saturation by pulse oximetry; of arterial blood
    ("99504-3", "2339-0", "2345-7", "41653-7"),  # glucose: interstitial, blood, plasma, capillary
)


def codes_of(loinc: str) -> tuple[str, ...]:
    """The codes whose values may stand for ``loinc``, itself first."""
    for group in SAME:
        if loinc in group:
            return (loinc, *(code for code in group if code != loinc))
    return (loinc,) if loinc else ()


@dataclass(frozen=True)
class Readings:
    """n readings in order of time.

    ``times_s`` (n) seconds since 1970 UTC, ``values`` (n) in the unit of the model's reading at ``places`` (n),
    ``sds`` (n) of measuring, ``offset_min`` (n) the local clock's distance to UTC.
    """

    times_s: Floats
    values: Floats
    places: NDArray[np.intp]
    sds: Floats
    offset_min: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, model: Physiology, observations: Iterable[Observations]) -> Self:
        """Those of a patient's observations that the model predicts; of two that agree in time, code and value, one.

        Of codes for the same quantity one is taken: the model's own where it was measured often enough, because a resting and a
        momentary heart rate differ by more than their errors.
        """
        whole = tuple(observations)
        count = {code: sum(int(np.count_nonzero(np.asarray(o.code) == o.codes.index(code))) for o in whole if code in o.codes)
                 for o in whole for code in o.codes}  # fmt: skip
        place = _places(model, count)
        parts = []
        for one in whole:
            lookup = np.array([place.get(code, -1) for code in one.codes] or [-1], np.intp)
            where = lookup[np.asarray(one.code, np.intp)] if len(one) else np.zeros(0, np.intp)
            keep = (where >= 0) & np.isfinite(one.values) & np.isfinite(one.times_s)
            parts.append((one.times_s[keep], one.values[keep], where[keep], one.offset_min[keep]))
        if not parts:
            return cls.none()
        times, values, where, offset = (np.concatenate([p[k] for p in parts]) for k in range(4))
        noise = np.array([r.noise for r in model.readings])
        return cls.in_order(times, values, where, noise[where], offset, unique=True)

    @classmethod
    def from_values(
        cls, model: Physiology, time_s: float, values: Mapping[str, float], sds: Mapping[str, float] | None = None
    ) -> Self:
        """Readings of one moment, by key.

        Raises
        ------
        BadInput
            When the model has no such reading.
        """
        places = np.array([model.reading(key) for key in values], np.intp)
        noise = [(sds or {}).get(key, model.readings[k].noise) for key, k in zip(values, places, strict=True)]
        n = len(places)
        return cls.in_order(
            np.full(n, float(time_s)),
            np.array(list(values.values()), float),
            places,
            np.array(noise, float),
            np.zeros(n),
        )

    @classmethod
    def in_order(
        cls,
        times_s: Floats,
        values: Floats,
        places: NDArray[np.intp],
        sds: Floats,
        offset_min: Floats,
        unique: bool = False,
    ) -> Self:
        order = np.lexsort((values, places, times_s)) if len(times_s) else np.zeros(0, np.intp)
        t, v, p = (np.asarray(a)[order] for a in (times_s, values, places))
        if unique and len(t) > 1:
            new = np.concatenate([[True], (np.diff(t) != 0) | (np.diff(p) != 0) | (np.diff(v) != 0)])
            order, t, v, p = order[new], t[new], v[new], p[new]
        return cls(
            np.asarray(t, float), np.asarray(v, float), np.asarray(p, np.intp),
            np.asarray(sds, float)[order], np.asarray(offset_min)[order].astype(np.int16),
        )  # fmt: skip

    @classmethod
    def none(cls) -> Self:
        empty = np.zeros(0)
        return cls(empty, empty, np.zeros(0, np.intp), empty, np.zeros(0, np.int16))

    def where(self, keep: NDArray[np.bool_]) -> Readings:
        return Readings(self.times_s[keep], self.values[keep], self.places[keep], self.sds[keep], self.offset_min[keep])

    def between(self, start_s: float = -np.inf, end_s: float = np.inf) -> Readings:
        return self.where((self.times_s >= start_s) & (self.times_s <= end_s))

    def of_place(self, place: int) -> Readings:
        return self.where(self.places == place)

    def with_(self, others: Sequence[Readings]) -> Readings:
        """Together with others."""
        parts = [self, *others]
        times, values, places, sds, offset = (
            np.concatenate([getattr(p, name) for p in parts])
            for name in ("times_s", "values", "places", "sds", "offset_min")
        )
        return Readings.in_order(times, values, places, sds, offset, unique=True)

    @property
    def local_hour(self) -> Floats:
        """Hour of the day, 0 to 24, by the patient's clock."""
        hour: Floats = ((self.times_s + 60.0 * self.offset_min) % DAY_S) / 3600.0
        return hour

    def counts(self, model: Physiology) -> dict[str, int]:
        """How many there are of each, by LOINC code (by key where there is none)."""
        found = {}
        for k, reading in enumerate(model.readings):
            n = int(np.count_nonzero(self.places == k))
            if n:
                found[reading.loinc or reading.key] = n
        return found


def _places(model: Physiology, count: Mapping[str, int]) -> dict[str, int]:
    """Which of the model's readings each code is; ``count`` is how often the patient has each."""
    own = {r.loinc for r in model.readings if r.loinc}
    found = {}
    for place, reading in enumerate(model.readings):
        usable = [c for c in codes_of(reading.loinc) if count.get(c, 0) and (c == reading.loinc or c not in own)]
        if not usable:
            continue
        first = usable[0]
        often = count[first] >= OFTEN
        # a heart rate taken all day long is that of a person who moves: at rest is what a model at rest means
        if reading.loinc == "8867-4" and "40443-4" in usable and count[first] > ALL_DAY * count["40443-4"]:
            first, often = "40443-4", True
        for code in [first] if often else usable:
            found[code] = place
    return found
