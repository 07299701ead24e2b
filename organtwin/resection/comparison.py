"""Two plans beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import Quantity
from organtwin.model.resection_plan import ResectionPlan
from organtwin.resection.anatomy import resampled

# where less is better, and where more is
LESS = ("resected volume", "cut surface", "vessels cut", "widest vessel cut", "remnant without")
MORE = ("remnant volume", "remnant of", "remnant with ", "margin", "distance to")


@dataclass(frozen=True)
class PlanRow:
    """A number of both plans; None where one does not have it. ``better`` is "one", "other" or "" when they are alike."""

    name: str
    unit: str
    one: Quantity | None
    other: Quantity | None
    better: str = ""


@dataclass(frozen=True)
class PlanComparison:
    """Rows of numbers, what both take and what only one takes (mL), and the vessels that only one cuts."""

    rows: tuple[PlanRow, ...]
    both_ml: float
    only_one_ml: float
    only_other_ml: float
    vessels_only_one: tuple[str, ...]
    vessels_only_other: tuple[str, ...]


def compare_plans(one: ResectionPlan, other: ResectionPlan) -> PlanComparison:
    """Compare two plans of the same organ.

    Raises
    ------
    BadInput
        When they are of different organs or different scans.
    """
    if one.organ != other.organ or one.grid.frame_uid != other.grid.frame_uid:
        raise BadInput(
            "Plans of different organs or scans cannot be compared",
            where=f"'{one.name}', '{other.name}'",
            remedy="Choose two plans of one organ.",
        )
    old = {(q.name, q.unit): q for q in one.quantities}
    new = {(q.name, q.unit): q for q in other.quantities}
    rows = [
        PlanRow(n, u, old.get((n, u)), new.get((n, u)), _better(n, old.get((n, u)), new.get((n, u))))
        for n, u in {**old, **new}
    ]
    mine = np.asarray(one.taken)
    theirs = (
        np.asarray(other.taken)
        if one.grid.same_as(other.grid)
        else resampled(np.asarray(other.taken).astype(np.uint8), other.grid, one.grid).astype(bool)
    )
    voxel = one.grid.voxel_volume_mm3 / 1000.0
    # a number in brackets only counts the places of one plan: it says nothing of another
    names, others = ({v.name for v in plan.vessels_cut if not v.name.endswith(")")} for plan in (one, other))
    return PlanComparison(
        rows=tuple(rows),
        both_ml=float(np.count_nonzero(mine & theirs)) * voxel,
        only_one_ml=float(np.count_nonzero(mine & ~theirs)) * voxel,
        only_other_ml=float(np.count_nonzero(theirs & ~mine)) * voxel,
        vessels_only_one=tuple(sorted(names - others)),
        vessels_only_other=tuple(sorted(others - names)),
    )


def _better(name: str, one: Quantity | None, other: Quantity | None) -> str:
    if one is None or other is None:
        return ""
    size = max(abs(one.value), abs(other.value))
    if abs(one.value - other.value) <= 0.01 * size:
        return ""
    if name.startswith(LESS):
        return "one" if one.value < other.value else "other"
    if name.startswith(MORE):
        return "one" if one.value > other.value else "other"
    return ""
