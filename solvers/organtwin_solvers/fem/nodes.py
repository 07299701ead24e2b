"""Nodes shared out over the ranks, each rank with every tetrahedron around its own nodes.

DOLFINx decides who owns which node. With all tetrahedra around them at hand, a rank assembles its rows of a matrix and its part
of a vector alone; only values at the nodes of its neighbours (ghosts) travel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import MPI, dolfinx, fem
from organtwin_solvers.fem.organ import FemMesh

GHOST_TAG = 1202


@dataclass(frozen=True)
class Nodes:
    """Nodes of linear tetrahedra on this rank: the owned ones first, then ghosts.

    Attributes
    ----------
    owned : int
        Number of nodes that this rank owns.
    first : int
        Global number of the first of them; they are consecutive.
    points : (n,) int64
        OrganMesh point of each node.
    numbers : (n,) int64
        Global number of each node.
    cells : (m, 4) int32
        Every tetrahedron with an owned node, sorted for locality.
    """

    comm: MPI.Comm
    owned: int
    first: int
    points: NDArray[np.int64]
    numbers: NDArray[np.int64]
    owners: NDArray[np.int32]
    cells: NDArray[np.int32]
    n_points: int

    @cached_property
    def local_of_point(self) -> NDArray[np.int32]:
        """Node of each OrganMesh point, -1 where it is not on this rank."""
        local = np.full(self.n_points, -1, np.int32)
        local[self.points] = np.arange(len(self.points), dtype=np.int32)
        return local

    @cached_property
    def _map(self) -> dolfinx.common.IndexMap:
        ghosts = self.numbers[self.owned :]
        return dolfinx.common.IndexMap(self.comm, self.owned, ghosts, self.owners[self.owned :], GHOST_TAG)

    @cached_property
    def _buffers(self) -> dict[int, dolfinx.la.Vector]:
        return {}

    def share(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """``values`` (n,) or (n, k) with those of the ghosts fetched from their owners, in place."""
        if self.comm.size == 1:
            return values
        width = 1 if values.ndim == 1 else values.shape[1]
        if width not in self._buffers:
            self._buffers[width] = dolfinx.la.vector(self._map, width)
        buffer = self._buffers[width]
        buffer.array[: self.owned * width] = values[: self.owned].ravel()
        buffer.scatter_forward()
        values[self.owned :] = buffer.array[self.owned * width :].reshape(values[self.owned :].shape)
        return values

    def with_ghosts(self, owned: NDArray[np.float64]) -> NDArray[np.float64]:
        """A copy of owned values (owned,) or (owned, k) with room for the ghosts, filled."""
        values = np.empty((len(self.points), *owned.shape[1:]))
        values[: self.owned] = owned
        return self.share(values)

    def facets(self, triangles: NDArray[np.integer]) -> NDArray[np.int32]:
        """Those of the OrganMesh's triangles that touch an owned node, by local nodes."""
        local = self.local_of_point[triangles]
        touching = ((local >= 0) & (local < self.owned)).any(axis=1)
        return np.ascontiguousarray(local[touching])

    def to_points(self, owned: NDArray[np.float64]) -> NDArray[np.float64]:
        """Owned values (owned,) or (owned, k) in the OrganMesh's point order, on every rank."""
        values = np.zeros((self.n_points, *owned.shape[1:]))
        values[self.points[: self.owned]] = owned
        if self.comm.size > 1:
            self.comm.Allreduce(MPI.IN_PLACE, values)
        return values

    def from_points(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Owned part of values in the OrganMesh's point order."""
        return np.ascontiguousarray(values[self.points[: self.owned]])

    def sum(self, value: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
        """Sum over the ranks."""
        return value if self.comm.size == 1 else self.comm.allreduce(value)

    def max(self, value: float) -> float:
        return value if self.comm.size == 1 else self.comm.allreduce(value, op=MPI.MAX)


def nodes_of(mesh: FemMesh) -> Nodes:
    """The nodes of a FemMesh, owned as DOLFINx's linear elements on it are."""
    space = fem.functionspace(mesh.mesh, ("Lagrange", 1))
    comm, owned = mesh.comm, space.dofmap.index_map.size_local
    mine = mesh.point_of_dof(space)[:owned]
    every = comm.allgather(mine) if comm.size > 1 else [mine]
    number, owner = np.full(mesh.n_points, -1, np.int64), np.full(mesh.n_points, -1, np.int32)
    start = 0
    for rank, theirs in enumerate(every):
        number[theirs] = start + np.arange(len(theirs))
        owner[theirs] = rank
        start += len(theirs)
    tets = np.asarray(mesh.organ.tets)
    tets = tets[(owner[tets] == comm.rank).any(axis=1)] if comm.size > 1 else tets
    used = np.unique(tets)
    ghosts = used[owner[used] != comm.rank]
    ghosts = ghosts[np.argsort(number[ghosts])]  # by owner, then by number
    points = np.concatenate([mine, ghosts])
    local = np.full(mesh.n_points, -1, np.int32)
    local[points] = np.arange(len(points), dtype=np.int32)
    cells = local[tets]
    cells = np.ascontiguousarray(cells[np.lexsort((cells.max(axis=1), cells.min(axis=1)))])
    return Nodes(
        comm, owned, sum(map(len, every[: comm.rank])), points, number[points], owner[points], cells, mesh.n_points
    )
