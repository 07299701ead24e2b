"""How far a number can be believed: levels from the mesh, the march and the balance of mass.

A quantity is as good as the worst of what it rests on, and says what that is. The limits are those of common practice, not
proofs: a mesh-convergence study, which measures the error, replaces them (flow-convergence).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Centerline, FlowCase, OrganMesh, Quantity
from organtwin_solvers.flow.march.advance import March
from organtwin_solvers.flow.setup.conditions import Conditions
from organtwin_solvers.flow.setup.inflow import normals_mm2

Array = NDArray[np.float64]
Level = Literal["good", "fair", "poor", "unknown"]
ORDER: tuple[Level, ...] = ("good", "fair", "unknown", "poor")  # from best to worst


@dataclass(frozen=True)
class Ground:
    """One thing that numbers rest on."""

    level: Level
    why: str


@dataclass(frozen=True)
class Judgement:
    """The grounds of one solve, and quantities with the level they earn from them."""

    steadiness: Ground
    balance: Ground
    across: Ground
    wall_cells: Ground
    wall_resolution: str

    def bulk(self, name: str, value: float, unit: str) -> Quantity:
        """A pressure, a flow or a velocity."""
        return _quantity(name, value, unit, self.steadiness, self.balance, self.across)

    def wall(self, name: str, value: float, unit: str) -> Quantity:
        """A quantity of the wall shear."""
        return _quantity(name, value, unit, self.steadiness, self.balance, self.across, self.wall_cells)

    def mass(self, name: str, value: float, unit: str) -> Quantity:
        return _quantity(name, value, unit, self.balance)

    def state(self, name: str, value: float, unit: str) -> Quantity:
        return _quantity(name, value, unit, self.steadiness)

    def given(self, name: str, value: float, unit: str) -> Quantity:
        """What follows from the case alone."""
        return Quantity(name=name, value=value, unit=unit, level="good", why="follows from the case")


def _quantity(name: str, value: float, unit: str, *grounds: Ground) -> Quantity:
    worst = max(grounds, key=lambda ground: ORDER.index(ground.level))
    said = [ground.why for ground in grounds if ground.level == worst.level]
    return Quantity(name=name, value=float(value), unit=unit, level=worst.level, why="; ".join(said))


def judge(
    organ: OrganMesh,
    case: FlowCase,
    conditions: Conditions,
    march: March,
    shear: Array,
    imbalance_percent: float,
    line: Centerline | None,
) -> Judgement:
    """Weigh a finished march; ``shear`` (nt, n_points) in Pa, ``line`` the mesh's centreline when it has one."""
    wall_cells, resolution = _wall(organ, conditions, shear)
    return Judgement(
        steadiness=_steadiness(case, march),
        balance=Ground(_below(imbalance_percent, 0.5, 2.0), f"mass balance within {imbalance_percent:.2g} %"),
        across=_across(organ, line),
        wall_cells=wall_cells,
        wall_resolution=resolution,
    )


def _below(value: float, good: float, fair: float) -> Level:
    return "good" if value <= good else "fair" if value <= fair else "poor"


def _steadiness(case: FlowCase, march: March) -> Ground:
    if case.numerics.mode == "pulsatile":
        if not np.isfinite(march.residual):
            return Ground("poor", "one cycle only, not known to be periodic")
        return Ground(_below(march.residual, 0.01, 0.05), f"cycles differ by {100 * march.residual:.2g} %")
    if march.residual < case.numerics.tolerance:
        return Ground("good", f"steady to {march.residual:.1e}")
    return Ground(
        _below(march.fluctuation, 0.01, 0.1),
        f"not steady: the mean of a flow that fluctuates by {100 * march.fluctuation:.2g} %",
    )


def _across(organ: OrganMesh, line: Centerline | None) -> Ground:
    """Cells across the vessel where there are fewest: diameter over the edge of a regular cell of the size found there."""
    if line is None:
        return Ground("unknown", "no centreline to count cells across")
    from scipy.spatial import cKDTree

    corners = np.asarray(organ.points_mm)[organ.tets]
    volume = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / 6.0
    _, near = cKDTree(corners.mean(axis=1)).query(np.asarray(line.points_mm), k=min(8, len(corners)))
    edge = np.cbrt(6.0 * np.sqrt(2.0) * volume[near].reshape(len(line.points_mm), -1).mean(axis=1))
    fewest = float(np.min(2.0 * np.asarray(line.radius_mm) / edge))
    level: Level = "good" if fewest >= 8.0 else "fair" if fewest >= 5.0 else "poor"
    return Ground(level, f"{fewest:.0f} cells across the vessel at its coarsest; no mesh study")


def _wall(organ: OrganMesh, conditions: Conditions, shear: Array) -> tuple[Ground, str]:
    """y+ = height of the cell at the wall * sqrt(shear * density) / viscosity; 5 is the edge of the viscous sublayer."""
    wall = organ.boundary("wall")
    height = cell_heights(organ, wall)
    plus = height * np.sqrt(shear.max(axis=0)[wall].mean(axis=1) * conditions.density) / conditions.viscosity
    middle, high = np.percentile(plus, [50.0, 95.0])
    level: Level = "good" if high <= 2.0 else "fair" if middle <= 10.0 else "poor"
    verdict = {"good": "resolved", "fair": "fair", "poor": "coarse: read wall shear as a pattern, not as a value"}[
        level
    ]
    said = f"y+ of the first cell {middle:.1f} (median), {high:.1f} (95 %)"
    return Ground(level, said), f"{said}: {verdict}"


def cell_heights(organ: OrganMesh, triangles: NDArray[np.integer]) -> Array:
    """Height over each boundary triangle of the tetrahedron behind it, mm."""
    tets, points = np.asarray(organ.tets, np.int64), np.asarray(organ.points_mm)
    n = len(points)

    def key(faces: NDArray[np.integer]) -> NDArray[np.int64]:
        a, b, c = np.sort(np.asarray(faces, np.int64), axis=1).T
        return np.asarray((a * n + b) * n + c)

    faces = np.concatenate([key(np.delete(tets, corner, axis=1)) for corner in range(4)])
    tip = np.concatenate([tets[:, corner] for corner in range(4)])
    order = np.argsort(faces)
    at = order[np.searchsorted(faces, key(triangles), sorter=order)]
    normal = normals_mm2(organ, triangles)
    inward = points[triangles[:, 0]] - points[tip[at]]
    return np.abs(np.einsum("ij,ij->i", inward, normal)) / np.linalg.norm(normal, axis=1)
