"""Grow structures from a few strokes: fronts that compete, each at home in the values under its own strokes."""

from __future__ import annotations

from collections.abc import Sequence

from organtwin.model import Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Engine, Found
from organtwin.segment.from_strokes import StrokeParameters, find_from_strokes


class GrowParameters(StrokeParameters):
    """Here ``tolerance`` is how many standard deviations of the values under the strokes a front may go."""


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
    first owns the voxel (a shortest path, as in Vezhnevets and Konouchine's GrowCut).

    Raises
    ------
    BadInput
        When there is no stroke, or one lies outside the scan.
    """
    from organtwin.segment import competition

    return find_from_strokes(
        volume,
        structures,
        parameters,
        lambda values, drawn, statistics, spacing_mm, part: competition.run(
            values, drawn, statistics, spacing_mm, parameters.tolerance, part
        ),
        monitor,
    )
