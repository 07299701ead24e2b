"""Which part of the liver each branch of the portal vein feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.liver.names import SEGMENTS, Part, parts_at
from organtwin.liver.region import Mask, box_of
from organtwin.liver.supply import nearest, samples, supply_of
from organtwin.liver.trees import Tree
from organtwin.space import Grid

FEW_PLACES = 60_000


@dataclass(frozen=True)
class Territory:
    """``name`` is that of the direction ("right anterior superior"), ``segment`` about Couinaud's number, or ""."""

    name: str
    segment: str
    doubt: str
    mask: Mask


def territories(tree: Tree, liver: Mask, grid: Grid, level: int) -> list[Territory]:
    """Share a liver out among the parts of its portal tree.

    Each voxel goes to the part with the nearest branch. Stems above the parts, and side branches of stems, feed none: what is
    nearest to them goes to the nearest part. A piece that a part's branches do not reach is given to its neighbours.

    Parameters
    ----------
    liver : (nk, nj, ni) bool
        In the order of ``grid``; with tumours and vessels.
    level : int
        How many times the tree has divided: 1 right and left, 2 sectors, 3 about Couinaud's segments.

    Raises
    ------
    BadInput
        When the tree does not divide.
    """
    voxels = np.argwhere(liver)
    places = grid.to_world(voxels[:, ::-1])
    few = places[:: max(1, len(places) // FEW_PLACES)]
    supply = supply_of(tree, few, 1.0)
    parts = parts_at(tree, supply, level)
    if level > 0 and len(parts) < 2:
        raise BadInput(
            "The portal vein does not divide, so it has no territories", remedy="Look at its branches first."
        )
    part_of = {branch: n for n, part in enumerate(parts) for head in part.heads for branch in tree.below(head)}
    branches = sorted(part_of)
    owner = np.array([part_of.get(b, -1) for b in range(len(tree.branches))])
    share = np.zeros(liver.shape, np.uint8)
    share[tuple(voxels.T)] = owner[nearest(tree, branches, places)] + 1
    _give_crumbs(share, tree, part_of, grid, len(parts))
    return [_territory(part, share == n) for n, part in enumerate(parts, start=1)]


def _territory(part: Part, mask: Mask) -> Territory:
    first = part.name.rstrip(" 0123456789")
    return Territory(part.name or "whole", SEGMENTS.get(first, ""), part.doubt, mask)


def _give_crumbs(share: NDArray[np.uint8], tree: Tree, part_of: dict[int, int], grid: Grid, count: int) -> None:
    """Pieces of a territory beyond a cleft, which none of its branches reaches, given to what they touch most."""
    points, of = samples(tree, sorted(part_of))
    inside = np.rint(grid.to_index(points)).astype(int)[:, ::-1]
    there = ((inside >= 0) & (inside < share.shape)).all(axis=1)
    for number in range(1, count + 1):
        mine = share == number
        if not mine.any():
            continue
        box = box_of(mine, 1)
        labels, pieces = ndimage.label(mine[box])
        if pieces < 2:
            continue
        own = inside[there & (np.array([part_of[int(b)] for b in of]) == number - 1)]
        start = np.array([s.start for s in box])
        local = own - start
        local = local[((local >= 0) & (local < labels.shape)).all(axis=1)]
        fed = set(np.unique(labels[tuple(local.T)]).tolist())
        fed.add(int(np.bincount(labels.ravel())[1:].argmax()) + 1)
        part = share[box]
        for piece, where in enumerate(ndimage.find_objects(labels), start=1):
            if piece in fed:
                continue
            wide = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in where)
            crumb = labels[wide] == piece
            beside = part[wide][ndimage.binary_dilation(crumb) & ~crumb]
            votes = np.bincount(beside[beside > 0], minlength=count + 1)
            if votes.any():
                part[wide][crumb] = int(votes.argmax())


def shares(masks: Sequence[Mask]) -> list[float]:
    """Percent of the whole that each mask is."""
    counts = np.array([np.count_nonzero(m) for m in masks], float)
    return [float(c) for c in 100 * counts / max(counts.sum(), 1.0)]
