"""Where the tissues of the trunk are expected, and which brightness each has in this scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]
FloatVolume = NDArray[np.float32]

SOFT_HU = (-20.0, 350.0)


@dataclass(frozen=True)
class Mode:
    """Brightness of one tissue in this scan, in the denoised working image."""

    centre_hu: float
    spread_hu: float

    def likelihood(self, values: FloatVolume) -> FloatVolume:
        """Gaussian density in 1/HU."""
        z = (values - np.float32(self.centre_hu)) / np.float32(self.spread_hu)
        return np.asarray(np.exp(-0.5 * z * z) / (self.spread_hu * 2.5066), dtype=np.float32)

    def near(self, values: FloatVolume, spreads: float = 2.0) -> Mask:
        return np.asarray(np.abs(values - self.centre_hu) < spreads * self.spread_hu)


def soft_tissue(context: CTContext) -> Mask:
    """Neither fat, gas, lung nor bone, inside the trunk."""
    right, left = context.lungs
    soft = (context.smooth > SOFT_HU[0]) & (context.smooth < SOFT_HU[1])
    return np.asarray(soft & context.trunk & ~right & ~left & ~context.bone)


def peaks(values: NDArray[np.float32], low: float, high: float, share: float = 0.04) -> list[Mode]:
    """Modes of a histogram between two values, heaviest first, each with the width of its own flanks."""
    bins = np.arange(low - 20, high + 22, 2.0)
    histogram = ndimage.gaussian_filter1d(np.histogram(values, bins)[0].astype(float), 2.0)
    centres = (bins[1:] + bins[:-1]) / 2
    found: list[tuple[float, Mode]] = []
    for n in range(1, len(histogram) - 1):
        top = histogram[n]
        if not (low <= centres[n] <= high and top > histogram[n - 1] and top >= histogram[n + 1]):
            continue
        left, right = n, n
        while left > 0 and histogram[left] > 0.6 * top:
            left -= 1
        while right < len(histogram) - 1 and histogram[right] > 0.6 * top:
            right += 1
        # a Gaussian falls to 0.6 of its height at one standard deviation
        spread = float(np.clip((centres[right] - centres[left]) / 2, 5.0, 16.0))
        mass = float(histogram[left : right + 1].sum())
        if mass > share * histogram.sum():
            found.append((mass, Mode(float(centres[n]), spread)))
    return [mode for _, mode in sorted(found, key=lambda pair: -pair[0])]


def beside_spine(context: CTContext) -> FloatVolume:
    """Millimetres to the patient's left of the spine (negative: right) of every voxel column, (nk, 1, ni)."""
    across = np.arange(context.trunk.shape[2])[None, None, :] - context.spine.i[:, None, None]
    return np.asarray(across * context.spacing_mm[2], dtype=np.float32)


def behind_spine(context: CTContext) -> FloatVolume:
    """Millimetres behind the middle of the spine's bone (negative: in front), (nk, nj, 1)."""
    back = np.arange(context.trunk.shape[1])[None, :, None] - context.spine.j[:, None, None]
    return np.asarray(back * context.spacing_mm[1], dtype=np.float32)


def muscle_mode(context: CTContext) -> Mode:
    """Brightness of the muscles beside and behind the spine; a usual value where there are none to see."""
    mean, deviation = context.evenness
    aside = np.abs(beside_spine(context))
    back = (aside < 90) & (behind_spine(context) > 0) & (context.depth_in_cage < -4)
    back |= (aside < 45) & (behind_spine(context) > 20)
    back &= context.trunk
    values = mean[back & (deviation < 14) & (mean > 15) & (mean < 110)]
    if values.size < 500:
        return Mode(55.0, 12.0)
    modes = peaks(values, 25, 100)
    return Mode(modes[0].centre_hu, max(modes[0].spread_hu, 8.0)) if modes else Mode(55.0, 12.0)
