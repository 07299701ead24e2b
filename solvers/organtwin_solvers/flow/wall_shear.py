"""Wall shear from the forces that hold the wall at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, diags_array

from organtwin.model import OrganMesh
from organtwin_solvers.flow.inflow import normals_mm2

PASSES = 2  # of averaging over neighbours: halves the scatter between points, keeps second order


class WallShear:
    """Turns nodal reactions into the shear that the blood exerts on the wall.

    The residual of the momentum equation at wall points is the weak traction there. Divided by each point's share of
    the wall it converges faster than a gradient taken in the cells at the wall, which is low by h/2R and more (Gresho et
    al., Int. J. Numer. Methods Fluids 7, 1987), but scatters with the shape of each point's patch of triangles: it is
    averaged with the wall's mass matrix. The part along the point's normal, pressure above all, is taken off. Points on
    the rim of a cap carry the cap's traction too: they take the mean of their neighbours on the wall.
    """

    def __init__(self, organ: OrganMesh) -> None:
        triangles = organ.boundary("wall")
        size = len(organ.points_mm)
        normals = normals_mm2(organ, triangles)
        areas = np.linalg.norm(normals, axis=1)
        self._area, direction = np.zeros(size), np.zeros((size, 3))
        for corner in range(3):
            np.add.at(self._area, triangles[:, corner], areas / 3.0)
            np.add.at(direction, triangles[:, corner], normals / 3.0)
        self.points = np.unique(triangles)
        self._normal = direction / np.maximum(np.linalg.norm(direction, axis=1), 1e-300)[:, None]
        trusted = np.zeros(size, bool)
        trusted[self.points] = True
        for cap in organ.caps:
            trusted[organ.boundary(cap.name)] = False
        entries = areas[:, None] / 12.0 * (1.0 + np.eye(3).ravel())
        mass = coo_array(
            (entries.ravel(), (np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, 3).ravel())),
            shape=(size, size),
        ).tocsr()
        mass = mass @ diags_array(trusted.astype(float))
        self._average = diags_array(1.0 / np.maximum(mass.sum(axis=1), 1e-300)) @ mass

    def traction(self, reaction: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shear vectors (n_points, 3) in Pa, zero off the wall, from reactions (n_points, 3) in g mm/s^2."""
        shear = np.zeros_like(reaction)
        shear[self.points] = -reaction[self.points] / self._area[self.points, None]
        shear = self._tangential(shear)
        for _ in range(PASSES):
            shear = self._tangential(self._average @ shear)
        return shear

    def mean(self, values: NDArray[np.float64]) -> float:
        """Mean over the wall's area of a point value (n_points,)."""
        return float(np.sum(self._area * values) / self._area.sum())

    def _tangential(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        return vectors - np.einsum("ij,ij->i", vectors, self._normal)[:, None] * self._normal
