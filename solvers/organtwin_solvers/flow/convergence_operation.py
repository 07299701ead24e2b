"""The operation "flow-convergence": a vessel mesh and a flow case in, a result whose numbers carry their mesh error out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from organtwin.operations.registry import Operation
from organtwin_solvers.flow.operation import FlowParameters


class ConvergenceParameters(FlowParameters):
    """A case or a preset, and how much longer and shorter the edges of the other two meshes are."""

    coarse: Annotated[float, Field(gt=1.0, le=3.0)] = 1.5
    fine: Annotated[float, Field(ge=0.3, lt=1.0)] = 0.7


OPERATION = Operation(
    name="flow-convergence",
    title="Mesh study of a blood flow",
    inputs={"mesh": "mesh"},
    parameters=ConvergenceParameters,
    function="organtwin_solvers.flow.results.convergence:run",
    packages=("organtwin", "numpy", "dolfinx-solver-real"),
)
