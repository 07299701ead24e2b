"""What a flow operation was asked: on which mesh, and which case."""

from __future__ import annotations

from collections.abc import Mapping

from organtwin.checked import validated
from organtwin.errors import BadInput
from organtwin.model import FlowCase, OrganMesh, TwinObject
from organtwin_solvers.flow.operation import FlowParameters
from organtwin_solvers.flow.presets import preset


def mesh_and_case(inputs: Mapping[str, TwinObject], parameters: FlowParameters) -> tuple[OrganMesh, FlowCase]:
    """The mesh among the inputs, and the case that is given or made from a preset.

    Raises
    ------
    BadInput
        When there is no mesh, or the case is not one.
    """
    organ = inputs["mesh"]
    if not isinstance(organ, OrganMesh):
        raise BadInput("Flow needs a mesh")
    if parameters.preset is not None:
        return organ, preset(parameters.preset, parameters.overrides)
    return organ, validated(FlowCase, parameters.case, "the flow case")
