"""The patch test: what is uniform outside must be found uniform inside, on an irregular mesh, by every element.

A block whose inner points are scattered is deformed on its whole surface by u = H x, and the displacement of the inside
and the stress are compared with those of the uniform deformation. The second patch passes a uniform pressure through
contact: a rigid plate presses a block between rollers, and every point of the skin must bear the same.
"""

from __future__ import annotations

import time

import numpy as np

from organtwin.model import OrganMesh
from organtwin.model.tool import Plane, Pose, RigidTool
from organtwin.monitor import Monitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.contact import Contact, Skin
from organtwin_solvers.tissue.contact_tools import tools_of
from organtwin_solvers.tissue.fields import Recovery
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Problem, Support
from organtwin_solvers.validation.block import FACES, block

YOUNG_PA, POISSON = 6000.0, 0.45
EDGE_MM = 10.0
GRADIENT = np.array([[0.10, 0.05, -0.02], [0.03, -0.06, 0.04], [0.01, 0.02, 0.08]])
SQUEEZE = 0.1
FORMULATIONS = [Formulation(mixed, degree) for mixed in (False, True) for degree in (1, 2)]
TIGHT = 1e-5  # percent
SOURCE = "the uniform deformation itself; neo-Hookean stress by hand"


def scattered(cells: int) -> OrganMesh:
    """A block whose inner points are off the grid."""
    mesh = block((cells, cells, cells), (EDGE_MM, EDGE_MM, EDGE_MM), "patch")
    points = np.asarray(mesh.points_mm)
    inside = (np.abs(points - EDGE_MM / 2) < 0.49 * EDGE_MM).all(axis=1)
    shift = np.random.default_rng(1).uniform(-0.12, 0.12, points.shape) * EDGE_MM / cells
    return mesh.with_(points_mm=points + inside[:, None] * shift)


def stress_by_hand() -> float:
    """Von Mises stress (Pa) of the neo-Hookean block at F = I + H."""
    F = np.eye(3) + GRADIENT
    J = np.linalg.det(F)
    b = J ** (-2 / 3) * F @ F.T
    deviator = YOUNG_PA / (2 * (1 + POISSON)) / J * (b - np.trace(b) / 3 * np.eye(3))
    return float(np.sqrt(1.5 * (deviator**2).sum()))


def uniform(formulation: Formulation, cells: int, monitor: Monitor) -> tuple[float, float, str]:
    """Largest error of the displacement over the largest displacement, largest relative error of the stress, the mesh."""
    mesh = scattered(cells)
    fem = fem_mesh(mesh)
    supports = [Support("all", fem.facets(*FACES), lambda x: GRADIENT @ x)]
    body = Problem(fem.mesh, Elastic.from_young(law("neo_hookean"), YOUNG_PA, POISSON), formulation, supports)
    follow_load(body, steps=1, tolerance=1e-10, monitor=monitor)
    exact = np.asarray(mesh.points_mm) @ GRADIENT.T
    error = np.abs(fem.to_points(body.displacement()) - exact).max() / np.abs(exact).max()
    stress = Recovery(body, fem)().stress_pa.astype(float)
    return float(error), float(np.abs(stress / stress_by_hand() - 1).max()), _words(mesh, formulation)


def pressed(formulation: Formulation, cells: int, monitor: Monitor) -> tuple[float, float, str]:
    """Mean contact pressure (Pa), its largest relative deviation from that, and the mesh."""
    mesh = scattered(cells)
    fem = fem_mesh(mesh)
    rollers = [Support(face, fem.facets(face), components=(axis,)) for axis, face in enumerate(("x0", "y0", "z0"))]
    body = Problem(fem.mesh, Elastic.from_young(law("linear"), YOUNG_PA, POISSON), formulation, rollers)
    start, end = (Pose(tip_mm=(0, 0, place), axis=(0, 0, 1)) for place in (EDGE_MM, (1 - SQUEEZE) * EDGE_MM))
    contact = Contact(
        Skin(body.displacement_space, body.u_dofs, fem.facets("z1")),
        tools_of((RigidTool(shape=Plane(), start=start, pose=end),)),
        YOUNG_PA / (1 - POISSON**2),
    )
    body.add(contact)
    follow_load(body, steps=1, tolerance=1e-9, monitor=monitor)
    pressure = contact.pressures(body.state.x.array)
    return float(pressure.mean()), float(np.abs(pressure / pressure.mean() - 1).max()), _words(mesh, formulation)


def _words(mesh: OrganMesh, formulation: Formulation) -> str:
    return f"{len(mesh.tets)} tetrahedra, {formulation.name}"


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Every formulation."""
    rows: list[Row] = []
    cells = 2 if quick else 4
    for i, formulation in enumerate(FORMULATIONS):
        begin = time.perf_counter()
        part = PartMonitor(monitor, i / len(FORMULATIONS), (i + 1) / len(FORMULATIONS))
        moved, stressed, mesh = uniform(formulation, cells, part)
        mean, uneven, _ = pressed(formulation, cells, part)
        seconds = time.perf_counter() - begin
        rows += [
            Row(f"{formulation.name}: error of the displacement inside", 0.0, moved, "1", TIGHT, SOURCE, mesh, seconds),
            Row(f"{formulation.name}: error of the stress", 0.0, stressed, "1", 0.01, SOURCE, mesh, seconds),
            Row(
                f"{formulation.name}: unevenness of the pressure under a rigid plate", 0.0, uneven, "1", 0.01,
                "a uniform pressure", mesh, seconds,
            ),
            Row(
                f"{formulation.name}: pressure under a rigid plate", YOUNG_PA * SQUEEZE, mean, "Pa", 1.0,
                "Hooke's law; the plate sinks in by up to 1 % of a triangle", mesh, seconds,
            ),
        ]  # fmt: skip
    return rows


CASE = Case("patch", "Patch test: uniform stays uniform, through contact too", run)
