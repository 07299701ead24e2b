"""Grow: segments from seeds, live; a segment put right by a stroke; a lesion from one click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.edit.canvas import Box, Canvas, Proposal
from organtwin.edit.places import box_around, box_between
from organtwin.edit.tools.grow import GrowOptions
from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment import live
from organtwin.segment.correction import corrected
from organtwin.segment.lesion.find import lesion
from organtwin.segment.strokes import BACKGROUND, Drawn, on_grid

BLANK = -1e4  # what takes the place of values that are not numbers


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
    box = box_around(np.concatenate(drawn.voxels), 3 * (options.reach_mm or 30.0), canvas.grid)
    mask = canvas.labels[box] == label
    values = _values(canvas, box)
    for number, (voxels, owner) in enumerate(zip(drawn.shifted(box).voxels, drawn.owner, strict=True)):
        monitor.progress(number / len(drawn.voxels), "moving the border")
        missing = drawn.keys[owner] != BACKGROUND
        mask = corrected(mask, values, voxels, missing, canvas.spacing_mm, options.reach_mm, options.smooth_mm)
    return canvas.become(box, mask)


def _lesion(canvas: Canvas, options: GrowOptions, monitor: Monitor) -> Proposal:
    drawn = on_grid(options.strokes, canvas.grid)
    reach = options.reach_mm or 60.0
    seeds = np.concatenate(drawn.voxels)
    box = box_around(seeds, reach + 20.0, canvas.grid)
    values = _values(canvas, box)
    organ = (
        None if options.within is None else np.isin(canvas.labels[box], [canvas.label_of(options.within), canvas.label])
    )
    mask = np.zeros(values.shape, bool)
    for number, voxels in enumerate(drawn.shifted(box).voxels):
        monitor.progress(number / len(drawn.voxels), "finding the lesion")
        mask |= lesion(values, voxels, canvas.spacing_mm, organ, reach_mm=reach).mask
    if not mask.any():
        return Proposal(said="Nothing there stands out from its surroundings.")
    return canvas.put(box, mask)


def _values(canvas: Canvas, box: Box) -> NDArray[np.float32]:
    return np.nan_to_num(canvas.scan()[box].astype(np.float32), nan=BLANK, posinf=-BLANK, neginf=BLANK)
