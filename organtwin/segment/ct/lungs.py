"""Right and left lung: air inside the body that is neither bowel gas nor windpipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

LUNG_HU = -400.0
BARE_AIR_HU = -960.0  # gas without tissue: windpipe, bowel, stomach
LEAST_LUNG_ML = 8.0
WIDEST_VESSEL_MM2 = 250.0

Mask = NDArray[np.bool_]


def find_lungs(context: CTContext) -> tuple[Mask, Mask]:
    """Right and left lung with the vessels inside them; empty masks where there is none.

    Lung is told from gas in the bowel and the windpipe by its tissue: the mean of lung lies well above bare air.
    """
    air = (context.hu < LUNG_HU) & context.body
    # a core more than 2 mm inside the air avoids the partial volume at its wall
    labels, count = ndimage.label(context.open(air, 3.0))
    lungs = np.zeros_like(air)
    if count:
        index = np.arange(1, count + 1)
        inner = context.shrink(air, 3.0)
        sizes = ndimage.sum_labels(np.ones_like(air), labels, index) * context.grid.voxel_volume_mm3 / 1000
        for label, size in zip(index, sizes, strict=True):
            if size < LEAST_LUNG_ML:
                continue
            values = context.hu[(labels == label) & inner]
            if values.size and np.median(values) > BARE_AIR_HU and np.mean(values > -940) > 0.3:
                lungs |= labels == label
    if not lungs.any():
        return lungs, lungs.copy()
    lungs = context.grow(lungs, 3.0) & air
    lungs &= ~_windpipe(context, lungs)
    right, left = _split(context, lungs)
    return _with_vessels(context, right), _with_vessels(context, left)


def _windpipe(context: CTContext, lungs: Mask) -> Mask:
    """Bare air in the middle of the body: trachea and main bronchi."""
    bare = (context.hu < -930) & lungs
    labels, count = ndimage.label(bare)
    result = np.zeros_like(lungs)
    if not count:
        return result
    columns = np.flatnonzero(context.trunk.any(axis=(0, 1)))
    middle, half = columns.mean(), np.ptp(columns) / 2
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[box] == label
        ml = context.volume_ml(part)
        where = np.argwhere(part).mean(axis=0)[2] + box[2].start
        if 1.0 < ml < 80 and abs(where - middle) < 0.25 * half:
            result[box] |= part
    return context.grow(result, 3.0) & lungs


def _split(context: CTContext, lungs: Mask) -> tuple[Mask, Mask]:
    """Part the lungs: whole pieces by the side they lie on, a joined piece by watershed from its two cores."""
    columns = np.flatnonzero(context.trunk.any(axis=(0, 1)))
    middle = columns.mean()
    reach = 0.06 * np.ptp(columns)
    side = np.zeros(lungs.shape, np.int32)
    labels, _ = ndimage.label(lungs)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[box] == label
        across = np.broadcast_to(np.arange(box[2].start, box[2].stop), part.shape)[part]
        on_right, on_left = np.mean(across < middle - reach), np.mean(across > middle + reach)
        if min(on_right, on_left) < 0.12:
            side[box][part] = 1 if np.median(across) < middle else 2
            continue
        depth = ndimage.distance_transform_edt(part, context.spacing_mm)
        place = np.broadcast_to(np.arange(box[2].start, box[2].stop), part.shape)
        core = part & (depth > 8)
        seeds = np.zeros(part.shape, np.int32)
        seeds[core & (place < middle - reach)] = 1
        seeds[core & (place > middle + reach)] = 2
        side[box] = np.where(part, watershed(-depth, seeds, mask=part), side[box])
    return side == 1, side == 2


def _with_vessels(context: CTContext, lung: Mask) -> Mask:
    """Close over the vessels in the lung without reaching into heart, chest wall or liver."""
    if not lung.any():
        return lung
    closed = context.close(lung, 6.0) & context.body
    voxel_mm2 = context.spacing_mm[1] * context.spacing_mm[2]
    for k in np.flatnonzero(closed.any(axis=(1, 2))):
        labels, _ = ndimage.label(ndimage.binary_fill_holes(closed[k]) & ~closed[k])
        area_mm2 = np.bincount(labels.ravel()) * voxel_mm2
        closed[k] |= (labels > 0) & (area_mm2[labels] < WIDEST_VESSEL_MM2)  # the dome of the liver is larger
    return closed
