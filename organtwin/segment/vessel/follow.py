"""From one click along a vessel and its branches, as far as they are bright and within reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment import regions
from organtwin.segment.vessel.look import SNAP_MM, Look, Mask
from organtwin.segment.vessel.way import cubic
from organtwin.vessel.lumen import sampled

LEVELS = (0.5, 0.65, 0.8, 0.9)  # of the way from tissue to blood
MOST_VOXELS = 4e6
CALM_MM = 0.5  # of smoothing for each level: the nearer to the blood, the more its noise shows
FRONT_MM = 3.0
FRONTS = 5.0  # times the section of the vessel at the click: all that its tree can have at one distance
RIM_MM = 5.0  # from bone, where a bright sheet is its rim
BONE_ML = 0.15  # a part this large that is brighter than blood is bone; smaller ones are calcium


def tree(look: Look, widest_mm: float, reach_mm: float, monitor: Monitor) -> tuple[Mask, float, str]:
    """The mask in the box, how sure it is, and why not surer.

    Voxels brighter than half-way between tissue and blood, joined to the click within ``reach_mm`` along the vessel, that are
    neither bone nor part of something wider than ``widest_mm``. Where such a front spreads as no vessel does, what is beside
    the vessel is bright itself (an organ after contrast), and only what is nearer to the blood is followed; where nothing
    helps, it stops there.

    Raises
    ------
    BadInput
        When nothing is joined to the click.
    """
    if look.values.size > 1.5 * MOST_VOXELS:
        values, grid = cubic(look, 0.8 * MOST_VOXELS)
        mask, confidence, doubt = tree(replace(look, values=values, grid=grid), widest_mm, reach_mm, monitor)
        fine = sampled(mask.astype(np.float32), grid, _centres(look))
        return fine.reshape(look.values.shape) > 0.5, confidence, doubt
    spacing = look.grid.spacing_mm
    doubts: list[str] = []
    blood = float(look.blood[0])
    hard, bone = _bone(look)
    near_bone = regions.grown(bone, RIM_MM, spacing) if bone.any() else bone
    monitor.progress(0.3, "bone and calcium")
    half = (look.values > 0.5 * (blood + look.tissue)) & ~hard
    best: tuple[float, int, Mask, NDArray[np.float64]] | None = None
    wide = False
    for number, share in enumerate(LEVELS):
        monitor.progress(0.35 + 0.12 * number, "following the vessel")
        calm = look.values if number == 0 else ndimage.gaussian_filter(look.values, CALM_MM * number / spacing[::-1])
        free = (calm > look.tissue + share * (blood - look.tissue)) & ~hard
        if bone.any():  # the softened rim of bone is a thin bright sheet along it
            free &= regions.opened(free, float(spacing.max()), spacing) | ~near_bone
        cores = regions.distance_mm(~free, spacing) > 0.5 * widest_mm
        if cores.any():
            wide = True
            free &= ~regions.grown(cores, 0.5 * widest_mm, spacing)
        far = _distance(look, free, reach_mm + 2 * FRONT_MM)
        if far is None:
            continue
        spread = _spreads_at(look, free, far, np.asarray(far <= reach_mm), widest_mm)
        if best is None or spread > best[0]:
            best = (spread, number, np.asarray(far <= min(spread, reach_mm)), far)
        if spread == np.inf:
            break
    if best is None:
        raise BadInput("Nothing at the click is a vessel", remedy="Click into the vessel, or allow a wider one.")
    spread, number, mask, far = best
    if number:
        doubts.append("what is beside it is bright too, so that its wall is less sure")
    if wide:
        doubts.append(f"something wider than {widest_mm:g} mm touches it and was left out")
    if spread < np.inf:
        doubts.append(f"{spread:.0f} mm from the click it spreads as no vessel does, and was stopped there")
    if (np.isfinite(far) & (far > reach_mm)).any():
        doubts.append(f"it goes on beyond the reach of {reach_mm:g} mm")
    if number:  # back to the wall, which is half-way to the tissue
        mask = mask | (ndimage.binary_dilation(mask, iterations=1) & half)
    closed = ndimage.binary_closing(np.pad(mask, 2), ndimage.generate_binary_structure(3, 1))[2:-2, 2:-2, 2:-2]
    mask = mask | (closed & ~hard)
    rim = ndimage.binary_dilation(mask) & ~mask
    beside = float((rim & hard).sum()) / max(float(rim.sum()), 1.0)
    if beside > 0.05:
        doubts.append(f"bone or calcium lies against {100 * beside:.0f} % of its wall")
    clean = min(1.0, 0.25 * look.contrast / look.noise)
    held = 0.3 if spread < np.inf else 1.0 - 0.15 * number
    confidence = float(np.clip(0.92 * clean * held * (1 - 2 * min(beside, 0.4)), 0.05, 0.95))
    return np.asarray(mask), round(confidence, 2), "; ".join(doubts)


def _centres(look: Look) -> NDArray[np.float64]:
    """(n, 3) centres of all voxels."""
    k, j, i = np.indices(look.values.shape, np.int32).reshape(3, -1)
    return look.grid.to_world(np.stack([i, j, k], axis=1))


def _distance(look: Look, free: Mask, most_mm: float) -> NDArray[np.float64] | None:
    """mm along the free voxels from the click; infinite where they do not join it. None when the click is not among them."""
    from skimage.graph import MCP_Geometric

    start = np.clip(np.rint(look.grid.to_index(look.clicks_mm[0])).astype(int), 0, np.asarray(look.grid.size) - 1)[::-1]
    reach = np.ceil(SNAP_MM / look.grid.spacing_mm[::-1]).astype(int)
    low = np.maximum(start - reach, 0)
    near = np.argwhere(free[tuple(slice(a, b) for a, b in zip(low, start + reach + 1, strict=True))]) + low
    if len(near) == 0:
        return None
    start = near[int(np.linalg.norm((near - start) * look.grid.spacing_mm[::-1], axis=1).argmin())]
    apart = [
        ((np.arange(n) - at) * mm) ** 2 for n, at, mm in zip(free.shape, start, look.grid.spacing_mm[::-1], strict=True)
    ]
    near_enough = apart[0][:, None, None] + apart[1][:, None] + apart[2] <= most_mm**2
    search = MCP_Geometric(np.where(free & near_enough, 1.0, -1.0), sampling=tuple(look.grid.spacing_mm[::-1]))
    return np.asarray(search.find_costs([tuple(int(s) for s in start)])[0])


def _spreads_at(look: Look, free: Mask, far: NDArray[np.float64], mask: Mask, widest_mm: float) -> float:
    """How far from the click the front is as large as no front in a tree of vessels is; infinite where it never is."""
    spacing = look.grid.spacing_mm
    depth = regions.distance_mm(~free, spacing)
    own = float(depth[mask & (far < 0.5 * widest_mm)].max()) if mask.any() else 0.0
    most = FRONTS * np.pi * max(min(own, 0.5 * widest_mm), float(spacing.max())) ** 2
    steps = np.arange(0.0, float(far[mask].max()) + FRONT_MM, FRONT_MM)
    front = np.histogram(far[mask], steps)[0] * look.grid.voxel_volume_mm3 / FRONT_MM
    over = np.flatnonzero(front > most)
    return float(steps[over[0]]) if len(over) else np.inf


def _bone(look: Look) -> tuple[Mask, Mask]:
    """What is brighter than any blood here, with what is right around it where it is large; and what of it is bone."""
    hard = look.values > look.too_bright
    if not hard.any():
        return np.asarray(hard), np.asarray(hard)
    labels, count = ndimage.label(hard)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * look.grid.voxel_volume_mm3 / 1000
    large = sizes > BONE_ML
    large[0] = False
    bone = large[labels]
    if bone.any():
        bone = regions.grown(
            bone, 2.0, look.grid.spacing_mm
        )  # the marrow and the softened edge of bone are as bright as blood
    return np.asarray(hard | bone), np.asarray(bone)
