"""Cut along the surface of a resection plan, and take away what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.cutting import Cut, Triangulated
from organtwin.model.rehearsal import PlanResection
from organtwin.model.resection_plan import ResectionPlan
from organtwin_solvers.rehearsal.consequences import consequences, took
from organtwin_solvers.rehearsal.opening import edge_mm, open_along

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

Points = NDArray[np.float64]
HALF = 0.5


def perform(engine: Engine, command: PlanResection) -> str:
    """
    Raises
    ------
    BadInput
        When no plan was given, its surface is empty or does not part this mesh.
    """
    plan = engine.plan
    if plan is None:
        raise BadInput("There is no plan on the table", remedy="Begin the rehearsal with a resection plan.")
    if not len(plan.cut_triangles):
        raise BadInput(f"The plan '{plan.name}' cuts nothing", remedy="Make another plan.")
    edge = edge_mm(engine.body)
    sheet = Triangulated(np.asarray(plan.cut_points_mm, float), np.asarray(plan.cut_triangles), reach_mm=1.5 * edge)
    done = open_along(engine, [sheet], at_rest=True, take=lambda cut, x, rest: _planned(cut, rest, plan))
    planned = float(np.count_nonzero(plan.taken)) * plan.grid.voxel_volume_mm3
    return f"{took(engine, done)} by the plan '{plan.name}', which had {planned / 1e3:.0f} mL{consequences(done)}"


def _planned(cut: Cut, rest: Points, plan: ResectionPlan) -> NDArray[np.intp]:
    """Pieces most of which the plan takes."""
    if len(cut.piece_mm3) - len(cut.crumbs) < 2:
        raise BadInput(
            f"The surface of the plan '{plan.name}' does not part this mesh: no piece comes off",
            remedy="Make the plan on the segmentation that the mesh was made of.",
        )
    corners = rest[cut.tets]
    volume = np.abs(
        np.einsum("ij,ij->i", corners[:, 1] - corners[:, 0], np.cross(*(corners[:, k] - corners[:, 0] for k in (2, 3))))
    )
    kji = np.rint(plan.grid.to_index(corners.mean(axis=1))[:, ::-1]).astype(int)
    kji = np.clip(kji, 0, np.array(plan.taken.shape) - 1)
    taken = np.asarray(plan.taken)[tuple(kji.T)] > 0
    share = np.bincount(cut.piece, volume * taken) / np.bincount(cut.piece, volume)
    chosen = np.flatnonzero(share > HALF)
    if not len(chosen):
        raise BadInput(f"The plan '{plan.name}' takes no piece of this mesh", remedy="Make the plan anew.")
    return chosen
