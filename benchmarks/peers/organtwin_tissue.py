"""OrganTwin's tissue solver on the block. python -m peers.organtwin_tissue CELLS"""

from __future__ import annotations

import sys

import numpy as np
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Problem, Support
from organtwin_solvers.validation.block import block

from peers.hanging_block import (
    BULK_PA,
    EDGE_MM,
    PULL_MM,
    SHEAR_PA,
    STEPS,
    TOLERANCE,
    Measured,
    Watch,
    memory_mb,
    middle,
)


def solve(cells: int, steps: int = STEPS) -> tuple[Problem, np.ndarray, int]:
    mesh = block((cells, cells, cells), (EDGE_MM, EDGE_MM, EDGE_MM))
    fem = fem_mesh(mesh)
    pull = Support("pull", fem.facets("z0"), lambda x: np.tile(PULL_MM[:, None], x.shape[1]))
    elastic = Elastic(law("neo_hookean"), SHEAR_PA, BULK_PA)
    problem = Problem(fem.mesh, elastic, Formulation(False, 1), [Support("fixed", fem.facets("z1")), pull])
    follow_load(problem, steps=steps, tolerance=TOLERANCE)
    u = fem.to_points(problem.displacement())
    return problem, u[middle(np.asarray(mesh.points_mm))], len(mesh.tets)


def main(cells: int) -> None:
    solve(2, 1)  # what is compiled is compiled now
    watch = Watch()
    problem, at_middle, tets = solve(cells)
    Measured("OrganTwin", problem.size, tets, watch.cpu_s, watch.wall_s, memory_mb(), tuple(at_middle.tolist())).say()


if __name__ == "__main__":
    main(int(sys.argv[1]))
