"""Wall shear from the forces that hold the wall at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh
from organtwin_solvers.flow.inflow import normals_mm2


class WallShear:
    """Turns nodal reactions into the shear that the blood exerts on the wall.

    The residual of the momentum equation at wall points is the weak traction there. Divided by each point's share of
    the wall it converges faster than a gradient taken in the cells at the wall (Gresho et al., Int. J. Numer. Methods
    Fluids 7, 1987). The part along the point's normal, pressure above all, is taken off. Points on the rim of a cap
    carry the cap's traction too: they take the mean of their neighbours on the wall.
    """

    def __init__(self, organ: OrganMesh) -> None:
        triangles = organ.boundary("wall")
        size = len(organ.points_mm)
        normals = normals_mm2(organ, triangles)
        self._area = np.zeros(size)
        direction = np.zeros((size, 3))
        for corner in range(3):
            np.add.at(self._area, triangles[:, corner], np.linalg.norm(normals, axis=1) / 3.0)
            np.add.at(direction, triangles[:, corner], normals / 3.0)
        self.points = np.unique(triangles)
        self._normal = direction / np.maximum(np.linalg.norm(direction, axis=1), 1e-300)[:, None]
        on_cap = np.zeros(size, bool)
        for cap in organ.caps:
            on_cap[organ.boundary(cap.name)] = True
        self.rim = self.points[on_cap[self.points]]
        ends = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        ends = np.concatenate([ends, ends[:, ::-1]])
        self._ends = ends[on_cap[ends[:, 0]] & ~on_cap[ends[:, 1]]]
        self._neighbours = np.bincount(self._ends[:, 0], minlength=size)

    def traction(self, reaction: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shear vectors (n_points, 3) in Pa, zero off the wall, from reactions (n_points, 3) in g mm/s^2."""
        shear = np.zeros_like(reaction)
        at, normal = self.points, self._normal[self.points]
        pull = -reaction[at] / self._area[at, None]
        shear[at] = pull - np.einsum("ij,ij->i", pull, normal)[:, None] * normal
        shear[self.rim] = 0.0
        np.add.at(shear, self._ends[:, 0], shear[self._ends[:, 1]])
        shear[self.rim] /= np.maximum(self._neighbours[self.rim], 1)[:, None]
        return shear

    def mean(self, values: NDArray[np.float64]) -> float:
        """Mean over the wall's area of a point value (n_points,)."""
        return float(np.sum(self._area * values) / self._area.sum())
