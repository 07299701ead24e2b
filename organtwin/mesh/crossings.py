"""Finding triangles of a surface that cut through each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.mesh import triangles as tri


def crossing_triangles(points: tri.Points, triangles: tri.Triangles) -> NDArray[np.int64]:
    """Sorted numbers of the triangles that another one, which shares no point with them, cuts through.

    Two triangles cross where an edge of one passes through the other.
    """
    if len(triangles) == 0:
        return np.zeros(0, np.int64)
    edges = tri.directed_edges(triangles)
    owner = np.tile(np.arange(len(triangles)), 3)
    _, once = np.unique(tri.edge_keys(edges, len(points)), return_index=True)
    edges, owner = edges[once], owner[once]
    middle = points[edges].mean(axis=1)
    reach = 0.5 * np.linalg.norm(points[edges[:, 1]] - points[edges[:, 0]], axis=1)
    centre = points[triangles].mean(axis=1)
    size = np.linalg.norm(points[triangles] - centre[:, None], axis=2).max(axis=1)
    found: list[NDArray[np.int64]] = []
    # triangles of about one size at a time, so that the search radius fits them
    scale = np.floor(np.log2(np.maximum(size, 1e-12))).astype(int)
    for one in np.unique(scale):
        own = np.flatnonzero(scale == one)
        tree = cKDTree(centre[own])
        biggest = float(size[own].max())
        for start in range(0, len(edges), 20_000):
            part = np.arange(start, min(start + 20_000, len(edges)))
            lists = tree.query_ball_point(middle[part], reach[part] + biggest)
            counts = np.array([len(x) for x in lists])
            e = np.repeat(part, counts)
            t = own[np.concatenate([np.asarray(x, np.int64) for x in lists])] if counts.sum() else np.zeros(0, np.int64)
            crossing = _pierced(points, edges[e], triangles[t])
            found += [t[crossing], owner[e[crossing]]]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _pierced(points: tri.Points, edges: NDArray[np.int64], triangles: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether each edge passes through the triangle beside it in the list; False where they share a point."""
    result = np.zeros(len(edges), bool)
    apart = (triangles[:, :, None] != edges[:, None, :]).all(axis=(1, 2))
    low, high = points[edges].min(axis=1), points[edges].max(axis=1)
    corners = points[triangles]
    apart &= (corners.min(axis=1) <= high).all(axis=1) & (corners.max(axis=1) >= low).all(axis=1)
    some = np.flatnonzero(apart)
    if len(some) == 0:
        return result
    p, q = points[edges[some, 0]], points[edges[some, 1]]
    a, b, c = (corners[some, k] for k in range(3))

    # what rounding leaves of zero, so that triangles side by side in one plane do not seem to cross
    nothing = 1e-12 * np.maximum(np.linalg.norm(q - p, axis=1), np.ptp(corners[some], axis=1).max(axis=1)) ** 3

    def side(u: tri.Points, v: tri.Points, w: tri.Points, x: tri.Points) -> NDArray[np.float64]:
        volume = np.einsum("ij,ij->i", np.cross(v - u, w - u), x - u)
        return np.where(np.abs(volume) < nothing, 0.0, volume)

    through = side(a, b, c, p) * side(a, b, c, q) <= 0
    one, two, three = side(p, q, a, b), side(p, q, b, c), side(p, q, c, a)
    inside = ((one >= 0) & (two >= 0) & (three >= 0)) | ((one <= 0) & (two <= 0) & (three <= 0))
    flat = (one == 0) & (two == 0) & (three == 0)
    result[some] = through & inside & ~flat
    return result
