"""The operation "flow": a vessel mesh and a flow case in, a result out."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from organtwin.operations.registry import Operation, Parameters


class FlowParameters(Parameters):
    """Either a whole ``case`` (the JSON of a FlowCase) or a ``preset``; ``overrides`` change top-level parts of a preset."""

    case: dict[str, Any] | None = None
    preset: str | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> FlowParameters:
        if (self.case is None) == (self.preset is None):
            raise ValueError("give either a case or a preset")
        if self.overrides and self.preset is None:
            raise ValueError("overrides belong to a preset")
        return self


OPERATION = Operation(
    name="flow",
    title="Blood flow",
    inputs={"mesh": "mesh"},
    parameters=FlowParameters,
    function="organtwin_solvers.flow.solve:run",
    packages=("organtwin", "numpy", "dolfinx-solver-real"),
)
