"""The organ of a planned resection as a mesh to solve: what stays, or the whole with the cut open but for a hinge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, Segment, Segmentation
from organtwin.model.resection_plan import ResectionPlan
from organtwin.monitor import Monitor, PartMonitor
from organtwin.resection.anatomy import Anatomy
from organtwin.resection.distance import at
from organtwin.resection.opening import CUT, TAKEN_LIP

NEAR_MM = 4.0
HINGE = 0.35  # of the cut, at the back, stays closed
REACH = 0.6  # edges of the mesh that the open part reaches beyond its border


def remnant(plan: ResectionPlan, anatomy: Anatomy, monitor: Monitor) -> OrganMesh:
    """Tetrahedra of what stays, its largest piece where there are several; the cut is the boundary "cut".

    Raises
    ------
    BadInput, SolveFailed
        As meshing any organ does.
    """
    made = _meshed(anatomy.organ & ~np.asarray(plan.taken), anatomy, plan.organ, monitor)
    tags, boundaries = np.array(made.boundary_tags), dict(made.boundaries)
    boundaries[CUT] = max(boundaries.values()) + 1
    centres = made.points_mm[made.boundary_triangles].mean(axis=1)
    own = plan.cut_points_mm[plan.cut_triangles].mean(axis=1)
    to_cut = cKDTree(np.concatenate([own, plan.cut_points_mm])).query(centres)[0]
    deep = -at(anatomy.organ_mm, anatomy.grid, centres)  # below the surface that the organ had
    tags[(to_cut < NEAR_MM) & (to_cut < deep + 0.5 * anatomy.voxel_mm)] = boundaries[CUT]
    name = f"{anatomy.organ_name} after {plan.name[0].lower()}{plan.name[1:]}"
    return made.with_(name=name, boundary_tags=tags, boundaries=boundaries)


def opened(plan: ResectionPlan, anatomy: Anatomy, mesh: OrganMesh | None, monitor: Monitor) -> OrganMesh:
    """The whole organ with a real crack along the cut, but for a hinge at the back: its lips are the boundaries "cut"
    (of what stays) and "cut taken". ``mesh`` is one of the organ where there is one already.

    Raises
    ------
    BadInput
        When the cut does not go through the mesh.
    """
    from organtwin.mesh.cutting import Triangulated, cut
    from organtwin.mesh.quality import report

    if mesh is None:
        mesh = _meshed(anatomy.organ, anatomy, plan.organ, PartMonitor(monitor, 0.0, 0.85))
    monitor.progress(0.87, "cutting the mesh open")
    points, triangles = np.asarray(plan.cut_points_mm, float), np.asarray(plan.cut_triangles)
    if not len(triangles):
        raise BadInput(f"The plan '{plan.name}' has no cut within the organ")
    front = points[triangles].mean(axis=1)[:, 1]  # LPS: the least is in front
    kept = triangles[front <= front.min() + (1 - HINGE) * np.ptp(front)]
    corners = mesh.points_mm[mesh.tets[:, :2]]
    edge = float(np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)))
    try:
        made = cut(
            np.asarray(mesh.points_mm),
            np.asarray(mesh.tets),
            np.asarray(mesh.boundary_triangles),
            Triangulated(points, kept, reach_mm=REACH * edge),
        )
    except BadInput as error:
        raise BadInput(
            f"The cut of '{plan.name}' does not open this mesh: {error.what[0].lower()}{error.what[1:]}",
            remedy="Take a finer mesh, or solve what stays instead.",
        ) from error
    made = made.without(made.crumbs)
    boundaries = dict(mesh.boundaries)
    boundaries[CUT] = max(boundaries.values()) + 1
    boundaries[TAKEN_LIP] = boundaries[CUT] + 1
    new = made.triangle_parent < 0
    tags = np.asarray(mesh.boundary_tags)[np.maximum(made.triangle_parent, 0)].astype(np.int16)
    above = made.side[made.triangle_tet] > 0  # the normals of the cut point to what stays
    tags[new & above], tags[new & ~above] = boundaries[CUT], boundaries[TAKEN_LIP]
    used, number = np.unique(made.tets, return_inverse=True)
    renumber = np.full(len(made.a), -1, np.int32)
    renumber[used] = np.arange(len(used), dtype=np.int32)
    places, tets = made.carry(np.asarray(mesh.points_mm))[used], number.reshape(-1, 4).astype(np.int32)
    monitor.progress(1.0, "done")
    return mesh.with_(
        uuid=OrganMesh.model_fields["uuid"].get_default(call_default_factory=True),
        name=f"{anatomy.organ_name} opened along {plan.name[0].lower()}{plan.name[1:]}",
        points_mm=places,
        tets=tets,
        boundary_triangles=renumber[made.triangles],
        boundary_tags=tags,
        boundaries=boundaries,
        materials_of_cells=None
        if mesh.materials_of_cells is None
        else np.asarray(mesh.materials_of_cells)[made.parent],
        report={**mesh.report, **report(places, tets)},
        recipe=None,
        replaces=None,
    )


def _meshed(mask: NDArray[np.bool_], anatomy: Anatomy, organ: str, monitor: Monitor) -> OrganMesh:
    """A mask on the grid of the anatomy as tetrahedra."""
    from organtwin.mesh import build
    from organtwin.mesh.label_surface import label_surfaces
    from organtwin.mesh.meshers import MESHERS

    segment = Segment.of(1, organ, float(np.count_nonzero(mask)) * anatomy.grid.voxel_volume_mm3)
    labels = Segmentation(name=organ, grid=anatomy.grid, labels=mask.astype(np.uint8), segments=(segment,))
    first, rest = PartMonitor(monitor, 0.0, 0.25), PartMonitor(monitor, 0.25, 1.0)
    (surface,) = label_surfaces(labels, [organ], alone=True, fill_cavities=True, progress=first.progress)
    made = build.organ(surface, meshers=MESHERS, progress=rest.progress)
    return OrganMesh(
        name=segment.name,
        structure=organ,
        points_mm=made.points,
        tets=made.tets,
        boundary_triangles=made.boundary_triangles,
        boundary_tags=made.boundary_tags,
        boundaries=made.boundaries,
        caps=made.caps,
        frame_uid=anatomy.grid.frame_uid,
        mesher=made.mesher,
        report=made.report,
        notes=(*surface.notes, *made.notes),
    )
