"""Flood: all that is connected to a point and has values like it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.edit.tool import Tool
from organtwin.model import Frozen

Point = tuple[float, float, float]


class FloodOptions(Frozen):
    """``points_mm``: where it starts, LPS mm. ``tolerance``: how far values may be from the one there; ``values``, where given,
    is the range instead. ``normal``: stay in the slice through the first point that is most nearly across this direction.
    ``reach_mm``: no farther than this from a point. ``neck_mm``: passages thinner than this are not crossed. ``smooth_mm``:
    noise is averaged over this distance before looking. ``erase``: take away instead."""

    points_mm: Annotated[tuple[Point, ...], Field(min_length=1)]
    tolerance: Annotated[float, Field(ge=0)] = 30.0
    values: tuple[float, float] | None = None
    normal: Point | None = None
    reach_mm: Annotated[float, Field(gt=0)] | None = None
    neck_mm: Annotated[float, Field(ge=0, le=50)] = 0.0
    smooth_mm: Annotated[float, Field(ge=0, le=20)] = 0.0
    erase: bool = False


TOOL = Tool(
    name="flood",
    title="Flood",
    about="Fill everything that is connected to a point and has values like it.",
    options=FloodOptions,
    function="organtwin.edit.flooding:flood",
    looks=True,
)
