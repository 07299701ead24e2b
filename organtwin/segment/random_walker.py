"""The random walker: to which stroke a walker that shuns edges comes first. Steadier than growing where contrast is poor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from organtwin.model import Frozen, Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Engine, Found
from organtwin.segment.strokes import Stroke


class RandomWalkerParameters(Frozen):
    """``strokes``: what is what; those with the key "background" say where no structure is.

    ``tolerance``: a value this many standard deviations from those under a stroke is as likely something else.
    ``range_mm``: how far a walker goes before the value where it stands counts as much as the strokes it may reach.
    ``reach_mm``: how far from the strokes of structures to look.
    ``neck_mm``, ``fill_ml``: as in the engine "grow".
    ``largest_problem``: with more voxels than this the walk is on coarser ones; the surface is still found on all.
    """

    strokes: Annotated[tuple[Stroke, ...], Field(min_length=1)]
    tolerance: Annotated[float, Field(gt=0, le=20)] = 3.0
    range_mm: Annotated[float, Field(gt=0, le=200)] = 8.0
    reach_mm: Annotated[float, Field(gt=0)] = 150.0
    neck_mm: Annotated[float, Field(ge=0, le=50)] | None = None
    fill_ml: Annotated[float, Field(ge=0)] = 50.0
    largest_problem: Annotated[int, Field(ge=1000, le=5_000_000)] = 600_000


ENGINE = Engine(
    name="random-walker",
    title="Random walker from strokes",
    licence="Apache-2.0",
    structures=(),
    parameters=RandomWalkerParameters,
    function="organtwin.segment.random_walker:segment",
)


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: RandomWalkerParameters, monitor: Monitor
) -> Sequence[Found]:
    """One mask for every structure that has strokes (Grady 2006, with the priors of Grady 2005).

    Raises
    ------
    BadInput
        When there is no stroke, or one lies outside the scan.
    SolveFailed
        When the linear system does not converge.
    """
    import numpy as np

    from organtwin.segment import competition, shaping, walk
    from organtwin.segment.strokes import draw

    spacing = volume.grid.spacing_mm
    drawn = draw(parameters.strokes, volume, structures)
    monitor.progress(0.02, "learning the values under the strokes")
    box = drawn.box(volume.grid.shape, np.ceil(parameters.reach_mm / spacing[::-1]).astype(np.int64))
    values = np.ascontiguousarray(volume.values[box], dtype=np.float32)
    drawn = drawn.shifted(box)
    statistics = competition.learn(values, drawn, spacing)
    owner = walk.owners(
        values,
        drawn,
        statistics,
        spacing,
        parameters.tolerance,
        parameters.range_mm,
        parameters.largest_problem,
        monitor,
        (0.05, 0.7),
    )
    floor = shaping.soft_floor(volume)
    masks = shaping.shape(
        values, drawn, owner, spacing, parameters.neck_mm, parameters.fill_ml, floor, monitor, (0.7, 1.0)
    )
    return shaping.report(volume, box, drawn, masks)
