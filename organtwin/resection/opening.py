"""The load of an organ that has been cut: it lies on its back under its weight, and the edge of the cut is drawn aside."""

from __future__ import annotations

from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.model.resection_plan import ResectionPlan
from organtwin.model.tissues import material

CUT, TAKEN_LIP = "cut", "cut taken"
PULL_MM, REACH = 12.0, "14 mm"


def opening_case(plan: ResectionPlan, mesh: OrganMesh) -> dict[str, Any]:
    """A tissue case, as data: held at its back, with gravity towards the back, and the front edge of one lip of the cut drawn
    :data:`PULL_MM` away from the other: of what is taken where it is still there, else of what stays.

    Raises
    ------
    BadInput
        When the mesh has no cut.
    """
    lip = TAKEN_LIP if TAKEN_LIP in mesh.boundaries else CUT
    if lip not in mesh.boundaries or not len(mesh.boundary(lip)):
        raise BadInput(f"The mesh '{mesh.name}' has no cut face", remedy="Make the mesh from the plan.")
    points, faces = np.asarray(mesh.points_mm), mesh.boundary(lip)
    a, b, c = (points[faces[:, n]] for n in range(3))
    outward = np.cross(b - a, c - a).sum(axis=0)
    away = -outward / max(float(np.linalg.norm(outward)), 1e-12)
    of_cut = np.unique(faces)
    cut_tags = [mesh.boundaries[name] for name in (CUT, TAKEN_LIP) if name in mesh.boundaries]
    rim = np.intersect1d(of_cut, np.unique(mesh.boundary_triangles[~np.isin(mesh.boundary_tags, cut_tags)]))
    edge = points[rim if len(rim) else of_cut]
    grasped = edge[int(np.argmin(edge[:, 1]))]  # LPS: the least y is in front
    held = (
        {"boundary": "posterior"} if "posterior" in mesh.boundaries else {"toward": [0.0, 1.0, 0.0], "fraction": 0.15}
    )
    return {
        "name": f"{plan.name}, the cut drawn open",
        "material": material(mesh.structure).model_dump(mode="json"),
        "fixed": [held],
        "gravity": [0.0, 1.0, 0.0],
        "pulls": [
            {
                "region": {"centre_mm": np.round(grasped, 3).tolist(), "radius": REACH},
                "displacement_mm": np.round(PULL_MM * away, 3).tolist(),
            }
        ],
    }
