"""Oscillating flow in a straight round pipe, against Womersley: values, and the orders in space and in time.

The pressure gradient is constant + amplitude * cos(omega t). The constant part (Poiseuille) is just so strong that blood
never flows backward: then the exact velocity at the inlet and an outlet of constant pressure are what they are in an endless
pipe, and every deviation is one of the scheme. Values are those of the oscillating part: the exact constant part is taken
off. Womersley, J. Physiol. 127, 1955.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import jv

from organtwin.model import FlowCase, OrganMesh
from organtwin.model.flow_case import Blood
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.flow.fast.scheme import Scheme
from organtwin_solvers.flow.results.wall_shear import WallShear
from organtwin_solvers.flow.rheology import rheology
from organtwin_solvers.flow.setup.conditions import Conditions, Inflow, resolve
from organtwin_solvers.flow.state import State
from organtwin_solvers.validation.measures import length, mean_on_wall, observed_order, order_row, point_volumes
from organtwin_solvers.validation.pipes import pipe, toward_wall

Array = NDArray[np.float64]
SOURCE = "Womersley 1955"
LENGTH = 3.0  # of the pipe, in radii
STEPS = 160  # a period, for the orders in space: small beside the cells


@dataclass(frozen=True)
class Womersley:
    """Exact flow in an endless pipe, in mm-g-s: pressure falls by amplitude * cos(2 pi t / period) + steady, Pa/mm."""

    radius: float
    kinematic_viscosity: float
    density: float
    period: float
    amplitude: float

    @property
    def viscosity(self) -> float:
        return self.density * self.kinematic_viscosity

    @property
    def omega(self) -> float:
        return 2.0 * np.pi / self.period

    @property
    def alpha(self) -> float:
        """Womersley number."""
        return self.radius * float(np.sqrt(self.omega / self.kinematic_viscosity))

    @cached_property
    def steady(self) -> float:
        """A constant gradient, a tenth more than what keeps every bit of blood from flowing backward."""
        r = np.linspace(0.0, 0.999, 500) * self.radius
        reach = np.abs(self.phasor(r)) / (self.radius**2 - r**2)
        return 1.1 * 4.0 * self.viscosity * float(reach.max())

    def gradient(self, time_s: float) -> float:
        """Fall of pressure along the pipe, the oscillating part, Pa/mm."""
        return self.amplitude * float(np.cos(self.omega * time_s))

    def oscillating(self, r: Array | float, time_s: float) -> Array:
        """Axial velocity, the oscillating part, mm/s."""
        return np.real(self.phasor(np.asarray(r, float)) * np.exp(1j * self.omega * time_s))

    def constant(self, r: Array | float) -> Array:
        """Axial velocity, the constant part, mm/s."""
        return self.steady / (4.0 * self.viscosity) * (self.radius**2 - np.asarray(r, float) ** 2)

    @property
    def constant_flow(self) -> float:
        """The constant part, mm^3/s."""
        return float(np.pi * self.steady * self.radius**4 / (8.0 * self.viscosity))

    def flow(self, time_s: float) -> float:
        """The oscillating part, mm^3/s."""
        root = 1j**1.5 * self.alpha
        share = 1.0 - 2.0 * jv(1, root) / (root * jv(0, root))
        return float(np.real(np.pi * self.radius**2 * self._plug * share * np.exp(1j * self.omega * time_s)))

    def shear(self, time_s: float) -> float:
        """Wall shear in the direction of the flow, the oscillating part, Pa."""
        root = 1j**1.5 * self.alpha
        slope = self._plug * root * jv(1, root) / (self.radius * jv(0, root))
        return float(np.real(-self.viscosity * slope * np.exp(1j * self.omega * time_s)))

    @property
    def _plug(self) -> complex:
        """Velocity amplitude without viscosity."""
        return self.amplitude / (1j * self.omega * self.density)

    def phasor(self, r: Array) -> NDArray[np.complex128]:
        """Complex amplitude of the axial velocity, mm/s."""
        root = 1j**1.5 * self.alpha
        return self._plug * (1.0 - jv(0, root * r / self.radius) / jv(0, root))


PUBLISHED = Womersley(radius=2.0, kinematic_viscosity=3.3, density=1.06e-3, period=1.0, amplitude=0.5)


@dataclass(frozen=True, kw_only=True)
class ExactInflow(Inflow):
    """Prescribes the exact velocity: constant + Re(phasor exp(i omega t)), (k, 3) each."""

    constant: Array
    phasor: NDArray[np.complex128]
    omega: float

    def velocity_at_points(self, time_s: float) -> Array:
        """See :meth:`Inflow.velocity_at_points`."""
        return self.constant + np.real(self.phasor * np.exp(1j * self.omega * time_s))


@dataclass(frozen=True)
class Moment:
    """The oscillating part of what was computed at one time: fields in the mesh's point order, mm-g-s."""

    time_s: float
    velocity: Array
    pressure: Array
    centre: float
    flow: float
    gradient: float
    shear: float


