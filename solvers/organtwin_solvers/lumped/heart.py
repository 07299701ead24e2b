"""Chambers and valves of the heart, the lungs, and what joins a circuit to a closed loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from organtwin_solvers.lumped.activation import Activation, ventricle, wrapping_cosine
from organtwin_solvers.lumped.circuit import Node, Place, System, Vector


@dataclass(frozen=True)
class Valve:
    """p - P = R q, where R goes from ``open`` to ``shut`` as tanh(steepness (P - p)) goes from -1 to 1.

    Pfaller et al., Biomech. Model. Mechanobiol. 18, 2019. Own unknown: how far it is shut, 0 to 1.
    """

    shut: float
    open: float
    steepness: float
    own: ClassVar[tuple[str, ...]] = ("valve_status",)

    def assemble(self, system: System, place: Place) -> None:
        (start,), (end,), (status,) = place.inlets, place.outlets, place.own
        momentum, mass, closed = system.row(), system.row(), system.row()
        system.F[momentum, [start.pressure, start.flow, end.pressure]] = 1.0, -0.5 * (self.shut + self.open), -1.0
        system.F[mass, [start.flow, end.flow]] = 1.0, -1.0
        system.F[closed, status] = 1.0
        system.moving.append(_MovingValve(self, start, end, momentum, closed))


@dataclass(frozen=True)
class _MovingValve:
    valve: Valve
    start: Node
    end: Node
    momentum: int
    closed: int

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        p, q, far = y[self.start.pressure], y[self.start.flow], y[self.end.pressure]
        k, half = self.valve.steepness, 0.5 * (self.valve.shut - self.valve.open)
        bend = math.tanh(k * (far - p))
        slope = k * (1.0 - bend * bend)
        c[self.momentum] -= half * q * bend
        c[self.closed] -= 0.5 * (1.0 + bend)
        columns = [self.start.pressure, self.start.flow, self.end.pressure]
        system.dc_dy[self.momentum, columns] = half * q * slope, -half * bend, -half * q * slope
        system.dc_dy[self.closed, [self.start.pressure, self.end.pressure]] = 0.5 * slope, -0.5 * slope


@dataclass(frozen=True)
class SuddenValve:
    """p - P = R q, with R ``open`` while p > P, else ``shut``."""

    shut: float
    open: float
    own: ClassVar[tuple[str, ...]] = ()

    def assemble(self, system: System, place: Place) -> None:
        (start,), (end,) = place.inlets, place.outlets
        momentum, mass = system.row(), system.row()
        system.F[momentum, [start.pressure, end.pressure]] = 1.0, -1.0
        system.F[mass, [start.flow, end.flow]] = 1.0, -1.0
        system.moving.append(_MovingSuddenValve(self, start, end, momentum))


@dataclass(frozen=True)
class _MovingSuddenValve:
    valve: SuddenValve
    start: Node
    end: Node
    row: int

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        opened = y[self.end.pressure] < y[self.start.pressure]
        system.F[self.row, self.start.flow] = -(self.valve.open if opened else self.valve.shut)


@dataclass(frozen=True)
class Chamber:
    """p = E(t) (V - V_rest(t)), p - P = L dQ/dt, dV/dt = q - Q; E and V_rest follow an activation between two values.

    Kerckhoffs et al., Ann. Biomed. Eng. 35, 2007. Own unknown: the volume V.
    """

    greatest: float
    least: float
    rest_relaxed: float
    rest_contracted: float
    inertance: float
    activation: Activation
    own: ClassVar[tuple[str, ...]] = ("Vc",)

    def assemble(self, system: System, place: Place) -> None:
        (start,), (end,), (volume,) = place.inlets, place.outlets, place.own
        elastic, momentum, mass = system.row(), system.row(), system.row()
        system.F[elastic, start.pressure] = 1.0
        system.F[momentum, [start.pressure, end.pressure]] = 1.0, -1.0
        system.E[momentum, end.flow] = -self.inertance
        system.F[mass, [start.flow, end.flow]] = 1.0, -1.0
        system.E[mass, volume] = -1.0
        system.moving.append(_MovingChamber(self, elastic, volume))


@dataclass(frozen=True)
class _MovingChamber:
    chamber: Chamber
    row: int
    volume: int

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        chamber, active = self.chamber, self.chamber.activation(time)
        elastance = chamber.least + (chamber.greatest - chamber.least) * active
        rest = chamber.rest_contracted + (1.0 - active) * (chamber.rest_relaxed - chamber.rest_contracted)
        system.F[self.row, self.volume] = -elastance
        c[self.row] += elastance * rest


@dataclass(frozen=True)
class PassiveChamber:
    """A :class:`Chamber` that stiffens as it fills while it is relaxed.

    p = A greatest (V - rest) + (1 - A) pressure (exp(stiffness (V - rest)) - 1), A the activation.
    """

    greatest: float
    pressure: float
    stiffness: float
    rest: float
    inertance: float
    activation: Activation
    own: ClassVar[tuple[str, ...]] = ("Vc",)

    def assemble(self, system: System, place: Place) -> None:
        Chamber(0.0, 0.0, 0.0, 0.0, self.inertance, self.activation).assemble(system, place)
        last = system.moving.pop()
        assert isinstance(last, _MovingChamber)
        system.moving.append(_MovingPassiveChamber(self, last.row, last.volume))


@dataclass(frozen=True)
class _MovingPassiveChamber:
    chamber: PassiveChamber
    row: int
    volume: int

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        one, active = self.chamber, self.chamber.activation(time)
        growth = one.pressure * math.exp(one.stiffness * (y[self.volume] - one.rest))
        system.F[self.row, self.volume] = -active * one.greatest
        c[self.row] += active * one.greatest * one.rest + (active - 1.0) * (growth - one.pressure)
        system.dc_dy[self.row, self.volume] = (active - 1.0) * one.stiffness * growth


@dataclass(frozen=True)
class ThroughWindkessel:
    """A windkessel whose far end is a node: p - p_c = proximal q, p_c - P = distal Q, compliance dp_c/dt = q - Q."""

    proximal: float
    compliance: float
    distal: float
    own: ClassVar[tuple[str, ...]] = ("P_c",)

    def assemble(self, system: System, place: Place) -> None:
        (start,), (end,), (stored,) = place.inlets, place.outlets, place.own
        capacity, first, second = system.row(), system.row(), system.row()
        system.E[capacity, stored] = 0.0 if system.steady else self.compliance
        system.F[capacity, [start.flow, end.flow]] = -1.0, 1.0
        system.F[first, [start.pressure, start.flow, stored]] = 1.0, -self.proximal, -1.0
        system.F[second, [end.pressure, end.flow, stored]] = -1.0, -self.distal, 1.0


@dataclass(frozen=True)
class ThroughCoronary:
    """:class:`~organtwin_solvers.lumped.blocks.Coronary` between two nodes, squeezed by a share of a ventricle's pressure."""

    arterial: float
    micro: float
    venous: float
    arterial_compliance: float
    muscle_compliance: float
    ventricle: str  # name of the unknown
    share: float
    own: ClassVar[tuple[str, ...]] = ("volume_im",)

    def assemble(self, system: System, place: Place) -> None:
        (start,), (end,), (volume,) = place.inlets, place.outlets, place.own
        through, mass, muscle = system.row(), system.row(), system.row()
        charge = [start.pressure, start.flow]
        across = np.array([-self.arterial_compliance, self.arterial_compliance * self.arterial])
        system.E[through, charge] = self.micro * across
        system.F[through, [*charge, end.pressure, end.flow]] = -1.0, self.arterial + self.micro, 1.0, self.venous
        system.E[mass, charge] = across
        system.E[mass, volume] = -1.0
        system.F[mass, [start.flow, end.flow]] = 1.0, -1.0
        system.F[muscle, [end.pressure, end.flow, volume]] = (
            self.muscle_compliance,
            self.muscle_compliance * self.venous,
            -1.0,
        )
        squeeze = _Squeeze(muscle, system.index(self.ventricle), -self.muscle_compliance * self.share)
        system.moving.append(squeeze)


