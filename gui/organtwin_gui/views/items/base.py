"""What every thing in the viewport has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkProp, vtkProperty

from organtwin_gui.views.background import Background
from organtwin_gui.views.colours import Legend

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class PointLabel:
    """A name written at a point of the scene.

    ``arrow_mm``: an arrow from one point to another, where the thing has a direction. ``normal``: the side it lies on;
    it is not written when that side is turned away.
    """

    at_mm: NDArray[np.float64]
    text: str
    colour: Colour = (223, 229, 236)
    arrow_mm: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    normal: NDArray[np.float64] | None = None


@dataclass
class Surroundings:
    """What an item may use of the viewport it is in."""

    background: Background
    refresh: Callable[[], None]
    software: Callable[[], bool]
    changed: Callable[[], None] = lambda: None  # an item has found out more about itself


@dataclass
class SceneItem:
    """A thing in the scene: its props, its legends and its frames in time."""

    uuid: str
    name: str
    around: Surroundings
    props: list[vtkProp] = field(default_factory=list)
    visible: bool = True
    legends: list[Legend] = field(default_factory=list)
    labels: list[PointLabel] = field(default_factory=list)
    times_s: NDArray[np.float64] | None = None

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        for prop in self.props:
            prop.SetVisibility(visible)

    def set_opacity(self, opacity: float) -> None:
        """0 to 1; what that means is the item's own affair."""

    def set_colour(self, colour: Colour) -> None:
        """For items of one colour."""

    def set_time(self, frame: float) -> None:
        """Show a frame; between two frames where the item can."""

    def first_frame(self) -> float:
        """The frame to begin with."""
        return 0.0

    def time_text(self, frame: float) -> str:
        """What to call a frame."""
        return f"{frame:.0f}"

    def set_moving(self, moving: bool) -> None:
        """The camera moves: be quick rather than fine."""

    def close(self) -> None:
        """The item leaves the scene."""
        self.around.background.forget(self.uuid)


def points_of(points_mm: NDArray[Any]) -> vtkPoints:
    """(n, 3) array as VTK points (float32: a tenth of a micrometre is enough to see)."""
    made = vtkPoints()
    made.SetData(numpy_to_vtk(np.ascontiguousarray(points_mm, dtype=np.float32), deep=True))
    return made


def cells_of(cells: NDArray[Any]) -> vtkCellArray:
    """(m, k) array of point numbers as VTK cells of one size."""
    made = vtkCellArray()
    count, size = cells.shape
    connectivity = numpy_to_vtkIdTypeArray(np.ascontiguousarray(cells, dtype=np.int64).ravel(), deep=True)
    offsets = numpy_to_vtkIdTypeArray(np.arange(0, count * size + 1, size, dtype=np.int64), deep=True)
    made.SetData(offsets, connectivity)
    return made


def polydata_of(points_mm: NDArray[Any], triangles: NDArray[Any]) -> vtkPolyData:
    """Triangles (m, 3) over points (n, 3)."""
    made = vtkPolyData()
    made.SetPoints(points_of(points_mm))
    made.SetPolys(cells_of(np.asarray(triangles).reshape(-1, 3)))
    return made


def with_normals(surface: vtkPolyData, feature_angle_deg: float | None = None) -> vtkPolyData:
    """The surface with point normals; edges sharper than the angle stay sharp."""
    normals = vtkPolyDataNormals()
    normals.SetInputData(surface)
    normals.ConsistencyOff()
    normals.SetSplitting(feature_angle_deg is not None)
    if feature_angle_deg is not None:
        normals.SetFeatureAngle(feature_angle_deg)
    normals.Update()
    return normals.GetOutput()


def decimated(points_mm: NDArray[Any], triangles: NDArray[Any], wanted: int) -> vtkPolyData:
    """A coarser surface of about so many triangles: the points of each box of a grid become one, their mean.

    Rossignac and Borrel 1993, "Multi-resolution 3D approximations for rendering complex scenes". Rougher than collapsing
    edges, and a hundred times quicker.
    """
    points, corners = np.asarray(points_mm, np.float64), np.asarray(triangles)
    a, b, c = (points[corners[:, n]] for n in range(3))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2
    box = np.floor((points - points.min(axis=0)) / np.sqrt(2 * area / max(wanted, 1))).astype(np.int64)
    size = box.max(axis=0) + 1
    _, owner, count = np.unique(
        (box[:, 0] * size[1] + box[:, 1]) * size[2] + box[:, 2], return_inverse=True, return_counts=True
    )
    means = np.stack([np.bincount(owner, column) for column in points.T], axis=1) / count[:, None]
    coarse = owner[corners]
    flat = (coarse[:, 0] == coarse[:, 1]) | (coarse[:, 1] == coarse[:, 2]) | (coarse[:, 2] == coarse[:, 0])
    return with_normals(polydata_of(means, coarse[~flat]))


def tissue_look(prop: vtkProperty, colour: Colour, opacity: float = 1.0) -> None:
    """Calm, slightly moist: soft shading with a subtle highlight."""
    prop.SetColor(*(c / 255 for c in colour))
    prop.SetOpacity(opacity)
    prop.SetInterpolationToPhong()
    prop.SetAmbient(0.08)
    prop.SetDiffuse(0.88)
    prop.SetSpecular(0.16)
    prop.SetSpecularPower(22)
    prop.SetSpecularColor(1, 1, 1)


def number_look(prop: vtkProperty, opacity: float = 1.0) -> None:
    """For surfaces whose colours are numbers: little shading and no highlight, so that they can be read off the legend."""
    tissue_look(prop, (200, 200, 200), opacity)
    prop.SetAmbient(0.32)
    prop.SetDiffuse(0.64)
    prop.SetSpecular(0.03)


def actor_of(surface: vtkPolyData | None = None) -> vtkActor:
    """An actor with a mapper of its own, colours off."""
    mapper = vtkPolyDataMapper()
    mapper.ScalarVisibilityOff()
    if surface is not None:
        mapper.SetInputData(surface)
    actor = vtkActor()
    actor.SetMapper(mapper)
    return actor
