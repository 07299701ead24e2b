"""The liver as an organ: with the tumours and the veins that have labels of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.liver.region import Mask, box_of
from organtwin.model import Segmentation

VEINS = ("portal_vein", "hepatic_vein")
CLOSED_MM = 8.0  # a vein in the liver is no wider than twice this
COARSE_MM = 2.0


def is_of_liver(key: str) -> bool:
    """Whether a structure is one that lies in the liver: tumours and the two venous trees."""
    return key in VEINS or key == "tumour" or key.startswith("tumour_")


def whole_liver(segmentation: Segmentation) -> Mask:
    """(nk, nj, ni) bool: liver, tumours, and those parts of the veins that the liver encloses.

    Raises
    ------
    BadInput
        When there is no liver.
    """
    if "liver" not in {s.key for s in segmentation.segments}:
        raise BadInput(f"'{segmentation.name}' has no liver", remedy="Segment the liver first.")
    labels = np.asarray(segmentation.labels)
    veins = np.isin(labels, [s.label for s in segmentation.segments if s.key in VEINS])
    body = np.isin(
        labels,
        [s.label for s in segmentation.segments if s.key == "liver" or (is_of_liver(s.key) and s.key not in VEINS)],
    )
    if not body.any():
        raise BadInput(f"The liver of '{segmentation.name}' is empty", remedy="Segment it again.")
    if veins.any():
        spacing = segmentation.grid.spacing_mm[::-1]
        box = box_of(body, int(np.ceil(2 * CLOSED_MM / spacing.min())))
        body[box] |= veins[box] & _closed(body[box], CLOSED_MM, spacing)
    return body


def _closed(mask: Mask, mm: float, spacing_mm: Sequence[float]) -> Mask:
    """A mask closed, on fewer voxels where they are small."""
    step = [max(1, round(COARSE_MM / s)) for s in spacing_mm]
    few = mask[:: step[0], :: step[1], :: step[2]]
    sampling = [a * b for a, b in zip(step, spacing_mm, strict=True)]
    room = [int(np.ceil(mm / s)) + 1 for s in sampling]
    padded = np.pad(few, [(r, r) for r in room])
    grown = ndimage.distance_transform_edt(~padded, sampling=sampling) <= mm
    closed = ndimage.distance_transform_edt(grown, sampling=sampling) > mm
    closed = closed[tuple(slice(r, -r) for r in room)] | few
    for axis, times in enumerate(step):
        closed = np.repeat(closed, times, axis=axis)
    return np.asarray(closed[tuple(slice(0, n) for n in mask.shape)])
