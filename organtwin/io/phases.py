"""From the phases of a gated or repeated scan to one object with a time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io.frames import Frame
from organtwin.model import DynamicVolume, Volume

# what is said of one phase only, and so not of the whole
_OF_ONE_PHASE = ("phase", "trigger time (ms)")
_STRANGE_CYCLE_S = (0.3, 2.5)  # 200 to 24 beats a minute


@dataclass(frozen=True)
class Clock:
    """When each phase is, in seconds; ``period_s`` is the length of the cycle, 0 where nobody knows it."""

    times_s: tuple[float, ...]
    period_s: float = 0.0
    note: str = ""


def evenly(phases: int, step_s: float | None, source: str) -> Clock:
    """Phases at one distance in time; counted where the distance is not known."""
    if step_s is None or not np.isfinite(step_s) or step_s <= 0:
        return Clock(tuple(float(n) for n in range(phases)), 0.0, f"{source} does not say when its phases are: they are counted, not timed.")  # fmt: skip
    return _cyclic(np.arange(phases) * float(step_s))


def clock_of(phases: Sequence[Sequence[Frame]]) -> Clock:
    """When the phases of a DICOM series are: by their delay after the R wave, part of the cycle, or time of acquisition.

    The clock of a gated scan runs a little differently in every slice: the median over the slices is taken.
    """
    if (delays := _median(phases, "trigger")) is not None:
        return _cyclic(delays / 1000)
    if (percent := _median(phases, "percent")) is not None:
        return Clock(
            tuple(percent / 100), 0.0,
            "The series gives its phases in percent of the cycle and not the length of it: times are parts of a cycle.",
        )  # fmt: skip
    began = [_seconds_of_day(phase[0].acquired) for phase in phases]
    if None not in began:
        elapsed = np.array(began, float) - float(began[0] or 0.0)
        if (np.diff(elapsed) > 0).all():
            return Clock(tuple(elapsed), 0.0)
    return evenly(len(phases), None, "The series")


def in_time(volumes: Sequence[Volume], clock: Clock, name: str) -> DynamicVolume:
    """Volumes of one place as one object; ``name`` is that of the whole.

    Raises
    ------
    BadInput
        When they do not lie on one grid, or are of several kinds.
    """
    first = volumes[0]
    for n, volume in enumerate(volumes[1:], 2):
        if volume.grid.size != first.grid.size or not np.allclose(volume.grid.affine, first.grid.affine, atol=1e-2):
            raise BadInput(
                f"Phase {n} ('{volume.name}') does not lie on the grid of the first ('{first.name}')",
                remedy="Phases of one scan have the same size, voxels and place. Import them as single volumes.",
            )
        if volume.modality != first.modality:
            raise BadInput(f"Phase {n} is {volume.modality}, and the first is {first.modality}")
    values = np.empty((len(volumes), *first.grid.shape), np.result_type(*(v.values.dtype for v in volumes)))
    for n, volume in enumerate(volumes):
        values[n] = volume.values
    facts = {key: value for key, value in first.acquisition.items() if key not in _OF_ONE_PHASE}
    notes = dict.fromkeys(note for volume in volumes for note in volume.notes)
    return DynamicVolume(
        name=name, grid=first.grid, values=values, times_s=np.array(clock.times_s), period_s=clock.period_s, modality=first.modality,
        value_unit=first.value_unit, window=first.window, acquisition=facts, notes=(*notes, *([clock.note] if clock.note else [])),
    )  # fmt: skip


def _cyclic(times_s: NDArray[np.floating[Any]]) -> Clock:
    """Phases evenly over the cycle, as a gated scan gives them: the last one is a step before the first comes again."""
    step = float(np.median(np.diff(times_s)))
    period = float(times_s[-1] - times_s[0]) + step
    low, high = _STRANGE_CYCLE_S
    whole_cycle = low <= period <= high
    return Clock(tuple(float(t) for t in times_s), period if whole_cycle else 0.0)


def _median(phases: Sequence[Sequence[Frame]], what: str) -> NDArray[np.float64] | None:
    """Median over the slices of a property of the frames; None unless every frame has it and it rises."""
    told = [[getattr(frame, what) for frame in phase] for phase in phases]
    if any(value is None for phase in told for value in phase):
        return None
    medians = np.array([np.median(phase) for phase in told], float)
    return medians if len(medians) > 1 and (np.diff(medians) > 0).all() else None


def _seconds_of_day(time: str) -> float | None:
    """ "HHMMSS.ffffff", with or without the date before it."""
    digits, _, part = time.partition(".")
    digits = digits[-6:] if len(digits) in (6, 14) else ""
    try:
        whole = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
        return whole + float(f"0.{part}" if part.isdigit() else 0)
    except ValueError:
        return None
