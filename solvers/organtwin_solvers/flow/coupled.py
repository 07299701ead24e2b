"""The linear system of one flow step: velocity and pressure together, by GMRES with a projection as preconditioner.

    [ K   -B' ] [u]   [f]
    [ B    L  ] [p] = [g]        K: one scalar matrix for the three components; B: weak divergence; L: pressure subscales

The preconditioner is one step of a projection method: predict u with K, solve the Schur complement L + B K^-1 B' for the
pressure, correct u. K is replaced by its incomplete factors, the Schur complement by one multigrid cycle of a weighted
Laplacian. What is held (Dirichlet) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import MPI, PETSc

Array = NDArray[np.float64]
MAX_ITERATIONS = 200


class NotConverged(Exception):
    """The linear solver gave up, or the numbers ceased to be numbers."""


def multiply(matrix: PETSc.Mat, values: Array, *, transpose: bool = False) -> Array:
    """matrix (or its transpose) times the owned ``values``."""
    x, y = matrix.createVecs()
    x.array[:] = values
    (matrix.multTranspose if transpose else matrix.mult)(x, y)
    result = y.array.copy()
    x.destroy()
    y.destroy()
    return result


class CoupledSolver:
    """Solves for increments (4, owned) that vanish where the velocity is held.

    Parameters
    ----------
    operator : callable
        (4, owned) to (4, owned): the system above, without regard to held points.
    gradients : list of PETSc.Mat
        B: (q, d_i v) for i = x, y, z.
    held : (owned,) bool
        Points with prescribed velocity.
    """

    def __init__(
        self, comm: MPI.Comm, operator: Callable[[Array], Array], gradients: list[PETSc.Mat], held: NDArray[np.bool_]
    ) -> None:
        self._operator, self._gradients, self._held = operator, gradients, held
        size = len(held)
        total = comm.allreduce(size)
        shell = PETSc.Mat().createPython(((4 * size, 4 * total), (4 * size, 4 * total)), _Shell(self), comm=comm)
        shell.setUp()
        self._momentum = PETSc.PC().create(comm)
        self._momentum.setType("ilu" if comm.size == 1 else "bjacobi")
        self._schur = PETSc.PC().create(comm)
        self._schur.setType("gamg")
        self._ksp = PETSc.KSP().create(comm)
        self._ksp.setOperators(shell)
        self._ksp.setType("gmres")
        self._ksp.setGMRESRestart(50)
        self._ksp.getPC().setType("python")
        self._ksp.getPC().setPythonContext(_Projection(self))
        self._x, self._y = shell.createVecs()
        self._u, self._w = gradients[0].createVecs()

    def set_momentum(self, matrix: PETSc.Mat) -> None:
        """K with its held rows replaced by those of the identity."""
        self._momentum.setOperators(matrix)
        self._momentum.setUp()

    def set_schur(self, matrix: PETSc.Mat) -> None:
        """An approximation of L + B K^-1 B'."""
        self._schur.setOperators(matrix)
        self._schur.setUp()

    def solve(self, residual: Array, *, tolerance: float) -> tuple[Array, int]:
        """The increment for this residual (zero where held), and the number of iterations.

        ``tolerance`` is for the norm of the preconditioned residual, which is about the error in mm/s and Pa.

        Raises
        ------
        NotConverged
        """
        self._x.array[:] = residual.ravel()
        self._ksp.setTolerances(rtol=1e-9, atol=tolerance, max_it=MAX_ITERATIONS)
        self._ksp.solve(self._x, self._y)
        iterations = self._ksp.getIterationNumber()
        if self._ksp.getConvergedReason() < 0:
            raise NotConverged(f"the linear solver stopped after {iterations} iterations")
        return self._y.array.reshape(4, -1).copy(), iterations

    def operate(self, values: Array) -> Array:
        result = self._operator(values)
        result[:3, self._held] = values[:3, self._held]
        return result

    def precondition(self, residual: Array) -> Array:
        result = np.empty_like(residual)
        for i in range(3):
            result[i] = self._apply(self._momentum, residual[i])
        source = residual[3].copy()
        for i in range(3):
            source -= self._product(self._gradients[i], result[i])
        result[3] = self._apply(self._schur, source)
        for i in range(3):
            push = self._product(self._gradients[i], result[3], transpose=True)
            push[self._held] = 0.0
            result[i] += self._apply(self._momentum, push)
        return result

    def _apply(self, solver: PETSc.PC, values: Array) -> Array:
        self._u.array[:] = values
        solver.apply(self._u, self._w)
        return self._w.array_r

    def _product(self, matrix: PETSc.Mat, values: Array, *, transpose: bool = False) -> Array:
        self._u.array[:] = values
        (matrix.multTranspose if transpose else matrix.mult)(self._u, self._w)
        return self._w.array


class _Shell:
    """PETSc's view of the operator."""

    def __init__(self, solver: CoupledSolver) -> None:
        self._solver = solver

    def mult(self, _matrix: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        y.array[:] = self._solver.operate(x.array_r.reshape(4, -1)).ravel()


class _Projection:
    """PETSc's view of the preconditioner."""

    def __init__(self, solver: CoupledSolver) -> None:
        self._solver = solver

    def apply(self, _pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        y.array[:] = self._solver.precondition(x.array_r.reshape(4, -1)).ravel()
