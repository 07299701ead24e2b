"""The operation "tissue": deform an organ mesh by a case, or by a preset of that name."""

from __future__ import annotations

from typing import Any

from organtwin.operations.registry import Operation, Parameters


class TissueParameters(Parameters):
    """Either a TissueCase as plain data, or the name of a preset such as "liver-pull"."""

    case: dict[str, Any] | None = None
    preset: str | None = None


OPERATION = Operation(
    name="tissue",
    title="Deform the tissue",
    inputs={"mesh": "mesh"},
    optional={"neighbour": "mesh"},
    parameters=TissueParameters,
    function="organtwin_solvers.tissue.deform:run",
    packages=("organtwin", "numpy", "dolfinx-solver-real"),
)
