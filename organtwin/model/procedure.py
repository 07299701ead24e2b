"""What is tried on a vessel: a change of its shape that can be said in the terms of the procedure room."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from organtwin.model.base import Frozen, TwinObject
from organtwin.units import Length

Distance = Annotated[float, Field(ge=0)]


class Widen(Frozen):
    """A stent or a balloon between two distances from the inlet on the way to ``toward`` (a cap), up to ``diameter``.

    The vessel is nowhere made narrower. A stenosis that is removed takes the diameter that its ends suggest.
    """

    action: Literal["stent", "balloon", "remove-stenosis"]
    toward: str
    start_mm: Distance
    stop_mm: Distance
    diameter: Length | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Widen:
        if self.stop_mm <= self.start_mm:
            raise ValueError("the span must end beyond its start")
        if (self.diameter is None) != (self.action == "remove-stenosis"):
            raise ValueError("a stent and a balloon need a diameter; a removed stenosis takes that of its ends")
        return self


class Clamp(Frozen):
    """The vessel towards a cap is shut at a distance from the inlet: blood no longer leaves there."""

    action: Literal["clamp"]
    toward: str
    at_mm: Distance


class Bypass(Frozen):
    """A graft of a diameter from one place (distance from the inlet on the way to a cap) to another."""

    action: Literal["bypass"]
    start_toward: str
    start_mm: Distance
    stop_toward: str
    stop_mm: Distance
    diameter: Length


Action = Annotated[Widen | Clamp | Bypass, Field(discriminator="action")]


class Procedure(TwinObject):
    """An action on the mesh ``before``, and the mesh ``after`` it (uuids)."""

    kind: ClassVar[str] = "procedure"

    action: Action
    before: str
    after: str
