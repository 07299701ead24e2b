"""The region around the clicks, and what blood looks like in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.model import Volume
from organtwin.space import Grid

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]
Points = NDArray[np.float64]

SNAP_MM = 3.0  # a click this near to a vessel is meant for it
TISSUE_HU = 40.0
LEAST_CONTRAST_HU = 60.0
CALCIUM = 0.6  # of the contrast above the blood: brighter is calcium, bone or metal


@dataclass(frozen=True)
class Look:
    """``values`` (nk, nj, ni) on ``grid``, a box of the scan (``box``); ``clicks_mm`` (n, 3) moved to the brightest place near.

    ``blood`` (n,) at each click, ``tissue`` beside the vessel; ``noise``: standard deviation of a voxel.
    """

    values: Field
    grid: Grid
    box: tuple[slice, slice, slice]
    full: tuple[int, int, int]
    clicks_mm: Points
    blood: NDArray[np.float64]
    tissue: float
    noise: float

    @classmethod
    def around(cls, volume: Volume, points_mm: Sequence[tuple[float, float, float]], margin_mm: float) -> Look:
        """The box of the clicks with a margin.

        Raises
        ------
        BadInput
            When a click is outside the scan, or there is nothing brighter than tissue near it.
        """
        grid = volume.grid
        clicks = np.asarray(points_mm, float)
        index = grid.to_index(clicks)
        size = np.asarray(grid.size)
        for number, one in enumerate(index):
            if (one < -0.5).any() or (one > size - 0.5).any():
                raise BadInput(f"Click {number + 1} lies outside the scan", remedy="Click into the vessel.")
        margin = margin_mm / grid.spacing_mm
        low = np.maximum(np.floor(index.min(axis=0) - margin), 0).astype(int)
        high = np.minimum(np.ceil(index.max(axis=0) + margin) + 1, size).astype(int)
        box = tuple(slice(int(a), int(b)) for a, b in zip(low[::-1], high[::-1], strict=True))
        values = np.ascontiguousarray(volume.values[box], np.float32)
        part = grid.crop(low, high)
        calm = ndimage.gaussian_filter(values, 0.6)
        noise = float(1.4826 * np.median(np.abs(values - ndimage.uniform_filter(values, 3))))
        tissue = TISSUE_HU if volume.modality == "CT" else float(np.median(values))
        places, blood = [], []
        for one in clicks:
            place, value = _snapped(calm, part, one, tissue)
            places.append(place)
            blood.append(value)
        made = cls(values, part, box, grid.shape, np.array(places), np.array(blood), tissue, max(noise, 1e-6))  # type: ignore[arg-type]
        least = LEAST_CONTRAST_HU if volume.modality == "CT" else 4 * noise
        for number, value in enumerate(made.blood):
            if value - tissue < least:
                raise BadInput(
                    f"Click {number + 1} is not in a bright vessel: {value:.0f} there, {tissue:.0f} in the tissue",
                    remedy="Click into the vessel, in a scan with contrast.",
                )
        return made

    @property
    def contrast(self) -> float:
        return float(np.median(self.blood)) - self.tissue

    @property
    def too_bright(self) -> float:
        """Calcium, bone and metal are brighter than this."""
        return float(self.blood.max()) + CALCIUM * self.contrast + 2 * self.noise

    def whole(self, part: Mask) -> Mask:
        """A mask of the box as one of the whole scan."""
        out = np.zeros(self.full, bool)
        out[self.box] = part
        return out


def _snapped(calm: Field, grid: Grid, click: Points, tissue: float) -> tuple[Points, float]:
    """The click, or where it is much brighter near it; and the value of the blood there."""
    reach = np.ceil(SNAP_MM / grid.spacing_mm).astype(int)
    at = np.clip(np.rint(grid.to_index(click)).astype(int), 0, np.asarray(grid.size) - 1)
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, grid.size)
    near = calm[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    voxels = np.argwhere(np.ones(near.shape, bool))[:, ::-1] + low
    away = np.linalg.norm(grid.to_world(voxels) - click, axis=1)
    own = float(calm[at[2], at[1], at[0]])
    close = away <= SNAP_MM
    best = float(np.percentile(near.ravel()[close], 90))
    if own >= tissue + 0.7 * (best - tissue):
        inside = close & (near.ravel() > tissue + 0.7 * (own - tissue))
        return click, float(np.median(near.ravel()[inside & (near.ravel() < own + 0.4 * abs(own - tissue) + 1)]))
    bright = close & (near.ravel() >= tissue + 0.85 * (best - tissue))
    nearest = int(np.where(bright, away, np.inf).argmin())
    return grid.to_world(voxels[nearest]), best
