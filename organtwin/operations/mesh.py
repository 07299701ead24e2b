"""One structure of a segmentation to a closed surface and a tetrahedral mesh with named boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from organtwin.errors import BadInput
from organtwin.model import Frozen, OrganMesh, Segmentation, Surface, TwinObject, structure
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters
from organtwin.units import Length, parse

Vector = tuple[float, float, float]


class OpeningParameters(Frozen):
    """An opening by a point in it (LPS mm): a found end nearby gets this name and role, else the vessel is cut there.

    ``normal`` points out of the vessel; without one the cut is across the centreline.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]*$")]
    role: Literal["inlet", "outlet"]
    point_mm: Vector
    normal: Vector | None = None


class MeshParameters(Parameters):
    """``edge`` is the largest edge; None takes it from the vessel's radius or the organ's volume.

    ``openings``: "auto" finds and names them; a list means exactly those. ``kind`` "auto": what the structure is known as.
    ``extension`` adds straight tubes of so many diameters at the openings. ``mesher``: "auto" tries them in turn; a name tries only that one.
    """

    structure: str
    edge: Length | None = None
    openings: Literal["auto"] | tuple[OpeningParameters, ...] = "auto"
    kind: Literal["auto", "vessel", "organ"] = "auto"
    mesher: Literal["auto", "gmsh HXT", "gmsh Delaunay", "netgen", "fTetWild"] = "auto"
    extension: Annotated[float, Field(ge=0, le=10)] = 0.0
    smoothing: Annotated[float, Field(ge=0, le=1)] = 0.7


def run(inputs: dict[str, TwinObject], parameters: MeshParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The smooth :class:`Surface` of the whole structure, and the :class:`OrganMesh`."""
    from organtwin.mesh import build
    from organtwin.mesh.label_surface import label_surfaces
    from organtwin.mesh.meshers import MESHERS

    segmentation = inputs["segmentation"]
    assert isinstance(segmentation, Segmentation)
    key = parameters.structure
    segment = segmentation.segment(key)
    edge_mm = None if parameters.edge is None else parse(parameters.edge, "length")
    if edge_mm is not None and edge_mm <= 0:
        raise BadInput(
            f"An edge of {parameters.edge} makes no mesh", remedy='Give a positive length, for example "2 mm".'
        )
    meshers = [m for m in MESHERS if parameters.mesher in ("auto", m.name)]
    first = PartMonitor(monitor, 0.0, 0.2)
    (surface,) = label_surfaces(
        segmentation, [key], smoothing=parameters.smoothing, alone=True, fill_cavities=True, progress=first.progress
    )
    rest = PartMonitor(monitor, 0.2, 1.0)
    kind = parameters.kind if parameters.kind != "auto" else "vessel" if structure(key).vessel else "organ"
    if kind == "vessel":
        placed = (
            None
            if parameters.openings == "auto"
            else [build.PlacedOpening(o.name, o.role, o.point_mm, o.normal) for o in parameters.openings]
        )
        made = build.vessel(
            surface,
            edge_mm=edge_mm,
            openings=placed,
            extension=parameters.extension,
            meshers=meshers,
            progress=rest.progress,
        )
    else:
        made = build.organ(surface, edge_mm=edge_mm, meshers=meshers, progress=rest.progress)
    monitor.progress(1.0, "done")
    frame = segmentation.grid.frame_uid
    return [
        Surface(
            name=segment.name,
            structure=key,
            points_mm=surface.points_mm,
            triangles=surface.triangles,
            frame_uid=frame,
            report=surface.report,
            notes=surface.notes,
        ),
        OrganMesh(
            name=segment.name,
            structure=key,
            points_mm=made.points,
            tets=made.tets,
            boundary_triangles=made.boundary_triangles,
            boundary_tags=made.boundary_tags,
            boundaries=made.boundaries,
            caps=made.caps,
            frame_uid=frame,
            mesher=made.mesher,
            report=made.report,
            notes=(*surface.notes, *made.notes),
        ),
    ]


OPERATION = Operation(
    name="mesh",
    title="Mesh",
    inputs={"segmentation": "segmentation"},
    parameters=MeshParameters,
    function="organtwin.operations.mesh:run",
    packages=("organtwin", "numpy", "scipy", "mmgpy"),
)