@dataclass(frozen=True)
class Computed:
    """A run: moments at t = 0 and a quarter of a period later, errors there as parts of the amplitude, cost."""

    organ: OrganMesh
    moments: tuple[Moment, ...]
    velocity_error: float
    gradient_error: float
    shear_error: float
    seconds: float


def compute(exact: Womersley, rings: int, steps: int, monitor: Monitor | None = None) -> Computed:
    """March from the exact flow at -period/4 to period/4, in ``steps`` steps a period (a multiple of four)."""
    monitor = monitor or NullMonitor()
    graded = toward_wall(exact.radius, exact.alpha / 3.0)  # for the boundary layer, R sqrt(2) / alpha
    organ = pipe(exact.radius, LENGTH * exact.radius, rings, 2 * round(0.75 * rings), shape=graded)
    r = np.hypot(organ.points_mm[:, 0], organ.points_mm[:, 1])
    started = time.perf_counter()
    scheme = Scheme(fem_mesh(organ), conditions(exact, organ))
    dt = exact.period / steps
    state = start(scheme, exact, organ, -exact.period / 4.0, dt)
    moments = []
    for step in range(1, steps // 2 + 1):
        state = scheme.step(state, dt, tolerance=1e-7)
        monitor.progress(2.0 * step / steps, f"{rings} cells along the radius, step {step} of {steps // 2}")
        if step % (steps // 4) == 0:
            moments.append(_moment(scheme, exact, organ, state, step * dt - exact.period / 4.0, r))
    return _judged(exact, organ, tuple(moments), r, time.perf_counter() - started)


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the published case."""
    return rows(PUBLISHED, (4, 8) if quick else (8, 16), monitor)


def rows(exact: Womersley, meshes: tuple[int, int], monitor: Monitor) -> list[Row]:
    """Values on the finer of two meshes (cells along the radius), the order between them, and that of three steps."""
    coarse, fine = (
        compute(exact, rings, STEPS, PartMonitor(monitor, low, high))
        for rings, low, high in zip(meshes, (0.0, 0.2), (0.2, 0.8), strict=True)
    )
    mesh = f"{len(fine.organ.tets)} tetrahedra, {STEPS} steps a period"
    made = []

    def against(quantity: str, reference: float, computed: float, amplitude: float, unit: str) -> None:
        share = 2.0 * max(1.0, exact.alpha / 4.0) if "shear" in quantity else 1.0  # thin layers hold fewer cells
        accepted = 100.0 * share / meshes[1] ** 2 * amplitude / abs(reference)  # of the amplitude, not of the moment
        made.append(Row(quantity, reference, computed, unit, accepted, SOURCE, mesh, fine.seconds))

    for moment, name in zip(fine.moments, ("t = 0", "t = T/4"), strict=True):
        t = moment.time_s
        for quantity, exactly, computed, unit in (
            ("velocity on the axis", lambda t: float(exact.oscillating(0.0, t)), moment.centre, "mm/s"),
            ("flow", exact.flow, moment.flow, "mm^3/s"),
            ("wall shear", exact.shear, moment.shear, "Pa"),
        ):
            amplitude = float(np.hypot(exactly(0.0), exactly(exact.period / 4.0)))
            against(f"{quantity}, {name}", exactly(t), computed, amplitude, unit)
    amplitude = 1e3 * exact.amplitude
    against("fall of pressure along the pipe, t = 0", amplitude, 1e3 * fine.moments[0].gradient, amplitude, "Pa/m")
    spaces = f"{meshes[0]} and {meshes[1]} cells along the radius"
    for name in ("velocity", "gradient", "shear"):
        label = {"velocity": "velocity", "gradient": "pressure", "shear": "wall shear"}[name]
        errors = (getattr(computed, f"{name}_error") for computed in (coarse, fine))
        made.append(
            order_row(f"{label}, in space", observed_order(*errors, meshes[1] / meshes[0]), spaces,
                      coarse.seconds + fine.seconds)
        )  # fmt: skip
    return made + orders_in_time(exact, meshes[0], PartMonitor(monitor, 0.8, 1.0))


def orders_in_time(exact: Womersley, rings: int, monitor: Monitor) -> list[Row]:
    """From the differences between steps of T/20, T/40 and T/80 on one mesh, where the error in space is the same."""
    counts = (20, 40, 80)
    runs = [
        compute(exact, rings, n, PartMonitor(monitor, k / 3.0, (k + 1) / 3.0)) for k, n in enumerate(counts)
    ]  # fmt: skip
    weights = point_volumes(runs[0].organ)
    label = f"{len(runs[0].organ.tets)} tetrahedra, steps of T/{counts[0]}, T/{counts[1]}, T/{counts[2]}"
    made = []
    for quantity in ("velocity", "pressure"):
        first, second = (
            np.sqrt(
                sum(
                    length(getattr(a, quantity) - getattr(b, quantity), weights) ** 2
                    for a, b in zip(one.moments, other.moments, strict=True)
                )
            )
            for one, other in pairwise(runs)
        )
        made.append(
            order_row(f"{quantity}, in time", observed_order(first, second, 2.0), label, sum(r.seconds for r in runs))
        )
    return made


def conditions(exact: Womersley, organ: OrganMesh) -> Conditions:
    """The exact velocity at the inlet, no pressure at the outlet."""
    r = np.hypot(organ.points_mm[:, 0], organ.points_mm[:, 1])
    case = FlowCase.model_validate(
        {
            "blood": {"density": f"{exact.density!r} g/mm^3", "viscosity": f"{exact.viscosity!r} Pa*s"},
            "inlets": [{"cap": "inlet", "flow": f"{exact.constant_flow!r} mm^3/s"}],
        }
    )
    resolved = resolve(case, organ)
    (plain,) = resolved.inflows
    exactly = ExactInflow(
        **{field.name: getattr(plain, field.name) for field in fields(plain)},
        constant=_along_z(exact.constant(r[plain.points])),
        phasor=_along_z(exact.phasor(r[plain.points])),
        omega=exact.omega,
    )
    return replace(resolved, inflows=(exactly,))


def start(scheme: Scheme, exact: Womersley, organ: OrganMesh, time_s: float, dt: float) -> State:
    """The exact flow at a time and one step before."""
    r, left = (
        np.hypot(organ.points_mm[:, 0], organ.points_mm[:, 1]),
        organ.points_mm[:, 2].max() - organ.points_mm[:, 2],
    )
    own = scheme.nodes.from_points

    def at(t: float) -> tuple[Array, Array]:
        velocity = _along_z(exact.constant(r) + exact.oscillating(r, t))
        return own(velocity), own((exact.steady + exact.gradient(t)) * left)

    (now, pressure), (before, pressure_before) = at(time_s), at(time_s - dt)
    rest = scheme.rest()
    return replace(
        rest,
        time_s=time_s,
        velocity=now,
        pressure=pressure,
        before=before,
        pressure_before=pressure_before,
        stored_before=rest.stored,
        dt_s=dt,
    )


def _moment(scheme: Scheme, exact: Womersley, organ: OrganMesh, state: State, time_s: float, r: Array) -> Moment:
    velocity = scheme.to_points(state.velocity) - _along_z(exact.constant(r))
    total = LENGTH * exact.radius
    z = organ.points_mm[:, 2]
    pressure = scheme.to_points(state.pressure) - exact.steady * (total - z)
    blood = Blood(density=f"{exact.density!r} g/mm^3", viscosity=f"{exact.viscosity!r} Pa*s")
    shear = WallShear(organ, rheology(blood)).traction(scheme.to_points(state.velocity))[:, 2]
    middle = np.argmin(r + np.abs(z - total / 2.0))
    caps = scheme.pressures_by_cap(state)
    return Moment(
        time_s,
        velocity,
        pressure,
        centre=float(velocity[middle, 2]),
        flow=_flow_of_profile(velocity[:, 2], r, np.abs(z - total / 2.0) < 1e-6 * total),
        gradient=(caps["inlet"] - caps["outlet"]) / total - exact.steady,
        shear=mean_on_wall(organ, shear, total / 3.0, total * 2.0 / 3.0) - exact.steady * exact.radius / 2.0,
    )


def _judged(exact: Womersley, organ: OrganMesh, moments: tuple[Moment, ...], r: Array, seconds: float) -> Computed:
    weights = point_volumes(organ)
    wrong = sum(
        length(m.velocity - _along_z(exact.oscillating(r, m.time_s)), weights) ** 2 for m in moments
    )  # fmt: skip
    amplitude = sum(length(exact.oscillating(r, m.time_s), weights) ** 2 for m in moments)
    shear = np.hypot(*(m.shear - exact.shear(m.time_s) for m in moments))
    gradient = np.hypot(*(m.gradient - exact.gradient(m.time_s) for m in moments))
    return Computed(
        organ, moments, float(np.sqrt(wrong / amplitude)), float(gradient / exact.amplitude),
        float(shear / np.hypot(*(exact.shear(m.time_s) for m in moments))), seconds,
    )  # fmt: skip


def _flow_of_profile(axial: Array, r: Array, section: NDArray[np.bool_]) -> float:
    """Flow of the round profile through the means over each ring of points in a cross-section (not of the many-sided
    pipe)."""
    radii, ring = np.unique(np.round(r[section], 6), return_inverse=True)
    means = np.bincount(ring, axial[section]) / np.bincount(ring)
    profile = CubicSpline(radii, 2.0 * np.pi * radii * means)
    return float(profile.integrate(0.0, radii[-1]))


def _along_z(axial: NDArray[np.inexact]) -> NDArray[np.inexact]:
    return np.column_stack([np.zeros((len(axial), 2)), axial])


CASE = Case("womersley", "Oscillating flow in a straight pipe", run)
