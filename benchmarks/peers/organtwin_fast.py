"""OrganTwin's fast scheme. python -m peers.organtwin_fast RINGS STEPS, also under mpiexec."""

from __future__ import annotations

import sys

import numpy as np
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.flow.fast.scheme import Scheme
from organtwin_solvers.validation.measures import point_volumes
from organtwin_solvers.validation.womersley import conditions, start

from peers.pipe_flow import EXACT, START_S, WARM_UP, Measured, Watch, memory_mb, mesh, relative_error, step_s


def main(rings: int, steps: int) -> None:
    organ, dt = mesh(rings), step_s(rings)
    scheme = Scheme(fem_mesh(organ), conditions(EXACT, organ))
    comm = scheme.mesh.comm
    state = start(scheme, EXACT, organ, START_S, dt)
    for _ in range(WARM_UP):
        state = scheme.step(state, dt)
    watch = Watch()
    for _ in range(steps):
        state = scheme.step(state, dt)
    cpu, wall = watch.read()
    cpu, memory = comm.allreduce(cpu), comm.allreduce(memory_mb())
    velocity = scheme.to_points(state.velocity)
    r = np.hypot(organ.points_mm[:, 0], organ.points_mm[:, 1])
    error = relative_error(r, velocity, point_volumes(organ), START_S + (WARM_UP + steps) * dt)
    if comm.rank == 0:
        unknowns = 4 * len(organ.points_mm)
        note = f"{len(organ.tets)} tetrahedra"
        Measured(f"OrganTwin, {comm.size} rank(s)", unknowns, steps, cpu, wall, error, memory, note).print()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
