"""An organ as a whole: with the tumours and the vessels in it that have labels of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.liver.region import Mask, box_of
from organtwin.model import Segmentation, structure

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
    return whole_organ(segmentation, "liver", [s.key for s in segmentation.segments if is_of_liver(s.key)])


def whole_organ(segmentation: Segmentation, key: str, parts: Sequence[str]) -> Mask:
    """(nk, nj, ni) bool: a structure with its parts; of vessels only what it encloses.

    Raises
    ------
    BadInput
        When a structure is not there or empty.
    """
    labels = np.asarray(segmentation.labels)
    solid = [segmentation.segment(p).label for p in parts if not structure(p).vessel]
    body = np.isin(labels, [segmentation.segment(key).label, *solid])
    if not (labels == segmentation.segment(key).label).any():
        raise BadInput(
            f"'{segmentation.segment(key).name}' of '{segmentation.name}' is empty", remedy="Segment it again."
        )
    vessels = np.isin(labels, [segmentation.segment(p).label for p in parts if structure(p).vessel])
    if vessels.any():
        spacing = segmentation.grid.spacing_mm[::-1]
        box = box_of(body, int(np.ceil(2 * CLOSED_MM / spacing.min())))
        body[box] |= vessels[box] & _closed(body[box], CLOSED_MM, spacing)
    return body


def as_whole(segmentation: Segmentation, key: str, parts: Sequence[str]) -> Segmentation:
    """The same segmentation, the parts of a structure painted over with it where it holds them."""
    labels = np.array(segmentation.labels)
    labels[whole_organ(segmentation, key, parts)] = segmentation.segment(key).label
    return segmentation.with_(labels=labels)


def _closed(mask: Mask, mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    """A mask closed, on fewer voxels where they are small."""
    step = [max(1, round(COARSE_MM / float(s))) for s in spacing_mm]
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
