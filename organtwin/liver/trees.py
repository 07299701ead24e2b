"""A tree of branches from what grew along the edges of the vessels' graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from organtwin.liver.region import Region
from organtwin.liver.separation import Grown
from organtwin.liver.skeleton import Graph

SPUR_MM, SPUR_RADII = 5.0, 1.6  # an end shorter than this, or than so many radii of its parent, is a bump of the wall
EVEN_POINTS = 1.5
Points = NDArray[np.float64]


@dataclass(frozen=True)
class TreeBranch:
    """``points_mm`` (n, 3) from where it leaves its parent to the next fork or end; ``radius_mm`` (n,); ``parent`` -1
    at a root."""

    points_mm: Points
    radius_mm: Points
    parent: int
    order: int = 0
    name: str = ""
    doubt: str = ""

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1).sum())


@dataclass(frozen=True)
class Tree:
    """Branches with every parent before its children."""

    branches: tuple[TreeBranch, ...]

    @property
    def children(self) -> tuple[tuple[int, ...], ...]:
        out: list[list[int]] = [[] for _ in self.branches]
        for number, branch in enumerate(self.branches):
            if branch.parent >= 0:
                out[branch.parent].append(number)
        return tuple(tuple(c) for c in out)

    @property
    def roots(self) -> tuple[int, ...]:
        return tuple(n for n, branch in enumerate(self.branches) if branch.parent < 0)

    def below(self, branch: int) -> list[int]:
        """A branch and all that comes from it."""
        out, children = [branch], self.children
        for number in out:
            out.extend(children[number])
        return out

    def renamed(self, names: Sequence[str], doubts: Sequence[str]) -> Tree:
        pairs = zip(self.branches, names, doubts, strict=True)
        return Tree(tuple(replace(branch, name=name, doubt=doubt) for branch, name, doubt in pairs))


def tree_of(region: Region, graph: Graph, grown: Grown, number: int) -> Tree:
    """The tree ``number`` of those that grew: without bumps of the wall, and one branch from fork to fork."""
    mine = np.flatnonzero(grown.tree == number)
    own: list[int] = mine[np.argsort(grown.cost[mine], kind="stable")].tolist()  # parents come before children
    children: dict[int, list[int]] = {edge: [] for edge in own}
    for edge in own:
        if grown.parent[edge] >= 0:
            children[int(grown.parent[edge])].append(edge)
    for edge in own[::-1]:
        if not children[edge] and _is_spur(graph, grown, edge):
            children[int(grown.parent[edge])].remove(edge)
            del children[edge]
    branches: list[TreeBranch] = []
    queue = [(edge, -1) for edge in own if grown.parent[edge] < 0 and edge in children]
    for edge, parent in queue:
        chain = [edge]
        while len(children[chain[-1]]) == 1:
            chain.append(children[chain[-1]][0])
        branches.append(_branch(region, graph, grown, chain, parent, branches))
        queue.extend((child, len(branches) - 1) for child in children[chain[-1]])
    return Tree(_with_orders(branches))


def _is_spur(graph: Graph, grown: Grown, edge: int) -> bool:
    parent = int(grown.parent[edge])
    if parent < 0:
        return False
    return graph.edges[edge].length_mm < max(SPUR_MM, SPUR_RADII * graph.edges[parent].radius_mm)


def _branch(
    region: Region, graph: Graph, grown: Grown, chain: list[int], parent: int, before: list[TreeBranch]
) -> TreeBranch:
    voxels: list[NDArray[np.int64]] = []
    radius: list[NDArray[np.float64]] = []
    for edge in chain:
        one = graph.edges[edge]
        path = one.path if one.ends[0] == grown.entry[edge] else one.path[::-1]
        voxels.append(graph.skeleton.voxels[path])
        radius.append(graph.skeleton.radius_mm[path])
    places = region.world(np.concatenate(voxels))
    radii = np.concatenate(radius)
    if parent >= 0:
        places = np.vstack([before[parent].points_mm[-1], places])
        radii = np.concatenate([[min(before[parent].radius_mm[-1], radii[0])], radii])
    fresh = np.concatenate([[True], np.linalg.norm(np.diff(places, axis=0), axis=1) > 0.1 * region.mm])
    fresh[-1] = True
    places, radii = places[fresh], radii[fresh]
    even = gaussian_filter1d(places, EVEN_POINTS, axis=0, mode="nearest")
    even[0], even[-1] = places[0], places[-1]
    return TreeBranch(even, gaussian_filter1d(radii, EVEN_POINTS, mode="nearest"), parent)


def _with_orders(branches: list[TreeBranch]) -> tuple[TreeBranch, ...]:
    """Strahler's orders: 1 at the ends; two of the same order make one higher."""
    order = [0] * len(branches)
    met: list[list[int]] = [[] for _ in branches]
    for number in range(len(branches) - 1, -1, -1):
        below = sorted(met[number], reverse=True)
        order[number] = 1 if not below else below[0] + (len(below) > 1 and below[0] == below[1])
        if branches[number].parent >= 0:
            met[branches[number].parent].append(order[number])
    return tuple(replace(branch, order=o) for branch, o in zip(branches, order, strict=True))
