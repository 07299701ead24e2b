"""The operation "twin-flow": a vessel mesh and the twin of the circulation in, a flow case with that patient's boundary conditions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from organtwin.model import OrganMesh, TwinObject, TwinState
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class TwinFlowParameters(Parameters):
    """``site``: where the inlet lies ("ascending-aorta", "infrarenal-aorta" ...), where the mesh does not tell; ``share``: the part of
    the cardiac output that enters, in place of the published one."""

    site: str = ""
    share: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    mode: Literal["steady", "pulsatile"] = "pulsatile"


OPERATION = Operation(
    name="twin-flow",
    title="Flow case from the twin",
    inputs={"mesh": "mesh", "state": "twin-state"},
    parameters=TwinFlowParameters,
    function="organtwin.operations.twin_flow:run",
)


def run(inputs: Mapping[str, TwinObject], parameters: TwinFlowParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """One :class:`FlowCase`.

    Raises
    ------
    BadInput
        When the twin is not one of the circulation, or it is not clear where the vessel begins.
    """
    from organtwin.errors import BadInput
    from organtwin.physiology.model import find
    from organtwin.twin.inflow import flow_case

    organ, state = inputs["mesh"], inputs["state"]
    assert isinstance(organ, OrganMesh)
    assert isinstance(state, TwinState)
    if state.model != "circulation":
        raise BadInput(f"'{state.name}' is a twin of '{state.model}'", remedy="Calibrate the model 'circulation'.")
    monitor.progress(0.5, "boundary conditions")
    case = flow_case(
        find(state.model), state, organ, site=parameters.site, share=parameters.share, mode=parameters.mode
    )
    return (case,)
