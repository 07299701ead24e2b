"""A border put right near one stroke.

Two fronts compete, as in :mod:`organtwin.segment.competition`: one starts at the stroke, one from what is beyond its reach
(and, where voxels are taken away, from the depth of the segment). Each is slow where the scan looks like the other's side, so
that they meet at an edge of the image where there is one, and half way where there is none. Nothing changes beyond the reach.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment import regions, shaping
from organtwin.segment.competition import pop, push
from organtwin.segment.regions import Box, Mask

Floats = NDArray[np.float32]

LEAST_REACH_MM, FARTHEST_MM = 10.0, 30.0
NOISE_MM = 1.0
ALIKE = 3.0  # standard deviations at which a value is no more like that of a side
STEEPEST = 5.0  # of an edge, in standard deviations a voxel
CLIPPED = 20.0
LOCAL_MM = 25.0  # the segment's own values are looked at so far from the stroke


def corrected(
    mask: Mask, values: Floats, stroke: NDArray[np.int64], missing: bool, spacing_mm: NDArray[np.float64],
    reach_mm: float | None = None, smooth_mm: float = 1.0, taken: Mask | None = None,
) -> Mask:  # fmt: skip
    """The mask with its border moved so that the stroke lies on the right side of it.

    Parameters
    ----------
    mask, values : (nk, nj, ni) arrays
    stroke : (n, 3) int
        Voxels k, j, i.
    missing : bool
        Whether the stroke lies where the mask lacks voxels, or where it has too many.
    spacing_mm : (3,)
        Along i, j, k.
    reach_mm : float, optional
        How far from the stroke the border may move. None: from the length of the stroke and how far it is from the border.
    smooth_mm : float
        The new border is evened over this distance.
    taken : (nk, nj, ni) bool, optional
        What belongs to others: it is not gained, other than under the stroke.
    """
    drawn = np.zeros(mask.shape, bool)
    drawn[tuple(stroke.T)] = True
    if np.all(mask[drawn] == missing):  # the stroke lies on the right side already
        return mask
    if reach_mm is None:
        wide = _around(stroke, 1.3 * FARTHEST_MM + 5.0, spacing_mm, mask.shape)
        reach = _reach(mask[wide], stroke, drawn[wide], missing, spacing_mm)
        margin = max(1.3 * reach, LOCAL_MM) + 5.0
    else:
        reach, margin = reach_mm, 1.3 * reach_mm + 5.0
    box = _around(stroke, margin, spacing_mm, mask.shape)
    inner, here, scan = mask[box], drawn[box], values[box]
    far = regions.distance_mm(here, spacing_mm)
    calm = ndimage.gaussian_filter(scan, NOISE_MM / spacing_mm[::-1], truncate=3)
    domain = (far <= 1.25 * reach) & (~inner if missing else inner) | here
    others = np.zeros(inner.shape, bool) if taken is None else taken[box] & ~here & ~inner
    domain &= ~others
    own, width = _level(calm[here])
    near = inner & ~here & (far < max(LOCAL_MM, 1.5 * reach)) & (far > 2.0)
    other, other_width = _level(calm[near]) if np.count_nonzero(near) > 20 else (own, width)
    width = max(width, min(other_width, 2 * width), 1e-6)
    if missing:  # what lies between the values under the stroke and those of the segment is a mixture of both
        low, high = min(own, other), max(own, other)
        alike = np.maximum(np.maximum(low - calm, calm - high), 0) / width
        unlike = np.maximum(ALIKE - alike, 0)
        against = domain & (far > reach)
    else:
        alike, unlike = np.abs(calm - own) / width, np.abs(calm - other) / width
        depth = regions.distance_mm(~inner, spacing_mm)
        at_stroke = float(np.percentile(depth[here & inner], 75)) if (here & inner).any() else 0.0
        deep = (depth > 2.0 * at_stroke + 4.0) & (alike > 1.0) & (far > 4.0)
        against = domain & ((far > reach) | deep)
    steep = _steepness(calm, width)
    step = spacing_mm[::-1].copy()
    time = [_arrival((1 + np.minimum(z, ALIKE + 1) ** 2 + steep).astype(np.float32), seeds, domain, step)
            for z, seeds in ((alike, here), (unlike, against & ~here))]  # fmt: skip
    change = domain & (far <= reach) & (time[0] < time[1])
    if missing:
        change &= (alike < ALIKE) | here
    change = regions.connected_to(_even(change, 0.5, spacing_mm) | here, here)
    moved = inner | change if missing else inner & ~change
    about = regions.grown(change, 2.0 + smooth_mm, spacing_mm) & (far <= reach)
    if missing:
        moved = np.where(about, regions.closed(moved, 2.0, spacing_mm), moved)
        moved = np.where(about, regions.filled(moved, 2000.0, float(np.prod(spacing_mm))), moved)
    else:  # crumbs that the cut leaves beside the stroke go with it
        left = regions.opened(moved, 1.5, spacing_mm)
        moved = np.where(about, left, moved)
    image = np.clip(scan, own - CLIPPED * width, own + CLIPPED * width)  # air is no farther off than fat
    moved = shaping.on_the_edge(image, moved, about, spacing_mm)
    if smooth_mm > 0:
        moved = np.where(about, _even(moved, smooth_mm, spacing_mm), moved)
    moved = (moved & ~others) | here if missing else moved & ~here
    out = mask.copy()
    out[box] = moved
    return out


def _around(
    stroke: NDArray[np.int64], margin_mm: float, spacing_mm: NDArray[np.float64], shape: tuple[int, ...]
) -> Box:
    margin = np.ceil(margin_mm / spacing_mm[::-1]).astype(int)
    low, high = np.maximum(stroke.min(0) - margin, 0), np.minimum(stroke.max(0) + margin + 1, shape)
    a, b, c = (slice(int(x), int(y)) for x, y in zip(low, high, strict=True))
    return a, b, c


def _reach(mask: Mask, stroke: NDArray[np.int64], here: Mask, missing: bool, spacing_mm: NDArray[np.float64]) -> float:
    """Most of the length of the stroke, or half as far again as it lies from the border."""
    length = float(np.linalg.norm((stroke.max(0) - stroke.min(0)) * spacing_mm[::-1]))
    border = regions.distance_mm(mask if missing else ~mask, spacing_mm)
    return float(np.clip(max(0.7 * length, 1.5 * float(border[here].max())), LEAST_REACH_MM, FARTHEST_MM))


def _level(values: Floats) -> tuple[float, float]:
    """Median and robust standard deviation."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def _steepness(calm: Floats, width: float) -> Floats:
    """Square of the slope, in standard deviations a voxel, without what noise makes."""
    slope = np.sqrt(sum(np.gradient(calm, axis=a) ** 2 for a in range(3) if calm.shape[a] > 1)) / width
    return np.asarray(np.clip(slope - 1.0, 0, STEEPEST) ** 2, np.float32)


