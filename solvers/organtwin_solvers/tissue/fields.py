"""Strain and stress at the points of the organ mesh, from a state of the problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import MPI, fem, ufl
from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.tissue.problem import Problem

VERTICES = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
CENTRE = np.full((1, 3), 0.25)


@dataclass(frozen=True)
class PointFields:
    """Of one state, in the organ mesh's point order: mm, 1, Pa."""

    displacement_mm: NDArray[np.float32]
    strain: NDArray[np.float32]
    stress_pa: NDArray[np.float32]
    pressure_pa: NDArray[np.float32]


class Recovery:
    """Averages what is discontinuous between tetrahedra to points, weighted by volume.

    Tensors are averaged, then their invariants taken. Strain is the largest principal Green-Lagrange strain, stress the
    von Mises stress of Cauchy's, pressure minus the mean of Cauchy's normal stresses (positive under compression).
    Of a mesh of several pieces, the first ``points`` can be all that is wanted.
    """

    def __init__(self, problem: Problem, mesh: FemMesh, points: int | None = None) -> None:
        self._problem, self._mesh, self._first = problem, mesh, slice(points)
        F, J, small = problem.F, problem.J, problem.parts.small_strain
        piolas = [ufl.diff(group.smooth, F) for group in problem.groups]
        strain = ufl.sym(F) - ufl.Identity(3) if small else (F.T * F - ufl.Identity(3)) / 2
        self._strain = fem.Expression(strain, VERTICES)
        self._stress = [
            (group.cells, fem.Expression(piola if small else piola * F.T / J, VERTICES))
            for group, piola in zip(problem.groups, piolas, strict=True)
        ]
        self._ratio = fem.Expression(J, VERTICES)
        topology = problem.domain.topology
        self._cells = np.arange(topology.index_map(3).size_local, dtype=np.int32)
        corners = problem.domain.geometry.dofmaps[0][self._cells]
        self._points = mesh.point_of_node[corners]
        x = problem.domain.geometry.x[corners]
        self.volumes = np.abs(np.linalg.det(x[:, 1:] - x[:, :1])) / 6
        self._weight = np.maximum(self._sum(np.broadcast_to(self.volumes[:, None, None], (len(x), 4, 1))), 1e-300)

    def __call__(self) -> PointFields:
        """The fields of the problem's present state."""
        problem = self._problem
        strain = self._to_points(self._tensor(self._strain))
        corners = np.zeros((len(self._cells), 4, 9))
        for cells, expression in self._stress:
            corners[cells] = expression.eval(problem.domain, cells).reshape(-1, 4, 9)
        stress = self._to_points(_unfolded(corners))
        mean = np.trace(stress, axis1=1, axis2=2) / 3
        deviator = stress - mean[:, None, None] * np.eye(3)
        return PointFields(
            *(
                values[self._first].astype(np.float32)
                for values in (
                    self._mesh.to_points(problem.displacement()),
                    np.linalg.eigvalsh(strain)[:, -1],
                    np.sqrt(1.5 * (deviator**2).sum(axis=(1, 2))),
                    -mean,
                )
            )
        )

    def strain_error(self) -> float:
        """Estimated relative error of the strain, after Zienkiewicz and Zhu 1987: how far it is from its own average.

        Its square estimates the relative error of the energy, and of the force at a given pull.
        """
        strain = self._tensor(self._strain)
        error = strain - self._to_points(strain).reshape(-1, 9)[self._points]
        return float(np.sqrt(self._square(error) / max(self._square(strain), 1e-300)))

    def _square(self, values: NDArray[np.float64]) -> float:
        """Integral of the square of what is linear in every tetrahedron, from its corner values (n, 4, 9)."""
        cells = (values**2).sum(axis=(1, 2)) + (values.sum(axis=1) ** 2).sum(axis=1)
        return float(self._mesh.comm.allreduce(float(self.volumes @ cells) / 20))

    def volume_ratios(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """det F at the corners of every tetrahedron (n, 4), and the centroids (n, 3) of the tetrahedra at rest."""
        ratios = self._ratio.eval(self._problem.domain, self._cells).reshape(-1, 4)
        return ratios, self._problem.domain.geometry.x[self._problem.domain.geometry.dofmaps[0][self._cells]].mean(
            axis=1
        )

    def _tensor(self, expression: Any) -> NDArray[np.float64]:
        return expression.eval(self._problem.domain, self._cells).reshape(-1, 4, 9)

    def _to_points(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        total = self._sum(values * self.volumes[:, None, None])
        return (total / self._weight).reshape(-1, 3, 3)

    def _sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        width, n = values.shape[-1], self._mesh.n_points
        flat = self._points.ravel()
        total = np.stack([np.bincount(flat, values[..., k].ravel(), minlength=n) for k in range(width)], axis=1)
        if self._mesh.comm.size > 1:
            self._mesh.comm.Allreduce(MPI.IN_PLACE, total)
        return total


def _unfolded(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corner values (n, 4, 9) with the mean of a cell's other corners at those that are folded, where stress is none.

    A quadratic element can be folded at a corner while it is not where its energy is integrated.
    """
    folded = ~np.isfinite(corners).all(axis=2)
    if not folded.any():
        return corners
    good = np.where(folded[..., None], 0.0, corners)
    mean = good.sum(axis=1) / np.maximum((~folded).sum(axis=1), 1)[:, None]
    return np.where(folded[..., None], mean[:, None], good)
