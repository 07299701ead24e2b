"""Distances on a voxel grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.space import Grid

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]
FAR_MM = 1e4


def signed_distance(mask: Mask, grid: Grid) -> Field:
    """(nk, nj, ni) mm to the surface of a mask, negative inside. The surface lies half a voxel from the centres on both
    sides.

    The axes of the grid are taken to be at right angles. Without any voxel it is :data:`FAR_MM` everywhere.
    """
    if not mask.any():
        return np.full(mask.shape, FAR_MM, np.float32)
    sampling = grid.spacing_mm[::-1]
    half = 0.5 * float(np.cbrt(grid.voxel_volume_mm3))
    outside = ndimage.distance_transform_edt(~mask, sampling=sampling).astype(np.float32) - half
    # the inside is often small: only its box needs looking at
    box = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in ndimage.find_objects(mask.astype(np.uint8))[0])
    within = ndimage.distance_transform_edt(mask[box], sampling=sampling).astype(np.float32) - half
    outside[box] = np.where(mask[box], -within, outside[box])
    return np.asarray(outside, np.float32)


def smoothed(field: Field, length_mm: float, grid: Grid) -> Field:
    """The field under a Gaussian of a standard deviation of ``length_mm``."""
    if length_mm <= 0:
        return field
    return np.asarray(ndimage.gaussian_filter(field, length_mm / grid.spacing_mm[::-1], mode="nearest", truncate=3.0))


def at(field: NDArray[np.floating], grid: Grid, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the field between its voxels, at points (n, 3) mm; beyond the grid that of its border."""
    kji = grid.to_index(points_mm)[:, ::-1].T
    return np.asarray(ndimage.map_coordinates(field, kji, order=1, mode="nearest", output=np.float64))


def voxel_of(grid: Grid, points_mm: NDArray[np.float64]) -> tuple[NDArray[np.int64], ...]:
    """Index (k, j, i) of the voxel at each point (n, 3), or of the nearest one of the grid."""
    ijk = np.rint(grid.to_index(points_mm)).astype(np.int64)
    return tuple(np.clip(ijk[:, 2 - axis], 0, grid.shape[axis] - 1) for axis in range(3))


def places(mask: Mask, grid: Grid) -> NDArray[np.float64]:
    """(n, 3) LPS mm of the voxels of a mask."""
    return grid.to_world(np.argwhere(mask)[:, ::-1])


def to_segment(points_mm: NDArray[np.float64], start: Sequence[float], stop: Sequence[float]) -> NDArray[np.float64]:
    """(...,) mm from points (..., 3) to a straight line between two points."""
    a = np.asarray(start, float)
    along = np.asarray(stop, float) - a
    t = np.clip((points_mm - a) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    return np.asarray(np.linalg.norm(points_mm - a - t[..., None] * along, axis=-1))
