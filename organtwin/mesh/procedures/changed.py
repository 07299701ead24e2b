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
class Body:
    """Tetrahedra and their outside. ``kept`` of the cells were there before, if moved; they and their points come first."""

    points: tri.Points
    tets: NDArray[np.int32]
    faces: tri.Triangles
    tags: NDArray[np.int16]
    kept: int
    mesher: str


@dataclass(frozen=True)
class Changed:
    """The vessel after: its cells, and what the tags of its faces are called."""

    body: Body
    boundaries: dict[str, int]
    caps: tuple[Cap, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def not_at_all(cls, organ: OrganMesh, notes: tuple[str, ...]) -> Changed:
        """The mesh as it was."""
        body = Body(
            np.asarray(organ.points_mm, float),
            np.asarray(organ.tets),
            np.asarray(organ.boundary_triangles),
            np.asarray(organ.boundary_tags),
            len(organ.tets),
            organ.mesher,
        )
        return cls(body, organ.boundaries, organ.caps, notes)

    def mesh(self, organ: OrganMesh, name: str) -> OrganMesh:
        """The OrganMesh that takes the place of ``organ`` in what is tried."""
        body = self.body
        numbers = quality.report(body.points, body.tets)
        numbers["mean_edge_mm"] = float(tri.edge_lengths(body.points, body.faces).mean())
        numbers["kept_tets"] = float(body.kept)
        numbers["made_tets"] = float(len(body.tets) - body.kept)
        numbers["volume_change_mm3"] = numbers["volume_mm3"] - float(
            quality.volumes(np.asarray(organ.points_mm, float), np.asarray(organ.tets)).sum()
        )
        return OrganMesh(
            name=name,
            structure=organ.structure,
            points_mm=body.points,
            tets=body.tets.astype(np.int32),
            boundary_triangles=body.faces.astype(np.int32),
            boundary_tags=body.tags.astype(np.int16),
            boundaries=dict(self.boundaries),
            caps=self.caps,
            frame_uid=organ.frame_uid,
            mesher=body.mesher,
            report=numbers,
            notes=self.notes,
        )
