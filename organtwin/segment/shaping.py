"""From who owns which voxel to organs: leaks cut, the surface on the edge of the image, cavities filled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.model import Volume
from organtwin.monitor import Monitor
from organtwin.segment import regions
from organtwin.segment.engine import Found
from organtwin.segment.regions import Box, Mask
from organtwin.segment.strokes import Drawn

EDGE_SCALE_MM = 3.0  # the two sides of a surface are looked at over this distance
ROUGHNESS_MM = 1.2  # noise on the surface is evened over this distance
FAT_HU = -110.0
LARGEST_NECK_MM = 8.0
NECK_PER_THICKNESS = 0.35


def shape(
    values: NDArray[np.float32], drawn: Drawn, owner: NDArray[np.int16], spacing_mm: NDArray[np.float64],
    neck_mm: float | None, fill_ml: float, floor: float | None, monitor: Monitor, span: tuple[float, float],
) -> dict[str, Mask]:  # fmt: skip
    """The mask of every structure. ``owner`` holds indices into ``drawn.keys``, or -1; ``floor`` as in :func:`soft_floor`."""
    cores: dict[str, Mask] = {}
    for n, key in enumerate(drawn.structures):
        monitor.progress(span[0] + (span[1] - span[0]) * n / len(drawn.structures), f"shaping {key}")
        seeds = np.zeros(values.shape, bool)
        seeds[tuple(drawn.of(key).T)] = True
        cores[key] = without_leaks((owner == drawn.keys.index(key)) | seeds, seeds, spacing_mm, neck_mm)
    taken = np.zeros(values.shape, np.int16)  # 0 free, n + 1 owned by structure n, -1 said to be outside
    for n, key in enumerate(drawn.structures):
        taken[cores[key]] = n + 1
    if len(drawn.keys) > len(drawn.structures):
        taken[tuple(drawn.of(drawn.keys[-1]).T)] = -1
    masks: dict[str, Mask] = {}
    for n, key in enumerate(drawn.structures):
        free = (taken == 0) | (taken == n + 1)
        mask = on_the_edge(_above(values, floor, cores[key]), cores[key], free, spacing_mm)
        radius = neck(cores[key], drawn.of(key), spacing_mm, neck_mm) / 2
        masks[key] = mask = without_cavities(mask, free, radius, fill_ml * 1000, spacing_mm)
        taken[mask] = n + 1
    return masks


def soft_floor(volume: Volume) -> float | None:
    """In CT, darker than fat counts as fat where the edge of an organ is sought.

    An organ never touches the air of a lung or of the bowel: half way to air would take in its capsule, its wall or the diaphragm.
    """
    return FAT_HU if volume.modality == "CT" else None


def _above(values: NDArray[np.float32], floor: float | None, mask: Mask) -> NDArray[np.float32]:
    if floor is None or not mask.any() or float(np.median(values[mask])) < floor:
        return values
    return np.maximum(values, np.float32(floor))


def without_cavities(
    mask: Mask, free: Mask, radius_mm: float, up_to_mm3: float, spacing_mm: NDArray[np.float64]
) -> Mask:
    """Clefts of ``radius_mm`` closed, and cavities filled also where a vessel twice as wide leads out of them."""
    voxel_mm3 = float(np.prod(spacing_mm))
    whole = regions.closed(mask, radius_mm, spacing_mm)
    plugged = regions.closed(mask, 2 * radius_mm, spacing_mm)
    cavities = regions.filled(plugged, up_to_mm3, voxel_mm3) & ~plugged
    if cavities.any():
        whole = whole | (
            regions.grown(cavities, 2 * radius_mm + float(spacing_mm.max()), spacing_mm) & (plugged | cavities)
        )
    return regions.filled(whole & free, up_to_mm3, voxel_mm3) & free


def neck(mask: Mask, seeds: NDArray[np.int64], spacing_mm: NDArray[np.float64], wanted_mm: float | None) -> float:
    """Width of passages that count as leaks: asked for, or a part of the thickness of the structure where it was clicked."""
    if wanted_mm is not None:
        return wanted_mm
    low, high = seeds.min(0), seeds.max(0) + 1
    margin = np.ceil(3 * LARGEST_NECK_MM / spacing_mm[::-1]).astype(int)
    near = tuple(slice(max(0, int(a - m)), int(b + m)) for a, b, m in zip(low, high, margin, strict=True))
    part = np.pad(mask[near], 1)
    depth = regions.distance_mm(~part, spacing_mm)[1:-1, 1:-1, 1:-1]
    start = np.array([s.start for s in near])
    inside = depth[tuple((seeds - start).T)]
    thickness = 2 * float(np.percentile(inside, 90))
    return min(LARGEST_NECK_MM, NECK_PER_THICKNESS * thickness)


def without_leaks(mask: Mask, seeds: Mask, spacing_mm: NDArray[np.float64], wanted_mm: float | None) -> Mask:
    """Cut thin passages, keep what holds a seed, and give its corners back."""
    box = regions.bounding_box(mask, mask.shape, 2)
    if box is None:
        return mask
    part, inside = mask[box], seeds[box]
    radius = neck(part, np.argwhere(inside), spacing_mm, wanted_mm) / 2
    if radius < 0.6 * float(spacing_mm.min()):
        kept = regions.connected_to(part, inside)
    else:
        cut = regions.shrunk(part, radius, spacing_mm)
        body = regions.connected_to(cut, _nearest_in(cut, inside, part))
        body = regions.grown(body, 2 * radius, spacing_mm) & part
        kept = regions.connected_to(body | inside, inside)
    out = np.zeros_like(mask)
    out[box] = kept
    return out


def _nearest_in(cut: Mask, seeds: Mask, mask: Mask) -> Mask:
    """The seeds, or where all of them are near the surface, the parts of the core of the pieces that hold them."""
    if (cut & seeds).any():
        return cut & seeds
    return cut & regions.connected_to(mask, seeds)


def on_the_edge(values: NDArray[np.float32], mask: Mask, free: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Move the surface by up to two voxels to where a voxel is as near to the value inside as to that outside.

    Inside and outside are local means of what is clear of the surface (Lankton and Tannenbaum's local regions).
    """
    margin = np.ceil(3 * EDGE_SCALE_MM / spacing_mm[::-1]).astype(int)
    box = regions.bounding_box(mask, mask.shape, (int(margin[0]), int(margin[1]), int(margin[2])))
    if box is None:
        return mask
    part, image = mask[box], values[box]
    width = np.maximum(
        1, np.rint(EDGE_SCALE_MM * np.sqrt(6) / spacing_mm[::-1]).astype(int) | 1
    )  # two boxes are near a Gaussian
    reach = 1.5 * float(np.median(spacing_mm))
    deep = regions.shrunk(part, reach, spacing_mm)
    outer = regions.grown(part, reach, spacing_mm)
    inner_mean, inner_weight = _local_mean(image, deep, width)
    outer_mean, outer_weight = _local_mean(image, ~outer, width)
    calm = ndimage.gaussian_filter(image, 0.5 / spacing_mm[::-1])
    like_inside = np.abs(calm - inner_mean) < np.abs(calm - outer_mean)
    band = outer & ~deep & free[box] & (inner_weight > 1e-3) & (outer_weight > 1e-3)
    out = mask.copy()
    moved = np.where(band, like_inside, part)
    moved = np.where(
        band, ndimage.gaussian_filter(moved.astype(np.float32), ROUGHNESS_MM / spacing_mm[::-1]) > 0.5, moved
    )
    out[box] = moved & (part | regions.grown(part, reach, spacing_mm))
    return regions.connected_to(out, mask)


