"""The heart engine at work: great vessels, whole heart, chambers, wall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from organtwin.model import Volume
from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.ct.aorta import SOFT_TISSUE_HU, Aorta, full_spacing
from organtwin.segment.ct.blood_pool import blood_threshold
from organtwin.segment.ct.context import CTContext, FloatVolume
from organtwin.segment.ct.great_vessels import Vessels, find_vessels
from organtwin.segment.ct.heart import Heart, without_fat
from organtwin.segment.ct.shape import Mask, bounding_box
from organtwin.segment.engine import Found
from organtwin.segment.heart.chambers import CHAMBERS, left_wall, neck_share, part_chambers
from organtwin.segment.heart.engine import ENGINE, HeartParameters

# adults, from end of systole to dilated, in mL
USUAL_ML = {
    "left_ventricle": (25.0, 350.0),
    "right_ventricle": (40.0, 350.0),
    "left_atrium": (25.0, 250.0),
    "right_atrium": (30.0, 280.0),
    "myocardium": (50.0, 350.0),
}
ROOT_LENGTH_MM, LONGEST_ROOT_MM = 22.0, 35.0
LEAST_RISE_HU = 60.0  # of blood above muscle, for a chamber to be told from its wall
NO_CONTRAST = "it holds too little contrast to be told from its wall"


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: HeartParameters, monitor: Monitor
) -> tuple[Found, ...]:
    """Find the chambers in a contrast CT of the heart or chest.

    Raises
    ------
    BadInput
        When the volume is no CT of a body.
    """
    wanted = tuple(ENGINE.structures if structures is None else dict.fromkeys(structures))
    monitor.progress(0.0, "reading the scan")
    context = CTContext(volume)
    vessels = find_vessels(context, PartMonitor(monitor, 0.05, 0.6))
    reason = _why_not(vessels)
    if reason:
        return tuple(Found(key, None, 0.0, reason) for key in wanted)
    assert isinstance(vessels, Vessels)
    assert isinstance(vessels.heart, Heart)
    monitor.progress(0.65, "parting the chambers")
    found = _chambers(context, vessels.aorta, vessels.heart, monitor)
    found["aortic_root"] = _root(context, vessels.aorta)
    monitor.progress(0.98, "weighing what was found")
    result = []
    for key in wanted:
        one = found.get(key) or Found(key, None, 0.0, NO_CONTRAST)
        if one.mask is not None and (one.confidence or 0.0) < parameters.least_confidence:
            one = Found(key, None, one.confidence, f"what was seen is too unsure: {one.doubt or 'little evidence'}")
        result.append(one)
    return tuple(result)


def _why_not(vessels: Vessels | str) -> str:
    if isinstance(vessels, str):
        return vessels
    if isinstance(vessels.heart, str):
        return vessels.heart
    if vessels.aorta.root_mm is None:
        return "the root of the aorta, from which the chambers are placed, is not in view"
    return ""


def _chambers(context: CTContext, aorta: Aorta, heart: Heart, monitor: Monitor) -> dict[str, Found]:
    assert aorta.root_mm is not None
    spacing = full_spacing(context)
    whole = without_fat(context, context.mask_to_full(heart.heart) & ~aorta.mask)
    margin = np.ceil(4.0 / spacing).astype(int)
    box = bounding_box(whole, (int(margin[0]), int(margin[1]), int(margin[2])))
    # the work is done on the working grid's spacing, inside the heart's box
    image = ndimage.gaussian_filter(context.hu, 0.4)
    muscle_hu = _muscle_hu(image, heart.heart, aorta)
    threshold = min(blood_threshold(aorta.level_hu), 0.5 * (aorta.level_hu + muscle_hu))
    blood = heart.heart & (image > threshold)
    size_mm = float(np.count_nonzero(heart.heart) * np.prod(context.spacing_mm)) ** (1 / 3)
    parts = part_chambers(image, blood, aorta.root_mm, context.spacing_mm, size_mm)
    monitor.progress(0.75, "parting the chambers")
    if "left_ventricle" not in parts:
        return {
            key: Found(key, None, 0.0, "the left ventricle, by which the others are told, was not seen")
            for key in USUAL_ML
        }
    # what blood the muscle's pillars and flow of unmixed contrast leave out
    for key in parts:
        closed = context.close(parts[key], 4.0) & heart.heart
        for other in parts:
            if other != key:
                closed &= ~parts[other]
        parts[key] = closed
    masks: dict[str, Mask] = dict(parts)
    masks["myocardium"] = left_wall(image, heart.heart, parts, context.spacing_mm)
    monitor.progress(0.85, "drawing the outlines")
    fine = _on_full(context, masks, whole, box)
    found: dict[str, Found] = {}
    for key, mask in fine.items():
        confidence, doubt = _judged(context, key, mask, parts, heart, muscle_hu)
        found[key] = (
            Found(key, context.to_volume(mask), confidence, doubt) if confidence else Found(key, None, 0.0, doubt)
        )
    return found


def _muscle_hu(image: FloatVolume, heart: Mask, aorta: Aorta) -> float:
    """Brightness of the heart's muscle: of what is neither fat nor blood inside it."""
    values = image[heart & (image > 20) & (image < blood_threshold(aorta.level_hu) - 20)]
    return float(np.median(values)) if values.size else SOFT_TISSUE_HU


