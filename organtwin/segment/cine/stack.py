"""A volume as a stack of short-axis slices, whatever the order of its axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.space import Grid

FEWEST = 3
NARROWEST_MM = 80.0  # of the picture: a heart has to fit in


@dataclass(frozen=True)
class Stack:
    """Which axis of the array (nk, nj, ni) runs through the slices, and how far voxels are apart."""

    axis: int
    spacing_mm: tuple[float, float]  # down, across
    gap_mm: float

    @classmethod
    def of(cls, grid: Grid) -> Stack:
        """Slices lie along the axis with the widest distance.

        Raises
        ------
        BadInput
            When there are too few slices, or they are too small for a heart.
        """
        spacing = grid.spacing_mm[::-1]
        axis = int(np.argmax(np.round(spacing, 3)))
        rest = [a for a in range(3) if a != axis]
        if grid.shape[axis] < FEWEST:
            raise BadInput(
                f"The stack has {grid.shape[axis]} slices, and a ventricle needs at least {FEWEST}",
                remedy="Choose the short-axis stack that covers the ventricle from base to apex.",
            )
        if min(grid.shape[a] * spacing[a] for a in rest) < NARROWEST_MM:
            raise BadInput(
                "The slices are too small to hold a heart", remedy="Choose the short-axis stack, not cut to a part."
            )
        return cls(axis, (float(spacing[rest[0]]), float(spacing[rest[1]])), float(spacing[axis]))

    def slices(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """(slices, down, across) of an array in the order of the grid; more axes may lead."""
        lead = values.ndim - 3
        return np.moveaxis(np.asarray(values, float), lead + self.axis, lead)

    def back(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Inverse of :meth:`slices`."""
        lead = mask.ndim - 3
        return np.ascontiguousarray(np.moveaxis(mask, lead, lead + self.axis))
