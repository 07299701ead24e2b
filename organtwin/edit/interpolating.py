"""The slices between painted ones, by their signed distances (Raya and Udupa 1990), moved along where shapes shift."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.edit.canvas import Canvas, Mask, Proposal
from organtwin.edit.tools.interpolate import InterpolateOptions
from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment import regions

AXES = {"k": 0, "j": 1, "i": 2}


def interpolate(canvas: Canvas, options: InterpolateOptions, monitor: Monitor) -> Proposal:
    """See :class:`~organtwin.edit.tools.interpolate.InterpolateOptions`. Painted slices stay as they are.

    Raises
    ------
    BadInput
        When there are not two painted slices with a gap between them.
    """
    keys = options.segments or ((canvas.target,) if canvas.target else tuple(s.key for s in canvas.segments))
    chosen = [canvas.label_of(key) for key in keys]
    boxes = ndimage.find_objects(canvas.labels)
    found: list[tuple[int, int, list[int]]] = []  # label, axis, painted slices
    for label in chosen:
        where = boxes[label - 1] if label <= len(boxes) else None
        if where is None:
            continue
        mask = canvas.labels[where] == label
        axis = AXES[options.axis] if options.axis else _axis_with_gaps(mask)
        if axis is None:
            continue
        start = int(where[axis].start)
        painted = [start + int(n) for n in np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))]
        if len(painted) > 1 and painted[-1] - painted[0] >= len(painted):
            found.append((label, axis, painted))
    if not found:
        raise BadInput("There is nothing to interpolate: no slices lie empty between painted ones",
                       remedy="Paint the segment in every few slices of one direction first.")  # fmt: skip
    wanted = np.array(canvas.labels)
    strength = np.zeros(canvas.labels.shape, np.float32)
    for n, (label, axis, painted) in enumerate(found):
        for a, b in pairwise(painted):
            if b - a < 2:
                continue
            monitor.progress((n + (a - painted[0]) / (painted[-1] - painted[0])) / len(found), "between slices")
            flat = tuple(2 - x for x in range(3) if x != axis)
            spacing = canvas.spacing_mm[list(flat)]
            first, last = (np.take(canvas.labels, s, axis=axis) == label for s in (a, b))
            for s, level in between(first, last, b - a - 1, spacing):
                here = tuple(slice(None) if x != axis else a + s for x in range(3))
                old = canvas.labels[here]
                wins = (level > strength[here]) & (level > 0) & ((old == 0) | np.isin(old, chosen))
                strength[here] = np.where(wins, level, strength[here])
                wanted[here] = np.where(wins, label, wanted[here])
    changed = regions.bounding_box(wanted != canvas.labels, wanted.shape, 0)
    if changed is None:
        return Proposal(said="Nothing changes: the slices in between are taken.")
    return canvas.relabelled(changed, wanted[changed])


def _axis_with_gaps(mask: Mask) -> int | None:
    """The axis along which most slices lie empty between painted ones; None where there are none."""
    empty = [1 - float(np.mean(mask.any(axis=tuple(a for a in range(3) if a != axis)))) for axis in range(3)]
    best = int(np.argmax(empty))
    return best if empty[best] > 0 else None


def between(
    first: Mask, last: Mask, count: int, spacing_mm: NDArray[np.float64]
) -> list[tuple[int, NDArray[np.float32]]]:
    """Signed distance (mm, inside positive) of the shapes of ``count`` slices between two masks (n, m).

    ``spacing_mm``: from row to row, and from column to column. Shapes that do not overlap travel: both are
    moved so that their centroids agree, and the shape between goes straight from one to the other.
    """
    centres = [np.array(ndimage.center_of_mass(m)) for m in (first, last)]
    apart = centres[1] - centres[0]
    if (first & last).any():
        apart = np.zeros(2)
    signed = [_signed_mm(m, spacing_mm) for m in (first, last)]
    out = []
    for n in range(1, count + 1):
        t = n / (count + 1)
        a, b = (ndimage.shift(d, shift, order=1, mode="nearest") if shift.any() else d
                for d, shift in ((signed[0], apart * t), (signed[1], apart * (t - 1))))  # fmt: skip
        out.append((n, np.asarray((1 - t) * a + t * b, np.float32)))
    return out


def _signed_mm(mask: Mask, spacing_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """Distance to the border, inside positive; the border lies half way between voxel centres."""
    spacing = np.array([spacing_mm[1], spacing_mm[0], 1.0])
    inside = regions.distance_mm(~np.pad(mask, 1)[None], spacing)[0, 1:-1, 1:-1]
    outside = regions.distance_mm(mask[None], spacing)[0]
    half = np.float32(0.5 * float(min(spacing_mm)))
    return np.where(mask, inside - half, half - outside)
