"""One vessel from two clicks, or a tree of vessels from one: bright vessels in CT and MR angiography."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from organtwin.model import Frozen, Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Engine, Found

Point = tuple[float, float, float]


class VesselParameters(Frozen):
    """``points_mm``: clicks in the vessel (LPS), in order along it: from the first to the last, through those between; one
    alone is followed to the ends of the tree within ``reach_mm``. ``key``: what the result is called, where no structure is asked for.
    ``widest_mm``: no vessel is wider. ``margin_mm``: how far beside the clicks the vessel may run.
    """

    points_mm: Annotated[tuple[Point, ...], Field(min_length=1, max_length=64)]
    key: str = "vessel"
    reach_mm: Annotated[float, Field(gt=5, le=400)] = 80.0
    widest_mm: Annotated[float, Field(ge=1, le=80)] = 40.0
    margin_mm: Annotated[float, Field(ge=5, le=200)] = 30.0


ENGINE = Engine(
    name="vessel",
    title="Vessel from clicks",
    licence="Apache-2.0",
    structures=(),
    parameters=VesselParameters,
    function="organtwin.segment.vessel.engine:segment",
    about="Follows a bright vessel (contrast CT, MR angiography) between clicks, or from one click to the ends of its tree, "
    "and finds its wall half-way between blood and what is beside it. Bone and calcium stay outside.",
    hand=True,
)


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: VesselParameters, monitor: Monitor
) -> Sequence[Found]:
    """The vessel as one mask.

    Raises
    ------
    BadInput
        When a click is outside the scan or not in a vessel, or no bright way leads from one to the next.
    """
    from organtwin.segment.vessel import follow, tube, way
    from organtwin.segment.vessel.look import Look

    key = structures[0] if structures else parameters.key
    alone = len(parameters.points_mm) == 1
    look = Look.around(volume, parameters.points_mm, parameters.reach_mm if alone else parameters.margin_mm)
    monitor.progress(0.1, "blood and what is beside it")
    if alone:
        part, confidence, doubt = follow.tree(look, parameters.widest_mm, parameters.reach_mm, monitor)
    else:
        line = way.between(look, monitor)
        monitor.progress(0.6, "the wall along the way")
        part, confidence, doubt = tube.lumen(look, line, parameters.widest_mm, monitor)
    monitor.progress(1.0, "done")
    return (Found(key, look.whole(part), confidence, doubt),)
