"""Contact without friction between two bodies that both give way: an organ and a neighbour, meshed in one problem.

Every quadrature point x of the organ's skin is paired with the closest place y of the neighbour's skin that faces it.
Its gap g = n·(x − y) is taken along the normal n of the neighbour, interpolated between the corners of its triangles so
that it does not jump where a point slides from one to the next; edges sharper than a crease stay sharp. The pressure
⟨λ − ε g⟩₊ acts on x along n and on y against it: action and reaction are equal, whatever the pairing is. Penalty and
multiplier are those of :mod:`organtwin_solvers.tissue.contact`.

Pairs and normals are found anew in every state. The tangent takes them as constant, ε n ⊗ n, so that it is symmetric and
positive. What it leaves out, how n turns, is of the order of p/E: some more iterations.

The two skins share no tetrahedron: their coupling is added to the matrix with the entries that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from organtwin_solvers.fem.backend import MPI, PETSc
from organtwin_solvers.tissue.contact import LOOSE, STIFFNESS, Skin

Array = NDArray[np.float64]

CREASE = np.cos(np.radians(50.0))  # between the normals of triangles that a smooth surface may have side by side
FACING = -0.2  # cosine between the normals of what can touch
CANDIDATES = 16  # triangles with the nearest centroids, among which the closest place is sought
SOON = 0.3  # lengths of a triangle: what is closer has its entries in the matrix already
NOTHING = 1e-30  # weight of what does not touch
DEEPER, THROUGH = 1.2, 0.3  # times the overlap, and lengths of a triangle: what is deeper at rest is no overlap
REACH = 1.5  # lengths of a triangle from the neighbour's skin up to which a point is paired with it


@dataclass
class _Pairs:
    """Of the points of the organ's skin that are near the neighbour: which they are, and what they face.

    ``triangle`` and ``point`` (n,) number the organ's triangle and its quadrature point, ``other`` (n,) the neighbour's
    triangle, ``shape`` (n, k) its shape functions there, ``y_rest`` (n, 3) that place at rest, ``normal`` (n, 3).
    """

    triangle: NDArray[np.int64]
    point: NDArray[np.int64]
    other: NDArray[np.int64]
    shape: Array
    y_rest: Array
    normal: Array


class OrganContact:
    """Contact of the skin of an organ with that of a neighbour.

    Parameters
    ----------
    skin, other : Skin
        Of the organ, whose points are kept out, and of the neighbour; in the same space.
    modulus_pa : (m,) array or float
        Of the softer of both, E / (1 − ν²), at the triangles of ``skin``.
    name : str
        Of the neighbour.
    overlap_mm : float
        By how much they overlap at rest.
    """

    def __init__(self, skin: Skin, other: Skin, modulus_pa: float | Array, name: str, overlap_mm: float = 0.0) -> None:
        self.skin, self.other, self.name = skin, other, name
        self.penalty = (STIFFNESS * modulus_pa / skin.length)[:, None]
        self.multiplier = np.zeros(skin.weight.shape)
        self.relief_mm = np.zeros(skin.weight.shape)
        self.augmentations = 0
        self._reach_mm = REACH * max(skin.length.max(), other.length.max(), overlap_mm)
        self._load = 0.0
        self._smoothing = _smoothing(other)
        self._overlap_mm = overlap_mm
        self._behind = np.zeros(skin.weight.shape, bool)  # points that see the neighbour's back through both bodies
        self._pairs: _Pairs | None = None
        self._paired_at = np.zeros(0)
        self._entries = np.zeros(0, np.int64)  # of the matrix, made for this contact

    # -- what faces what --------------------------------------------------------------------------------------------

    def _now(self, state: Array) -> _Pairs:
        if self._pairs is None or not np.array_equal(state, self._paired_at):
            self.pair(state)
        assert self._pairs is not None
        return self._pairs

    def pair(self, state: Array) -> None:
        """Find what every point of the skin faces."""
        self._paired_at = state.copy()
        skin, other = self.skin, self.other
        x = skin.places(state)
        corners = other.corners + state[other.unknowns[:, :3]]
        flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        flat *= other.sense[:, None]
        smooth = (self._smoothing @ flat).reshape(-1, 3, 3)
        smooth /= np.maximum(np.linalg.norm(smooth, axis=2, keepdims=True), 1e-300)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
        own = skin.corners + state[skin.unknowns[:, :3]]
        outward = np.cross(own[:, 1] - own[:, 0], own[:, 2] - own[:, 0]) * skin.sense[:, None]
        outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-300)

        centroids = corners.mean(axis=1)
        widest = np.linalg.norm(corners - centroids[:, None], axis=2).max()
        reach = widest + self._reach_mm
        low, high = centroids.min(axis=0) - reach, centroids.max(axis=0) + reach
        near = np.flatnonzero(((x > low) & (x < high)).all(axis=2).any(axis=1))
        places = x[near].reshape(-1, 3)
        k = min(CANDIDATES, len(centroids))
        _, found = cKDTree(centroids).query(places, k=k, distance_upper_bound=reach)
        found = found.reshape(len(places), k)
        facing = np.repeat(outward[near], x.shape[1], axis=0)
        which, weights, distance = _closest(places, facing, found, corners, flat, FACING)
        hit = np.flatnonzero((which >= 0) & (distance < self._reach_mm))
        hit = hit[~self._behind[near].ravel()[hit]]
        triangle, point = near[hit // x.shape[1]], hit % x.shape[1]
        which, weights = which[hit], weights[hit]
        normal = np.einsum("nc,ncd->nd", weights, smooth[which])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
        y_rest = np.einsum("nc,ncd->nd", weights, other.corners[which])
        self._pairs = _Pairs(triangle, point, which, _shape(weights, other.shape.shape[2]), y_rest, normal)

    def _touching(self, state: Array) -> tuple[_Pairs, Array, Array, Array]:
        """The pairs, their pressures, gaps and penalties."""
        pairs = self._now(state)
        at = pairs.triangle, pairs.point
        x = self.skin.rest[at] + np.einsum("nk,nkd->nd", self.skin.shape[at], state[self.skin.unknowns[pairs.triangle]])
        y = pairs.y_rest + np.einsum("nk,nkd->nd", pairs.shape, state[self.other.unknowns[pairs.other]])
        gap = np.einsum("nd,nd->n", pairs.normal, x - y) + (1 - self._load) * self.relief_mm[at]
        penalty = self.penalty[pairs.triangle, 0]
        return pairs, np.maximum(self.multiplier[at] - penalty * gap, 0.0), gap, penalty

    def relieve(self, state: Array) -> tuple[float, Array]:
        """Take the overlap of every point now as none, and let it come back along the load; the largest, and where."""
        reach, self._reach_mm = self._reach_mm, 2 * self._reach_mm
        self.pair(state)
        pairs, _, gap, _ = self._touching(state)
        through = -gap > DEEPER * self._overlap_mm + THROUGH * self.skin.length[pairs.triangle]
        self._behind[pairs.triangle[through], pairs.point[through]] = True
        self._reach_mm = reach
        self.pair(state)
        pairs, _, gap, _ = self._touching(state)
        if not len(gap):
            return 0.0, np.zeros(3)
        self.relief_mm[pairs.triangle, pairs.point] = np.maximum(-gap, 0.0)
        deepest = int(gap.argmin())
        return max(-float(gap[deepest]), 0.0), self.skin.rest[pairs.triangle[deepest], pairs.point[deepest]]

    # -- as a term of the equilibrium -------------------------------------------------------------------------------

    def set_load(self, fraction: float) -> None:
        """Let an overlap at rest grow to its size."""
        self._load = fraction

    def add_residual(self, state: Array, b: Array) -> None:
        """Add minus the contact forces on both bodies to the out-of-balance forces ``b``."""
        pairs, pressure, _, _ = self._touching(state)
        force = (pressure * self.skin.weight[pairs.triangle, pairs.point])[:, None] * pairs.normal
        np.subtract.at(
            b,
            self.skin.unknowns[pairs.triangle],
            self.skin.shape[pairs.triangle, pairs.point][:, :, None] * force[:, None],
        )
        np.add.at(b, self.other.unknowns[pairs.other], pairs.shape[:, :, None] * force[:, None])

    def add_tangent(self, state: Array, matrix: PETSc.Mat, free: NDArray[np.bool_]) -> None:
        """Add the derivative of :meth:`add_residual` with the pairs as they are."""
        pairs, pressure, gap, penalty = self._touching(state)
        on = np.flatnonzero((pressure > 0) | (gap < SOON * self.skin.length[pairs.triangle]))
        if not len(on):
            return
        triangle, point, other = pairs.triangle[on], pairs.point[on], pairs.other[on]
        shape = np.concatenate([self.skin.shape[triangle, point], -pairs.shape[on]], axis=1)
        unknowns = np.concatenate([self.skin.unknowns[triangle], self.other.unknowns[other]], axis=1).reshape(
            len(on), -1
        )
        values = (shape[:, :, None] * pairs.normal[on][:, None]).reshape(len(on), -1) * free[unknowns]
        row = np.repeat(np.arange(len(on)), unknowns.shape[1])
        gaps = csr_array((values.ravel(), (row, unknowns.ravel())), shape=(len(on), len(free)))  # g as rows
        weight = self.skin.weight[triangle, point] * penalty[on] * np.where(pressure[on] > 0, 1.0, NOTHING)
        coupling = csr_array(gaps.T @ gaps.multiply(weight[:, None]))
        coupling.sort_indices()
        self._add(matrix, coupling)

    def _add(self, matrix: PETSc.Mat, coupling: Any) -> None:
        """Add a matrix to the tangent, with new entries only where there were none: they cost a new factorisation."""
        index = PETSc.IntType
        rows = np.repeat(np.arange(coupling.shape[0]), np.diff(coupling.indptr))
        entries = rows * np.int64(coupling.shape[1]) + coupling.indices
        csr = coupling.indptr.astype(index), coupling.indices.astype(index), coupling.data
        if np.isin(entries, self._entries, assume_unique=True).all():
            matrix.setValuesIJV(*csr, addv=PETSc.InsertMode.ADD)
            return
        self._entries = np.union1d(self._entries, entries)
        matrix.assemble()
        addition = PETSc.Mat().createAIJ(matrix.getSizes(), csr=csr, comm=matrix.getComm())
        matrix.axpy(1.0, addition, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
        addition.destroy()

    def augment(self, state: Array, comm: MPI.Comm) -> bool:
        """Take the pressures as multipliers where penetration is too large; says whether it was."""
        loose = self.penetration(state, comm)[1] > LOOSE
        if loose:
            pairs, pressure, _, _ = self._touching(state)
            self.multiplier[:] = 0.0
            self.multiplier[pairs.triangle, pairs.point] = pressure
            self.augmentations += 1
        return loose

    # -- what people ask for ----------------------------------------------------------------------------------------

    def forces(self, state: Array, comm: MPI.Comm) -> dict[str, Array]:
        """Force (3,) in g mm/s² that the neighbour exerts on the organ."""
        pairs, pressure, _, _ = self._touching(state)
        weight = pressure * self.skin.weight[pairs.triangle, pairs.point]
        return {self.name: np.asarray(comm.allreduce(weight @ pairs.normal))}

    def pressures(self, state: Array) -> Array:
        """Contact pressure (m, q) at the points of the skin (Pa)."""
        pairs, pressure, _, _ = self._touching(state)
        total = np.zeros(self.skin.weight.shape)
        total[pairs.triangle, pairs.point] = pressure
        return total

    def penetration(self, state: Array, comm: MPI.Comm) -> tuple[float, float]:
        """Largest depth in mm, and relative to the length of its triangle."""
        pairs, pressure, gap, _ = self._touching(state)
        off = np.where(pressure > 0, np.abs(gap), 0.0)
        relative = off / self.skin.length[pairs.triangle]
        return (
            comm.allreduce(float(off.max(initial=0.0)), op=MPI.MAX),
            comm.allreduce(float(relative.max(initial=0.0)), op=MPI.MAX),
        )


def _smoothing(skin: Skin) -> Any:
    """Matrix (3 m, m): every corner of a triangle takes the normals of the triangles there that lie smoothly beside it."""
    corners = skin.corners
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) * skin.sense[:, None]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    m = len(corners)
    _, vertex = np.unique(skin.unknowns[:, :3, 0], return_inverse=True)
    corner_at = coo_array((np.ones(3 * m), (np.arange(3 * m), vertex.ravel()))).tocsr()
    triangle_at = coo_array((np.ones(3 * m), (vertex.ravel(), np.repeat(np.arange(m), 3)))).tocsr()
    beside = (corner_at @ triangle_at).tocoo()
    corner, triangle = beside.coords
    smooth = np.einsum("nd,nd->n", normal[corner // 3], normal[triangle]) > CREASE
    return coo_array((np.ones(smooth.sum()), (corner[smooth], triangle[smooth])), shape=(3 * m, m)).tocsr()


def _shape(weights: Array, nodes: int) -> Array:
    """Shape functions (n, nodes) of a triangle of 3 or 6 nodes at barycentric coordinates (n, 3)."""
    if nodes == 3:
        return weights
    a, b, c = weights.T
    return np.stack([a * (2 * a - 1), b * (2 * b - 1), c * (2 * c - 1), 4 * b * c, 4 * a * c, 4 * a * b], axis=1)


@njit(cache=True)
def _closest(places, facing, found, corners, normals, limit):  # type: ignore[no-untyped-def]
    """Of each place: the closest of the triangles ``found`` that it faces (-1 for none), the barycentric coordinates of the
    closest place there, and the distance (Ericson 2005, Real-Time Collision Detection, section 5.1.5)."""
    n, m = len(places), len(corners)
    which = np.full(n, -1)
    weights = np.zeros((n, 3))
    distance = np.full(n, np.inf)
    for i in range(n):
        for t in found[i]:
            if t >= m or facing[i] @ normals[t] > limit:
                continue
            a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
            u, v, w = _on_triangle(places[i], a, b, c)
            away = places[i] - (u * a + v * b + w * c)
            d = np.sqrt(away @ away)
            if d < distance[i]:
                distance[i], which[i] = d, t
                weights[i, 0], weights[i, 1], weights[i, 2] = u, v, w
    return which, weights, distance


@njit(cache=True)
def _on_triangle(p, a, b, c):  # type: ignore[no-untyped-def]
    """Barycentric coordinates of the place of a triangle that is closest to ``p``."""
    ab, ac, ap = b - a, c - a, p - a
    d1, d2 = ab @ ap, ac @ ap
    if d1 <= 0 and d2 <= 0:
        return 1.0, 0.0, 0.0
    bp = p - b
    d3, d4 = ab @ bp, ac @ bp
    if d3 >= 0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / (d1 - d3)
        return 1 - v, v, 0.0
    cp = p - c
    d5, d6 = ab @ cp, ac @ cp
    if d6 >= 0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / (d2 - d6)
        return 1 - w, 0.0, w
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 0.0, 1 - w, w
    v, w = vb / (va + vb + vc), vc / (va + vb + vc)
    return 1 - v - w, v, w
