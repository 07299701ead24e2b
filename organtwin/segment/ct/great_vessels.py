"""The vascular half of the contrast-CT engine: aorta, heart, pulmonary artery and venae cavae."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor
from organtwin.segment.ct.aorta import Aorta, find_aorta, full_spacing
from organtwin.segment.ct.blood_pool import blood_threshold, bright_pool, connected_pool
from organtwin.segment.ct.great_vessels_arch import KEYS as BRANCHES
from organtwin.segment.ct.great_vessels_arch import find_arch_branches
from organtwin.segment.ct.heart import Heart, find_heart, heart_cores, without_fat
from organtwin.segment.ct.lumina import find_lumina
from organtwin.segment.ct.spine import spinal_canal
from organtwin.segment.ct.veins import Vein, find_inferior_cava, find_superior_cava, without_atrium
from organtwin.segment.engine import Found

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]

LUMINA = ("aorta_true_lumen", "aorta_false_lumen")
KEYS = (
    "aorta", *LUMINA, "heart", "pulmonary_artery", "superior_vena_cava", "inferior_vena_cava", *BRANCHES, "blood_pool",
)  # fmt: skip
LEAST_CONFIDENCE = 0.4
WITHOUT_AORTA = "it is looked for from the aorta, which was not found"


@dataclass(frozen=True)
class Vessels:
    """What was seen of the great vessels, before it is painted. A ``str`` says why a part was not found."""

    aorta: Aorta
    inferior: Vein | str
    superior: Vein | str
    pool: Mask
    heart: Heart | str


def find_vessels(context: CTContext, monitor: Monitor) -> Vessels | str:
    """Aorta, venae cavae and heart, or why there is no aorta, from which all others are looked for."""
    monitor.progress(0.0, "looking for the spine")
    canal = spinal_canal(context)
    monitor.progress(0.15, "following the aorta")
    aorta = find_aorta(context, canal, lambda: monitor.progress(0.3, "following the aorta"))
    if isinstance(aorta, str):
        return aorta
    if aorta.confidence < LEAST_CONFIDENCE:
        return "; ".join(aorta.doubts) or "it does not stand out from its neighbours"
    monitor.log(f"Aorta: {aorta.level_hu:.0f} HU, blood from {blood_threshold(aorta.level_hu):.0f} HU")
    monitor.progress(0.45, "looking for the venae cavae")
    inferior = find_inferior_cava(context, aorta, canal)
    monitor.progress(0.55, "looking for the venae cavae")
    superior = find_superior_cava(context, aorta)
    monitor.progress(0.6, "separating the heart")
    pool = bright_pool(context, aorta, canal)
    monitor.progress(0.65, "separating the heart")
    cores = heart_cores(context, aorta, canal, pool)
    if isinstance(inferior, Vein):
        inferior = without_atrium(context, inferior, cores, lower=True)
    if isinstance(superior, Vein):
        superior = without_atrium(context, superior, cores, lower=False)
    veins = np.zeros(pool.shape, np.bool_)
    for vein in (inferior, superior):
        if isinstance(vein, Vein) and vein.confidence >= LEAST_CONFIDENCE:
            veins |= context.to_working(vein.mask) > 0.5
    tick = partial(monitor.progress, 0.75, "separating the heart")
    return Vessels(aorta, inferior, superior, pool, find_heart(context, aorta, canal, pool, cores, veins, tick))


def great_vessels(context: CTContext, monitor: Monitor) -> dict[str, Found]:
    """Find the great vessels and the heart.

    Every key of :data:`KEYS` is in the answer; where ``mask`` is None, ``doubt`` says why. Masks are in the order of the
    volume's own array and do not overlap, but for ``blood_pool``, which holds all contrast-filled blood, and for the
    lumina of a dissected aorta, which make up the whole of it.
    """
    vessels = find_vessels(context, monitor)
    if isinstance(vessels, str):
        return {key: Found(key, None, 0.0, vessels if key == "aorta" else WITHOUT_AORTA) for key in KEYS}
    aorta = vessels.aorta
    monitor.progress(0.85, "painting the great vessels")
    taken = aorta.mask.copy()
    found = {"aorta": Found("aorta", context.to_volume(aorta.mask), aorta.confidence, "; ".join(aorta.doubts))}
    found.update(_lumina(context, aorta))
    for key, vein in (("superior_vena_cava", vessels.superior), ("inferior_vena_cava", vessels.inferior)):
        found[key] = _vein(context, key, vein, taken)
    found["heart"], found["pulmonary_artery"] = _heart(context, aorta, vessels.heart, taken)
    found.update(_branches(context, aorta, taken))
    known = context.to_working(taken) > 0.5
    blood = context.mask_to_full(connected_pool(context, vessels.pool, known), smooth_mm=0.5) | aorta.mask
    doubt = "" if aorta.level_hu > 200 else "the contrast is weak: bright organs may be in it"
    found["blood_pool"] = Found("blood_pool", context.to_volume(blood), 0.7 if doubt else 0.85, doubt)
    monitor.progress(1.0, "great vessels done")
    return found


def _lumina(context: CTContext, aorta: Aorta) -> dict[str, Found]:
    lumina = find_lumina(context.full_hu, full_spacing(context), aorta)
    if isinstance(lumina, str):
        return {key: Found(key, None, 0.0, lumina) for key in LUMINA}
    return {
        key: Found(key, context.to_volume(mask), lumina.confidence, lumina.doubt)
        for key, mask in zip(LUMINA, (lumina.true, lumina.false), strict=True)
    }


def _vein(context: CTContext, key: str, vein: Vein | str, taken: Mask) -> Found:
    if isinstance(vein, str):
        return Found(key, None, 0.0, vein)
    if vein.confidence < LEAST_CONFIDENCE:
        return Found(key, None, vein.confidence, vein.doubt or "it does not stand out from its neighbours")
    mask = vein.mask & ~taken
    taken |= mask
    return Found(key, context.to_volume(mask), vein.confidence, vein.doubt)


def _branches(context: CTContext, aorta: Aorta, taken: Mask) -> dict[str, Found]:
    branches = find_arch_branches(context, aorta, taken)
    if isinstance(branches, str):
        return {key: Found(key, None, 0.0, branches) for key in BRANCHES}
    found = {}
    for key, branch in branches.items():
        taken |= branch.mask
        doubt = "told from its neighbours only by the order along the arch"
        found[key] = Found(key, context.to_volume(branch.mask), branch.confidence, doubt)
    return found


def _heart(context: CTContext, aorta: Aorta, heart: Heart | str, taken: Mask) -> tuple[Found, Found]:
    if isinstance(heart, str):
        return Found("heart", None, 0.0, heart), Found("pulmonary_artery", None, 0.0, heart)
    if heart.pulmonary_artery is None:
        reason = (
            "the root of the aorta, by which it is told from the heart, is not in view"
            if aorta.root_mm is None
            else "it could not be told from the heart"
        )
        artery = Found("pulmonary_artery", None, 0.0, reason)
    else:
        mask = context.mask_to_full(heart.pulmonary_artery) & ~taken
        taken |= mask
        artery = Found(
            "pulmonary_artery",
            context.to_volume(mask),
            0.6,
            "its border to the right ventricle is set by the height of the aortic valve",
        )
    whole = without_fat(context, context.mask_to_full(heart.heart) & ~taken)
    taken |= whole
    return Found("heart", context.to_volume(whole), heart.confidence, "; ".join(heart.doubts)), artery
