"""The operation "flow-check": a vessel mesh and a flow case in; out the case as it would be run, with what is to be said.

Every outlet of the case that comes out is named and has its resistances and compliance in numbers, also where targets were
given; its ``notes`` are the findings. Where the case cannot be run, the reason is raised.
"""

from __future__ import annotations

from collections.abc import Mapping

from organtwin.errors import BadInput
from organtwin.model import FlowCase, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation
from organtwin_solvers.flow.operation import FlowParameters


def run(inputs: Mapping[str, TwinObject], parameters: FlowParameters, monitor: Monitor) -> tuple[FlowCase]:
    """The operation "flow-check"."""
    from organtwin_solvers.flow.request import mesh_and_case
    from organtwin_solvers.flow.setup.explicit import explicit
    from organtwin_solvers.flow.setup.preflight import check

    organ, case = mesh_and_case(inputs, parameters)
    monitor.progress(0.0, "checking the case")
    findings = check(case, organ)
    for finding in findings:
        if finding.level == "error":
            raise BadInput(finding.sentence, remedy=finding.remedy)
    return (explicit(case, organ).with_(notes=tuple(str(finding) for finding in findings)),)


OPERATION = Operation(
    name="flow-check",
    title="Check a flow case",
    inputs={"mesh": "mesh"},
    parameters=FlowParameters,
    function="organtwin_solvers.flow.preflight_operation:run",
    packages=("organtwin", "numpy"),
)
