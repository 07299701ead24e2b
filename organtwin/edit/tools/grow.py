"""Grow: segments from seeds, live; a segment put right by a stroke; a lesion from one click."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from organtwin.edit.tool import Tool
from organtwin.model import Frozen
from organtwin.segment.strokes import Stroke

Point = tuple[float, float, float]


class GrowOptions(Frozen):
    """Three ways to grow.

    ``mode`` "seeds": every stroke is a seed of the segment of its key, or of "background"; the segments in ``from_segments``
    are seeds as they are. They compete within ``region_mm`` (two opposite corners), or within ``margin_mm`` around the
    strokes, and become what they win there; what is outside stays.

    ``mode`` "correct": a stroke with the key of the segment in hand lies where the segment lacks voxels, one with the key
    "background" where it has too many. Its border moves near the strokes, at most ``reach_mm`` away from them (None: as far as
    the error seems to go, at most 30 mm).

    ``mode`` "lesion": every stroke is a click (or a short line) in a lesion; its mask joins the segment in hand. ``reach_mm``
    is the largest radius (None: 60 mm), ``within`` the organ that it may not leave.

    ``tolerance``: how many standard deviations from the values under a seed are still like it. ``smooth_mm`` evens borders.
    """

    mode: Literal["seeds", "correct", "lesion"] = "seeds"
    strokes: tuple[Stroke, ...] = ()
    from_segments: tuple[str, ...] = ()
    region_mm: tuple[Point, Point] | None = None
    margin_mm: Annotated[float, Field(ge=0, le=500)] = 40.0
    reach_mm: Annotated[float, Field(gt=0, le=200)] | None = None
    within: str | None = None
    tolerance: Annotated[float, Field(gt=0, le=20)] = 3.0
    smooth_mm: Annotated[float, Field(ge=0, le=20)] = 1.0

    @model_validator(mode="after")
    def _something_to_grow_from(self) -> Self:
        if not self.strokes and not (self.mode == "seeds" and self.from_segments):
            raise ValueError("there is nothing to grow from; draw a stroke first")
        return self


TOOL = Tool(
    name="grow",
    title="Grow",
    about="Segments grow from strokes and compete at the edges of the image; a stroke puts a border right; a click finds a lesion.",
    options=GrowOptions,
    function="organtwin.edit.growing:grow",
    looks=True,
    target=False,
)
