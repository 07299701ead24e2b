"""The parts of a circuit. Pressures and flows of a vessel: p, q where blood enters, P, Q where it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from organtwin.errors import BadInput
from organtwin_solvers.lumped.circuit import Place, Source, System, Vector


def _one_to_one(place: Place, what: str) -> None:
    if len(place.inlets) != 1 or len(place.outlets) != 1:
        raise BadInput(f"A {what} has one neighbour at each end, not {len(place.inlets)} and {len(place.outlets)}")


@dataclass(frozen=True)
class Vessel:
    """p - P = (R + S|q|) q + L dQ/dt, and q - Q = C d/dt [p - (R + S|q|) q]: a stenosis loses S|q|q.

    Capacity sits behind the resistance, inertance behind the capacity.
    """

    resistance: float
    compliance: float = 0.0
    inertance: float = 0.0
    stenosis: float = 0.0
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        _one_to_one(place, "vessel")
        (start,), (end,) = place.inlets, place.outlets
        momentum, mass = system.row(), system.row()
        system.F[momentum, [start.pressure, start.flow, end.pressure]] = 1.0, -self.resistance, -1.0
        system.E[momentum, end.flow] = -self.inertance
        system.F[mass, [start.flow, end.flow]] = 1.0, -1.0
        system.E[mass, [start.pressure, start.flow]] = -self.compliance, self.compliance * self.resistance
        system.loss(momentum, start.flow, self.stenosis)
        system.stored_loss(mass, start.flow, 2.0 * self.compliance * self.stenosis)


@dataclass(frozen=True)
class CapacityFirstVessel:
    """q - Q = C dp/dt, and p - P = (R + S|Q|) Q + L dQ/dt."""

    resistance: float
    compliance: float = 0.0
    inertance: float = 0.0
    stenosis: float = 0.0
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        _one_to_one(place, "vessel")
        (start,), (end,) = place.inlets, place.outlets
        momentum, mass = system.row(), system.row()
        system.F[momentum, [start.pressure, end.flow, end.pressure]] = 1.0, -self.resistance, -1.0
        system.E[momentum, end.flow] = -self.inertance
        system.F[mass, [start.flow, end.flow]] = 1.0, -1.0
        system.E[mass, start.pressure] = -self.compliance
        system.loss(momentum, end.flow, self.stenosis)


@dataclass(frozen=True)
class StoringResistance:
    """q = C dp/dt + (p - P) / R = Q: what is stored is not taken from the flow (as the reference program has it)."""

    resistance: float
    compliance: float
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        _one_to_one(place, "vessel")
        (start,), (end,) = place.inlets, place.outlets
        momentum, mass = system.row(), system.row()
        system.E[momentum, start.pressure] = self.compliance
        system.F[momentum, [start.pressure, end.pressure]] = 1.0 / self.resistance, -1.0 / self.resistance
        system.F[momentum, start.flow] = -1.0
        system.F[mass, [start.flow, end.flow]] = 1.0, -1.0


@dataclass(frozen=True)
class Junction:
    """Any number of vessels meet: one pressure, and what flows in flows out."""

    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        nodes = place.inlets + place.outlets
        for other in nodes[1:]:
            row = system.row()
            system.F[row, [nodes[0].pressure, other.pressure]] = 1.0, -1.0
        _mass(system, place)


@dataclass(frozen=True)
class LossyJunction:
    """One vessel parts into several, each behind its own p - P = (R + S|Q|) Q + L dQ/dt."""

    resistances: Sequence[float]
    inertances: Sequence[float]
    stenoses: Sequence[float]
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        if len(place.inlets) != 1 or len(place.outlets) != len(self.resistances):
            raise BadInput("A junction with losses has one inlet, and a resistance for each outlet")
        for end, r, l, s in zip(place.outlets, self.resistances, self.inertances, self.stenoses, strict=True):  # noqa: E741
            row = system.row()
            system.F[row, [place.inlets[0].pressure, end.pressure, end.flow]] = 1.0, -1.0, -r
            system.E[row, end.flow] = -l
            system.loss(row, end.flow, s)
        _mass(system, place)


@dataclass(frozen=True)
class GivenFlow:
    """A flow over time, at the start or at the end of the circuit."""

    flow: float | Source
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        (node,) = place.inlets + place.outlets
        row = system.row()
        system.F[row, node.flow] = 1.0
        system.source(row, self.flow, -1.0)


@dataclass(frozen=True)
class GivenPressure:
    """A pressure over time, at the start or at the end of the circuit."""

    pressure: float | Source
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        (node,) = place.inlets + place.outlets
        row = system.row()
        system.F[row, node.pressure] = 1.0
        system.source(row, self.pressure, -1.0)


@dataclass(frozen=True)
class Resistance:
    """p = resistance * q + distal."""

    resistance: float
    distal: float | Source = 0.0
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        (node,) = place.inlets
        row = system.row()
        system.F[row, [node.pressure, node.flow]] = 1.0, -self.resistance
        system.source(row, self.distal, -1.0)


@dataclass(frozen=True)
class Windkessel:
    """p = proximal * q + p_c, and distal * compliance * dp_c/dt = distal * q - p_c + distal pressure.

    ``dynamic`` is what of the pressure is dynamic there, coefficient of |q|q: a circuit in terms of total pressure meets
    a windkessel that knows the static one. At the start of a circuit the flow is that out of the windkessel.
    """

    proximal: float
    compliance: float
    distal: float
    distal_pressure: float | Source = 0.0
    dynamic: float = 0.0
    own: ClassVar[tuple[str, ...]] = ("pressure_c",)

    def assemble(self, system: System, place: Place) -> None:
        (node,) = place.inlets + place.outlets
        (stored,) = place.own
        out = 1.0 if place.inlets else -1.0
        row, capacity = system.row(), system.row()
        system.F[row, [node.pressure, node.flow, stored]] = 1.0, -out * self.proximal, -1.0
        system.loss(row, node.flow, out * self.dynamic)
        system.F[capacity, [node.flow, stored]] = out * self.distal, -1.0
        system.E[capacity, stored] = 0.0 if system.steady else -self.distal * self.compliance
        system.source(capacity, self.distal_pressure)


@dataclass(frozen=True)
class Coronary:
    """Arteries of the heart muscle, squeezed by the pressure inside it (Kim et al., Ann. Biomed. Eng. 38, 2010).

    ``arterial`` resistance, then ``arterial_compliance`` to the outside, then ``micro`` resistance, then
    ``muscle_compliance`` to the pressure in the muscle, then ``venous`` resistance to the pressure of the veins. The ``micro``
    resistance may change with time, as the muscle contracts. Own unknown: the volume in the muscle, from that at the start on.
    """

    arterial: float
    micro: float | Source
    venous: float
    arterial_compliance: float
    muscle_compliance: float
    muscle_pressure: Source
    venous_pressure: float = 0.0
    own: ClassVar[tuple[str, ...]] = ("volume_im",)

    def assemble(self, system: System, place: Place) -> None:
        (node,), (volume,) = place.inlets, place.own
        first, second = system.row(), system.row()
        micro = self.micro(0.0) if callable(self.micro) else self.micro
        if system.steady:
            system.F[first, volume] = 1.0
            system.F[second, [node.pressure, node.flow]] = -1.0, self.arterial + micro + self.venous
            system.source(second, self.venous_pressure)
            return
        scale = self.muscle_compliance * self.venous
        system.E[first, [node.pressure, node.flow, volume]] = (
            -self.arterial_compliance * scale,
            self.arterial * self.arterial_compliance * scale,
            -scale,
        )
        system.F[first, [node.flow, volume]] = scale, -1.0
        system.source(first, self.muscle_pressure, -self.muscle_compliance)
        system.source(first, self.venous_pressure, self.muscle_compliance)
        system.F[second, [node.pressure, node.flow]] = scale, -scale * self.arterial
        within = _Within(self, second, volume)
        system.moving.append(within)

        def start(y: Vector, dy: Vector) -> None:
            """The volume counts from the start: what the compliance carries then is part of the equations."""
            pressure = y[node.pressure] - self.arterial * y[node.flow]
            rate = dy[node.pressure] - self.arterial * dy[node.flow]
            through = y[node.flow] - self.arterial_compliance * rate
            within.carried = pressure - micro * through - self.muscle_pressure(0.0)
            system.c[first] -= self.muscle_compliance * within.carried

        system.starts.append(start)


@dataclass
class _Within:
    """The equation of the muscle, where its resistance may change."""

    coronary: Coronary
    row: int
    volume: int
    carried: float = 0.0

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        one = self.coronary
        micro = one.micro(time) if callable(one.micro) else one.micro
        system.E[self.row, self.volume] = -one.muscle_compliance * one.venous * micro
        system.F[self.row, self.volume] = -one.venous - micro
        squeezed = (one.venous + micro) * (one.muscle_pressure(time) + self.carried)
        c[self.row] += one.muscle_compliance * (micro * one.venous_pressure - squeezed)


def _mass(system: System, place: Place) -> None:
    row = system.row()
    for node in place.inlets:
        system.F[row, node.flow] += 1.0
    for node in place.outlets:
        system.F[row, node.flow] -= 1.0
