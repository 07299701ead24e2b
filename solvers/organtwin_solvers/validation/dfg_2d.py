"""Flow past a cylinder in a channel, two-dimensional: the DFG benchmarks 2D-1 (steady), 2D-2 (periodic), 2D-3 (a pulse).

Schaefer and Turek, Benchmark computations of laminar flow around a cylinder, 1996; converged values: Nabh 1998 (2D-1),
featflow.de (2D-2), John, Int. J. Numer. Methods Fluids 44, 2004 (2D-3). Taylor-Hood elements, forces by the residual.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.flow.taylor_hood.equations import TaylorHoodEquations
from organtwin_solvers.validation.channel_mesh import (
    CYLINDER,
    HEIGHT,
    INLET,
    OUTLET,
    RADIUS,
    WALL,
    channel,
    curved,
    tagged,
)

DENSITY, VISCOSITY, LENGTH, CENTRE = 1.0, 1e-3, 2.2, (0.2, 0.2)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """Coefficients at times: drag, lift, and the pressure difference over the cylinder."""

    times: Array
    drag: Array
    lift: Array
    drop: Array
    iterations: Array


class Cylinder:
    """The channel on a mesh with ``cells`` on each side of the square around the cylinder, and its forces."""

    def __init__(self, cells: int, *, growth: float = 1.03, slender: float = 1.0) -> None:
        points, triangles = channel(cells, centre=CENTRE, length=LENGTH, growth=growth, slender=slender)
        mesh = curved(points, triangles, CENTRE)
        self.equations = TaylorHoodEquations(
            mesh,
            tagged(mesh, LENGTH),
            density=DENSITY,
            viscosity=VISCOSITY,
            held=(WALL, INLET, CYLINDER),
            outlets=(OUTLET,),
        )
        unknowns = 2 * self.equations.size + self.equations.corners
        self.mesh = f"{len(triangles)} triangles P2-P1, {unknowns} unknowns"
        self._cylinder = self.equations.nodes(CYLINDER)
        inlet = self.equations.nodes(INLET)
        y = self.equations.places[inlet, 1]
        self._profile = np.zeros((2, self.equations.size))
        self._profile[0, inlet] = 4.0 * y * (HEIGHT - y) / HEIGHT**2
        where = self.equations.corner_places[:, :2]
        front, back = ((CENTRE[0] + side * RADIUS, CENTRE[1]) for side in (-1, 1))
        self._front, self._back = (int(np.argmin(np.linalg.norm(where - place, axis=1))) for place in (front, back))

    def inflow(self, greatest: float) -> Array:
        """Prescribed velocity (2, nodes) for this greatest speed of the inflow."""
        return greatest * self._profile

    def turning(self, speed: float) -> Array:
        """Velocity (2, nodes) of a cylinder whose surface turns with this speed."""
        velocity = np.zeros((2, self.equations.size))
        arm = (self.equations.places[self._cylinder, :2] - CENTRE) / RADIUS
        velocity[:, self._cylinder] = speed * np.array([-arm[:, 1], arm[:, 0]])
        return velocity

    def coefficients(self, velocity: Array, pressure: Array, mean_speed: float) -> tuple[float, float, float]:
        """Drag, lift and pressure difference, of the step just made."""
        force = -self.equations.reaction(velocity, pressure)[:, self._cylinder].sum(axis=1)
        drag, lift = 2.0 * force / (DENSITY * mean_speed**2 * 2.0 * RADIUS)
        return float(drag), float(lift), float(pressure[self._front] - pressure[self._back])

    def at_rest(self) -> tuple[Array, Array]:
        return np.zeros((2, self.equations.size)), np.zeros(self.equations.corners)

    def march(
        self,
        velocity: Array,
        pressure: Array,
        prescribed: Callable[[float], Array],
        *,
        start: float,
        end: float,
        steps: int,
        mean_speed: float,
        monitor: Monitor,
    ) -> tuple[Array, Array, History]:
        """Velocity and pressure at the end, after that many equal steps of second order (the first of them: of first)."""
        dt = (end - start) / steps
        before, pressure_before = velocity, pressure
        rows = []
        for k in range(1, steps + 1):
            t = start + k * dt
            a0, past = (1.5, 2.0 * velocity - 0.5 * before) if k > 1 else (1.0, velocity)
            guess = 2.0 * velocity - before
            now, pressure_now = self.equations.step(
                guess, 2.0 * pressure - pressure_before, prescribed(t), past, a0, dt, tolerance=1e-6
            )
            before, velocity, pressure_before, pressure = velocity, now, pressure, pressure_now
            rows.append((t, *self.coefficients(velocity, pressure, mean_speed), self.equations.iterations))
            monitor.progress(k / steps, f"t = {t:.2f} s")
        return velocity, pressure, History(*np.array(rows).T)


@dataclass(frozen=True)
class Steady:
    """2D-1 on one mesh."""

    drag: float
    lift: float
    drop: float
    mesh: str
    seconds: float


def steady(cells: int) -> Steady:
    """2D-1: Reynolds number 20."""
    begin = time.perf_counter()
    cylinder = Cylinder(cells)
    velocity, pressure = cylinder.equations.steady(*cylinder.at_rest(), cylinder.inflow(0.3))
    drag, lift, drop = cylinder.coefficients(velocity, pressure, mean_speed=0.2)
    return Steady(drag, lift, drop, cylinder.mesh, time.perf_counter() - begin)


def run_2d1(quick: bool, monitor: Monitor) -> list[Row]:
    """Newton's method on three meshes."""
    exact = Steady(5.57953523384, 0.010618948146, 0.11752016697, "", 0.0)
    cells = (8, 12, 16) if quick else (8, 16, 32)
    done = []
    for k, n in enumerate(cells):
        monitor.progress(k / len(cells), f"{n} cells on a side")
        done.append(steady(n))
    fine = done[-1]
    source = "Nabh 1998, spectral; Schaefer and Turek 1996"

    def against(quantity: str, name: str, unit: str, accepted: float) -> Row:
        return Row(quantity, getattr(exact, name), getattr(fine, name), unit, accepted, source, fine.mesh, fine.seconds)

    order = math.log(abs(done[0].drag - exact.drag) / abs(fine.drag - exact.drag)) / math.log(cells[-1] / cells[0])
    return [
        against("drag coefficient", "drag", "", 0.05 if quick else 0.005),
        against("lift coefficient", "lift", "", 2.0 if quick else 0.3),
        against("pressure difference", "drop", "Pa", 0.5 if quick else 0.1),
        Row(
            "order of convergence: drag coefficient", 3.0, order, "", 5.0,
            "quadratic elements, the load is smooth up to the corners of the outlet", f"{cells[0]} to {cells[-1]} cells on a side",
            sum(d.seconds for d in done), at_least=True,
        ),
    ]  # fmt: skip


