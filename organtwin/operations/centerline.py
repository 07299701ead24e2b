"""The operation "centerline": a vessel mesh in, the tree of its middle lines out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class CenterlineParameters(Parameters):
    """Nothing to choose."""


def run(inputs: Mapping[str, TwinObject], parameters: CenterlineParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The operation: see :func:`organtwin.vessel.tree.of_mesh`."""
    from organtwin.vessel.tree import of_mesh

    organ = inputs["mesh"]
    if not isinstance(organ, OrganMesh):
        raise BadInput("A centreline needs a mesh")
    return (of_mesh(organ, monitor.progress),)


OPERATION = Operation(
    name="centerline",
    title="Centreline",
    inputs={"mesh": "mesh"},
    parameters=CenterlineParameters,
    function="organtwin.operations.centerline:run",
    packages=("organtwin", "numpy", "scipy"),
)
