"""The automatic contrast-CT engine at work: great vessels first, then the organs between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.model import Volume
from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.ct.bone import find_bone
from organtwin.segment.ct.confidence import judge_bone, judge_organ, judge_simple
from organtwin.segment.ct.context import CTContext
from organtwin.segment.ct.contour import localise
from organtwin.segment.ct.engine import ENGINE, CTParameters
from organtwin.segment.ct.organs import KEYS as ORGANS
from organtwin.segment.ct.organs import compete, find_cores
from organtwin.segment.ct.shape import bounding_box, dilate, erode, largest_piece, opened
from organtwin.segment.ct.tissue import muscle_mode
from organtwin.segment.engine import Found

Mask = NDArray[np.bool_]

SIMPLE = ("body", "lung_right", "lung_left")
SMOOTH_MM = {"liver": 2.5, "spleen": 3.0, "kidney_right": 5.0, "kidney_left": 5.0}  # thinner things are vessels
FINAL_MM = 0.8
TRUNK_MM, TIP_MM = 5.0, 12.0
WALL_MM = 2.5  # so far outside the rib cage all is wall
FILLED_HU = -20.0  # vessels and tumours belong to the organ around them, fat in a fold does not
BRIGHTER_HU = {"liver": 30.0, "spleen": 30.0, "kidney_right": np.inf, "kidney_left": np.inf}
FILL_MM = {"kidney_right": 8.0, "kidney_left": 8.0}  # medulla and pelvis
DARKER_HU, LUMP_MM = 20.0, 5.0
ABSENT = "nothing that fits it was seen in this scan"


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: CTParameters, monitor: Monitor
) -> tuple[Found, ...]:
    """Find the wanted structures in a contrast CT.

    Raises
    ------
    BadInput
        When the volume is no CT of a body.
    """
    wanted = tuple(ENGINE.structures if structures is None else dict.fromkeys(structures))
    monitor.progress(0.0, "reading the scan")
    context = CTContext(volume)
    monitor.progress(0.03, "finding the body")
    found: dict[str, Found] = {}

    def keep(key: str, full: Mask, verdict: tuple[float, str]) -> None:
        found[key] = Found(key, context.to_volume(full), *verdict)

    keep("body", context.mask_to_full(context.body), judge_simple(context, "body", context.body))
    monitor.progress(0.06, "finding the lungs")
    for key, lung in zip(("lung_right", "lung_left"), context.lungs, strict=True):
        if lung.any():
            keep(key, context.mask_to_full(lung), judge_simple(context, key, lung))
    if any(key not in SIMPLE for key in wanted):
        found.update((vessel.key, vessel) for vessel in _vessels(context, monitor))
    if any(key in wanted for key in (*ORGANS, "bone")):
        taken = np.zeros(context.full.shape, bool)
        for key in found:
            if key not in (*SIMPLE, "blood_pool"):
                taken |= _on_full(context, found.get(key))
        cava = _on_full(context, found.get("inferior_vena_cava"))
        heart = _on_full(context, found.get("heart"))
        for key, mask, verdict in _organs(context, taken, cava, heart, monitor):
            keep(key, mask, verdict)
            taken |= mask
        if "bone" in wanted:
            monitor.progress(0.92, "finding the bones")
            bone = find_bone(context, taken)
            keep("bone", bone, judge_bone(context, bone))
    monitor.progress(0.97, "weighing what was found")
    return tuple(_sure(key, found.get(key), parameters.least_confidence) for key in wanted)


def _sure(key: str, found: Found | None, least: float) -> Found:
    """What was found, or why it is not to be painted."""
    if found is None or not found.seen:
        return Found(key, None, 0.0, (found.doubt if found else "") or ABSENT)
    if found.confidence is not None and found.confidence < least:
        return Found(key, None, found.confidence, f"what was seen is too unsure: {found.doubt or 'little evidence'}")
    return found


def _on_full(context: CTContext, found: Found | None) -> Mask:
    """Its mask in canonical order, empty where it was not seen."""
    mask = found.mask if found is not None else None
    return np.zeros(context.full.shape, bool) if mask is None else context.source.to_canonical(mask)


def _vessels(context: CTContext, monitor: Monitor) -> Sequence[Found]:
    """Great vessels and heart; masks in the order of the volume."""
    from organtwin.segment.ct.great_vessels import great_vessels

    monitor.progress(0.1, "finding the great vessels")
    return tuple(great_vessels(context, PartMonitor(monitor, 0.1, 0.45)).values())


def _organs(
    context: CTContext, taken: Mask, cava: Mask, heart: Mask, monitor: Monitor
) -> Iterator[tuple[str, Mask, tuple[float, str]]]:
    """Liver, spleen and kidneys on the full canonical grid, each with its verdict."""
    part = PartMonitor(monitor, 0.45, 0.9)
    part.progress(0.0, "smoothing the scan")
    small = context.to_working(taken) > 0.5
    _ = context.smooth  # kept by the context, made here so that a cancel is heard in between
    part.progress(0.03, "finding the rib cage")
    _ = context.depth_in_cage
    part.progress(0.06, "finding where the organs lie")
    cores = find_cores(context, small)
    if not cores:
        return
    wall = context.mask_to_full((context.bone & (context.depth_in_cage < 4)) | (context.depth_in_cage < -WALL_MM))
    small_heart = context.to_working(heart) > 0.5
    contest = compete(
        context,
        cores,
        small,
        small_heart,
        lambda done: part.progress(0.1 + 0.5 * done, "organs compete for tissue"),
    )
    for n, (key, (mask, steadiness)) in enumerate(contest.items()):
        share = 0.6 + 0.4 * n / len(contest)
        part.progress(share, f"drawing the outline of {key.replace('_', ' ')}")
        barred = taken | wall
        for other, (theirs, _) in contest.items():
            if other != key:
                barred |= context.mask_to_full(theirs)
        fine = _outlined(context, key, mask, barred, cava, partial(part.progress, share))
        fine &= context.mask_to_full(_trunk_of(context, context.to_working(fine) > 0.5), 0.0)
        box = bounding_box(fine)
        fine[box] = _slices_filled(fine[box], context.full_hu[box], cava[box], barred[box])
        if fine.any():
            yield key, fine, judge_organ(context, key, context.to_working(fine) > 0.5, steadiness)


def _trunk_of(context: CTContext, mask: Mask) -> Mask:
    """The thick part of an organ and what is near it: strings of voxels lead out of the organ."""
    thick = largest_piece(context.open(mask, TRUNK_MM))
    return context.grow(thick, TIP_MM) if thick.any() else mask


def _slices_filled(mask: Mask, values: NDArray[np.generic], cava: Mask, barred: Mask) -> Mask:
    """With what it encloses in every slice, alone or together with the vena cava; not with fat."""
    result = mask.copy()
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        closed = ndimage.binary_fill_holes(mask[k] | cava[k])
        result[k] |= closed & (values[k] > FILLED_HU) & ~barred[k]
    return result


def _dark_lumps(context: CTContext, mask: Mask) -> Mask:
    """Thick parts of an organ that are darker than the rest: tumours, not the sheets of muscle beside it."""
    usual = float(np.median(context.smooth[mask])) if mask.any() else 0.0
    return context.open(mask & (context.smooth < usual - DARKER_HU), LUMP_MM)


def _outlined(context: CTContext, key: str, mask: Mask, barred: Mask, cava: Mask, tick: Callable[[], None]) -> Mask:
    """A working mask as a smooth outline on the full grid, at the half-way brightness to its neighbours.

    It may not take what is ``barred``; what it encloses together with the vena cava is filled.
    """
    spacing = context.full.spacing_mm[::-1]
    start = context.mask_to_full(mask)
    margin = np.ceil(8.0 / spacing).astype(int)
    box = bounding_box(start, (int(margin[0]), int(margin[1]), int(margin[2])))
    values = context.full_hu[box].astype(np.float32)
    fine = localise(
        values,
        start[box],
        barred[box],
        spacing,
        sure=context.mask_to_full(_dark_lumps(context, mask))[box],
        muscle_hu=muscle_mode(context).centre_hu,
        noise_hu=context.noise_hu,
        brighter_hu=BRIGHTER_HU[key],
        tick=tick,
    )
    fine = opened(fine, SMOOTH_MM[key], spacing)
    tick()
    fill_mm = FILL_MM.get(key, 0.0)
    if fill_mm:
        filled = erode(dilate(fine, fill_mm, spacing), fill_mm, spacing)
        fine |= filled & (values > FILLED_HU) & ~barred[box]
    tick()
    fine = _slices_filled(fine, values, cava[box], barred[box])
    tick()
    soft = ndimage.gaussian_filter(fine.astype(np.float32), FINAL_MM / spacing, truncate=3)
    fine = largest_piece((soft > 0.5) & ~barred[box])
    result = np.zeros(context.full.shape, bool)
    result[box] = fine
    return result
