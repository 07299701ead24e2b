"""The operation "extend": straight tubes at the openings of a vessel mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters

Diameters = Annotated[float, Field(ge=0, le=30)]


class ExtendParameters(Parameters):
    """``diameters`` at every opening, but for those in ``at``, by name, which have their own."""

    diameters: Diameters = 5.0
    at: dict[str, Diameters] = Field(default_factory=dict)


def run(inputs: Mapping[str, TwinObject], parameters: ExtendParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The :class:`OrganMesh` with its tubes; see :func:`organtwin.mesh.extensions.extended`.

    Raises
    ------
    BadInput
        For a mesh without openings, an unknown one, or a tube that would run into the vessel.
    """
    from organtwin.mesh.extensions import extended

    organ = inputs["mesh"]
    assert isinstance(organ, OrganMesh)
    if not organ.caps or "wall" not in organ.boundaries:
        raise BadInput(f"'{organ.name}' has no openings to extend", remedy="Mesh a vessel with its ends cut open.")
    for name in parameters.at:
        organ.cap(name)
    wanted = {cap.name: parameters.at.get(cap.name, parameters.diameters) for cap in organ.caps}
    if not any(wanted.values()):
        raise BadInput("There is nothing to extend", remedy="Give a length in diameters.")
    return (extended(organ, wanted, monitor.progress),)


OPERATION = Operation(
    name="extend",
    title="Flow extensions",
    inputs={"mesh": "mesh"},
    parameters=ExtendParameters,
    function="organtwin.operations.extend:run",
)
