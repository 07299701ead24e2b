"""Cut along a path drawn on the surface, to a depth."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.cutting import blade
from organtwin.mesh.cutting.sheets import distinct, surface_normals_at, unit
from organtwin.model.rehearsal import Incise
from organtwin.units import parse
from organtwin_solvers.rehearsal.actions.places import REACH_MM
from organtwin_solvers.rehearsal.consequences import consequences
from organtwin_solvers.rehearsal.opening import edge_mm, open_along

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

Points = NDArray[np.float64]

REACH_EDGES = 0.5  # past its border a blade cuts so far: the opened area is then that of the blade, on average


def perform(engine: Engine, command: Incise) -> str:
    """
    Raises
    ------
    BadInput
        When the path is none or lies off the organ, the depth is none, or the blade goes through nothing.
    """
    depth = parse(command.depth, "length")
    if not depth > 0:
        raise BadInput("The depth of an incision must be greater than zero")
    edge = edge_mm(engine.body)
    path, normals = _on_the_organ(engine, drawn_path(command.path_mm), 0.5 * edge)
    if command.direction is None:
        ways = -_smoothed(path, normals, 0.5 * depth)
    else:
        way = unit(command.direction, "The direction of the blade")
        if (normals @ way).mean() > 0:
            raise BadInput("The blade points out of the organ", remedy="Turn it round.")
        ways = np.tile(way, (len(path), 1))
    deep = max(depth, edge)  # less than an edge opens no face
    done = open_along(engine, blade(path, ways, deep, edge, 0.5 * edge, REACH_EDGES * edge))
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    least = f", the least that edges of {edge:.1f} mm can show" if deep > depth else ""
    return f"Incised {length:.0f} mm, {deep:.0f} mm deep{least}{consequences(done)}"


def drawn_path(path_mm: tuple[tuple[float, float, float], ...]) -> Points:
    """A path as an array (k, 3) without repeated points.

    Raises
    ------
    BadInput
        When it has less than two distinct points, or a coordinate that is no number.
    """
    path = np.array(path_mm, float).reshape(-1, 3)
    if not np.isfinite(path).all():
        raise BadInput("The path has a coordinate that is not a finite number")
    path = distinct(path)
    if len(path) < 2:
        raise BadInput("The path of a cut needs at least two distinct points", remedy="Draw a line on the organ.")
    return path


def _on_the_organ(engine: Engine, path: Points, spacing: float) -> tuple[Points, Points]:
    """The path closely sampled and laid on the organ's surface, with the outward normals there."""
    places = []
    for a, b in pairwise(path):
        pieces = max(1, int(np.ceil(np.linalg.norm(b - a) / spacing)))
        places.append(a + (b - a) * (np.arange(pieces) / pieces)[:, None])
    fine = np.concatenate([*places, path[-1:]])
    feet, _ = surface_normals_at(engine.stepper.x, engine.body.triangles, fine)
    away = np.linalg.norm(fine - feet, axis=1)
    if away.min() > REACH_MM:
        raise BadInput(f"The path lies {away.min():.0f} mm from the organ", remedy="Draw it on the organ's surface.")
    on = away <= REACH_MM
    feet = distinct(feet[on], 0.2 * spacing)
    if len(feet) < 2:
        raise BadInput("The path touches the organ in one point only", remedy="Draw it along the organ's surface.")
    return feet, surface_normals_at(engine.stepper.x, engine.body.triangles, feet)[1]


def _smoothed(path: Points, normals: Points, width: float) -> Points:
    """Normals averaged along the path (Gaussian), so that the blade turns gently."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    weight = np.exp(-0.5 * ((along[:, None] - along[None]) / max(width, 1e-6)) ** 2)
    mean = weight @ normals
    return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12))
