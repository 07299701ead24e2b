"""Burn an ellipsoid around the tip of a needle: what lies in it becomes coagulated tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Ablate
from organtwin.rehearsal.frame import BURNT
from organtwin.units import parse
from organtwin_solvers.rehearsal.aftermath import burnt
from organtwin_solvers.rehearsal.laws import Elastic

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine


def perform(engine: Engine, command: Ablate) -> str:
    """
    Raises
    ------
    BadInput
        When no tissue lies in the ellipsoid, or it is none.
    """
    along, across = parse(command.along, "length"), parse(command.across, "length")
    axis = np.array(command.axis, float)
    tip, length = np.array(command.tip_mm, float), np.linalg.norm(axis)
    if not (np.isfinite(tip).all() and np.isfinite(axis).all()) or length == 0 or along <= 0 or across <= 0:
        raise BadInput(
            "An ablation needs a place, a direction, and half axes greater than zero",
            remedy='Give for example along "20 mm" and across "15 mm".',
        )
    axis = axis / length
    body, x = engine.body, engine.stepper.x

    def inside(places: np.ndarray) -> np.ndarray:
        away = places - tip
        depth = away @ axis
        aside = np.linalg.norm(away - np.outer(depth, axis), axis=1)
        return (depth / along) ** 2 + (aside / across) ** 2 <= 1.0

    cells = inside(x[body.tets].mean(axis=1))
    if not cells.any():
        raise BadInput("The needle burns no tissue of this organ", remedy="Bring its tip into the organ.")
    coagulated = Elastic.of(burnt(engine.scene.material))
    own = len(engine.scene.materials) + 1
    materials = body.materials if len(body.materials) > own else (*body.materials, coagulated)
    part = body.part.copy()
    fresh = cells & (part != own)
    part[cells] = own
    kinds = body.kinds.copy()
    kinds[inside(x[body.triangles].mean(axis=1))] = BURNT
    volume = float(body.volume_mm3[fresh].sum())
    engine.stepper.adopt(body.with_(part=part, kinds=kinds, materials=materials), x, engine.stepper.v)
    engine.note(burnt_mm3=engine.history.burnt_mm3 + volume)
    covered = [
        f"{100 * inside(thing.positions(x)).mean():.0f} % of the surface of {thing.name}"
        for thing in engine.carried
        if thing.kind == "tumour" and inside(thing.positions(x)).any()
    ]
    tail = f"; it covers {' and '.join(covered)}" if covered else "; it reaches no tumour"
    return f"Ablated {volume / 1e3:.1f} mL{tail}"
