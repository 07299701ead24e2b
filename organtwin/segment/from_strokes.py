"""What the engines that start from strokes have in common: they differ in who owns a voxel, and in nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from organtwin.model import Frozen, Volume
from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.engine import Found
from organtwin.segment.strokes import Drawn, Stroke, draw

if TYPE_CHECKING:
    from organtwin.segment.competition import Statistics

Owners = Callable[[NDArray[np.float32], Drawn, "Statistics", NDArray[np.float64], Monitor], NDArray[np.int16]]


class StrokeParameters(Frozen):
    """``strokes``: what is what; those with the key "background" say where no structure is.

    ``tolerance``: how many standard deviations from the values under a stroke are still like it.
    ``reach_mm``: how far from the strokes of structures to look.
    ``neck_mm``: passages thinner than this are not crossed; None: a part of how thick the structure is at its strokes.
    ``fill_ml``: enclosed cavities up to this volume are filled (vessels and tumours of an organ).
    """

    strokes: Annotated[tuple[Stroke, ...], Field(min_length=1)]
    tolerance: Annotated[float, Field(gt=0, le=20)] = 3.0
    reach_mm: Annotated[float, Field(gt=0)] = 180.0
    neck_mm: Annotated[float, Field(ge=0, le=50)] | None = None
    fill_ml: Annotated[float, Field(ge=0)] = 50.0


def find_from_strokes(
    volume: Volume, structures: Sequence[str] | None, parameters: StrokeParameters, owners: Owners, monitor: Monitor
) -> Sequence[Found]:
    """One mask for every structure that has strokes.

    ``owners`` (values, strokes, their statistics, spacing i, j, k in mm, monitor) gives for every voxel the index of the key
    that owns it, or -1. Thin leaks are then cut, the surface is put where the value is half way between the two sides, and
    cavities are filled.

    Raises
    ------
    BadInput
        When there is no stroke, or one lies outside the scan.
    """
    from organtwin.segment import competition, shaping

    spacing = volume.grid.spacing_mm
    drawn = draw(parameters.strokes, volume, structures)
    monitor.progress(0.02, "learning the values under the strokes")
    box = drawn.box(volume.grid.shape, np.ceil(parameters.reach_mm / spacing[::-1]).astype(np.int64))
    values = np.ascontiguousarray(volume.values[box], dtype=np.float32)
    drawn = drawn.shifted(box)
    statistics = competition.learn(values, drawn, spacing)
    owner = owners(values, drawn, statistics, spacing, PartMonitor(monitor, 0.05, 0.7))
    floor = shaping.soft_floor(volume)
    masks = shaping.shape(
        values, drawn, owner, spacing, parameters.neck_mm, parameters.fill_ml, floor, monitor, (0.7, 1.0)
    )
    return shaping.report(volume, box, drawn, masks)
