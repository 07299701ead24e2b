"""What verification cases measure on a mesh, and how they say it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh
from organtwin.validation import Row
from organtwin_solvers.flow.setup.inflow import normals_mm2


def point_volumes(organ: OrganMesh) -> NDArray[np.float64]:
    """Each point's share of the volume (n_points,), mm^3."""
    a, b, c, d = (organ.points_mm[organ.tets[:, i]] for i in range(4))
    volume = np.abs(np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a))) / 6.0
    share = np.zeros(len(organ.points_mm))
    for corner in range(4):
        np.add.at(share, organ.tets[:, corner], volume / 4.0)
    return share


def length(values: NDArray[np.floating], weights: NDArray[np.float64]) -> float:
    """Weighted L2 norm of a field (n_points,) or (n_points, k)."""
    square = np.square(values, dtype=float).reshape(len(weights), -1).sum(axis=1)
    return float(np.sqrt(np.sum(weights * square)))


def mean_on_wall(organ: OrganMesh, values: NDArray[np.floating], low_mm: float, high_mm: float) -> float:
    """Mean over the wall's area of a point value, between two heights z of a vessel along z."""
    wall = organ.boundary("wall")
    z = organ.points_mm[wall][..., 2].mean(axis=1)
    wall = wall[(z > low_mm) & (z < high_mm)]
    return float(np.average(values[wall].mean(axis=1), weights=np.linalg.norm(normals_mm2(organ, wall), axis=1)))


def observed_order(coarse: float, fine: float, ratio: float) -> float:
    """Order with which an error falls from ``coarse`` to ``fine`` when cells or steps become ``ratio`` times smaller."""
    return math.log(coarse / fine) / math.log(ratio)


def order_row(
    quantity: str, observed: float, mesh: str, seconds: float, *, accepted_percent: float = 10.0, order: float = 2.0
) -> Row:
    """Row that asks for an order of convergence."""
    return Row(
        f"order of convergence: {quantity}", order, observed, "", accepted_percent, "theory, linear elements and BDF2",
        mesh, seconds, at_least=True,
    )  # fmt: skip
