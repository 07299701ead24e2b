"""Smooth: even the surface of one segment, or of several together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from organtwin.edit.tool import Tool
from organtwin.model import Frozen

Point = tuple[float, float, float]
Method = Literal["median", "opening", "closing", "gaussian", "joint", "keeping"]


class SmoothOptions(Frozen):
    """``method``:

    - "median": a voxel goes to what most of the ball around it is;
    - "opening": what a ball does not fit into is removed; "closing": clefts that a ball does not fit into are filled;
    - "gaussian": the half level of the blurred segment, moved so that the volume stays;
    - "joint": several segments blurred together: each voxel goes to the strongest, so that no gap and no overlap appears
      between them;
    - "keeping": like "gaussian", but thin branches stay.

    ``radius_mm``: of the ball, or the standard deviation of the blur. ``segments``: the keys to smooth together with "joint";
    None takes all. ``region_mm``: two opposite corners of the box to work in; None: everywhere.
    """

    method: Method = "median"
    radius_mm: Annotated[float, Field(gt=0, le=50)] = 2.0
    segments: tuple[str, ...] | None = None
    region_mm: tuple[Point, Point] | None = None


TOOL = Tool(
    name="smooth",
    title="Smooth",
    about="Even the surface of a segment, or of all together without gaps; thin branches can be kept.",
    options=SmoothOptions,
    function="organtwin.edit.smoothing:smooth",
    target=False,
)
