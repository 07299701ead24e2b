"""Triangles of wanted sizes on a surface (Mmg, LGPL, in a process of its own)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.mesh import child
from organtwin.mesh import triangles as tri


def remeshed(
    points: tri.Points,
    triangles: tri.Triangles,
    tags: NDArray[np.int16],
    sizes: NDArray[np.float64],
    *,
    deviation_mm: float,
    gradation: float = 1.2,
    beat: Callable[[], None] = lambda: None,
    timeout_s: float = 240.0,
) -> tuple[tri.Points, tri.Triangles, NDArray[np.int16]]:
    """A new triangulation of a closed surface.

    Parameters
    ----------
    points, triangles, tags
        The surface; lines between different tags stay where they are, as sharp edges.
    sizes : (n,)
        Wanted edge length at each point, mm.
    deviation_mm : float
        How far the new surface may be from the old one; where it bends more it gets smaller triangles.
    gradation : float
        Largest ratio of neighbouring edges.

    Raises
    ------
    child.ChildFailed
    """
    made = child.call(
        "organtwin.mesh.remesh:_mmg",
        {
            "points": points,
            "triangles": triangles,
            "tags": tags,
            "sizes": sizes,
            "ridges": tag_edges(triangles, tags),
            "numbers": np.array([deviation_mm, gradation, 0.4 * sizes.min(), 1.5 * sizes.max()]),
        },
        beat,
        timeout_s,
    )
    p, t, _ = tri.compact(made["points"], made["triangles"])
    return p, t, made["tags"].astype(np.int16)


def tag_edges(triangles: tri.Triangles, tags: NDArray[np.int16]) -> NDArray[np.int32]:
    """(e, 2) edges between triangles of different tags."""
    edges = tri.directed_edges(triangles)
    keys = tri.edge_keys(edges, int(triangles.max()) + 1)
    order = np.argsort(keys, kind="stable")
    tag = np.tile(tags, 3)[order]
    ordered = keys[order]
    differ = np.flatnonzero((ordered[1:] == ordered[:-1]) & (tag[1:] != tag[:-1]))
    return edges[order[differ]].astype(np.int32)


def _mmg(
    points: NDArray[Any],
    triangles: NDArray[Any],
    tags: NDArray[Any],
    sizes: NDArray[Any],
    ridges: NDArray[Any],
    numbers: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    import mmgpy

    deviation, gradation, smallest, largest = numbers.tolist()
    mesh = mmgpy.MmgMeshS()
    mesh.set_mesh_size(vertices=len(points), triangles=len(triangles), edges=len(ridges))
    mesh.set_vertices(points)
    mesh.set_triangles(triangles.astype(np.int32), tags.astype(np.int32))
    if len(ridges):
        mesh.set_edges(ridges.astype(np.int32))
        mesh.set_ridge_edges(np.arange(len(ridges), dtype=np.int32))
    mesh.set_field("metric", sizes[:, None])
    mesh.remesh(hausd=deviation, hgrad=gradation, hmin=smallest, hmax=largest, angle=0, verbose=-1)
    faces, refs = mesh.get_triangles_with_refs()
    return {"points": mesh.get_vertices(), "triangles": np.asarray(faces), "tags": np.asarray(refs)}