@dataclass(frozen=True)
class _Squeeze:
    """Kept out of the Jacobian, as in the reference program: where valves shut, its answer depends on the iterations."""

    row: int
    ventricle: int
    factor: float

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        c[self.row] += self.factor * y[self.ventricle]


@dataclass(frozen=True)
class HeartAndLungs:
    """Four chambers, four valves and the pulmonary vessels between the veins and the aorta.

    Sankaran et al., Ann. Biomed. Eng. 40, 2012; parameters by the names that they have there. A valve shuts when the
    pressure beyond it is higher and blood would run back; a shut valve carries none.
    """

    period: float
    values: Mapping[str, float]
    own: ClassVar[tuple[str, ...]] = (
        "V_RA", "Q_RA", "P_RV", "V_RV", "Q_RV", "P_pul", "P_LA", "V_LA", "Q_LA", "P_LV", "V_LV", "Q_LV",
    )  # fmt: skip

    def assemble(self, system: System, place: Place) -> None:
        (veins,), (aorta,) = place.inlets, place.outlets
        v_ra, q_ra, p_rv, v_rv, q_rv, p_pul, p_la, v_la, q_la, p_lv, v_lv, q_lv = place.own
        value = self.values
        atria = ((veins.pressure, v_ra, "ra"), (p_la, v_la, "la"))
        ventricles = ((p_rv, v_rv, "rv"), (p_lv, v_lv, "lv"))
        elastic: list[tuple[int, int, str]] = []
        for pressure, volume, name in atria + ventricles:
            row = system.row()
            system.F[row, pressure] = 1.0
            elastic.append((row, volume, name))

        # flow, pressures at its ends, resistance, inertance: the four valves
        gates = [
            (q_ra, veins.pressure, p_rv, value["Rra_v"], value["Lra_v"]),
            (q_rv, p_rv, p_pul, value["Rrv_a"], value["Lrv_a"]),
            (q_la, p_la, p_lv, value["Rla_v"], value["Lla_v"]),
            (q_lv, p_lv, aorta.pressure, value["Rlv_ao"], value["Llv_a"]),
        ]
        valves: list[_Gate] = []
        for flow, before, beyond, resistance, inertance in gates:
            row = system.row()
            system.E[row, flow] = inertance
            system.F[row, [before, beyond]] = -1.0, 1.0
            valves.append(_Gate(flow, before, beyond, [(row, resistance)]))
        ra, rv, la, lv = valves

        for volume, filled, emptied in ((v_ra, None, ra), (v_rv, ra, rv), (v_la, rv, la), (v_lv, la, lv)):
            row = system.row()
            system.E[row, volume] = 1.0
            if filled is None:
                system.F[row, veins.flow] = -1.0
            else:
                filled.entries.append((row, -1.0))
            emptied.entries.append((row, 1.0))
        lungs, root = system.row(), system.row()
        system.E[lungs, p_pul] = value["Cp"]
        system.F[lungs, [p_pul, p_la]] = 1.0 / value["Rpd"], -1.0 / value["Rpd"]
        rv.entries.append((lungs, -1.0))
        system.E[root, aorta.pressure] = value["Cpa"]
        system.F[root, aorta.flow] = 1.0
        lv.entries.append((root, -1.0))

        atria_beat = wrapping_cosine(self.period, value["Tsa"], value["tpwave"])
        moving = _MovingHeart(self, atria_beat, elastic, valves)
        system.moving.append(moving)
        system.clamps.append(moving.clamp)


