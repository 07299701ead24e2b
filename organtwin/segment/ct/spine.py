"""The spinal canal: a dark hole in a ring of bone in every slice, the surest landmark of a CT of the trunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from organtwin.segment.ct.discs import DiscPath, best_path, ring_votes

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

RADII_MM = (6.5, 8.0, 9.5, 11.0)
CORD_HU, CORD_SPREAD_HU = 35.0, 45.0


def spinal_canal(context: CTContext) -> DiscPath:
    """The canal's centre on the working grid, slice by slice; ``score`` is about 1 where a ring of bone is seen."""
    pixel = float(context.spacing_mm[1])
    rows, columns = np.flatnonzero(context.body.any(axis=(0, 2))), np.flatnonzero(context.body.any(axis=(0, 1)))
    # it lies near the middle of the body, in the back half
    middle, half = columns.mean(), max(np.ptp(columns) / 2, 1)
    i0 = max(0, int(middle - 0.6 * half))
    j0 = int(rows[0] + 0.3 * np.ptp(rows))
    window = context.hu[:, j0 : rows[-1] + 1, i0 : int(middle + 0.6 * half) + 1]
    smooth = ndimage.gaussian_filter(np.clip(window, -200, 300), (1, 0, 0))
    score = np.minimum(ring_votes(np.clip(smooth, 0, 300), pixel, RADII_MM, edge_hu=80.0, bright=False), 1)
    for n, radius in enumerate(RADII_MM):
        inside = ndimage.gaussian_filter(smooth, (0, 0.4 * radius / pixel, 0.4 * radius / pixel))
        score[n] -= 0.6 * np.clip((np.abs(inside - CORD_HU) - CORD_SPREAD_HU) / 60, 0, 2)
    bone = (window > 180).astype(np.float32)
    score += 2 * np.minimum(ndimage.gaussian_filter(bone, [2 / pixel, 12 / pixel, 12 / pixel]), 0.3)
    across = (np.arange(window.shape[2]) + i0 - middle) / half
    depth = (np.arange(window.shape[1]) + j0 - rows[0]) / max(np.ptp(rows), 1)
    score -= (0.5 * (across / 0.35) ** 2).astype(np.float32)
    score -= (3 * np.clip(0.5 - depth, 0, 0.5)).astype(np.float32)[:, None]
    path = best_path(score, RADII_MM, stiffness=0.3)
    return DiscPath(path.centre + np.array([j0, i0]), path.radius_mm, path.score)
