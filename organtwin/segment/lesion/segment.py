"""Lesions of a scan from clicks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from organtwin.model import Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Found
from organtwin.segment.lesion.engine import LesionParameters
from organtwin.segment.lesion.find import lesion
from organtwin.segment.strokes import Drawn, draw

BLANK = -1e4  # what takes the place of values that are not numbers


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
        margin = np.ceil((1.5 * parameters.reach_mm + 5.0) / volume.grid.spacing_mm[::-1]).astype(np.int64)
        box = Drawn((key,), np.zeros(1, np.int64), (seeds,)).box(volume.grid.shape, margin)
        values = np.nan_to_num(volume.values[box].astype(np.float32), nan=BLANK, posinf=-BLANK, neginf=BLANK)
        found = lesion(values, seeds - [s.start for s in box], volume.grid.spacing_mm, reach_mm=parameters.reach_mm)
        masks[key][box] |= found.mask
        doubts[key] = "; ".join(dict.fromkeys(d for d in (doubts.get(key, ""), found.doubt) if d))
    return [Found(key, mask if mask.any() else None, None, doubts.get(key, "")) for key, mask in masks.items()]