def _on_full(
    context: CTContext, masks: dict[str, Mask], whole: Mask, box: tuple[slice, slice, slice]
) -> dict[str, Mask]:
    """Masks of the working grid on the full one: the most likely of them in every voxel of the heart."""
    ratio = np.asarray(context.grid.shape) / np.asarray(context.full.shape)
    axes = [(np.arange(s.start, s.stop) + 0.5) * r - 0.5 for s, r in zip(box, ratio, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    best = np.full(places.shape[1:], 0.4, np.float32)
    labels = np.zeros(best.shape, np.uint8)
    for n, mask in enumerate(masks.values(), start=1):
        soft = ndimage.gaussian_filter(mask.astype(np.float32), 1.0 / context.spacing_mm, truncate=3)
        level = ndimage.map_coordinates(soft, places, order=1, mode="nearest")
        better = level > best
        best[better], labels[better] = level[better], n
    result = {}
    for n, key in enumerate(masks, start=1):
        full = np.zeros(whole.shape, np.bool_)
        full[box] = (labels == n) & whole[box]
        result[key] = full
    return result


def _judged(
    context: CTContext, key: str, mask: Mask, parts: dict[str, Mask], heart: Heart, muscle_hu: float
) -> tuple[float, str]:
    """Confidence and doubt, from contrast, the neck to the next chamber, and volume. 0 means that it is not there."""
    if not mask.any():
        return 0.0, NO_CONTRAST
    ml = float(np.count_nonzero(mask)) * context.full.voxel_volume_mm3 / 1000
    low, high = USUAL_ML[key]
    confidence, doubts = heart.confidence, list(heart.doubts)
    if key in CHAMBERS:
        rise = float(np.median(context.full_hu[mask])) - muscle_hu
        if rise < LEAST_RISE_HU:
            return 0.0, NO_CONTRAST
        neck = neck_share(key, parts)
        confidence *= float(np.clip(1.15 - 1.2 * neck, 0.3, 1)) * float(np.clip(rise / 150, 0.5, 1))
        if neck > 0.25:
            doubts.append(f"no wall or valve shows on {100 * neck:.0f} % of its border to the next chamber")
        if rise < 120:
            doubts.append("it holds little contrast")
    if not heart.whole:
        confidence *= 0.8
    if not low < ml < high and heart.whole:
        confidence *= 0.6
        doubts.append(f"its {ml:.0f} mL are {'less' if ml < low else 'more'} than usual")
    return round(confidence, 2), "; ".join(doubts)


def _root(context: CTContext, aorta: Aorta) -> Found:
    """The aorta from the annulus over its sinuses to where it is a tube."""
    tube = aorta.tube if aorta.ascending is None else aorta.ascending
    line, radius = tube.line[::-1], tube.radius_mm[::-1]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    near = length < LONGEST_ROOT_MM
    widest = int(radius[near].argmax())
    falls = np.flatnonzero((radius[widest:] < 0.92 * radius[widest]) & (length[widest:] < LONGEST_ROOT_MM))
    end_mm = float(length[widest + falls[0]]) if falls.size else ROOT_LENGTH_MM
    from scipy.spatial import cKDTree

    spacing = full_spacing(context)
    box = bounding_box(aorta.mask)
    inside = np.argwhere(aorta.mask[box]) + [s.start for s in box]
    gap, place = cKDTree(line).query((inside + 0.5) * spacing)
    taken = inside[(length[place] <= end_mm) & (gap < 1.6 * float(radius[near].max()))]
    mask = np.zeros_like(aorta.mask)
    mask[tuple(taken.T)] = True
    doubt = "" if falls.size else "the narrowing above its sinuses was not seen: it is taken to be as long as usual"
    return Found(
        "aortic_root", context.to_volume(mask), round(aorta.confidence * (0.8 if falls.size else 0.65), 2), doubt
    )
