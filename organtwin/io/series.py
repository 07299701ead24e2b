"""Frames sorted into series, series into stacks, stacks into phases, each readable or with the reason why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io import stack
from organtwin.io.frames import Frame
from organtwin.io.identity import Person, clean, pseudonym, same_person

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

# what is in a file that holds no scan, by modality or SOP class
_NOT_A_SCAN = {
    "SR": "a report (structured text), not a scan",
    "SEG": "a segmentation, not a scan",
    "RTSTRUCT": "a set of contours (RTSTRUCT), not a scan",
    "RTDOSE": "a radiotherapy dose, not a scan",
    "RTPLAN": "a radiotherapy plan, not a scan",
    "RTRECORD": "a radiotherapy record, not a scan",
    "PR": "a presentation state, not a scan",
    "KO": "a list of key images, not a scan",
    "REG": "a registration, not a scan",
    "DOC": "a document, not a scan",
    "PLAN": "a radiotherapy plan, not a scan",
    "ECG": "an electrocardiogram, not a scan",
    "HD": "a heart waveform, not a scan",
    "AU": "a sound recording, not a scan",
}
_PROJECTIONS = {
    "CR": "an X-ray picture", "DX": "an X-ray picture", "RG": "an X-ray picture", "MG": "a mammogram", "IO": "a dental X-ray picture",
    "PX": "a dental X-ray picture", "XA": "an X-ray angiogram", "RF": "a fluoroscopy", "US": "an ultrasound picture",
    "IVUS": "an ultrasound picture", "ES": "an endoscopy picture", "XC": "a photograph", "OP": "a photograph of the eye",
    "SM": "a microscope picture", "GM": "a microscope picture", "RTIMAGE": "a portal image",
}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One thing that may be imported: a stack of slices, or several phases of one stack, or a single image file.

    ``key`` names it (the SeriesInstanceUID, with "#2" for the second stack of a series); ``number`` is its place in
    the list, from 1. ``reason`` is the sentence that says why it is no volume, or None when it can be read.
    """

    key: str
    uid: str
    number: int
    description: str
    modality: str
    patient: str
    study: str
    file_count: int
    summary: str
    reason: str | None
    notes: tuple[str, ...] = ()
    slices: int = 0
    phase_count: int = 1
    plane: str = ""
    original: bool = False
    path: Path | None = None  # of a NIfTI, NRRD or MHA file
    phases: tuple[tuple[Frame, ...], ...] = field(default=(), repr=False)
    people: tuple[Person, ...] = field(default=(), repr=False)

    @property
    def readable(self) -> bool:
        return self.reason is None

    @property
    def title(self) -> str:
        return f"{self.number}: {self.description or 'no description'} ({self.modality or 'unknown modality'}), {self.summary}"

    @property
    def line(self) -> str:
        """One line for a list, with the reason when it cannot be read (which may name files)."""
        return self.title if self.reason is None else f"{self.title}: {self.reason}"


def sort_into_series(frames: Sequence[Frame]) -> list[Series]:
    """All series of the frames, numbered; every frame ends in exactly one of them."""
    by_uid: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_uid[
            frame.series_uid
            or (frame.study_uid, frame.series_number, frame.description, frame.modality, frame.frame_uid)
        ].append(frame)
    found: list[Series] = []
    for members in sorted(by_uid.values(), key=lambda m: (m[0].study_uid, m[0].series_number or 0, m[0].series_uid)):
        parts = [_describe(part, members) for part in _split(members)]
        parts.sort(key=lambda part: (-part.slices, -part.file_count))
        for n, part in enumerate(parts, 1):
            key = part.uid or f"series-{len(found) + 1}"
            found.append(replace(part, key=key if len(parts) == 1 else f"{key}#{n}"))
    return [replace(series, number=n) for n, series in enumerate(found, 1)]


# -- splitting ----------------------------------------------------------------------------------------------------


