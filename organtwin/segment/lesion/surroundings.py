"""The organ around a click: how bright it is there, and where a lesion of it may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment import regions
from organtwin.segment.regions import Mask

Floats = NDArray[np.float32]

CALM_MM = 2.0
DRIFT_MM = 14.0  # over that distance healthy tissue may change its brightness
RIM_MM = 1.0  # partial volume at the border to fat and air
BULGE_MM = 3.0  # so far may a lesion reach beyond the organ with its bays filled
CLOSE_MM, CLOSE_SHARE = 15.0, 0.25  # bays so wide, and so wide a part of what is looked at, are filled
LEAST_SHARE = 0.12  # of the surroundings: with less a peak of the values is no organ
BIN = 4.0
WIDEST = 5  # bins: farther from the peak is another tissue


@dataclass(frozen=True)
class Surroundings:
    """``level`` (nk, nj, ni) of healthy tissue; ``spread`` of its values after smoothing; ``healthy`` where it was measured;
    ``allowed`` where a lesion may be."""

    level: Floats
    spread: float
    healthy: Mask
    allowed: Mask


def surroundings(image: Floats, start: Mask, organ: Mask | None, others: Mask | None, mm: float) -> Surroundings | None:
    """Measure what is around. None where there is nothing to compare with."""
    spacing = np.full(3, mm)
    calm = ndimage.gaussian_filter(image, CALM_MM / mm, truncate=3)
    here = float(np.median(calm[start]))
    span = float(np.subtract(*np.percentile(image[::2, ::2, ::2], [95, 5]))) or 1.0
    unit = BIN if span > 60 else span / 40  # CT, or another scale of values
    far = regions.distance_mm(start, spacing)
    usable = np.ones(image.shape, bool) if others is None else ~others
    if organ is not None and np.count_nonzero(organ) * mm**3 > 500:
        deep = regions.shrunk(organ, 2.0, spacing)
        within = deep if np.count_nonzero(deep) * mm**3 > 300 else organ
        peak = _peak(calm[within], np.exp(-far[within] / 40), unit)
    else:
        organ = None
        within = usable & (far > 4.0)
        peak = _peak_beside(calm, within, far, here, unit)
    given = organ
    lungs = peak < -400
    spread = _width(calm[within], peak, unit)
    allowed = usable
    if organ is not None:
        close = min(max(image.shape) * mm * CLOSE_SHARE, CLOSE_MM)
        allowed = (
            regions.grown(regions.filled(regions.closed(organ | start, close, spacing)), BULGE_MM, spacing) & usable
        )
    if not lungs and unit == BIN:  # fat and air are no organ, and no lesion
        outside = regions.opened(
            ndimage.gaussian_filter(image, 0.7 / mm, truncate=3) < min(-20.0, here - 30), mm, spacing
        )
        outside = regions.grown(outside, RIM_MM, spacing)
        allowed &= ~(outside if given is None else outside & ~regions.grown(given, 0.5 * mm, spacing)) | start
    healthy = within & (np.abs(calm - peak) < 2.5 * spread)
    if np.count_nonzero(healthy) * mm**3 < 200:
        return None
    weight, total = (ndimage.gaussian_filter(a, DRIFT_MM / mm, truncate=2.5)
                     for a in (healthy.astype(np.float32), np.where(healthy, calm - peak, 0).astype(np.float32)))  # fmt: skip
    level = np.float32(peak) + total / (weight + 0.05)
    return Surroundings(np.asarray(level, np.float32), spread, healthy, allowed)


def _histogram(values: Floats, weights: Floats, unit: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = float(values.min()) - 3 * unit, float(values.max()) + 3 * unit
    edges = np.arange(low, high + unit, unit)
    counts, edges = np.histogram(values, bins=edges, weights=weights)
    return ndimage.gaussian_filter1d(counts.astype(float), 1.5), 0.5 * (edges[1:] + edges[:-1])


def _peak(values: Floats, weights: Floats, unit: float) -> float:
    counts, centres = _histogram(values, weights, unit)
    return float(centres[int(counts.argmax())])


def _peak_beside(calm: Floats, within: Mask, far: Floats, here: float, unit: float) -> float:
    """The commonest brightness near the click that is not that of the click."""
    weights = np.exp(-far[within] / 20.0).astype(np.float32)
    counts, centres = _histogram(calm[within], weights, unit)
    tops = [n for n in range(1, len(counts) - 1) if counts[n] >= counts[n - 1] and counts[n] > counts[n + 1]]
    total = float(counts.sum())
    best, most = here, 0.0
    for n in tops:
        if abs(centres[n] - here) < 2.5 * unit:
            continue
        near = float(counts[max(0, n - 4) : n + 5].sum())
        soft = -30 < centres[n] < 400 or unit != BIN
        share = near * (1.0 if soft else 0.25)  # beside soft tissue, air and fat are rarely what a lesion lies in
        if near > LEAST_SHARE * total and share > most:
            best, most = float(centres[n]), share
    if most == 0.0:
        best = float(centres[int(counts.argmax())])
    return best


def _width(values: Floats, peak: float, unit: float) -> float:
    """Spread about the peak, from the side that has less: a lesion darkens and vessels brighten."""
    below, above = (
        values[(values < peak) & (values > peak - WIDEST * unit)],
        values[(values > peak) & (values < peak + WIDEST * unit)],
    )
    widths = [float(np.percentile(np.abs(side - peak), 68)) for side in (below, above) if len(side) > 20]
    return max(min(widths, default=2 * unit), 0.5 * unit)
