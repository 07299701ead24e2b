"""One lesion around a click."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.segment import regions
from organtwin.segment.regions import Mask


@dataclass(frozen=True)
class Lesion:
    """``mask`` (nk, nj, ni); ``doubt`` in words."""

    mask: Mask
    doubt: str = ""


def lesion(
    values: NDArray[np.float32],
    seeds: NDArray[np.int64],
    spacing_mm: NDArray[np.float64],
    organ: Mask | None,
    reach_mm: float,
) -> Lesion:
    """The lesion that holds the seeds ((n, 3) voxels)."""
    inside = np.zeros(values.shape, bool)
    inside[tuple(seeds.T)] = True
    near = regions.grown(inside, reach_mm, spacing_mm)
    level = float(np.median(values[inside]))
    around = float(np.median(values[organ if organ is not None and organ.any() else near]))
    half = 0.5 * abs(around - level)
    like = near & (np.abs(values - level) < half)
    body = regions.connected_to(regions.opened(like, 2.0, spacing_mm) | inside, inside)
    return Lesion(regions.filled(body))