def _split(members: list[Frame]) -> list[list[Frame]]:
    """A series into parts that could each be one stack (or several phases of one)."""
    parts: list[list[Frame]] = []
    kinds: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in members:
        spacing = tuple(round(s, 4) for s in frame.spacing) if frame.spacing else None
        located = frame.position is not None and frame.across is not None
        kinds[
            frame.modality, frame.rows, frame.columns, frame.samples, spacing, frame.frame_uid, located, frame.stack
        ].append(frame)
    for kind in kinds.values():
        for oriented in _by_orientation(kind):
            parts += _untangle(oriented)
    return parts


def _by_orientation(frames: list[Frame]) -> list[list[Frame]]:
    """Frames whose directions agree to a thousandth: rounding of the cosines does not split a stack."""
    clusters: list[tuple[NDArray[np.float64], list[Frame]]] = []
    for frame in frames:
        directions = np.array((*(frame.across or (0, 0, 0)), *(frame.down or (0, 0, 0))))
        for reference, members in clusters:
            if np.abs(directions - reference).max() < 1e-3:
                members.append(frame)
                break
        else:
            clusters.append((directions, [frame]))
    return [members for _, members in clusters]


# What tells stacks of one place apart, most telling first. A property splits only where places repeat.
_TELLING = ("image_type", "echo", "b_value", "thickness", "acquisition", "sop_class")


def _untangle(frames: list[Frame]) -> list[list[Frame]]:
    """Split by echo, image type and the like when that explains why several images lie in one place."""
    if frames[0].position is None or frames[0].across is None:
        return [frames]
    for telling in _TELLING:
        places = len(_places(frames))
        if places == len(frames):
            break
        groups: dict[Hashable, list[Frame]] = defaultdict(list)
        for frame in frames:
            groups[getattr(frame, telling)].append(frame)
        covered = [len(_places(group)) for group in groups.values()]
        if len(groups) == 1 or 2 * max(covered) < places or sum(covered) == places:
            continue  # it does not tell them apart, or would shred the stack
        if telling == "acquisition" and all(
            count == places == len(group) for count, group in zip(covered, groups.values(), strict=True)
        ):
            continue  # the same places over and over: the passes of one 4D series
        return [part for group in groups.values() for part in _untangle(group)]
    return [frames]


