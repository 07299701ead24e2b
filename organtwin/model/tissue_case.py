"""Deformation of an organ mesh as plain data, in the units of the clinic, checked when read."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from organtwin.model.base import Frozen, TwinObject
from organtwin.model.tool import RigidTool, Vector
from organtwin.units import Acceleration, Density, Force, Foundation, Length, Pressure, Time

Finite = Annotated[float, Field(allow_inf_nan=False)]
Place = tuple[Finite, Finite, Finite]


class Region(Frozen):
    """A part of the boundary: a named one, or what lies within ``radius`` of ``centre_mm``, the most extreme part in a
    direction, or the mesh points of ``points``.

    ``toward`` with ``fraction``: the boundary points within that fraction of the organ's extent at its far end in that
    direction, for example toward (0, 1, 0) (posterior) and fraction 0.1.
    """

    boundary: str | None = None
    centre_mm: Place | None = None
    radius: Length | None = None
    toward: Place | None = None
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    points: tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _exactly_one_way(self) -> Region:
        ways = [
            self.boundary is not None,
            self.points is not None,
            self.centre_mm is not None and self.radius is not None,
            self.toward is not None and self.fraction is not None,
        ]
        given = [self.boundary, self.points, self.centre_mm, self.radius, self.toward, self.fraction]
        if sum(ways) != 1 or sum(g is not None for g in given) != (1 if ways[0] or ways[1] else 2):
            raise ValueError("a region is a boundary, or points, or centre_mm with radius, or toward with fraction")
        return self


class Relaxation(Frozen):
    """One term of a Prony series: this ``share`` of the shear stiffness is lost with this time constant."""

    share: Annotated[float, Field(gt=0, lt=1)]
    time: Time


class Material(Frozen):
    """A hyperelastic material by registered law; ``parameters`` are the dimensionless shape parameters of the law.

    ``young`` sets the shear modulus at rest, μ = E / (2 (1 + ν)), of every law; ν = 0.5 is incompressible. Laws with
    fibres take their directions from the case. ``active`` is a tension along the fibres that contraction adds.
    ``relaxation`` makes it viscoelastic: ``young`` is then the stiffness at once. ``tears_at`` is the largest principal
    Green-Lagrange strain that the tissue bears, where that was measured.
    """

    law: Literal[
        "neo_hookean",
        "mooney_rivlin",
        "yeoh",
        "ogden",
        "veronda_westmann",
        "guccione",
        "holzapfel_ogden",
        "linear",
    ] = "neo_hookean"
    parameters: dict[str, float] = Field(default_factory=dict)
    young: Pressure = "5 kPa"
    poisson: Annotated[float, Field(ge=0, le=0.5)] = 0.45
    density: Density = "1.06 g/cm^3"
    relaxation: tuple[Relaxation, ...] = ()
    active: Pressure | None = None
    tears_at: Annotated[float, Field(gt=0)] | None = None
    source: str = ""

    @model_validator(mode="after")
    def _something_stays(self) -> Material:
        if sum(term.share for term in self.relaxation) >= 1:
            raise ValueError("the shares of a relaxation add up to one or more: nothing would be left of the stiffness")
        return self


class Fibres(Frozen):
    """Directions of muscle fibres: one ``direction`` everywhere, or a helix in the wall of a ventricle.

    A helix turns from ``endo_deg`` at the boundary ``endo`` to ``epi_deg`` at the boundary ``epi`` around ``base_axis``.
    """

    direction: Vector | None = None
    sheet: Vector | None = None
    endo: str | None = None
    epi: str | None = None
    endo_deg: float = 60.0
    epi_deg: float = -60.0
    base_axis: Vector = (0.0, 0.0, 1.0)

    @model_validator(mode="after")
    def _one_way(self) -> Fibres:
        if (self.direction is None) == (self.endo is None) or (self.endo is None) != (self.epi is None):
            raise ValueError("fibres are either one direction, or a helix between the boundaries endo and epi")
        return self


class Pull(Frozen):
    """A region moved by a prescribed displacement (mm, LPS); of ``each_mm`` one for each of the region's points."""

    region: Region
    displacement_mm: Place | None = None
    each_mm: tuple[Place, ...] | None = None

    @model_validator(mode="after")
    def _one_or_each(self) -> Pull:
        if (self.displacement_mm is None) == (self.each_mm is None):
            raise ValueError("a pull has either displacement_mm, or each_mm")
        if self.each_mm is not None and (self.region.points is None or len(self.region.points) != len(self.each_mm)):
            raise ValueError("each_mm needs a region of as many points")
        return self


