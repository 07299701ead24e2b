"""What holds the organ, carried over a cut: holds, springs of the surrounding tissue, threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.mesh.cutting import Cut
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.supports import Held, Link, Springs

Points = NDArray[np.float64]


def _members(nodes: NDArray[np.integer], made: Cut) -> NDArray[np.int32]:
    """Points of now between points that were all among ``nodes``, both sides of a cut, of those still used."""
    was = np.zeros(int(max(made.a.max(), made.b.max())) + 1, bool)
    was[nodes] = True
    used = np.zeros(len(made.a), bool)
    used[made.tets] = True
    same = made.twin == made.a  # points of before, moved a little perhaps, and their copies
    return np.flatnonzero(used & was[made.a] & (was[made.b] | same)).astype(np.int32)


def held_after(old: Held, made: Cut, x: Points) -> Held:
    """The same hold on both sides of the cut: each point stays as far from its target as the tissue around it was."""
    nodes = _members(old.nodes, made)
    targets = np.full((int(max(made.a.max(), made.b.max())) + 1, 3), np.nan)
    targets[old.nodes] = old.targets_mm
    wanted = made.carry(targets)[nodes]
    moved = np.isnan(wanted).any(axis=1)  # moved toward a point that is not held
    wanted[moved] = x[nodes[moved]]
    return Held(nodes, wanted)


def springs_after(old: Springs, made: Cut, body: Body, rest: Points) -> Springs:
    """The same stiffness for each area of what is left of the sprung surface."""
    n = len(body.rest_mm)
    sprung = np.zeros(n, bool)
    sprung[old.nodes] = True
    patch = np.flatnonzero(sprung[body.triangles].all(axis=1))
    child = (made.triangle_parent >= 0) & np.isin(made.triangle_parent, patch)
    before = node_areas(body.rest_mm, body.triangles[patch])
    after = node_areas(rest, made.triangles[child])
    foundation = np.zeros(n)
    foundation[old.nodes] = old.stiffness / np.maximum(before[old.nodes], 1e-12)
    nodes = np.intersect1d(_members(old.nodes, made), np.unique(made.triangles[child])).astype(np.int32)
    places = np.zeros((n, 3))
    places[old.nodes] = old.rest_mm
    stiffness = made.carry(foundation)[nodes] * after[nodes]
    normals = None
    if old.normals is not None:
        spread = np.zeros((n, 3))
        spread[old.nodes] = old.normals
        normals = made.carry(spread)[nodes]
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Springs(nodes, stiffness, made.carry(places)[nodes], normals)


def node_areas(points: Points, triangles: NDArray[np.int32]) -> NDArray[np.float64]:
    """(n,) mm2: a third of the triangles around each point."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6.0
    return np.bincount(triangles.ravel(), np.repeat(third, 3), len(points))


def link_after(old: Link, made: Cut) -> Link | None:
    """The same thread: a point of it that was doubled shares its weight; None when an end went with what was taken."""
    ends = [_end(old.nodes_a, old.weights_a, made), _end(old.nodes_b, old.weights_b, made)]
    if any(not len(nodes) for nodes, _ in ends):
        return None
    (a, wa), (b, wb) = ends
    return Link(a, wa, b, wb, old.stiffness, old.length_mm)


def _end(nodes: NDArray[np.int32], weights: NDArray[np.float64], made: Cut) -> tuple[NDArray[np.int32], Points]:
    was = np.zeros(len(made.a))
    was[nodes] = weights
    used = np.zeros(len(made.a), bool)
    used[made.tets] = True
    copies = np.bincount(made.twin[used], minlength=len(made.a))
    now = np.flatnonzero(used & (was[made.twin] > 0)).astype(np.int32)
    share = was[made.twin[now]] / np.maximum(copies[made.twin[now]], 1)
    return now, share / max(float(share.sum()), 1e-300)
