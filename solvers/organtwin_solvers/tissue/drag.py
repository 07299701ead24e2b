"""A viscous drag that leads to a stable equilibrium where Newton's method alone finds none.

Past a snap-through, or where contact and large strain make the equilibrium hard to hit, the body is let creep: every
point is held back in proportion to its volume and to the way it moves, σ m (u − u₀), from where it last stood. With a
strong drag a step always exists; as the drag is taken away, step by step, what is left is an equilibrium
(pseudo-transient continuation: Kelley and Keyes 1998, SIAM Journal on Numerical Analysis 35, 508).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import PETSc, dolfinx, fem, ufl
from organtwin_solvers.tissue.problem import Problem

Array = NDArray[np.float64]


class Drag:
    """A term of the problem: holds the displacement to where :meth:`hold` found it; ``strength`` in Pa/mm²."""

    def __init__(self, problem: Problem, strength: float) -> None:
        self.strength = strength
        v = ufl.TestFunction(problem.space)
        test = ufl.split(v)[0] if problem.formulation.mixed else v
        one = fem.Constant(problem.domain, np.ones(3))
        volumes = fem.assemble_vector(fem.form(ufl.inner(one, test) * ufl.dx(domain=problem.domain)))
        volumes.scatter_reverse(dolfinx.la.InsertMode.add)
        # of the corners of a quadratic element the volumes are negative: only their size is wanted
        self._volumes = np.abs(np.array(volumes.array))
        self._volumes[problem.owned :] = 0.0  # added up over the ranks afterwards
        self.hold(problem.state.x.array)

    def hold(self, state: Array) -> None:
        """Start from here."""
        self._from = state.copy()

    def set_load(self, fraction: float) -> None:
        """It does not depend on the load."""

    def add_residual(self, state: Array, b: Array) -> None:
        """Add the drag to the out-of-balance forces."""
        b += self.strength * self._volumes * (state - self._from)

    def add_tangent(self, state: Array, matrix: Any, free: NDArray[np.bool_]) -> None:
        """Add it to the diagonal."""
        rows = np.flatnonzero(free & (self._volumes > 0)).astype(PETSc.IntType)
        matrix.setValuesLocalIJV(
            np.arange(len(rows) + 1, dtype=PETSc.IntType),
            rows,
            self.strength * self._volumes[rows],
            addv=PETSc.InsertMode.ADD,
            rowmap=rows,
        )

    def augment(self, state: Array, comm: Any) -> bool:
        """Nothing is asked for exactly."""
        return False