def run_2d2(quick: bool, monitor: Monitor) -> list[Row]:
    """Reynolds number 100: vortices are shed in turn, once the cylinder has been turned a little to wake them."""
    begin = time.perf_counter()
    cylinder = Cylinder(10, growth=1.06, slender=1.5) if quick else Cylinder(20, growth=1.04, slender=1.75)
    dt, wake = (0.005, 0.9) if quick else (0.00125, 3.0)
    velocity, pressure = cylinder.at_rest()
    for greatest in (0.3, 0.8, 1.5):  # the steady flow, which is not stable
        velocity, pressure = cylinder.equations.steady(velocity, pressure, cylinder.inflow(greatest), tolerance=1e-6)

    def kicked(t: float) -> Array:
        inflow = cylinder.inflow(1.5)
        return inflow + cylinder.turning(0.6 * math.sin(math.pi * t / 0.3)) if t < 0.3 else inflow

    velocity, pressure, _ = cylinder.march(
        velocity, pressure, kicked, start=0.0, end=wake, steps=round(wake / dt), mean_speed=1.0,
        monitor=PartMonitor(monitor, 0.0, 0.6),
    )  # fmt: skip
    _, _, history = cylinder.march(
        velocity, pressure, lambda t: cylinder.inflow(1.5), start=0.0, end=0.75, steps=round(0.75 / dt), mean_speed=1.0,
        monitor=PartMonitor(monitor, 0.6, 1.0),
    )  # fmt: skip
    settled = history.times > 0.05  # the first step is of first order
    times, drag, lift, drop = (a[settled] for a in (history.times, history.drag, history.lift, history.drop))
    up = np.flatnonzero((lift[:-1] < 0.0) & (lift[1:] >= 0.0))[:2]
    crossings = times[up] - lift[up] * dt / (lift[up + 1] - lift[up])
    period = crossings[1] - crossings[0]
    one = (times > crossings[0]) & (times < crossings[1])
    highest = times[one][np.argmax(lift[one])]
    seconds, source = time.perf_counter() - begin, "featflow.de, converged"

    def against(quantity: str, reference: float, computed: float, unit: str, accepted: tuple[float, float]) -> Row:
        mesh = f"{cylinder.mesh}, step {1000 * dt:g} ms"
        return Row(quantity, reference, float(computed), unit, accepted[0 if quick else 1], source, mesh, seconds)

    rows = [
        against("drag coefficient, greatest", 3.22739, drag[one].max(), "", (3.0, 0.3)),
        against("Strouhal number", 0.30184, 2 * RADIUS / (1.0 * period), "", (3.0, 0.5)),
        against(
            "pressure difference, half a period after the greatest lift", 2.4829,
            np.interp(highest + 0.5 * period, times, drop), "Pa", (3.0, 0.5),
        ),
    ]  # fmt: skip
    if not quick:  # the lift takes more periods to settle than the quick run has
        rows.append(against("lift coefficient, greatest", 0.98658, lift[one].max(), "", (2.5, 2.5)))
    return rows


