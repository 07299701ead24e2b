"""The tissue as linear tetrahedra at rest: shape, materials by part, boundary triangles, mass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.model.rehearsal import Scene
from organtwin.rehearsal.frame import SKIN
from organtwin_solvers.rehearsal.laws import Elastic


@dataclass(frozen=True, eq=False)
class Body:
    """Tetrahedra with their materials.

    Parameters
    ----------
    rest_mm : (n, 3) float64
        Points at rest. Points of no tetrahedron may be among them: they have no mass and do not move.
    tets : (m, 4) int32
        Positively oriented.
    part : (m,) int16
        Index into ``materials``.
    materials : tuple of Elastic
        In mm-g-s.
    triangles : (t, 3) int32
        Boundary, outward.
    kinds : (t,) uint8
        SKIN, CUT or BURNT of :mod:`organtwin.rehearsal.frame`.
    size : (m,) float64, optional
        How long each tetrahedron would be without stress, of its length in ``rest_mm``: less than 1 where it was drained.
    """

    rest_mm: NDArray[np.float64]
    tets: NDArray[np.int32]
    part: NDArray[np.int16]
    materials: tuple[Elastic, ...]
    triangles: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    size: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, organ: OrganMesh, scene: Scene) -> Body:
        """The body of a mesh with the materials of a scene.

        Raises
        ------
        BadInput
            For a material that the rehearsal cannot follow, a part that the mesh does not have, and a flat or inverted
            tetrahedron.
        """
        for name in scene.materials:
            if name not in organ.materials:
                known = ", ".join(organ.materials) or "none"
                raise BadInput(f"The mesh '{organ.name}' has no part '{name}'", remedy=f"It has: {known}.")
        materials = [Elastic.of(scene.material)]
        part = np.zeros(len(organ.tets), np.int16)
        for name, material in scene.materials.items():
            part[np.asarray(organ.materials_of_cells) == organ.materials[name]] = len(materials)
            materials.append(Elastic.of(material))
        triangles = np.ascontiguousarray(organ.boundary_triangles, np.int32)
        body = cls(
            np.ascontiguousarray(organ.points_mm, np.float64),
            np.ascontiguousarray(organ.tets, np.int32),
            part,
            tuple(materials),
            triangles,
            np.full(len(triangles), SKIN, np.uint8),
        )
        bad = np.flatnonzero(body.volume_mm3 <= 0)
        if bad.size:
            place = ", ".join(f"{x:.1f}" for x in body.rest_mm[body.tets[bad[0]]].mean(axis=0))
            raise BadInput(
                f"The mesh '{organ.name}' has {bad.size} flat or inverted tetrahedra",
                where=f"the first is {bad[0]}, at ({place}) mm",
                remedy="Mesh the structure again.",
            )
        return body

    def with_(self, **changes: Any) -> Body:
        """The same with other arrays, for example after a cut."""
        return replace(self, **changes)

    @cached_property
    def volume_mm3(self) -> NDArray[np.float64]:
        """Volume of each tetrahedron at rest (m,), less what was drained."""
        corners = self.rest_mm[self.tets]
        a, b, c = (corners[:, k] - corners[:, 0] for k in (1, 2, 3))
        volume = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
        return np.asarray(volume if self.size is None else volume * self.size**3)

    @cached_property
    def mass(self) -> NDArray[np.float64]:
        """Mass of each point (n,), g: a quarter of each tetrahedron around it."""
        density = np.array([m.density for m in self.materials])[self.part]
        quarter = np.repeat(density * self.volume_mm3 / 4.0, 4)
        return np.bincount(self.tets.ravel(), quarter, len(self.rest_mm))

    @cached_property
    def shear_energy(self) -> float:
        """What shears the whole body by 1 (g mm^2/s^2): the measure of energies that are nothing."""
        return float(self.volume_mm3.sum()) * max(material.shear_pa for material in self.materials)

    @cached_property
    def size_mm(self) -> float:
        """Diagonal of the box around it."""
        used = self.rest_mm[self.mass > 0]
        return float(np.linalg.norm(np.ptp(used, axis=0))) if len(used) else 1.0
