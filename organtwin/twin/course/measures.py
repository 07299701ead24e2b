"""The same thing measured at every date: an organ, a lesion found again by its place, a place of a vessel, a heart.

The sd of a volume has two parts: the repeatability of the subject, and its edge, which is known to EDGE of a voxel all round
and is off alike everywhere on one scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from organtwin.errors import BadInput
from organtwin.model import Centerline, Finding, Segmentation, structure
from organtwin.model.kinds import kind_of
from organtwin.monitor import Monitor, PartMonitor
from organtwin.twin.course import subjects
from organtwin.twin.course.registration import Laid
from organtwin.twin.course.study import READ, Study
from organtwin.twin.course.subjects import Subject

Numbers = NDArray[np.float64]

EDGE = 0.15  # of a voxel: how far off a whole outline is on one scan
CALIPER = 0.29  # of a voxel: a length between two edges, each even within a voxel (1/sqrt(12))
SMALLEST_ML = 0.05
APART_MM = 8.0  # two outlines of one lesion are not farther from each other after the scans are laid over each other
FORK_MM = 130.0  # the abdominal aorta is about so long
BETWEEN_MM = 30.0  # from the top of the kidneys up to the diaphragm
TOLD = 1.5  # times the sd of cardiac MR, for values of reports: our estimate for echocardiography
PLACE_MM = 15.0  # a place of a vessel is looked for within this of where it should be


@dataclass
class Measured:
    """One thing over the dates at which it was seen (indices ``at`` of the studies)."""

    name: str
    subject: Subject
    at: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    sds: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, at: int, value: float, sd: float) -> None:
        self.at.append(at)
        self.values.append(value)
        self.sds.append(sd)


# -- volumes ------------------------------------------------------------------------------------------------------------


def organ(key: str, studies: Sequence[Study]) -> list[Measured]:
    """The volume of a structure at every date that shows it."""
    made = Measured(f"{structure(key).name} volume", subjects.ORGAN)
    for at, study in enumerate(studies):
        seg = study.segmentation
        if seg is None or not (own := [s for s in seg.segments if s.key == key and s.volume_mm3 > 0]):
            made.notes.append(f"{structure(key).name} was not segmented on {study.said}.")
            continue
        mask = np.asarray(seg.labels) == own[0].label
        ml = float(mask.sum()) * seg.grid.voxel_volume_mm3 / 1000
        if ml <= 0:
            continue
        sure = max(own[0].confidence if own[0].confidence is not None else 1.0, 0.3)
        made.add(at, ml, hypot(_edge_ml(mask, seg), made.subject.sd(ml) / sure))
        if own[0].doubt:
            made.notes.append(f"{study.said}: {own[0].doubt}.")
    return [made]


def _edge_ml(mask: NDArray[np.bool_], seg: Segmentation) -> float:
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    part = np.pad(mask[box], 1)
    spacing = seg.grid.spacing_mm[::-1]
    cell = seg.grid.voxel_volume_mm3
    steps = [float(np.abs(np.diff(part.astype(np.int8), axis=a)).sum()) * cell / spacing[a] for a in range(3)]
    area = sum(steps) / 1.5  # of a staircase, to that of what is round
    return EDGE * float(np.cbrt(cell)) * area / 1000


@dataclass(frozen=True)
class _Lesion:
    middle_mm: Numbers  # in the first scan
    radius_mm: float
    ml: float
    edge_ml: float


def lesions(key: str, studies: Sequence[Study], laid: Sequence[Laid]) -> list[Measured]:
    """The volume of each lesion, found again by its place in the scans laid over each other.

    ``key`` and its numbered ones ("tumour_2") are taken together: each piece is a lesion. Pieces are matched so that the
    sum of their distances is least (H. W. Kuhn, Naval Res. Logist. Q. 2, 1955), and only where they nearly touch.
    """
    tracks: list[Measured] = []
    last: list[_Lesion] = []
    many: list[str] = []
    for at, (study, over) in enumerate(zip(studies, laid, strict=True)):
        seg = study.segmentation
        if seg is None:
            continue
        found = _pieces(seg, key, over)
        cost = np.array(
            [[np.linalg.norm(a.middle_mm - b.middle_mm) - a.radius_mm - b.radius_mm for b in found] for a in last]
        ).reshape(len(last), len(found))
        pairs = [(int(r), int(c)) for r, c in zip(*linear_sum_assignment(cost), strict=True) if cost[r, c] < APART_MM]
        taken = {c: r for r, c in pairs}
        gone = set(range(len(last))) - set(taken.values())
        many += [
            f"{tracks[r].name} was not seen again on {study.said}." for r in sorted(gone) if at - tracks[r].at[-1] == 1
        ]
        for c, lesion in enumerate(found):
            if c in taken:
                track, last[taken[c]] = tracks[taken[c]], lesion
            else:
                track = Measured(f"{structure(key).name} {len(tracks) + 1} volume", subjects.TUMOUR)
                tracks.append(track)
                last.append(lesion)
                if at > 0:
                    track.notes.append(f"First seen on {study.said}.")
                    many.append(f"A new lesion of {lesion.ml:.2g} mL was seen on {study.said}.")
            track.add(at, lesion.ml, hypot(lesion.edge_ml, track.subject.sd(lesion.ml)))
    if len(tracks) == 1:
        tracks[0].name = f"{structure(key).name} volume"
    for track in tracks:
        track.notes += many
    return sorted(tracks, key=lambda t: -max(t.values))


def _pieces(seg: Segmentation, key: str, over: Laid) -> list[_Lesion]:
    labels = [s.label for s in seg.segments if same(key, s.key)]
    made = []
    for label in labels:
        pieces, count = ndimage.label(np.asarray(seg.labels) == label)
        for number, box in enumerate(ndimage.find_objects(pieces)[:count], 1):
            mask = pieces[box] == number
            ml = float(mask.sum()) * seg.grid.voxel_volume_mm3 / 1000
            if ml < SMALLEST_ML:
                continue
            at = np.argwhere(mask).mean(axis=0) + [s.start for s in box]
            made.append(
                _Lesion(
                    over.first(seg.grid.to_world(at[::-1])[None])[0],
                    float(np.cbrt(ml * 1000 * 0.75 / np.pi)),
                    ml,
                    _edge_ml(mask, seg),
                )
            )
    return made


def same(key: str, other: str) -> bool:
    first, _, number = other.rpartition("_")
    return other == key or (first == key and number.isdigit())


def is_lesion(key: str) -> bool:
    return kind_of(key, structure(key).name) == "tumour"


# -- vessels ------------------------------------------------------------------------------------------------------------


def vessel(key: str, studies: Sequence[Study], laid: Sequence[Laid], what: str, monitor: Monitor) -> list[Measured]:
    """The diameter of each wide place, or the narrowing of each narrow one, at the same place at every date.

    A place is what the last scan that has a finding there shows; on the others the line is read where that lies after the scans
    are laid over each other. Where no scan shows any, it is the widest place of the last one.
    """
    lines = [
        _line(s, key, PartMonitor(monitor, n / len(studies), (n + 1) / len(studies))) for n, s in enumerate(studies)
    ]
    places = _places(lines, laid, what)
    made = []
    for last, finding in places:
        line, given = lines[last], studies[last]
        assert line is not None
        narrow = finding.what == "stenosis"
        branch = finding.name or structure(key).name
        name = f"{structure(key).name}: {branch.replace('_', ' ')}" if branch.lower() != key else structure(key).name
        subject = subjects.STENOSIS if narrow else _wide(key, line, finding, given.segmentation)
        track = Measured(f"{name} {subject.name.split()[-1]}", subject)
        window = _window(line, finding)
        for at, (study, other, over) in enumerate(zip(studies, lines, laid, strict=True)):
            if other is None:
                continue
            value = _at_place(other, over.later(laid[last].first(window)), finding, narrow)
            if value is None:
                track.notes.append(f"The place was not in view on {study.said}.")
                continue
            voxel = float(study.segmentation.grid.spacing_mm.max()) if study.segmentation else 1.0
            if narrow:
                sd = hypot(subject.sd(value), 100 * CALIPER * voxel / finding.reference_mm)
            else:
                sd = hypot(subject.sd(value), CALIPER * voxel)
            track.add(at, value, sd)
        made.append(track)
    return made


def _line(study: Study, key: str, monitor: Monitor) -> Centerline | None:
    if study.centerline is not None:
        if study.centerline.clear is None:
            raise BadInput(
                f"'{study.centerline.name}' was followed but not measured",
                remedy="Measure the vessel first: 'organtwin vessel'.",
            )
        return study.centerline
    seg = study.segmentation
    if seg is None or not any(s.key == key and s.volume_mm3 for s in seg.segments):
        return None
    from organtwin.vessel.measured import of_mask

    return of_mask(
        seg.mask(key), seg.grid, key, volume=study.volume, segmentation=seg.uuid, progress=monitor.progress
    )  # fmt: skip


def _places(lines: Sequence[Centerline | None], laid: Sequence[Laid], what: str) -> list[tuple[int, Finding]]:
    wanted = {"diameter": ("aneurysm", "dilatation"), "stenosis": ("stenosis",)}.get(
        what, ("aneurysm", "dilatation", "stenosis")
    )
    taken: list[tuple[int, Finding, Numbers]] = []
    for n in reversed(range(len(lines))):
        line = lines[n]
        for finding in line.findings if line is not None else ():
            middle = laid[n].first(np.array([finding.point_mm]))[0]
            near = any(
                (f.what == "stenosis") == (finding.what == "stenosis")
                and np.linalg.norm(middle - m) < max(PLACE_MM, f.diameter_mm)
                for _, f, m in taken
            )
            if finding.what in wanted and not near:
                taken.append((n, finding, middle))
    if not taken and what != "stenosis":
        widest = [(n, _widest(line)) for n, line in enumerate(lines) if line is not None]
        return [(n, f) for n, f in widest[-1:] if f is not None]
    return [(n, f) for n, f, _ in taken]


def _widest(line: Centerline) -> Finding | None:
    clear = np.asarray(line.clear)
    if not clear.any():
        return None
    at = int(np.where(clear, line.diameter_mm, -1).argmax())
    number = next(k for k, b in enumerate(line.branches) if b.first <= at <= b.last)
    d, s = float(line.diameter_mm[at]), float(line.distance_mm[at])
    x, y, z = (float(c) for c in line.points_mm[at])
    return Finding(
        what="dilatation", branch=number, name=line.branches[number].name, at_mm=s, start_mm=s - 0.25 * d, stop_mm=s + 0.25 * d,
        point_mm=(x, y, z), diameter_mm=d, least_mm=d, most_mm=d, reference_mm=d,
    )  # fmt: skip


def _window(line: Centerline, finding: Finding) -> Numbers:
    """(n, 3) points of the line along the finding, on its branch or those it goes over into."""
    along = np.asarray(line.distance_mm)
    points = np.asarray(line.points_mm)
    own = (along >= finding.start_mm) & (along <= finding.stop_mm)
    own &= np.linalg.norm(points - np.array(finding.point_mm), axis=1) < (finding.stop_mm - finding.start_mm) + 5.0
    return points[own] if own.any() else np.array([finding.point_mm])


def _at_place(line: Centerline, window_mm: Numbers, finding: Finding, narrow: bool) -> float | None:
    points, clear = np.asarray(line.points_mm), np.asarray(line.clear)
    if not clear.any():
        return None
    far = np.linalg.norm(points[clear][:, None] - window_mm[None], axis=2)
    reach = min(far.min(axis=0).max(), PLACE_MM) if far.min() < PLACE_MM else -1.0
    own = far.min(axis=1) <= max(reach, 0.0) if reach >= 0 else np.zeros(len(far), bool)
    if not own.any():
        return None
    diameter = line.diameter_mm[clear][own]
    if not narrow:
        return float(diameter.max())
    return float(np.clip(100 * (1 - diameter.min() / finding.reference_mm), 0.0, 100.0))


def _wide(key: str, line: Centerline, finding: Finding, seg: Segmentation | None) -> Subject:
    if key != "aorta":
        return subjects.VESSEL
    return subjects.AORTA if _abdominal(line, finding, seg) else subjects.THORACIC


def _abdominal(line: Centerline, finding: Finding, seg: Segmentation | None) -> bool:
    """Below the branches to the gut and the kidneys, near the fork to the legs, or, where no branch is known, at the kidneys."""
    starts = {b.name: float(line.distance_mm[b.first]) for b in line.branches}
    gut = [s for name, s in starts.items() if name.startswith(("celiac", "sma", "renal"))]
    legs = [s for name, s in starts.items() if name.startswith("iliac")]
    if gut or legs:
        return finding.at_mm > min([*gut, *(s - FORK_MM for s in legs)])
    keys = [] if seg is None else [s.key for s in seg.segments if s.key.startswith("kidney") and s.volume_mm3]
    if seg is None or not keys:
        return False
    at = np.argwhere(np.isin(np.asarray(seg.labels), [seg.segment(k).label for k in keys]))
    return finding.point_mm[2] < float(seg.grid.to_world(at[:, ::-1])[:, 2].max()) + BETWEEN_MM


# -- hearts -------------------------------------------------------------------------------------------------------------


def heart(studies: Sequence[Study], what: str) -> list[Measured]:
    """Ejection fraction, volumes and mass of the left ventricle as the segmented cine gave them."""
    made = []
    for name, subject in subjects.HEART.items():
        if what not in ("auto", "heart", name):
            continue
        track = Measured(name, subject)
        code = next((c for c, told in READ.items() if told == name), "")
        for at, study in enumerate(studies):
            quantity = next((q for q in (study.heart.quantities if study.heart else ()) if q.name == name), None)
            if quantity is not None and quantity.value > 0:
                by_hand = {"good": 1.0, "fair": 1.5}.get(quantity.level, 2.0)
                track.add(at, quantity.value, by_hand * subject.sd(quantity.value))
            elif study.read.get(code, 0.0) > 0:
                track.add(at, study.read[code], TOLD * subject.sd(study.read[code]))
        if any(studies[at].heart is None for at in track.at):
            track.notes.append(
                "Values that were told, not measured here, are taken as of echocardiography: half as unsure again as of cardiac MR."
            )
        made.append(track)
    return made
