"""The centreline tree of a vessel mask, with the radius of the largest ball at each point.

Branches are found by a front that walks through the mask from one far end: where it falls apart into two that stay apart
for longer than their own width, there is a branch; a shorter one is a bump of the wall and is left out (a Reeb graph of the
geodesic distance, as in Verroust and Lazarus 2000, "Extracting skeletal curves from 3D scattered data"). So a flat lumen or
a sharp corner does not grow branches. Within the branches the line runs where the mask is deep: a least-cost path whose
steps cost their length over the squared depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.space import Grid
from organtwin.vessel.polyline import even, tangents

Points = NDArray[np.float64]
MAX_NODES = 300_000  # a larger mask is searched at a coarser step


@dataclass(frozen=True)
class Centerline:
    """A tree of points: ``parents`` (n,) int, -1 at the root; ``points_mm`` (n, 3) LPS; ``radii_mm`` (n,) inscribed balls."""

    points_mm: Points
    radii_mm: NDArray[np.float64]
    parents: NDArray[np.int64]

    @property
    def ends(self) -> NDArray[np.int64]:
        """The root, then the leaves."""
        has_child = np.zeros(len(self.parents), bool)
        has_child[self.parents[self.parents >= 0]] = True
        root = np.flatnonzero(self.parents < 0)
        return np.concatenate([root, np.flatnonzero(~has_child & (self.parents >= 0))])

    @property
    def forks(self) -> NDArray[np.int64]:
        """Points where branches part."""
        children = np.bincount(self.parents[self.parents >= 0], minlength=len(self.parents))
        return np.flatnonzero(children > 1)

    def path_to_root(self, point: int) -> NDArray[np.int64]:
        """Points from ``point`` to the root, both included."""
        path = [point]
        while self.parents[path[-1]] >= 0:
            path.append(int(self.parents[path[-1]]))
        return np.array(path)

    def path(self, start: int, stop: int) -> NDArray[np.int64]:
        """Points from one to another along the tree."""
        up, down = self.path_to_root(start), self.path_to_root(stop)
        shared = set(down.tolist())
        meet = next(at for at, p in enumerate(up.tolist()) if p in shared)
        return np.concatenate([up[: meet + 1], down[: down.tolist().index(int(up[meet]))][::-1]])

    def from_end(self, end: int) -> NDArray[np.int64]:
        """Points from an end inwards, along the longest way through the tree (so past every fork)."""
        if self.parents[end] >= 0:
            return self.path_to_root(end)
        return max((self.path(end, int(e)) for e in self.ends if e != end), key=self.length)

    def length(self, path: NDArray[np.int64]) -> float:
        """Length in mm along points."""
        return float(np.linalg.norm(np.diff(self.points_mm[path], axis=0), axis=1).sum())

    def branch_of(self, end: int) -> NDArray[np.int64]:
        """Points from an end up to the first fork, the fork included; the whole path where there is none."""
        path = self.from_end(end)
        forks = set(self.forks.tolist())
        for at, p in enumerate(path.tolist()):
            if at and p in forks:
                return path[: at + 1]
        return path


def extract(
    mask: NDArray[np.bool_],
    grid: Grid,
    min_radius_mm: float = 1.0,
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> Centerline:
    """The centreline tree of one connected mask (nk, nj, ni); branches thinner than ``min_radius_mm`` are left out.

    Raises
    ------
    BadInput
        For a mask that is empty or too small to have a centreline.
    """
    if np.count_nonzero(mask) < 20:
        raise BadInput("The vessel is too small to find its centreline", remedy="Segment more of it.")
    progress(0.0, "depth of the vessel")
    padded = np.pad(mask, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=grid.spacing_mm[::-1])[1:-1, 1:-1, 1:-1]
    voxels, world, node_depth, step = _nodes(mask, depth, grid)
    graph, lengths = _graph(voxels, world, node_depth, step)
    progress(0.3, "ends of the vessel")
    deepest = int(node_depth.argmax())
    away = dijkstra(lengths, indices=deepest)
    root = int(np.where(np.isfinite(away), away, -1.0).argmax())
    distance = dijkstra(lengths, indices=root)
    progress(0.5, "branches of the vessel")
    node_volume = float(grid.voxel_volume_mm3 * step.prod() * np.count_nonzero(mask) / (len(voxels) * step.prod()))
    tips = _tips(
        lengths, distance, node_depth, node_volume, 2.0 * float((grid.spacing_mm[::-1] * step).max()), min_radius_mm
    )
    progress(0.7, "paths through the vessel")
    if len(tips) < 2 or distance[tips[1]] <= distance[tips[0]]:
        raise BadInput(
            "This is not a tube: it is about as wide as it is long, so it has no centreline",
            remedy="Segment a longer piece of the vessel, or mesh it as an organ.",
        )
    _, before = dijkstra(graph, indices=tips[0], return_predecessors=True)
    paths = _paths(tips, before)
    progress(0.9, "centreline")
    return _refined([world[path] for path in paths], depth, grid)


def _nodes(
    mask: NDArray[np.bool_], depth: NDArray[np.float64], grid: Grid
) -> tuple[NDArray[np.int64], Points, NDArray[np.float64], NDArray[np.int64]]:
    """Voxels to search: all of them, or the deepest of each block when there are too many."""
    step = np.ones(3, int)
    spacing = grid.spacing_mm[::-1].copy()
    count = int(np.count_nonzero(mask))
    while count / step.prod() > MAX_NODES:
        step[int(np.argmin(spacing * step))] += 1
    if (step == 1).all():
        voxels = np.argwhere(mask)
        return voxels, grid.to_world(voxels[:, ::-1]), depth[mask], step
    size = [int(np.ceil(n / s)) * s for n, s in zip(mask.shape, step, strict=True)]
    room = np.zeros(size)
    room[tuple(slice(n) for n in mask.shape)] = depth
    blocks = room.reshape(size[0] // step[0], step[0], size[1] // step[1], step[1], size[2] // step[2], step[2]).max(
        axis=(1, 3, 5)
    )
    voxels = np.argwhere(blocks > 0)
    centres = voxels * step + (step - 1) / 2
    return voxels, grid.to_world(centres[:, ::-1]), blocks[blocks > 0], step


def _graph(
    voxels: NDArray[np.int64], world: Points, depth: NDArray[np.float64], step: NDArray[np.int64]
) -> tuple[csr_matrix, csr_matrix]:
    """Symmetric graphs over 26 neighbours: cost of each step, and its length."""
    shape = voxels.max(axis=0) + 3
    number = np.full(tuple(shape), -1, np.int64)
    number[tuple((voxels + 1).T)] = np.arange(len(voxels))
    rows, columns = [], []
    for a in (-1, 0, 1):
        for b in (-1, 0, 1):
            for c in (-1, 0, 1):
                if (a, b, c) <= (0, 0, 0):
                    continue
                other = number[tuple((voxels + 1 + (a, b, c)).T)]
                there = np.flatnonzero(other >= 0)
                rows.append(there)
                columns.append(other[there])
    row, column = np.concatenate(rows), np.concatenate(columns)
    length = np.linalg.norm(world[row] - world[column], axis=1)
    cost = length / (0.5 * (depth[row] + depth[column])) ** 2
    n = len(voxels)

    def symmetric(weight: NDArray[np.float64]) -> csr_matrix:
        return coo_matrix((np.r_[weight, weight], (np.r_[row, column], np.r_[column, row])), shape=(n, n)).tocsr()

    return symmetric(cost), symmetric(length)


def _tips(
    lengths: csr_matrix,
    distance: NDArray[np.float64],
    depth: NDArray[np.float64],
    node_volume: float,
    thickness: float,
    min_radius: float,
) -> list[int]:
    """A node in the middle of the vessel near each end; the first near the root.

    ``distance`` is the geodesic distance from the root. Nodes within each ``thickness`` of it that hang together are one
    section of the vessel; sections form a tree.
    """
    reached = np.flatnonzero(np.isfinite(distance))
    level = np.full(len(distance), -1)
    level[reached] = (distance[reached] / thickness).astype(int)
    edges = lengths.tocoo()
    same = level[edges.row] == level[edges.col]
    inside = coo_matrix(
        (np.ones(np.count_nonzero(same), np.int8), (edges.row[same], edges.col[same])), shape=lengths.shape
    )
    _, section = connected_components(inside, directed=False)
    count = int(section.max()) + 1
    section_level = np.full(count, -1)
    section_level[section] = level
    volume = np.bincount(section, minlength=count) * node_volume
    radius = np.sqrt(volume / thickness / np.pi)
    parent = np.full(count, -1)
    goes_on = np.zeros(count, bool)  # some later section touches it
    forward = (level[edges.col] == level[edges.row] + 1) & (level[edges.row] >= 0)
    touching = np.unique(np.stack([section[edges.col[forward]], section[edges.row[forward]]]), axis=1)
    for child, before in touching.T:  # where two arms meet again the wider one is the parent
        goes_on[before] = True
        if parent[child] < 0 or volume[before] > volume[parent[child]]:
            parent[child] = before
    kept = _pruned(parent, goes_on, section_level, radius, thickness, min_radius)
    members = np.argsort(section, kind="stable")
    first = np.searchsorted(section[members], np.arange(count + 1))

    def deepest_in(one: int) -> int:
        nodes = members[first[one] : first[one + 1]]
        return int(nodes[int(depth[nodes].argmax())])

    def inwards(chain: list[int]) -> int:
        """The section that lies as far from the end of the chain as it is wide."""
        return next((one for at, one in enumerate(chain) if at * thickness >= radius[one]), chain[-1])

    chains = []
    for leaf in kept:
        chain = [leaf]
        while parent[chain[-1]] >= 0:
            chain.append(int(parent[chain[-1]]))
        chains.append(chain)
    start = deepest_in(inwards(chains[0][::-1]))
    tips = [deepest_in(inwards(chain)) for chain in chains]
    return [start, *(tip for tip in dict.fromkeys(tips) if tip != start)]


def _pruned(
    parent: NDArray[np.int64],
    goes_on: NDArray[np.bool_],
    level: NDArray[np.int64],
    radius: NDArray[np.float64],
    thickness: float,
    min_radius: float,
) -> list[int]:
    """Leaves of the tree of sections, the farthest first, without those on branches that are only bumps.

    A branch is at least 1.2 diameters and three sections long, and longer than 3/4 of the radius of its stem (what a front
    leaves behind in the corners of a flat end is shorter).
    """
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    leaves = [int(leaf) for leaf in np.flatnonzero((children == 0) & (level >= 0))]
    leaves.sort(key=lambda leaf: -int(level[leaf]))
    while len(leaves) > 1:
        passes = np.zeros(len(parent), int)  # leaves beyond each section
        chains = {}
        for leaf in leaves:
            chain = [leaf]
            while parent[chain[-1]] >= 0:
                chain.append(int(parent[chain[-1]]))
            passes[chain] += 1
            chains[leaf] = chain
        worst, lack = -1, 0.0
        for leaf in leaves[1:]:
            own = [one for one in chains[leaf] if passes[one] == 1]
            length = len(own) * thickness
            own_radius = float(np.median(radius[own]))
            stem = float(radius[parent[own[-1]]])
            missing = max(2.4 * own_radius, 0.75 * stem, 2.5 * thickness) - length
            if goes_on[leaf] or own_radius < min_radius:
                missing = np.inf
            if missing > lack:
                worst, lack = leaf, missing
        if worst < 0:
            break
        leaves.remove(worst)
    return leaves


def _paths(tips: list[int], before: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """Paths of nodes, each from where it leaves the tree to its tip; the first starts at the root."""
    on_tree = {tips[0]}
    paths = []
    for tip in tips[1:]:
        path = [tip]
        while path[-1] not in on_tree:
            path.append(int(before[path[-1]]))
        if len(path) > 1:
            on_tree.update(path)
            paths.append(np.array(path[::-1]))
    return paths


def _refined(paths: list[Points], depth: NDArray[np.float64], grid: Grid) -> Centerline:
    """Voxel paths to smooth, centred, evenly spaced lines that start on their parents."""
    soft = ndimage.gaussian_filter(depth, 0.7)
    pull = np.stack(np.gradient(soft), axis=0)  # per voxel, (k, j, i)
    to_world = grid.inverse[:3, :3].T  # a gradient per index becomes one per mm

    def at(field: NDArray[np.float64], points: Points) -> NDArray[np.float64]:
        return np.asarray(ndimage.map_coordinates(field, grid.to_index(points)[:, ::-1].T, order=1, mode="nearest"))

    all_points: list[Points] = []
    parents: list[NDArray[np.int64]] = []
    count = 0
    step = max(0.5, float(grid.spacing_mm.min()))
    for line in paths:
        radius = float(np.median(at(depth, line)))
        line = even(line, step)
        attach = -1
        if count:
            known = np.concatenate(all_points)
            attach = int(cKDTree(known).query(line[0])[1])
            line[0] = known[attach]
        for _ in range(6):
            line = _smooth(line, max(1.0, 0.5 * radius / step))
            gradient = np.stack([at(pull[k], line) for k in (2, 1, 0)], axis=1) @ to_world.T
            tangent = tangents(line)
            gradient -= np.einsum("ij,ij->i", gradient, tangent)[:, None] * tangent
            move = 0.25 * radius * gradient
            move[0] = move[-1] = 0.0
            line = line + move
        line = even(_smooth(line, max(1.0, 0.5 * radius / step)), step)
        if count:
            line = line[1:]
        all_points.append(line)
        own = np.arange(count - 1, count - 1 + len(line))
        own[0] = attach
        parents.append(own)
        count += len(line)
    points = np.concatenate(all_points)
    radii = np.maximum(at(depth, points) - 0.5 * float(grid.spacing_mm.min()), 0.25 * float(grid.spacing_mm.min()))
    return Centerline(points, radii, np.concatenate(parents))


def _smooth(line: Points, sigma: float) -> Points:
    """Gaussian along the line; the ends stay (odd reflection)."""
    pad = min(len(line) - 1, int(4 * sigma) + 1)
    extended = np.concatenate([2 * line[0] - line[pad:0:-1], line, 2 * line[-1] - line[-2 : -pad - 2 : -1]])
    return np.asarray(ndimage.gaussian_filter1d(extended, sigma, axis=0))[pad : pad + len(line)]