@dataclass
class _Gate:
    flow: int
    before: int
    beyond: int
    entries: list[tuple[int, float]]  # (row, factor of the flow there while it is open)
    shut: bool = False


@dataclass(frozen=True)
class _MovingHeart:
    heart: HeartAndLungs
    atria: Activation
    elastic: list[tuple[int, int, str]]
    valves: list[_Gate]

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        value = self.heart.values
        active, strength = self.atria(time), ventricle((time / self.heart.period) % 1.0)
        for row, volume, name in self.elastic:
            if name in ("ra", "la"):
                rest, stiff = value[f"Vaso_{name}"], value[f"Kxv_{name}"]
                growth = value[f"Kxp_{name}"] * math.exp((y[volume] - rest) * stiff)
                emax = active * value[f"Emax_{name}"]
                system.F[row, volume] = -emax
                c[row] += emax * rest + (growth - value[f"Kxp_{name}"]) * (active - 1.0)
                system.dc_dy[row, volume] = growth * stiff * (active - 1.0)
            else:
                elastance = strength * value[f"E{name}_s"]
                system.F[row, volume] = -elastance
                c[row] += elastance * value[f"V{name}_u"]
        for valve in self.valves:
            valve.shut = bool(y[valve.before] <= y[valve.beyond] and y[valve.flow] <= 0.0)
            for row, factor in valve.entries:
                system.F[row, valve.flow] = 0.0 if valve.shut else factor

    def clamp(self, y: Vector) -> None:
        """A shut valve carries nothing."""
        for valve in self.valves:
            if valve.shut:
                y[valve.flow] = 0.0
