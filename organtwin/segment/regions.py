"""Tools on masks: parts, holes, islands, opening and closing. Radii are in mm on any voxel shape, volumes in mm³.

Masks are boolean (nk, nj, ni); ``spacing_mm`` is that of the grid, along i, j, k.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.distance import squared_mm2
from organtwin.space import Grid

Mask = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


def largest(mask: Mask, count: int = 1) -> Mask:
    """The ``count`` largest connected parts."""
    parts, n = ndimage.label(mask)
    if n <= count:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    chosen = np.zeros(n + 1, bool)
    chosen[np.argsort(sizes)[-count:]] = True
    return chosen[parts]


def connected_to(mask: Mask, seeds: Mask) -> Mask:
    """The connected parts that touch ``seeds``."""
    parts, n = ndimage.label(mask)
    chosen = np.zeros(n + 1, bool)
    chosen[np.unique(parts[seeds])] = True
    chosen[0] = False
    return chosen[parts]


def without_islands(mask: Mask, below_mm3: float, voxel_mm3: float) -> Mask:
    """Without the connected parts smaller than that."""
    parts, _ = ndimage.label(mask)
    kept = np.bincount(parts.ravel()) * voxel_mm3 >= below_mm3
    kept[0] = False
    return kept[parts]


def filled(mask: Mask, up_to_mm3: float = np.inf, voxel_mm3: float = 1.0) -> Mask:
    """With its enclosed cavities of at most that volume. What touches the edge of the array is not enclosed."""
    box = bounding_box(mask, mask.shape, 1)
    if box is None:
        return mask
    parts, n = ndimage.label(~mask[box])
    fill = np.bincount(parts.ravel(), minlength=n + 1) * voxel_mm3 <= up_to_mm3
    fill[0] = False
    for axis in range(3):
        for end in (0, -1):
            fill[np.unique(np.take(parts, end, axis=axis))] = False
    out = mask.copy()
    out[box] |= fill[parts]
    return out


def grown(mask: Mask, radius_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """All voxels whose centre is within ``radius_mm`` of the centre of one of the mask."""
    return _near(mask, radius_mm, spacing_mm) if radius_mm > 0 else mask


def shrunk(mask: Mask, radius_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """The voxels farther than ``radius_mm`` from everything outside. Beyond the array nothing is known: it does not bite."""
    if radius_mm <= 0:
        return mask
    box = bounding_box(mask, mask.shape, 1)
    if box is None:
        return mask
    out = np.zeros_like(mask)
    out[box] = distance_mm(~mask[box], spacing_mm) > radius_mm
    return out


def opened(mask: Mask, radius_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """Without what a ball of that radius does not fit into: spikes, thin bridges."""
    return grown(shrunk(mask, radius_mm, spacing_mm), radius_mm, spacing_mm) & mask


def closed(mask: Mask, radius_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """With the clefts that a ball of that radius does not fit into."""
    if radius_mm <= 0:
        return mask
    pad = [int(np.ceil(radius_mm / s)) + 1 for s in spacing_mm[::-1]]
    box = bounding_box(mask, mask.shape, 0)
    if box is None:
        return mask
    work = np.pad(mask[box], [(p, p) for p in pad])
    work = _near(work, radius_mm, spacing_mm)
    work = distance_mm(~work, spacing_mm) > radius_mm
    out = mask.copy()
    out[box] |= work[tuple(slice(p, -p) for p in pad)]
    return out


def within_box(grid: Grid, low_mm: NDArray[np.float64], high_mm: NDArray[np.float64]) -> Mask:
    """Voxels whose centre lies in a box along the patient axes (LPS mm)."""
    return _where(grid, lambda xyz: np.all((xyz >= low_mm) & (xyz <= high_mm), axis=-1))


def within_ball(grid: Grid, centre_mm: NDArray[np.float64], radius_mm: float) -> Mask:
    """Voxels whose centre lies within ``radius_mm`` of a point (LPS mm)."""
    return _where(grid, lambda xyz: np.sum((xyz - centre_mm) ** 2, axis=-1) <= radius_mm**2)


def bounding_box(mask: Mask, shape: tuple[int, ...], margin: int | tuple[int, int, int]) -> Box | None:
    """Slices (k, j, i) around the true voxels, ``margin`` voxels wider; None where there are none."""
    margins = (margin,) * 3 if isinstance(margin, int) else margin
    slices = []
    for axis in range(3):
        some = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(some):
            return None
        slices.append(slice(max(0, int(some[0]) - margins[axis]), min(shape[axis], int(some[-1]) + 1 + margins[axis])))
    return slices[0], slices[1], slices[2]


def distance_mm(targets: Mask, spacing_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """Distance of every voxel centre to the nearest one of ``targets``; infinite where there is none."""
    return np.asarray(np.sqrt(squared_mm2(targets, spacing_mm)))


def _near(mask: Mask, radius_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    margin = tuple(int(np.ceil(radius_mm / s)) for s in spacing_mm[::-1])
    box = bounding_box(mask, mask.shape, (margin[0], margin[1], margin[2]))
    if box is None:
        return mask
    out = np.zeros_like(mask)
    out[box] = distance_mm(mask[box], spacing_mm) <= radius_mm
    return out


def _where(grid: Grid, test: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> Mask:
    out = np.zeros(grid.shape, bool)
    j, i = np.meshgrid(np.arange(grid.size[1]), np.arange(grid.size[0]), indexing="ij")
    for k in range(grid.size[2]):  # a slice at a time: coordinates of all voxels would be six times the scan
        out[k] = test(grid.to_world(np.stack([i, j, np.full_like(i, k)], -1)))
    return out
