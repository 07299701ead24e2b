"""Rigid tools and where they stand: shared by the full solve and the rehearsal."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Literal

from pydantic import Field, model_validator

from organtwin.model.base import Frozen
from organtwin.units import Length

Vector = tuple[float, float, float]


class Sphere(Frozen):
    """A ball; the pose is its centre."""

    shape: Literal["sphere"] = "sphere"
    radius: Length = "5 mm"


class Rod(Frozen):
    """A rod with a round tip, such as a probe or one jaw: from the tip back against the axis."""

    shape: Literal["rod"] = "rod"
    radius: Length = "2.5 mm"
    length: Length = "150 mm"


class Blade(Frozen):
    """A flat retractor with rounded edges: ``width`` across, ``length`` back from the tip, ``thickness`` all through."""

    shape: Literal["blade"] = "blade"
    width: Length = "25 mm"
    length: Length = "80 mm"
    thickness: Length = "3 mm"


class Plane(Frozen):
    """A half space, such as the table: the pose lies on it, and the axis points into it."""

    shape: Literal["plane"] = "plane"


Shape = Annotated[Sphere | Rod | Blade | Plane, Field(discriminator="shape")]


class Pose(Frozen):
    """Where a tool stands (LPS mm): its tip, the direction it points in, and the normal of its flat side."""

    tip_mm: Vector
    axis: Vector = (0.0, 0.0, -1.0)
    normal: Vector = (0.0, -1.0, 0.0)

    @model_validator(mode="after")
    def _is_a_frame(self) -> Pose:
        if not all(isfinite(x) for x in (*self.tip_mm, *self.axis, *self.normal)):
            raise ValueError("a pose has a coordinate that is not a finite number")
        across = [
            self.axis[1] * self.normal[2] - self.axis[2] * self.normal[1],
            self.axis[2] * self.normal[0] - self.axis[0] * self.normal[2],
            self.axis[0] * self.normal[1] - self.axis[1] * self.normal[0],
        ]
        if sum(c * c for c in across) < 1e-12:
            raise ValueError("the axis and the normal of a tool must be two directions")
        return self


class RigidTool(Frozen):
    """A tool that touches the tissue; with ``start`` it is brought from there to ``pose`` along the load."""

    shape: Shape
    pose: Pose
    start: Pose | None = None
    friction: Annotated[float, Field(ge=0, le=2)] = 0.0
