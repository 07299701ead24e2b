"""Free flight of a soft bar that spins and vibrates: momentum, angular momentum and energy of the rehearsal's steps.

Nothing acts on it, so both momenta must stay and the energy must not grow. What energy it loses is the price of steps that
are stable at any size; it is compared between two steps, because it must vanish with them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.model.rehearsal import Scene
from organtwin.model.tissue_case import Material
from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.validation.block import block

DURATION_S = 0.2
SPIN, THROW = np.array([0.0, 0.0, 4 * np.pi]), np.array([50.0, 20.0, -10.0])
THEORY = "conservation laws: no force acts from outside"


@dataclass(frozen=True)
class Flight:
    """Momentum (g mm/s), angular momentum (g mm^2/s) about the origin and energy (g mm^2/s^2) after each step."""

    momentum: NDArray[np.float64]
    angular: NDArray[np.float64]
    energy: NDArray[np.float64]


def bar(cells: int = 2) -> Body:
    """A bar of liver."""
    return Body.of(
        block((4 * cells, cells, cells), (80.0, 20.0, 20.0), "bar"),
        Scene(material=Material(young="6.9 kPa", poisson=0.49)),
    )


def fly(body: Body, step_s: float, duration_s: float, iterations: int = 200) -> Flight:
    """Throw the bar, spinning twice a second and bent."""
    stepper = Stepper(body, step_s=step_s, iterations=iterations, damping_per_s=0.0)
    arm = body.rest_mm - np.average(body.rest_mm, axis=0, weights=body.mass)
    bending = np.zeros_like(arm)
    bending[:, 2] = 300.0 * ((arm[:, 0] / 40.0) ** 2 - 1 / 3)
    stepper.v[:] = np.cross(SPIN, arm) + THROW + bending
    mass = body.mass[:, None]
    rows = []
    for _ in range(round(duration_s / step_s) + 1):
        rows.append(
            [*(mass * stepper.v).sum(axis=0), *(mass * np.cross(stepper.x, stepper.v)).sum(axis=0), stepper.energy()]
        )
        stepper.step()
    table = np.array(rows)
    return Flight(table[:, :3], table[:, 3:6], table[:, 6])


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """The usual step and a quarter of it, solved; and the usual one as the rehearsal takes it."""
    rows: list[Row] = []
    body = bar(2 if quick else 4)
    size = f"{len(body.tets)} tetrahedra"
    for i, (parts, iterations) in enumerate(((1, 200), (4, 200), (1, 12))):
        monitor.progress(i / 3, "flight")
        begin = time.perf_counter()
        flight = fly(body, 1 / 60 / parts, DURATION_S, iterations)
        seconds = time.perf_counter() - begin
        label = f"step of 1/{60 * parts} s, {'solved' if iterations > 100 else f'{iterations} iterations'}"
        p, angular, energy = flight.momentum, flight.angular, flight.energy
        drift = float(np.linalg.norm(p - p[0], axis=1).max() / np.linalg.norm(p[0]))
        turned = float(np.linalg.norm(angular[-1] - angular[0]) / np.linalg.norm(angular[0]))
        growth = float(max(0.0, (energy.max() - energy[0]) / energy[0]))
        lost = 1 - float(energy[-1] / energy[0])
        rows += [
            Row(f"{label}: change of momentum", 0.0, drift, "", 0.01, THEORY, size, seconds),
            Row(f"{label}: growth of energy", 0.0, growth, "", 0.1, THEORY, size, seconds),
        ]
        if iterations < 100:
            continue  # what is left of the linear system after so few iterations brakes the turning
        rows += [
            Row(f"{label}: change of angular momentum", 0.0, turned, "", 10.0 / parts, THEORY, size, seconds),
            Row(f"{label}: energy lost in {DURATION_S:g} s", 0.0, lost, "", 40.0 / parts, THEORY, size, seconds),
        ]
    return rows


CASE = Case("balance", "Momentum and energy of a soft bar in free flight", run)