def _even(mask: Mask, sigma_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    soft = ndimage.gaussian_filter(mask.astype(np.float32), sigma_mm / spacing_mm[::-1], truncate=3, mode="nearest")
    return np.asarray(soft > 0.5)


@numba.njit(cache=True)
def _arrival(cost, seeds, domain, step):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Time of a front from the seeds through the domain; a step takes its length times the mean cost at its ends."""
    nk, nj, ni = cost.shape
    time = np.full(cost.shape, np.inf, np.float32)
    flat_time, flat_cost, flat_domain = time.ravel(), cost.ravel(), domain.ravel()
    done = np.zeros(cost.size, np.bool_)
    heap_time, heap_voxel = np.empty(4096, np.float32), np.empty(4096, np.int64)
    count = 0
    for n, seed in enumerate(seeds.ravel()):
        if seed:
            if count == len(heap_time):
                heap_time = np.concatenate((heap_time, np.empty_like(heap_time)))
                heap_voxel = np.concatenate((heap_voxel, np.empty_like(heap_voxel)))
            flat_time[n] = 0
            heap_time[count], heap_voxel[count] = 0, n
            count += 1
    strides, sizes = (nj * ni, ni, 1), (nk, nj, ni)
    while count > 0:
        now, here = heap_time[0], heap_voxel[0]
        count = pop(heap_time, heap_voxel, count)
        if done[here]:
            continue
        done[here] = True
        place = (here // strides[0], here % strides[0] // ni, here % ni)
        for axis in range(3):
            for sense in (-1, 1):
                if not 0 <= place[axis] + sense < sizes[axis]:
                    continue
                there = here + sense * strides[axis]
                if done[there] or not flat_domain[there]:
                    continue
                then = now + step[axis] * 0.5 * (flat_cost[here] + flat_cost[there])
                if then < flat_time[there]:
                    flat_time[there] = then
                    if count == len(heap_time):
                        heap_time = np.concatenate((heap_time, np.empty_like(heap_time)))
                        heap_voxel = np.concatenate((heap_voxel, np.empty_like(heap_voxel)))
                    count = push(heap_time, heap_voxel, count, np.float32(then), there)
    return time
