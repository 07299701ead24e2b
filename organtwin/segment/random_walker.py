"""The random walker: to which stroke a walker that shuns edges comes first. Steadier than growing where contrast is poor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from organtwin.model import Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Engine, Found
from organtwin.segment.from_strokes import StrokeParameters, find_from_strokes


class RandomWalkerParameters(StrokeParameters):
    """Here a value ``tolerance`` standard deviations from those under a stroke is as likely something else.

    ``range_mm``: how far a walker goes before the value where it stands counts as much as the strokes it may reach.
    ``largest_problem``: with more voxels than this the walk is on coarser ones; the surface is still found on all.
    """

    reach_mm: Annotated[float, Field(gt=0)] = 150.0
    range_mm: Annotated[float, Field(gt=0, le=200)] = 8.0
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
    from organtwin.segment import walk

    p = parameters
    return find_from_strokes(
        volume,
        structures,
        parameters,
        lambda values, drawn, statistics, spacing_mm, part: walk.owners(
            values, drawn, statistics, spacing_mm, p.tolerance, p.range_mm, p.largest_problem, part
        ),
        monitor,
    )
