"""Fronts that compete for voxels: a shortest-path region growing with one model of values for every stroke."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.segment.engine import Monitor
from organtwin.segment.strokes import BACKGROUND, Drawn

Floats = NDArray[np.float32]
CHUNK = 300_000  # voxels between two looks at the monitor
SMOOTHING_MM = 2.0  # half width of the window that noise is averaged over


@dataclass(frozen=True)
class Statistics:
    """``centre`` and ``width`` of the values under every stroke; ``noise`` of a single voxel."""

    centre: Floats
    width: Floats
    noise: float


def window(spacing_mm: NDArray[np.float64]) -> NDArray[np.int64]:
    """Half size (k, j, i) of the smoothing window in voxels."""
    return np.floor(SMOOTHING_MM / spacing_mm[::-1] + 0.5).astype(np.int64)


def learn(values: Floats, drawn: Drawn, spacing_mm: NDArray[np.float64]) -> Statistics:
    """Values under the strokes: medians, and widths from the median absolute deviation."""
    raw = [values[tuple(v.T)] for v in drawn.voxels]
    spread = [float(1.4826 * np.median(np.abs(r - np.median(r)))) for r in raw if len(r) >= 8]
    span = float(np.subtract(*np.percentile(values[::4, ::4, ::4], [99, 1]))) or 1.0
    noise = max(float(np.median(spread)) if spread else 0.02 * span, 1e-3 * span)
    half = window(spacing_mm)
    centre, width = [], []
    for voxels in drawn.voxels:
        calm = _smoothed_at(values, voxels, half, spacing_mm, 3 * noise)
        middle = float(np.median(calm))
        own = float(1.4826 * np.median(np.abs(calm - middle)))
        centre.append(middle)
        width.append(np.hypot(min(own, 3 * noise), 0.5 * noise))
    return Statistics(np.array(centre, np.float32), np.array(width, np.float32), noise)


def run(
    values: Floats, drawn: Drawn, statistics: Statistics, spacing_mm: NDArray[np.float64], tolerance: float, monitor: Monitor, span: tuple[float, float]
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
    half = window(spacing_mm)
    done = 0
    while count:
        need = count + 6 * CHUNK + 16
        if len(heap_time) < need:
            heap_time, heap_voxel = np.resize(heap_time, 2 * need), np.resize(heap_voxel, 2 * need)
        count, fresh = _advance(
            values, smooth, time, owner, fixed, heap_time, heap_voxel, count, CHUNK,
            statistics.centre, statistics.width, drawn.owner, background, tolerance, 3 * statistics.noise, spacing_mm[::-1].copy(), half,
        )  # fmt: skip
        done += fresh
        fraction = 1 - np.exp(-done / 1.5e6)  # the end is not known before it is there
        monitor.progress(span[0] + (span[1] - span[0]) * float(fraction), f"growing, {done / 1e6:.1f} million voxels")
    owner[~fixed] = -1
    return owner.reshape(values.shape)


@numba.njit(cache=True)
def _bilateral(values, k, j, i, half, spacing, width):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mean of the neighbours that are near in place and in value (Tomasi and Manduchi)."""
    middle = values[k, j, i]
    total, weight = 0.0, 0.0
    for dk in range(-half[0], half[0] + 1):
        if not 0 <= k + dk < values.shape[0]:
            continue
        for dj in range(-half[1], half[1] + 1):
            if not 0 <= j + dj < values.shape[1]:
                continue
            for di in range(-half[2], half[2] + 1):
                if not 0 <= i + di < values.shape[2]:
                    continue
                other = values[k + dk, j + dj, i + di]
                off = (other - middle) / width
                if off > 2.5 or off < -2.5:
                    continue
                far = (dk * spacing[0]) ** 2 + (dj * spacing[1]) ** 2 + (di * spacing[2]) ** 2
                w = np.exp(-0.5 * (off * off + far / 1.7))
                total += w * other
                weight += w
    return total / weight


@numba.njit(cache=True)
def _smoothed_many(values, voxels, half, spacing, width):  # type: ignore[no-untyped-def]  # pragma: no cover
    out = np.empty(len(voxels), np.float32)
    for n in range(len(voxels)):
        out[n] = _bilateral(values, voxels[n, 0], voxels[n, 1], voxels[n, 2], half, spacing, width)
    return out


def _smoothed_at(values: Floats, voxels: NDArray[np.int64], half: NDArray[np.int64], spacing_mm: NDArray[np.float64], width: float) -> Floats:
    return np.asarray(_smoothed_many(values, voxels, half, spacing_mm[::-1].copy(), width))


@numba.njit(cache=True)
def _push(times, voxels, count, time, voxel):  # type: ignore[no-untyped-def]  # pragma: no cover
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
def _pop(times, voxels, count):  # type: ignore[no-untyped-def]  # pragma: no cover
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
    centre, width, label_of_stroke, background, tolerance, soft, spacing, half,
):  # fmt: skip
    """Fix up to ``budget`` voxels in the order of arrival; (heap size, how many were fixed)."""
    nk, nj, ni = values.shape
    strides = (nj * ni, ni, 1)
    sizes = (nk, nj, ni)
    fresh = 0
    while count > 0 and fresh < budget:
        now, here = heap_time[0], heap_voxel[0]
        count = _pop(heap_time, heap_voxel, count)
        if fixed[here]:
            continue
        fixed[here] = True
        fresh += 1
        label = owner[here]
        k, rest = here // strides[0], here % strides[0]
        j, i = rest // ni, rest % ni
        if np.isnan(smooth[here]):
            smooth[here] = _bilateral(values, k, j, i, half, spacing, soft)
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
                    smooth[there] = _bilateral(values, tk, trest // ni, trest % ni, half, spacing, soft)
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
                    count = _push(heap_time, heap_voxel, count, arrival, there)
    return count, fresh
