"""Cases are data: what to solve, in the units of the clinic, checked when read."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from organtwin.model.base import Frozen, TwinObject
from organtwin.units import Acceleration, Density, Flow, Force, Length, Pressure, Resistance, Time, Viscosity

Vector = tuple[float, float, float]


# -- flow ---------------------------------------------------------------------------------------------------------


class Blood(Frozen):
    """Newtonian blood."""

    density: Density = "1.06 g/cm^3"
    viscosity: Viscosity = "3.5 mPa*s"


class Inlet(Frozen):
    """Flow into the vessel through a named cap; positive is inwards.

    ``waveform``: "constant", or "systolic": a half-sine systole over a third of the period whose mean is ``flow``.
    """

    cap: str
    flow: Flow
    profile: Literal["parabolic", "flat"] = "parabolic"
    waveform: Literal["constant", "systolic"] = "constant"


class Outlet(Frozen):
    """A named cap, or "*" for every cap that nothing else names: pressure = ``pressure`` + ``resistance`` * outflow."""

    cap: str = "*"
    pressure: Pressure = "0 mmHg"
    resistance: Resistance | None = None


class FlowNumerics(Frozen):
    """``steady`` marches to a steady state; ``pulsatile`` runs ``cycles`` of ``period``."""

    mode: Literal["steady", "pulsatile"] = "steady"
    period: Time = "0.8 s"
    cycles: Annotated[int, Field(ge=1, le=20)] = 2
    steps_per_cycle: Annotated[int, Field(ge=20, le=10000)] = 200
    frames_per_cycle: Annotated[int, Field(ge=1, le=200)] = 20
    tolerance: Annotated[float, Field(gt=0, lt=0.1)] = 1e-3
    max_steps: Annotated[int, Field(ge=10, le=100000)] = 400


class FlowCase(TwinObject):
    """Blood flow in a vessel mesh."""

    kind: ClassVar[str] = "flow_case"

    name: str = "flow"
    blood: Blood = Blood()
    inlets: tuple[Inlet, ...]
    outlets: tuple[Outlet, ...] = (Outlet(),)
    numerics: FlowNumerics = FlowNumerics()

    @model_validator(mode="after")
    def _one_condition_per_cap(self) -> FlowCase:
        names = [i.cap for i in self.inlets] + [o.cap for o in self.outlets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the cap '{name}' has two conditions")
        if not self.inlets:
            raise ValueError("a flow case needs an inlet")
        return self


# -- tissue -------------------------------------------------------------------------------------------------------


class Region(Frozen):
    """A part of the boundary: a named one, or what lies within ``radius`` of ``centre_mm``, or the most extreme part in a direction.

    ``toward`` with ``fraction``: the boundary points within that fraction of the organ's extent at its far end in that
    direction, for example toward (0, 1, 0) (posterior) and fraction 0.1.
    """

    boundary: str | None = None
    centre_mm: Vector | None = None
    radius: Length | None = None
    toward: Vector | None = None
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _exactly_one_way(self) -> Region:
        ways = [
            self.boundary is not None,
            self.centre_mm is not None and self.radius is not None,
            self.toward is not None and self.fraction is not None,
        ]
        given = [self.boundary, self.centre_mm, self.radius, self.toward, self.fraction]
        if sum(ways) != 1 or sum(g is not None for g in given) != (1 if ways[0] else 2):
            raise ValueError("a region is either a boundary, or centre_mm with radius, or toward with fraction")
        return self


class Material(Frozen):
    """A hyperelastic material by registered law; ``parameters`` are the dimensionless shape parameters of the law."""

    law: Literal["neo_hookean", "mooney_rivlin", "yeoh", "veronda_westmann", "linear"] = "neo_hookean"
    parameters: dict[str, float] = Field(default_factory=dict)
    young: Pressure = "5 kPa"
    poisson: Annotated[float, Field(ge=0, lt=0.5)] = 0.45
    density: Density = "1.06 g/cm^3"
    source: str = ""


class Pull(Frozen):
    """A region moved by a prescribed displacement (mm, LPS)."""

    region: Region
    displacement_mm: Vector


class Press(Frozen):
    """A region under a total force that keeps its direction, or under a pressure that follows the surface inwards."""

    region: Region
    force: Force | None = None
    direction: Vector | None = None
    pressure: Pressure | None = None

    @model_validator(mode="after")
    def _force_or_pressure(self) -> Press:
        if (self.force is None) == (self.pressure is None) or (self.force is None) != (self.direction is None):
            raise ValueError("a press is either force with direction, or pressure")
        return self


class TissueNumerics(Frozen):
    """How to solve. ``auto`` never locks: mixed displacement-pressure where linear tetrahedra or a Poisson ratio from
    0.49 on need it, and quadratic elements on small meshes only."""

    formulation: Literal["auto", "displacement", "mixed"] = "auto"
    element: Literal["auto", "linear", "quadratic"] = "auto"
    load_steps: Annotated[int, Field(ge=1, le=1000)] = 5
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    max_newton: Annotated[int, Field(ge=2, le=200)] = 25


class TissueCase(TwinObject):
    """Quasi-static deformation of an organ mesh."""

    kind: ClassVar[str] = "tissue_case"

    name: str = "tissue"
    material: Material = Material()
    fixed: tuple[Region, ...]
    pulls: tuple[Pull, ...] = ()
    presses: tuple[Press, ...] = ()
    gravity: Vector | None = None  # direction; standard gravity 9.80665 m/s^2
    gravity_strength: Acceleration = "9.80665 m/s^2"
    numerics: TissueNumerics = TissueNumerics()

    @model_validator(mode="after")
    def _well_posed(self) -> TissueCase:
        if not self.fixed:
            raise ValueError("a tissue case needs a fixed region: without one the organ would float away")
        if not (self.pulls or self.presses or self.gravity):
            raise ValueError("a tissue case needs a pull, a press or gravity: otherwise nothing moves")
        return self
