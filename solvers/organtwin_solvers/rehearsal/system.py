"""The equations of one body: energy and forces of a shape, their tangent there, and the solution of a linear step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.flow.fast.kernels import pattern
from organtwin_solvers.rehearsal import coarse, elements, iteration, pressure
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.laws import constants

Points = NDArray[np.float64]

PRESSURE_TOLERANCE = 1e-6  # of the volumes around the points
PRESSURE_PRODUCTS = 60


@dataclass(frozen=True)
class Clusters:
    """The coarse space with its factored matrix."""

    label: NDArray[np.int32]
    arm: NDArray[np.float32]
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]


@dataclass(frozen=True)
class Threads:
    """Links as weighted points (positive at one end, negative at the other) and their stiffness (l, 3, 3)."""

    starts: NDArray[np.int64]
    nodes: NDArray[np.int32]
    weights: NDArray[np.float32]
    stiffness: NDArray[np.float32]

    @property
    def arrays(self) -> tuple[NDArray, ...]:
        return self.starts, self.nodes, self.weights, self.stiffness


NO_THREADS = Threads(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros((0, 3, 3), np.float32))


class System:
    """Everything about a body that does not change until it is cut, and room for what does.

    ``p`` (n,) is the pressure that belongs to the shape last asked for; it is where the search for the next one starts.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        n, m = len(body.rest_mm), len(body.tets)
        self.n = n
        self._gradients, self._volumes, self._rest = np.zeros((m, 4, 3)), np.zeros(m), np.zeros(n)
        elements.geometry(body.rest_mm, body.tets, self._gradients, self._volumes, self._rest)
        self.codes, self.constants = constants(body.materials)
        self.rows, self.columns, self.places = pattern(body.tets, n, n)
        size = len(self.columns)
        self._compliance, self._lumped = np.zeros(size), np.zeros(n)
        pressure.compliance(
            body.tets, self._volumes, body.part, self.constants, self.places, self._compliance, self._lumped
        )
        self._compliance32 = self._compliance.astype(np.float32)
        self._scale = np.where(self._lumped > 0, 1 / np.maximum(self._lumped, 1e-300), 0).astype(np.float32)
        stiffest = float((self.constants[:, 1] / self.constants[:, 0]).max())  # bounds of C over its lumped diagonal
        self._low, self._high = np.float32(min(1.0, 0.2 * (1 + stiffest)) * 0.8), np.float32(max(1.0, 0.2 * (1 + stiffest)) * 1.05)
        self.p, self._extra = np.zeros(n), np.zeros(n)
        self._around, self._scratch = np.zeros(n), np.zeros((6, n))
        self._stiff = np.zeros((size, 3, 3), np.float32)
        self._slopes, self._slopes_back = np.zeros((size, 3), np.float32), np.zeros((size, 3), np.float32)
        self._weights, self._inverse = np.zeros(n), np.zeros((n, 3, 3), np.float32)
        self._vectors, self._scalars = np.zeros((4, n, 3), np.float32), np.zeros((4, n), np.float32)
        self.used = body.mass > 0

    # -- a shape -------------------------------------------------------------------------------------------------------

    def energy_and_force(self, x: Points) -> tuple[float, Points]:
        """Stored energy (g mm^2/s^2) and internal forces (n, 3) of the points at ``x``."""
        body = self.body
        elements.point_volumes(x, body.tets, self._gradients, self._volumes, self._around)
        energy = pressure.balance(
            self.rows, self.columns, self._compliance, self._lumped, self._rest, self._around, self.p, self._extra,
            self._scratch, PRESSURE_TOLERANCE, PRESSURE_PRODUCTS,
        )  # fmt: skip
        force = np.zeros((self.n, 3))
        energy += elements.forces(
            x, body.tets, self._gradients, self._volumes, body.part, self.codes, self.constants, self.p, force
        )
        return energy, force

    def strain(self, x: Points) -> NDArray[np.float64]:
        """Largest principal Green-Lagrange strain at the points (n,)."""
        strain = np.zeros(self.n)
        elements.largest_strain(x, self.body.tets, self._gradients, self._volumes, self._rest, strain)
        return strain

    # -- its tangent ---------------------------------------------------------------------------------------------------

    def linearise(self, x: Points, guard: float = 0.0) -> None:
        """The tangent at ``x``, whose energy was asked for last; ``guard`` 1 makes it positive whatever the shape."""
        body = self.body
        elements.tangent(
            x, body.tets, self._gradients, self._volumes, body.part, self.codes, self.constants, self.p, guard,
            self.places, self._stiff, self._slopes, self._slopes_back,
        )  # fmt: skip
        self._extra32 = self._extra.astype(np.float32)
        iteration.diagonal_weights(self.rows, self.columns, self._compliance, self._extra, self._weights)

    def clusters(self, x: Points, inertia: NDArray[np.float64], free: NDArray[np.bool_]) -> Clusters:
        """The coarse space of the present tangent with ``inertia`` (n,) on the points."""
        label, count = coarse.clusters(self.body.rest_mm, self.used, self.rows, self.columns)
        arm = coarse.arms(x, label, count)
        matrix = np.zeros((6 * count, 6 * count))
        coarse.galerkin(
            self.rows, self.columns, self._stiff, self._slopes, self._weights, inertia, label, arm, free, matrix
        )
        lower, upper = np.zeros(matrix.shape, np.float32), np.zeros(matrix.shape, np.float32)
        coarse.factor(matrix, lower, upper)
        return Clusters(label, arm, lower, upper)

    def solve(
        self,
        nodal: NDArray[np.float64],
        threads: Threads,
        clusters: Clusters,
        free: NDArray[np.bool_],
        b: Points,
        start: NDArray[np.float32],
        guess: NDArray[np.float32],
        tolerance: float,
        most: int,
    ) -> tuple[NDArray[np.float32], bool, float]:
        """A step d (n, 3) of A d = b from ``start`` (kept where not free) plus what is useful of ``guess``.

        Returns d, whether the matrix was found not to be positive, and by how much the residual fell.
        """
        nodal32 = nodal.astype(np.float32)
        iteration.inverse_blocks(
            self.rows, self.columns, self._stiff, self._slopes_back, self._weights, nodal32, threads.arrays, free, self._inverse
        )
        matrix = (
            self.rows, self.columns, self._stiff, self._slopes, self._slopes_back, self._compliance32, self._extra32,
            self._scale, self._low, self._high, nodal32, threads.arrays,
        )  # fmt: skip
        d = start.copy()
        _, bad, fell = iteration.conjugate_gradients(
            matrix, (clusters.label, clusters.arm, clusters.lower, clusters.upper), self._inverse, free,
            b.astype(np.float32), d, guess, self._vectors, self._scalars, np.zeros(len(clusters.lower), np.float32),
            tolerance, most,
        )  # fmt: skip
        return d, bad, fell
