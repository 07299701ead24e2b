"""What is asked of a resection plan, as plain data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from organtwin.model.base import Frozen
from organtwin.units import Length

Vector = tuple[float, float, float]
Strategy = Literal["margin", "territories", "plane"]
Condition = Literal["healthy", "chemotherapy", "cirrhosis"]


class CutPlane(Frozen):
    """A plane through ``point_mm``; what lies on the side of its ``normal`` is taken. Of several planes, what lies on that
    side of all: two of them make a wedge."""

    point_mm: Vector
    normal: Vector

    @model_validator(mode="after")
    def _points_somewhere(self) -> CutPlane:
        if sum(x * x for x in self.normal) < 1e-12:
            raise ValueError("the normal of a plane must have a length")
        return self


class Push(Frozen):
    """The cut surface around ``at_mm`` is moved by ``move_mm``, less and less towards ``radius``."""

    at_mm: Vector
    move_mm: Vector
    radius: Length = "25 mm"


class Stroke(Frozen):
    """A line drawn by hand: what lies within ``radius`` of it is taken, or stays."""

    points_mm: Annotated[tuple[Vector, ...], Field(min_length=1)]
    radius: Length = "6 mm"
    take: bool = True


class Settings(Frozen):
    """How to cut.

    ``strategy``: "margin" takes the tumours with ``margin`` around them, "territories" all vascular territories which that
    touches (or the named ones), "plane" what lies beyond planes (without any: the plane that takes least).
    ``tumours`` None means all. ``reach_surface``: a deep one is opened a way to the surface.
    ``spare_vessels``: a branch at the border of territories that feeds or drains what stays is left out of what is taken,
    as it is dissected free in surgery, unless the margin needs it. ``smoothing`` is the length over
    which the cut is made smooth; it never eats of the margin. By hand: ``add_territories``, ``remove_territories``,
    ``offset`` (more is taken), ``pushes``, ``strokes``. ``protect``: how near the cut may come to a structure.
    ``condition`` of the organ decides how much of it must stay.
    """

    organ: str = "liver"
    tumours: tuple[str, ...] | None = None
    margin: Length = "10 mm"
    strategy: Strategy = "margin"
    territories: tuple[str, ...] | None = None
    planes: tuple[CutPlane, ...] = ()
    reach_surface: bool = True
    spare_vessels: bool = True
    smoothing: Length = "3 mm"
    offset: Length = "0 mm"
    add_territories: tuple[str, ...] = ()
    remove_territories: tuple[str, ...] = ()
    pushes: tuple[Push, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    protect: dict[str, Length] = Field(default_factory=lambda: {"inferior_vena_cava": "5 mm"})
    condition: Condition = "healthy"
