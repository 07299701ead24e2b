"""The rehearsal against the full solve: the same liver-shaped body, grasped, pressed and under its weight, at rest.

The reference is the full solve (:mod:`organtwin_solvers.tissue.deform`), once with the linear mixed elements that it
takes for organs of this size, on the same mesh, and once with quadratic ones (Taylor-Hood), which lock nowhere.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh, TissueCase
from organtwin.model.rehearsal import Scene
from organtwin.model.tissue_case import Press, Pull, Region, TissueNumerics
from organtwin.model.tissues import material
from organtwin.monitor import Monitor, PartMonitor
from organtwin.units import parse
from organtwin.validation import Case, Row
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.rehearsal.supports import Held, held_by
from organtwin_solvers.tissue.deform import deform
from organtwin_solvers.tissue.regions import triangles
from organtwin_solvers.validation.block import block

SIZE_MM = (180.0, 120.0, 90.0)
SAME_MESH_PERCENT, LOCKING_FREE_PERCENT = 3.0, 8.0


def organ(cells: int) -> OrganMesh:
    """A wedge of a liver's size with a round dome: thick on one side, a thin margin on the other."""

    def shape(unit: NDArray[np.float64]) -> NDArray[np.float64]:
        s, t, z = unit.T
        thick = 1 - 0.75 * s**1.5
        round_ = 1 - 0.25 * (2 * t - 1) ** 2
        return np.stack(
            [
                SIZE_MM[0] * s,
                SIZE_MM[1] * (0.5 + (t - 0.5) * (1 - 0.35 * s)),
                SIZE_MM[2] * (1 + (z - 1) * thick * round_),
            ],
            axis=1,
        )

    return block((2 * cells, 4 * cells // 3, cells), shape, "liver")


_BACK, _MARGIN = Region(boundary="z1"), Region(toward=(1.0, 0.0, 0.0), fraction=0.06)
CASES = {
    "grasp": TissueCase(
        name="grasp", material=material("liver"), fixed=(Region(boundary="x0"),),
        pulls=(Pull(region=_MARGIN, displacement_mm=(4.0, 6.0, -20.0)),),
    ),
    "press": TissueCase(
        name="press", material=material("liver"), fixed=(_BACK,),
        presses=(Press(region=Region(boundary="z0"), force="5 N", direction=(0.0, 0.0, 1.0)),),
    ),
    "gravity": TissueCase(
        name="gravity", material=material("liver"), fixed=(Region(boundary="x0"), _BACK), gravity=(0.0, 0.0, -1.0),
    ),
}  # fmt: skip


class Steady:
    """Forces (k, 3) on points that stay the same: the pressing of a case."""

    def __init__(self, mesh: OrganMesh, press: Press) -> None:
        corners = np.asarray(mesh.boundary_triangles)[triangles(mesh, press.region, "pressed region")]
        p = np.asarray(mesh.points_mm)[corners]
        area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) / 2
        share = np.bincount(corners.ravel(), np.repeat(area / area.sum() / 3, 3))
        self._nodes = np.flatnonzero(share).astype(np.int32)
        direction = np.asarray(press.direction, float)
        force = parse(press.force or "", "force") * direction / np.linalg.norm(direction)
        self._forces = share[self._nodes, None] * force

    def begin(self, x: NDArray[np.float64], v: NDArray[np.float64], dt: float) -> None:
        """Nothing to prepare."""

    def evaluate(self, x: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """The forces; they do not depend on the place."""
        return self._nodes, self._forces, np.zeros((len(self._nodes), 3, 3))

    def missed(self, x: NDArray[np.float64]) -> bool:
        """Never."""
        return False


def stepper_of(mesh: OrganMesh, case: TissueCase) -> Stepper:
    """A stepper that goes to where the case leads."""
    scene = Scene(material=case.material, materials=case.materials, fixed=case.fixed)
    gravity = (
        np.zeros(3) if case.gravity is None else parse(case.gravity_strength, "acceleration") * np.array(case.gravity)
    )
    stepper = Stepper(Body.of(mesh, scene), gravity_mm_per_s2=gravity)
    stepper.held |= held_by(mesh, scene)
    for i, pull in enumerate(case.pulls, 1):
        corners = np.asarray(mesh.boundary_triangles)[triangles(mesh, pull.region, "pulled region")]
        nodes = np.unique(corners).astype(np.int32)
        stepper.held[f"pull {i}"] = Held(nodes, stepper.x[nodes] + np.array(pull.displacement_mm))
    stepper.loads += [Steady(mesh, press) for press in case.presses]
    return stepper


def at_rest(mesh: OrganMesh, case: TissueCase) -> NDArray[np.float64]:
    """Displacement (n, 3) of the rehearsal, settled."""
    stepper = stepper_of(mesh, case)
    stepper.settle(1e-4, 100)
    return np.asarray(stepper.x - stepper.body.rest_mm)


def full(mesh: OrganMesh, case: TissueCase, element: str, monitor: Monitor) -> NDArray[np.float64]:
    """Displacement (n, 3) of the full solve with linear or quadratic mixed elements."""
    numerics = TissueNumerics(formulation="mixed", element=element)  # type: ignore[arg-type]
    return np.asarray(deform(mesh, case.with_(numerics=numerics), monitor).fields["displacement_mm"][-1], float)


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Grasp, press and gravity, against linear and quadratic mixed elements."""
    rows: list[Row] = []
    mesh = organ(4 if quick else 6)
    todo = [(name, element) for name in CASES for element in ("linear", "quadratic")]
    for i, (name, element) in enumerate(todo):
        begin = time.perf_counter()
        reference = full(mesh, CASES[name], element, PartMonitor(monitor, i / len(todo), (i + 1) / len(todo)))
        found = at_rest(mesh, CASES[name])
        seconds = time.perf_counter() - begin
        largest = float(np.linalg.norm(reference, axis=1).max())
        accepted = SAME_MESH_PERCENT if element == "linear" else LOCKING_FREE_PERCENT
        against = "stabilised mixed P1-P1" if element == "linear" else "Taylor-Hood P2-P1"
        source = f"full solve, {against}, same mesh"
        size = f"{len(mesh.tets)} tetrahedra"
        rows.append(
            Row(
                f"{name}: largest displacement, against {against}", largest, float(np.linalg.norm(found, axis=1).max()), "mm", accepted,
                source, size, seconds,
            )
        )  # fmt: skip
        if element == "linear":
            apart = float(np.linalg.norm(found - reference, axis=1).max()) / largest
            rows.append(
                Row(f"{name}: largest distance of a point, of that", 0.0, apart, "", accepted, source, size, seconds)
            )
    return rows


CASE = Case("rehearsal", "The rehearsal at rest against the full solve", run)
