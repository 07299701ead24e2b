"""A flow case resolved against a mesh: which points are held, how much flows in where, what each outlet does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import FlowCase, OrganMesh
from organtwin.model.flow_case import Blood, Inlet, Outlet, Samples
from organtwin.model.organ_mesh import Cap
from organtwin.units import parse
from organtwin.vessel.waveform_csv import period_s
from organtwin_solvers.flow.setup.inflow import Section, flux_vector, normals_mm2, require_resolved
from organtwin_solvers.flow.setup.targets import Loop, Terminal, solve_loop, terminals
from organtwin_solvers.flow.setup.waveforms import Waveform, constant, sampled, template
from organtwin_solvers.flow.setup.womersley_profile import WomersleyProfile, womersley_profile

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Inflow:
    """Prescribed flow in through a cap.

    ``points`` (k,) are the cap's, in the mesh's order, and ``profile`` (k, 3) the velocity there that carries 1 mm^3/s;
    ``waveform`` says how much flows when. A Womersley profile changes its shape with time: ``womersley`` gives its speed
    (k,) along ``inward``, and ``profile`` is that of the steady part.
    """

    cap: str
    points: NDArray[np.int64]
    profile: Array
    inward: Array
    waveform: Waveform
    n_points: int
    womersley: WomersleyProfile | None = None

    def at(self, time_s: float) -> float:
        """Flow in mm^3/s."""
        return self.waveform(time_s)

    def velocity_at_points(self, time_s: float) -> Array:
        """(k, 3) mm/s on the cap's points."""
        if self.womersley is not None:
            return np.outer(self.womersley(time_s), self.inward)
        return self.at(time_s) * self.profile

    def velocity(self, time_s: float) -> Array:
        """(n_points, 3) mm/s, zero off the cap."""
        velocity = np.zeros((self.n_points, 3))
        velocity[self.points] = self.velocity_at_points(time_s)
        return velocity

    @property
    def flow_mm3_per_s(self) -> float:
        """Mean over a period."""
        return self.waveform.mean

    @property
    def peak_mm3_per_s(self) -> float:
        """Greatest flow of a period, in whichever direction."""
        return self.waveform.peak

    @cached_property
    def peak_speed(self) -> float:
        """Greatest prescribed speed of a period, mm/s."""
        if self.womersley is None:
            return self.peak_mm3_per_s * float(np.linalg.norm(self.profile, axis=1).max())
        times = self.waveform.period_s * np.arange(100) / 100.0
        return float(max(np.abs(self.womersley(time)).max() for time in times))


@dataclass(frozen=True)
class Outflow:
    """What a cap does to the flow out through it; ``flux`` (n_points, 3) makes the flow Q of a velocity field.

    pressure = proximal Q + P_c with compliance dP_c/dt = Q - (P_c - distal_pressure_pa) / distal and P_c(0) = stored_pa;
    with no compliance P_c = distal_pressure_pa + distal Q. Resistances in Pa s/mm^3, compliance in mm^3/Pa.
    """

    cap: str
    flux: Array
    proximal: float
    compliance: float
    distal: float
    distal_pressure_pa: float
    stored_pa: float

    def after_step(self, past_pa: float, a0: float, dt_s: float) -> tuple[float, float]:
        """Resistance R and pressure p0 such that pressure = R Q + p0 at the end of a step.

        P_c = (R_d Q + tau past + P_d) / (1 + a0 tau) with tau = C R_d / dt, where P_c' = (a0 P_c - past) / dt. A steady
        state is a step without end: ``dt_s`` infinite.
        """
        tau = self.compliance * self.distal / dt_s
        share = 1.0 / (1.0 + a0 * tau)
        return self.proximal + share * self.distal, share * (tau * past_pa + self.distal_pressure_pa)


def resistances_and_pressures(
    outflows: Sequence[Outflow], past_pa: Array, a0: float, dt_s: float
) -> tuple[Array, Array]:
    """(outlets,) each: what :meth:`Outflow.after_step` says of every outlet."""
    pairs = [outflow.after_step(past, a0, dt_s) for outflow, past in zip(outflows, past_pa, strict=True)]
    resistances, pressures = np.array(pairs, dtype=float).reshape(-1, 2).T
    return resistances, pressures


