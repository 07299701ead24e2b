"""Round cross-sections: evidence for discs in every axial slice, and the best path of one disc through the slices.

The evidence is a radial-symmetry vote (Loy and Zelinsky, IEEE PAMI 25:959, 2003): every edge pixel votes for the centre
that it would have if it lay on a circle. The path is the optimum of a dynamic programme over slices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

FloatVolume = NDArray[np.float32]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class DiscPath:
    """One disc per slice of a stack.

    Parameters
    ----------
    centre : (nk, 2) float array
        Index (j, i) of the centre in each slice.
    radius_mm : (nk,) float array
    score : (nk,) float array
        Evidence in each slice, priors included; higher is better.
    """

    centre: FloatArray
    radius_mm: FloatArray
    score: FloatArray


def ring_votes(
    image: FloatVolume, pixel_mm: float, radii_mm: ArrayLike, edge_hu: float, bright: bool = True
) -> FloatVolume:
    """Share of a circle's circumference that is supported by edges, about 0 to 1.

    Parameters
    ----------
    image : (nk, nj, ni) float array
        Clipped Hounsfield units; slices are treated one by one.
    pixel_mm : float
        In-plane spacing.
    radii_mm : sequence of float
    edge_hu : float
        An edge of this height counts fully, smaller ones in part.
    bright : bool
        Look for bright discs; else for dark ones.

    Returns
    -------
    (nr, nk, nj, ni) float32 array
    """
    smooth = ndimage.gaussian_filter(image, (0, 0.7, 0.7))
    gj, gi = np.gradient(smooth, axis=(1, 2))
    slope = np.hypot(gj, gi)
    weight = np.clip(4 * slope / (pixel_mm * edge_hu), 0, 1)
    weight[weight < 0.3] = 0
    k, j, i = np.nonzero(weight)
    sense = (1 if bright else -1) / slope[k, j, i]
    uj, ui, w = gj[k, j, i] * sense, gi[k, j, i] * sense, weight[k, j, i]
    radii = np.asarray(radii_mm, dtype=float) / pixel_mm
    votes = np.empty((len(radii), *image.shape), np.float32)
    for n, radius in enumerate(radii):
        pj, pi = np.rint(j + uj * radius).astype(int), np.rint(i + ui * radius).astype(int)
        inside = (pj >= 0) & (pj < image.shape[1]) & (pi >= 0) & (pi < image.shape[2])
        places = np.ravel_multi_index((k[inside], pj[inside], pi[inside]), image.shape)
        counts = np.bincount(places, w[inside], image.size).reshape(image.shape).astype(np.float32)
        sigma = max(1.0, 0.15 * radius)
        votes[n] = ndimage.gaussian_filter(counts, (0, sigma, sigma), truncate=2.5) * (sigma**2 / (2 * radius))
    return votes


def disc_evidence(image: FloatVolume, pixel_mm: float, radii_mm: ArrayLike) -> FloatVolume:
    """Evidence (nr, nk, nj, ni) for bright discs: edges around, brightness inside, contrast to the ring outside.

    ``image`` is clipped to about 0 to 180 HU, where soft tissue ends and contrast saturates.
    """
    radii = np.asarray(radii_mm, dtype=float)
    score = np.minimum(ring_votes(image, pixel_mm, radii, edge_hu=30.0), 1)
    for n, radius in enumerate(radii):
        narrow, wide = 0.45 * radius / pixel_mm, 1.2 * radius / pixel_mm
        inside = ndimage.gaussian_filter(image, (0, narrow, narrow), truncate=3)
        around = ndimage.gaussian_filter(image, (0, wide, wide), truncate=3)
        score[n] += 0.6 * np.clip((inside - 70) / 80, -1, 1) + 0.6 * np.clip((inside - around) / 60, -0.5, 0.7)
        score[n] *= min(radius / 11, 1.3) ** 0.6  # small bright spots are common
    return score


def best_path(score: FloatVolume, radii_mm: ArrayLike, stiffness: float = 0.4) -> DiscPath:
    """The path of greatest total score, moving at most one pixel and one radius from slice to slice.

    Parameters
    ----------
    score : (nr, nk, nj, ni) float array
    radii_mm : sequence of float
    stiffness : float
        Price of a move of one pixel or one radius, in units of 0.3 of the score.
    """
    radii = np.asarray(radii_mm, dtype=float)
    steps = np.array(
        [(a, b, c) for a in ((-1, 0, 1) if len(radii) > 1 else (0,)) for b in (-1, 0, 1) for c in (-1, 0, 1)]
    )
    prices = 0.3 * stiffness * (np.abs(steps[:, 0]) + np.hypot(steps[:, 1], steps[:, 2]))
    total = score[:, 0].copy()
    came: list[NDArray[np.int8]] = []
    for k in range(1, score.shape[1]):
        padded = np.pad(total, 1, constant_values=-1e9)
        best = np.full(total.shape, -1e9, np.float32)
        move = np.zeros(total.shape, np.int8)
        for n, ((a, b, c), price) in enumerate(zip(steps, prices, strict=True)):
            other = (
                padded[1 + a : 1 + a + total.shape[0], 1 + b : 1 + b + total.shape[1], 1 + c : 1 + c + total.shape[2]]
                - price
            )
            better = other > best
            best[better], move[better] = other[better], n
        total = best + score[:, k]
        came.append(move)
    place = np.array(np.unravel_index(int(total.argmax()), total.shape))
    path = [place]
    for move in reversed(came):
        place = place + steps[move[tuple(place)]]
        path.append(place)
    found = np.array(path[::-1])
    along = np.arange(score.shape[1])
    return DiscPath(
        centre=found[:, 1:].astype(float),
        radius_mm=radii[found[:, 0]],
        score=score[found[:, 0], along, found[:, 1], found[:, 2]].astype(float),
    )
