"""How far a segmentation can be believed, by measures that need no truth: each structure with flags in one sentence each.

Volumes are compared with those of adults. Sources of the ranges: D. K. Molina and V. J. M. DiMaio, Am J Forensic Med Pathol
33:362 and 33:368 (2012), organ weights in men (liver, spleen, kidneys, heart: means and ranges); ICRP Publication 89 (2002),
reference values of both sexes (pancreas, brain, adrenals, lungs); N. Kawel-Boehm et al., J Cardiovasc Magn Reson 22:87 (2020),
chambers of the heart. The ranges here span both sexes and are wider by about a fifth: beyond them is unusual, not wrong.
Hounsfield units span what scans without contrast and in all its phases show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.model import Segment, Segmentation, Volume
from organtwin.model.base import Frozen
from organtwin.monitor import Monitor, NullMonitor
from organtwin.space import Grid

Level = Literal["good", "fair", "poor"]
Mask = NDArray[np.bool_]
_LEVELS: tuple[Level, ...] = ("good", "fair", "poor")

VOLUMES_ML: dict[str, tuple[float, float]] = {
    "liver": (800, 2600), "spleen": (45, 400), "kidney_right": (70, 270), "kidney_left": (70, 270), "pancreas": (35, 170),
    "lung_right": (900, 4200), "lung_left": (800, 3800), "heart": (350, 1200), "myocardium": (50, 220),
    "left_ventricle": (30, 250), "right_ventricle": (40, 280), "left_atrium": (15, 160), "right_atrium": (20, 190),
    "brain": (950, 1750), "gallbladder": (4, 120), "urinary_bladder": (10, 900), "adrenal_right": (1, 12),
    "adrenal_left": (1, 12), "prostate": (10, 90), "stomach": (40, 1500),
}  # fmt: skip
MEANS_HU: dict[str, tuple[float, float]] = {
    "liver": (15, 170), "spleen": (25, 230), "kidney_right": (10, 300), "kidney_left": (10, 300), "pancreas": (0, 170),
    "lung_right": (-950, -500), "lung_left": (-950, -500), "heart": (15, 400), "myocardium": (15, 220),
    "left_ventricle": (20, 700), "right_ventricle": (20, 700), "left_atrium": (20, 700), "right_atrium": (20, 700),
    "aorta": (20, 800), "aorta_true_lumen": (20, 800), "inferior_vena_cava": (10, 350), "portal_vein": (15, 350),
    "bone": (80, 1300), "fat": (-150, -40), "muscle": (0, 140), "brain": (15, 80), "gallbladder": (-30, 80),
    "urinary_bladder": (-30, 400), "pulmonary_artery": (20, 800),
}  # fmt: skip
# one compact piece each, so that islands, holes and rough skin tell of a mistake
COMPACT = frozenset(VOLUMES_ML) | {
    "aorta",
    "aorta_true_lumen",
    "inferior_vena_cava",
    "superior_vena_cava",
    "pulmonary_artery",
}
# what may be cut by the edge of a scan without loss
THROUGH = frozenset(
    ("body", "fat", "muscle", "skin", "bone", "blood_pool", "aorta", "aorta_true_lumen", "aorta_false_lumen",
     "inferior_vena_cava", "superior_vena_cava", "trachea", "esophagus", "spinal_cord", "colon", "small_intestine")
)  # fmt: skip
HOLLOW = frozenset(("lung_right", "lung_left", "stomach", "myocardium", "heart", "colon", "small_intestine"))
# above this many voxels in its box a structure is looked at in every second row and column where that changes little
COARSE_FROM = 12_000_000
ONE_PIECE = (0.99, 0.9)  # share of the largest island: good from, poor below
HOLES = (0.003, 0.03)  # of the volume: fair from, poor from
ROUGH = (0.22, 0.45)  # of the surface voxels that a light smoothing would change: fair from, poor from
SIDES = (("right", "left"), ("front", "back"), ("bottom", "top"))


class Flag(Frozen):
    """What one measure says."""

    measure: str
    level: Level
    sentence: str


class Quality(Frozen):
    """One structure: its measures, and flags for those that are not as expected.

    ``level`` is that of the worst flag. ``border`` names the sides of the scan that it touches.
    """

    key: str
    name: str
    label: int
    level: Level
    flags: tuple[Flag, ...]
    volume_ml: float
    islands: int = 0
    largest_share: float = 0.0
    holes_ml: float = 0.0
    border: tuple[str, ...] = ()
    mean: float | None = None
    sd: float | None = None
    roughness: float = 0.0
    missing_slices: int = 0

    @property
    def doubts(self) -> str:
        return " ".join(flag.sentence for flag in self.flags)


def quality(
    segmentation: Segmentation, volume: Volume | None = None, monitor: Monitor | None = None
) -> tuple[Quality, ...]:
    """Measure every structure of a segmentation.

    Parameters
    ----------
    segmentation : Segmentation
    volume : Volume, optional
        The scan, on the same grid: for Hounsfield units.

    Returns
    -------
    tuple of Quality
        In the order of the segments.
    """
    monitor = monitor or NullMonitor()
    labels = np.asarray(segmentation.labels)
    boxes = ndimage.find_objects(labels)
    values = None if volume is None or not volume.grid.same_as(segmentation.grid) else np.asarray(volume.values)
    hu = volume is not None and volume.value_unit == "HU"
    centres: dict[str, NDArray[np.float64]] = {}
    found = []
    for n, segment in enumerate(segmentation.segments):
        monitor.progress(n / len(segmentation.segments), f"looking at {segment.name}")
        box = boxes[segment.label - 1] if 0 < segment.label <= len(boxes) else None
        if box is None:
            flag = Flag(measure="volume", level="poor", sentence="It has no voxels.")
            found.append(
                Quality(
                    key=segment.key, name=segment.name, label=segment.label, level="poor", flags=(flag,), volume_ml=0.0
                )
            )
            continue
        mask = labels[box] == segment.label
        part = None if values is None else values[box][mask]
        kji = np.array([(s.start + s.stop - 1) / 2 for s in box]) if mask.size > COARSE_FROM else _centre(mask, box)
        centres[segment.key] = segmentation.grid.to_world(kji[::-1])
        found.append(_measured(segment, mask, box, labels[box], segmentation.grid, part, hu))
    return tuple(_sided(one, centres, found) for one in found)


def worst(levels: Iterable[Level]) -> Level:
    return max(levels, key=_LEVELS.index, default="good")


def _centre(mask: Mask, box: tuple[slice, ...]) -> NDArray[np.float64]:
    sums = [mask.sum(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
    return np.array([s.start + float(np.average(np.arange(len(w)), weights=w)) for s, w in zip(box, sums, strict=True)])


def _measured(
    segment: Segment, mask: Mask, box: tuple[slice, ...], labels: NDArray[np.integer], grid: Grid,
    values: NDArray[np.generic] | None, hu: bool,
) -> Quality:  # fmt: skip
    key = _kind(segment.key)
    voxel_ml = grid.voxel_volume_mm3 / 1000
    count = int(np.count_nonzero(mask))
    volume_ml = count * voxel_ml
    step = (slice(None), slice(None, None, 2), slice(None, None, 2)) if mask.size > COARSE_FROM else (slice(None),) * 3
    seen, around = mask[step], labels[step]
    pieces, islands = ndimage.label(seen, np.ones((3, 3, 3), bool))
    largest = float(np.bincount(pieces.ravel())[1:].max(initial=0)) / max(1, int(seen.sum()))
    del pieces
    holes = 0.0 if key not in COMPACT or key in HOLLOW else _holes(seen, around) / max(1, int(seen.sum())) * volume_ml
    rough = _roughness(seen) if key in COMPACT and min(grid.size) > 2 else 0.0
    border = _border(box, grid)
    filled = mask.any(axis=(1, 2))
    missing = int(len(filled) - filled.sum())
    mean = sd = None
    if values is not None and values.size:
        mean, sd = float(values.mean()), float(values.std())

    flags: list[Flag] = []

    def say(measure: str, level: Level, sentence: str) -> None:
        flags.append(Flag(measure=measure, level=level, sentence=sentence))

    cut = bool(border) and key not in THROUGH
    if cut:
        say("border", "fair", f"The scan cuts it at the {_listed(border)}.")
    if key in VOLUMES_ML:
        low, high = VOLUMES_ML[key]
        usual = f"{volume_ml:.3g} mL; in adults it has {low:g} to {high:g} mL."
        if volume_ml > high:
            say("volume", "poor" if volume_ml > 1.8 * high else "fair", f"It is unusually large: {usual}")
        elif volume_ml < low and not cut:
            say("volume", "poor" if volume_ml < 0.5 * low else "fair", f"It is unusually small: {usual}")
    if key in COMPACT and largest < ONE_PIECE[0]:
        level: Level = "poor" if largest < ONE_PIECE[1] else "fair"
        say("islands", level, f"It is in {islands} pieces; the largest holds {_percent(largest)} of it.")
    if holes > HOLES[0] * volume_ml:
        level = "poor" if holes > HOLES[1] * volume_ml else "fair"
        say("holes", level, f"Holes inside it take {holes:.2g} mL ({100 * holes / volume_ml:.2g} %).")
    if key in COMPACT and missing:
        say("slices", "poor" if missing > 2 else "fair", f"It is missing on {missing} of the slices that it spans.")
    if rough > ROUGH[0] and count > 500:
        say(
            "roughness",
            "poor" if rough > ROUGH[1] else "fair",
            "Its surface is rough: smoothing would change much of it.",
        )
    if hu and mean is not None and key in MEANS_HU:
        low, high = MEANS_HU[key]
        if not low <= mean <= high:
            far = mean < low - 0.5 * (high - low) or mean > high + 0.5 * (high - low)
            told = f"Its mean of {mean:.0f} HU is {'far ' if far else ''}outside the usual {low:g} to {high:g} HU."
            say("intensity", "poor" if far else "fair", told)
    if segment.confidence is not None and segment.confidence < 0.7:
        reason = (
            segment.doubt[:1].upper() + segment.doubt[1:].rstrip(".")
            if segment.doubt
            else "The engine is not sure of it"
        )
        say("confidence", "poor" if segment.confidence < 0.5 else "fair", f"{reason}.")
    return Quality(
        key=segment.key, name=segment.name, label=segment.label, level=worst(flag.level for flag in flags), flags=tuple(flags),
        volume_ml=volume_ml, islands=int(islands), largest_share=largest, holes_ml=holes, border=border, mean=mean, sd=sd,
        roughness=rough, missing_slices=missing,
    )  # fmt: skip


def _kind(key: str) -> str:
    return re.sub(r"_\d+$", "", key)


def _holes(mask: Mask, labels: NDArray[np.integer]) -> int:
    """Voxels of no structure that the mask encloses."""
    empty = np.pad(labels == 0, 1, constant_values=True)
    outside = np.pad(~mask, 1, constant_values=True)
    rooms, count = ndimage.label(outside)  # other structures are ways out as well as rooms
    if count < 2:
        return 0
    return int(np.count_nonzero((rooms != rooms[0, 0, 0]) & empty & outside))


def _roughness(mask: Mask) -> float:
    """Share of the surface voxels that a majority among 27 neighbours would change: about 0.1 for smooth organs."""
    padded = np.pad(mask, 1).astype(np.uint8)
    votes = padded
    for axis in range(3):
        votes = ndimage.correlate1d(votes, [1, 1, 1], axis=axis, mode="constant")
    changed = int(np.count_nonzero((votes > 13) != (padded != 0)))
    surface = int(np.count_nonzero((votes < 27) & (padded != 0)))
    return float(changed) / max(1, surface)


def _border(box: tuple[slice, ...], grid: Grid) -> tuple[str, ...]:
    """Sides of the scan that a box touches, as the patient's; not along an axis with few slices."""
    sides = []
    for axis in range(3):
        span, size = box[2 - axis], grid.size[axis]
        if size < 4:
            continue
        direction = grid.directions[:, axis]
        main = int(np.argmax(np.abs(direction)))
        low, high = SIDES[main] if direction[main] > 0 else SIDES[main][::-1]
        sides += [low] * (span.start == 0) + [high] * (span.stop == size)
    return tuple(sides)


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share > 0.95 else f"{100 * share:.0f} %"


