"""The rib cage as a smooth surface: what lies inside it is an organ, what lies outside is wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

RIB_HU = 220.0
FAT_HU = -20.0
SKIN_MM = 3.0
THINNEST_WALL_MM = 8.0
BINS = 180  # rays around each slice
LUNG_SHARE = 0.5
WALL_MM = 15.0


def depth_in_cage(context: CTContext) -> NDArray[np.float32]:
    """Millimetres inside the inner face of the ribs (negative: in the wall); large where no rib is near.

    Where no rib is near, the wall is as thick as its thinnest muscle. The ribs are seen in polar coordinates around a line in front of the spine; between them their inner face is a
    smooth surface (normalised convolution over angle and height).
    """
    nk, nj, ni = context.trunk.shape
    bright = (context.hu > RIB_HU) & context.trunk
    flesh = context.open((context.hu > FAT_HU) & context.trunk, SKIN_MM)  # without the skin
    step = context.spacing_mm
    rows = np.broadcast_to(np.arange(nj)[:, None], (nj, ni))
    columns = np.broadcast_to(np.arange(ni)[None, :], (nj, ni))
    to_edge = np.minimum(np.minimum(rows, nj - 1 - rows) * step[1], np.minimum(columns, ni - 1 - columns) * step[2])
    edge = to_edge < SKIN_MM
    inner, seen, outer = np.zeros((nk, BINS)), np.zeros((nk, BINS)), np.zeros((nk, BINS))
    radius = np.zeros(context.trunk.shape, np.float32)
    angle = np.zeros(context.trunk.shape, np.int16)
    for k in range(nk):
        y = (rows - context.spine.j[k]) * step[1] + 70.0
        x = (columns - context.spine.i[k]) * step[2]
        r = np.hypot(x, y)
        theta = np.floor((np.arctan2(y, x) + np.pi) / (2 * np.pi) * BINS).astype(int) % BINS
        radius[k], angle[k] = r, theta
        np.maximum.at(outer[k], theta[flesh[k]], r[flesh[k]])
        cut = np.unique(theta[context.trunk[k] & edge])
        outer[k, cut] = np.inf  # the picture ends before the wall does
        rib = bright[k] & (np.hypot(x, y - 70.0) > 55) & (r > 40)
        if not rib.any():
            continue
        order = np.argsort(-r[rib])
        by_angle = theta[rib][order]
        far = r[rib][order]
        for bin_ in np.unique(by_angle):
            along = far[by_angle == bin_]
            gaps = np.flatnonzero(-np.diff(along) > 8.0)  # the outermost bone on this ray
            inner[k, bin_] = along[gaps[0]] if gaps.size else along[-1]
            seen[k, bin_] = 1
    # bright things in the belly (stones, oral contrast, embolised tumours) lie well inside the ribs around them
    degrees = 360 / BINS
    reach = (2 * int(25.0 / step[0]) + 1, 2 * int(25.0 / degrees) + 1)
    outermost = ndimage.maximum_filter(inner, reach, mode=("nearest", "wrap"))
    seen *= np.exp(np.minimum(inner - outermost + 10.0, 0) / 5.0)
    sigma = (18.0 / step[0], 8.0 / degrees)
    total = ndimage.gaussian_filter(seen, sigma, mode=("nearest", "wrap"), truncate=3)
    surface = ndimage.gaussian_filter(inner * seen, sigma, mode=("nearest", "wrap"), truncate=3)
    surface = np.where(total < 0.01, 1e3, surface / np.maximum(total, 1e-9))
    # between the ribs, at their cartilage and below them the wall is muscle: never thinner than this
    gap = (2 * int(15.0 / step[0]) + 1, 2 * int(12.0 / degrees) + 1)  # muscle that is too thin to see
    outer = ndimage.maximum_filter(outer, gap, mode=("nearest", "wrap"))
    flesh_out = ndimage.minimum_filter(outer, gap, mode=("nearest", "wrap"))
    surface = np.minimum(surface, np.where(flesh_out > 0, flesh_out - THINNEST_WALL_MM, 1e3))
    at_voxel = np.take_along_axis(surface, angle.reshape(nk, -1).astype(int), 1).reshape(angle.shape)
    depth = np.asarray(at_voxel - radius, dtype=np.float32)
    depth[_beside_chest(context)] = -WALL_MM
    return depth


def _beside_chest(context: CTContext) -> NDArray[np.bool_]:
    """Shoulders and arms: beside and behind both lungs in slices that are mostly lung.

    There the outermost bone is no rib, but shoulder blade or arm.
    """
    right, left = context.lungs
    lungs = right | left
    result = np.zeros_like(lungs)
    if not (right.any() and left.any()):
        return result
    for k in range(len(lungs)):
        if right[k].any() and left[k].any():
            hull = convex_hull_image(lungs[k])
            if np.count_nonzero(lungs[k]) > LUNG_SHARE * np.count_nonzero(hull):
                rows, columns = np.flatnonzero(lungs[k].any(axis=1)), np.flatnonzero(lungs[k].any(axis=0))
                result[k, rows[-1] + 1 :] = True
                result[k, :, : columns[0]] = result[k, :, columns[-1] + 1 :] = True
    return result & ~context.grow(lungs, WALL_MM)
