"""The operation "rehearsal-check": how far a rehearsal is from the full solve of the same state."""

from __future__ import annotations

from organtwin.operations.registry import Operation, Parameters
from organtwin_solvers.rehearsal.operation import ROLES


class CheckParameters(Parameters):
    """``tick``: of which moment; None is the end."""

    tick: int | None = None


OPERATION = Operation(
    name="rehearsal-check",
    title="Check a rehearsal by a full solve",
    inputs={"mesh": "mesh", "rehearsal": "rehearsal"},
    optional=ROLES,
    parameters=CheckParameters,
    function="organtwin_solvers.rehearsal.check:run",
    packages=("organtwin", "numpy", "numba", "dolfinx-solver-real"),
)
