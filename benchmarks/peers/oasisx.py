"""oasisx 1.3 on the very mesh and step, one inner iteration. python -m peers.oasisx RINGS STEPS [DEGREE of velocity, 1 or 2]

Give it a folder of its own, never the program's environment: pip install --no-deps --target FOLDER oasisx==1.3, and name that
folder in $OASISX_PATH. It was written for an older DOLFINx; what it asks of a mesh's cell is answered here.
"""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
from organtwin_solvers.fem.backend import fem  # loads DOLFINx
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.validation.measures import point_volumes

from peers.pipe_flow import (
    EXACT,
    LENGTH_MM,
    START_S,
    WARM_UP,
    Measured,
    Watch,
    memory_mb,
    mesh,
    relative_error,
    step_s,
    velocity,
)

OPTIONS = {
    "tentative": {"ksp_type": "bcgs", "pc_type": "jacobi", "ksp_rtol": 1e-6},
    "pressure": {"ksp_type": "cg", "pc_type": "gamg", "ksp_rtol": 1e-6},
    "scalar": {"ksp_type": "cg", "pc_type": "jacobi", "ksp_rtol": 1e-6},
}


def missing() -> str:
    """What is not there, in words; empty when everything is."""
    if os.environ.get("OASISX_PATH"):
        sys.path.append(os.environ["OASISX_PATH"])
    if importlib.util.find_spec("oasisx") is None:
        return "oasisx is not installed (pip install --no-deps --target FOLDER oasisx==1.3; OASISX_PATH=FOLDER)"
    return ""


class CallableName(str):
    """A name that may also be called."""

    def __call__(self) -> str:
        return str(self)


def main(rings: int, steps: int, degree: int = 1) -> None:
    import basix.ufl
    import ufl

    was = ufl.Cell.cellname
    if isinstance(was, property):  # it was a method when oasisx was written
        ufl.Cell.cellname = property(lambda cell: CallableName(was.fget(cell)))
    import oasisx

    organ, dt = mesh(rings), step_s(rings)
    domain = fem_mesh(organ)
    space = fem.functionspace(domain.mesh, ("Lagrange", degree))
    now = [START_S]

    def inlet(x: np.ndarray) -> np.ndarray:
        return velocity(np.hypot(x[0], x[1]), now[0])

    tags, topological = domain.facet_tags, oasisx.LocatorMethod.TOPOLOGICAL

    def prescribed(axis: int) -> list[oasisx.DirichletBC]:
        at_inlet = inlet if axis == 2 else 0.0
        return [
            oasisx.DirichletBC(at_inlet, topological, (tags, domain.tag("inlet"))),
            oasisx.DirichletBC(0.0, topological, (tags, domain.tag("wall"))),
        ]

    vector = basix.ufl.element("Lagrange", "tetrahedron", degree, shape=(3,))
    scalar = basix.ufl.element("Lagrange", "tetrahedron", 1)
    solver = oasisx.FractionalStep_AB_CN(
        domain.mesh, vector, scalar, bcs_u=[prescribed(axis) for axis in range(3)],
        bcs_p=[oasisx.PressureBC(0.0, (tags, domain.tag("outlet")))], solver_options=OPTIONS,
        options={"low_memory_version": False},
    )  # fmt: skip
    for before, function in ((0.0, solver._u1), (dt, solver._u2), (0.0, solver._u)):
        function[2].interpolate(lambda x, t=START_S - before: velocity(np.hypot(x[0], x[1]), t))
    gradient = (EXACT.steady + EXACT.gradient(START_S - 0.5 * dt)) / EXACT.density
    solver._p.interpolate(lambda x: gradient * (LENGTH_MM - x[2]))

    def march(count: int) -> None:
        for _ in range(count):
            now[0] += dt
            solver.solve(dt, EXACT.kinematic_viscosity, max_iter=1)

    march(WARM_UP)
    watch = Watch()
    march(steps)
    cpu, wall = watch.read()
    computed = np.column_stack([domain.gather(space, component.x.array) for component in solver._u])
    r = np.hypot(organ.points_mm[:, 0], organ.points_mm[:, 1])
    error = relative_error(r, computed, point_volumes(organ), START_S + (WARM_UP + steps) * dt)
    unknowns = 3 * space.dofmap.index_map.size_global + len(organ.points_mm)
    note = f"{len(organ.tets)} tetrahedra, P{degree}-P1"
    Measured("oasisx 1.3", unknowns, steps, cpu, wall, error, memory_mb(), note).print()


if __name__ == "__main__":
    if missing():
        raise SystemExit(missing())
    main(*(int(argument) for argument in sys.argv[1:]))
