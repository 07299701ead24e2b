"""A resection planned on a segmentation; several proposed; the organ as it is after the cut, to be solved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from organtwin.model import Centerline, OrganMesh, Segmentation, TwinObject
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters
from organtwin.resection.settings import Settings


class ResectionPlanParameters(Settings, Parameters):
    """Those of :class:`Settings`; ``propose``: several plans, the best first, instead of the one that is asked for.

    ``opened`` also makes a mesh to solve: the "remnant" after the resection, or the organ with the cut "open" but for a hinge
    at the back, so that it can be drawn apart.
    """

    name: str = ""
    propose: bool = False
    opened: Literal["no", "remnant", "open"] = "no"


def run(inputs: dict[str, TwinObject], parameters: ResectionPlanParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """One :class:`ResectionPlan` or several, and the mesh where it is asked for."""
    from organtwin.resection.anatomy import Anatomy
    from organtwin.resection.plan import make_plan
    from organtwin.resection.proposal import propose

    segmentation = inputs["segmentation"]
    territories = inputs.get("territories")
    lines = [thing for role, thing in sorted(inputs.items()) if role.startswith("tree")]
    assert isinstance(segmentation, Segmentation)
    assert territories is None or isinstance(territories, Segmentation)
    monitor.progress(0.0, "reading the organ")
    anatomy = Anatomy.of(
        segmentation, territories, [line for line in lines if isinstance(line, Centerline)], organ=parameters.organ
    )
    monitor.progress(0.1, "reading the organ")
    settings = Settings.model_validate({key: getattr(parameters, key) for key in Settings.model_fields})
    rest = PartMonitor(monitor, 0.1, 1.0 if parameters.opened == "no" else 0.5)
    if parameters.propose:
        return propose(anatomy, settings, segmentation=segmentation.uuid, progress=rest.progress)
    plan = make_plan(anatomy, settings, segmentation=segmentation.uuid, name=parameters.name, progress=rest.progress)
    if parameters.opened == "no":
        monitor.progress(1.0, "done")
        return [plan]
    from organtwin.operations.opened_organ import opened, remnant

    mesh = inputs.get("mesh")
    assert mesh is None or isinstance(mesh, OrganMesh)
    rest = PartMonitor(monitor, 0.5, 1.0)
    made = remnant(plan, anatomy, rest) if parameters.opened == "remnant" else opened(plan, anatomy, mesh, rest)
    return [plan, made]


OPERATION = Operation(
    name="resection-plan",
    title="Plan of a resection",
    inputs={"segmentation": "segmentation"},
    optional={"territories": "segmentation", "tree": "centerline", "mesh": "mesh"},
    parameters=ResectionPlanParameters,
    function="organtwin.operations.resection_plan:run",
    packages=("organtwin", "numpy", "scipy", "scikit-image", "vtk"),
)
