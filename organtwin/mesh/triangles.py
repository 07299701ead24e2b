"""Plain measures of triangle surfaces: areas, normals, volume, edges, parts. Arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Points = NDArray[np.float64]
Triangles = NDArray[np.int32]


def area_vectors(points: Points, triangles: NDArray[Any]) -> Points:
    """(m, 3) normals of the length of each triangle's area."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return np.asarray(0.5 * np.cross(b - a, c - a))


def areas(points: Points, triangles: NDArray[Any]) -> NDArray[np.float64]:
    """(m,) triangle areas."""
    return np.asarray(np.linalg.norm(area_vectors(points, triangles), axis=1))


def volume(points: Points, triangles: NDArray[Any]) -> float:
    """Volume inside a closed surface (divergence theorem); negative where the triangles look inwards."""
    if len(triangles) == 0:
        return 0.0
    origin = points[triangles[0, 0]]
    a, b, c = (points[triangles[:, k]] - origin for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def vertex_normals(points: Points, triangles: NDArray[Any]) -> Points:
    """(n, 3) unit normals at the points, weighted with area."""
    vectors = area_vectors(points, triangles)
    sums = np.zeros_like(points)
    for axis in range(3):
        for corner in range(3):
            sums[:, axis] += np.bincount(triangles[:, corner], vectors[:, axis], minlength=len(points))
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(length > 0, length, 1.0))


def directed_edges(triangles: NDArray[Any]) -> NDArray[np.int64]:
    """(3m, 2) edges in the sense of their triangles; edge e belongs to triangle e % m."""
    return np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(np.int64)


def edge_keys(edges: NDArray[Any], count: int) -> NDArray[np.int64]:
    """One number per undirected edge between points below ``count``."""
    low = np.minimum(edges[:, 0], edges[:, 1]).astype(np.int64)
    high = np.maximum(edges[:, 0], edges[:, 1]).astype(np.int64)
    return np.asarray(low * count + high)


def edge_lengths(points: Points, triangles: NDArray[Any]) -> NDArray[np.float64]:
    """(3m,) lengths of the triangle sides."""
    edges = directed_edges(triangles)
    return np.asarray(np.linalg.norm(points[edges[:, 1]] - points[edges[:, 0]], axis=1))


def is_closed(triangles: NDArray[Any]) -> bool:
    """True when every edge has exactly two triangles that run it in opposite senses."""
    if len(triangles) == 0:
        return False
    edges = directed_edges(triangles)
    count = int(triangles.max()) + 1
    forward = edges[:, 0] * count + edges[:, 1]
    if len(np.unique(forward)) != len(forward):
        return False
    return bool(np.array_equal(np.sort(forward), np.sort(edges[:, 1] * count + edges[:, 0])))


def parts(triangles: NDArray[Any], count: int) -> tuple[int, NDArray[np.int32]]:
    """Number of connected parts, and the part of each triangle."""
    if len(triangles) == 0:
        return 0, np.zeros(0, np.int32)
    edges = directed_edges(triangles)
    graph = coo_matrix((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, of_points = connected_components(graph, directed=False)
    names, of_triangles = np.unique(of_points[triangles[:, 0]], return_inverse=True)
    return len(names), of_triangles.astype(np.int32)


def compact(points: Points, cells: NDArray[Any]) -> tuple[Points, NDArray[np.int32], NDArray[np.int64]]:
    """Drop points that no cell uses: new points, renumbered cells, and the old number of each kept point."""
    used = np.unique(cells)
    number = np.full(len(points), -1, np.int64)
    number[used] = np.arange(len(used))
    return np.ascontiguousarray(points[used]), number[cells].astype(np.int32), used


def smallest_angles_deg(points: Points, triangles: NDArray[Any]) -> NDArray[np.float64]:
    """(m,) the smallest angle of each triangle in degrees."""
    best = np.full(len(triangles), 180.0)
    for k in range(3):
        a = points[triangles[:, k]]
        u = points[triangles[:, (k + 1) % 3]] - a
        v = points[triangles[:, (k + 2) % 3]] - a
        sine = np.linalg.norm(np.cross(u, v), axis=1)
        cosine = np.einsum("ij,ij->i", u, v)
        best = np.minimum(best, np.degrees(np.arctan2(sine, cosine)))
    return np.asarray(best)
