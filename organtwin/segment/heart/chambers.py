"""Chambers told apart by place and shape: markers where each one should lie, and a watershed that meets in the valves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from organtwin.segment.ct.shape import largest_piece

Mask = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

CHAMBERS = ("left_ventricle", "right_ventricle", "left_atrium", "right_atrium")

# middle of each chamber (up, back, left) from the aortic root, and its spread along these axes, in cube roots of the
# volume of the heart: the ventricles point forwards, down and to the left, the left atrium lies behind the root
PLACE: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "left_ventricle": ((-0.40, -0.05, 0.45), (0.20, 0.18, 0.22)),
    "right_ventricle": ((-0.33, -0.38, 0.10), (0.24, 0.15, 0.22)),
    "left_atrium": ((-0.02, 0.38, 0.08), (0.18, 0.16, 0.25)),
    "right_atrium": ((-0.25, 0.02, -0.42), (0.20, 0.22, 0.15)),
}
CORE_MM = 5.0
SURE, CLEARER = (
    2.2,
    1.0,
)  # most distance of a marker from its chamber's middle, in spreads; and how much less than to others
EDGE_WEIGHT = 0.01  # of a step of 1 HU/mm against a millimetre of depth
WALL_MM = 17.0
SEPTUM_MM = 24.0  # from cavity to cavity
FAT_HU = -10.0


def part_chambers(
    image: NDArray[np.float32], blood: Mask, root_mm: FloatArray, spacing_mm: FloatArray, size_mm: float
) -> dict[str, Mask]:
    """Parts of the blood inside the heart.

    Parameters
    ----------
    image : (nk, nj, ni) float array
        HU, canonical order (up, back, left).
    blood : (nk, nj, ni) bool array
        Contrast-filled blood within the heart.
    root_mm : (3,) array
        Where the aorta leaves the heart, (k, j, i) mm from the corner of the array.
    spacing_mm : (3,) array
        Of the axes k, j, i.
    size_mm : float
        Cube root of the volume of the heart.

    Returns
    -------
    dict of masks
        Of those chambers that have a marker; together they are the blood that is reached from the markers.
    """
    depth = ndimage.distance_transform_edt(blood, spacing_mm).astype(np.float32)
    places = np.argwhere(depth > CORE_MM)
    if not len(places):
        return {}
    offset = ((places + 0.5) * spacing_mm - root_mm) / size_mm
    distance = np.stack(
        [np.sqrt((((offset - middle) / spread) ** 2).sum(axis=1)) for middle, spread in PLACE.values()], axis=1
    )
    order = np.sort(distance, axis=1)
    chosen = distance.argmin(axis=1)
    sure = (order[:, 0] < SURE) & (order[:, 1] - order[:, 0] > CLEARER)
    markers = np.zeros(blood.shape, np.int32)
    for n in range(len(CHAMBERS)):
        mine = np.zeros(blood.shape, np.bool_)
        mine[tuple(places[sure & (chosen == n)].T)] = True
        markers[largest_piece(mine)] = n + 1
    slope = ndimage.gaussian_gradient_magnitude(image, 0.7) / float(spacing_mm.mean())
    parts = watershed(EDGE_WEIGHT * slope - depth, markers, mask=blood)
    return {key: parts == n for n, key in enumerate(CHAMBERS, start=1) if (parts == n).any()}


def left_wall(image: NDArray[np.float32], heart: Mask, chambers: Mapping[str, Mask], spacing_mm: FloatArray) -> Mask:
    """The muscle of the left ventricle: what is near its cavity, and the septum; not the walls of the atria."""
    cavity = chambers["left_ventricle"]
    far = np.full(heart.shape, np.inf, np.float32)
    gap = {
        key: ndimage.distance_transform_edt(~chambers[key], spacing_mm).astype(np.float32) if key in chambers else far
        for key in CHAMBERS
    }
    muscle = heart & (image > FAT_HU)
    for chamber in chambers.values():
        muscle &= ~chamber
    near = (gap["left_ventricle"] < WALL_MM) & (
        gap["left_ventricle"] < np.minimum(gap["left_atrium"], gap["right_atrium"])
    )
    near &= (gap["left_ventricle"] < gap["right_ventricle"]) | (
        gap["left_ventricle"] + gap["right_ventricle"] < SEPTUM_MM
    )
    wall = ndimage.binary_opening(muscle & near, iterations=1)
    labels, _ = ndimage.label(wall)
    touching = np.unique(labels[ndimage.binary_dilation(cavity, iterations=2)])
    return np.asarray(np.isin(labels, touching[touching > 0]))


def neck_share(key: str, chambers: Mapping[str, Mask]) -> float:
    """Share of a chamber's surface that borders on another chamber: small where a valve parts them."""
    mine = chambers[key]
    rim = mine & ~ndimage.binary_erosion(mine)
    others = np.zeros_like(mine)
    for other, mask in chambers.items():
        if other != key:
            others |= mask
    return float(np.mean(ndimage.binary_dilation(others)[rim])) if rim.any() else 1.0
