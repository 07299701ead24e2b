"""Segments as a file holds them, each with a mask of its own, and how they become label maps on a grid that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io.codes import unused
from organtwin.model import Segment, Segmentation
from organtwin.space import Grid

Box = tuple[slice, slice, slice]
# a grid whose corners lie this near to voxel centres of another has its voxels there (the rest is rounding of headers)
SAME_LATTICE = 0.05


@dataclass(frozen=True)
class Part:
    """One segment: a mask in a box (k, j, i) of the grid."""

    segment: Segment
    box: Box
    mask: NDArray[np.bool_]


@dataclass
class Drawn:
    """What a file holds, on its own grid. Segments may overlap; their labels are those of the file where it has some."""

    name: str
    grid: Grid
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, segment: Segment, mask: NDArray[np.bool_], box: Box | None = None) -> None:
        """Add a segment by its mask (of the whole grid, or of a box of it); its key is made one of its kind."""
        key = unused(segment.key or f"segment_{segment.label}", [part.segment.key for part in self.parts])
        origin = tuple(s.start for s in box) if box else (0, 0, 0)
        inner = box_of(mask)
        where = tuple(slice(o + s.start, o + s.stop) for o, s in zip(origin, inner, strict=True))
        self.parts.append(
            Part(segment.model_copy(update={"key": key}), (where[0], where[1], where[2]), np.array(mask[inner]))
        )


def box_of(mask: NDArray[np.bool_]) -> Box:
    """The smallest box around a mask; of no size where it is empty."""
    box: list[slice] = []
    for axis in range(3):
        where = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0))
    return box[0], box[1], box[2]


def from_labels(
    name: str, grid: Grid, labels: NDArray[np.integer], segments: Iterable[Segment], notes: Iterable[str] = ()
) -> Drawn:
    """The parts of a label map."""
    from scipy import ndimage

    boxes = ndimage.find_objects(labels)
    drawn = Drawn(name, grid, [], list(notes))
    for segment in segments:
        box = boxes[segment.label - 1] if 0 < segment.label <= len(boxes) else None
        box = box or (slice(0, 0),) * 3
        drawn.add(segment, labels[box] == segment.label, box)
    return drawn


def composed(drawn: Drawn) -> Segmentation:
    """One label map. Where segments overlap the smaller one wins, and a note says so."""
    labels = np.zeros(drawn.grid.shape, np.uint8 if _highest(drawn.parts) < 256 else np.uint16)
    numbers = _numbers(drawn.parts)
    twice: NDArray[np.bool_] | None = None
    for n in sorted(range(len(drawn.parts)), key=lambda n: -int(drawn.parts[n].mask.sum())):
        part = drawn.parts[n]
        target = labels[part.box]
        over = part.mask & (target != 0)
        if over.any():
            twice = np.zeros(labels.shape, bool) if twice is None else twice
            twice[part.box] |= over
        target[part.mask] = numbers[n]
    notes = list(drawn.notes)
    if twice is not None:
        notes.append(f"Structures overlap in {int(twice.sum())} voxels: there the smaller structure was kept.")
    return recounted(
        Segmentation(
            name=drawn.name,
            grid=drawn.grid,
            labels=labels,
            segments=tuple(p.segment.model_copy(update={"label": numbers[n]}) for n, p in enumerate(drawn.parts)),
            notes=tuple(notes),
        )
    )


def in_layers(drawn: Drawn) -> list[Drawn]:
    """Layers within which nothing overlaps, as few as a first fit finds."""
    layers: list[tuple[Drawn, NDArray[np.bool_]]] = []
    for part in drawn.parts:
        free = next((one for one in layers if not (one[1][part.box] & part.mask).any()), None)
        if free is None:
            free = (Drawn(drawn.name, drawn.grid, [], list(drawn.notes)), np.zeros(drawn.grid.shape, bool))
            layers.append(free)
        layer, taken = free
        layer.parts.append(part)
        taken[part.box] |= part.mask
    if len(layers) > 1:
        for n, (layer, _) in enumerate(layers, 1):
            layer.name = f"{drawn.name}, layer {n} of {len(layers)}"
    return [layer for layer, _ in layers]


def recounted(segmentation: Segmentation) -> Segmentation:
    """With the volumes of the segments as they are on its grid."""
    counts = np.bincount(np.asarray(segmentation.labels).ravel(), minlength=1)
    voxel = segmentation.grid.voxel_volume_mm3
    return segmentation.with_(
        segments=tuple(
            s.model_copy(update={"volume_mm3": float(counts[s.label]) * voxel if s.label < len(counts) else 0.0})
            for s in segmentation.segments
        )
    )


def _numbers(parts: Sequence[Part]) -> list[int]:
    """The labels of the file where each is there once, else 1, 2, ..."""
    given = [part.segment.label for part in parts]
    if len(set(given)) == len(given) and min(given, default=1) > 0 and max(given, default=1) < 2**16:
        return given
    return list(range(1, len(parts) + 1))


def _highest(parts: Sequence[Part]) -> int:
    return max(_numbers(parts), default=0)


# -- onto another grid ----------------------------------------------------------------------------------------------


def same_lattice(own: Grid, grid: Grid) -> bool:
    """Whether the voxels of one grid are voxels of the other (turned, flipped, cropped or padded)."""
    step = own.inverse @ grid.affine
    whole = np.rint(step)
    if not (np.abs(whole[:3, :3]).sum(axis=0) == 1).all() or not (np.abs(whole[:3, :3]).sum(axis=1) == 1).all():
        return False
    last = np.asarray(grid.size) - 1
    corners = np.array([(a, b, c, 1) for a in (0, last[0]) for b in (0, last[1]) for c in (0, last[2])], float)
    return bool(np.abs(corners @ (step - whole).T).max() <= SAME_LATTICE)


def placed(segmentation: Segmentation, grid: Grid) -> Segmentation:
    """The labels on another grid of the same frame: voxel for voxel where they share voxels, else the nearest voxel.

    A note says which voxels lie outside.

    Raises
    ------
    BadInput
        When all of it lies outside.
    """
    own, labels = segmentation.grid, np.asarray(segmentation.labels)
    out = np.zeros(grid.shape, labels.dtype)
    step = own.inverse @ grid.affine  # index of grid -> index of labels
    if same_lattice(own, grid):
        step = np.rint(step)
    axes = [int(np.argmax(np.abs(step[:3, axis]))) for axis in range(3)]  # axis of the labels along each of the grid
    straight = np.zeros((3, 3))
    straight[axes, range(3)] = step[axes, range(3)]
    if sorted(axes) == [0, 1, 2] and np.allclose(step[:3, :3], straight, atol=1e-4):
        kept: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * 3
        picks: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * 3
        for axis, of in enumerate(axes):
            index = _nearest(step[of, axis] * np.arange(grid.size[axis]) + step[of, 3])
            inside = (index >= 0) & (index < own.size[of])
            kept[axis], picks[of] = np.flatnonzero(inside), index[inside]
        taken = labels[np.ix_(*picks[::-1])]  # in the order of the labels' axes
        turn = [2 - axes[axis] for axis in (2, 1, 0)]
        out[np.ix_(*kept[::-1])] = taken.transpose(turn)
    else:
        j, i = np.meshgrid(np.arange(grid.size[1]), np.arange(grid.size[0]), indexing="ij")
        for k in range(grid.size[2]):
            ijk = _nearest(np.stack([i, j, np.full_like(i, k)], -1) @ step[:3, :3].T + step[:3, 3])
            inside = np.all((ijk >= 0) & (ijk < own.size), axis=-1)
            ii, jj, kk = ijk[inside].T
            out[k][inside] = labels[kk, jj, ii]
    notes = list(segmentation.notes)
    if labels.any() and not out.any():
        raise BadInput(
            f"The segmentation '{segmentation.name}' lies wholly outside the scan",
            remedy="Choose the scan that it was drawn on.",
        )
    outside = _outside(labels, own, grid)
    if outside:
        notes.append(f"{outside} voxels of the file lie outside the scan and were left out.")
    return recounted(segmentation.with_(grid=grid, labels=out, notes=tuple(notes)))


def _outside(labels: NDArray[np.integer], own: Grid, grid: Grid) -> int:
    """How many labelled voxels have their centre outside the other grid."""
    box = box_of(labels != 0)
    if any(s.stop == s.start for s in box):
        return 0
    first = np.array([s.start for s in box[::-1]])
    last = np.array([s.stop - 1 for s in box[::-1]])
    corners = np.array([(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * (last - first) + first
    far = np.asarray(grid.size) - 0.5 + 1e-3

    def within(ijk: NDArray[np.int64]) -> NDArray[np.bool_]:
        at = grid.to_index(own.to_world(ijk))
        return np.all((at >= -0.5 - 1e-3) & (at <= far), axis=-1)

    if within(corners).all():
        return 0
    kji = np.argwhere(labels[box]) + [s.start for s in box]
    return int((~within(kji[:, ::-1])).sum())


def _nearest(index: NDArray[np.float64]) -> NDArray[np.int64]:
    """Halves always up: rounding them to even would make every other voxel wider. (1e-4 is the noise of headers.)"""
    return np.floor(index + (0.5 + 1e-4)).astype(np.int64)
