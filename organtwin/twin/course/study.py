"""What belongs to one date: a scan, what was segmented on it, its vessel trees; and when that was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from organtwin.errors import BadInput
from organtwin.model import (
    Centerline,
    DynamicSegmentation,
    DynamicVolume,
    Observations,
    Segmentation,
    TwinObject,
    Volume,
)
from organtwin.timeline.days import day_of, seconds_of
from organtwin.timeline.timeline import Timeline

READ = {"10230-1": "LV ejection fraction", "18026-5": "LV end-diastolic volume", "18148-7": "LV end-systolic volume"}
SCANNED, SHIFTED = "study date", "study date shifted"  # facts of the acquisition


@dataclass(frozen=True)
class Study:
    """The objects of one date. ``at_s`` seconds since 1970 UTC; ``shifted``: the date itself is not true, its distance to
    those of the patient's other scans is. ``read`` are values that a report of that day states, by LOINC code, as of an echo."""

    number: str
    at_s: float
    shifted: bool
    volume: Volume | None = None
    segmentation: Segmentation | None = None
    centerline: Centerline | None = None
    heart: DynamicSegmentation | None = None
    read: Mapping[str, float] = field(default_factory=dict)
    readings: Observations | None = None

    @property
    def thing(self) -> TwinObject:
        """What was measured on."""
        found = self.centerline or self.segmentation or self.heart or self.readings
        assert found is not None
        return found

    @property
    def said(self) -> str:
        return day_of(self.at_s)


def studies(inputs: Mapping[str, TwinObject], dates: Mapping[str, str]) -> tuple[Study, ...]:
    """The dates of what was given, from the first to the last. Roles are "segmentation-1", "volume-1" and so on; what has one
    number belongs together. ``dates`` by number take the place of what the scans say.

    Raises
    ------
    BadInput
        When there are fewer than two dates, one is not known or wrong, or objects of one number do not belong together.
    """
    numbers: dict[str, dict[str, TwinObject]] = {}
    for role, thing in inputs.items():
        what, _, number = role.partition("-")
        numbers.setdefault(number or "1", {})[what] = thing
    for number in dates:
        if number not in numbers:
            raise BadInput(
                f"There is no scan {number} for the date {dates[number]}", remedy=f"There are: {', '.join(numbers)}."
            )
    observations = [t for things in numbers.values() for t in things.values() if isinstance(t, Observations)]
    scans = {number: things for number, things in numbers.items() if set(things) - {"observations"}}
    found = [_study(number, things, dates.get(number, "")) for number, things in scans.items()]
    days = {s.said for s in found}
    found += [
        s for s in _reports(observations) if s.said not in days
    ]  # what was segmented here goes before what was told
    found.sort(key=lambda s: s.at_s)
    if len(found) < 2:
        raise BadInput(
            "A course needs scans of two dates or more",
            remedy="Import and segment the other scans of this patient first.",
        )
    for one, other in pairwise(found):
        if other.at_s - one.at_s < 3600.0:
            raise BadInput(
                f"Scans {one.number} and {other.number} are of the same day ({one.said})",
                remedy="Choose one of them, or give their dates.",
            )
    if len({s.shifted for s in found if s.number not in dates}) > 1:
        raise BadInput(
            "Some of these scans kept their date and some were imported with a shifted one, so their distance is not known",
            remedy="Give the dates.",
        )
    _one_patient(found)
    return tuple(found)


def _study(number: str, things: Mapping[str, TwinObject], date: str) -> Study:
    volume, segmentation = things.get("volume"), things.get("segmentation")
    line, heart, dynamic = things.get("centerline"), things.get("heart"), things.get("dynamic")
    if not (segmentation or line or heart):
        raise BadInput(f"Nothing was segmented on scan {number}", remedy="Segment it first.")
    if (
        isinstance(volume, Volume)
        and isinstance(segmentation, Segmentation)
        and not volume.grid.same_as(segmentation.grid)
    ):
        raise BadInput(
            f"'{volume.name}' and '{segmentation.name}' do not lie on the same grid",
            remedy="Give the scan it was made from.",
        )
    facts = next((t.acquisition for t in (volume, dynamic) if isinstance(t, Volume | DynamicVolume)), {})
    told = date or facts.get(SCANNED) or facts.get(SHIFTED)
    if not told:
        name = next(iter(things.values())).name
        raise BadInput(
            f"When scan {number} ('{name}') was made is not known",
            remedy="Give its date: --date 2024-03-01 for each scan, in order.",
        )
    return Study(
        number, seconds_of(told), not date and SCANNED not in facts,
        volume if isinstance(volume, Volume) else None,
        segmentation if isinstance(segmentation, Segmentation) else None,
        line if isinstance(line, Centerline) else None,
        heart if isinstance(heart, DynamicSegmentation) else None,
    )  # fmt: skip


def _reports(observations: Iterable[Observations]) -> list[Study]:
    """A study of each day on which an image's values were told."""
    kept = tuple(observations)
    timeline = Timeline(kept)
    days: dict[float, dict[str, float]] = {}
    for code in READ:
        for at, value in zip(*timeline.series(code).daily(), strict=True):
            days.setdefault(float(at), {})[code] = float(value)
    return [
        Study(f"told {n}", at, False, read=read, readings=kept[-1])
        for n, (at, read) in enumerate(sorted(days.items()), 1)
    ]


def _one_patient(found: list[Study]) -> None:
    known = {s.volume.acquisition.get("patient", "") for s in found if s.volume is not None} - {"", "patient-unknown"}
    if len(known) > 1:
        raise BadInput(
            f"These scans are of {len(known)} patients ({', '.join(sorted(known))})",
            remedy="Choose scans of one patient.",
        )
