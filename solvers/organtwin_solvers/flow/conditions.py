"""A flow case resolved against a mesh: which points are held, how much flows in where, what each outlet does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import FlowCase, OrganMesh
from organtwin.model.cases import Outlet
from organtwin.units import parse
from organtwin_solvers.flow.inflow import flux_vector, normals_mm2, require_resolved, unit_profile, waveform


@dataclass(frozen=True)
class Inflow:
    """Prescribed flow in through a cap: ``profile`` (n_points, 3) carries 1 mm^3/s."""

    cap: str
    profile: NDArray[np.float64]
    flow_mm3_per_s: float
    kind: str
    period_s: float

    def at(self, time_s: float) -> float:
        """Flow in mm^3/s."""
        return self.flow_mm3_per_s * waveform(self.kind, time_s, self.period_s)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Outflow:
    """pressure + resistance * flow on a cap; ``flux`` (n_points, 3) makes the flow of a velocity field."""

    cap: str
    pressure_pa: float
    resistance: float
    flux: NDArray[np.float64]


@dataclass(frozen=True)
class Conditions:
    """Everything on the boundary, in mm-g-s and in the mesh's point order.

    ``reference_pa`` is taken off every outlet pressure before the solve and put back afterwards: only differences move
    blood, and rounding should act on those.
    """

    density: float
    viscosity: float
    held: NDArray[np.bool_]  # points with a prescribed velocity: wall and inlets
    inflows: tuple[Inflow, ...]
    outflows: tuple[Outflow, ...]
    reference_pa: float
    cap_means: dict[str, NDArray[np.float64]]  # (n_points,) weights whose product with a field is its mean over the cap

    def velocity(self, time_s: float) -> NDArray[np.float64]:
        """Prescribed velocity (n_points, 3), zero where nothing is prescribed."""
        return np.sum([inflow.at(time_s) * inflow.profile for inflow in self.inflows], axis=0)


def resolve(case: FlowCase, organ: OrganMesh) -> Conditions:
    """Find the caps that a case names, and check that the problem is well posed.

    "inlet" stands for every inlet cap that nothing else names (its flow is shared by area), "*" for every cap left.

    Raises
    ------
    BadInput
        In one sentence, with the caps that there are.
    """
    caps = {cap.name: cap for cap in organ.caps if cap.name in organ.boundaries}
    known = f"The openings are: {', '.join(f'{c.name} ({c.role})' for c in caps.values()) or 'none'}."
    if not caps:
        raise BadInput(
            f"The mesh '{organ.name}' has no openings for blood to flow through",
            remedy="Mesh a vessel with its ends cut open.",
        )
    if "wall" not in organ.boundaries:
        raise BadInput(f"The mesh '{organ.name}' has no boundary 'wall'", remedy="Mesh the structure as a vessel.")
    named = {condition.cap for condition in (*case.inlets, *case.outlets)}
    for name in named - set(caps) - {"*", "inlet"}:
        if name in organ.boundaries:
            raise BadInput(f"'{name}' is not an opening: blood cannot enter or leave through it", remedy=known)
        raise BadInput(f"There is no opening '{name}'", remedy=known)

    period = parse(case.numerics.period, "time")
    inflows: list[Inflow] = []
    for inlet in case.inlets:
        flow = parse(inlet.flow, "flow")
        chosen = (
            [inlet.cap]
            if inlet.cap in caps
            else [c.name for c in caps.values() if c.role == "inlet" and c.name not in named]
        )
        if inlet.cap == "*":
            raise BadInput("An inlet needs the name of its opening: '*' is for outlets", remedy=known)
        if not chosen:
            raise BadInput("No opening of the mesh is an inlet", remedy=known)
        area = sum(caps[name].area_mm2 for name in chosen)
        for name in chosen:
            share = flow * caps[name].area_mm2 / area
            inflows.append(Inflow(name, unit_profile(organ, name, inlet.profile), share, inlet.waveform, period))

    taken = {inflow.cap for inflow in inflows}
    explicit = {outlet.cap: outlet for outlet in case.outlets if outlet.cap != "*"}
    rest = next((outlet for outlet in case.outlets if outlet.cap == "*"), None)
    outlets: dict[str, Outlet] = {}
    for name in caps:
        if name in explicit:
            outlets[name] = explicit[name]
        elif name not in taken and rest is not None:
            outlets[name] = rest
        elif name not in taken:
            raise BadInput(
                f"The opening '{name}' has neither an inflow nor an outlet",
                remedy=f"Name it, or give an outlet '*'. {known}",
            )
    if not outlets:
        raise BadInput("The case has no outlet: blood that flows in cannot leave", remedy=known)

    outflows = []
    for name, outlet in outlets.items():
        require_resolved(organ, name)
        resistance = 0.0 if outlet.resistance is None else parse(outlet.resistance, "resistance")
        if resistance < 0.0:
            raise BadInput(f"The resistance of the outlet '{name}' is negative", remedy="Give zero or more.")
        outflows.append(Outflow(name, parse(outlet.pressure, "pressure"), resistance, flux_vector(organ, name)))
    reference = min(outflow.pressure_pa for outflow in outflows)

    density, viscosity = parse(case.blood.density, "density"), parse(case.blood.viscosity, "viscosity")
    if density <= 0.0 or viscosity <= 0.0 or period <= 0.0:
        raise BadInput("Density, viscosity and period must be above zero")
    held = np.zeros(len(organ.points_mm), bool)
    for name in ["wall", *sorted(taken)]:
        held[organ.boundary(name)] = True
    return Conditions(
        density=density,
        viscosity=viscosity,
        held=held,
        inflows=tuple(inflows),
        outflows=tuple(Outflow(o.cap, o.pressure_pa - reference, o.resistance, o.flux) for o in outflows),
        reference_pa=reference,
        cap_means={name: _mean_over(organ, name) for name in [i.cap for i in inflows] + [o.cap for o in outflows]},
    )


def _mean_over(organ: OrganMesh, cap: str) -> NDArray[np.float64]:
    triangles = organ.boundary(cap)
    areas = np.linalg.norm(normals_mm2(organ, triangles), axis=1)
    weights = np.zeros(len(organ.points_mm))
    np.add.at(weights, triangles, np.repeat(areas[:, None] / (3.0 * areas.sum()), 3, axis=1))
    return weights
