"""Particles carried through the cycle, each with a short tail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor

from organtwin.trace.particles import TAIL, Particles
from organtwin_gui.views.items.base import actor_of, cells_of, points_of
from organtwin_gui.views.items.streams import polylines


class ParticleStream:
    """Heads as points and tails as lines, both coloured by speed; a moment is switched to, never rebuilt."""

    def __init__(self) -> None:
        self.heads, self.tails = actor_of(), actor_of()
        for actor, size in ((self.heads, 3.0), (self.tails, 1.4)):
            prop = actor.GetProperty()
            prop.LightingOff()
            prop.SetPointSize(size)
            prop.SetLineWidth(size)
        self._particles: Particles | None = None
        self._moments: list[tuple[vtkPolyData, vtkPolyData] | None] = []

    @property
    def actors(self) -> tuple[vtkActor, vtkActor]:
        return self.heads, self.tails

    @property
    def ready(self) -> bool:
        return self._particles is not None

    def take(self, particles: Particles | None) -> None:
        """Have these particles from now on."""
        self._particles = particles
        self._moments = [None] * (particles.moments if particles else 0)
        if particles is None:
            for actor in self.actors:
                actor.GetMapper().SetInputData(vtkPolyData())

    def show(self, phase: float) -> None:
        """Show the moment nearest to a phase of the cycle (0 to 1, around and around)."""
        particles = self._particles
        if particles is None:
            return
        moment = round(phase * particles.moments) % particles.moments
        made = self._moments[moment] or _drawn(particles.tails_mm[moment], particles.speed[moment])
        self._moments[moment] = made
        for actor, data in zip(self.actors, made, strict=True):
            actor.GetMapper().SetInputData(data)


def _drawn(tails_mm: NDArray[np.float32], speed: NDArray[np.float32]) -> tuple[vtkPolyData, vtkPolyData]:
    heads = vtkPolyData()
    heads.SetPoints(points_of(tails_mm[:, 0]))
    heads.SetVerts(cells_of(np.arange(len(tails_mm))[:, None]))
    heads.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(speed), deep=True))
    tails = polylines(tails_mm.reshape(-1, 3), np.repeat(speed, TAIL), np.full(len(tails_mm), TAIL))
    return heads, tails
