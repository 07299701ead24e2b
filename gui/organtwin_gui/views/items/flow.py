"""Blood flow: the wall in pressure or wall shear, streamlines and arrows inside, frame by frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkUnstructuredGrid
from vtkmodules.vtkFiltersCore import vtkTubeFilter
from vtkmodules.vtkFiltersFlowPaths import vtkStreamTracer
from vtkmodules.vtkFiltersSources import vtkArrowSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkGlyph3DMapper, vtkMapper

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, Result, structure
from organtwin.units import factor
from organtwin_gui.views.colours import Legend, fair_range, lookup_table
from organtwin_gui.views.items.base import (
    SceneItem,
    Surroundings,
    actor_of,
    cells_of,
    number_look,
    points_of,
    polydata_of,
    tissue_look,
    with_normals,
)
from organtwin_gui.views.items.looks import FlowLook
from organtwin_gui.views.items.organ_mesh import cap_labels

_TETRA = 10  # VTK cell type
# quantity -> (field, dimension, unit shown, title, does the scale begin at zero)
_QUANTITIES = {
    "pressure": ("pressure_pa", "pressure", "mmHg", "Pressure", False),
    "wall_shear": ("wall_shear_pa", "pressure", "Pa", "Wall shear", True),
    "speed": ("velocity_mm_per_s", "velocity", "cm/s", "Speed", True),
}


def blend(frames: NDArray[Any], frame: float) -> NDArray[Any]:
    """Values between two of the frames (nt, ...)."""
    frame = float(np.clip(frame, 0, len(frames) - 1))
    before = int(frame)
    share = frame - before
    if share < 1e-6:
        return frames[before]
    return (1 - share) * frames[before] + share * frames[before + 1]


def magnitude(values: NDArray[Any]) -> NDArray[Any]:
    """Scalars (n,) as they are, vectors (n, 3) by their length."""
    return values if values.ndim == 1 else np.linalg.norm(values, axis=-1)


def seed_points(mesh: OrganMesh, count: int) -> NDArray[np.float64]:
    """(count, 3) points spread evenly over the volume of a mesh: the same ones each time."""
    chance = np.random.default_rng(20)
    corners = mesh.points_mm[mesh.tets]
    a, b, c, d = (corners[:, n] for n in range(4))
    volume = np.abs(np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)))
    cells = chance.choice(len(volume), size=count, p=volume / volume.sum())
    weights = chance.dirichlet(np.ones(4), size=count)
    return np.asarray(np.einsum("ij,ijk->ik", weights, corners[cells]))


def tetra_grid(points_mm: NDArray[Any], tets: NDArray[Any]) -> vtkUnstructuredGrid:
    """The tetrahedra as VTK has them."""
    grid = vtkUnstructuredGrid()
    grid.SetPoints(points_of(points_mm))
    grid.SetCells(_TETRA, cells_of(tets))
    return grid


def trace(
    grid: vtkUnstructuredGrid, velocity: NDArray[Any], seeds: NDArray[np.float64], reach_mm: float
) -> vtkPolyData:
    """Streamlines through the seeds, both ways, with point scalars "speed" (mm/s)."""
    field = vtkUnstructuredGrid()
    field.ShallowCopy(grid)
    speed = np.linalg.norm(velocity, axis=1).astype(np.float32)
    vectors = numpy_to_vtk(np.ascontiguousarray(velocity, dtype=np.float32), deep=True)
    vectors.SetName("velocity")
    scalars = numpy_to_vtk(speed, deep=True)
    scalars.SetName("speed")
    field.GetPointData().SetVectors(vectors)
    field.GetPointData().AddArray(scalars)
    source = vtkPolyData()
    source.SetPoints(points_of(seeds))
    tracer = vtkStreamTracer()
    tracer.SetInputData(field)
    tracer.SetSourceData(source)
    tracer.SetIntegratorTypeToRungeKutta4()
    if hasattr(tracer, "SetCellLocatorToStaticCellLocator"):
        tracer.SetCellLocatorToStaticCellLocator()
    else:  # before VTK 9.7
        tracer.SetInterpolatorTypeToCellLocator()
    tracer.SetIntegrationDirectionToBoth()
    tracer.SetIntegrationStepUnit(vtkStreamTracer.CELL_LENGTH_UNIT)
    tracer.SetInitialIntegrationStep(0.5)
    tracer.SetMaximumNumberOfSteps(1500)
    tracer.SetMaximumPropagation(reach_mm)
    tracer.SetTerminalSpeed(float(speed.max(initial=0.0)) * 1e-3 + 1e-9)
    tracer.SetComputeVorticity(False)
    tracer.Update()
    lines = tracer.GetOutput()
    lines.GetPointData().SetActiveScalars("speed")
    return lines


def tubes(lines: vtkPolyData, radius_mm: float) -> vtkPolyData:
    """Lines as round threads."""
    round_ = vtkTubeFilter()
    round_.SetInputData(lines)
    round_.SetRadius(radius_mm)
    round_.SetNumberOfSides(6)
    round_.Update()
    return round_.GetOutput()


class FlowItem(SceneItem):
    """See :class:`FlowLook` for the ways to show it.

    Raises
    ------
    BadInput
        When the result does not fit the mesh.
    """

    def __init__(self, result: Result, mesh: OrganMesh, around: Surroundings, look: FlowLook | None = None) -> None:
        super().__init__(result.uuid, result.name, around)
        if any(values.shape[1] != len(mesh.points_mm) for values in result.fields.values()):
            raise BadInput(f"The result '{result.name}' was computed on another mesh than '{mesh.name}'")
        self.result, self.mesh = result, mesh
        self.look = look or FlowLook()
        self.times_s = np.asarray(result.times_s)
        self._frame = 0.0
        self._grid: vtkUnstructuredGrid | None = None
        self._lines: dict[tuple[int, int], vtkPolyData] = {}
        self._arrow_cells: NDArray[np.intp] = np.empty(0, np.intp)
        self._ranges: dict[str, tuple[float, float]] = {}
        caps = {mesh.boundaries[cap.name] for cap in mesh.caps if cap.name in mesh.boundaries}
        tags = np.asarray(mesh.boundary_tags)
        self._is_wall = ~np.isin(tags, list(caps)) if caps else np.ones(len(tags), dtype=bool)
        self._size_mm = (
            float(np.median([cap.radius_mm for cap in mesh.caps]))
            if mesh.caps
            else float(np.ptp(mesh.points_mm, axis=0).max()) / 20
        )
        self._wall_surface = with_normals(polydata_of(mesh.points_mm, mesh.boundary_triangles[self._is_wall]))
        self._wall = actor_of(self._wall_surface)
        self._streams = actor_of()
        self._arrows = vtkActor()
        self._arrow_mapper = vtkGlyph3DMapper()
        self._set_up()
        self.props = [self._wall, self._streams, self._arrows]
        self._labels = cap_labels(mesh)
        self.set_look(self.look)

    def _set_up(self) -> None:
        for actor in (self._streams, self._arrows):
            number_look(actor.GetProperty())
        arrow = vtkArrowSource()
        arrow.SetTipResolution(8)
        arrow.SetShaftResolution(6)
        arrow.SetTipLength(0.38)
        arrow.SetTipRadius(0.13)
        arrow.SetShaftRadius(0.045)
        self._arrow_mapper.SetSourceConnection(arrow.GetOutputPort())
        self._arrow_mapper.SetOrientationArray("velocity")
        self._arrow_mapper.SetScaleArray("length")
        self._arrow_mapper.SetScaleModeToScaleByMagnitude()
        self._arrows.SetMapper(self._arrow_mapper)

    # -- numbers --------------------------------------------------------------------------------------------------

    def has(self, quantity: str) -> bool:
        """Whether the result holds a quantity: "pressure", "wall_shear" or "speed"."""
        return _QUANTITIES[quantity][0] in self.result.fields

    def range_of(self, quantity: str) -> tuple[float, float]:
        """Fair range over all frames, in house units."""
        if quantity not in self._ranges:
            name, _, _, _, from_zero = _QUANTITIES[quantity]
            frames = self.result.fields[name]
            chosen = frames[:: max(1, len(frames) // 8)]
            if quantity == "wall_shear":
                chosen = chosen[:, np.unique(self.mesh.boundary_triangles[self._is_wall])]
            values = np.concatenate([magnitude(np.asarray(f)) for f in chosen])
            self._ranges[quantity] = fair_range(values, from_zero=from_zero)
        return self._ranges[quantity]

    def _legend(self, quantity: str) -> Legend:
        _, dimension, unit, title, _ = _QUANTITIES[quantity]
        low, high = self.range_of(quantity)
        times = factor(dimension, unit)
        return Legend(title, unit, quantity, low * times, high * times)

    def _colour_by(self, mapper: vtkMapper, quantity: str) -> None:
        mapper.SetLookupTable(lookup_table(quantity, *self.range_of(quantity)))
        mapper.UseLookupTableScalarRangeOn()
        mapper.SetColorModeToMapScalars()
        mapper.SetInterpolateScalarsBeforeMapping(mapper is not self._arrow_mapper)
        mapper.ScalarVisibilityOn()

    # -- look and time --------------------------------------------------------------------------------------------

    def set_look(self, look: FlowLook) -> None:
        """Take on another look."""
        self.look = look
        self.legends = []
        wall = look.wall if look.wall in ("none", "plain") or self.has(look.wall) else "plain"
        inside = (look.streamlines or look.glyphs) and self.has("speed")
        # with something inside only the far side of the wall is drawn: it gives the shape and tints nothing before it
        opened = inside and look.wall_opacity is None
        opacity = look.wall_opacity if look.wall_opacity is not None else (0.35 if opened and wall == "plain" else 1.0)
        prop = self._wall.GetProperty()
        tissue_look(prop, structure(self.mesh.structure).colour, opacity)
        prop.SetFrontfaceCulling(opened)
        mapper = self._wall.GetMapper()
        if wall in ("plain", "none"):
            mapper.ScalarVisibilityOff()
        else:
            self._colour_by(mapper, wall)
            mapper.SetScalarModeToUsePointData()
            number_look(prop, opacity)
            self.legends.append(self._legend(wall))
        if inside:
            self._colour_by(self._streams.GetMapper(), "speed")
            self._colour_by(self._arrow_mapper, "speed")
            self._arrow_mapper.SetScalarModeToUsePointFieldData()
            self._arrow_mapper.SelectColorArray("speed")
            self.legends.append(self._legend("speed"))
        self._shown = (wall != "none" and opacity > 0, look.streamlines and inside, look.glyphs and inside)
        self.labels = self._labels if look.names else []
        self.set_visible(self.visible)
        self.set_time(self._frame)

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        for prop, shown in zip(self.props, self._shown, strict=True):
            prop.SetVisibility(visible and shown)

    def set_opacity(self, opacity: float) -> None:
        self._wall.GetProperty().SetOpacity(opacity)

    def time_text(self, frame: float) -> str:
        return (
            f"{float(np.interp(frame, np.arange(len(self.times_s)), self.times_s)):.2f} s"
            if self.times_s is not None
            else ""
        )

    def first_frame(self) -> float:
        """The frame in which the blood is fastest."""
        if not self.has("speed"):
            return 0.0
        frames = self.result.fields["velocity_mm_per_s"]
        return float(np.argmax([float(np.mean(magnitude(np.asarray(f[::7])))) for f in frames]))

    def set_time(self, frame: float) -> None:
        self._frame = frame
        quantity = self.look.wall
        if quantity in ("pressure", "wall_shear") and self.has(quantity):
            values = magnitude(blend(self.result.fields[_QUANTITIES[quantity][0]], frame))
            self._wall_surface.GetPointData().SetScalars(
                numpy_to_vtk(np.ascontiguousarray(values, np.float32), deep=True)
            )
        if self._shown[2]:
            self._place_arrows(frame)
        if self._shown[1]:
            self._show_streams(round(frame))
        self.around.refresh()

    def _show_streams(self, frame: int) -> None:
        frame = int(np.clip(frame, 0, len(self.result.fields["velocity_mm_per_s"]) - 1))
        key = (frame, self.look.seeds)
        mapper = self._streams.GetMapper()
        if key in self._lines:
            mapper.SetInputData(self._lines[key])
            return
        if self._lines:  # the nearest frame that is ready stands in meanwhile
            near = min(self._lines, key=lambda k: (k[1] != key[1], abs(k[0] - frame)))
            mapper.SetInputData(self._lines[near])
        radius = 0.028 * self._size_mm
        mesh, velocity, seeds = self.mesh, self.result.fields["velocity_mm_per_s"][frame], self.look.seeds

        def work() -> tuple[vtkUnstructuredGrid, vtkPolyData]:
            grid = self._grid or tetra_grid(mesh.points_mm, mesh.tets)
            reach = 4 * float(np.linalg.norm(np.ptp(mesh.points_mm, axis=0)))
            lines = trace(grid, np.asarray(velocity), seed_points(mesh, seeds), reach)
            return grid, tubes(lines, radius)

        def done(found: tuple[vtkUnstructuredGrid, vtkPolyData]) -> None:
            self._grid, self._lines[key] = found
            while len(self._lines) > 64:
                del self._lines[next(iter(self._lines))]
            now = int(np.clip(round(self._frame), 0, len(self.result.fields["velocity_mm_per_s"]) - 1))
            if mapper.GetInput() is None or now == frame:
                mapper.SetInputData(self._lines[key])
                self.around.refresh()

        self.around.background.submit((self.uuid, "lines", key), work, done)

    def _place_arrows(self, frame: float) -> None:
        mesh = self.mesh
        count = min(self.look.glyph_count, len(mesh.tets))
        if len(self._arrow_cells) != count:
            self._arrow_cells = np.random.default_rng(7).choice(len(mesh.tets), count, replace=False)
        corners = mesh.tets[self._arrow_cells]
        velocity = blend(self.result.fields["velocity_mm_per_s"], frame)[corners].mean(axis=1).astype(np.float32)
        speed = np.linalg.norm(velocity, axis=1)
        data = vtkPolyData()
        data.SetPoints(points_of(mesh.points_mm[corners].mean(axis=1)))
        top = max(self.range_of("speed")[1], 1e-9)
        for name, values in (
            ("velocity", velocity),
            ("speed", speed),
            ("length", (0.25 + 0.75 * np.clip(speed / top, 0, 1)) * 1.1 * self._size_mm),
        ):
            array = numpy_to_vtk(np.ascontiguousarray(values, dtype=np.float32), deep=True)
            array.SetName(name)
            data.GetPointData().AddArray(array)
        self._arrow_mapper.SetInputData(data)
