"""Level trace: the line of equal value through the pointer, and what it encloses in its slice."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.edit.tool import Tool
from organtwin.model import Frozen

Point = tuple[float, float, float]


class LevelTraceOptions(Frozen):
    """``point_mm``: the pointer, LPS mm. ``normal``: of its slice. ``smooth_mm``: noise is averaged over this distance in the
    slice before the line is traced. ``erase``: take away what it encloses."""

    point_mm: Point
    normal: Point
    smooth_mm: Annotated[float, Field(ge=0, le=20)] = 1.0
    erase: bool = False


TOOL = Tool(
    name="level-trace",
    title="Level trace",
    about="Follow the line of equal value through the pointer and fill what it encloses in this slice.",
    options=LevelTraceOptions,
    function="organtwin.edit.level_tracing:level_trace",
    quick=True,
    looks=True,
)
