"""Kinds of values that options of tools are made of. What is no number is refused before a tool sees it."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, AllowInfNan, BeforeValidator, Field

from organtwin.model import Frozen

Finite = Annotated[float, AllowInfNan(False)]
Point = tuple[Finite, Finite, Finite]  # LPS mm, or a direction
Screen = tuple[Finite, Finite]  # x to the right, y up, each -1 to 1 over the view
Matrix = tuple[tuple[Finite, Finite, Finite, Finite], ...]
Colour = tuple[
    Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)], Annotated[int, Field(ge=0, le=255)]
]


def _open_ends(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) == 2:
        return tuple(end if e is None else e for e, end in zip(value, (-math.inf, math.inf), strict=True))
    return value


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if not ends[0] <= ends[1]:
        raise ValueError(f"a range goes from the lower value to the higher one, not from {ends[0]:g} to {ends[1]:g}")
    return ends


# values of the scan, ends included; an open end is an infinity here and null in JSON, which has none
Range = Annotated[tuple[float, float], BeforeValidator(_open_ends), AfterValidator(_ordered)]


class Ball(Frozen):
    """Within ``radius_mm`` of a point."""

    centre_mm: Point
    radius_mm: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Block(Frozen):
    """A box along the axes of the patient, between two opposite corners."""

    corner_mm: Point
    opposite_mm: Point
