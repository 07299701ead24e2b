"""Velocity profiles on a cap of any shape."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from organtwin.errors import BadInput
from organtwin.model import OrganMesh

MIN_CELLS_ACROSS = 3


def flux_vector(organ: OrganMesh, name: str) -> NDArray[np.float64]:
    """b (n_points, 3) with sum(b * u) = the flow of a linear velocity field u out through a boundary, mm^3/s."""
    triangles = organ.boundary(name)
    flux = np.zeros((len(organ.points_mm), 3))
    for corner in range(3):
        np.add.at(flux, triangles[:, corner], normals_mm2(organ, triangles) / 3.0)
    return flux


def normals_mm2(organ: OrganMesh, triangles: NDArray[np.integer]) -> NDArray[np.float64]:
    """Outward normals (k, 3) as long as the area of each triangle."""
    a, b, c = (organ.points_mm[triangles[:, i]] for i in range(3))
    return 0.5 * np.cross(b - a, c - a)


def unit_profile(organ: OrganMesh, cap: str, profile: Literal["parabolic", "flat"]) -> NDArray[np.float64]:
    """Inward velocity (n_points, 3) on a cap whose flow is exactly 1 mm^3/s and that is zero on the rim.

    "parabolic" solves -Laplace(w) = 1 on the cap with w = 0 on the rim: the fully developed profile of a straight
    tube of that cross-section, the parabola on a disc. "flat" is one value on all points inside the rim.

    Raises
    ------
    BadInput
        When the cap is too small to carry a profile.
    """
    triangles = organ.boundary(cap)
    require_resolved(organ, cap)
    nodes, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    inside = np.ones(len(nodes), bool)
    inside[rim(local)] = False
    shape = inside.astype(float)
    if profile == "parabolic":
        stiffness, load = _laplace(organ.points_mm[nodes], local)
        shape[inside] = spsolve(stiffness[inside][:, inside], load[inside])
    normal = normals_mm2(organ, triangles).sum(axis=0)
    velocity = np.zeros((len(organ.points_mm), 3))
    velocity[nodes] = -np.outer(shape, normal / np.linalg.norm(normal))
    inflow = -float(np.sum(flux_vector(organ, cap) * velocity))
    return velocity / inflow


def require_resolved(organ: OrganMesh, cap: str) -> None:
    """Refuse a cap that is fewer than three cells across.

    Raises
    ------
    BadInput
        With the number of cells across and the edge to mesh with.
    """
    triangles = organ.boundary(cap)
    area = float(np.linalg.norm(normals_mm2(organ, triangles), axis=1).sum()) if len(triangles) else 0.0
    if area <= 0.0:
        raise BadInput(f"The opening '{cap}' has no faces", remedy="Mesh the vessel again.")
    diameter = math.sqrt(4.0 * area / math.pi)
    edge = math.sqrt(area / len(triangles) * 4.0 / math.sqrt(3.0))
    inside = len(np.unique(triangles)) - len(rim(triangles))
    if not inside or diameter < MIN_CELLS_ACROSS * edge:
        raise BadInput(
            f"The opening '{cap}' ({diameter:.1f} mm) is fewer than {MIN_CELLS_ACROSS} cells across",
            remedy=f"Mesh the vessel with an edge of {diameter / 5:.2g} mm or less there.",
        )


def rim(triangles: NDArray[np.integer]) -> NDArray[np.integer]:
    """Points on the free edge of a patch of triangles."""
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(unique[count == 1])


def _laplace(points: NDArray[np.float64], triangles: NDArray[np.integer]) -> tuple[coo_array, NDArray[np.float64]]:
    """Stiffness matrix and load of a unit source for linear triangles in space."""
    corner = points[triangles]
    opposite = corner[:, [2, 0, 1]] - corner[:, [1, 2, 0]]  # edge that faces each corner
    area = 0.5 * np.linalg.norm(np.cross(opposite[:, 0], opposite[:, 1]), axis=1)
    entries = np.einsum("tia,tja->tij", opposite, opposite) / (4.0 * area)[:, None, None]
    rows, columns = np.repeat(triangles, 3, axis=1), np.tile(triangles, 3)
    size = len(points)
    load = np.zeros(size)
    np.add.at(load, triangles, np.repeat(area[:, None] / 3.0, 3, axis=1))
    return coo_array((entries.ravel(), (rows.ravel(), columns.ravel())), shape=(size, size)).tocsr(), load
