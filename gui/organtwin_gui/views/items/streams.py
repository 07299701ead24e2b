"""Streamlines of every moment: computed beside the window, kept, and drawn as plain lines while anything moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkTubeFilter

from organtwin.model import OrganMesh
from organtwin.trace.cells import Cells
from organtwin.trace.paths import Paths, streamlines
from organtwin_gui.views.items.base import actor_of, number_look, points_of

MOMENTS = 48  # of a cycle
_KEPT = 96
_SLOWEST = 2e-3


@dataclass(frozen=True, eq=False)
class Seeds:
    """Where lines begin: half of them over the inlets by area, half within the vessel by volume."""

    places_mm: NDArray[np.float64]
    cells: NDArray[np.int64]

    @classmethod
    def of(cls, mesh: OrganMesh, cells: Cells, count: int, names: list[str]) -> Seeds:
        found = [cells.near_boundary(mesh, name, max(1, count // (2 * len(names)))) for name in names]
        inside = max(1, count - sum(len(f[1]) for f in found))
        chance = np.random.default_rng(20)
        volume = cells.size_mm**3
        chosen = chance.choice(len(volume), size=inside, p=volume / volume.sum())
        places = np.einsum("ij,ijk->ik", chance.dirichlet(np.ones(4), size=inside), mesh.points_mm[mesh.tets[chosen]])
        return cls(np.concatenate([*(f[0] for f in found), places]), np.concatenate([*(f[1] for f in found), chosen]))


def lines_of(*ways: Paths) -> vtkPolyData:
    """Paths as polylines with point scalars "speed" (mm/s)."""
    places, speeds, counts = [], [], []
    for paths in ways:
        steps = np.arange(paths.speed.shape[1])
        # every other place is enough to see: they are half a cell apart
        kept = (steps < paths.count[:, None]) & ((steps % 2 == 0) | (steps == paths.count[:, None] - 1))
        kept[paths.count < 2] = False
        places.append(paths.places_mm[kept])
        speeds.append(paths.speed[kept])
        counts.append(kept.sum(axis=1)[paths.count >= 2])
    return polylines(np.concatenate(places), np.concatenate(speeds), np.concatenate(counts))


def polylines(places_mm: NDArray[Any], speed: NDArray[Any], counts: NDArray[np.int64]) -> vtkPolyData:
    """Polylines of ``counts`` points each, one after the other, with point scalars "speed"."""
    made = vtkPolyData()
    made.SetPoints(points_of(places_mm))
    cells = vtkCellArray()
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), deep=True),
        numpy_to_vtkIdTypeArray(np.arange(int(counts.sum()), dtype=np.int64), deep=True),
    )
    made.SetLines(cells)
    scalars = numpy_to_vtk(np.ascontiguousarray(speed, np.float32), deep=True)
    scalars.SetName("speed")
    made.GetPointData().SetScalars(scalars)
    return made


def tubes(lines: vtkPolyData, radius_mm: float) -> vtkPolyData:
    """Lines as round threads."""
    round_ = vtkTubeFilter()
    round_.SetInputData(lines)
    round_.SetRadius(radius_mm)
    round_.SetNumberOfSides(5)
    round_.Update()
    return round_.GetOutput()


@dataclass
class Streams:
    """The streamlines in the scene. Moments are whole numbers from 0; :meth:`work` is safe beside the window."""

    mesh: OrganMesh
    radius_mm: float
    inlets: list[str]
    lines: dict[int, vtkPolyData] = field(default_factory=dict)
    threads: dict[int, vtkPolyData] = field(default_factory=dict)
    _seeds: Seeds | None = None
    _count: int = 0

    def __post_init__(self) -> None:
        self.actor = actor_of()
        prop = self.actor.GetProperty()
        number_look(prop)
        prop.SetLineWidth(1.6)

    def work(self, cells: Cells, velocity: NDArray[Any], count: int) -> vtkPolyData:
        """Lines of one velocity field (n, 3)."""
        if self._seeds is None or self._count != count:
            self._seeds, self._count = Seeds.of(self.mesh, cells, count, self.inlets), count
        seeds = self._seeds
        return lines_of(
            *(
                streamlines(cells, velocity, seeds.places_mm, seeds.cells, backwards=back, slowest=_SLOWEST)
                for back in (False, True)
            )
        )

    def keep(self, moment: int, lines: vtkPolyData) -> None:
        self.lines[moment] = lines
        while len(self.lines) > _KEPT:
            oldest = next(iter(self.lines))
            del self.lines[oldest]
            self.threads.pop(oldest, None)

    def forget(self) -> None:
        """The seeds have changed."""
        self.lines.clear()
        self.threads.clear()

    def show(self, moment: int, *, fine: bool) -> bool:
        """Show a moment, or the nearest one there is meanwhile; says whether it was there itself."""
        if not self.lines:
            return False
        near = min(self.lines, key=lambda known: abs(known - moment))
        prop = self.actor.GetProperty()
        if fine:
            if near not in self.threads:
                self.threads[near] = tubes(self.lines[near], self.radius_mm)
            while len(self.threads) > 8:
                del self.threads[next(iter(self.threads))]
            self.actor.GetMapper().SetInputData(self.threads[near])
            prop.LightingOn()
        else:
            self.actor.GetMapper().SetInputData(self.lines[near])
            prop.LightingOff()
        return near == moment
