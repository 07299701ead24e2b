"""Voxels to curves: the middle lines of a mask as a graph of edges between forks and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

from organtwin.liver.region import Mask, Region

MERGED_MM = (
    2.5  # forks nearer than that to each other are one: where vessels cross, the skeleton runs on both for a bit
)
DIRECTION_MM = 7.0


@dataclass(frozen=True)
class Skeleton:
    """``voxels`` (n, 3) int64 k, j, i of the middle lines; ``radius_mm`` (n,)."""

    voxels: NDArray[np.int64]
    radius_mm: NDArray[np.float64]

    @classmethod
    def of(cls, region: Region, mask: Mask) -> Skeleton:
        """Thin a mask (Lee, Kashyap and Chu 1994, "Building skeleton models via 3-D medial surface and axis thinning")."""
        thin = skeletonize(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
        voxels = np.argwhere(thin).astype(np.int64)
        # the wall lies half a voxel before the middle of the first voxel outside
        radius = np.maximum(region.depth(mask)[tuple(voxels.T)] - 0.5 * region.mm, 0.5 * region.mm)
        return cls(voxels, radius.astype(np.float64))


@dataclass(frozen=True)
class Edge:
    """A stretch of a vessel between two nodes: ``path`` are indices of skeleton voxels from node ``ends[0]`` to
    ``ends[1]``."""

    ends: tuple[int, int]
    path: NDArray[np.int64]
    length_mm: float
    radius_mm: float
    directions: tuple[NDArray[np.float64], NDArray[np.float64]]  # unit, from each end into the edge


@dataclass(frozen=True)
class Graph:
    """``nodes`` (m, 3) places (mm, k j i) of forks and ends; ``edges``; ``at`` lists the edges of every node;
    ``node_of`` (n,) is the node of every voxel of the skeleton that is in one, else -1.
    """

    skeleton: Skeleton
    nodes: NDArray[np.float64]
    edges: tuple[Edge, ...]
    at: tuple[tuple[int, ...], ...]
    node_of: NDArray[np.int64]

    @classmethod
    def of(cls, skeleton: Skeleton, mm: float, wanted: Sequence[int] = ()) -> Graph:
        """Follow the voxels from fork to fork. ``wanted`` are voxels that are to be nodes in any case."""
        voxels = skeleton.voxels
        n = len(voxels)
        if n == 0:
            return cls(skeleton, np.empty((0, 3)), (), (), np.empty(0, np.int64))
        pairs = _without_corners(voxels)
        links = sparse.coo_array((np.ones(2 * len(pairs)), np.vstack([pairs, pairs[:, ::-1]]).T), shape=(n, n)).tocsr()
        degree = np.diff(links.indptr)
        knot = degree != 2
        knot[list(wanted)] = True
        node_of = _clusters(knot, pairs, n)
        edges = _chains(links, node_of)
        node_of, edges = _merged(node_of, edges, voxels, mm)
        names, node_of_used = np.unique(node_of[node_of >= 0], return_inverse=True)
        renumber = {int(old): new for new, old in enumerate(names)}
        nodes = np.zeros((len(names), 3))
        for axis in range(3):
            nodes[:, axis] = np.bincount(node_of_used, voxels[node_of >= 0, axis]) / np.bincount(node_of_used)
        nodes *= mm
        made = [_edge(skeleton, (renumber[a], renumber[b]), np.array(path), nodes, mm) for a, b, path in edges]
        at: list[list[int]] = [[] for _ in names]
        for number, edge in enumerate(made):
            at[edge.ends[0]].append(number)
            if edge.ends[1] != edge.ends[0]:
                at[edge.ends[1]].append(number)
        numbers = np.array([renumber.get(int(x), -1) for x in node_of], dtype=np.int64)
        return cls(skeleton, nodes, tuple(made), tuple(tuple(a) for a in at), numbers)


def _without_corners(voxels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of neighbours, without a diagonal where two shorter steps lead the same way."""
    tree = cKDTree(voxels)
    pairs = tree.query_pairs(1.8, output_type="ndarray")
    squared = ((voxels[pairs[:, 0]] - voxels[pairs[:, 1]]) ** 2).sum(axis=1)
    near: list[set[int]] = [set() for _ in range(len(voxels))]
    kept = np.ones(len(pairs), bool)
    for length in (1, 2, 3):
        for place in np.flatnonzero(squared == length):
            a, b = (int(x) for x in pairs[place])
            if length > 1 and near[a] & near[b]:
                kept[place] = False
        for place in np.flatnonzero((squared == length) & kept):
            a, b = (int(x) for x in pairs[place])
            near[a].add(b)
            near[b].add(a)
    return np.asarray(pairs[kept])


