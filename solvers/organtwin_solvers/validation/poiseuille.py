"""Steady flow in a straight round pipe, against Poiseuille: values, and the order with which they are approached."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from organtwin.model import FlowCase, Result
from organtwin.monitor import Monitor, PartMonitor
from organtwin.units import convert
from organtwin.validation import Case, Row
from organtwin_solvers.flow.setup.inflow import normals_mm2
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import pipe

RADIUS_CM, LENGTH_CM, VISCOSITY, FLOW = 2.0, 30.0, 0.04, 100.0  # cm, cm, g/(cm s), cm^3/s
SOURCE = "Hagen-Poiseuille"

DROP = 8.0 * VISCOSITY * LENGTH_CM * FLOW / (math.pi * RADIUS_CM**4)  # 19.098593 dyn/cm^2
SHEAR = 4.0 * VISCOSITY * FLOW / (math.pi * RADIUS_CM**3)  # 0.636620 dyn/cm^2
FASTEST = 2.0 * FLOW / (math.pi * RADIUS_CM**2)  # 15.915494 cm/s


@dataclass(frozen=True)
class Computed:
    """What one mesh gave: dyn/cm^2, dyn/cm^2, cm/s, relative error of velocity in L2."""

    drop: float
    shear: float
    fastest: float
    velocity_error: float
    mesh: str
    seconds: float


def compute(rings: int, monitor: Monitor | None = None) -> Computed:
    """Solve the pipe with ``rings`` cells along its radius, through the same door as any other flow."""
    organ = pipe(10.0 * RADIUS_CM, 10.0 * LENGTH_CM, rings, 5 * rings)
    case = FlowCase.model_validate(
        {
            "blood": {"density": "1 g/cm^3", "viscosity": f"{VISCOSITY} g/(cm*s)"},
            "inlets": [{"cap": "inlet", "flow": f"{FLOW} cm^3/s"}],
            "numerics": {"tolerance": 1e-5},
        }
    )
    started = time.perf_counter()
    result = solve(organ, case, monitor)
    seconds = time.perf_counter() - started

    velocity = np.asarray(result.fields["velocity_mm_per_s"][0], float)
    radius = np.hypot(organ.points_mm[:, 0], organ.points_mm[:, 1])
    exact = 10.0 * FASTEST * (1.0 - (radius / (10.0 * RADIUS_CM)) ** 2)
    weight = _volumes(organ.points_mm, organ.tets)
    error = np.sqrt(np.sum(weight * ((velocity[:, 2] - exact) ** 2 + velocity[:, 0] ** 2 + velocity[:, 1] ** 2)))
    wall = organ.boundary("wall")
    area = np.linalg.norm(normals_mm2(organ, wall), axis=1)
    shear = np.average(result.fields["wall_shear_pa"][0][wall].mean(axis=1), weights=area)
    return Computed(
        drop=10.0 * value(result, "Pressure drop inlet → outlet") / convert(1.0, "pressure", "mmHg"),
        shear=10.0 * float(shear),
        fastest=float(np.linalg.norm(velocity, axis=1).max()) / 10.0,
        velocity_error=float(error / np.sqrt(np.sum(weight * exact**2))),
        mesh=f"{len(organ.tets)} tetrahedra",
        seconds=seconds,
    )


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the case; ``quick`` ends at 8 cells along the radius, the full run at 12."""
    meshes = (4, 8) if quick else (4, 8, 12)
    done: list[Computed] = []
    for k, rings in enumerate(meshes):
        done.append(compute(rings, PartMonitor(monitor, k / len(meshes), (k + 1) / len(meshes))))
    finest, before = done[-1], done[-2]
    ratio = meshes[-1] / meshes[-2]
    accepted = 1.5 if quick else 0.7

    def against(quantity: str, reference: float, computed: float, unit: str) -> Row:
        return Row(quantity, reference, computed, unit, accepted, SOURCE, finest.mesh, finest.seconds)

    def order(quantity: str, coarse: float, fine: float) -> Row:
        return Row(
            f"order of convergence: {quantity}", 2.0, math.log(coarse / fine) / math.log(ratio), "", 7.5, "theory, linear elements",
            f"{meshes[-2]} and {meshes[-1]} cells along the radius", before.seconds + finest.seconds, at_least=True,
        )  # fmt: skip

    return [
        against("pressure drop", DROP, finest.drop, "dyn/cm^2"),
        against("wall shear, mean", SHEAR, finest.shear, "dyn/cm^2"),
        against("greatest velocity", FASTEST, finest.fastest, "cm/s"),
        order("velocity", before.velocity_error, finest.velocity_error),
        order("pressure drop", abs(before.drop - DROP), abs(finest.drop - DROP)),
        order("wall shear", abs(before.shear - SHEAR), abs(finest.shear - SHEAR)),
    ]


def value(result: Result, name: str) -> float:
    """A quantity of a result by name."""
    return next(quantity.value for quantity in result.quantities if quantity.name == name)


def _volumes(points: np.ndarray, tets: np.ndarray) -> np.ndarray:
    """Each point's share of the volume."""
    a, b, c, d = (points[tets[:, i]] for i in range(4))
    volume = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) / 6.0
    share = np.zeros(len(points))
    for corner in range(4):
        np.add.at(share, tets[:, corner], volume / 4.0)
    return share


CASE = Case("poiseuille", "Steady flow in a straight pipe", run)