def _places(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames by place along the normal, ascending."""
    if not _sound(frames[0]):
        return [list(frames)]
    normal = normal_of(frames[0])
    along = np.array([frame.position for frame in frames]) @ normal
    places: list[list[Frame]] = []
    last = -np.inf
    for index in np.argsort(along, kind="stable"):
        if along[index] - last > stack.SAME_PLACE_MM:
            places.append([])
        places[-1].append(frames[index])
        last = along[index]
    return places


def normal_of(frame: Frame) -> NDArray[np.float64]:
    """Unit normal of a plane: rows x columns."""
    return stack.axes_of(np.array(frame.across), np.array(frame.down))[2]


def _sound(frame: Frame) -> bool:
    try:
        normal_of(frame)
    except BadInput:
        return False
    return True


# -- phases -------------------------------------------------------------------------------------------------------


def when(frame: Frame) -> tuple[float, float, float, str, float, float]:
    """What orders the frames of one place in time."""
    return (
        frame.temporal if frame.temporal is not None else 0.0,
        frame.percent if frame.percent is not None else 0.0,
        frame.trigger if frame.trigger is not None else 0.0,
        frame.acquired,
        float(frame.acquisition) if frame.acquisition.isdigit() else 0.0,
        frame.instance,
    )


def _in_phases(places: list[list[Frame]]) -> tuple[tuple[tuple[Frame, ...], ...], list[str]]:
    """Frames of several images per place as phases, each with every place once.

    The clock of a gated scan runs a little differently in every slice, so phases are matched by their order in time.

    Raises
    ------
    BadInput
        When no complete set of phases is in the files.
    """
    ordered = [sorted(place, key=when) for place in places]
    if 2 * sum(_moment(place) for place in ordered) <= len(ordered):  # a few doubled slices are no time series
        return ((tuple(place[0] for place in ordered)),), []
    counts = [len(place) for place in ordered]
    full = max(counts)
    if min(counts) == full:
        return tuple(tuple(phase) for phase in zip(*ordered, strict=True)), []

    held = _ranks(ordered, full)
    lacking = [k for k, ranks in enumerate(held) if len(ranks) < full]
    told = []
    for k in lacking[:4]:
        absent = _ranges([rank + 1 for rank in range(full) if rank not in held[k]])
        told.append(f"slice {k + 1} of {len(ordered)} has only {len(held[k])} of {full} phases ({absent} missing)")
    if len(lacking) > 4:
        told.append(f"{len(lacking) - 4} more slices also lack phases")
    sentence = "The 4D series is incomplete: " + "; ".join(told)

    whole = [k for k in range(len(ordered)) if k not in lacking]
    common = [rank for rank in range(full) if all(rank in ranks for ranks in held)]
    in_one_piece = len(whole) >= 2 and whole[-1] - whole[0] == len(whole) - 1
    if in_one_piece and len(whole) * full >= len(ordered) * len(common):
        phases = tuple(tuple(phase) for phase in zip(*(ordered[k] for k in whole), strict=True))
        which = "this slice" if len(lacking) == 1 else "these slices"
        return phases, [f"{sentence}. Read without {which}: {len(whole)} slices in all {full} phases."]
    if common:
        phases = tuple(
            tuple(place[ranks.index(rank)] for place, ranks in zip(ordered, held, strict=True)) for rank in common
        )
        return phases, [
            f"{sentence}. Read without the phases that are not complete: {len(ordered)} slices in {len(common)} phases."
        ]
    raise BadInput(sentence, remedy="Copy the whole series again.")


def _ranks(ordered: list[list[Frame]], full: int) -> list[list[int]]:
    """Which of the phases the frames of each place are: by their clock, against the places that have all phases."""
    clocks = [[_clock(frame) for frame in place] for place in ordered if len(place) == full]
    reference = np.median(np.array(clocks), axis=0)
    held = []
    for place in ordered:
        ranks = [int(np.argmin(np.abs(reference - _clock(frame)))) for frame in place]
        held.append(ranks if len(set(ranks)) == len(ranks) and len(place) < full else list(range(len(place))))
    return held


def _clock(frame: Frame) -> float:
    return next((t for t in (frame.temporal, frame.percent, frame.trigger) if t is not None), 0.0)


def _ranges(numbers: list[int]) -> str:
    """1, 2, 3, 7 as "phases 1 to 3 and 7 are"."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    shown = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    text = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"phase {text} is" if len(numbers) == 1 else f"phases {text} are"


def _moment(place: list[Frame]) -> bool:
    """Whether the frames of one place differ in time."""
    if len(place) < 2:
        return False
    moments = {when(frame)[:3] for frame in place}
    return len(moments) == len(place) or len({when(frame)[:5] for frame in place}) == len(place)


# -- describing ---------------------------------------------------------------------------------------------------


def _describe(frames: list[Frame], whole: list[Frame]) -> Series:
    first = frames[0]
    people: list[Person] = []
    for frame in frames:
        if frame.patient not in people:
            people.append(frame.patient)
    files = {frame.path for frame in frames}
    reason = _why_not(frames, people)
    phases: tuple[tuple[Frame, ...], ...] = ()
    notes: list[str] = []
    slices = 0
    summary = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    plane = ""
    if reason is None:
        try:
            phases, notes, plane, size = _as_stacks(frames)
            slices = len(phases[0])
            summary = f"{size}{f' × {len(phases)} phases' if len(phases) > 1 else ''}, {summary}"
        except BadInput as error:
            reason = error.sentence
    kind = tuple(part.upper() for part in first.image_type)
    return Series(
        key=first.series_uid, uid=first.series_uid, number=0, description=_titled(clean(first.description, people), frames, whole), modality=first.modality,
        patient=pseudonym(first.patient), study=first.study_uid, file_count=len(files), summary=summary, reason=reason,
        notes=tuple(notes), slices=slices, phase_count=max(1, len(phases)), plane=plane,
        original="DERIVED" not in kind and "SECONDARY" not in kind and "LOCALIZER" not in kind, phases=phases, people=tuple(people),
    )  # fmt: skip


def _titled(description: str, frames: list[Frame], whole: list[Frame]) -> str:
    """The description, with what sets this part of a series apart from the others."""
    if len(frames) == len(whole):
        return description
    marks = []
    kinds = {f.image_type for f in whole}
    if len(kinds) > 1 and len({f.image_type for f in frames}) == 1:
        common = set.intersection(*(set(kind) for kind in kinds))
        marks += [part for part in frames[0].image_type if part not in common]
    for name, unit in (("echo", "ms"), ("b_value", "s/mm²"), ("thickness", "mm"), ("acquisition", "")):
        here, there = {getattr(f, name) for f in frames}, {getattr(f, name) for f in whole}
        if len(here) == 1 and len(there) > 1 and None not in here:
            marks.append(f"{name.replace('_', ' ')} {next(iter(here))} {unit}".strip())
    return " ".join([description, f"({', '.join(marks)})" if marks else ""]).strip()


def _why_not(frames: list[Frame], people: list[Person]) -> str | None:
    first = frames[0]
    modality = first.modality.upper()
    if any(not same_person(people[0], person) for person in people[1:]):
        names = sorted({pseudonym(person) for person in people})
        return f"It mixes images of {len(names)} patients ({', '.join(names)}). Separate the files by patient."
    if modality in _NOT_A_SCAN:
        return f"It is {_NOT_A_SCAN[modality]}."
    if not first.rows or not first.columns:
        return "It holds no images."
    pictures = f"{len(frames)} pictures" if len(frames) > 1 else "one picture"
    if "MOSAIC" in first.image_type:
        return "Its slices are tiled into one picture (mosaic). Export it as single slices or as enhanced MR."
    if first.samples > 1:
        return f"It is {pictures} in colour (a screen capture, report or photograph), not a scan."
    if first.position is None or first.across is None or first.spacing is None:
        if first.sop_class.startswith(SECONDARY_CAPTURE):
            return f"It is {pictures} captured from a screen, not a scan."
        if modality in _PROJECTIONS:
            return f"It is {_PROJECTIONS[modality]}, not a stack of slices."
        missing = "slices lie" if first.position is None or first.across is None else "large its pixels are"
        return f"The files do not say {'where its' if 'lie' in missing else 'how'} {missing}, so it cannot be placed in the patient."
    broken = [frame.name for frame in frames if frame.cut_short]
    if broken:
        named = ", ".join(sorted(set(broken))[:3]) + (", ..." if len(set(broken)) > 3 else "")
        count = len(set(broken))
        return (
            f"{count} of its {len({f.path for f in frames})} files {'is' if count == 1 else 'are'} cut short ({named}). "
            "Copy the series again."
        )
    return None


def _as_stacks(frames: list[Frame]) -> tuple[tuple[tuple[Frame, ...], ...], list[str], str, str]:
    """Phases of sorted slices, notes, the plane's name, and the size in words."""
    first = frames[0]
    axes = stack.axes_of(np.array(first.across), np.array(first.down))
    places = _places(frames)
    if len(places) == 1:
        if len(frames) == 1:
            raise BadInput(
                "It has only one slice, and a volume needs several",
                remedy="If it is one of many slices, choose their folder.",
            )
        raise BadInput(
            f"All its {len(frames)} images lie in the same place (scout pictures or a film of one slice), and a volume needs several slices"
        )
    phases, notes = _in_phases(places)
    if len(phases) == 1 and len(frames) > len(places):
        phases = (tuple(frame for place in places for frame in place),)  # doubled slices: their pixels decide
    stack_frames = phases[0] if len(phases) > 1 or len(frames) == len(places) else tuple(place[0] for place in places)
    assert first.spacing is not None
    layout = stack.lay_out(
        np.array([f.position for f in stack_frames]), axes, first.spacing, (first.rows, first.columns)
    )
    ni, nj, nk = layout.grid.size
    a, b, c = layout.grid.spacing_mm
    return phases, notes, plane_name(axes[2]), f"{ni} × {nj} × {nk} voxels of {a:.3g} × {b:.3g} × {c:.3g} mm"


def plane_name(normal: NDArray[np.float64]) -> str:
    """axial, coronal or sagittal, with "oblique" when the slices are turned by more than 20 degrees."""
    weights = np.abs(normal)
    name = ("sagittal", "coronal", "axial")[int(np.argmax(weights))]
    return name if weights.max() > np.cos(np.radians(20)) else f"oblique {name}"
