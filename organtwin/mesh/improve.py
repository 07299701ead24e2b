"""Better tetrahedra inside an unchanged boundary (Mmg, LGPL, in a process of its own)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.mesh import child, quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.meshers import Tetrahedra

GOOD_DIHEDRAL_DEG = 10.0


def improved(mesh: Tetrahedra, beat: Callable[[], None] = lambda: None, timeout_s: float = 120.0) -> Tetrahedra:
    """The mesh, its tetrahedra swapped and moved about where some are flat; as it was where that is no gain."""
    before = float(quality.dihedral_angles_deg(mesh.points, mesh.tets).min())
    if before >= GOOD_DIHEDRAL_DEG:
        return mesh
    shell = quality.boundary(mesh.tets)
    try:
        made = child.call(
            "organtwin.mesh.improve:_mmg", {"points": mesh.points, "tets": mesh.tets, "shell": shell}, beat, timeout_s
        )
    except child.ChildFailed:
        return mesh
    points, tets, _ = tri.compact(made["points"], quality.oriented(made["points"], made["tets"]))
    same = len(quality.boundary(tets)) == len(shell) and np.isclose(
        quality.volumes(points, tets).sum(), quality.volumes(mesh.points, mesh.tets).sum(), rtol=1e-6
    )
    if (
        not same
        or quality.volumes(points, tets).min() <= 0
        or quality.dihedral_angles_deg(points, tets).min() <= before
    ):
        return mesh
    return replace(mesh, points=points, tets=tets)


def _mmg(points: NDArray[Any], tets: NDArray[Any], shell: NDArray[Any]) -> dict[str, NDArray[Any]]:
    import mmgpy

    mesh = mmgpy.MmgMesh3D()
    mesh.set_mesh_size(vertices=len(points), tetrahedra=len(tets), triangles=len(shell))
    mesh.set_vertices(points)
    mesh.set_tetrahedra(tets.astype(np.int32))
    mesh.set_triangles(shell.astype(np.int32), np.ones(len(shell), np.int32))
    mesh.remesh(optim=1, nosurf=1, angle=0, verbose=-1)
    return {"points": mesh.get_vertices(), "tets": np.asarray(mesh.get_tetrahedra())}
