"""Close the jaws of a grasper on tissue, and open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Close, Open
from organtwin.units import parse
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.rehearsal.supports import Held
from organtwin_solvers.rehearsal.tools import GRASP

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine


def close(engine: Engine, command: Close) -> str:
    """Hold the points of the surface within reach of the tip. They go with the jaws until these open.

    Raises
    ------
    BadInput
        When no grasper is in hand, it holds already, or nothing is within reach.
    """
    tool, stepper = engine.tool, engine.stepper
    if tool is None or tool.kind != "grasper":
        raise BadInput("There is no grasper in hand", remedy="Take a grasper first.")
    if tool.grasping:
        raise BadInput("The jaws are closed already", remedy="Open them first.")
    if tool.felt is None:
        raise BadInput("The grasper is nowhere yet", remedy="Move it to the tissue.")
    reach = parse(command.reach, "length")
    nodes = within_reach(stepper, tool.felt[:3], reach)
    if len(nodes) == 0:
        raise BadInput(f"Nothing is within {command.reach} of the jaws", remedy="Bring the tip to the surface.")
    stepper.held[GRASP] = Held(nodes, stepper.x[nodes].copy())
    return f"The jaws hold {len(nodes)} points of the tissue"


def let_go(engine: Engine, command: Open) -> str:
    """
    Raises
    ------
    BadInput
        When nothing is held.
    """
    if engine.tool is None or not engine.tool.grasping:
        raise BadInput("The jaws hold nothing", remedy="Close them on tissue first.")
    release(engine.stepper)
    return "The jaws are open"


def release(stepper: Stepper) -> None:
    stepper.held.pop(GRASP, None)


def within_reach(stepper: Stepper, tip_mm: NDArray[np.float64], reach_mm: float) -> NDArray[np.int32]:
    """Points of the surface (k,) within reach that nothing else holds; of a coarse surface at least the corners of the
    triangle that is within reach."""
    corners = stepper.body.triangles
    near = np.linalg.norm(stepper.x - tip_mm, axis=1) <= reach_mm
    on_surface = np.zeros(len(stepper.x), bool)
    on_surface[corners] = True
    nodes = np.flatnonzero(near & on_surface)
    if len(nodes) < 3:
        distance = distance_to_triangles(tip_mm, stepper.x[corners])
        nearest = int(np.argmin(distance)) if len(distance) else 0
        if len(distance) and distance[nearest] <= reach_mm:
            nodes = np.union1d(nodes, corners[nearest])
    held = [h.nodes for h in stepper.held.values()]
    return np.setdiff1d(nodes, np.concatenate(held) if held else []).astype(np.int32)


def distance_to_triangles(point_mm: NDArray[np.float64], corners_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance (t,) of a point to triangles (t, 3, 3)."""
    a, b, c = corners_mm[:, 0], corners_mm[:, 1], corners_mm[:, 2]
    best = np.full(len(a), np.inf)
    for p, q in ((a, b), (b, c), (c, a)):
        edge = q - p
        size = np.maximum(np.einsum("ij,ij->i", edge, edge), 1e-300)
        s = np.clip(np.einsum("ij,ij->i", point_mm - p, edge) / size, 0, 1)
        best = np.minimum(best, np.linalg.norm(p + s[:, None] * edge - point_mm, axis=1))
    normal = np.cross(b - a, c - a)
    twice = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)
    v = np.einsum("ij,ij->i", np.cross(point_mm - a, c - a), normal) / twice
    w = np.einsum("ij,ij->i", np.cross(b - a, point_mm - a), normal) / twice
    over = (v >= 0) & (w >= 0) & (v + w <= 1)
    height = np.abs(np.einsum("ij,ij->i", point_mm - a, normal)) / np.sqrt(twice)
    return np.where(over, np.minimum(best, height), best)
