"""A deformed organ: the moving shape in displacement, strain or stress, over a ghost of its shape at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, Result
from organtwin.units import factor
from organtwin_gui.views.colours import Legend, fair_range, lookup_table
from organtwin_gui.views.items.base import (
    SceneItem,
    Surroundings,
    actor_of,
    number_look,
    points_of,
    polydata_of,
    tissue_look,
    with_normals,
)
from organtwin_gui.views.items.looks import TissueLook
from organtwin_gui.views.items.quantities import frame_at, magnitude

# quantity -> (field, title, unit shown)
_QUANTITIES = {
    "displacement": ("displacement_mm", "Displacement", "mm"),
    "strain": ("strain", "Strain", "%"),
    "stress": ("stress_pa", "Stress", "kPa"),
}
_LEAST = {"displacement": 1e-3, "strain": 1e-5, "stress": 1e-2}  # a range of values smaller than this is none


def _to_shown(quantity: str) -> float:
    if quantity == "strain":
        return 100.0
    return factor("pressure", "kPa") if quantity == "stress" else 1.0


class TissueItem(SceneItem):
    """See :class:`TissueLook` for the ways to show it. Frame 0 is the shape at rest.

    Raises
    ------
    BadInput
        When the result does not fit the mesh.
    """

    def __init__(self, result: Result, mesh: OrganMesh, around: Surroundings, look: TissueLook | None = None) -> None:
        super().__init__(result.uuid, result.name, around)
        if any(values.shape[1] != len(mesh.points_mm) for values in result.fields.values()):
            raise BadInput(f"The result '{result.name}' was computed on another mesh than '{mesh.name}'")
        self.look = look or TissueLook()
        used, triangles = np.unique(mesh.boundary_triangles, return_inverse=True)
        self._rest = np.asarray(mesh.points_mm)[used]
        triangles = triangles.reshape(-1, 3)
        self._fields = {name: np.asarray(values)[:, used] for name, values in result.fields.items()}
        moved = self._fields["displacement_mm"]
        if np.abs(moved[0]).max(initial=0.0) > 1e-9:  # begin at rest
            self._fields = {n: np.concatenate([np.zeros_like(v[:1]), v]) for n, v in self._fields.items()}
        count = len(self._fields["displacement_mm"])
        self.times_s = np.linspace(0.0, 1.0, count)
        self._frame = float(count - 1)
        self._surface = polydata_of(self._rest, triangles)
        self._normals = vtkPolyDataNormals()
        self._normals.SetInputData(self._surface)
        self._normals.SplittingOff()
        self._normals.ConsistencyOff()
        self._actor = actor_of()
        self._actor.GetMapper().SetInputConnection(self._normals.GetOutputPort())
        self._ghost = actor_of(with_normals(polydata_of(self._rest, triangles)))
        ghost = self._ghost.GetProperty()
        tissue_look(ghost, (190, 205, 220), 0.3)
        ghost.FrontfaceCullingOn()  # only the far side: nothing fights with the moved surface
        self.props = [self._actor, self._ghost]
        self.set_look(self.look)

    def has(self, quantity: str) -> bool:
        """Whether the result holds a quantity: "displacement", "strain" or "stress"."""
        return _QUANTITIES[quantity][0] in self._fields

    def set_look(self, look: TissueLook) -> None:
        """Take on another look."""
        self.look = look
        quantity = look.colour_by if self.has(look.colour_by) else "displacement"
        field, title, unit = _QUANTITIES[quantity]
        frames = self._fields[field]
        # the largest values are what is looked for: only a trace of them is cut off
        low, high = fair_range(magnitude_of_all(frames), from_zero=True, tail=0.05)
        high = max(high, low + _LEAST[quantity])  # of what has not moved the colours do not show the rounding
        times = _to_shown(quantity)
        self._quantity = quantity
        mapper = self._actor.GetMapper()
        mapper.SetLookupTable(lookup_table(quantity, low, high))
        mapper.UseLookupTableScalarRangeOn()
        mapper.SetScalarModeToUsePointData()
        mapper.InterpolateScalarsBeforeMappingOn()
        mapper.ScalarVisibilityOn()
        self.legends = [Legend(title, unit, quantity, low * times, high * times)]
        prop = self._actor.GetProperty()
        number_look(prop, look.opacity)
        prop.SetEdgeVisibility(look.edges)
        prop.SetEdgeColor(0.07, 0.09, 0.11)
        prop.SetEdgeOpacity(0.6)
        self.set_visible(self.visible)
        self.set_time(self._frame)

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        self._actor.SetVisibility(visible)
        self._ghost.SetVisibility(visible and self.look.ghost)

    def set_opacity(self, opacity: float) -> None:
        self._actor.GetProperty().SetOpacity(opacity)

    def time_text(self, frame: float) -> str:
        top = len(self._fields["displacement_mm"]) - 1
        return f"{100 * frame / max(top, 1):.0f} % of the load"

    def first_frame(self) -> float:
        """The whole load."""
        return float(len(self._fields["displacement_mm"]) - 1)

    def set_time(self, frame: float) -> None:
        self._frame = frame
        moved = frame_at(self._fields["displacement_mm"], frame)
        self._surface.SetPoints(points_of(self._rest + self.look.scale * moved))
        values = magnitude(frame_at(self._fields[_QUANTITIES[self._quantity][0]], frame))
        self._surface.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values, dtype=np.float32), deep=True))
        self._surface.Modified()
        self.around.refresh()


def magnitude_of_all(frames: NDArray[np.floating]) -> NDArray[np.floating]:
    """Every value of the frames, vectors by their length."""
    return np.concatenate([magnitude(frame) for frame in frames])