class Press(Frozen):
    """A region under a total force that keeps its direction, or under a pressure that follows the surface inwards."""

    region: Region
    force: Force | None = None
    direction: Place | None = None
    pressure: Pressure | None = None

    @model_validator(mode="after")
    def _force_or_pressure(self) -> Press:
        if (self.force is None) == (self.pressure is None) or (self.force is None) != (self.direction is None):
            raise ValueError("a press is either force with direction, or pressure")
        return self


class Spring(Frozen):
    """Surrounding tissue that gives way elastically: a pressure for each length of displacement, in every direction or
    only along the normal at rest."""

    region: Region
    stiffness: Foundation
    normal_only: bool = False


class Dynamics(Frozen):
    """Motion in time by generalised-α: loads grow over ``ramp`` and then stay; ``damping`` is proportional to mass (1/s).

    Without ``ramp`` they are there at once. Without ``inertia`` it is so slow that time counts for relaxation alone.
    """

    duration: Time
    step: Time
    ramp: Time | None = None
    spectral_radius: Annotated[float, Field(ge=0, le=1)] = 0.8
    damping_per_s: Annotated[float, Field(ge=0)] = 0.0
    inertia: bool = True


class TissueNumerics(Frozen):
    """How to solve. ``auto`` never locks: mixed displacement-pressure where linear tetrahedra or a Poisson ratio from
    0.49 on need it, and quadratic elements on small meshes only."""

    formulation: Literal["auto", "displacement", "mixed"] = "auto"
    element: Literal["auto", "linear", "quadratic"] = "auto"
    load_steps: Annotated[int, Field(ge=1, le=1000)] = 5
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    max_newton: Annotated[int, Field(ge=2, le=200)] = 25


class TissueCase(TwinObject):
    """Deformation of an organ mesh: quasi-static, or with ``dynamics`` in time.

    ``material`` holds for all cells but those of the parts of the mesh named in ``materials`` (OrganMesh.materials).
    ``tools`` are rigid. Neighbouring organs that it may touch are inputs of the operation, not of the case;
    they are rigid, or made of ``neighbour_material`` and held where they are far from the organ.
    """

    kind: ClassVar[str] = "tissue_case"

    name: str = "tissue"
    material: Material = Material()
    materials: dict[str, Material] = Field(default_factory=dict)
    fibres: Fibres | None = None
    fixed: tuple[Region, ...] = ()
    springs: tuple[Spring, ...] = ()
    pulls: tuple[Pull, ...] = ()
    presses: tuple[Press, ...] = ()
    tools: tuple[RigidTool, ...] = ()
    gravity: Vector | None = None  # direction; standard gravity 9.80665 m/s^2
    gravity_strength: Acceleration = "9.80665 m/s^2"
    neighbour_material: Material | None = None
    dynamics: Dynamics | None = None
    numerics: TissueNumerics = TissueNumerics()

    @model_validator(mode="after")
    def _well_posed(self) -> TissueCase:
        if not (self.fixed or self.springs):
            raise ValueError("a tissue case needs a fixed region or springs: without them the organ would float away")
        active = any(m.active for m in (self.material, *self.materials.values()))
        if not (self.pulls or self.presses or self.gravity or self.tools or active):
            raise ValueError("a tissue case needs a pull, a press, a tool or gravity: otherwise nothing moves")
        return self
