"""FElupe on the block, with its own interpreter: $FELUPE_PYTHON -m peers.felupe_tissue CELLS

python -m venv FOLDER; FOLDER/bin/pip install felupe; FELUPE_PYTHON=FOLDER/bin/python
"""

from __future__ import annotations

import sys
from itertools import permutations

import numpy as np

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


def mesh(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and tetrahedra of the block, six to a cell along its diagonal, as OrganTwin's own."""
    n = cells + 1
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    corner = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    tets = []
    for order in permutations(range(3)):
        way = [corner]
        for axis in order:
            way.append(way[-1] + np.eye(3, dtype=int)[axis])
        tets.append(np.stack([(p[:, 0] * n + p[:, 1]) * n + p[:, 2] for p in way], axis=1))
    points, cells_ = grid * EDGE_MM / cells, np.concatenate(tets)
    corners = points[cells_]
    inverted = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
    cells_[inverted] = cells_[inverted][:, [0, 2, 1, 3]]
    return points, cells_


def main(cells: int) -> None:
    import felupe

    points, tets = mesh(cells)
    watch = Watch()
    body = felupe.Mesh(points, tets, cell_type="tetra")
    displacement = felupe.Field(felupe.RegionTetra(body), dim=3)
    field = felupe.FieldContainer([displacement])
    at = {"fixed": {"fz": EDGE_MM}} | {
        f"pull {k}": {"fz": 0.0, "skip": tuple(int(k != i) for i in range(3))} for k in range(3)
    }
    conditions = {name: felupe.Boundary(displacement, **where) for name, where in at.items()}
    ramp = {conditions[f"pull {k}"]: PULL_MM[k] * np.linspace(0, 1, STEPS + 1)[1:] for k in range(3)}
    solid = felupe.SolidBody(felupe.NeoHooke(mu=SHEAR_PA, bulk=BULK_PA), field)
    felupe.Job([felupe.Step([solid], ramp=ramp, boundaries=conditions)]).evaluate(verbose=0, tol=TOLERANCE)
    u = displacement.values[middle(points)]
    Measured(
        f"FElupe {felupe.__version__}",
        3 * len(points),
        len(tets),
        watch.cpu_s,
        watch.wall_s,
        memory_mb(),
        tuple(u.tolist()),
    ).say()


if __name__ == "__main__":
    main(int(sys.argv[1]))
