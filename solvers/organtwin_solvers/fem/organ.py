"""An OrganMesh as a DOLFINx mesh, and the way back to its own point order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin_solvers.fem.backend import MPI, basix, create_mesh, dmesh, fem, ufl


@dataclass(frozen=True)
class FemMesh:
    """A DOLFINx mesh of tetrahedra that remembers the OrganMesh it was made of.

    Attributes
    ----------
    mesh : dolfinx.mesh.Mesh
        Linear tetrahedra, coordinates in mm. DOLFINx numbers points and cells in its own way.
    facet_tags : dolfinx.mesh.MeshTags
        Every exterior facet with its tag of ``OrganMesh.boundary_tags``.
    boundaries : dict of str to int
        Names of the tags.
    organ : OrganMesh
        Whole, on every rank.
    point_of_node : (local nodes,) int64
        OrganMesh point of each local geometry node (owned nodes first, then ghosts).
    cell_of_cell : (local cells,) int64
        OrganMesh tetrahedron of each local DOLFINx cell.
    """

    mesh: dmesh.Mesh
    facet_tags: dmesh.MeshTags
    boundaries: dict[str, int]
    organ: OrganMesh
    point_of_node: NDArray[np.int64]
    cell_of_cell: NDArray[np.int64]

    @property
    def n_points(self) -> int:
        return len(self.organ.points_mm)

    @property
    def comm(self) -> MPI.Comm:
        return self.mesh.comm

    def facets(self, *names: str) -> NDArray[np.int32]:
        """Local facets of the named boundaries.

        Raises
        ------
        BadInput
            When there is no boundary of that name.
        """
        return np.unique(np.concatenate([self.facet_tags.find(self.tag(name)) for name in names]).astype(np.int32))

    def tag(self, name: str) -> int:
        if name not in self.boundaries:
            raise BadInput(f"The mesh has no boundary '{name}'", remedy=f"It has: {', '.join(self.boundaries)}.")
        return self.boundaries[name]

    def point_of_dof(self, space: fem.FunctionSpace) -> NDArray[np.int64]:
        """OrganMesh point of each local degree of freedom of a linear Lagrange space (of each block, for a vector space).

        A quadratic space has more degrees of freedom than points: those at mid-edges map to -1.
        """
        imap = space.dofmap.index_map
        points = np.full(imap.size_local + imap.num_ghosts, -1, np.int64)
        vertices = self.mesh.geometry.dofmaps[0]  # (cells, 4); vertex dofs come first in a Lagrange cell
        points[np.asarray(space.dofmap.list)[:, :4]] = self.point_of_node[vertices]
        return points

    def to_points(self, function: fem.Function) -> NDArray[np.float64]:
        """Values of a linear (or quadratic: its vertex values) function in the OrganMesh's point order, on every rank.

        Returns
        -------
        (n_points,) or (n_points, components) float64
            Points that no tetrahedron uses have zero.
        """
        return self.gather(function.function_space, function.x.array)

    def gather(self, space: fem.FunctionSpace, array: NDArray[np.floating]) -> NDArray[np.float64]:
        """:meth:`to_points` for the bare coefficient array of ``space`` (its owned part is enough)."""
        size, block = space.dofmap.index_map.size_local, space.dofmap.index_map_bs
        points = self.point_of_dof(space)[:size]
        values = np.zeros((self.n_points, block))
        at_vertex = points >= 0
        values[points[at_vertex]] = np.asarray(array)[: size * block].reshape(size, block)[at_vertex]
        if self.comm.size > 1:
            self.comm.Allreduce(MPI.IN_PLACE, values)
        return values[:, 0] if block == 1 else values

    def from_points(self, space: fem.FunctionSpace, values: NDArray[np.floating]) -> fem.Function:
        """The linear function with these values (n_points,) or (n_points, components) at the OrganMesh's points."""
        function = fem.Function(space)
        block = space.dofmap.index_map_bs
        function.x.array.reshape(-1, block)[:] = np.asarray(values).reshape(self.n_points, block)[
            self.point_of_dof(space)
        ]
        return function

    def measure(self, *, degree: int | None = None) -> tuple[ufl.Measure, ufl.Measure]:
        """Volume and (tagged) surface measures, of a fixed quadrature degree when one is given."""
        metadata = {} if degree is None else {"quadrature_degree": degree}
        return (
            ufl.Measure("dx", domain=self.mesh, metadata=metadata),
            ufl.Measure("ds", domain=self.mesh, subdomain_data=self.facet_tags, metadata=metadata),
        )


def fem_mesh(organ: OrganMesh, comm: MPI.Comm = MPI.COMM_WORLD) -> FemMesh:
    """Build the DOLFINx mesh of an OrganMesh.

    Parameters
    ----------
    organ : OrganMesh
        The same on every rank of ``comm``.
    comm : MPI communicator
        The ranks that share the mesh.

    Raises
    ------
    BadInput
        When the mesh has no tetrahedra, or a part of its boundary has no name.
    """
    points, tets = np.asarray(organ.points_mm, np.float64), np.asarray(organ.tets, np.int64)
    if not len(tets):
        raise BadInput(f"The mesh '{organ.name}' has no tetrahedra", remedy="Mesh the structure again.")
    root = comm.rank == 0
    mesh = create_mesh(
        comm,
        tets if root else np.empty((0, 4), np.int64),
        basix.ufl.element("Lagrange", "tetrahedron", 1, shape=(3,)),
        points if root else np.empty((0, 3)),
    )
    point_of_node = np.asarray(mesh.geometry.input_global_indices, np.int64)
    return FemMesh(
        mesh=mesh,
        facet_tags=_tag_facets(mesh, point_of_node, organ),
        boundaries=dict(organ.boundaries),
        organ=organ,
        point_of_node=point_of_node,
        cell_of_cell=np.asarray(mesh.topology.original_cell_index, np.int64),
    )


def _tag_facets(mesh: dmesh.Mesh, point_of_node: NDArray[np.int64], organ: OrganMesh) -> dmesh.MeshTags:
    mesh.topology.create_entities(2)
    mesh.topology.create_connectivity(2, 3)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    corners = point_of_node[dmesh.entities_to_geometry(mesh, 2, facets).reshape(-1, 3)]
    given = _keys(np.asarray(organ.boundary_triangles, np.int64), len(organ.points_mm))
    order = np.argsort(given)
    wanted = _keys(corners, len(organ.points_mm))
    at = np.minimum(np.searchsorted(given, wanted, sorter=order), max(len(given) - 1, 0))
    found = given[order[at]] == wanted if len(given) else np.zeros(len(wanted), bool)
    missing = mesh.comm.allreduce(int(np.count_nonzero(~found)))
    if missing:
        raise BadInput(
            f"{missing} outer faces of the mesh '{organ.name}' belong to no named boundary",
            remedy="Mesh the structure again.",
        )
    return dmesh.meshtags(mesh, 2, facets, np.asarray(organ.boundary_tags, np.int32)[order[at]])


def _keys(triangles: NDArray[np.int64], n_points: int) -> NDArray[np.int64]:
    """One number per triangle, whatever the order of its corners (n_points < 2e6 keeps it in 63 bits)."""
    a, b, c = np.sort(triangles, axis=1).T
    return (a * n_points + b) * n_points + c
