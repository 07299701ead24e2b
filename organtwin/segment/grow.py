"""Grow structures from a few strokes: fronts that compete, each at home in the values under its own strokes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from organtwin.model import Frozen, Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Engine, Found
from organtwin.segment.strokes import Stroke


class GrowParameters(Frozen):
    """``strokes``: what is what; those with the key "background" say where no structure is.

    ``tolerance``: how many standard deviations of the values under the strokes a front may go.
    ``reach_mm``: how far from the strokes of structures to look.
    ``neck_mm``: passages thinner than this are not crossed; None: a part of how thick the structure is at its strokes.
    ``fill_ml``: enclosed cavities up to this volume are filled (vessels and tumours of an organ).
    """

    strokes: Annotated[tuple[Stroke, ...], Field(min_length=1)]
    tolerance: Annotated[float, Field(gt=0, le=20)] = 3.0
    reach_mm: Annotated[float, Field(gt=0)] = 180.0
    neck_mm: Annotated[float, Field(ge=0, le=50)] | None = None
    fill_ml: Annotated[float, Field(ge=0)] = 50.0


ENGINE = Engine(
    name="grow",
    title="Grow from strokes",
    licence="Apache-2.0",
    structures=(),
    parameters=GrowParameters,
    function="organtwin.segment.grow:segment",
)


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: GrowParameters, monitor: Monitor
) -> Sequence[Found]:
    """One mask for every structure that has strokes.

    A voxel can belong to a structure when its value, freed of noise, is within ``tolerance`` of one of the structure's
    strokes. Fronts spread through such voxels; a step costs its length times ``1 + z² + (edge / sigma)²``, and who comes
    first owns the voxel (a shortest path, as in Vezhnevets and Konouchine's GrowCut). Then thin leaks are cut, the surface
    is put where the value is half way between the two sides, and cavities are filled.

    Raises
    ------
    BadInput
        When there is no stroke, or one lies outside the scan.
    """
    import numpy as np

    from organtwin.segment import competition, shaping
    from organtwin.segment.strokes import draw

    spacing = volume.grid.spacing_mm
    drawn = draw(parameters.strokes, volume, structures)
    monitor.progress(0.02, "learning the values under the strokes")
    box = drawn.box(volume.grid.shape, np.ceil(parameters.reach_mm / spacing[::-1]).astype(np.int64))
    values = np.ascontiguousarray(volume.values[box], dtype=np.float32)
    drawn = drawn.shifted(box)
    statistics = competition.learn(values, drawn, spacing)
    owner = competition.run(values, drawn, statistics, spacing, parameters.tolerance, monitor, (0.05, 0.7))
    floor = shaping.soft_floor(volume)
    masks = shaping.shape(
        values, drawn, owner, spacing, parameters.neck_mm, parameters.fill_ml, floor, monitor, (0.7, 1.0)
    )
    return shaping.report(volume, box, drawn, masks)
