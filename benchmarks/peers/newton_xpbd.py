"""Newton's XPBD on a mesh of tetrahedra under its weight: python newton_xpbd.py MESH.npz STEPS ITERATIONS SUBSTEPS, in a Python that has newton.

MESH.npz: points, tets, held (indices), shear, lame, density, gravity (3), step_s, end (n, 3) or absent. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time

import newton
import numpy as np
import warp as wp

wp.config.quiet = True
wp.init()


def main(file: str, steps: int, iterations: int, substeps: int) -> None:
    given = np.load(file)
    points, tets = given["points"], given["tets"]
    builder = newton.ModelBuilder(gravity=tuple(float(g) for g in given["gravity"]))
    builder.add_soft_mesh(
        pos=wp.vec3(0, 0, 0), rot=wp.quat_identity(), scale=1.0, vel=wp.vec3(0, 0, 0), vertices=[wp.vec3(*p) for p in points],
        indices=tets.ravel().tolist(), density=float(given["density"]), k_mu=float(given["shear"]),
        k_lambda=float(given["lame"]), k_damp=0.0,
    )  # fmt: skip
    for node in given["held"]:
        builder.particle_mass[int(node)] = 0.0
    with wp.ScopedDevice("cpu"):
        model = builder.finalize(device="cpu")
        solver = newton.solvers.SolverXPBD(model, iterations=iterations)
        one, two, control = model.state(), model.state(), model.control()
        dt = float(given["step_s"]) / substeps
        solver.step(one, two, control, None, dt)  # compiles
        one, two = model.state(), model.state()
        path, times, spent = [], [], 0.0
        for _ in range(steps):
            begin = time.process_time()
            for _ in range(substeps):
                one.clear_forces()
                solver.step(one, two, control, None, dt)
                one, two = two, one
            spent += time.process_time() - begin
            times.append(spent)
            path.append(one.particle_q.numpy().copy())
    path = np.array(path)
    moved = path - points
    end = path[-max(steps // 10, 1) :].mean(axis=0)
    largest = np.linalg.norm(end - points, axis=1).max()
    off = np.linalg.norm(path - end, axis=2).max(axis=1) / largest
    late = np.flatnonzero(~(off < 0.01))
    reached = times[late[-1] + 1] if late.size and late[-1] + 1 < len(times) else None
    known = given.get("end", end)
    away = np.linalg.norm(path - known, axis=2).max(axis=1) / np.linalg.norm(known - points, axis=1).max()
    far = np.flatnonzero(~(away < 0.01))
    found = times[far[-1] + 1] if far.size and far[-1] + 1 < len(times) else None
    print(
        "MEASURED "
        + json.dumps(
            {
                "step_cpu_s": spent / steps,
                "rate": len(tets) * iterations * substeps * steps / spent,
                "own_rest_cpu_s": reached,
                "rest_cpu_s": found,
                "total_cpu_s": spent,
                "largest_mm": float(np.linalg.norm(moved[-1], axis=1).max()),
                "away_percent": 100 * float(away[-1]),
                "version": newton.__version__,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
