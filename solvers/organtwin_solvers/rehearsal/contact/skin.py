"""The boundary of a body as contact sees it: triangles, how large they are, and how stiff the tissue behind them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.contact.penalty import DEPTH_MM


@dataclass(frozen=True, eq=False)
class Skin:
    """
    Parameters
    ----------
    body : Body
        Whose boundary it is.
    triangles : (t, 3) int32
        Outward.
    area_mm2 : (t,) float64
        At rest: weights do not change as the tissue stretches, so that contact has an energy.
    stiffness : (t,) float64
        Pressure for each mm of depth (Pa/mm): that of a stretch by the whole length at ``DEPTH_MM``.
    nodes : (s,) int32
        Points of the boundary, in order.
    node_area_mm2, node_stiffness : (n,) float64
        The same for each point of the body; zero inside.
    young_pa : float
        Mean Young's modulus at the boundary.
    """

    body: Body
    triangles: NDArray[np.int32]
    area_mm2: NDArray[np.float64]
    stiffness: NDArray[np.float64]
    nodes: NDArray[np.int32]
    node_area_mm2: NDArray[np.float64]
    node_stiffness: NDArray[np.float64]
    young_pa: float

    @classmethod
    def of(cls, body: Body) -> Skin:
        corners = np.ascontiguousarray(body.triangles, np.int32)
        p = body.rest_mm[corners]
        area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) / 2
        young = 3 * np.array([m.shear_pa for m in body.materials])[body.part]
        n = len(body.rest_mm)
        share = np.repeat(body.volume_mm3, 4)
        around = np.bincount(body.tets.ravel(), share, n)
        mean = np.bincount(body.tets.ravel(), share * np.repeat(young, 4), n) / np.maximum(around, 1e-300)
        nodes = np.unique(corners).astype(np.int32)
        node_area = np.bincount(corners.ravel(), np.repeat(area / 3, 3), n)
        return cls(
            body,
            corners,
            area,
            mean[corners].mean(axis=1) / DEPTH_MM,
            nodes,
            node_area,
            mean / DEPTH_MM,
            float(mean[nodes].mean()) if len(nodes) else 1.0,
        )
