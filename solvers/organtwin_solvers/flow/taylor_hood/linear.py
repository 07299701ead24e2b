"""The linear system of a Taylor-Hood step: velocity and pressure together, by GMRES.

    [ K  -B' ] [u]   [f]
    [ B   0  ] [p] = [g]        K: one scalar matrix for all components of velocity; B: weak divergence

Where factors are affordable, those of an earlier step precondition the present one until that takes too long: between
two steps only the convecting velocity changes. On large meshes the preconditioner is block triangular: a few sweeps on
K, and the pressure convection-diffusion approximation of the Schur complement (Elman, Silvester and Wathen, Finite
Elements and Fast Iterative Solvers, 2014, section 9.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import PETSc
from organtwin_solvers.flow.fast.coupled import NotConverged

if TYPE_CHECKING:
    from organtwin_solvers.flow.taylor_hood.equations import TaylorHoodEquations

Array = NDArray[np.float64]

MAX_ITERATIONS = 200
WORTH_NEW_FACTORS = 9  # iterations of GMRES that cost as much as factors


def multiply(matrix: PETSc.Mat, values: Array, *, transpose: bool = False) -> Array:
    """matrix (or its transpose) times the owned ``values``."""
    x, y = matrix.createVecs()[:: -1 if transpose else 1]
    x.array[:] = values
    (matrix.multTranspose if transpose else matrix.mult)(x, y)
    result = y.array.copy()
    x.destroy()
    y.destroy()
    return result


class CoupledSystem:
    """Solves for increments that vanish where the velocity is held."""

    def __init__(self, equations: TaylorHoodEquations, *, direct: bool) -> None:
        self._equations = equations
        comm = equations.mesh.comm
        self._local = equations.dim * equations.size + equations.corners
        total = comm.allreduce(self._local)
        sizes = ((self._local, total), (self._local, total))
        shell = PETSc.Mat().createPython(sizes, _Shell(self), comm=comm)
        shell.setUp()
        self._ksp = PETSc.KSP().create(comm)
        self._ksp.setOperators(shell)
        self._ksp.setType("gmres")
        self._ksp.setGMRESRestart(60)
        self._ksp.getPC().setType("python")
        self._preconditioner = Factors(equations) if direct else Blocks(equations)
        self._ksp.getPC().setPythonContext(self._preconditioner)
        self._x, self._y = shell.createVecs()
        self._resistances: tuple[float, ...] = ()

    def solve(
        self, momentum: Array, continuity: Array, resistances: Sequence[float], *, tolerance: float
    ) -> tuple[Array, Array, int]:
        """The increments for these residuals, and the number of iterations.

        Raises
        ------
        NotConverged
        """
        self._resistances = tuple(resistances)
        fresh = self._preconditioner.prepare(self._equations.inertia)
        self._x.array[:] = np.concatenate([momentum.ravel(), continuity])
        # the norm is that of the preconditioned residual: about the error itself, in units of velocity and pressure
        self._ksp.setTolerances(rtol=1e-10, atol=tolerance, max_it=MAX_ITERATIONS)
        self._ksp.solve(self._x, self._y)
        if self._ksp.getConvergedReason() < 0 and not fresh:
            self._preconditioner.prepare(self._equations.inertia, anew=True)
            self._ksp.solve(self._x, self._y)
        iterations = self._ksp.getIterationNumber()
        if self._ksp.getConvergedReason() < 0:
            raise NotConverged(f"the linear solver stopped after {iterations} iterations")
        self._preconditioner.took(iterations)
        return *self.split(self._y.array), iterations

    def factor(self, turning: list[list[PETSc.Mat]] | None = None) -> None:
        """Factors of the system as it is, with ``turning`` (d by d blocks) added to its velocity part."""
        self._preconditioner.factor(turning)

    def backsolve(self, momentum: Array, continuity: Array) -> tuple[Array, Array]:
        """What :meth:`factor` solves."""
        self._x.array[:] = np.concatenate([momentum.ravel(), continuity])
        self._preconditioner.apply(None, self._x, self._y)
        return self.split(self._y.array)

    def split(self, values: Array) -> tuple[Array, Array]:
        """Velocity (d, nodes) and pressure (corners) of a vector of the system."""
        at = self._equations.dim * self._equations.size
        return values[:at].reshape(self._equations.dim, -1).copy(), values[at:].copy()

    def operate(self, x: Array) -> Array:
        velocity, pressure = self.split(x)
        momentum, continuity = self._equations.operate(velocity, pressure, self._resistances)
        return np.concatenate([np.where(self._equations.held, velocity, momentum).ravel(), continuity])


class _Shell:
    """PETSc's view of the operator."""

    def __init__(self, system: CoupledSystem) -> None:
        self._system = system

    def mult(self, _matrix: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        y.array[:] = self._system.operate(x.array_r)


class Factors:
    """Sparse factors of an earlier matrix."""

    def __init__(self, equations: TaylorHoodEquations) -> None:
        self._equations = equations
        start = equations.space.dofmap.index_map.local_range[0]
        self._held_rows = (start + np.flatnonzero(equations.held)).astype(PETSc.IntType)
        self._pushes = [_transposed_free(b, equations.held) for b in equations.divergences]
        self._pc: PETSc.PC | None = None
        self._inertia, self._iterations = 0.0, 0

    def prepare(self, inertia: float, *, anew: bool = False) -> bool:
        """Make factors when there are none that will do; whether they were made."""
        stale = (
            self._pc is None
            or not 0.8 * self._inertia <= inertia <= 1.25 * self._inertia
            or self._iterations > WORTH_NEW_FACTORS
        )
        if stale or anew:
            self.factor()
            self._inertia, self._iterations = inertia, 0
        return stale or anew

    def took(self, iterations: int) -> None:
        self._iterations = iterations

    def factor(self, turning: list[list[PETSc.Mat]] | None = None) -> None:
        equations, dim = self._equations, self._equations.dim
        diagonal = equations.K.copy()
        diagonal.zeroRows(self._held_rows, 1.0)
        blocks: list[list[PETSc.Mat | None]] = [[None] * (dim + 1) for _ in range(dim + 1)]
        for i in range(dim):
            blocks[i][i] = diagonal
            blocks[i][dim], blocks[dim][i] = self._pushes[i], equations.divergences[i]
        if turning is not None:
            for i in range(dim):
                for j in range(dim):
                    turning[i][j].zeroRows(self._held_rows, 0.0)
                    if i == j:
                        turning[i][i].axpy(1.0, diagonal, PETSc.Mat.Structure.SAME_NONZERO_PATTERN)
                    blocks[i][j] = turning[i][j]
        nest = PETSc.Mat().createNest(blocks, comm=equations.mesh.comm)
        whole = nest.convert("aij", PETSc.Mat())
        if self._pc is not None:
            self._pc.destroy()
        self._pc = PETSc.PC().create(equations.mesh.comm)
        self._pc.setType("lu")
        self._pc.setFactorSolverType("mumps")
        self._pc.setOperators(whole)
        self._pc.setUp()
        for matrix in (diagonal, nest, whole):
            matrix.destroy()
        self._inertia = equations.inertia

    def apply(self, _pc: PETSc.PC | None, x: PETSc.Vec, y: PETSc.Vec) -> None:
        self._pc.apply(x, y)


def _transposed_free(divergence: PETSc.Mat, held: NDArray[np.bool_]) -> PETSc.Mat:
    """-B' with the rows of held nodes zero."""
    free = divergence.copy()
    mask = free.createVecRight()
    mask.array[:] = ~held
    free.diagonalScale(None, mask)
    free.scale(-1.0)
    return free.transpose()


class Blocks:
    """Block factors: incomplete ones of K, and for the Schur complement B K^-1 B' the inverse of

    Laplace^-1 + mu mass^-1 (Cahouet and Chabard, Int. J. Numer. Methods Fluids 8, 1988), where the Laplacian is weighted with
    the local inverse of inertia and convection.
    """

    def __init__(self, equations: TaylorHoodEquations) -> None:
        self._equations = equations
        comm = equations.mesh.comm
        start = equations.space.dofmap.index_map.local_range[0]
        self._held_rows = (start + np.flatnonzero(equations.held)).astype(PETSc.IntType)
        self._momentum = PETSc.PC().create(comm)
        self._momentum.setType("ilu" if comm.size == 1 else "bjacobi")
        self._laplace = PETSc.PC().create(comm)
        self._laplace.setType("gamg")
        self._mass = equations.pressure_mass()
        self._inertia, self._age, self._first, self._last = 0.0, 0, 0, 0
        self._matrix: PETSc.Mat | None = None
        self._p, self._q = equations.divergences[0].createVecLeft(), equations.divergences[0].createVecLeft()
        self._u, self._w = equations.divergences[0].createVecRight(), equations.divergences[0].createVecRight()

    def prepare(self, inertia: float, *, anew: bool = False) -> bool:
        """Make factors when there are none that will do; whether they were made."""
        changed = self._matrix is None or not 0.8 * self._inertia <= inertia <= 1.25 * self._inertia
        if not (anew or changed or self._last > 1.3 * self._first + 3):
            return False
        if self._matrix is not None:
            self._matrix.destroy()
        self._matrix = self._equations.K.copy()
        self._matrix.zeroRows(self._held_rows, 1.0)
        self._momentum.setOperators(self._matrix)
        self._momentum.setUp()
        self._laplace.setOperators(self._equations.schur())
        self._laplace.setUp()
        self._inertia, self._age = inertia, 0
        return True

    def took(self, iterations: int) -> None:
        self._first = iterations if self._age == 0 else self._first
        self._last, self._age = iterations, self._age + 1

    def factor(self, turning: list[list[PETSc.Mat]] | None = None) -> None:
        raise NotImplementedError("Newton's method needs factors")

    def apply(self, _pc: PETSc.PC | None, x: PETSc.Vec, y: PETSc.Vec) -> None:
        equations = self._equations
        at = equations.dim * equations.size
        velocity = np.array([self._predict(r) for r in x.array_r[:at].reshape(equations.dim, -1)])
        source = x.array_r[at:] - equations.divergence(velocity)
        self._p.array[:] = source
        self._laplace.apply(self._p, self._q)
        pressure = self._q.array_r + equations.viscosity_scale * source / self._mass
        push = np.where(equations.held, 0.0, equations.weak_gradient(pressure))
        velocity += np.array([self._predict(r) for r in push])
        y.array[:at], y.array[at:] = velocity.ravel(), pressure

    def _predict(self, residual: Array) -> Array:
        self._u.array[:] = residual
        self._momentum.apply(self._u, self._w)
        return self._w.array.copy()
