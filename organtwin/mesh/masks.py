"""Getting a mask ready for a surface: the region of interest, loose islands, cavities, voxels that only touch by an edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]

MIN_VOXELS = 50


def box_of(mask: Mask, margin: int = 0) -> Box:
    """Slices of the smallest box around the mask (which must not be empty), widened by ``margin`` inside the array."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        box.append(slice(max(0, int(filled[0]) - margin), min(mask.shape[axis], int(filled[-1]) + 1 + margin)))
    return box[0], box[1], box[2]


@dataclass(frozen=True)
class Cleaned:
    """A mask without loose islands, and the voxels left out or filled in."""

    mask: Mask
    islands: int
    island_voxels: int
    cavity_voxels: int


def clean(mask: Mask, *, keep_all: bool = False, fill: Mask | None = None) -> Cleaned:
    """Keep the largest part connected through voxel faces, and fill enclosed cavities.

    Parameters
    ----------
    mask : (nk, nj, ni) bool
    keep_all : bool
        Keep every island of at least :data:`MIN_VOXELS` voxels.
    fill : (nk, nj, ni) bool, optional
        Where cavities may be filled (everywhere by default).
    """
    parts, count = ndimage.label(mask)
    kept = mask
    islands = dropped = 0
    if count > 1:
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        wanted = sizes >= MIN_VOXELS if keep_all else np.zeros(len(sizes), bool)
        wanted[int(sizes.argmax())] = True
        islands = int(count - np.count_nonzero(wanted))
        dropped = int(sizes[~wanted].sum())
        kept = wanted[parts]
    filled = ndimage.binary_fill_holes(np.pad(kept, 1))[1:-1, 1:-1, 1:-1]
    if fill is not None:
        filled = kept | (filled & fill)
    return Cleaned(np.asarray(filled), islands, dropped, int(np.count_nonzero(filled) - np.count_nonzero(kept)))


def well_composed(mask: Mask, allowed: Mask | None = None, passes: int = 30) -> Mask:
    """Add the fewest voxels (about) so that no two parts of the mask, or of its outside, meet in only an edge or a corner.

    The boundary of such a mask is a 2-manifold (Latecki, Eckhardt and Rosenfeld 1995, "Well-composed sets").
    ``allowed`` says which voxels may be added.
    """
    out = mask.copy()
    for _ in range(passes):
        add = _critical(out)
        if allowed is not None:
            add &= allowed
        if not add.any():
            break
        out |= add
    return out


def _critical(m: Mask) -> Mask:
    """Background voxels to add next."""
    add = np.zeros_like(m)
    low, high = slice(None, -1), slice(1, None)
    whole = slice(None)
    for first, second in ((0, 1), (0, 2), (1, 2)):

        def at(a: slice, b: slice, first: int = first, second: int = second) -> Box:
            place = [whole, whole, whole]
            place[first], place[second] = a, b
            return place[0], place[1], place[2]

        m00, m01, m10, m11 = m[at(low, low)], m[at(low, high)], m[at(high, low)], m[at(high, high)]
        add[at(low, high)] |= m00 & m11 & ~m01 & ~m10
        add[at(low, low)] |= m01 & m10 & ~m00 & ~m11
    # two voxels, or two gaps, that meet in a corner only
    for a, b in ((low, low), (low, high), (high, low), (high, high)):
        one, other = (low, a, b), (high, _opposite(a), _opposite(b))
        corners = [(p, q, r) for p in (low, high) for q in (low, high) for r in (low, high)]
        rest = [c for c in corners if c not in (one, other)]
        filled = [m[c] for c in rest]
        none = ~np.logical_or.reduce(filled)
        every = np.logical_and.reduce(filled)
        add[one] |= every & ~m[one] & ~m[other]
        lone = none & m[one] & m[other]
        add[(one[0], other[1], other[2])] |= lone
    return add


def _opposite(side: slice) -> slice:
    return slice(1, None) if side == slice(None, -1) else slice(None, -1)
