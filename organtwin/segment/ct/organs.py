"""Liver, spleen and kidneys: cores, competition, shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.ct.competition import walk
from organtwin.segment.ct.cores import (
    UNENHANCED_HU,
    Core,
    kidney_core,
    liver_core,
    spleen_core,
    unenhanced_kidney_core,
)
from organtwin.segment.ct.enclosure import enclosure
from organtwin.segment.ct.resample import resample
from organtwin.segment.ct.shape import bounding_box, largest_piece, squared_distance_mm2
from organtwin.segment.ct.tissue import Mode, behind_spine, beside_spine, muscle_mode, soft_tissue

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]
FloatVolume = NDArray[np.float32]

KEYS = ("liver", "spleen", "kidney_right", "kidney_left")
REACH_MM = {"liver": 90.0, "spleen": 25.0, "kidney_right": 15.0, "kidney_left": 15.0}
THICK_MM = {"liver": 8.0, "spleen": 6.0, "kidney_right": 8.0, "kidney_left": 8.0}
HOLLOW_MM = {"kidney_right": 8.0, "kidney_left": 8.0}  # the sinus is closed before the shape is judged
BULGE = 1.25
LOCAL_MM = 18.0  # over that length the brightness of an organ may drift (beam hardening, perfusion)
EDGE_HU, DATA_WEIGHT = 12.0, 0.05  # a step between neighbours that is an edge; brightness against one such link
LEAST_SPREAD_HU = 10.0
REST_WORTH = 0.5
SKULL_HU, SKULL_SHARE = 250.0, 0.6
TUMOUR_MM = 30.0  # a tumour reaches no further out of the liver known so far
POCKET, POCKET_HU = (0.6, 0.75, 0.4), 12.0  # share of the view: at the rim, within, by liver itself
POCKET_MM, RIM_MM = 4.0, 6.0  # thinner ones are grooves and vessels; so far the rim is from within
HEART_WORTH = 0.5  # the heart lies on the liver as the right lung does, but on other things too
CONTRAST_HU = 100.0
NUCLEUS_MM, NUCLEUS_HU = 9.0, -150.0
ROUNDS = 3


def find_cores(context: CTContext, taken: Mask) -> dict[str, Core]:
    """The cores that can be found, of each organ that is there."""
    cores: dict[str, Core] = {}
    muscle = muscle_mode(context)
    liver = liver_core(context, taken)
    if liver and _in_skull(context, liver.mask, taken):
        return {}
    if liver:
        cores["liver"] = liver
    held = taken | liver.mask if liver else taken
    soft = max([muscle.centre_hu + 3 * muscle.spread_hu] + [core.mode.centre_hu + 25 for core in cores.values()])
    kidneys = {key: kidney_core(context, held, key == "kidney_right", soft) for key in ("kidney_right", "kidney_left")}
    brightest = max((core.mode.centre_hu for core in kidneys.values() if core), default=0.0)
    for key, core in kidneys.items():  # both take up contrast alike; a much duller body is bowel or pancreas
        if core and core.mode.centre_hu > brightest - 35:
            cores[key] = core
    # in the arterial phase the liver is dark too, but not the vessels
    vessels_shine = bool(taken.any()) and float(np.median(context.hu[taken])) > CONTRAST_HU
    enhanced = vessels_shine or liver is None or liver.mode.centre_hu > UNENHANCED_HU
    if not enhanced:
        for key in kidneys:
            core = cores.get(key) or unenhanced_kidney_core(context, held, key == "kidney_right")
            if core:
                cores[key] = core
    for core in cores.values():
        held = held | core.mask
    spleen = spleen_core(context, held, liver.mask if liver else None, enhanced)
    if spleen:
        cores["spleen"] = spleen
    return cores


def _in_skull(context: CTContext, core: Mask, taken: Mask) -> bool:
    """Whether bone lies all around: then it is a brain, and there are no abdominal organs."""
    worth = np.where(context.trunk, 0, -1).astype(np.float32)
    worth[(context.hu > SKULL_HU) & context.trunk & ~taken] = 1
    for side in (worth[:, 0], worth[:, -1], worth[:, :, 0], worth[:, :, -1]):
        side[side == 0] = -1  # what lies beyond the picture is no skull
    share = enclosure(worth, int(120 / context.spacing_mm[0]))
    return float(share[core].mean()) > SKULL_SHARE


def compete(
    context: CTContext,
    cores: dict[str, Core],
    taken: Mask,
    heart: Mask,
    report: Callable[[float], None] = lambda done: None,
) -> dict[str, tuple[Mask, float]]:
    """Organs on the working grid, from competition with each other and with all other tissue.

    ``taken`` is what is known already; the ``heart`` is part of it.

    Gives each organ's mask, and its steadiness: the volume that a strict decision finds over that of a generous one.

    Each round knows better how bright an organ is in each place, and what it encloses.
    """
    values = context.smooth
    depth = context.depth_in_cage
    muscle = muscle_mode(context)
    tissue = soft_tissue(context)
    for core in cores.values():
        tissue |= core.mask
    inside = (1 / (1 + np.exp(-np.clip((depth + 2.0) / 1.2, -8, 8)))).astype(np.float32)
    wall = (depth < -6) | ((behind_spine(context) > 25) & (np.abs(beside_spine(context)) < 30))
    others = (0.5 * muscle.likelihood(values) + 0.5 / 300).astype(np.float32)
    place = {key: inside * _nearness(context, core.mask, REACH_MM[key]) for key, core in cores.items()}
    if "liver" in place:  # behind and left of it lie the great vessels, the crura and the pancreas
        behind, beside = behind_spine(context), beside_spine(context)
        place["liver"] *= np.where((behind > -75) & (beside > -30), np.float32(0.1), np.float32(1))
    centre: dict[str, FloatVolume] = {key: np.full(1, core.mode.centre_hu, np.float32) for key, core in cores.items()}
    masks: dict[str, Mask] = {}
    steadiness: dict[str, float] = {}
    for round_ in range(ROUNDS):
        likelihoods: list[FloatVolume] = []
        seeds: list[Mask] = []
        for key, core in cores.items():
            spread = max(core.mode.spread_hu, LEAST_SPREAD_HU)
            z = (values - centre[key]) / spread
            likelihood = np.exp(-0.5 * z * z) / (2.5066 * spread)
            likelihoods.append((likelihood * place[key]).astype(np.float32))
            seeds.append(core.mask)
        likelihoods.append(others)
        seeds.append((taken | wall) & tissue)
        fields = walk(values, tissue, likelihoods, seeds, EDGE_HU, DATA_WEIGHT, partial(report, round_ / ROUNDS))
        held = taken.copy()
        for key, field in zip(cores, fields, strict=False):
            if key != "liver":
                held |= field > 0.5
        for key, field in zip(cores, fields, strict=False):
            won = field > 0.5
            if key == "liver" and round_ + 1 == ROUNDS:
                won |= _pockets(context, won, cores[key].mask, held, heart)
            if key in HOLLOW_MM:
                won = context.close(won, HOLLOW_MM[key]) & ~taken
            masks[key] = _shaped(context, won, cores[key].mask, THICK_MM[key])
            near = context.grow(masks[key], 6.0)
            strict, generous = np.count_nonzero(near & (field > 0.7)), np.count_nonzero(near & (field > 0.3))
            steadiness[key] = float(strict) / max(float(generous), 1.0)
            if round_ + 1 < ROUNDS:
                centre[key] = _local_centre(values, masks[key] & (field > 0.5), cores[key].mode, context)
    return {key: (mask, steadiness[key]) for key, mask in masks.items() if mask.any()}


def _nearness(context: CTContext, core: Mask, reach_mm: float) -> FloatVolume:
    """1 at the core, falling with distance; 0.01 far away."""
    squared = squared_distance_mm2(~core, context.spacing_mm)
    return np.asarray(np.maximum(np.exp(-0.5 * squared / reach_mm**2), 0.01), dtype=np.float32)


def _local_centre(values: FloatVolume, mask: Mask, mode: Mode, context: CTContext) -> FloatVolume:
    """Brightness of the organ as it drifts from place to place, never further than two spreads from its mode."""
    coarse = np.maximum(np.round(np.asarray(mask.shape) * context.spacing_mm / (LOCAL_MM / 3)), 1).astype(int)
    sure = ndimage.binary_erosion(mask) & (np.abs(values - mode.centre_hu) < 40)
    weight = ndimage.gaussian_filter(resample(sure, tuple(coarse)), 3.0, truncate=3)
    total = ndimage.gaussian_filter(resample(values * sure, tuple(coarse)), 3.0, truncate=3)
    # far from the organ its mode counts again
    return resample((total + 0.02 * mode.centre_hu) / (weight + 0.02), mask.shape)


def _pockets(context: CTContext, won: Mask, core: Mask, others: Mask, heart: Mask) -> Mask:
    """Tumours and vessels in the liver: tissue of any brightness with liver, or liver and what lies upon it, around it.

    Judged piece by piece, and only by what is thick and well enclosed, so that the groove between two organs and what lies
    in the hilum, open along its length, is not filled.
    """
    won = context.open(won, 3.0)
    liver = _with_core(won, core)
    near = squared_distance_mm2(~liver, context.spacing_mm) < TUMOUR_MM**2
    worth = np.zeros(context.smooth.shape, np.float32)
    worth[~context.trunk | others | context.bone | context.lungs[1]] = -1
    worth[context.depth_in_cage < 1] = 0.3
    worth[context.lungs[0]] = -1
    worth[won & near] = REST_WORTH  # what looks like liver beyond a tumour may be its rim, or another organ
    worth[liver] = 1
    reach = int(50 / context.spacing_mm[0])
    of_liver = enclosure(worth, reach)
    worth[context.lungs[0]] = 1
    worth[heart] = HEART_WORTH
    share = enclosure(worth, reach)
    open_to = (share > POCKET[0]) & (worth == 0) & (context.smooth > POCKET_HU) & (context.depth_in_cage > 4)
    open_to &= near & ~won
    labels, count = ndimage.label(context.open(open_to & (share > POCKET[1]), POCKET_MM))
    if not count:
        return np.zeros_like(liver)
    counts = np.bincount(labels.ravel(), minlength=count + 1)
    mean_of_liver = np.bincount(labels.ravel(), of_liver.ravel(), minlength=count + 1) / np.maximum(counts, 1)
    deep = mean_of_liver > POCKET[2]
    deep[0] = False
    pockets = context.grow(deep[labels], RIM_MM) & open_to
    # the dead heart of a tumour may be as dark as fat
    hollow = context.close(pockets, NUCLEUS_MM) & (context.smooth > NUCLEUS_HU) & (share > POCKET[1])
    return np.asarray(pockets | (hollow & (worth == 0)))


def _shaped(context: CTContext, mask: Mask, core: Mask, thick_mm: float) -> Mask:
    """:func:`_joined` in the box that matters."""
    margin = int(np.ceil(3 * thick_mm / context.spacing_mm.min()))
    box = bounding_box(mask | core, (margin, margin, margin))
    result = np.zeros_like(mask)
    result[box] = _joined(context, mask[box], core[box], thick_mm)
    return result


def _joined(context: CTContext, mask: Mask, core: Mask, thick_mm: float) -> Mask:
    """The piece with the core, without what bulges behind a neck; holes filled.

    What holds a ball of ``thick_mm`` and the core is the organ. A thinner part beside it is a tip of the organ where it
    tapers, and another organ where it grows wider away from the joint.
    """
    thick = _with_core(context.open(mask, thick_mm), core)
    body = context.grow(thick | core, 4.0) & mask
    rest = context.open(mask, 2.5) & ~body
    labels, count = ndimage.label(rest)
    if count:
        radius = np.sqrt(squared_distance_mm2(mask, context.spacing_mm))
        at_joint, widest = np.zeros(count + 1, np.float32), np.zeros(count + 1, np.float32)
        np.maximum.at(widest, labels[rest], radius[rest])
        joint = context.grow(body, 5.0) & rest
        np.maximum.at(at_joint, labels[joint], radius[joint])
        tips = (at_joint > 0) & (widest <= BULGE * at_joint + 1.0)
        tips[0] = False
        body |= tips[labels]
    body = context.grow(body, 2.0) & mask
    return np.asarray(ndimage.binary_fill_holes(largest_piece(body)))


def _with_core(mask: Mask, core: Mask) -> Mask:
    """The piece that holds most of the core."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    shares = np.bincount(labels[core], minlength=count + 1)
    shares[0] = 0
    return np.asarray(labels == int(shares.argmax())) if shares.any() else largest_piece(mask)
