"""The liver's mask put right where a tumour or a vessel at its surface was left out, and fingers of other tissue got in."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from organtwin.liver.region import FloatVolume, Mask, Region

FINGER_MM = 2.5  # thinner parts that stick out are no liver
BAY_MM = 14.0  # how wide a bay between liver, lung and heart may be to be looked at
THICK_MM = 4.5
REACH_MM = 22.0
SOFT_HU = -5.0
LEAST_LIVER, MOST_OPEN = 0.45, 0.2  # share of a bay's border on liver, and on soft tissue without a name
NOTCH_MM = 4.0


def repaired(region: Region, smooth: FloatVolume, liver: Mask, walls: Mask, others: Mask) -> Mask:
    """The liver with its bays filled.

    Parameters
    ----------
    smooth : (nk, nj, ni) float32
    liver : (nk, nj, ni) bool
    walls : (nk, nj, ni) bool
        Lungs, heart and vena cava: with the liver they may enclose a bay.
    others : (nk, nj, ni) bool
        All that has another name, ``walls`` among it.
    """
    body = largest(region.opened(liver & ~others, FINGER_MM))
    soft = smooth > SOFT_HU
    hull = region.closed(body | (walls & region.grown(body, 2 * REACH_MM)), BAY_MM)
    bay = hull & soft & ~others & ~body & region.grown(body, REACH_MM)
    labels, count = ndimage.label(region.opened(bay, THICK_MM))
    for piece, box in enumerate(ndimage.find_objects(labels), start=1) if count else ():
        wide = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in box)
        own = labels[wide] == piece
        shell = ndimage.binary_dilation(own, iterations=2) & ~own
        on_liver = np.count_nonzero(shell & body[wide])
        unnamed = np.count_nonzero(shell & soft[wide] & ~others[wide] & ~body[wide] & ~bay[wide])
        size = np.count_nonzero(shell & ~bay[wide])
        if on_liver > LEAST_LIVER * size and unnamed < MOST_OPEN * size:
            body[wide] |= region.grown(own, THICK_MM) & bay[wide]
    body = region.closed(body, NOTCH_MM) & ~others & (soft | body)
    return np.asarray(ndimage.binary_fill_holes(largest(body)) & ~others)


def largest(mask: Mask) -> Mask:
    """The largest piece connected through faces."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()))
