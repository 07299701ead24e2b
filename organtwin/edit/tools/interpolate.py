"""Interpolate: the slices between painted ones."""

from __future__ import annotations

from typing import Literal

from organtwin.edit.tool import Tool
from organtwin.model import Frozen


class InterpolateOptions(Frozen):
    """``segments``: keys to fill in; None takes the segment in hand, or all where none is. ``axis``: across which slices were
    painted; None finds the direction in which slices were left out."""

    segments: tuple[str, ...] | None = None
    axis: Literal["i", "j", "k"] | None = None


TOOL = Tool(
    name="interpolate",
    title="Interpolate",
    about="Paint every few slices; the shapes in between are worked out.",
    options=InterpolateOptions,
    function="organtwin.edit.interpolating:interpolate",
    target=False,
)
