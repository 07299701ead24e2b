"""A plane across the vessel: colours, contour lines, and what flows through it in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersCore import vtkContourFilter, vtkFeatureEdges

from organtwin.model import OrganMesh, Result
from organtwin.trace.plane import Cut, cut
from organtwin.units import factor
from organtwin_gui.views.colours import lookup_table
from organtwin_gui.views.items.base import actor_of, polydata_of
from organtwin_gui.views.items.quantities import Shade, frame_at, magnitude

THROUGH = Shade("through", "velocity_mm_per_s", "Through plane", "cm/s", 0.1, "through", False, signed=True)
_CONTOURS = 7


@dataclass(frozen=True)
class Reading:
    """What is measured on a plane, in the units of the clinic."""

    area_mm2: float
    flow_ml_per_s: float | None = None
    mean_cm_per_s: float | None = None
    max_cm_per_s: float | None = None
    pressure_mmhg: float | None = None

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What and how much."""
        made = [("Area", f"{self.area_mm2:.3g} mm²" if self.area_mm2 < 1000 else f"{self.area_mm2:.0f} mm²")]
        for what, value, unit in (
            ("Flow", self.flow_ml_per_s, "mL/s"),
            ("Mean velocity", self.mean_cm_per_s, "cm/s"),
            ("Highest speed", self.max_cm_per_s, "cm/s"),
            ("Mean pressure", self.pressure_mmhg, "mmHg"),
        ):
            if value is not None:
                made.append((what, f"{value:.1f} {unit}".replace("-", "−")))
        return made


def read(section: Cut, result: Result, frame: float) -> Reading:
    """Measure a cut at a frame."""
    velocity = result.fields.get("velocity_mm_per_s")
    pressure = result.fields.get("pressure_pa")
    numbers: dict[str, float] = {}
    if velocity is not None:
        v = section.values(frame_at(velocity, frame, cyclic=True))
        flow = section.flow_mm3_per_s(v)
        numbers["flow_ml_per_s"] = flow * factor("flow", "mL/s")
        numbers["mean_cm_per_s"] = flow / max(section.area_mm2, 1e-300) * factor("velocity", "cm/s")
        numbers["max_cm_per_s"] = float(np.linalg.norm(v, axis=1).max()) * factor("velocity", "cm/s")
    if pressure is not None:
        p = section.mean(section.values(frame_at(pressure, frame, cyclic=True)))
        numbers["pressure_mmhg"] = float(p) * factor("pressure", "mmHg")
    return Reading(section.area_mm2, **numbers)


class CutPlane:
    """The cut in the scene: a coloured face, contour lines on it, and its rim."""

    def __init__(self, result: Result, mesh: OrganMesh) -> None:
        self.result, self.mesh = result, mesh
        self._place: tuple[float, ...] = ()
        self.section: Cut | None = None
        self.reading: Reading | None = None
        self._data = vtkPolyData()
        self._contours = vtkContourFilter()
        self._contours.ComputeNormalsOff()
        self._rim = vtkFeatureEdges()
        self._rim.FeatureEdgesOff()
        self._rim.ManifoldEdgesOff()
        self._rim.NonManifoldEdgesOff()
        self._rim.ColoringOff()
        self.face, self.lines, self.rim = actor_of(), actor_of(), actor_of()
        self.lines.GetMapper().SetInputConnection(self._contours.GetOutputPort())
        self.rim.GetMapper().SetInputConnection(self._rim.GetOutputPort())
        self.face.GetProperty().LightingOff()
        for actor, colour, width in ((self.lines, (0.97, 0.98, 1.0), 1.0), (self.rim, (0.95, 0.96, 0.98), 1.6)):
            actor.GetProperty().LightingOff()
            actor.GetProperty().SetColor(*colour)
            actor.GetProperty().SetLineWidth(width)
            actor.GetMapper().SetRelativeCoincidentTopologyLineOffsetParameters(0, -66000)
            actor.GetMapper().SetResolveCoincidentTopologyToPolygonOffset()
        self.lines.GetProperty().SetOpacity(0.55)
        self.actors = (self.face, self.lines, self.rim)

    def place(self, centre_mm: NDArray[np.float64], normal: NDArray[np.float64]) -> None:
        """Put the plane somewhere."""
        place = (*centre_mm.tolist(), *normal.tolist())
        if place == self._place:
            return
        self._place = place
        self.section = cut(self.mesh.points_mm, self.mesh.tets, centre_mm, normal)
        if self.section is not None:
            self._data = polydata_of(self.section.points_mm, self.section.triangles)
            self._rim.SetInputData(self._data)
            self._contours.SetInputData(self._data)
            self.face.GetMapper().SetInputData(self._data)

    def take_away(self) -> None:
        """There is no plane."""
        self._place, self.section, self.reading = (), None, None

    def values(self, shade: Shade, frame: float) -> NDArray[Any]:
        """Of a shade at the points of the cut, house units."""
        assert self.section is not None
        values = self.section.values(frame_at(self.result.fields[shade.field], frame, cyclic=True))
        return values @ self.section.normal if shade is THROUGH else magnitude(values)

    def show(self, shade: Shade, low: float, high: float, frame: float) -> None:
        """Colour it, draw the contours, and measure."""
        if self.section is None:
            return
        values = self.values(shade, frame)
        self._data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values, np.float32), deep=True))
        self._data.Modified()
        mapper = self.face.GetMapper()
        mapper.SetLookupTable(lookup_table(shade.colours, low, high))
        mapper.UseLookupTableScalarRangeOn()
        mapper.SetInterpolateScalarsBeforeMapping(True)
        mapper.ScalarVisibilityOn()
        least, most = float(values.min(initial=0)), float(values.max(initial=0))
        levels = np.linspace(least, most, _CONTOURS + 2)[1:-1]
        self._contours.SetNumberOfContours(len(levels))
        for n, level in enumerate(levels):
            self._contours.SetValue(n, float(level))
        self.reading = read(self.section, self.result, frame)
