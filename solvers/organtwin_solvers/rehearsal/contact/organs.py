"""Contact with neighbouring organs, which are rigid and stay where they are.

Segmentations of neighbours touch and overlap by a voxel or two. What overlaps at the start is taken as lying against each
other: the distance of the scan is the gap at rest of each point, so that nothing is pushed before something moves.
"""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin.model import OrganMesh
from organtwin_solvers.rehearsal.contact.distance_grid import DistanceGrid, distance_at
from organtwin_solvers.rehearsal.contact.penalty import OFFSET_MM, pressure
from organtwin_solvers.rehearsal.contact.skin import Skin
from organtwin_solvers.rehearsal.stepper import Stepper

compiled = njit(cache=True, error_model="numpy")

Floats = NDArray[np.float64]

TOLD_MM = 1.0  # an overlap that is less is that of any segmentation


class Neighbours:
    """Load on tissue from the organs around it.

    Parameters
    ----------
    stepper : Stepper
        Whose body lies among them, also after a cut.
    grids : tuple of DistanceGrid
    names : tuple of str
    """

    def __init__(self, stepper: Stepper, grids: tuple[DistanceGrid, ...], names: tuple[str, ...]) -> None:
        self._stepper, self._grids, self._names = stepper, grids, names
        self._skin: Skin | None = None
        self._gaps: list[Floats] = []
        self._begin = stepper.x
        self._adopt()

    @classmethod
    def of(cls, organs: list[OrganMesh], stepper: Stepper) -> Neighbours:
        """Of the meshes of the organs around."""
        grids = tuple(DistanceGrid.of(organ.points_mm, organ.boundary_triangles) for organ in organs)
        return cls(stepper, grids, tuple(organ.structure or organ.name for organ in organs))

    @property
    def says(self) -> tuple[str, ...]:
        """A sentence for each organ that overlapped at the start."""
        assert self._skin is not None
        nodes, sentences = self._skin.nodes, []
        for grid, name in zip(self._grids, self._names, strict=True):
            deepest = -float(grid.sample(self._skin.body.rest_mm[nodes])[0].min(initial=0.0))
            if deepest > TOLD_MM:
                sentences.append(
                    f"The organ overlaps its neighbour {name} by up to {deepest:.1f} mm in the segmentation: "
                    "they are taken as lying against each other"
                )
        return tuple(sentences)

    def _adopt(self) -> Skin:
        """Gaps at rest of the points of the body as it now is."""
        if self._skin is None or self._skin.body is not self._stepper.body:
            self._skin = skin = Skin.of(self._stepper.body)
            rest = skin.body.rest_mm[skin.nodes]
            self._gaps = [np.minimum(grid.sample(rest)[0] - OFFSET_MM, 0.0) for grid in self._grids]
        return self._skin

    def begin(self, x: Floats, v: Floats, dt: float) -> None:
        self._adopt()
        self._begin = x.copy()

    def evaluate(self, x: Floats) -> tuple[NDArray[np.int32], Floats, Floats]:
        skin = self._adopt()
        nodes = skin.nodes
        force, stiffness = np.zeros((len(nodes), 3)), np.zeros((len(nodes), 3, 3))
        weight = (skin.node_area_mm2 * skin.node_stiffness)[nodes]
        begin = self._begin if len(self._begin) == len(x) else x
        for grid, gaps in zip(self._grids, self._gaps, strict=True):
            _push(x, begin, nodes, weight, gaps, grid.values, grid.origin_mm, grid.spacing_mm, force, stiffness)
        touched = np.flatnonzero(np.einsum("iaa->i", stiffness) > 0)
        return nodes[touched], force[touched], stiffness[touched]

    def missed(self, x: Floats) -> bool:
        return False


@compiled
def _push(x, begin, nodes, weight, gaps, values, origin, spacing, force, stiffness):
    for m in range(len(nodes)):
        node = nodes[m]
        gap, g0, g1, g2 = distance_at(values, origin, spacing, x[node, 0], x[node, 1], x[node, 2])
        gap -= gaps[m]
        d0, d1, d2 = x[node, 0] - begin[node, 0], x[node, 1] - begin[node, 1], x[node, 2] - begin[node, 2]
        way = sqrt(d0 * d0 + d1 * d1 + d2 * d2)
        if way > spacing:  # it may have gone through: where did it come in?
            parts = min(ceil(way / spacing), 100)
            for s in range(parts):
                e0, e1, e2 = (
                    begin[node, 0] + d0 * s / parts,
                    begin[node, 1] + d1 * s / parts,
                    begin[node, 2] + d2 * s / parts,
                )
                entry, h0, h1, h2 = distance_at(values, origin, spacing, e0, e1, e2)
                if entry - gaps[m] < 0:
                    if gap > 0 or h0 * g0 + h1 * g1 + h2 * g2 < 0.0:
                        gap = entry - gaps[m] + h0 * (x[node, 0] - e0) + h1 * (x[node, 1] - e1) + h2 * (x[node, 2] - e2)
                        g0, g1, g2 = h0, h1, h2
                    break
        push, slope = pressure(gap, OFFSET_MM)
        if push > 0:
            force[m, 0] += push * weight[m] * g0
            force[m, 1] += push * weight[m] * g1
            force[m, 2] += push * weight[m] * g2
            g = (g0, g1, g2)
            for a in range(3):
                for b in range(3):
                    stiffness[m, a, b] += slope * weight[m] * g[a] * g[b]
