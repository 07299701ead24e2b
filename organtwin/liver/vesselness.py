"""How much a bright tube runs through each voxel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatVolume = NDArray[np.float32]


def tubeness(
    image: FloatVolume, spacing_mm: float, scales_mm: Sequence[float], beat: Callable[[float], None] = lambda done: None
) -> FloatVolume:
    """Largest response over scales, in the units of the image: for a tube as wide as a scale about its contrast.

    At each scale s the response is s² sqrt(λ2 λ3) reduced by λ1, with λ1 ≥ λ2 ≥ λ3 the eigenvalues of the Hessian,
    where λ2 and λ3 are negative (Sato et al. 1998, "Three-dimensional multi-scale line filter", Med. Image Anal.
    2:143): a plate has λ2 near zero, a blob has λ1 as negative as the rest.
    """
    best = np.zeros(image.shape, np.float32)
    for at, scale in enumerate(scales_mm):
        smooth = ndimage.gaussian_filter(image, scale / spacing_mm, truncate=3)
        _line_response(smooth, (scale / spacing_mm) ** 2, best)
        beat((at + 1) / len(scales_mm))
    return best


@numba.njit(cache=True, fastmath=False)
def _line_response(g: FloatVolume, factor: float, best: FloatVolume) -> None:  # pragma: no cover (compiled)
    nk, nj, ni = g.shape
    for k in range(1, nk - 1):
        for j in range(1, nj - 1):
            for i in range(1, ni - 1):
                c = 2.0 * g[k, j, i]
                a00 = g[k + 1, j, i] + g[k - 1, j, i] - c
                a11 = g[k, j + 1, i] + g[k, j - 1, i] - c
                a22 = g[k, j, i + 1] + g[k, j, i - 1] - c
                if a00 + a11 + a22 >= 0.0:
                    continue
                a01 = 0.25 * (g[k + 1, j + 1, i] + g[k - 1, j - 1, i] - g[k + 1, j - 1, i] - g[k - 1, j + 1, i])
                a02 = 0.25 * (g[k + 1, j, i + 1] + g[k - 1, j, i - 1] - g[k + 1, j, i - 1] - g[k - 1, j, i + 1])
                a12 = 0.25 * (g[k, j + 1, i + 1] + g[k, j - 1, i - 1] - g[k, j + 1, i - 1] - g[k, j - 1, i + 1])
                # eigenvalues of a symmetric 3x3 matrix (Smith 1961)
                off = a01 * a01 + a02 * a02 + a12 * a12
                q = (a00 + a11 + a22) / 3.0
                b00, b11, b22 = a00 - q, a11 - q, a22 - q
                p = np.sqrt((b00 * b00 + b11 * b11 + b22 * b22 + 2.0 * off) / 6.0)
                if p < 1e-9:
                    continue
                det = b00 * (b11 * b22 - a12 * a12) - a01 * (a01 * b22 - a12 * a02) + a02 * (a01 * a12 - b11 * a02)
                r = min(1.0, max(-1.0, det / (2.0 * p * p * p)))
                angle = np.arccos(r) / 3.0
                largest = q + 2.0 * p * np.cos(angle)
                least = q + 2.0 * p * np.cos(angle + 2.0943951023931953)
                middle = 3.0 * q - largest - least
                if middle >= 0.0:
                    continue
                value = np.sqrt(middle * least)
                if largest < 0.0:  # a blob
                    value *= max(0.0, 1.0 - largest / middle)
                else:  # a tube that ends or bends
                    value *= max(0.0, 1.0 - 0.5 * largest / -middle)
                value *= factor
                if value > best[k, j, i]:
                    best[k, j, i] = value
