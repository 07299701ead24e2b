"""New triangles for a part of a surface whose border stays (Mmg, LGPL, in a process of its own)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import SolveFailed
from organtwin.mesh import child
from organtwin.mesh import triangles as tri
from organtwin.mesh.remesh import tag_edges


def patched(
    points: tri.Points,
    patch: tri.Triangles,
    tags: NDArray[np.int16],
    sizes: NDArray[np.float64],
    beat: Callable[[], None] = lambda: None,
) -> tuple[tri.Points, tri.Triangles, NDArray[np.int16]]:
    """New triangles of wanted ``sizes`` for a part of a surface, whose border stays.

    Returns the points they add to ``points``, the triangles among all of them, and their tags.

    Raises
    ------
    SolveFailed
    """
    own, numbered, used = tri.compact(points, patch)
    edges = tri.directed_edges(numbered)
    keys = tri.edge_keys(edges, len(own))
    _, first, times = np.unique(keys, return_index=True, return_counts=True)
    border = edges[first[times == 1]]
    sharp = tag_edges(numbered, tags)
    try:
        made = child.call(
            "organtwin.mesh.patch:_mmg",
            {
                "points": own,
                "triangles": numbered,
                "tags": tags,
                "sizes": sizes[used],
                "border": border.astype(np.int32),
                "sharp": sharp.astype(np.int32),
            },
            beat,
            120.0,
        )
    except child.ChildFailed as failure:
        raise SolveFailed("The changed surface could not be triangulated", where=str(failure)) from failure
    new, faces, _ = tri.compact(made["points"], made["triangles"])
    at = np.unique(border)
    away, twin = cKDTree(new).query(own[at])
    if len(at) and away.max() > 1e-6:
        raise SolveFailed("The border of the changed surface moved")
    final = len(points) + np.arange(len(new))
    final[twin] = used[at]
    return new, final[faces].astype(np.int32), made["tags"].astype(np.int16)


def _mmg(
    points: NDArray[Any],
    triangles: NDArray[Any],
    tags: NDArray[Any],
    sizes: NDArray[Any],
    border: NDArray[Any],
    sharp: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    import mmgpy

    edges = np.concatenate([border, sharp]).astype(np.int32)
    mesh = mmgpy.MmgMeshS()
    mesh.set_mesh_size(vertices=len(points), triangles=len(triangles), edges=len(edges))
    mesh.set_vertices(points)
    mesh.set_triangles(triangles.astype(np.int32), tags.astype(np.int32))
    if len(edges):
        mesh.set_edges(edges)
        mesh.set_ridge_edges(np.arange(len(edges), dtype=np.int32))
    if len(border):
        mesh.set_required_edges(np.arange(len(border), dtype=np.int32))
        mesh.set_required_vertices(np.unique(border).astype(np.int32))
    mesh.set_field("metric", sizes[:, None])
    mesh.remesh(
        hausd=0.12 * float(np.median(sizes)),
        hgrad=1.2,
        hmin=0.4 * float(sizes.min()),
        hmax=1.5 * float(sizes.max()),
        angle=0,
        verbose=-1,
    )
    faces, refs = mesh.get_triangles_with_refs()
    return {"points": mesh.get_vertices(), "triangles": np.asarray(faces), "tags": np.asarray(refs)}
