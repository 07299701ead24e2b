"""Contact without friction between the skin of a body and obstacles, as one more term of the equilibrium.

Where a point of the skin would be inside an obstacle, by the gap g < 0, the pressure p = ⟨λ − ε g⟩₊ pushes it out. With
λ = 0 this is the penalty method; where its penetration is too large, λ is replaced by p and equilibrium found again
(augmented Lagrangian, Uzawa: Simo and Laursen 1992). The points are quadrature points of the boundary triangles, so that
a tool finds the skin between the nodes as well. Residual and tangent are those of the energy Σ w ⟨λ − ε g⟩₊² / 2ε; since
an obstacle gives the curvature of its gap too, the tangent is exact.

A triangle couples only unknowns that its tetrahedron couples already: the contact fits into the matrix as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from organtwin_solvers.fem.backend import MPI, PETSc, basix, fem

Array = NDArray[np.float64]

STIFFNESS = 50.0  # penalty, in plane-strain moduli per length of a triangle
DENSITY = 2  # degree of a quadrature rule with points a side of the triangle apart
MOST = 14  # degree: 42 points
LOOSE = 0.01  # of a triangle's length: larger penetration is worked off
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


@dataclass(frozen=True)
class Gap:
    """Of places: signed distance (n,) to an obstacle in mm, its gradient (n, 3) and its second derivative (n, 3, 3)."""

    distance: Array
    normal: Array
    curvature: Array


class Obstacle(Protocol):
    """Something rigid that tissue cannot enter."""

    name: str

    def move(self, fraction: float) -> None:
        """Stand where it stands at that load fraction."""

    def gap(self, x: Array) -> Gap:
        """Signed distance of places (n, 3)."""


class Skin:
    """Quadrature points of boundary triangles that follow the displacement of a body.

    Parameters
    ----------
    space : dolfinx.fem.FunctionSpace
        Of the displacement, linear or quadratic.
    unknowns : (n,) int32
        Place of every displacement unknown among those of the problem.
    facets : (m,) int32
        Exterior facets on this rank.
    apart_mm : float
        How far apart the points may be, so that nothing of that size slips between them.
    """

    def __init__(
        self, space: Any, unknowns: NDArray[np.int32], facets: NDArray[np.int32], apart_mm: float = np.inf
    ) -> None:
        domain, degree = space.mesh, space.element.basix_element.degree
        pairs = fem.compute_integration_domains(fem.IntegralType.exterior_facet, domain.topology, np.sort(facets))
        cells, local = np.asarray(pairs).reshape(-1, 2).T
        element = basix.create_element(
            basix.ElementFamily.P, basix.CellType.tetrahedron, degree, basix.LagrangeVariant.gll_warped
        )
        geometry, dofmap = domain.geometry.x[domain.geometry.dofmaps[0]], np.asarray(space.dofmap.list)
        corners = geometry[cells]
        longest = max(
            (np.linalg.norm(corners[:, a] - corners[:, b], axis=1).max() for a in range(4) for b in range(a)), default=0
        )
        dense = int(np.ceil(DENSITY * space.mesh.comm.allreduce(longest, op=MPI.MAX) / apart_mm))
        rule, weight = basix.make_quadrature(basix.CellType.triangle, int(np.clip(dense, 2 * degree, MOST)))
        sides = basix.topology(basix.CellType.tetrahedron)[2]
        rest, nodes, values, area, of, triangles, sense = [], [], [], [], [], [], []
        for side, corners in enumerate(sides):
            own = cells[local == side]
            of.append(own)
            a, b, c = CORNERS[corners]
            inside = a + rule[:, :1] * (b - a) + rule[:, 1:] * (c - a)
            closure = element.entity_closure_dofs[2][side]
            shape = element.tabulate(0, inside)[0, :, :, 0][:, closure]
            p, q, r = (geometry[own][:, corner] for corner in corners)
            rest.append(p[:, None] + rule[:, :1] * (q - p)[:, None] + rule[:, 1:] * (r - p)[:, None])
            nodes.append(dofmap[own][:, closure])
            values.append(np.broadcast_to(shape, (len(own), *shape.shape)))
            across = np.cross(q - p, r - p)
            area.append(np.linalg.norm(across, axis=1) / 2)
            triangles.append(np.stack([p, q, r], axis=1))
            sense.append(np.sign(np.einsum("md,md->m", across, p - geometry[own].mean(axis=1))))
        self.rest = np.concatenate(rest)  # (m, q, 3)
        self.shape = np.concatenate(values)  # (m, q, k)
        self.corners = np.concatenate(triangles)  # (m, 3, 3), at rest
        self.sense = np.concatenate(sense)  # (m,), 1 where the corners go round outwards, -1 where inwards
        areas = np.concatenate(area)
        self.length = np.sqrt(2 * areas)  # (m,)
        self.weight = 2 * areas[:, None] * weight  # (m, q); the rule's own weights add up to 1/2
        self.cells = np.concatenate(of)  # (m,)
        blocks = np.concatenate(nodes)
        self.unknowns = unknowns[3 * blocks[:, :, None] + np.arange(3)]  # (m, k, 3)

    def __len__(self) -> int:
        return len(self.rest)

    def only(self, keep: NDArray[np.bool_]) -> Skin:
        """Those of its triangles."""
        part = copy.copy(self)
        for name, values in vars(self).items():
            setattr(part, name, values[keep])
        return part

    def places(self, state: Array) -> Array:
        """Where the points (m, q, 3) are now."""
        return np.asarray(self.rest + np.einsum("mqk,mkd->mqd", self.shape, state[self.unknowns]))


class Contact:
    """Contact of a skin with several obstacles.

    Parameters
    ----------
    skin : Skin
    obstacles : sequence of Obstacle
    modulus_pa : float or (m,) array
        Of the tissue, E / (1 − ν²).
    relief_mm : sequence of float
        By how much each obstacle overlaps the body at rest: it grows to its full size along the load.
    """

    def __init__(
        self, skin: Skin, obstacles: Sequence[Obstacle], modulus_pa: float | Array, relief_mm: Sequence[float] = ()
    ) -> None:
        self.skin, self.obstacles = skin, tuple(obstacles)
        self.penalty = (STIFFNESS * modulus_pa / skin.length)[:, None]  # (m, 1) Pa/mm
        self.relief_mm = np.array(relief_mm or [0.0] * len(self.obstacles))
        self.multiplier = np.zeros((len(self.obstacles), *skin.weight.shape))
        self.augmentations = 0
        self._load = 0.0

    def set_load(self, fraction: float) -> None:
        """Move the obstacles to where they are at that load fraction."""
        self._load = fraction
        for obstacle in self.obstacles:
            obstacle.move(fraction)

    def _touching(self, state: Array) -> Any:
        """Of every obstacle that touches: its number, the triangles, and there pressures, gaps and penalties."""
        x = self.skin.places(state)
        for k, obstacle in enumerate(self.obstacles):
            gap = obstacle.gap(x.reshape(-1, 3))
            distance = gap.distance.reshape(x.shape[:2]) + (1 - self._load) * self.relief_mm[k]
            pressure = np.maximum(self.multiplier[k] - self.penalty * distance, 0.0)
            on = np.flatnonzero(pressure.any(axis=1))
            normal = gap.normal.reshape(x.shape)[on]
            yield k, on, pressure[on], distance, normal, gap.curvature.reshape(*x.shape, 3)[on]

    def add_residual(self, state: Array, b: Array) -> None:
        """Add minus the contact forces to the out-of-balance forces ``b``."""
        for _, on, pressure, _, normal, _ in self._touching(state):
            force = np.einsum("mq,mqd,mqk->mkd", -pressure * self.skin.weight[on], normal, self.skin.shape[on])
            np.add.at(b, self.skin.unknowns[on], force)

    def add_tangent(self, state: Array, matrix: PETSc.Mat, free: NDArray[np.bool_]) -> None:
        """Add the derivative of :meth:`add_residual` by the state; rows and columns that are not ``free`` stay as they are."""
        for _, on, pressure, _, normal, curvature in self._touching(state):
            if not len(on):
                continue
            stiff = np.where(pressure > 0, self.penalty[on], 0.0)[..., None, None] * (
                normal[..., :, None] * normal[..., None, :]
            )
            stiff -= pressure[..., None, None] * curvature
            stiff *= self.skin.weight[on][..., None, None]
            shape = self.skin.shape[on]
            blocks = np.einsum("mqij,mqa,mqb->maibj", stiff, shape, shape, optimize=True)
            unknowns = self.skin.unknowns[on].reshape(len(on), -1)
            add_blocks(matrix, unknowns, blocks.reshape(len(on), unknowns.shape[1], -1), free)

    def forces(self, state: Array, comm: MPI.Comm) -> dict[str, Array]:
        """Force (3,) in g mm/s² that each obstacle exerts on the body."""
        total = np.zeros((len(self.obstacles), 3))
        for k, on, pressure, _, normal, _ in self._touching(state):
            total[k] = np.einsum("mq,mqd->d", pressure * self.skin.weight[on], normal)
        total = comm.allreduce(total)
        return {obstacle.name: total[k] for k, obstacle in enumerate(self.obstacles)}

    def pressures(self, state: Array) -> Array:
        """Contact pressure (m, q) at the points of the skin, of all obstacles together (Pa)."""
        total = np.zeros(self.skin.weight.shape)
        for _, on, pressure, *_ in self._touching(state):
            total[on] += pressure
        return total

    def penetration(self, state: Array, comm: MPI.Comm) -> tuple[float, float]:
        """Largest depth in mm, and relative to the length of its triangle."""
        deepest, relative = 0.0, 0.0
        for _, on, pressure, distance, _, _ in self._touching(state):
            off = np.where(pressure > 0, np.abs(distance[on]), 0.0)  # a multiplier too large holds it off instead
            deepest = max(deepest, float(off.max(initial=0.0)))
            relative = max(relative, float((off / self.skin.length[on, None]).max(initial=0.0)))
        return comm.allreduce(deepest, op=MPI.MAX), comm.allreduce(relative, op=MPI.MAX)

    def augment(self, state: Array, comm: MPI.Comm) -> bool:
        """Take the pressures as multipliers where penetration is too large; says whether it was."""
        loose = self.penetration(state, comm)[1] > LOOSE
        if loose:
            for k, on, pressure, *_ in self._touching(state):
                self.multiplier[k] = 0.0
                self.multiplier[k][on] = pressure
            self.augmentations += 1
        return loose


def add_blocks(matrix: PETSc.Mat, unknowns: NDArray[np.int32], blocks: Array, free: NDArray[np.bool_]) -> None:
    """Add dense blocks (m, k, k) at local ``unknowns`` (m, k), less what belongs to held ones."""
    keep = free[unknowns]
    keep = keep[:, :, None] & keep[:, None, :]
    rows, columns = (np.broadcast_to(u, blocks.shape)[keep] for u in (unknowns[:, :, None], unknowns[:, None, :]))
    if not len(rows):
        return
    used, row = np.unique(rows, return_inverse=True)
    sparse = coo_array((blocks[keep], (row, columns)), shape=(len(used), int(columns.max()) + 1)).tocsr()
    index = PETSc.IntType
    matrix.setValuesLocalIJV(
        sparse.indptr.astype(index),
        sparse.indices.astype(index),
        sparse.data,
        addv=PETSc.InsertMode.ADD,
        rowmap=used.astype(index),
    )
