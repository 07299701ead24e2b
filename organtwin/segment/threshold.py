"""Segment what lies between two values, with tools to keep the wanted part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from organtwin.errors import BadInput
from organtwin.model import Frozen, Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Engine, Found

Point = tuple[float, float, float]
Length = Annotated[float, Field(ge=0, le=200)]


class Ball(Frozen):
    """A ball in LPS mm."""

    centre_mm: Point
    radius_mm: Annotated[float, Field(gt=0)]


class ThresholdParameters(Frozen):
    """What to keep, in the order in which it is done.

    ``low``, ``high``: the range of values, both included, either may be left out. ``box_mm`` (two corners, LPS mm) and ``ball``:
    only what lies within. ``opening_mm``: cut bridges thinner than twice this. ``connected_to_mm``: only the parts that hold one
    of these points. ``largest``: only the largest part. ``islands_below_ml``: without smaller parts. ``closing_mm``: fill clefts
    narrower than twice this. ``fill_holes``: fill what is enclosed.
    """

    key: str = "region"
    low: float | None = None
    high: float | None = None
    box_mm: tuple[Point, Point] | None = None
    ball: Ball | None = None
    opening_mm: Length = 0.0
    connected_to_mm: tuple[Point, ...] = ()
    largest: bool = False
    islands_below_ml: Annotated[float, Field(ge=0)] = 0.0
    closing_mm: Length = 0.0
    fill_holes: bool = False

    @model_validator(mode="after")
    def _a_range(self) -> ThresholdParameters:
        if self.low is None and self.high is None:
            raise ValueError("give a lower or an upper value")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("the lower value is above the upper one")
        return self


ENGINE = Engine(
    name="threshold",
    title="Range of values",
    licence="Apache-2.0",
    structures=(),
    parameters=ThresholdParameters,
    function="organtwin.segment.threshold:segment",
)


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: ThresholdParameters, monitor: Monitor
) -> Sequence[Found]:
    """One mask: the voxels of the range that the tools leave.

    Raises
    ------
    BadInput
        When a point lies outside the scan, or more than one structure is asked for.
    """
    import numpy as np

    from organtwin.segment import regions

    if structures is not None and len(structures) > 1:
        raise BadInput("A range of values gives one structure", remedy="Ask for one at a time.")
    key = structures[0] if structures else parameters.key
    grid, spacing = volume.grid, volume.grid.spacing_mm
    points = [_voxel(volume, p) for p in parameters.connected_to_mm]

    monitor.progress(0.05, "comparing values")
    mask = np.ones(grid.shape, bool)
    if parameters.low is not None:
        mask &= volume.values >= parameters.low
    if parameters.high is not None:
        mask &= volume.values <= parameters.high
    if not mask.any():
        return (Found(key, None, None, f"no voxel lies in the range {_range(parameters, volume)}"),)
    if parameters.box_mm is not None:
        mask &= regions.within_box(grid, np.min(parameters.box_mm, axis=0), np.max(parameters.box_mm, axis=0))
    if parameters.ball is not None:
        mask &= regions.within_ball(grid, np.array(parameters.ball.centre_mm), parameters.ball.radius_mm)
    monitor.progress(0.3, "opening")
    mask = regions.opened(mask, parameters.opening_mm, spacing)
    monitor.progress(0.5, "choosing parts")
    if points:
        seeds = np.zeros_like(mask)
        seeds[tuple(np.transpose(points))] = True
        if not (mask & seeds).any():
            return (Found(key, None, None, "none of the points lies in the range"),)
        mask = regions.connected_to(mask, seeds)
    if parameters.largest and mask.any():
        mask = regions.largest(mask)
    if parameters.islands_below_ml > 0:
        mask = regions.without_islands(mask, parameters.islands_below_ml * 1000, grid.voxel_volume_mm3)
    monitor.progress(0.7, "closing")
    mask = regions.closed(mask, parameters.closing_mm, spacing)
    if parameters.fill_holes:
        monitor.progress(0.85, "filling holes")
        mask = regions.filled(mask)
    monitor.progress(1.0, "done")
    if not mask.any():
        return (Found(key, None, None, "the tools left nothing of the range"),)
    return (Found(key, mask),)


def _voxel(volume: Volume, point_mm: Point) -> tuple[int, int, int]:
    import numpy as np

    i, j, k = (int(n) for n in np.rint(volume.grid.to_index(point_mm)))
    if not all(0 <= n < size for n, size in zip((i, j, k), volume.grid.size, strict=True)):
        x, y, z = point_mm
        raise BadInput(f"The point ({x:g}, {y:g}, {z:g}) mm lies outside the scan", where=volume.name)
    return k, j, i


def _range(parameters: ThresholdParameters, volume: Volume) -> str:
    low = "below" if parameters.low is None else f"{parameters.low:g}"
    high = "above" if parameters.high is None else f"{parameters.high:g}"
    return f"{low} to {high} {volume.value_unit}".rstrip()
