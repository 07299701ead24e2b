"""Close a vessel that the organ carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Clip
from organtwin_solvers.rehearsal.history import Closed
from organtwin_solvers.rehearsal.naming import branch_at

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

REACH_MM = 15.0
LENGTH_MM = 4.0  # half the length of vessel that a clip draws together
OPEN_SHARE = 0.1  # of the radius that stays


def perform(engine: Engine, command: Clip) -> str:
    """
    Raises
    ------
    BadInput
        When no vessel is near.
    """
    place, x = np.array(command.at_mm, float), engine.stepper.x
    vessels = [thing for thing in engine.carried if thing.kind == "vessel"]
    if not vessels:
        raise BadInput(
            "This organ carries no vessels", remedy="Choose surfaces of its vessels when the rehearsal begins."
        )
    best = None
    for thing in vessels:
        there = np.unique(thing.triangles[~thing.gone])
        if len(there):
            away = np.linalg.norm(thing.positions(x)[there] - place, axis=1)
            if best is None or away.min() < best[0]:
                best = (float(away.min()), thing, int(there[away.argmin()]))
    if best is None or best[0] > REACH_MM:
        far = "" if best is None else f": the nearest is {best[0]:.0f} mm away"
        raise BadInput(f"There is no vessel to clip{far}", remedy="Point at a vessel.")
    _, thing, seed = best
    points, share, along = _cuff(thing.points_mm, thing.triangles, seed)
    at = thing.points_mm[points].mean(axis=0)
    branch, _ = branch_at(engine, thing.name, at)
    closed = Closed(thing.name, branch, (float(at[0]), float(at[1]), float(at[2])), points, share, along)
    engine.note(closed=(*engine.history.closed, closed))
    return f"Clipped: {branch}"


def _cuff(points_mm: np.ndarray, triangles: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a vessel's surface around its middle line near ``seed``, how far each is drawn in, and where along."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    normal = _normal(points_mm, triangles, seed)
    radius = _radius(points_mm, points_mm[seed], -normal)
    middle = points_mm[seed] - radius * normal
    near = np.flatnonzero(np.linalg.norm(points_mm - middle, axis=1) < np.hypot(1.6 * radius, LENGTH_MM))
    edges = triangles[np.isin(triangles, near).all(axis=1)]
    pairs = np.concatenate([edges[:, [0, 1]], edges[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points_mm),) * 2)
    _, piece = connected_components(graph, directed=False)
    near = near[piece[near] == piece[seed]]
    spread = points_mm[near] - points_mm[near].mean(axis=0)
    # the axis: along it the normals of the wall vanish
    normals = np.stack([_normal(points_mm, triangles, int(n)) for n in near])
    _, vectors = np.linalg.eigh(normals.T @ normals)
    along = spread @ vectors[:, 0]
    keep = np.abs(along) <= LENGTH_MM
    fade = 0.5 * (1 + np.cos(np.pi * along[keep] / LENGTH_MM))
    return near[keep], (1 - OPEN_SHARE) * fade, along[keep]


def _normal(points_mm: np.ndarray, triangles: np.ndarray, point: int) -> np.ndarray:
    around = points_mm[triangles[(triangles == point).any(axis=1)]]
    normal = np.cross(around[:, 1] - around[:, 0], around[:, 2] - around[:, 0]).sum(axis=0)
    return np.asarray(normal / max(float(np.linalg.norm(normal)), 1e-12))


def _radius(points_mm: np.ndarray, wall: np.ndarray, inwards: np.ndarray) -> float:
    """Half way to the opposite wall: the nearest point of the surface that lies about straight ahead."""
    ahead = points_mm - wall
    depth = ahead @ inwards
    aside = np.linalg.norm(ahead - np.outer(depth, inwards), axis=1)
    facing = (depth > 0.5) & (aside < 0.5 * depth)
    return float(depth[facing].min() / 2) if facing.any() else 2.0