@dataclass(frozen=True)
class Conditions:
    """Everything on the boundary, in mm-g-s and in the mesh's point order.

    ``reference_pa`` is taken off every outlet pressure before the solve and put back afterwards: only differences move
    blood, and rounding should act on those.
    """

    blood: Blood
    density: float
    viscosity: float
    period_s: float
    held: NDArray[np.bool_]  # points with a prescribed velocity: wall and inlets
    inflows: tuple[Inflow, ...]
    outflows: tuple[Outflow, ...]
    loop: Loop  # the outlets as they were given or found, and the 0D state that they start from (absolute pressures)
    reference_pa: float
    cap_means: dict[str, Array]  # (n_points,) weights whose product with a field is its mean over the cap

    def velocity(self, time_s: float) -> Array:
        """Prescribed velocity (n_points, 3), zero where nothing is prescribed."""
        return np.sum([inflow.velocity(time_s) for inflow in self.inflows], axis=0)


def resolve(case: FlowCase, organ: OrganMesh) -> Conditions:
    """Find the caps that a case names, and check that the problem is well posed.

    "inlet" stands for every inlet cap that nothing else names (its flow is shared by area), "*" for every cap left.
    A steady case takes the mean of every waveform.

    Raises
    ------
    BadInput
        In one sentence, with the caps that there are.
    """
    caps = _caps(case, organ)
    period = parse(case.numerics.period, "time")
    density, viscosity = parse(case.blood.density, "density"), parse(case.blood.viscosity, "viscosity")
    if density <= 0.0 or viscosity <= 0.0 or period <= 0.0:
        raise BadInput("Density, viscosity and period must be above zero")

    inflows = _inflows(case, organ, caps, period, viscosity / density)
    taken = {inflow.cap for inflow in inflows}
    outlets = _outlets(case, caps, taken)
    for name in outlets:
        require_resolved(organ, name)
    loop = _loop(case, caps, outlets, inflows, period, density)
    reference = min(end.stored_pa for end in loop.terminals)

    held = np.zeros(len(organ.points_mm), bool)
    for name in ["wall", *sorted(taken)]:
        held[organ.boundary(name)] = True
    return Conditions(
        blood=case.blood,
        density=density,
        viscosity=viscosity,
        period_s=period,
        held=held,
        inflows=tuple(inflows),
        outflows=tuple(_outflow(organ, end, reference) for end in loop.terminals),
        loop=loop,
        reference_pa=reference,
        cap_means={name: _mean_over(organ, name) for name in [*(i.cap for i in inflows), *outlets]},
    )


def _caps(case: FlowCase, organ: OrganMesh) -> dict[str, Cap]:
    """Caps by name; refuses a mesh without, and names that are none of them."""
    caps = {cap.name: cap for cap in organ.caps if cap.name in organ.boundaries}
    if not caps:
        raise BadInput(
            f"The mesh '{organ.name}' has no openings for blood to flow through",
            remedy="Mesh a vessel with its ends cut open.",
        )
    if "wall" not in organ.boundaries:
        raise BadInput(f"The mesh '{organ.name}' has no boundary 'wall'", remedy="Mesh the structure as a vessel.")
    named = {condition.cap for condition in (*case.inlets, *case.outlets)}
    for name in sorted(named - set(caps) - {"*", "inlet"}):
        if name in organ.boundaries:
            raise BadInput(f"'{name}' is not an opening: blood cannot enter or leave through it", remedy=_known(caps))
        raise BadInput(f"There is no opening '{name}'", remedy=_known(caps))
    return caps


def _known(caps: dict[str, Cap]) -> str:
    return f"The openings are: {', '.join(f'{c.name} ({c.role})' for c in caps.values()) or 'none'}."


