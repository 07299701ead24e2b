"""Where the trees begin: the portal trunk below the liver, and the hepatic veins at the vena cava.

A root is a voxel of the skeleton, by its index.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.liver.region import Mask, Region
from organtwin.liver.skeleton import Skeleton

SEED_MM = 15.0  # a picked point may be so far from the middle of its vessel
CONTACT_MM = 4.0  # a vein that comes so near to the vena cava opens into it,
CONTACT_MM2 = 6.0  # when it does so over such an area,
CONTACT_RADIUS_MM = 1.0  # and is no thread
ATRIUM_MM = 30.0  # what was called heart so near the cava's upper end may be its last part
LEAST_TRUNK_MM = 3.0
APART_MM = 15.0


def picked(skeleton: Skeleton, seeds: NDArray[np.int64], mm: float) -> list[int]:
    """The voxel of the middle lines nearest to each seed (k, j, i)."""
    if not len(skeleton.voxels) or not len(seeds):
        return []
    distance, voxel = cKDTree(skeleton.voxels * mm).query(np.atleast_2d(seeds) * mm)
    return sorted({int(v) for v, d in zip(voxel, distance, strict=True) if d < SEED_MM})


def portal_roots(region: Region, skeleton: Skeleton, liver: Mask, trunk: Mask, cava: Mask | None) -> list[int]:
    """The far end of the widest vessel that comes into the liver from below; without one in view, the widest place away
    from the cava."""
    outside = _piece_of_trunk(region, liver, trunk)
    places = tuple(skeleton.voxels.T)
    if outside is not None:
        own = np.flatnonzero(outside[places])
        if own.size:
            return [int(own[region.distance(liver)[places][own].argmax()])]
    wide = skeleton.radius_mm.copy()
    if cava is not None and cava.any():
        wide[region.distance(cava)[places] < APART_MM] = 0
    return [int(wide.argmax())] if wide.size and wide.max() > LEAST_TRUNK_MM else []


def _piece_of_trunk(region: Region, liver: Mask, trunk: Mask) -> Mask | None:
    """The bright piece outside the liver that is a vessel of size, and reaches it in its lower three quarters."""
    labels, count = ndimage.label(trunk)
    if not count:
        return None
    levels = np.flatnonzero(liver.any(axis=(1, 2)))
    highest = levels[0] + 0.75 * (levels[-1] - levels[0])
    depth = region.depth(trunk)
    touching = region.grown(liver, 2.5 * region.mm)
    best, worth = 0, 0.0
    for piece, box in enumerate(ndimage.find_objects(labels), start=1):
        own = labels[box] == piece
        at_liver = own & touching[box]
        if not at_liver.any() or np.argwhere(at_liver)[:, 0].mean() + box[0].start > highest:
            continue
        radius = float(depth[box][own].max())
        size = float(np.count_nonzero(own)) * region.voxel_ml
        if radius > LEAST_TRUNK_MM and radius**2 * size > worth:
            best, worth = piece, radius**2 * size
    return np.asarray(labels == best) if best else None


def hepatic_roots(region: Region, skeleton: Skeleton, vessels: Mask, cava: Mask, heart: Mask | None) -> list[int]:
    """Where vessels in the liver meet the vena cava (and the atrium just above it): one root for each place of contact."""
    if not cava.any() or not len(skeleton.voxels):
        return []
    basin = cava
    if heart is not None and heart.any():
        top = int(np.flatnonzero(cava.any(axis=(1, 2)))[-1])
        end = np.zeros_like(cava)
        lowest = max(0, top - int(6 / region.mm))
        end[lowest : top + 1] = cava[lowest : top + 1]
        basin = cava | (heart & region.grown(end, ATRIUM_MM))
    labels, count = ndimage.label(vessels & region.grown(basin, CONTACT_MM), np.ones((3, 3, 3)))
    if not count:
        return []
    near = cKDTree(skeleton.voxels)
    layers = max(1.0, CONTACT_MM / region.mm)
    roots: set[int] = set()
    for piece, box in enumerate(ndimage.find_objects(labels), start=1):
        own = np.argwhere(labels[box] == piece) + [s.start for s in box]
        area = len(own) / layers * region.mm**2
        voxel = int(near.query(own.mean(axis=0))[1])
        if area > CONTACT_MM2 and skeleton.radius_mm[voxel] > CONTACT_RADIUS_MM:
            roots.add(voxel)
    return sorted(roots)
