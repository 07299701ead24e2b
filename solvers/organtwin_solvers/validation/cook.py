"""Cook's membrane: a clamped, tapered panel sheared at its free end, up to nearly incompressible and large strains.

The panel has the corners (0, 0), (48, 44), (48, 60), (0, 44) mm and carries a shear force of total F per mm of thickness
on its right edge, in the direction of y and constant. It is solved as a slab one element thick: in plane strain with
u_z = 0 on both faces, in plane stress with free faces.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Elastic, Problem, Support, Traction
from organtwin_solvers.validation.block import block, nearest_point

PROBES = {"u_y(48,60)": (48.0, 60.0), "u_y(48,52)": (48.0, 52.0)}
RIGHT_EDGE_MM = 16.0
THICKNESS_MM = 0.05  # thin beside every element, so that the slab is as flat as the theory
COMPUTED = "independent plane-strain finite elements, quadratic and mixed, converged to the digits given"


@dataclass(frozen=True)
class Variant:
    """One row of the benchmark, with its reference values (mm) at the two probes."""

    name: str
    law: str
    shear_pa: float
    poisson: float
    force: float
    plane_stress: bool
    formulation: Formulation
    reference: tuple[float, float]
    source: str
    steps: int = 2

    @property
    def elastic(self) -> Elastic:
        bulk = 2 * self.shear_pa * (1 + self.poisson) / (3 * (1 - 2 * self.poisson))
        return Elastic(law(self.law), self.shear_pa, bulk)


VARIANTS = (
    Variant(
        "linear, plane stress, E 1, Poisson 1/3, F 1", "linear", 0.375, 1 / 3, 1.0, True, Formulation(False, 2),
        (25.170, 23.9665), "the same panel by independent finite elements; 23.97 at (48,52) is also the published limit", 1,
    ),
    Variant(
        "mu 0.4225, Poisson 0.3, F 1", "neo_hookean", 0.4225, 0.3, 1.0, False, Formulation(False, 2),
        (13.773, 14.741), COMPUTED,
    ),
    Variant(
        "mu 0.4225, Poisson 0.4999, F 1", "neo_hookean", 0.4225, 0.4999, 1.0, False, Formulation(True, 2),
        (11.497, 11.999), COMPUTED,
    ),
    Variant(
        "mu 80.194, Poisson 0.4999, F 100", "neo_hookean", 80.194, 0.4999, 100.0, False, Formulation(True, 2),
        (6.931, 6.960), COMPUTED,
    ),
)  # fmt: skip


def panel(cells: int, thickness_mm: float) -> OrganMesh:
    """The panel as a slab of ``cells`` x ``cells`` x 1, finer toward the corners, where the stress is singular."""

    def shape(unit: NDArray[np.float64]) -> NDArray[np.float64]:
        s, t, z = unit.T
        s, t = (1 - np.cos(np.pi * s)) / 2, (1 - np.cos(np.pi * t)) / 2
        return np.stack([48 * s, 44 * s + t * (44 - 28 * s), thickness_mm * z], axis=1)

    return block((cells, cells, 1), shape, "cook")


def solve(
    variant: Variant, cells: int, formulation: Formulation | None = None, monitor: Monitor | None = None
) -> tuple[dict[str, float], OrganMesh]:
    """Deflections (mm) at the probes, and the mesh."""
    mesh = panel(cells, THICKNESS_MM)
    fem = fem_mesh(mesh)
    flat = Support("flat", fem.facets("z0") if variant.plane_stress else fem.facets("z0", "z1"), components=(2,))
    clamped = Support("clamped", fem.facets("x0"), components=(0, 1))
    shear = Traction(fem.facets("x1"), (0.0, variant.force / RIGHT_EDGE_MM, 0.0))
    problem = Problem(fem.mesh, variant.elastic, formulation or variant.formulation, [clamped, flat], [shear])
    follow_load(problem, steps=variant.steps, tolerance=1e-8, monitor=monitor or NullMonitor())
    u = fem.to_points(problem.displacement())
    return {name: float(u[nearest_point(mesh, (*xy, 0.0)), 1]) for name, xy in PROBES.items()}, mesh


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """All variants; the full run adds a coarser mesh, so that convergence can be seen."""
    rows: list[Row] = []
    sizes: Sequence[int] = (24,) if quick else (16, 32)
    for i, variant in enumerate(VARIANTS):
        for j, cells in enumerate(sizes):
            begin = time.perf_counter()
            part = PartMonitor(
                monitor, (i + j / len(sizes)) / len(VARIANTS), (i + (j + 1) / len(sizes)) / len(VARIANTS)
            )
            deflections, mesh = solve(variant, cells, monitor=part)
            seconds = time.perf_counter() - begin
            for (probe, computed), reference in zip(deflections.items(), variant.reference, strict=True):
                rows.append(
                    Row(
                        f"{variant.name}: {probe}", reference, computed, "mm", 0.3, variant.source,
                        f"{len(mesh.tets)} tetrahedra, {variant.formulation.name}", seconds,
                    )
                )  # fmt: skip
    return rows


CASE = Case("cook", "Cook's membrane, linear to nearly incompressible", run)