def _local_mean(
    image: NDArray[np.float32], where: Mask, width: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weight, total = where.astype(np.float32), np.where(where, image, 0).astype(np.float32)
    for _ in range(2):
        weight, total = (ndimage.uniform_filter(a, width, mode="nearest") for a in (weight, total))
    return np.asarray(total / np.maximum(weight, np.float32(1e-6)), np.float32), weight


def report(volume: Volume, box: Box, drawn: Drawn, masks: dict[str, Mask]) -> Sequence[Found]:
    """Masks on the whole scan, with a word where they are doubtful."""
    found = []
    voxel_mm3 = volume.grid.voxel_volume_mm3
    for key in drawn.structures:
        mask = np.zeros(volume.grid.shape, bool)
        mask[box] = masks[key]
        if not mask.any():
            found.append(Found(key, None, None, "nothing grew from its strokes"))
            continue
        found.append(Found(key, mask, None, _doubt(mask, masks[key], drawn.of(key), box, voxel_mm3)))
    return tuple(found)


def _doubt(mask: Mask, part: Mask, seeds: NDArray[np.int64], box: Box, voxel_mm3: float) -> str:
    if int(part.sum()) <= 2 * len(seeds):
        return "it hardly grew beyond its strokes: the values under them are mixed"
    for axis in range(3):
        for end, at_edge in ((0, box[axis].start == 0), (-1, box[axis].stop == mask.shape[axis])):
            if not at_edge and np.take(part, end, axis=axis).any():
                return "it runs into the edge of the region that was looked at"
    return ""
