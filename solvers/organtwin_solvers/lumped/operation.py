"""The operation "lumped": a vessel mesh and a flow case in, pressures, flows and FFR along every branch out."""

from __future__ import annotations

from organtwin.operations.registry import Operation
from organtwin_solvers.flow.operation import FlowParameters

OPERATION = Operation(
    name="lumped",
    title="Blood flow, lumped (0D)",
    inputs={"mesh": "mesh"},
    optional={"line": "centerline"},
    parameters=FlowParameters,
    function="organtwin_solvers.lumped.solve:run",
    packages=("organtwin", "numpy", "scipy"),
)
