"""Surfaces of a plan to be looked at: the organ in its two parts, and the structures inside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.resection.anatomy import Anatomy
from organtwin.resection.distance import at
from organtwin.resection.sheet import clipped, organ_mm_of

Points = NDArray[np.float64]
Triangles = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Shape:
    """Points (n, 3) mm and outward triangles (m, 3)."""

    points_mm: Points
    triangles: Triangles

    @property
    def is_empty(self) -> bool:
        return len(self.triangles) == 0


EMPTY = Shape(np.zeros((0, 3)), np.zeros((0, 3), np.int32))


def organ_shape(anatomy: Anatomy) -> Shape:
    """The organ's surface."""
    return _level(organ_mm_of(anatomy), 0.0, anatomy)


def structure_shape(anatomy: Anatomy, key: str) -> Shape:
    """The surface of a tumour, a vessel or a territory."""
    mask = {**anatomy.territories, **anatomy.vessels, **anatomy.tumours}[key]
    if not mask.any():
        return EMPTY
    box = tuple(slice(max(s.start - 4, 0), s.stop + 4) for s in ndimage.find_objects(mask.astype(np.uint8))[0])
    soft = ndimage.gaussian_filter(mask[box].astype(np.float32), 0.6)
    return _level(-soft, -0.4, anatomy, np.array([s.start for s in box]))


def parts(anatomy: Anatomy, organ: Shape, taken: NDArray[np.bool_]) -> tuple[Shape, Shape]:
    """The organ's surface in two: over what is taken, and over what stays."""
    soft = ndimage.gaussian_filter(taken.astype(np.float32), 0.8) - 0.5 * ndimage.gaussian_filter(
        anatomy.organ.astype(np.float32), 0.8
    )
    value = at(soft, anatomy.grid, organ.points_mm)  # above zero where more than half of the organ here is taken
    gone = clipped(organ.points_mm, organ.triangles, -value, 0.0)
    stays = clipped(organ.points_mm, organ.triangles, value, 0.0)
    return Shape(*gone), Shape(*stays)


def _level(field: NDArray[np.float32], level: float, anatomy: Anatomy, start: NDArray[np.int64] | int = 0) -> Shape:
    from skimage.measure import marching_cubes

    if field.min() >= level or field.max() <= level:
        return EMPTY
    kji, triangles, _, _ = marching_cubes(np.ascontiguousarray(field), level)
    points = anatomy.grid.to_world((kji + start)[:, ::-1])
    a, b, c = (points[triangles[:, n]] for n in range(3))
    middle = points.mean(axis=0)  # the sign must not hang on where the origin lies
    volume = float(np.einsum("ij,ij->i", a - middle, np.cross(b - middle, c - middle)).sum())
    return Shape(points, np.ascontiguousarray(triangles[:, ::-1] if volume < 0 else triangles, np.int32))
