"""What was done to the organ that positions alone do not tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Closed:
    """A clip on the surface ``surface`` of a vessel inside, on its branch ``branch``, at a place in the scan.

    ``points`` (k,) of the surface are drawn to the vessel's middle by ``share`` (k,) of their distance from it; ``along``
    (k,) is how far along the vessel each lies from the clip, at rest.
    """

    surface: str
    branch: str
    at_mm: tuple[float, float, float]
    points: NDArray[np.int64]
    share: NDArray[np.float64]
    along: NDArray[np.float64]


@dataclass(frozen=True)
class Severed:
    """A vessel that was cut: the branch's name, where (in the scan), how wide."""

    branch: str
    at_mm: tuple[float, float, float]
    diameter_mm: float
    clipped: bool


@dataclass(frozen=True)
class History:
    """Grows by whole new records, so that a snapshot of it costs nothing."""

    volume_mm3: float
    steps: int = 0
    taken_mm3: float = 0.0
    burnt_mm3: float = 0.0
    margin_mm: float | None = None
    closed: tuple[Closed, ...] = ()
    severed: tuple[Severed, ...] = ()

    def pinched(self, surface: str, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points of a surface inside (k, 3), narrowed where clips close it."""
        mine = [clip for clip in self.closed if clip.surface == surface]
        if not mine:
            return points_mm
        out = points_mm.copy()
        for clip in mine:
            near = points_mm[clip.points]
            inwards = near.mean(axis=0) - near
            axis = clip.along @ inwards
            axis /= max(float(np.linalg.norm(axis)), 1e-12)
            inwards -= np.outer(inwards @ axis, axis)
            out[clip.points] += clip.share[:, None] * inwards
        return out
