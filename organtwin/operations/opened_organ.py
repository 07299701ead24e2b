"""The organ after a planned resection as a mesh: what stays, with the cut as a boundary of its own."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from organtwin.model import OrganMesh, Segment, Segmentation
from organtwin.model.resection_plan import ResectionPlan
from organtwin.monitor import Monitor, PartMonitor
from organtwin.resection.anatomy import Anatomy
from organtwin.resection.distance import at

CUT = "cut"
NEAR_MM = 4.0


def remnant(plan: ResectionPlan, anatomy: Anatomy, monitor: Monitor) -> OrganMesh:
    """Tetrahedra of what stays; its largest piece where there are several.

    Raises
    ------
    BadInput, SolveFailed
        As meshing any organ does.
    """
    from organtwin.mesh import build
    from organtwin.mesh.label_surface import label_surfaces
    from organtwin.mesh.meshers import MESHERS

    stays = (anatomy.organ & ~np.asarray(plan.taken)).astype(np.uint8)
    segment = Segment.of(1, plan.organ, float(np.count_nonzero(stays)) * anatomy.grid.voxel_volume_mm3)
    labels = Segmentation(name="remnant", grid=anatomy.grid, labels=stays, segments=(segment,))
    first, rest = PartMonitor(monitor, 0.0, 0.25), PartMonitor(monitor, 0.25, 1.0)
    (surface,) = label_surfaces(labels, [plan.organ], alone=True, fill_cavities=True, progress=first.progress)
    made = build.organ(surface, meshers=MESHERS, progress=rest.progress)
    tags, boundaries = np.array(made.boundary_tags), dict(made.boundaries)
    boundaries[CUT] = max(boundaries.values()) + 1
    centres = made.points[made.boundary_triangles].mean(axis=1)
    own = plan.cut_points_mm[plan.cut_triangles].mean(axis=1)
    to_cut = cKDTree(np.concatenate([own, plan.cut_points_mm])).query(centres)[0]
    deep = -at(anatomy.organ_mm, anatomy.grid, centres)  # below the surface that the organ had
    tags[(to_cut < NEAR_MM) & (to_cut < deep + 0.5 * anatomy.voxel_mm)] = boundaries[CUT]
    return OrganMesh(
        name=f"{segment.name} after {plan.name[0].lower()}{plan.name[1:]}",
        structure=plan.organ,
        points_mm=made.points,
        tets=made.tets,
        boundary_triangles=made.boundary_triangles,
        boundary_tags=tags,
        boundaries=boundaries,
        caps=made.caps,
        frame_uid=anatomy.grid.frame_uid,
        mesher=made.mesher,
        report=made.report,
        notes=(*surface.notes, *made.notes),
    )