def run_2d3(quick: bool, monitor: Monitor) -> list[Row]:
    """A pulse of inflow over 8 s, from rest to Reynolds number 100 and back."""
    begin = time.perf_counter()
    cylinder = Cylinder(8, growth=1.06, slender=2.0) if quick else Cylinder(20, growth=1.04, slender=1.75)
    steps = 800 if quick else 3200
    _, _, history = cylinder.march(
        *cylinder.at_rest(), lambda t: cylinder.inflow(1.5 * math.sin(math.pi * t / 8.0)), start=0.0, end=8.0,
        steps=steps, mean_speed=1.0, monitor=monitor,
    )  # fmt: skip
    seconds, source = time.perf_counter() - begin, "John 2004"
    pull, lift = int(np.argmax(history.drag)), int(np.argmax(history.lift))

    def against(quantity: str, reference: float, computed: float, unit: str, accepted: tuple[float, float]) -> Row:
        mesh = f"{cylinder.mesh}, step {8000 / steps:g} ms"
        return Row(quantity, reference, float(computed), unit, accepted[0 if quick else 1], source, mesh, seconds)

    rows = [
        against("drag coefficient, greatest", 2.950921575, history.drag[pull], "", (1.0, 0.1)),
        against("time of the greatest drag", 3.93625, history.times[pull], "s", (1.0, 0.1)),
        against("pressure difference at 8 s", -0.1116, history.drop[-1], "Pa", (10.0, 2.0)),
    ]
    if not quick:  # the lift grows from a small disturbance: a coarse mesh does not have it
        rows.append(against("lift coefficient, greatest", 0.47795, history.lift[lift], "", (3.0, 3.0)))
        rows.append(against("time of the greatest lift", 5.693125, history.times[lift], "s", (1.0, 1.0)))
    return rows


DFG_2D1 = Case("dfg-2d1", "Steady flow past a cylinder in a channel, Re 20", run_2d1)
DFG_2D2 = Case("dfg-2d2", "Vortices behind a cylinder in a channel, Re 100", run_2d2)
DFG_2D3 = Case("dfg-2d3", "A pulse of flow past a cylinder in a channel, Re up to 100", run_2d3)
