"""What comes out of a procedure, before it becomes an OrganMesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.model import Cap, OrganMesh

Beat = Callable[[], None]


@dataclass(frozen=True)
class Changed:
    """The mesh after. The first ``kept`` cells were there before, if ``moved``."""

    points: tri.Points
    tets: NDArray[np.int32]
    faces: tri.Triangles
    tags: NDArray[np.int16]
    boundaries: dict[str, int]
    caps: tuple[Cap, ...]
    mesher: str
    kept: int
    notes: tuple[str, ...] = ()

    @classmethod
    def not_at_all(cls, organ: OrganMesh, notes: tuple[str, ...]) -> Changed:
        """The mesh as it was."""
        return cls(
            np.asarray(organ.points_mm, float),
            np.asarray(organ.tets),
            np.asarray(organ.boundary_triangles),
            np.asarray(organ.boundary_tags),
            organ.boundaries,
            organ.caps,
            organ.mesher,
            len(organ.tets),
            notes,
        )

    def mesh(self, organ: OrganMesh, name: str) -> OrganMesh:
        """The OrganMesh that takes the place of ``organ`` in what is tried."""
        numbers = quality.report(self.points, self.tets)
        numbers["mean_edge_mm"] = float(tri.edge_lengths(self.points, self.faces).mean())
        numbers["kept_tets"] = float(self.kept)
        numbers["made_tets"] = float(len(self.tets) - self.kept)
        numbers["volume_change_mm3"] = numbers["volume_mm3"] - float(
            quality.volumes(np.asarray(organ.points_mm, float), np.asarray(organ.tets)).sum()
        )
        return OrganMesh(
            name=name,
            structure=organ.structure,
            points_mm=self.points,
            tets=self.tets.astype(np.int32),
            boundary_triangles=self.faces.astype(np.int32),
            boundary_tags=self.tags.astype(np.int16),
            boundaries=dict(self.boundaries),
            caps=self.caps,
            frame_uid=organ.frame_uid,
            mesher=self.mesher,
            report=numbers,
            notes=self.notes,
        )
