"""How bright the liver's own tissue is, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.liver.region import FloatVolume, Mask, Region

DRIFT_MM = 14.0  # over that length the brightness of healthy liver may drift (beam hardening, fat, perfusion)
COARSE_MM = 4.0
LEAST_ML = 20.0
LEAST_SLICE = 500
LEAST_SPREAD_HU = 4.0


@dataclass(frozen=True)
class Parenchyma:
    """``level_hu`` (nk, nj, ni): brightness of healthy liver around each voxel; ``spread_hu`` its spread after light
    smoothing.

    ``mode_hu`` is the commonest brightness of the whole organ.
    """

    mode_hu: float
    spread_hu: float
    level_hu: FloatVolume

    @classmethod
    def of(cls, region: Region, smooth: FloatVolume, liver: Mask) -> Parenchyma:
        """Measure it.

        Parameters
        ----------
        smooth : (nk, nj, ni) float32
            The scan with its noise taken off.

        Raises
        ------
        BadInput
            When there is too little liver to look at.
        """
        deep = region.shrunk(liver, 4.0)
        if np.count_nonzero(deep) * region.voxel_ml < LEAST_ML:
            raise BadInput(
                f"Only {np.count_nonzero(liver) * region.voxel_ml:.0f} mL of liver is in the segmentation",
                remedy="Segment the liver first, or import more of the scan.",
            )
        values = smooth[deep]
        counts, edges = np.histogram(values, bins=np.arange(-100, 402, 2.0))
        even = ndimage.gaussian_filter1d(counts.astype(float), 2.0)
        mode = float(edges[int(even.argmax())] + 1.0)
        below = values[
            (values < mode) & (values > mode - 60)
        ]  # tumours darken and vessels brighten: the side with less
        above = values[(values > mode) & (values < mode + 60)]
        spread = min(float(np.percentile(np.abs(side - mode), 68)) for side in (below, above) if len(side))
        spread = max(spread, LEAST_SPREAD_HU)
        normal = deep & (np.abs(smooth - mode) < 2.5 * spread)
        step = max(1, round(COARSE_MM / region.mm))
        weight = _block_mean(normal.astype(np.float32), step)
        total = _block_mean(np.where(normal, smooth, 0).astype(np.float32), step)
        sigma = DRIFT_MM / (step * region.mm)
        weight, total = (ndimage.gaussian_filter(a, sigma, truncate=3) for a in (weight, total))
        local = (total + 0.02 * mode) / (weight + 0.02)
        level = _enlarged(local.astype(np.float32), step, liver.shape)
        level += _steps(smooth - level, normal)[:, None, None]
        return cls(mode, spread, level)


def _steps(rest: FloatVolume, normal: Mask) -> FloatVolume:
    """(nk,) how much brighter each slice is than its surroundings: slabs of a scan may differ by a few HU."""
    enough = np.count_nonzero(normal, axis=(1, 2)) > LEAST_SLICE
    return np.array([np.median(r[n]) if e else 0.0 for r, n, e in zip(rest, normal, enough, strict=True)], np.float32)


def _block_mean(array: FloatVolume, step: int) -> FloatVolume:
    pad = [(0, -n % step) for n in array.shape]
    padded = np.pad(array, pad)
    k, j, i = (n // step for n in padded.shape)
    return np.asarray(padded.reshape(k, step, j, step, i, step).mean(axis=(1, 3, 5)), dtype=np.float32)


def _enlarged(array: FloatVolume, step: int, shape: tuple[int, ...]) -> FloatVolume:
    """Linear interpolation from blocks back to voxels."""
    out = array
    for axis, size in enumerate(shape):
        place = np.clip((np.arange(size) + 0.5) / step - 0.5, 0, out.shape[axis] - 1)
        low = place.astype(int)
        high = np.minimum(low + 1, out.shape[axis] - 1)
        weight = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        out = np.take(out, low, axis=axis) * (1 - weight) + np.take(out, high, axis=axis) * weight
    return np.asarray(out, dtype=np.float32)
