"""A border put right near one stroke."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.segment import regions
from organtwin.segment.regions import Mask

FARTHEST_MM = 30.0


def corrected(
    mask: Mask, values: NDArray[np.float32], stroke: NDArray[np.int64], missing: bool, spacing_mm: NDArray[np.float64],
    reach_mm: float | None, smooth_mm: float,
) -> Mask:  # fmt: skip
    """The mask with its border moved so that the stroke lies on the right side of it.

    ``stroke`` (n, 3) voxels; ``missing``: it lies where the mask lacks voxels, else where it has too many.
    """
    inside = np.zeros(mask.shape, bool)
    inside[tuple(stroke.T)] = True
    near = regions.grown(inside, min(reach_mm or FARTHEST_MM, FARTHEST_MM), spacing_mm)
    level = float(np.median(values[inside]))
    width = 1.5 * float(np.std(values[inside])) + 1e-6
    like = near & (np.abs(values - level) < width) & (~mask if missing else mask)
    like = regions.opened(like | inside, 2.0, spacing_mm) | inside
    change = regions.connected_to(like, inside)
    return mask | change if missing else mask & ~change
