"""From places in the patient to boxes and voxels of a grid, for the tools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from organtwin.edit.canvas import Box
from organtwin.errors import BadInput
from organtwin.space import Grid

Point = tuple[float, float, float]


def voxels_of(grid: Grid, points_mm: Sequence[Point]) -> NDArray[np.int64]:
    """(n, 3) voxels (k, j, i) nearest to points.

    Raises
    ------
    BadInput
        When one lies outside the grid.
    """
    kji = np.rint(grid.to_index(np.asarray(points_mm, float).reshape(-1, 3))).astype(np.int64)[:, ::-1]
    outside = ~np.all((kji >= 0) & (kji < grid.shape), axis=1)
    if outside.any():
        x, y, z = points_mm[int(np.argmax(outside))]
        raise BadInput(f"The point ({x:g}, {y:g}, {z:g}) mm lies outside the scan", remedy="Choose one inside.")
    return kji


def voxel_at(grid: Grid, point_mm: ArrayLike) -> tuple[int, int, int] | None:
    """(k, j, i) of the voxel that holds a point, None outside of the grid."""
    i, j, k = np.rint(grid.to_index(point_mm)).astype(int)
    inside = all(0 <= n < size for n, size in zip((i, j, k), grid.size, strict=True))
    return (int(k), int(j), int(i)) if inside else None


def around(grid: Grid, points_mm: NDArray[np.float64], reach_mm: float = 0.0) -> Box:
    """Box of all voxels within ``reach_mm`` of the convex hull of points; empty where that lies outside of the grid."""
    reach = reach_mm * np.linalg.norm(grid.inverse[:3, :3], axis=1) + 1  # voxels along i, j, k
    index = grid.to_index(points_mm)
    size = np.asarray(grid.size)
    low = np.clip(np.floor(index.min(0) - reach), 0, size).astype(int)
    high = np.clip(np.ceil(index.max(0) + reach) + 1, low, size).astype(int)
    return slice(int(low[2]), int(high[2])), slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def box_between(grid: Grid, corners_mm: tuple[Point, Point]) -> Box:
    """The voxels between two opposite corners. On a turned grid the box takes the corners along the grid's own axes.

    Raises
    ------
    BadInput
        When the scan has nothing there.
    """
    index = np.rint(grid.to_index(np.asarray(corners_mm, float)))[:, ::-1].astype(int)
    return _cut(index.min(0), index.max(0) + 1, grid.shape)


def box_around(voxels: NDArray[np.int64], margin_mm: float, grid: Grid) -> Box:
    """The box around voxels (k, j, i), ``margin_mm`` wider on all sides, within the grid."""
    margin = np.ceil(margin_mm / grid.spacing_mm[::-1]).astype(int)
    return _cut(voxels.min(0) - margin, voxels.max(0) + margin + 1, grid.shape)


def _cut(low: NDArray[np.int64], high: NDArray[np.int64], shape: tuple[int, ...]) -> Box:
    """Slices from ``low`` up to, not with, ``high``, cut to the shape.

    Raises
    ------
    BadInput
        When nothing is left.
    """
    low, high = np.maximum(low, 0), np.minimum(high, shape)
    if np.any(low >= high):
        raise BadInput("The region to work in lies outside the scan", remedy="Choose one that overlaps it.")
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))


def axis_across(grid: Grid, normal: Sequence[float]) -> int:
    """The axis of an array (0 k, 1 j, 2 i) whose slices lie most nearly across ``normal``.

    Raises
    ------
    BadInput
        When the normal has no length.
    """
    direction = np.asarray(normal, float)
    if not np.isfinite(direction).all() or not np.linalg.norm(direction) > 0:
        raise BadInput("The normal of the slice has no direction", remedy="Give one of its three components a value.")
    planes = grid.inverse[:3, :3]  # its rows stand upright on the slices of i, j, k
    along = np.abs(planes @ direction) / np.linalg.norm(planes, axis=1)
    return 2 - int(np.argmax(along))