def _clusters(knot: NDArray[np.bool_], pairs: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Number of the node of each voxel that is a fork or an end, -1 for those along an edge; neighbouring forks are one."""
    both = pairs[knot[pairs].all(axis=1)]
    joined = sparse.coo_array((np.ones(len(both)), both.T), shape=(n, n))
    _, label = csgraph.connected_components(joined, directed=False)
    return np.where(knot, label, -1).astype(np.int64)


def _chains(links: sparse.csr_array, node_of: NDArray[np.int64]) -> list[tuple[int, int, list[int]]]:
    """Edges as (node, node, voxels), from node voxel to node voxel; closed rings without a node get one."""
    indptr, indices = links.indptr, links.indices
    used = np.zeros(len(node_of), bool)
    edges: list[tuple[int, int, list[int]]] = []
    for start in np.flatnonzero(node_of >= 0):
        for first in indices[indptr[start] : indptr[start + 1]]:
            if node_of[first] >= 0 or used[first]:
                continue
            path, here, before = [int(start)], int(first), int(start)
            while node_of[here] < 0:
                used[here] = True
                path.append(here)
                onward = [int(x) for x in indices[indptr[here] : indptr[here + 1]] if x != before]
                before, here = here, onward[0]
            path.append(here)
            edges.append((int(node_of[start]), int(node_of[here]), path))
    return edges


def _merged(
    node_of: NDArray[np.int64], edges: list[tuple[int, int, list[int]]], voxels: NDArray[np.int64], mm: float
) -> tuple[NDArray[np.int64], list[tuple[int, int, list[int]]]]:
    """Forks that a very short edge joins made one."""
    count = np.bincount(np.array([x for a, b, _ in edges for x in (a, b)], dtype=np.int64), minlength=len(node_of))
    parent = np.arange(len(node_of))

    def top(x: int) -> int:
        while parent[x] != x:
            x = int(parent[x])
        return x

    kept = []
    for a, b, path in edges:
        step = np.linalg.norm(np.diff(voxels[path], axis=0), axis=1).sum() * mm
        if step < MERGED_MM and count[a] > 1 and count[b] > 1 and a != b:
            parent[top(a)] = top(b)
            node_of[path] = np.where(node_of[path] < 0, b, node_of[path])
        else:
            kept.append((a, b, path))
    merged = np.array([top(int(x)) if x >= 0 else -1 for x in node_of], dtype=np.int64)
    return merged, [(top(a), top(b), path) for a, b, path in kept]


def _edge(
    skeleton: Skeleton, ends: tuple[int, int], path: NDArray[np.int64], nodes: NDArray[np.float64], mm: float
) -> Edge:
    places = skeleton.voxels[path] * mm
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    length = float(along[-1])
    reach = min(DIRECTION_MM, 0.5 * length) if length > 2 * DIRECTION_MM else min(DIRECTION_MM, length)
    forth = places[min(int(np.searchsorted(along, reach)), len(path) - 1)] - places[0]
    back = places[max(int(np.searchsorted(along, length - reach)) - 1, 0)] - places[-1]
    return Edge(ends, path, length, float(np.median(skeleton.radius_mm[path])), (_unit(forth), _unit(back)))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))
