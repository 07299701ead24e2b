"""Volumes of segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Segment
from organtwin.space import Grid


def volumes_mm3(labels: NDArray[np.integer], segments: Sequence[Segment], grid: Grid) -> NDArray[np.float64]:
    """(nt, number of segments) volumes of labels (nt, nk, nj, ni), in the order of the segments."""
    top = max((s.label for s in segments), default=0) + 1
    counts = np.stack([np.bincount(phase.ravel(), minlength=top) for phase in labels])
    return np.asarray(counts[:, [s.label for s in segments]] * grid.voxel_volume_mm3, float)
