"""Where the trees begin: the portal trunk below the liver, and the hepatic veins at the vena cava."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.liver.region import Mask, Region
from organtwin.liver.skeleton import Graph

CAVA_MM = 4.0  # a vein that ends so near the vena cava opens into it
ATRIUM_MM = 30.0  # what was called heart so near the cava's upper end may be its last part
LEAST_TRUNK_MM = 3.0
APART_MM = 15.0


def near_points(graph: Graph, points: NDArray[np.int64], mm: float, reach_mm: float = 15.0) -> list[int]:
    """The node nearest to each of some voxels (k, j, i)."""
    if not len(graph.nodes) or not len(points):
        return []
    distance, node = cKDTree(graph.nodes).query(np.asarray(points) * mm)
    return sorted({int(n) for n, d in zip(np.atleast_1d(node), np.atleast_1d(distance), strict=True) if d < reach_mm})


def portal_roots(region: Region, graph: Graph, liver: Mask, trunk: Mask, cava: Mask | None) -> list[int]:
    """The node at the far end of the widest vessel that comes into the liver from below, not from the cava; [] when there is none."""
    outside = _piece_of_trunk(region, liver, trunk)
    if outside is None:
        return _widest_inside(region, graph, liver, cava)
    depth = region.distance(liver)
    voxels = graph.skeleton.voxels
    own = outside[tuple(voxels.T)]
    ends = []
    for edge in graph.edges:
        for node, at in zip(edge.ends, (0, -1), strict=True):
            if own[edge.path[at]]:
                ends.append((float(depth[tuple(voxels[edge.path[at]])]), node))
    return [max(ends)[1]] if ends else _widest_inside(region, graph, liver, cava)


def _piece_of_trunk(region: Region, liver: Mask, trunk: Mask) -> Mask | None:
    """The bright piece outside the liver that is a vessel of size, and reaches it in its lower three quarters."""
    labels, count = ndimage.label(trunk)
    if not count:
        return None
    levels = np.flatnonzero(liver.any(axis=(1, 2)))
    highest = levels[0] + 0.75 * (levels[-1] - levels[0])
    depth = region.depth(trunk)
    touching = region.grown(liver, 2.5 * region.mm)
    best, worth = 0, 0.0
    for piece, box in enumerate(ndimage.find_objects(labels), start=1):
        own = labels[box] == piece
        at_liver = own & touching[box]
        if not at_liver.any() or np.argwhere(at_liver)[:, 0].mean() + box[0].start > highest:
            continue
        radius = float(depth[box][own].max())
        size = np.count_nonzero(own) * region.voxel_ml
        if radius > LEAST_TRUNK_MM and radius**2 * size > worth:
            best, worth = piece, radius**2 * size
    return labels == best if best else None


def _widest_inside(region: Region, graph: Graph, liver: Mask, cava: Mask | None) -> list[int]:
    """Without a trunk in view: the node with the widest vessel away from the cava."""
    far = np.ones(len(graph.nodes), bool)
    if cava is not None and cava.any():
        distance = region.distance(cava)
        places = np.clip(np.rint(graph.nodes / region.mm).astype(int), 0, np.array(cava.shape) - 1)
        far = distance[tuple(places.T)] > APART_MM
    widest, best = LEAST_TRUNK_MM, []
    for edge in graph.edges:
        for node in edge.ends:
            if far[node] and edge.radius_mm > widest:
                widest, best = edge.radius_mm, [node]
    return best


def hepatic_roots(region: Region, graph: Graph, cava: Mask, heart: Mask | None, taken: list[int]) -> list[int]:
    """The ends of vessels at the vena cava (and at the atrium just above it)."""
    if not cava.any():
        return []
    basin = cava
    if heart is not None and heart.any():
        top = int(np.flatnonzero(cava.any(axis=(1, 2)))[-1])
        upper = np.zeros_like(cava)
        upper[max(0, top - int(6 / region.mm)) : top + 1] = cava[max(0, top - int(6 / region.mm)) : top + 1]
        basin = cava | (heart & region.grown(upper, ATRIUM_MM))
    distance = region.distance(basin)
    places = np.clip(np.rint(graph.nodes / region.mm).astype(int), 0, np.array(cava.shape) - 1)
    close = distance[tuple(places.T)]
    radius = np.zeros(len(graph.nodes))
    for edge in graph.edges:
        for node, at in zip(edge.ends, (0, -1), strict=True):
            radius[node] = max(radius[node], graph.skeleton.radius_mm[edge.path[at]])
    return [n for n in np.flatnonzero(close < CAVA_MM + radius).tolist() if n not in taken]
