"""Where a vessel is narrow, and what would open it: the values that a stent is offered with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, grey_closing

from organtwin.mesh.procedures.way import Way
from organtwin.model import Centerline

Numbers = NDArray[np.float64]

LONGEST = 8.0  # a narrow place is at most so long, in diameters; what is longer is how the vessel is
NARROW = 0.2  # least loss of diameter that is called a stenosis
AT_ENDS = 0.05  # loss of diameter at which a stenosis begins and ends


@dataclass(frozen=True)
class Stenosis:
    """A narrow place on the way to ``toward``: from ``start_mm`` to ``stop_mm`` from the inlet, narrowest at ``throat_mm``.

    ``diameter_mm`` is that of the vessel beside it, ``loss`` the part of it that is lost at the throat.
    """

    toward: str
    start_mm: float
    throat_mm: float
    stop_mm: float
    diameter_mm: float
    loss: float


def stenoses(line: Centerline) -> tuple[Stenosis, ...]:
    """The narrow places of a vessel, the worst first; each once, whatever the number of ways that lead through it."""
    found: list[Stenosis] = []
    ways = [Way.to(line, branch.cap) for branch in line.branches if branch.cap]
    for way in sorted(ways, key=lambda way: -float(way.radius_mm[-1])):  # a shared part belongs to the widest way
        for one in _on(way):
            if not any(abs(one.throat_mm - other.throat_mm) < 1.0 for other in found):
                found.append(one)
    return tuple(sorted(found, key=lambda one: -one.loss))


def _on(way: Way) -> list[Stenosis]:
    """Dips of the radius: where it is less than when every hollow shorter than a few diameters is filled."""
    step = 0.1 * float(np.median(way.radius_mm))
    fine = way.resampled(step)
    radius = gaussian_filter1d(fine.radius_mm, 2.0, mode="nearest")
    window = int(LONGEST * 2 * float(np.median(radius)) / step) | 1
    filled = grey_closing(radius, size=min(window, 2 * (len(radius) // 2) - 1), mode="reflect")
    loss = 1 - radius / filled
    found = []
    for low, high in _runs(loss > AT_ENDS):
        throat = low + int(loss[low:high].argmax())
        open_end = low == 0 or high == len(loss)  # a vessel that is cut where it is narrow: unknown what lies beyond
        if loss[throat] >= NARROW and not open_end:
            d = fine.distance_mm
            width = float(filled[low] + filled[high - 1])
            most = 1 - float(fine.radius_mm[low:high].min()) * 2 / width
            found.append(Stenosis(way.cap, float(d[low]), float(d[throat]), float(d[high - 1]), width, most))
    return found


def _runs(yes: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (not included) of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], yes.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
