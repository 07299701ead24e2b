"""The discrete operators of the fast scheme on one mesh: geometry, pattern, what is constant, and products with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.nodes import Nodes
from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.flow.fast import kernels

Array = NDArray[np.float64]


class Patch:
    """Boundary facets that touch owned nodes: ``facets`` (f, 3) by local nodes, outward ``normals`` as long as their area."""

    def __init__(self, nodes: Nodes, points: Array, triangles: NDArray[np.integer]) -> None:
        self.facets = nodes.facets(triangles)
        a, b, c = (points[self.facets[:, i]] for i in range(3))
        self.normals = 0.5 * np.cross(b - a, c - a)


class Operators:
    """Matrices share ``rows`` and ``columns``; ``blocks`` (nonzeros, 2) are K and L, ``slopes`` (nonzeros, 3) B (see kernels).

    Vectors given have values at all local nodes, ghosts included; vectors returned are owned.
    """

    def __init__(self, mesh: FemMesh, nodes: Nodes, outlets: list[str]) -> None:
        organ = mesh.organ
        self.nodes = nodes
        self.points = np.ascontiguousarray(np.asarray(organ.points_mm, float)[nodes.points])
        count = len(nodes.cells)
        self.gradients, self.volumes = np.empty((count, 4, 3)), np.empty(count)
        kernels.geometry(self.points, nodes.cells, self.gradients, self.volumes)
        self.heights2 = 1.0 / np.einsum("cik,cik->ci", self.gradients, self.gradients).max(axis=1)
        self.rows, self.columns, self.positions = kernels.pattern(nodes.cells, nodes.owned, len(nodes.points))
        self.blocks = np.zeros((len(self.columns), 2))
        slopes = np.zeros((len(self.columns), 3))
        self.lumped = np.zeros(nodes.owned)
        kernels.weak_divergence(nodes.cells, self.gradients, self.volumes, self.positions, slopes, self.lumped)
        self.slopes = slopes.astype(np.float32)  # the loops wait for memory, and 1e-7 of the geometry is nothing
        self.boundary = Patch(nodes, self.points, np.asarray(organ.boundary_triangles))
        triangles = [organ.boundary(name) for name in outlets] or [np.empty((0, 3), np.int32)]
        self.outlets = Patch(nodes, self.points, np.concatenate(triangles))
        self.outlet_positions = self._positions(self.outlets.facets)

    def _positions(self, facets: NDArray[np.int32]) -> NDArray[np.int64]:
        """Where the entries (f, 3, 3) of facets are in the pattern, -1 in rows that are not owned."""
        positions = np.full((len(facets), 3, 3), -1, np.int64)
        for i in range(3):
            for f in np.flatnonzero(facets[:, i] < self.nodes.owned):
                start, stop = self.rows[facets[f, i]], self.rows[facets[f, i] + 1]
                positions[f, i] = start + np.searchsorted(self.columns[start:stop], facets[f])
        return positions

    def product(self, values: Array) -> tuple[Array, Array]:
        """[K u - B' p, B u + L p] (owned, 4) and B p (owned, 3) of velocity and pressure (n, 4).

        On the boundary B' p = -B p + (N p n); where the velocity is held this row is of no use, so only outlets take part.
        """
        owned = self.nodes.owned
        result, rise = np.empty((owned, 4)), np.empty((owned, 3))
        kernels.product(self.rows, self.columns, self.blocks, self.slopes, values, result, rise)
        pressure = np.ascontiguousarray(values[:, 3])
        kernels.boundary_pressure(self.outlets.facets, self.outlets.normals, owned, pressure, -1.0, result)
        return result, rise

    def add_divergence(self, velocity: Array, target: Array, *, sign: float = 1.0) -> None:
        """target (owned,) += sign (q, div u)."""
        kernels.divergence(self.rows, self.columns, self.slopes, velocity, sign, target)

    def add_transposed(self, vectors: Array, target: Array, *, sign: float) -> None:
        """target (owned,) += sign (w, grad q)."""
        kernels.divergence(self.rows, self.columns, self.slopes, vectors, -sign, target)
        kernels.boundary_flux(self.boundary.facets, self.boundary.normals, self.nodes.owned, vectors, sign, target)

    def weak_gradient(self, pressure: Array) -> Array:
        """(p, div v) (owned, 3), right wherever the velocity is free."""
        result = np.empty((self.nodes.owned, 3))
        kernels.gradient(self.rows, self.columns, self.slopes, pressure, result)
        np.negative(result, out=result)
        kernels.boundary_pressure(self.outlets.facets, self.outlets.normals, self.nodes.owned, pressure, 1.0, result)
        return result
