"""The linear system of one flow step: velocity and pressure together, by GMRES with a projection as preconditioner.

    [ K + sum r f f'   -B' ] [u]   [f]      K: one scalar matrix for the three components; B: weak divergence;
    [ B                 S  ] [p] = [g]      S: pressure subscales; r: an outlet's resistance, f'u its flow

The preconditioner is one step of a projection method: predict u with K, solve the Schur complement S + B K^-1 B' for the
pressure, correct u. K is replaced by its incomplete factors (of the owned part, in single precision), the Schur complement
by one multigrid cycle of a weighted Laplacian. Resistances act on a few directions only, far more strongly than the rest: the
answer W of the system without them to each f is kept, and with it they are taken into the preconditioner exactly (Woodbury).
What is held (Dirichlet) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import PETSc
from organtwin_solvers.fem.nodes import Nodes
from organtwin_solvers.flow.fast import kernels
from organtwin_solvers.flow.fast.operators import Operators

Array = NDArray[np.float64]
MAX_ITERATIONS = 200
ANSWERS_TO = 1e-3  # relative tolerance of W


class NotConverged(Exception):
    """The linear solver gave up, or the numbers ceased to be numbers."""


class CoupledSolver:
    """Solves for increments (owned, 4) of velocity and pressure that vanish where the velocity is held.

    Parameters
    ----------
    operate : callable
        (owned, 4) to (owned, 4): the system without resistances, and without regard to held nodes.
    held : (owned,) bool
        Nodes with prescribed velocity.
    fluxes : list of (owned, 3)
        f of each outlet.
    """

    def __init__(
        self,
        nodes: Nodes,
        operators: Operators,
        operate: Callable[[Array], Array],
        held: NDArray[np.bool_],
        fluxes: list[Array],
    ) -> None:
        self._nodes, self._operators, self._operate, self._held = nodes, operators, operate, held
        self._fluxes = [np.where(held[:, None], 0.0, flux) for flux in fluxes]  # of increments
        self._resistances = np.zeros(len(fluxes))
        self._answers: list[Array] = []
        self._small = np.empty((0, 0))
        rows, columns = operators.rows, operators.columns
        self._ilu = kernels.owned_pattern(rows, columns, nodes.owned)
        self._marker = np.full(nodes.owned, -1, np.int64)
        self._factors = np.empty(0, np.float32)
        self._columns_global = nodes.numbers[columns].astype(PETSc.IntType)
        total = nodes.sum(nodes.owned)
        self._size = ((nodes.owned, total), (nodes.owned, total))
        size = ((4 * nodes.owned, 4 * total),) * 2
        shell = PETSc.Mat().createPython(size, _Shell(self), comm=nodes.comm)
        shell.setUp()
        self._schur: PETSc.PC | None = None
        self._matrix: PETSc.Mat | None = None
        self._right = self._left = None
        self._ksp = PETSc.KSP().create(nodes.comm)
        self._ksp.setOperators(shell)
        self._ksp.setType("gmres")
        self._ksp.setGMRESRestart(40)
        self._ksp.getPC().setType("python")
        self._ksp.getPC().setPythonContext(_Projection(self))
        self._x, self._y = shell.createVecs()

    def set_momentum(self, blocks: Array) -> None:
        """New incomplete factors of K.

        Raises
        ------
        NotConverged
            When K has a zero on its way.
        """
        rows, columns, source, diagonal = self._ilu
        values = blocks[source, 0]
        if not kernels.factorise(rows, columns, diagonal, values, self._held, self._marker):
            raise NotConverged("the momentum equations are singular")
        self._factors = values.astype(np.float32)

    def set_schur(self, values: Array) -> None:
        """A weighted Laplacian (nonzeros,) that stands for S + B K^-1 B'."""
        rows = self._operators.rows.astype(PETSc.IntType)
        if self._matrix is None:
            self._matrix = PETSc.Mat().createAIJ(
                self._size, csr=(rows, self._columns_global, values), comm=self._nodes.comm
            )
            self._right, self._left = self._matrix.createVecs()
            self._schur = PETSc.PC().create(self._nodes.comm)
            self._schur.setType("gamg")
        else:
            self._matrix.setValuesCSR(rows, self._columns_global, values)
        self._matrix.assemble()
        self._schur.setOperators(self._matrix)
        self._schur.setUp()

    def set_resistances(self, resistances: Array) -> None:
        """Of this step; W is found when the first of them is above zero."""
        self._resistances = np.zeros_like(resistances)
        if resistances.any() and not self._answers:
            for flux in self._fluxes:
                source = np.zeros((len(self._held), 4))
                source[:, :3] = flux
                length = np.sqrt(self._nodes.sum(float(np.sum(self.precondition(source) ** 2))))
                self._answers.append(self.solve(source, tolerance=ANSWERS_TO * length)[0])
            through = [[float(np.sum(flux * answer[:, :3])) for answer in self._answers] for flux in self._fluxes]
            self._small = np.asarray(self._nodes.sum(np.array(through)))
        self._resistances = resistances.copy()

    def forget_answers(self) -> None:
        """W is to be found again: the system has become another one."""
        self._answers = []

    def solve(self, residual: Array, *, tolerance: float) -> tuple[Array, int]:
        """The increment for this residual (zero where held), and the number of iterations.

        ``tolerance`` is for the norm of the preconditioned residual, which is about the error in mm/s and Pa.

        Raises
        ------
        NotConverged
        """
        self._x.array[:] = residual.ravel()
        self._ksp.setTolerances(rtol=1e-13, atol=tolerance, max_it=MAX_ITERATIONS)
        self._ksp.solve(self._x, self._y)
        iterations = self._ksp.getIterationNumber()
        if self._ksp.getConvergedReason() < 0:
            raise NotConverged(f"the linear solver stopped after {iterations} iterations")
        return self._y.array.reshape(-1, 4).copy(), iterations

    def operate(self, values: Array) -> Array:
        result = self._operate(values)
        if self._resistances.any():
            for pressure, flux in zip(self._resistances * self._flows(values), self._fluxes, strict=True):
                result[:, :3] += pressure * flux
        result[self._held, :3] = values[self._held, :3]
        return result

    def precondition(self, residual: Array) -> Array:
        nodes, operators = self._nodes, self._operators
        velocity = np.empty((len(nodes.points), 3))
        velocity[: nodes.owned] = residual[:, :3]
        self._predict(velocity[: nodes.owned])
        source = residual[:, 3].copy()
        operators.add_divergence(nodes.share(velocity), source, sign=-1.0)
        self._right.array[:] = source
        self._schur.apply(self._right, self._left)
        pressure = nodes.with_ghosts(self._left.array_r)
        push = operators.weak_gradient(pressure)
        push[self._held] = 0.0
        self._predict(push)
        result = np.empty_like(residual)
        result[:, :3] = velocity[: nodes.owned] + push
        result[:, 3] = pressure[: nodes.owned]
        if self._resistances.any():
            system = np.eye(len(self._fluxes)) + self._resistances[:, None] * self._small
            for pressure_pa, answer in zip(
                np.linalg.solve(system, self._resistances * self._flows(result)), self._answers, strict=True
            ):
                result -= pressure_pa * answer
        return result

    def _flows(self, values: Array) -> Array:
        return np.asarray(self._nodes.sum(np.array([np.sum(flux * values[:, :3]) for flux in self._fluxes])))

    def _predict(self, velocity: Array) -> None:
        rows, columns, _, diagonal = self._ilu
        kernels.substitute(rows, columns, diagonal, self._factors, velocity)


class _Shell:
    """PETSc's view of the operator."""

    def __init__(self, solver: CoupledSolver) -> None:
        self._solver = solver

    def mult(self, _matrix: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        y.array[:] = self._solver.operate(x.array_r.reshape(-1, 4)).ravel()


class _Projection:
    """PETSc's view of the preconditioner."""

    def __init__(self, solver: CoupledSolver) -> None:
        self._solver = solver

    def apply(self, _pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        y.array[:] = self._solver.precondition(x.array_r.reshape(-1, 4)).ravel()
