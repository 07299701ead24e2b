"""Velocity profiles on a cap of any shape."""

from __future__ import annotations

import math

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


class Section:
    """The cross-section of a cap, for profiles on it.

    Attributes
    ----------
    points : ndarray (k,)
        Points of the cap in the mesh's order.
    inside : ndarray (k,) of bool
        Those off the rim.
    inward : ndarray (3,)
        Unit normal into the vessel.
    stiffness, load : sparse (k, k), ndarray (k,)
        Of -Laplace(w) = 1 with linear triangles; the load is also the lumped mass, mm^2.
    """

    def __init__(self, organ: OrganMesh, cap: str) -> None:
        require_resolved(organ, cap)
        triangles = organ.boundary(cap)
        points, local = np.unique(triangles, return_inverse=True)
        local = local.reshape(-1, 3)
        self.points = points.astype(np.int64)
        self.inside = np.ones(len(points), bool)
        self.inside[rim(local)] = False
        normal = normals_mm2(organ, triangles).sum(axis=0)
        self.inward = -normal / np.linalg.norm(normal)
        self.stiffness, self.load = _laplace(organ.points_mm[points], local)
        self._through = -flux_vector(organ, cap)[points] @ self.inward

    def unit(self, shape: NDArray[np.inexact]) -> NDArray[np.inexact]:
        """A shape (k,) scaled so that inward velocities of that size carry exactly 1 mm^3/s."""
        return shape / (self._through @ shape)

    def flat(self) -> NDArray[np.float64]:
        """One speed on all points inside the rim, carrying 1 mm^3/s."""
        return self.unit(self.inside.astype(float))

    def parabolic(self) -> NDArray[np.float64]:
        """-Laplace(w) = 1 with w = 0 on the rim, carrying 1 mm^3/s: the fully developed profile of a straight tube of
        that cross-section, the parabola on a disc."""
        shape = np.zeros(len(self.points))
        shape[self.inside] = spsolve(self.stiffness[self.inside][:, self.inside], self.load[self.inside])
        return self.unit(shape)


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