def _inflows(
    case: FlowCase, organ: OrganMesh, caps: dict[str, Cap], period: float, kinematic_viscosity: float
) -> list[Inflow]:
    named = {condition.cap for condition in (*case.inlets, *case.outlets)}
    inflows = []
    for inlet in case.inlets:
        chosen = (
            [inlet.cap]
            if inlet.cap in caps
            else [c.name for c in caps.values() if c.role == "inlet" and c.name not in named]
        )
        if inlet.cap == "*":
            raise BadInput("An inlet needs the name of its opening: '*' is for outlets", remedy=_known(caps))
        if not chosen:
            raise BadInput("No opening of the mesh is an inlet", remedy=_known(caps))
        flow = flow_in(inlet, period, steady=case.numerics.mode == "steady")
        area = sum(caps[name].area_mm2 for name in chosen)
        for name in chosen:
            section = Section(organ, name)
            share = replace(flow, scale=flow.scale * caps[name].area_mm2 / area)
            womersley = None
            if inlet.profile == "womersley" and not share.steady:
                womersley = womersley_profile(section, share, kinematic_viscosity)
            speed = section.flat() if inlet.profile == "flat" else section.parabolic()
            profile = np.outer(speed, section.inward)
            inflows.append(
                Inflow(name, section.points, profile, section.inward, share, len(organ.points_mm), womersley)
            )
    return inflows


def flow_in(inlet: Inlet, period: float, *, steady: bool) -> Waveform:
    """What enters through an inlet over time.

    Raises
    ------
    BadInput
        When the waveform is unknown, of another period, or cannot be scaled to a mean.
    """
    mean = None
    if inlet.flow is not None:
        mean = parse(inlet.flow, "flow")
    elif inlet.stroke_volume is not None:
        mean = parse(inlet.stroke_volume, "volume") / period
    if isinstance(inlet.waveform, Samples):
        wave = sampled(inlet.waveform, period_s(inlet.waveform) if steady else period)
        if mean is not None:
            if abs(wave.mean) < 1e-3 * wave.peak:
                raise BadInput(
                    f"The waveform of the inlet '{inlet.cap}' has a mean of zero and cannot be scaled to another mean",
                    remedy="Leave the flow and the stroke volume out: the samples are then taken as they are.",
                )
            wave = replace(wave, scale=mean / wave.mean)
    else:
        wave = template(inlet.waveform, mean or 0.0, period)
    return constant(wave.mean, period) if steady else wave


def _outlets(case: FlowCase, caps: dict[str, Cap], taken: set[str]) -> dict[str, Outlet]:
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
                remedy=f"Name it, or give an outlet '*'. {_known(caps)}",
            )
    if not outlets:
        raise BadInput("The case has no outlet: blood that flows in cannot leave", remedy=_known(caps))
    return outlets


def _loop(
    case: FlowCase,
    caps: dict[str, Cap],
    outlets: dict[str, Outlet],
    inflows: list[Inflow],
    period: float,
    density: float,
) -> Loop:
    """What hangs at the outlets, and the pressure at which that carries the inflow. Steady flow knows no compliance."""
    steady = case.numerics.mode == "steady"
    flow = sum(np.full(1, i.flow_mm3_per_s) if steady else i.waveform.over_period() for i in inflows)
    radii = {name: float(np.sqrt(caps[name].area_mm2 / np.pi)) for name in outlets}
    ends = terminals(outlets, case.targets, radii, flow, period, density)
    if steady:
        ends = tuple(replace(end, compliance=0.0) for end in ends)
    return solve_loop(ends, flow, period)


def _outflow(organ: OrganMesh, end: Terminal, reference: float) -> Outflow:
    return Outflow(
        end.cap,
        flux_vector(organ, end.cap),
        end.proximal,
        end.compliance,
        end.distal,
        end.distal_pressure_pa - reference,
        end.stored_pa - reference,
    )


def _mean_over(organ: OrganMesh, cap: str) -> Array:
    triangles = organ.boundary(cap)
    areas = np.linalg.norm(normals_mm2(organ, triangles), axis=1)
    weights = np.zeros(len(organ.points_mm))
    np.add.at(weights, triangles, np.repeat(areas[:, None] / (3.0 * areas.sum()), 3, axis=1))
    return weights
