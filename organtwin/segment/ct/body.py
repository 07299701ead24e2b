"""The patient's body: everything inside the skin, without the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.segment.ct.shape import Mask, largest_piece

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

SKIN_HU = -300.0
TABLE_SHELL_MM = 4.0  # the table's walls are thinner than twice this, the body is not
THICK_WALL_MM = 7.0  # the wall of the belly is thicker than twice this
BARE_AIR_HU = -960.0
LARGE_GAP_MM2 = 500.0
LEAST_BODY_ML = 30.0
LEAST_LIMB_ML = 100.0
LUNG_LIKE_HU = (-935.0, -500.0)  # outside air is darker, even through noise


def find_body(context: CTContext) -> Mask:
    """The trunk (or head, or limb) and other limbs in the picture, cavities filled slice by slice.

    Raises
    ------
    BadInput
        When nothing in the scan is a body.
    """
    solid = context.hu > SKIN_HU
    solid |= _open_lung(context, solid)
    inside = np.zeros_like(solid)
    # a cavity (lung, bowel gas) is filled in its own slice: it may be open at the top or bottom of the scan
    walls = context.open(solid, THICK_WALL_MM)
    for k, flat in enumerate(context.open(solid, TABLE_SHELL_MM)):
        inside[k] = flat | _cavities(context, k, flat, walls[k])
    core = context.open(inside, 2 * TABLE_SHELL_MM)
    labels, _ = ndimage.label(core)
    body = np.zeros_like(core)
    order: NDArray[np.intp] = np.argsort(-np.bincount(labels.ravel())[1:]) + 1
    for rank, label in enumerate(order):
        piece = labels == label
        values = context.hu[piece]
        if context.volume_ml(piece) < (LEAST_LIMB_ML if rank else LEAST_BODY_ML):
            break
        if _is_tissue(values):
            body |= piece
    if not body.any():
        raise BadInput(
            "No body was found in this scan", remedy="The CT engine needs a CT of a person in Hounsfield units."
        )
    # give back the thin parts that touch (skin folds), but not the table below
    body |= context.grow(body, TABLE_SHELL_MM) & inside
    for k, flat in enumerate(body):
        body[k] = flat | _cavities(context, k, flat, walls[k])
    return body


def _cavities(context: CTContext, k: int, solid: Mask, walls: Mask) -> Mask:
    """What the body encloses in a slice: lung and gas, but not the bare air between the skin and a thick table."""
    holes = ndimage.binary_fill_holes(solid) & ~solid
    labels, count = ndimage.label(holes)
    if not count:
        return holes
    index = np.arange(1, count + 1)
    area_mm2 = ndimage.sum_labels(holes, labels, index) * float(context.spacing_mm[1] * context.spacing_mm[2])
    bare = ndimage.median(context.hu[k], labels, index) < BARE_AIR_HU
    shut = ndimage.minimum(ndimage.binary_fill_holes(walls), labels, index) > 0
    outside = index[(area_mm2 > LARGE_GAP_MM2) & bare & ~shut]
    return np.asarray(holes & ~np.isin(labels, outside))


def _is_tissue(values: NDArray[np.float32]) -> bool:
    """Soft tissue or fat makes up part of every piece of a body, and a body is not of one value."""
    soft = np.mean((values > -150) & (values < 250))
    return bool(soft > 0.1 and np.ptp(values) > 20)


def _open_lung(context: CTContext, solid: Mask) -> Mask:
    """Lung cut by the side of the picture, where the air of the lung meets what would be outside."""
    grey = ndimage.uniform_filter(context.hu, 3)
    like = (grey > LUNG_LIKE_HU[0]) & (grey < LUNG_LIKE_HU[1]) & ~solid
    labels, count = ndimage.label(context.open(like, 5.0))
    result = np.zeros_like(solid)
    if not count:
        return result
    # where the picture cuts a lung it cuts the chest around it too; the foam of a table lies apart
    flesh = largest_piece(context.open(solid, 2 * TABLE_SHELL_MM))
    rim = []
    for side in ((slice(None), 0), (slice(None), -1), (slice(None), slice(None), 0), (slice(None), slice(None), -1)):
        rim.append(labels[side][flesh[side].any(axis=1)].ravel())
    cut = np.concatenate(rim)
    for label in np.unique(cut[cut > 0]):
        piece = labels == label
        thick = context.shrink(piece, 12.0).any()
        if thick and context.volume_ml(piece) > LEAST_LIMB_ML and context.hu[piece].std() > 20:
            result |= piece
    return context.grow(result, 8.0) & (context.hu < SKIN_HU) & (grey > LUNG_LIKE_HU[0]) | result
