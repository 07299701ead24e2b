"""Whether blood can be solved for in a mesh at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from organtwin.mesh.crossings import crossing_triangles
from organtwin.mesh.quality import boundary, volumes
from organtwin.model import OrganMesh
from organtwin_solvers.flow.setup.finding import Finding


def check_mesh(organ: OrganMesh) -> list[Finding]:
    """Whether the mesh encloses one piece of space: closed, outward, nowhere through itself, no cell inside out."""
    found = []
    points, tets, triangles = organ.points_mm, organ.tets, organ.boundary_triangles

    def say(sentence: str, remedy: str, bad: NDArray[np.integer] | None = None) -> None:
        corners = points[triangles[bad[:50]]].mean(axis=1) if bad is not None and len(bad) else ()
        found.append(Finding("error", sentence, remedy, places_mm=tuple(tuple(map(float, c)) for c in corners)))

    if not np.isfinite(points).all():
        say("The mesh has points that are no numbers", "Mesh the structure again.")
        return found
    inverted = int(np.count_nonzero(volumes(points, tets) <= 0.0))
    if inverted:
        say(f"{inverted} of {len(tets)} tetrahedra are flat or inside out", "Mesh the structure again.")
    edges = np.asarray(triangles)[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    code = edges[:, 0] * len(points) + edges[:, 1]
    back = edges[:, 1] * len(points) + edges[:, 0]
    single = ~np.isin(code, back)
    if single.any():
        say(
            f"The surface of the mesh is open: {int(single.sum())} edges belong to one triangle only",
            "Repair the surface, close its holes, and mesh again.",
            np.flatnonzero(single) // 3,
        )
    elif len(np.unique(code)) < len(code):
        say("The surface of the mesh touches itself along edges", "Repair the surface and mesh again.")
    elif not inverted and _keys(boundary(tets)) != _keys(triangles):
        say("The named faces are not the outside of the tetrahedra", "Mesh the structure again.")
    crossing = crossing_triangles(points, triangles)
    if len(crossing):
        say(
            f"The surface of the mesh cuts through itself in {len(crossing)} triangles",
            "Repair the surface and mesh again.",
            crossing,
        )
    pieces = _pieces(organ)
    if pieces > 1:
        say(f"The mesh is of {pieces} separate pieces", "Keep the one with the openings, and mesh again.")
    return found


def _keys(triangles: NDArray[np.integer]) -> set[tuple[int, int, int]]:
    return set(map(tuple, np.sort(triangles, axis=1).tolist()))


def _pieces(organ: OrganMesh) -> int:
    tets = np.asarray(organ.tets)
    used = np.unique(tets)
    pairs = tets[:, [0, 1, 1, 2, 2, 3]].reshape(-1, 2)
    size = len(organ.points_mm)
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    return len(np.unique(label[used]))