def _sided(one: Quality, centres: Mapping[str, NDArray[np.float64]], found: Iterable[Quality]) -> Quality:
    """With a flag where left and right, or the sizes of a pair, cannot be."""
    flags = list(one.flags)
    stem, _, side = one.key.rpartition("_")
    other = f"{stem}_{'left' if side == 'right' else 'right'}"
    if side in ("left", "right") and one.key in centres and other in centres:
        further = float(centres[one.key][0] - centres[other][0]) * (1 if side == "left" else -1)
        if further < 0:
            flags.append(
                Flag(
                    measure="side",
                    level="poor",
                    sentence=f"It lies on the {'right' if side == 'left' else 'left'} of its pair.",
                )
            )
        twin = next((q for q in found if q.key == other), None)
        sizes: list[float] = [one.volume_ml, twin.volume_ml if twin else one.volume_ml]
        ratio = max(sizes) / max(min(sizes), 1e-9)
        if stem in ("kidney", "lung") and ratio > 2 and not one.border and twin is not None and not twin.border:
            flags.append(
                Flag(measure="pair", level="fair", sentence=f"Left and right differ by a factor of {ratio:.2g}.")
            )
    elif one.key in ("liver", "spleen") and {"liver", "spleen"} <= set(centres):
        if centres["liver"][0] > centres["spleen"][0]:
            flags.append(
                Flag(
                    measure="side",
                    level="poor",
                    sentence="The liver lies to the left of the spleen: is the scan mirrored?",
                )
            )
    else:
        return one
    return one.model_copy(update={"flags": tuple(flags), "level": worst(flag.level for flag in flags)})
