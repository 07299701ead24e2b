"""The heart: chambers and muscle as one, between the lungs and above the diaphragm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from organtwin.segment.ct.aorta import Aorta
from organtwin.segment.ct.blood_pool import blood_threshold, spine_zone
from organtwin.segment.ct.discs import DiscPath
from organtwin.segment.ct.shape import bounding_box, largest_piece, opened

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

Mask = NDArray[np.bool_]

ABOVE_ROOT_MM = 6.0  # the left ventricle ends about there
CORE_MM = 8.0  # deeper than the radius of the vessels that leave the heart
STUMP_MM = 4.0  # of the veins that enter the atria, so much is counted to these
THICK_WALL_MM, THIN_WALL_MM = 17.0, 3.5  # the most that muscle may measure, left and right
FAT_HU = -25.0
LEAST_CORE_ML = 4.0
ABOVE_VALVE_MM = 12.0  # the pulmonary valve begins this much above the aortic one
VALVE_SLOPE, FARTHEST_VALVE_MM = 0.5, 40.0  # its plane rises to the front
ROOF_MM = 32.0  # and the atrial roof this much
BESIDE_VESSEL_HU = 0.0  # between fat and wall
BESIDE_FAT_HU = 20.0  # half-way from muscle to fat
VEIN_MM = 7.0  # veins at the atria, strands of pericardium and tips of appendages hold no ball of that radius
LEAST_TRUNK_ML = 2.0
LEAST_PULMONARY_ML = 15.0
LEAST_RIGHT_ML = 10.0


@dataclass(frozen=True)
class Heart:
    """``heart`` and ``pulmonary_artery`` are masks on the working grid; the latter is None where it cannot be told."""

    heart: Mask
    pulmonary_artery: Mask | None
    whole: bool
    confidence: float
    doubts: tuple[str, ...]


def heart_cores(context: CTContext, aorta: Aorta, canal: DiscPath, pool: Mask) -> Mask:
    """The inner parts of the chambers on the working grid (empty where there are none)."""
    lungs = context.lungs[0] | context.lungs[1]
    if not lungs.any():
        return np.zeros_like(pool)
    artery = context.to_working(aorta.mask) > 0.5
    inner = context.shrink(pool & ~context.grow(artery, 2.0) & ~lungs, CORE_MM)
    return _in_chest(context, aorta, canal, lungs, inner)


def find_heart(
    context: CTContext,
    aorta: Aorta,
    canal: DiscPath,
    pool: Mask,
    cores: Mask,
    veins: Mask,
    tick: Callable[[], None] = lambda: None,
) -> Heart | str:
    """The heart, as far as it is in view, or why it was not found.

    Parameters
    ----------
    pool, cores, veins : (nk, nj, ni) bool arrays
        Contrast-filled blood, the chambers' inner parts and the venae cavae, on the working grid.
    tick : callable
        Called about every second, to give room for a cancel.
    """
    artery = context.to_working(aorta.mask) > 0.5
    lungs = context.lungs[0] | context.lungs[1]
    if not lungs.any():
        return "no lungs, between which the heart lies, are in view"
    cores = cores & ~veins
    if context.volume_ml(cores) < LEAST_CORE_ML:
        return "no contrast-filled chamber was found between the lungs"
    image = ndimage.gaussian_filter(context.hu, 0.5)
    blood = pool & ~context.grow(artery, 2.0) & ~veins & ~lungs
    chambers, pulmonary = _chambers(context, aorta, blood, cores)
    if not chambers.any():
        return "the chambers could not be told from the vessels around"
    tick()
    # the muscle: soft tissue around the chambers competes with everything else
    reach = _wall_reach(context, aorta, chambers)
    soft = (image > FAT_HU) & (image < 2000)
    outside = ~reach | lungs | artery | veins | spine_zone(context, canal) | (image <= FAT_HU)
    if pulmonary is not None:
        outside |= pulmonary
    outside |= _bone_near(context, image, chambers, aorta)
    marks = np.zeros(image.shape, np.int32)
    marks[outside] = 2
    marks[(context.grow(chambers, 3.5) & soft & ~outside) | chambers] = 1
    slope = ndimage.gaussian_gradient_magnitude(np.clip(context.hu, -80, 170), 0.7)
    box = _box(reach, 3)
    grown = np.zeros(image.shape, np.bool_)
    grown[box] = watershed(slope[box], marks[box]) == 1
    tick()
    heart = grown & ~artery & ~veins & soft
    if pulmonary is not None:
        heart &= ~pulmonary
    heart = largest_piece(context.open(heart, 5.0))
    tick()
    heart = context.close(heart, 6.0) & ~artery & ~veins & ~lungs
    if pulmonary is not None:
        heart &= ~pulmonary
    tick()
    heart = largest_piece(ndimage.binary_fill_holes(heart))
    cut = [side for side, at in (("below", heart[0]), ("above", heart[-1])) if at.any()]
    doubts = [f"it is cut off {' and '.join(cut)} by the edge of the scan"] if cut else []
    confidence = 0.65 if aorta.root_mm is None else 0.85
    if aorta.root_mm is None:
        doubts.append("the aortic valve is not in view, so the border to the great vessels is less sure")
    if aorta.root_mm is not None and not _right_side_seen(context, aorta.root_mm, chambers):
        confidence, pulmonary = 0.3, None
        doubts.append("the right side of the heart holds no contrast, so only the left side is painted")
    return Heart(heart, pulmonary, not cut, confidence, tuple(doubts))


def without_fat(context: CTContext, heart: Mask) -> Mask:
    """A heart on the full grid without the fat that its outline encloses, the pericardium and the stumps of veins."""
    spacing = context.full.spacing_mm[::-1]
    margin = np.ceil(VEIN_MM / spacing).astype(int) + 1
    box = bounding_box(heart, (int(margin[0]), int(margin[1]), int(margin[2])))
    soft = ndimage.gaussian_filter(np.clip(context.full_hu[box], -150, 200).astype(np.float32), 0.7 / spacing)
    result = np.zeros_like(heart)
    result[box] = largest_piece(opened(heart[box] & (soft > BESIDE_FAT_HU), VEIN_MM, spacing))
    return result


def _in_chest(context: CTContext, aorta: Aorta, canal: DiscPath, lungs: Mask, cores: Mask) -> Mask:
    """Those inner parts of the blood pool that are heart: in front of the spine, between the lungs, below the arch."""
    spacing = context.spacing_mm
    area = lungs.sum(axis=(1, 2))
    high = np.flatnonzero(area > 0.2 * area.max())
    low_k = high[0] if high.size else 0
    top_k = cores.shape[0]
    if aorta.root_mm is not None:
        top_k = int((aorta.root_mm[0] + 60) / spacing[0])
    labels, _ = ndimage.label(cores)
    kept = np.zeros_like(cores)
    least = max(0.3, 0.05 * context.volume_ml(largest_piece(cores)))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[box] == label
        if context.volume_ml(part) < least:
            continue
        k, j, i = (np.argwhere(part) + [s.start for s in box]).T
        middle = canal.centre[np.clip(k, 0, len(canal.centre) - 1)]
        front = float(np.median((middle[:, 0] - j) * spacing[1]))
        left = float(np.median((i - middle[:, 1]) * spacing[2]))
        if front > 45 and -75 < left < 110 and np.median(k) >= low_k and k.min() < top_k:
            kept[box] |= part
    return kept


def _chambers(context: CTContext, aorta: Aorta, blood: Mask, cores: Mask) -> tuple[Mask, Mask | None]:
    """The blood inside the heart, and that in the pulmonary artery (None where the aortic valve is not in view)."""
    spacing = context.spacing_mm
    depth = ndimage.distance_transform_edt(blood, spacing).astype(np.float32)
    seeds = np.zeros(blood.shape, np.int32)
    k = np.arange(blood.shape[0])[:, None, None]
    if aorta.root_mm is None:
        seeds[cores] = 1
        reachable = watershed(-depth, seeds, mask=blood) == 1
        return _without_vessels(context, reachable, cores), None
    root = aorta.root_mm / spacing - 0.5
    above = (k - root[0]) * spacing[0]
    j, i = np.arange(blood.shape[1])[None, :, None], np.arange(blood.shape[2])[None, None, :]
    seeds[cores & (above < ABOVE_VALVE_MM)] = 1
    inner = context.shrink(blood, 5.0)
    trunk = inner & (above > ROOF_MM + 4) & (above < 75) & (np.abs(i - root[2]) * spacing[2] < 60)
    trunk &= (j - root[1]) * spacing[1] < 45
    seeds[largest_piece(trunk)] = 2
    parts = watershed(-depth, seeds, mask=blood)
    # the outflow of the right ventricle turns into the artery at the pulmonary valve: in front and to the left
    valve = ABOVE_VALVE_MM + VALVE_SLOPE * np.clip((root[1] - j) * spacing[1], 0, FARTHEST_VALVE_MM)
    outflow = (above > valve) & ((j - root[1]) * spacing[1] < -2) & ((i - root[2]) * spacing[2] > 0)
    pulmonary = (parts == 2) & (above > valve) | (parts == 1) & outflow
    chambers = _without_vessels(context, (parts == 1) & ~outflow & (above < ROOF_MM + 10), cores)
    pulmonary = largest_piece(context.open(pulmonary & (above < 85), 3.0))
    # the trunk passes in front of the root's level and to its left; what lies only behind is the left atrium
    trunk_ml = context.volume_ml(pulmonary & outflow & (above > ABOVE_VALVE_MM + 6))
    if trunk_ml < LEAST_TRUNK_ML or context.volume_ml(pulmonary) < LEAST_PULMONARY_ML:
        return chambers, None
    return chambers, _to_its_edge(context, pulmonary, context.grow(chambers, 2.0))


def _to_its_edge(context: CTContext, vessel: Mask, other: Mask) -> Mask:
    """A vessel moved to where its brightness has fallen half the way to its surroundings."""
    image = ndimage.gaussian_filter(context.hu, 0.5)
    edge = 0.5 * (float(np.median(context.hu[vessel])) + BESIDE_VESSEL_HU)
    return largest_piece(context.grow(vessel, 4.0) & (image > edge) & (vessel | ~other))


def _without_vessels(context: CTContext, blood: Mask, cores: Mask) -> Mask:
    """The wide parts of the blood, those of them that hold a core."""
    labels, _ = ndimage.label(context.open(blood, 5.0))
    return np.asarray(
        np.isin(labels, np.setdiff1d(np.unique(labels[cores]), [0])) & context.grow(cores, CORE_MM + STUMP_MM)
    )


def _right_side_seen(context: CTContext, root_mm: NDArray[np.float64], chambers: Mask) -> bool:
    """Whether a right atrium or ventricle is among the chambers: blood to the right of the aortic root."""
    column = max(0, int((root_mm[2] - 10) / context.spacing_mm[2]))
    row = int((root_mm[1] + 10) / context.spacing_mm[1])
    return context.volume_ml(chambers[:, :row, :column]) > LEAST_RIGHT_ML


def _wall_reach(context: CTContext, aorta: Aorta, chambers: Mask) -> Mask:
    """Where muscle may be: thick around the left ventricle, thin on the right and around the atria above the valves."""
    left = np.zeros_like(chambers)
    middle = int(np.median(np.nonzero(chambers.any(axis=(0, 1)))[0]))
    top = chambers.shape[0]
    if aorta.root_mm is not None:
        top = max(0, int((aorta.root_mm[0] + ABOVE_ROOT_MM) / context.spacing_mm[0]))
    left[:top, :, middle:] = chambers[:top, :, middle:]
    thick = context.grow(left, THICK_WALL_MM)
    thick[top:] = False
    return thick | context.grow(chambers, THIN_WALL_MM)


def _bone_near(context: CTContext, image: NDArray[np.float32], chambers: Mask, aorta: Aorta) -> Mask:
    """Bright things around that are not connected with the chambers: ribs and sternum."""
    bright = (image > max(180.0, blood_threshold(aorta.level_hu))) & ~context.grow(chambers, 4.0)
    return context.open(bright, 2.0)


def _box(mask: Mask, margin: int) -> tuple[slice, ...]:
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    return tuple(
        slice(max(0, s.start - margin), min(n, s.stop + margin)) for s, n in zip(found, mask.shape, strict=True)
    )
