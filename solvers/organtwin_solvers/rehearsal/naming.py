"""Names of the vessels at a place: from the trees of their branches where these are given, else of the surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine


def branch_at(engine: Engine, surface: str, at_mm: NDArray[np.float64]) -> tuple[str, float | None]:
    """Name of the branch of the surface ``surface`` nearest to a place in the scan, and its diameter there (mm)."""
    best: tuple[float, str, float | None] = (np.inf, surface, None)
    for tree in engine.trees:
        if not _belongs(tree.name, surface):
            continue
        points = np.asarray(tree.points_mm, float)
        away = np.linalg.norm(points - at_mm, axis=1)
        for branch in tree.branches:
            span = slice(branch.first, branch.last + 1)
            k = int(away[span].argmin())
            if away[span][k] < best[0]:
                best = (float(away[span][k]), branch.name, 2 * float(np.asarray(tree.radius_mm)[span][k]))
    return best[1], best[2]


def _belongs(tree: str, surface: str) -> bool:
    """Whether a tree is that of a surface, by the first words of their names ("Portal vein ...")."""
    return (
        surface.lower().split(",")[0].strip() in tree.lower() or tree.lower().split(",")[0].strip() in surface.lower()
    )
