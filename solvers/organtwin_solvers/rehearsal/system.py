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

MOVING, RESTING = 1e-5, 1e-7  # how well pressure and volumes agree, of the volumes around the points
PRESSURE_PRODUCTS = 100
ROUGHLY, CLOSELY = 0.35, 0.03  # how well the tangent knows the pressures: beyond a half Newton's steps would overshoot


@dataclass(frozen=True)
class Clusters:
    """The coarse space with its factored matrix."""

    label: NDArray[np.int32]
    arm: NDArray[np.float32]
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    pivots: NDArray[np.float32]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def arrays(self) -> tuple[NDArray, ...]:
        return self.label, self.arm, self.lower, self.upper, self.pivots, self.begins, self.ends


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


NO_THREADS = Threads(
    np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros((0, 3, 3), np.float32)
)


class System:
    """Everything about a body that does not change until it is cut, and room for what does.

    ``p`` (n,) is the pressure that belongs to the shape last asked for; it is where the search for the next one starts.

    Inside, points are numbered along the body's longest extent, and tetrahedra by their first point: what lies together is
    then together in memory, however the mesh was numbered. All that is given and answered is as the body numbers it.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        n, m = len(body.rest_mm), len(body.tets)
        self.n = n
        self.used = body.mass > 0
        self._order, self._rank = _along(body.rest_mm, self.used)
        tets = np.sort(self._rank[body.tets], axis=1)  # so that the blocks of an element lie above the diagonal
        by_first = np.argsort(tets[:, 0], kind="stable")
        self._tets, self._part = np.ascontiguousarray(tets[by_first]), np.ascontiguousarray(body.part[by_first])
        self._gradients, self._volumes, self._rest = np.zeros((m, 4, 3)), np.zeros(m), np.zeros(n)
        elements.geometry(body.rest_mm[self._order], self._tets, self._gradients, self._volumes, self._rest)
        if body.size is not None:
            self._gradients /= body.size[by_first, None, None]
            self._volumes *= body.size[by_first] ** 3
            self._rest[:] = np.bincount(self._tets.ravel(), np.repeat(self._volumes / 4, 4), n)
        self._codes, self._constants = constants(body.materials)
        self._rows, self._columns, self._places = pattern(self._tets, n, n)
        size = len(self._columns)
        self._diagonal, self._mirror = np.zeros(n, np.int64), np.zeros(size, np.int64)
        elements.mirrors(self._rows, self._columns, self._diagonal, self._mirror)
        self._compliance, self._lumped = np.zeros(size), np.zeros(n)
        pressure.compliance(
            self._tets, self._volumes, self._part, self._constants, self._places, self._compliance, self._lumped
        )
        scale = np.where(self._lumped > 0, 1 / np.maximum(self._lumped, 1e-300), 0).astype(np.float32)
        stiffest = 0.2 * (1 + float((self._constants[:, 1] / self._constants[:, 0]).max()))
        self._bounds = 0.9 * min(1.0, stiffest), 1.02 * max(1.0, stiffest)  # of C over its lumped diagonal
        self._scale = scale
        self.p, self._extra, self._answer = np.zeros(n), np.zeros(n), np.zeros(n, np.float32)
        self._around, self._scratch = np.zeros(n), np.zeros((6, n))
        self._blocks = np.zeros((size, 4, 4), np.float32)
        self._slopes, self._soft = np.zeros((size, 4), np.float32), self._compliance.astype(np.float32)
        self._inverse, self._vectors = np.zeros((n, 3, 3), np.float32), np.zeros((4, n, 4), np.float32)
        self._pair = np.zeros((2, n), np.float32)

    # -- a shape -------------------------------------------------------------------------------------------------------

    def energy_and_force(self, x: Points, tolerance: float = RESTING) -> tuple[float, Points]:
        """Stored energy (g mm^2/s^2) and internal forces (n, 3) of the points at ``x``."""
        x = x[self._order]
        elements.point_volumes(x, self._tets, self._gradients, self._volumes, self._around)
        energy = pressure.balance(
            self._rows, self._columns, self._compliance, self._lumped, self._rest, self._around, self.p, self._extra,
            self._scratch, tolerance, PRESSURE_PRODUCTS,
        )  # fmt: skip
        force = np.zeros((self.n, 3))
        energy += elements.forces(
            x, self._tets, self._gradients, self._volumes, self._part, self._codes, self._constants, self.p, force
        )
        return energy, force[self._rank]

    def strain(self, x: Points) -> NDArray[np.float64]:
        """Largest principal Green-Lagrange strain at the points (n,)."""
        strain = np.zeros(self.n)
        elements.largest_strain(x[self._order], self._tets, self._gradients, self._volumes, self._rest, strain)
        return strain[self._rank]

    # -- its tangent ---------------------------------------------------------------------------------------------------

    def linearise(self, x: Points, nodal: NDArray[np.float64], guard: float = 0.0) -> None:
        """The tangent at ``x``, whose energy was asked for last, and ``nodal`` (n, 3, 3) on single points; ``guard`` 1 makes the
        elements' part positive whatever the shape."""
        elements.begin_blocks(
            self._rows, self._columns, self._diagonal, self._compliance, self._extra, nodal[self._order], self._blocks
        )
        elements.tangent(
            x[self._order], self._tets, self._gradients, self._volumes, self._part, self._codes, self._constants, self.p, guard,
            self._places, self._blocks,
        )  # fmt: skip
        elements.mirror_blocks(
            self._rows, self._columns, self._diagonal, self._mirror, self._blocks, self._slopes, self._soft
        )

    def clusters(self, x: Points, inertia: NDArray[np.float64], free: NDArray[np.bool_]) -> Clusters:
        """The coarse space of the present tangent with ``inertia`` (n,) on the points."""
        order = self._order
        label, count = coarse.clusters(self.body.rest_mm[order], self.used[order], self._rows, self._columns)
        arm = coarse.arms(x[order], label, count)
        size, room = 6 * count, -(-6 * count // 16) * 16
        matrix = np.zeros((size, size))
        coarse.galerkin(
            self._rows, self._columns, self._diagonal, self._blocks, inertia[order], label, arm, free[order], matrix
        )
        lower, upper = np.zeros((size, room), np.float32), np.zeros((size, room), np.float32)
        pivots = np.zeros(size, np.float32)
        begins, ends = np.zeros(size, np.int64), np.zeros(size, np.int64)
        coarse.factor(matrix, lower, upper, pivots, begins, ends)
        return Clusters(label, arm, lower, upper, pivots, begins, ends)

    def solve(
        self,
        threads: Threads,
        clusters: Clusters,
        free: NDArray[np.bool_],
        b: Points,
        start: Points,
        guess: Points,
        tolerance: float,
        most: int,
    ) -> tuple[Points, bool, float]:
        """A step d (n, 3) of A d = b from ``start`` (kept where not free) plus what is useful of ``guess``.

        Returns d, whether the matrix was found not to be positive, and by how much the residual fell.
        """
        order = self._order
        links = threads.arrays[0], self._rank[threads.nodes], *threads.arrays[2:]
        free = free[order]
        iteration.inverse_blocks(self._rows, self._columns, self._diagonal, self._blocks, links, free, self._inverse)
        b4, d4, guess4 = (_in_fours(a[order]) for a in (b, start, guess))
        _, bad, fell = iteration.conjugate_gradients(
            (
                self._rows, self._columns, self._blocks, self._slopes, self._soft,
                self._chebyshev(ROUGHLY if tolerance == 0.0 else CLOSELY), links,
            ),
            clusters.arrays, self._inverse, free, b4, d4, guess4, self._vectors, self._pair, self._answer, np.zeros(clusters.lower.shape[1], np.float32), tolerance, most,
        )  # fmt: skip
        return d4[self._rank, :3].astype(float), bad, fell

    def measure(self, force: Points, free: NDArray[np.bool_]) -> float:
        """Work that ``force`` (n, 3) on the free points would do against the stiffness of each point alone."""
        order = self._order
        return elements.work(force[order], self._inverse, free[order])

    def remembered(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the next linearisation and search for a pressure depend on."""
        return self.p.copy(), self._extra.copy()

    def recall(self, remembered: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
        """Be again as when that was remembered."""
        self.p[:], self._extra[:] = remembered

    def _chebyshev(self, error: float) -> tuple[NDArray[np.float32], np.float32, np.float32, int]:
        """What stands for C^-1: scale, bounds, and the degree that leaves at most this share of a pressure out."""
        low, high = self._bounds
        falls = (np.sqrt(high / low) - 1) / (np.sqrt(high / low) + 1)
        degree = max(2, int(np.ceil(np.log(error / 2) / np.log(falls))))
        return self._scale, np.float32(low), np.float32(high), degree

    def expect(self, fraction: float) -> None:
        """Start the search for the next pressure where the last linear step, taken to ``fraction``, leads."""
        self.p += fraction * self._answer


def _along(points: Points, used: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Points (n,) in their order along the longest extent, unused ones last, and the place of each in it."""
    axis = int(np.ptp(points[used], axis=0).argmax()) if used.any() else 0
    order = np.lexsort((points[:, axis], ~used)).astype(np.int32)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return order, rank


def _in_fours(a: NDArray[np.floating]) -> NDArray[np.float32]:
    four = np.zeros((len(a), 4), np.float32)
    four[:, :3] = a
    return four
