"""Lesions of a scan from clicks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from organtwin.edit.places import box_around
from organtwin.model import Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Found
from organtwin.segment.lesion.engine import LesionParameters
from organtwin.segment.lesion.find import lesion
from organtwin.segment.strokes import draw

AROUND_MM = 20.0


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: LesionParameters, monitor: Monitor
) -> Sequence[Found]:
    """One mask for every key that has a click.

    Raises
    ------
    BadInput
        When there is no click, or one lies outside the scan.
    """
    drawn = draw(parameters.strokes, volume, structures)
    masks = {key: np.zeros(volume.grid.shape, bool) for key in drawn.structures}
    doubts: dict[str, str] = {}
    for number, (owner, seeds) in enumerate(zip(drawn.owner, drawn.voxels, strict=True)):
        monitor.progress(number / len(drawn.voxels), "finding the lesion")
        key = drawn.keys[owner]
        if key not in masks:
            continue
        box = box_around(seeds, parameters.reach_mm + AROUND_MM, volume.grid)
        values = np.nan_to_num(volume.values[box].astype(np.float32), nan=-1e4, posinf=1e4, neginf=-1e4)
        found = lesion(values, seeds - [s.start for s in box], volume.grid.spacing_mm, None, parameters.reach_mm)
        masks[key][box] |= found.mask
        doubts[key] = "; ".join(filter(None, (doubts.get(key, ""), found.doubt)))
    return [Found(key, mask if mask.any() else None, None, doubts.get(key, "")) for key, mask in masks.items()]
