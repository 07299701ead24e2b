"""From one click along a vessel and its branches, as far as they are bright and within reach."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment import regions
from organtwin.segment.vessel.look import Look, Mask

RIM_MM = 5.0  # from bone, where a bright sheet is its rim
BONE_ML = 0.15  # a part this large that is brighter than blood is bone; smaller ones are calcium


def tree(look: Look, widest_mm: float, reach_mm: float, monitor: Monitor) -> tuple[Mask, float, str]:
    """The mask in the box, how sure it is, and why not surer.

    Voxels brighter than half-way between tissue and blood, joined to the click within ``reach_mm`` along the vessel, that are
    neither bone nor part of something wider than ``widest_mm``.

    Raises
    ------
    BadInput
        When nothing is joined to the click.
    """
    from skimage.graph import MCP_Geometric

    spacing = look.grid.spacing_mm
    doubts = []
    blood = float(look.blood[0])
    bright = look.values > 0.5 * (blood + look.tissue)
    hard, bone = _bone(look)
    monitor.progress(0.3, "bone and calcium")
    free = bright & ~hard
    if bone.any():  # the softened rim of bone is a thin bright sheet along it
        thick = regions.opened(free, 1.5 * float(spacing.max()), spacing)
        free &= thick | ~regions.grown(bone, RIM_MM, spacing)
    depth = regions.distance_mm(~free, spacing)
    monitor.progress(0.45, "what is too wide for a vessel")
    cores = depth > 0.5 * widest_mm
    if cores.any():
        wide = regions.grown(cores, 0.5 * widest_mm, spacing) & free
        free &= ~wide
        doubts.append(f"something wider than {widest_mm:g} mm touches it and was left out")
    start = np.clip(np.rint(look.grid.to_index(look.clicks_mm[0])).astype(int), 0, np.asarray(look.grid.size) - 1)[::-1]
    if not free[tuple(start)]:
        near = np.argwhere(free)
        if len(near) == 0:
            raise BadInput("Nothing at the click is a vessel", remedy="Click into the vessel, or allow a wider one.")
        away = np.linalg.norm((near - start) * spacing[::-1], axis=1)
        if away.min() > 4.0:
            raise BadInput("Nothing at the click is a vessel", remedy="Click into the vessel, or allow a wider one.")
        start = near[int(away.argmin())]
    labels, _ = ndimage.label(free, np.ones((3, 3, 3)))
    own = labels == labels[tuple(start)]
    monitor.progress(0.6, "following the vessel")
    search = MCP_Geometric(np.where(own, 1.0, -1.0), sampling=tuple(spacing[::-1]))
    far = search.find_costs([tuple(int(s) for s in start)])[0]
    mask = own & (far <= reach_mm)
    monitor.progress(0.85, "closing gaps")
    mask = ndimage.binary_closing(np.pad(mask, 2), ndimage.generate_binary_structure(3, 1))[2:-2, 2:-2, 2:-2] & ~hard
    mask |= own & (far <= reach_mm)
    if (own & ~mask).any():
        doubts.append(f"it goes on beyond the reach of {reach_mm:g} mm")
    touches = ndimage.binary_dilation(mask, iterations=1) & hard
    beside = float(touches.sum()) / max(float((ndimage.binary_dilation(mask) & ~mask).sum()), 1.0)
    if beside > 0.05:
        doubts.append(f"bone or calcium lies against {100 * beside:.0f} % of its wall")
    noisy = min(1.0, 0.25 * look.contrast / look.noise)
    confidence = float(np.clip(0.9 * noisy * (1 - 2 * min(beside, 0.4)) * (0.85 if cores.any() else 1.0), 0.05, 0.95))
    return np.asarray(mask), round(confidence, 2), "; ".join(doubts)


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
        bone = regions.grown(bone, 2.0, look.grid.spacing_mm)  # the marrow and the softened edge of bone are as bright as blood
    return np.asarray(hard | bone), np.asarray(bone)
