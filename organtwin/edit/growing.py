"""Grow: segments from seeds, live; a segment put right by a stroke; a lesion from one click."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from organtwin.edit.canvas import Box, Canvas, Labels, Mask, Proposal
from organtwin.edit.places import box_around, box_between
from organtwin.edit.tools.grow import GrowOptions
from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment import live, regions
from organtwin.segment.correction import FARTHEST_MM, corrected
from organtwin.segment.lesion.find import lesion
from organtwin.segment.strokes import BACKGROUND, Drawn, on_grid

BLANK = -1e4  # what takes the place of values that are not numbers
LARGEST_LESION_MM = 60.0
AROUND = ("body", "fat", "muscle", "skin", "blood_pool")  # what surrounds organs and is none
NEARBY = [
    np.array(o) for o in ((0, 0, 0), (-3, 0, 0), (3, 0, 0), (0, -6, 0), (0, 6, 0), (0, 0, -6), (0, 0, 6))
]  # voxels


def grow(canvas: Canvas, options: GrowOptions, monitor: Monitor) -> Proposal:
    """See :class:`~organtwin.edit.tools.grow.GrowOptions`.

    Raises
    ------
    BadInput
        When a stroke lies outside the scan, or belongs to no segment, or there is no seed.
    """
    if options.mode == "correct":
        return _correct(canvas, options, monitor)
    if options.mode == "lesion":
        return _lesion(canvas, options, monitor)
    return _seeds(canvas, options, monitor)


def _seeds(canvas: Canvas, options: GrowOptions, monitor: Monitor) -> Proposal:
    drawn = _with_segments(canvas, on_grid(options.strokes, canvas.grid), options.from_segments)
    labels = [canvas.label_of(key) for key in drawn.structures]
    every = np.concatenate(drawn.voxels)
    if options.region_mm is None:
        box = box_around(every, options.margin_mm, canvas.grid)
    else:
        box = box_between(canvas.grid, options.region_mm)
        low, high = (np.array([getattr(s, end) for s in box]) for end in ("start", "stop"))
        kept = [v[np.all((v >= low) & (v < high), axis=1)] for v in drawn.voxels]
        some = [n for n, v in enumerate(kept) if len(v)]
        if not any(drawn.keys[drawn.owner[n]] != BACKGROUND for n in some):
            raise BadInput(
                "No seed of a segment lies within the region", remedy="Draw one inside, or take a larger region."
            )
        drawn = Drawn(drawn.keys, drawn.owner[some], tuple(kept[n] for n in some))
    monitor.progress(0.1, "growing")
    owner = live.owners(
        _values(canvas, box), drawn.shifted(box), canvas.spacing_mm, options.tolerance, options.smooth_mm, monitor
    )
    old = canvas.labels[box]
    wanted = np.where(np.isin(old, labels), canvas.labels.dtype.type(0), old)
    for n, label in enumerate(labels):
        wanted[owner == n] = label
    return canvas.relabelled(box, wanted)


def _with_segments(canvas: Canvas, drawn: Drawn, keys: tuple[str, ...]) -> Drawn:
    """The strokes, and segments as they are as seeds under them."""
    inside = tuple(dict.fromkeys((*drawn.structures, *keys)))
    every = (*inside, BACKGROUND) if BACKGROUND in drawn.keys else inside
    owner = [every.index(drawn.keys[n]) for n in drawn.owner]
    voxels = list(drawn.voxels)
    for key in keys:
        found = np.argwhere(canvas.labels == canvas.label_of(key))
        if len(found):
            owner.append(every.index(key))
            voxels.append(found)
    if not any(every[n] != BACKGROUND for n in owner):
        raise BadInput("There is no seed of a segment to grow from", remedy="Draw a stroke in each segment first.")
    used = [key for n, key in enumerate(every) if n in owner]
    return Drawn(tuple(used), np.array([used.index(every[n]) for n in owner], np.int64), tuple(voxels))


def _correct(canvas: Canvas, options: GrowOptions, monitor: Monitor) -> Proposal:
    label = canvas.label
    for stroke in options.strokes:
        if stroke.key not in (canvas.target, BACKGROUND):
            raise BadInput(f"A correction of '{canvas.target}' has a stroke of '{stroke.key}'",
                           remedy=f"Draw with '{canvas.target}' where it lacks voxels, with 'background' where it has too many.")  # fmt: skip
    drawn = on_grid(options.strokes, canvas.grid)
    reach = options.reach_mm or FARTHEST_MM
    box = box_around(np.concatenate(drawn.voxels), 1.3 * reach + 10.0, canvas.grid)
    mask = canvas.labels[box] == label
    values = _values(canvas, box)
    free = {0, label} | {s.label for s in canvas.segments if s.key in AROUND}
    others = ~np.isin(canvas.labels[box], list(free))
    for number, (voxels, owner) in enumerate(zip(drawn.shifted(box).voxels, drawn.owner, strict=True)):
        monitor.progress(number / len(drawn.voxels), "moving the border")
        missing = drawn.keys[owner] != BACKGROUND
        mask = corrected(mask, values, voxels, missing, canvas.spacing_mm, options.reach_mm, options.smooth_mm, others)
    return canvas.become(box, mask)


def _lesion(canvas: Canvas, options: GrowOptions, monitor: Monitor) -> Proposal:
    drawn = on_grid(options.strokes, canvas.grid)
    reach = options.reach_mm or LARGEST_LESION_MM
    box = box_around(np.concatenate(drawn.voxels), 1.5 * reach + 5.0, canvas.grid)
    values, labels = _values(canvas, box), canvas.labels[box]
    organ = None if options.within is None else np.isin(labels, [canvas.label_of(options.within), canvas.label])
    mask = np.zeros(values.shape, bool)
    doubts = []
    for number, voxels in enumerate(drawn.shifted(box).voxels):
        monitor.progress(number / len(drawn.voxels), "finding the lesion")
        found = lesion(values, voxels, canvas.spacing_mm, organ, _of_others(canvas, labels, voxels), reach)
        mask |= found.mask
        doubts.append(found.doubt)
    said = "; ".join(dict.fromkeys(d for d in doubts if d))
    said = said[:1].upper() + said[1:] + "." if said else ""
    return replace(canvas.put(box, mask), said=said) if mask.any() else Proposal(said=said)


def _of_others(canvas: Canvas, labels: Labels, click: NDArray[np.int64]) -> Mask:
    """What lies well within other organs than the one that is clicked in; their borders may be wrong where a lesion is."""
    nearby = np.concatenate([labels[tuple(np.clip(click + off, 0, np.array(labels.shape) - 1).T)] for off in NEARBY])
    free = {0, canvas.label, *np.unique(nearby).tolist()} | {s.label for s in canvas.segments if s.key in AROUND}
    return regions.shrunk(~np.isin(labels, list(free)), 3.0, canvas.spacing_mm)


def _values(canvas: Canvas, box: Box) -> NDArray[np.float32]:
    return np.nan_to_num(canvas.scan()[box].astype(np.float32), nan=BLANK, posinf=-BLANK, neginf=BLANK)
