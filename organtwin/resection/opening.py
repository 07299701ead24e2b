"""The load of an organ that has been cut: it lies on its back under its weight, and the edge of the cut is drawn aside."""

from __future__ import annotations

from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.model.resection_plan import ResectionPlan
from organtwin.model.tissues import material

PULL_MM, REACH = 12.0, "14 mm"


def opening_case(plan: ResectionPlan, mesh: OrganMesh) -> dict[str, Any]:
    """A tissue case, as data: held at its back, with gravity towards the back, and the front edge of the cut drawn
    :data:`PULL_MM` away from what was taken.

    Raises
    ------
    BadInput
        When the mesh has no cut.
    """
    if "cut" not in mesh.boundaries or not len(mesh.boundary("cut")):
        raise BadInput(f"The mesh '{mesh.name}' has no cut face", remedy="Make the mesh from the plan.")
    points, faces = np.asarray(mesh.points_mm), mesh.boundary("cut")
    a, b, c = (points[faces[:, n]] for n in range(3))
    outward = np.cross(b - a, c - a).sum(axis=0)
    away = -outward / max(float(np.linalg.norm(outward)), 1e-12)
    cut_points = np.unique(faces)
    rim = np.intersect1d(cut_points, np.unique(mesh.boundary_triangles[mesh.boundary_tags != mesh.boundaries["cut"]]))
    edge = points[rim if len(rim) else cut_points]
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
