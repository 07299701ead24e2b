"""Portal and hepatic veins told apart: both grow from their roots along the vessels' graph, and what is reached more
naturally wins.

Going on costs length, turning, and growing wider again; a vessel that touches another one turns sharply, or is wider
than what led to it. The cost of a way is the sum over it, so this is a competition of shortest paths (an image
foresting transform on the edges of the graph).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.liver.skeleton import Edge, Graph

LENGTH_MM = 40.0  # so much length costs 1
TURN, WIDER = 2.0, 3.0
SURE_LENGTH_MM = 5.0  # the direction of a shorter edge counts less
WIDER_FROM = 1.15
BRIDGE_MM, BRIDGE_COST_MM = 12.0, 5.0  # longest gap in a vessel, and how much of a gap costs 1
BRIDGE_COSINE = 0.5


@dataclass(frozen=True)
class Grown:
    """What grew from the roots: for every edge the ``tree`` (-1: not reached), the edge before it (-1 at a root) and
    the node where it begins."""

    tree: NDArray[np.int64]
    parent: NDArray[np.int64]
    entry: NDArray[np.int64]
    cost: NDArray[np.float64]


def grow(graph: Graph, roots: Sequence[Sequence[int]], mm: float) -> Grown:
    """Let trees compete for the edges.

    Parameters
    ----------
    graph : Graph
    roots : sequence of sequence of int
        The nodes where each tree begins.
    mm : float
        Size of a voxel.
    """
    count = len(graph.edges)
    tree, parent, entry = (np.full(count, -1, np.int64) for _ in range(3))
    cost = np.full(count, np.inf)
    bridges = _bridges(graph, mm)
    queue: list[tuple[float, int, int, int, int]] = []  # cost, edge, node it begins at, edge before, tree
    for number, nodes in enumerate(roots):
        for node in nodes:
            for first in graph.at[node]:
                heapq.heappush(queue, (0.0, first, int(node), -1, number))
    while queue:
        so_far, number, node, before, owner = heapq.heappop(queue)
        if tree[number] >= 0:
            continue
        tree[number], parent[number], entry[number], cost[number] = owner, before, node, so_far
        edge = graph.edges[number]
        far = edge.ends[1] if edge.ends[0] == node else edge.ends[0]
        reached = so_far + edge.length_mm / LENGTH_MM
        for onward in graph.at[far]:
            if tree[onward] < 0:
                step = passing(edge, far, graph.edges[onward], far)
                heapq.heappush(queue, (reached + step, onward, far, number, owner))
        for onward, begin, price in bridges.get(number, ()):
            if tree[onward] < 0:
                wider = _wider(edge, graph.edges[onward])
                heapq.heappush(queue, (reached + price + wider, onward, begin, number, owner))
    return Grown(tree, parent, entry, cost)


def passing(edge: Edge, leaves: int, onward: Edge, enters: int) -> float:
    """What it costs to go from one edge to the next."""
    come = -edge.directions[0 if edge.ends[0] == leaves else 1]
    go = onward.directions[0 if onward.ends[0] == enters else 1]
    sure = min(1.0, edge.length_mm / SURE_LENGTH_MM) * min(1.0, onward.length_mm / SURE_LENGTH_MM)
    return TURN * sure * (1.0 - float(come @ go)) ** 2 + _wider(edge, onward)


def _wider(edge: Edge, onward: Edge) -> float:
    return WIDER * max(0.0, onward.radius_mm / edge.radius_mm - WIDER_FROM)


def _bridges(graph: Graph, mm: float) -> dict[int, list[tuple[int, int, float]]]:
    """Gaps that may be crossed: from an edge to (edge, node it begins at, cost)."""
    out: dict[int, list[tuple[int, int, float]]] = {}
    if not graph.edges:
        return out
    component = _components(graph)
    owners = np.concatenate([np.full(len(e.path), n) for n, e in enumerate(graph.edges)])
    places = graph.skeleton.voxels[np.concatenate([e.path for e in graph.edges])] * mm
    near = cKDTree(places)
    for node, edges in enumerate(graph.at):
        if len(edges) != 1:
            continue
        edge = graph.edges[edges[0]]
        outward = -edge.directions[0 if edge.ends[0] == node else 1]
        best: dict[int, float] = {}
        for place in near.query_ball_point(graph.nodes[node], BRIDGE_MM):
            other = int(owners[place])
            if component[other] == component[edges[0]]:
                continue
            gap = places[place] - graph.nodes[node]
            length = float(np.linalg.norm(gap))
            cosine = float(gap @ outward) / max(length, 1e-6)
            if length < 2.5 * mm or cosine > BRIDGE_COSINE:
                price = length / BRIDGE_COST_MM + TURN * (1 - cosine) ** 2
                best[other] = min(price, best.get(other, np.inf))
        for other, price in best.items():
            out.setdefault(other, []).append((edges[0], node, price))
    return out


def _components(graph: Graph) -> NDArray[np.int64]:
    """Number of the connected piece of every edge."""
    parent = np.arange(len(graph.nodes))

    def top(x: int) -> int:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = int(parent[x])
        return x

    for edge in graph.edges:
        parent[top(edge.ends[0])] = top(edge.ends[1])
    return np.array([top(edge.ends[0]) for edge in graph.edges], dtype=np.int64)
