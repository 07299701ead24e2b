"""One structure of a segmentation to a closed surface and a tetrahedral mesh with named boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    ``parts`` of an organ, as a tumour or a vessel in it, become materials of the mesh: cells near them have edges of
    ``part_edge`` (half of the organ's by default), and each cell belongs to what most of it lies in. The liver is
    meshed as a whole, with what lies in it, in any case. ``extension`` adds straight tubes of so many diameters at the
    openings. ``mesher``: "auto" tries them in turn; a name tries only that one.
    """

    structure: str
    edge: Length | None = None
    openings: Literal["auto"] | tuple[OpeningParameters, ...] = "auto"
    kind: Literal["auto", "vessel", "organ"] = "auto"
    mesher: Literal["auto", "gmsh HXT", "gmsh Delaunay", "netgen", "fTetWild"] = "auto"
    extension: Annotated[float, Field(ge=0, le=10)] = 0.0
    smoothing: Annotated[float, Field(ge=0, le=1)] = 0.7
    parts: tuple[str, ...] = ()
    part_edge: Length | None = None


def run(inputs: dict[str, TwinObject], parameters: MeshParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The smooth :class:`Surface` of the whole structure, and the :class:`OrganMesh`."""
    import numpy as np

    from organtwin.liver.whole import as_whole
    from organtwin.mesh import build
    from organtwin.mesh.label_surface import label_surfaces
    from organtwin.mesh.meshers import MESHERS

    segmentation = inputs["segmentation"]
    assert isinstance(segmentation, Segmentation)
    key = parameters.structure
    segmentation = segmentation.with_whole(key)
    segment = segmentation.segment(key)
    edge_mm, part_edge_mm = _edge_mm(parameters.edge), _edge_mm(parameters.part_edge)
    kind = parameters.kind if parameters.kind != "auto" else "vessel" if structure(key).vessel else "organ"
    parts = _parts(segmentation, key, parameters.parts, kind)
    whole = as_whole(segmentation, key, parts) if parts else segmentation
    meshers = [m for m in MESHERS if parameters.mesher in ("auto", m.name)]
    first = PartMonitor(monitor, 0.0, 0.2)
    (surface,) = label_surfaces(
        whole, [key], smoothing=parameters.smoothing, alone=True, fill_cavities=True, progress=first.progress
    )
    rest = PartMonitor(monitor, 0.2, 1.0)
    if kind == "vessel":
        placed = None
        if parameters.openings != "auto":
            placed = [build.PlacedOpening(o.name, o.role, o.point_mm, o.normal) for o in parameters.openings]
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
    materials: dict[str, int] = {}
    of_cells = None
    if parameters.parts:
        inside = segmentation.with_(labels=np.where(whole.mask(key), segmentation.labels, 0))
        made, of_cells, notes = build.parted(made, inside, parameters.parts, part_edge_mm, rest.progress)
        made = replace(made, notes=(*made.notes, *notes))
        materials = {key: 0, **{part: n for n, part in enumerate(parameters.parts, start=1)}}
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
            materials_of_cells=of_cells,
            materials=materials,
            caps=made.caps,
            frame_uid=frame,
            mesher=made.mesher,
            report=made.report,
            notes=(*surface.notes, *made.notes),
        ),
    ]


def _edge_mm(edge: Length | None) -> float | None:
    edge_mm = None if edge is None else parse(edge, "length")
    if edge_mm is not None and edge_mm <= 0:
        raise BadInput(f"An edge of {edge} makes no mesh", remedy='Give a positive length, for example "2 mm".')
    return edge_mm


def _parts(segmentation: Segmentation, key: str, wanted: tuple[str, ...], kind: str) -> list[str]:
    """What has a label of its own but lies in the structure."""
    from organtwin.liver.whole import is_of_liver

    if wanted and kind == "vessel":
        raise BadInput("Only organs have parts, vessels have none", remedy="Leave parts away, or mesh it as an organ.")
    if key in wanted or len(set(wanted)) < len(wanted):
        raise BadInput(
            "A part is asked for twice, or is the structure itself",
            where=", ".join(wanted),
            remedy="Name each part once.",
        )
    for part in wanted:
        segmentation.segment(part)
    own = [s.key for s in segmentation.segments if key == "liver" and is_of_liver(s.key)]
    return [*own, *(part for part in wanted if part not in own)]


OPERATION = Operation(
    name="mesh",
    title="Mesh",
    inputs={"segmentation": "segmentation"},
    parameters=MeshParameters,
    function="organtwin.operations.mesh:run",
    packages=("organtwin", "numpy", "scipy", "mmgpy"),
)
