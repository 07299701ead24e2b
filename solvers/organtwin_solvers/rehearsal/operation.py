"""The operation "rehearse": do a script, or replay a rehearsal, on an organ mesh, without a window."""

from __future__ import annotations

from organtwin.model.rehearsal import Script
from organtwin.operations.registry import Operation, Parameters

ROLES = {
    "inside": "surface",
    "neighbour": "mesh",
    "tree": "centerline",
    "plan": "plan",
}


class RehearseParameters(Parameters):
    """``script``: what is done; None where a rehearsal is given to replay."""

    script: Script | None = None
    name: str = "rehearsal"


OPERATION = Operation(
    name="rehearse",
    title="Rehearse",
    inputs={"mesh": "mesh"},
    optional={**ROLES, "rehearsal": "rehearsal"},
    parameters=RehearseParameters,
    function="organtwin_solvers.rehearsal.replay:run",
    packages=("organtwin", "numpy", "numba"),
)
