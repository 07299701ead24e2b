"""A procedure tried on a vessel: its mesh before, and after."""

from __future__ import annotations

from collections.abc import Sequence

from organtwin.model import OrganMesh, TwinObject
from organtwin.model.procedure import Action, Procedure
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters


class ProcedureParameters(Parameters):
    """``action``: what is done, as in ``{"action": "stent", "toward": "iliac_left", "start_mm": 60, "stop_mm": 90, "diameter": "8 mm"}``."""

    action: Action


def run(inputs: dict[str, TwinObject], parameters: ProcedureParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The :class:`Procedure`, and the :class:`OrganMesh` after it."""
    from organtwin.mesh.procedures import perform
    from organtwin.mesh.procedures.perform import title
    from organtwin.vessel import tree

    organ = inputs["mesh"]
    assert isinstance(organ, OrganMesh)
    line = tree.of_mesh(organ, PartMonitor(monitor, 0.0, 0.2).progress)
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        monitor.progress(1 - 0.8 * 0.98**beats, title(parameters.action))

    after = perform(organ, parameters.action, line, beat)
    monitor.progress(1.0, "done")
    what = title(parameters.action)
    done = Procedure(
        name=what[0].upper() + what[1:],
        action=parameters.action,
        before=organ.uuid,
        after=after.uuid,
        notes=after.notes,
    )
    return [done, after]


OPERATION = Operation(
    name="procedure",
    title="Procedure",
    inputs={"mesh": "mesh"},
    parameters=ProcedureParameters,
    function="organtwin.operations.procedure:run",
    packages=("organtwin", "numpy", "scipy", "mmgpy"),
)
