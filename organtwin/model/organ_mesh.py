"""A tetrahedral mesh of one structure with boundary regions that have names."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from organtwin.errors import BadInput
from organtwin.model.base import Array, Frozen, TwinObject


class Cap(Frozen):
    """A flat opening of a vessel. ``normal`` points out of the vessel."""

    name: str
    role: Literal["inlet", "outlet"]
    centre_mm: tuple[float, float, float]
    normal: tuple[float, float, float]
    area_mm2: float
    radius_mm: float


class OrganMesh(TwinObject):
    """Tetrahedra in LPS mm.

    ``points_mm`` (n, 3) float64; ``tets`` (m, 4) int32, positively oriented: dot(b-a, cross(c-a, d-a)) > 0;
    ``boundary_triangles`` (b, 3) int32, outward; ``boundary_tags`` (b,) int16 with names in ``boundaries``;
    ``materials_of_cells`` (m,) int16 with names in ``materials``.
    Vessels have the boundaries "wall" and one per cap; organs have "surface" split by facing direction
    ("anterior", "posterior", "left", "right", "superior", "inferior").
    ``report`` holds the quality numbers of the field: tets, nodes, min_dihedral_deg, max_dihedral_deg,
    mean_quality, worst_quality (mean ratio, 1 is regular), volume_mm3, volume_error_percent; ``mesher`` says who made it.
    """

    kind: ClassVar[str] = "mesh"

    structure: str
    points_mm: Array
    tets: Array
    boundary_triangles: Array
    boundary_tags: Array
    boundaries: dict[str, int]
    materials_of_cells: Array | None = None
    materials: dict[str, int] = Field(default_factory=dict)
    caps: tuple[Cap, ...] = ()
    frame_uid: str = ""
    mesher: str = ""
    report: dict[str, float] = Field(default_factory=dict)

    def cap(self, name: str) -> Cap:
        for cap in self.caps:
            if cap.name == name:
                return cap
        raise BadInput(
            f"The mesh '{self.name}' has no opening '{name}'",
            remedy=f"It has: {', '.join(c.name for c in self.caps) or 'none'}.",
        )

    def boundary(self, name: str) -> NDArray[np.int32]:
        """(k, 3) triangles of one named boundary region."""
        if name not in self.boundaries:
            raise BadInput(
                f"The mesh '{self.name}' has no boundary '{name}'", remedy=f"It has: {', '.join(self.boundaries)}."
            )
        return np.asarray(self.boundary_triangles[self.boundary_tags == self.boundaries[name]])
