"""The last millimetres: an organ's outline drawn where its brightness turns into its neighbour's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.resample import resample
from organtwin.segment.ct.shape import erode

Mask = NDArray[np.bool_]


def localise(
    values: NDArray[np.float32],
    mask: Mask,
    barred: Mask,
    spacing_mm: NDArray[np.float64],
    *,
    sure: Mask | None = None,
    muscle_hu: float = 55.0,
    noise_hu: float = 10.0,
    brighter_hu: float = 30.0,
    around_mm: float = 5.0,
    band_mm: float = 2.5,
    sure_mm: float = 4.0,
    smooth_mm: float = 0.8,
    rounds: int = 2,
    tick: Callable[[], None] = lambda: None,
) -> Mask:
    """Move a mask's border to the half-way brightness between the organ and what lies beside it.

    Localised region competition (Lankton & Tannenbaum, "Localizing region-based active contours", IEEE TIP 2008),
    with the outside split in a darker and a brighter neighbour so that fat on one side and a kidney on the other do not
    average to the organ itself. The border moves within ``band_mm`` a round; what lies deeper than ``sure_mm`` stays, so
    that a tumour at the surface is not cut off for its brightness.

    Parameters
    ----------
    values : (nk, nj, ni) float32 array
        In HU, on the grid of the mask.
    mask, barred : (nk, nj, ni) bool arrays
        The organ, and voxels it may not take.
    spacing_mm : (3,) array
        Of the axes k, j, i.
    sure : (nk, nj, ni) bool array, optional
        What stays however dark it is, such as a tumour at the surface.
    brighter_hu : float
        A neighbour is told from the organ by its brightness where it is that much brighter; infinite where the organ is
        the brightest thing around.
    muscle_hu, noise_hu : float
        A sheet of muscle between the organ and fat is no part of the organ: where no fat is next to a voxel, it must
        be brighter than half-way to muscle, as far as the noise lets that be told.
    """
    clipped = np.clip(values, -150, 350)
    sigma = around_mm / spacing_mm
    kept = erode(mask, sure_mm, spacing_mm)
    if sure is not None:
        kept |= sure
    kept &= ~barred
    soft = ndimage.gaussian_filter(clipped, 0.8 * smooth_mm * max(1.0, noise_hu / 12.0) / spacing_mm, truncate=3)
    lowest = ndimage.minimum_filter(soft, (1, 3, 3))
    for _ in range(rounds):
        tick()
        inside = _local_mean(clipped, mask, sigma)
        dark = ~mask & (clipped < inside - 15)
        bright = ~mask & (clipped > inside + brighter_hu)
        below = _local_mean(clipped, dark, sigma, empty=-100.0)
        above = _local_mean(clipped, bright, sigma, empty=350.0)
        half = (inside + below) / 2
        sheet = np.minimum((inside + np.float32(muscle_hu)) / 2, inside - np.float32(1.2 * noise_hu))
        beside_fat = lowest < below + 0.3 * (inside - below)
        fits = (soft > np.where(beside_fat, half, np.maximum(half, sheet))) & (soft < (inside + above) / 2)
        tick()
        level = ndimage.gaussian_filter(mask.astype(np.float32), band_mm / spacing_mm, truncate=2)
        band = (level > 0.05) & (level < 0.95)
        proposal = np.where(band, fits, mask) & ~barred
        proposal |= mask & ~band
        mask = ndimage.gaussian_filter(proposal.astype(np.float32), smooth_mm / spacing_mm, truncate=3) > 0.5
        mask = (mask & ~barred) | kept
    return mask


def _local_mean(
    values: NDArray[np.float32], where: Mask, sigma: NDArray[np.float64], empty: float = 0.0
) -> NDArray[np.float32]:
    """Gaussian mean of the values under a mask, on a coarser grid; ``empty`` where the mask is out of sight."""
    shrink = np.maximum(sigma / 2.5, 1.0)
    coarse = tuple(int(n) for n in np.maximum(np.round(np.asarray(values.shape) / shrink), 1))
    sigma = sigma * np.asarray(coarse) / np.asarray(values.shape)
    weight = ndimage.gaussian_filter(resample(where, coarse), sigma, truncate=2.5)
    total = ndimage.gaussian_filter(resample(values * where, coarse), sigma, truncate=2.5)
    mean = np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), np.float32(empty))
    return resample(mean, values.shape)
