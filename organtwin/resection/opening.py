"""The load of an organ that has been cut: it lies on its back under its weight, and the edge of the cut is drawn aside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.model.resection_plan import ResectionPlan
from organtwin.model.tissues import material

CUT, TAKEN_LIP = "cut", "cut taken"
CRUMB = 0.02  # of the points of the largest piece
PULL_MM, REACH_MM = 12.0, 14.0


def opening_case(plan: ResectionPlan, mesh: OrganMesh) -> dict[str, Any]:
    """A tissue case, as data: held at its back, with gravity towards the back, and the front edge of the cut drawn open by
    :data:`PULL_MM`: half of it by each lip where both are there, all of it by that of what stays where the rest is gone.

    Raises
    ------
    BadInput
        When the mesh has no cut.
    """
    lips = {name: mesh.boundary(name) for name in (CUT, TAKEN_LIP) if name in mesh.boundaries}
    lips = {name: faces for name, faces in lips.items() if len(faces)}
    if not lips:
        raise BadInput(f"The mesh '{mesh.name}' has no cut face", remedy="Make the mesh from the plan.")
    points = np.asarray(mesh.points_mm)
    tags = [mesh.boundaries[name] for name in lips]
    skin = np.unique(mesh.boundary_triangles[~np.isin(mesh.boundary_tags, tags)])
    own = {name: np.unique(faces) for name, faces in lips.items()}
    if len(own) == 2:  # the end of the crack belongs to both lips
        both = np.intersect1d(own[CUT], own[TAKEN_LIP])
        own = {name: np.setdiff1d(numbers, both) for name, numbers in own.items()}
    first = next(iter(own.values()))
    rim = np.intersect1d(first, skin)
    edge = points[rim if len(rim) else first]
    grasped = edge[int(np.argmin(edge[:, 1]))]  # LPS: the least y is in front
    pulls = []
    for name, numbers in own.items():
        near = numbers[np.linalg.norm(points[numbers] - grasped, axis=1) <= REACH_MM]
        if len(near):
            move = PULL_MM / len(own) * _inward(points, lips[name], grasped)
            pulls.append({"region": {"points": near.tolist()}, "displacement_mm": np.round(move, 3).tolist()})
    held = (
        {"boundary": "posterior"} if "posterior" in mesh.boundaries else {"toward": [0.0, 1.0, 0.0], "fraction": 0.15}
    )
    crumbs = np.setdiff1d(_crumbs(mesh), [p for pull in pulls for p in pull["region"]["points"]])
    return {
        "name": f"{plan.name}, the cut drawn open",
        "material": material(mesh.structure).model_dump(mode="json"),
        "fixed": [held, {"points": crumbs.tolist()}] if crumbs.size else [held],
        "gravity": [0.0, 1.0, 0.0],
        "pulls": pulls,
    }


def _crumbs(mesh: OrganMesh) -> NDArray[np.intp]:
    """Points of small pieces that the cut left loose: nothing else would hold them."""
    tets = np.asarray(mesh.tets)
    rows, columns = tets[:, [0, 1, 2]].ravel(), tets[:, [1, 2, 3]].ravel()
    count = len(mesh.points_mm)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(count, count))
    piece = connected_components(graph, directed=False)[1]
    size = np.bincount(piece)
    return np.flatnonzero((size < CRUMB * size.max())[piece])


def _inward(points: NDArray[np.float64], faces: NDArray[np.int32], near_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) direction into the tissue under the part of a lip that is near a place."""
    a, b, c = (points[faces[:, n]] for n in range(3))
    close = np.linalg.norm((a + b + c) / 3 - near_mm, axis=1) <= 2 * REACH_MM
    outward = np.cross(b - a, c - a)[close if close.any() else slice(None)].sum(axis=0)
    return np.asarray(-outward / max(float(np.linalg.norm(outward)), 1e-12))
