"""Fronts that compete for voxels: a shortest-path region growing with one model of values for every stroke."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor
from organtwin.segment.strokes import BACKGROUND, Drawn

Floats = NDArray[np.float32]
CHUNK = 300_000  # voxels between two looks at the monitor
NARROWEST, WIDEST = 0.3, 0.6  # bounds of the width of calm values under a stroke, in units of the noise of one voxel
RANGE = 6.0  # neighbours farther off in value than this times the noise do not count
SMOOTHING_MM = 2.0  # half width of the window that noise is averaged over


@dataclass(frozen=True)
class Statistics:
    """``centre`` and ``width`` of the values under every stroke; ``noise`` of a single voxel."""

    centre: Floats
    width: Floats
    noise: float


def window(spacing_mm: NDArray[np.float64]) -> Floats:
    """Weights (k, j, i) by distance of the neighbours that noise is averaged over."""
    half = np.floor(SMOOTHING_MM / spacing_mm[::-1] + 0.5).astype(int)
    off = [np.arange(-h, h + 1) * s for h, s in zip(half, spacing_mm[::-1], strict=True)]
    squared = off[0][:, None, None] ** 2 + off[1][None, :, None] ** 2 + off[2][None, None, :] ** 2
    return np.exp(-0.5 * squared / (0.65 * SMOOTHING_MM) ** 2).astype(np.float32)


def learn(values: Floats, drawn: Drawn, spacing_mm: NDArray[np.float64]) -> Statistics:
    """Values under the strokes. A vessel or an edge under a stroke does not count: see :func:`_shortest_half`."""
    spread = [_shortest_half(values[tuple(v.T)])[1] for v in drawn.voxels if len(v) >= 8]
    span = float(np.subtract(*np.percentile(values[::4, ::4, ::4], [99, 1]))) or 1.0
    noise = max(float(np.median(spread)) if spread else 0.02 * span, 2e-3 * span)
    weights = window(spacing_mm)
    centre, width = [], []
    for voxels in drawn.voxels:
        middle, own = _shortest_half(_calm_at(values, voxels, weights, np.float32(RANGE * noise)))
        centre.append(middle)
        width.append(np.hypot(min(own, WIDEST * noise), NARROWEST * noise))
    return Statistics(np.array(centre, np.float32), np.array(width, np.float32), noise)


def _shortest_half(values: Floats) -> tuple[float, float]:
    """Middle of the shortest interval that holds half of the values, and the standard deviation of a normal law as narrow.

    It follows the tissue that most of the stroke lies in (Rousseeuw and Leroy's shorth).
    """
    ordered = np.sort(values)
    half = len(ordered) // 2
    if half < 2:
        return float(np.median(ordered)), 0.0
    lengths = ordered[half:] - ordered[: len(ordered) - half]
    first = int(np.argmin(lengths))
    return float(np.median(ordered[first : first + half + 1])), float(lengths[first]) / 1.349


def run(
    values: Floats,
    drawn: Drawn,
    statistics: Statistics,
    spacing_mm: NDArray[np.float64],
    tolerance: float,
    monitor: Monitor,
) -> NDArray[np.int16]:
    """For every voxel the index of the key that owns it, or -1."""
    size = values.size
    smooth = np.full(size, np.nan, np.float32)
    time = np.full(size, np.inf, np.float32)
    owner = np.full(size, -1, np.int16)
    fixed = np.zeros(size, np.bool_)
    heap_time, heap_voxel = np.empty(1 << 16, np.float32), np.empty(1 << 16, np.int64)
    count = 0
    flat = [np.ravel_multi_index(tuple(v.T), values.shape) for v in drawn.voxels]
    for stroke in sorted(range(len(flat)), key=lambda s: -len(flat[s])):  # small strokes over large ones
        time[flat[stroke]] = 0
        owner[flat[stroke]] = drawn.owner[stroke]
    seeds = np.unique(np.concatenate(flat))
    if len(heap_time) < len(seeds) * 2:
        heap_time, heap_voxel = np.empty(len(seeds) * 2, np.float32), np.empty(len(seeds) * 2, np.int64)
    heap_time[: len(seeds)], heap_voxel[: len(seeds)] = 0, seeds
    count = len(seeds)
    background = drawn.keys.index(BACKGROUND) if BACKGROUND in drawn.keys else -1
    weights = window(spacing_mm)
    done = 0
    while count:
        need = count + 6 * CHUNK + 16
        if len(heap_time) < need:
            heap_time, heap_voxel = np.resize(heap_time, 2 * need), np.resize(heap_voxel, 2 * need)
        count, fresh = _advance(
            values, smooth, time, owner, fixed, heap_time, heap_voxel, count, CHUNK,
            statistics.centre, statistics.width, drawn.owner, background, tolerance, np.float32(RANGE * statistics.noise), spacing_mm[::-1].copy(), weights,
        )  # fmt: skip
        done += fresh
        fraction = 1 - np.exp(-done / 1.5e6)  # the end is not known before it is there
        monitor.progress(float(fraction), f"growing, {done / 1e6:.1f} million voxels")
    owner[~fixed] = -1
    return owner.reshape(values.shape)


@numba.njit(cache=True)
def _calm(values, k, j, i, weights, width):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mean of the neighbours that are near in place and in value (Tomasi and Manduchi; Tukey's weight for the value)."""
    middle = values[k, j, i]
    hk, hj, hi = weights.shape[0] // 2, weights.shape[1] // 2, weights.shape[2] // 2
    total, weight = np.float32(0.0), np.float32(0.0)
    limit = np.float32(1.0) / (width * width)
    for kk in range(max(0, k - hk), min(values.shape[0], k + hk + 1)):
        for jj in range(max(0, j - hj), min(values.shape[1], j + hj + 1)):
            for ii in range(max(0, i - hi), min(values.shape[2], i + hi + 1)):
                other = values[kk, jj, ii]
                off = np.float32(1.0) - (other - middle) * (other - middle) * limit
                if off > 0:
                    w = off * off * weights[kk - k + hk, jj - j + hj, ii - i + hi]
                    total += w * other
                    weight += w
    return total / weight


@numba.njit(cache=True)
def _calm_at(values, voxels, weights, width):  # type: ignore[no-untyped-def]  # pragma: no cover
    out = np.empty(len(voxels), np.float32)
    for n in range(len(voxels)):
        out[n] = _calm(values, voxels[n, 0], voxels[n, 1], voxels[n, 2], weights, width)
    return out


@numba.njit(cache=True)
def push(times, voxels, count, time, voxel):  # type: ignore[no-untyped-def]  # pragma: no cover
    place = count
    while place > 0:
        above = (place - 1) >> 1
        if times[above] <= time:
            break
        times[place], voxels[place] = times[above], voxels[above]
        place = above
    times[place], voxels[place] = time, voxel
    return count + 1


@numba.njit(cache=True)
def pop(times, voxels, count):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Take the first out; the caller has read it."""
    count -= 1
    time, voxel = times[count], voxels[count]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and times[below + 1] < times[below]:
            below += 1
        if times[below] >= time:
            break
        times[place], voxels[place] = times[below], voxels[below]
        place = below
    times[place], voxels[place] = time, voxel
    return count


@numba.njit(cache=True)
def _advance(  # type: ignore[no-untyped-def]  # pragma: no cover
    values, smooth, time, owner, fixed, heap_time, heap_voxel, count, budget,
    centre, width, label_of_stroke, background, tolerance, soft, spacing, weights,
):  # fmt: skip
    """Fix up to ``budget`` voxels in the order of arrival; (heap size, how many were fixed)."""
    nk, nj, ni = values.shape
    strides = (nj * ni, ni, 1)
    sizes = (nk, nj, ni)
    fresh = 0
    while count > 0 and fresh < budget:
        now, here = heap_time[0], heap_voxel[0]
        count = pop(heap_time, heap_voxel, count)
        if fixed[here]:
            continue
        fixed[here] = True
        fresh += 1
        label = owner[here]
        k, rest = here // strides[0], here % strides[0]
        j, i = rest // ni, rest % ni
        if np.isnan(smooth[here]):
            smooth[here] = _calm(values, k, j, i, weights, soft)
        value = smooth[here]
        place = (k, j, i)
        for axis in range(3):
            for sense in (-1, 1):
                if not 0 <= place[axis] + sense < sizes[axis]:
                    continue
                there = here + sense * strides[axis]
                if fixed[there]:
                    continue
                if np.isnan(smooth[there]):
                    tk, trest = there // strides[0], there % strides[0]
                    smooth[there] = _calm(values, tk, trest // ni, trest % ni, weights, soft)
                other = smooth[there]
                nearest, scale, at_home = 1e30, 1.0, 1e30
                for s in range(len(centre)):
                    z = abs(other - centre[s]) / width[s]
                    if label_of_stroke[s] == label and z < nearest:
                        nearest, scale = z, width[s]
                    if label_of_stroke[s] != background and z < at_home:
                        at_home = z
                if at_home > tolerance:  # nobody's: the background need not flood the rest of the scan
                    continue
                if label == background:
                    nearest = min(nearest, 4.0)
                elif nearest > tolerance:
                    continue
                edge = min(abs(other - value) / scale, 6.0)
                arrival = now + spacing[axis] * (1.0 + nearest * nearest + edge * edge)
                if arrival < time[there]:
                    time[there] = arrival
                    owner[there] = label
                    count = push(heap_time, heap_voxel, count, arrival, there)
    return count, fresh
