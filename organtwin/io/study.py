"""Scans in: list what is in a folder, zip, DICOMDIR or image file, and read a series of it as volumes."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io import images, phases, stack
from organtwin.io.frames import Frame, Unreadable, quiet, read_frames
from organtwin.io.identity import clean, same_person, shifted_date, surrogate_uid
from organtwin.io.pixels import LOWEST_HU, Plane, common_type, decode, settle_padding, too_large
from organtwin.io.series import SECONDARY_CAPTURE, Series, normal_of, sort_into_series, when
from organtwin.io.sources import Gathered, Progress, Silent, gather
from organtwin.model import DynamicVolume, Volume
from organtwin.space import Grid


@dataclass
class Study:
    """What was found: use it as a context, since files from a zip lie in a temporary folder until it closes."""

    series: tuple[Series, ...]
    skipped: int
    damaged: tuple[str, ...]
    notes: tuple[str, ...]
    files: Gathered

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.files.close()

    def best(self) -> Series:
        """The series a person most likely means: an original axial CT or MR volume, of those the one with most slices.

        Raises
        ------
        BadInput
            When none can be read, with the reason of the first; or when they are of several patients.
        """
        readable = [series for series in self.series if series.readable]
        if not readable:
            raise self._nothing()
        one_patient(readable)
        return max(
            readable,
            key=lambda s: (
                s.original,
                s.modality in ("CT", "MR", ""),
                s.slices > 4,
                "axial" in s.plane,
                s.slices,
                -s.number,
            ),
        )

    def choose(self, wanted: Sequence[str]) -> list[Series]:
        """Series by SeriesInstanceUID (or key) or by number from 1.

        Raises
        ------
        BadInput
            When there is none of that name, it cannot be read, or they are of several patients.
        """
        chosen: list[Series] = []
        for name in wanted:
            found = [s for s in self.series if name in (s.key, str(s.number))] or [
                s for s in self.series if name == s.uid and name
            ]
            readable = [s for s in found if s.readable]
            if not found:
                raise BadInput(
                    f"There is no series '{name}'",
                    remedy=f"There are {len(self.series)}: choose 1 to {len(self.series)}, or a SeriesInstanceUID.",
                )
            if not readable:
                raise BadInput(f"Series {found[0].number} cannot be imported: {_lower(found[0].reason or '')}")
            chosen += [s for s in readable if s not in chosen]
        one_patient(chosen)
        return chosen

    def _nothing(self) -> BadInput:
        if not self.series:
            if self.damaged:
                shown = ", ".join(self.damaged[:3]) + (", ..." if len(self.damaged) > 3 else "")
                files = (
                    "The file begins like DICOM but is"
                    if len(self.damaged) == 1
                    else f"All {len(self.damaged)} DICOM files are"
                )
                return BadInput(f"{files} damaged", where=shown, remedy="Copy the scan again.")
            return BadInput(
                "There is no scan here: the files hold no images",
                remedy="Choose the folder, zip file or DICOMDIR that holds the scan.",
            )
        first = max(self.series, key=lambda s: s.file_count)
        rest = len(self.series) - 1
        more = (
            f" The other {rest} series cannot be read either."
            if rest > 1
            else " The other series cannot be read either."
            if rest
            else ""
        )
        title = f"'{first.description}'" if first.description else "The series"
        return BadInput(f"There is no volume here. {title} is not one: {_lower(first.reason or '')}{more}")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def one_patient(series: Sequence[Series]) -> None:
    """Refuse to mix patients.

    Raises
    ------
    BadInput
        Naming which series are of whom.
    """
    people = [(s, person) for s in series for person in s.people]
    if all(same_person(a, b) for _, a in people[:1] for _, b in people[1:]):
        return
    whose: dict[str, list[str]] = {}
    for s in series:
        whose.setdefault(s.patient, []).append(str(s.number))
    told = "; ".join(
        f"{name}: series {', '.join(numbers[:6])}{', ...' if len(numbers) > 6 else ''}"
        for name, numbers in whose.items()
    )
    raise BadInput(
        f"The scans are of {len(whose)} patients ({told})",
        remedy="Import one patient at a time, by choosing the series.",
    )


def scan(sources: Sequence[str | Path], monitor: Progress | None = None) -> Study:
    """List the series in folders, zip files, DICOMDIRs and image files, reading headers only.

    Raises
    ------
    BadInput
        When there is nothing that could be a scan.
    """
    monitor = monitor or Silent()
    files = gather(sources, monitor)
    try:
        frames: list[Frame] = []
        damaged: list[str] = []
        others: list[Series] = []
        skipped = files.skipped
        with quiet():
            for count, found in enumerate(files.files):
                if count % 20 == 0:
                    monitor.progress(count / len(files.files), f"reading header {count + 1} of {len(files.files)}")
                if found.kind == "dicom":
                    try:
                        held = read_frames(found)
                    except Unreadable:
                        damaged.append(found.name)
                        continue
                    frames += held
                    skipped += not held
                else:
                    others.append(images.describe(found))
        frames, copies = _without_copies(frames)
        listed = sort_into_series(frames)
        listed += [replace(series, number=len(listed) + n) for n, series in enumerate(others, 1)]
    except BaseException:
        files.close()
        raise
    notes = list(files.notes)
    if copies:
        notes.append(
            f"{copies} file{' is' if copies == 1 else 's are'} there more than once; one copy of each was used."
        )
    if skipped:
        notes.append(f"{skipped} file{' was' if skipped == 1 else 's were'} passed over: not an image.")
    if damaged:  # their names stay out of notes, which travel with the volume: file names often are patients' names
        notes.append(f"{len(damaged)} damaged DICOM file{' was' if len(damaged) == 1 else 's were'} left out.")
    return Study(tuple(listed), skipped, tuple(damaged), tuple(notes), files)


def _without_copies(frames: list[Frame]) -> tuple[list[Frame], int]:
    """Drop files that are there twice, byte for byte; the same UID on different files proves nothing."""
    first: dict[tuple[object, ...], Frame] = {}
    kept: list[Frame] = []
    copies: dict[Path, bool] = {}
    for frame in frames:
        twin = (
            first.setdefault((frame.sop_uid, frame.index, frame.position, frame.instance), frame)
            if frame.sop_uid
            else frame
        )
        if twin.path != frame.path:
            if frame.path not in copies:
                copies[frame.path] = filecmp.cmp(twin.path, frame.path, shallow=False)
            if copies[frame.path]:
                continue
        kept.append(frame)
    return kept, sum(copies.values())


def read(series: Series, monitor: Progress | None = None, keep_identity: bool = False) -> list[Volume]:
    """Read a series: one volume, or one per phase.

    Parameters
    ----------
    series : Series
        From :func:`scan`, while its Study is open.
    keep_identity : bool
        Keep the patient's name and id and the study's date among the facts of the acquisition.

    Raises
    ------
    BadInput
        When it is not a volume, with the reason; or files are damaged; or doubled slices differ.
    """
    monitor = monitor or Silent()
    if series.reason is not None:
        raise BadInput(f"This series is not a volume: {_lower(series.reason)}")
    try:
        return (
            images.read(series.path, series.description)
            if series.path is not None
            else _read_dicom(series, monitor, keep_identity)
        )
    except MemoryError:
        raise too_large() from None


def read_whole(series: Series, monitor: Progress | None = None, keep_identity: bool = False) -> Volume | DynamicVolume:
    """Read a series as one object: a volume, or what moves where it has several phases.

    Raises
    ------
    BadInput
        As :func:`read`.
    """
    volumes = read(series, monitor, keep_identity)
    if len(volumes) == 1:
        return volumes[0]
    clock = images.clock_of(series.path, len(volumes)) if series.path is not None else phases.clock_of(series.phases)
    return phases.in_time(volumes, clock, series.description or series.modality or "scan")


def read_as_phases(
    series: Sequence[Series], monitor: Progress | None = None, keep_identity: bool = False
) -> DynamicVolume:
    """Read single volumes, in this order, as the phases of one object.

    Raises
    ------
    BadInput
        When they are not on one grid, or one of them already has several phases.
    """
    moving = next((one for one in series if one.phase_count > 1), None)
    if moving is not None:
        raise BadInput(
            f"Series {moving.number} has {moving.phase_count} phases itself", remedy="Import it without 'as phases'."
        )
    if len(series) < 2:
        raise BadInput("One volume alone makes no phases", remedy="Give the volumes of all phases.")
    if all(one.phases for one in series):
        series = sorted(series, key=lambda one: when(one.phases[0][0]))
        clock = phases.clock_of([one.phases[0] for one in series])
    else:
        clock = phases.evenly(len(series), None, "A set of files")
    volumes = [volume for one in series for volume in read(one, monitor, keep_identity)]
    return phases.in_time(volumes, clock, f"{volumes[0].name}, {len(volumes)} phases")


def _read_dicom(series: Series, monitor: Progress, keep_identity: bool) -> list[Volume]:
    volumes = []
    total = len(series.phases)
    for n, frames in enumerate(series.phases):
        planes = decode(frames, monitor, (n / total, (n + 0.8) / total))
        name = series.description or f"{series.modality or 'scan'}"
        facts: dict[str, str] = {}
        if total > 1:
            name = f"{name}, phase {n + 1} of {total}"
            facts["phase"] = f"{n + 1} of {total}"
            if frames[0].trigger is not None:
                facts["trigger time (ms)"] = f"{frames[0].trigger:g}"
        volumes.append(_assemble(series, list(frames), planes, name, facts, keep_identity, monitor, (n + 0.9) / total))
        monitor.progress((n + 1) / total, f"phase {n + 1} of {total}" if total > 1 else "slices in place")
    return volumes


def _assemble(
    series: Series, frames: list[Frame], planes: list[Plane], name: str, facts: dict[str, str], keep_identity: bool,
    monitor: Progress, progress: float,
) -> Volume:  # fmt: skip
    """Sorted planes to a volume."""
    first = frames[0]
    frames, planes, doubled = _without_doubles(frames, planes)
    axes = stack.axes_of(np.array(first.across), np.array(first.down))
    middle = planes[len(planes) // 2]
    lowest, value_notes = settle_padding(planes, middle.unit)
    dtype = common_type(planes, lowest)
    assert first.spacing is not None
    layout = stack.lay_out(
        np.array([frame.position for frame in frames]), axes, first.spacing, (first.rows, first.columns),
        first.frame_uid or surrogate_uid(first.study_uid, first.series_uid, series.patient),
    )  # fmt: skip
    values = np.empty(layout.grid.shape, dtype=dtype)
    if layout.regular:
        for k, plane in enumerate(planes):
            values[k] = plane.values
    else:

        def store(k: int, resampled: NDArray[np.float32]) -> None:
            values[k] = np.rint(resampled) if dtype.kind == "i" else resampled
            monitor.progress(progress, f"resampling slice {k + 1} of {len(values)}")

        stack.resample(layout, lambda k: planes[k].values.astype(np.float32), lowest, store)
    notes = [
        geometry_sentence(layout, series.plane, len(frames)),
        *_thickness(frames, layout.grid),
        *doubled,
        *layout.notes,
        *series.notes,
        *value_notes,
    ]
    notes += dict.fromkeys(note for plane in planes for note in plane.notes)
    notes += _tilt_in_words_only(frames, layout)
    notes += _warnings(frames)
    facts = {**middle.facts, **facts, "patient": series.patient}
    if "contrast" in facts:  # free text
        facts["contrast"] = clean(facts["contrast"], series.people)
    if keep_identity:
        facts |= {
            label: value
            for label, value in zip(("patient id", "patient name", "birth date"), first.patient, strict=True)
            if value
        }
        facts |= {"study date": first.study_date} if first.study_date else {}
    elif day := shifted_date(first.patient, first.study_date):
        facts["study date shifted"] = day
    return Volume(
        name=name, grid=layout.grid, values=values, modality=series.modality or "OT",
        value_unit=middle.unit, window=middle.window, acquisition=facts, notes=tuple(notes),
    )  # fmt: skip


def _without_doubles(frames: list[Frame], planes: list[Plane]) -> tuple[list[Frame], list[Plane], list[str]]:
    """Drop the copies of a slice that is there twice.

    Raises
    ------
    BadInput
        When two images of one place differ: which one is right cannot be known.
    """
    normal = normal_of(frames[0])
    kept: list[int] = []
    for n, frame in enumerate(frames):
        if (
            kept
            and abs((np.array(frame.position) - np.array(frames[kept[-1]].position)) @ normal) <= stack.SAME_PLACE_MM
        ):
            if not np.array_equal(planes[n].values, planes[kept[-1]].values):
                raise BadInput(
                    f"Two different images lie in the same place, {stack.place(np.array(frame.position), normal)}",
                    where=f"{frames[kept[-1]].name} and {frame.name}",
                    remedy="Remove the one that does not belong to the series.",
                )
            continue
        kept.append(n)
    copies = len(frames) - len(kept)
    notes = (
        [
            f"{copies} slice{' was' if copies == 1 else 's were'} there twice with the same pixels; one copy of each was used."
        ]
        if copies
        else []
    )
    return [frames[n] for n in kept], [planes[n] for n in kept], notes


def geometry_sentence(layout: stack.Layout, plane: str, slices: int) -> str:
    ni, nj, nk = layout.grid.size
    a, b, c = layout.grid.spacing_mm
    source = (
        "slice positions are those of the files"
        if layout.regular
        else f"made from {slices} slices at the positions that the files state"
    )
    return f"{ni} × {nj} × {nk} voxels of {a:.4g} × {b:.4g} × {c:.4g} mm, {plane} slices; {source}."


def _thickness(frames: list[Frame], grid: Grid) -> list[str]:
    """Where thickness and distance differ, the file would mislead a reader that trusts the thickness."""
    thick = {round(frame.thickness, 3) for frame in frames if frame.thickness}
    step = float(grid.spacing_mm[2])
    if len(thick) != 1 or abs(next(iter(thick)) - step) <= max(0.02 * step, 0.05):
        return []
    (one,) = thick
    return [
        f"The slices are {one:g} mm thick and {step:.4g} mm apart: they {'overlap' if one > step else 'leave gaps'}."
    ]


def _tilt_in_words_only(frames: list[Frame], layout: stack.Layout) -> list[str]:
    """A tilt in the header that the positions do not show: the positions are believed, and that is said."""
    tilt = frames[0].tilt
    flat = abs(float(layout.grid.directions[2, 2])) > 0.999
    if tilt is None or abs(tilt) < 1 or not layout.regular or not flat:
        return []
    return [
        f"The header names a gantry tilt of {tilt:g} degrees that the slice positions and directions do not show; the positions were used."
    ]


def _warnings(frames: list[Frame]) -> list[str]:
    notes = []
    secondary = any(f.sop_class.startswith(SECONDARY_CAPTURE) for f in frames)
    if any(f.burned_in for f in frames) or secondary:
        notes.append(
            "The images may show the patient's name in the picture itself (burned-in annotation): look before you share them."
        )
    if any(f.lossy for f in frames):
        notes.append(
            "The images were compressed with loss at some time: fine detail and values may differ from the scan's."
        )
    return notes


__all__ = ["LOWEST_HU", "Series", "Study", "read", "read_as_phases", "read_whole", "scan"]
