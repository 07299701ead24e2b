"""The instruments as they look: metal, with the tip at the origin, pointing along +z, the flat side facing +y."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkFiltersCore import vtkAppendPolyData, vtkPolyDataNormals, vtkTubeFilter
from vtkmodules.vtkFiltersSources import vtkCubeSource, vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor

from organtwin.model.tool import Blade, Rod, Shape, Sphere
from organtwin.units import parse
from organtwin_gui.views.items.base import Colour, actor_of

STEEL: Colour = (188, 196, 206)
_SHAFT_MM = 140.0
_JAW_MM = 18.0


def tube(points: ArrayLike, radius: ArrayLike, sides: int = 20) -> vtkPolyData:
    """A tube along points (n, 3), its radius one number or (n,)."""
    at = np.asarray(points, float)
    wide = np.broadcast_to(np.asarray(radius, float), len(at))
    pieces = vtkAppendPolyData()
    for n in range(len(at) - 1):  # cones between the points
        pieces.AddInputData(_cone(at[n], at[n + 1], wide[n], wide[n + 1], sides))
    pieces.Update()
    return pieces.GetOutput()


def _cone(start: np.ndarray, end: np.ndarray, first: float, last: float, sides: int) -> vtkPolyData:
    line, points = vtkPolyData(), vtkPoints()
    points.InsertNextPoint(*start)
    points.InsertNextPoint(*end)
    cells = vtkCellArray()
    cells.InsertNextCell(2, [0, 1])
    line.SetPoints(points)
    line.SetLines(cells)
    radii = vtkFloatArray()
    radii.InsertNextValue(first)
    radii.InsertNextValue(last)
    line.GetPointData().SetScalars(radii)
    made = vtkTubeFilter()
    made.SetInputData(line)
    made.SetNumberOfSides(sides)
    made.CappingOn()
    made.SetVaryRadiusToVaryRadiusByAbsoluteScalar()
    made.Update()
    out = made.GetOutput()
    out.GetPointData().SetScalars(None)
    return out


def ball(radius: float, centre: ArrayLike = (0, 0, 0), stretch: ArrayLike = (1, 1, 1)) -> vtkPolyData:
    """A ball, or with ``stretch`` an ellipsoid."""
    source = vtkSphereSource()
    source.SetRadius(radius)
    source.SetThetaResolution(28)
    source.SetPhiResolution(20)
    source.Update()
    made = source.GetOutput()
    points = made.GetPoints()
    for n in range(points.GetNumberOfPoints()):
        points.SetPoint(n, *(np.array(points.GetPoint(n)) * stretch + centre))
    return made


def _joined(*parts: vtkPolyData) -> vtkPolyData:
    pieces = vtkAppendPolyData()
    for part in parts:
        part.GetPointData().SetScalars(None)
        pieces.AddInputData(part)
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(pieces.GetOutputPort())
    normals.SetFeatureAngle(50)
    normals.Update()
    return normals.GetOutput()


def rod_of(shape: Rod) -> vtkPolyData:
    """A probe: a rounded tip and a long shaft."""
    r = _mm(shape.radius)
    return _joined(ball(r, (0, 0, -r)), tube([(0, 0, -r), (0, 0, -_mm(shape.length))], r))


def press_of(shape: Sphere) -> vtkPolyData:
    """A ball on a thin stick; the pose is the ball's centre."""
    r = _mm(shape.radius)
    return _joined(ball(r), tube([(0, 0, 0), (0, 0, -_SHAFT_MM)], min(2.0, 0.5 * r)))


def blade_of(shape: Blade) -> vtkPolyData:
    """A flat retractor and its handle."""
    wide, long, thick = _mm(shape.width), _mm(shape.length), _mm(shape.thickness)
    cube = vtkCubeSource()
    cube.SetBounds(-wide / 2, wide / 2, -thick / 2, thick / 2, -long, -thick / 2)
    cube.Update()
    edge = tube([(-wide / 2, 0, -thick / 2), (wide / 2, 0, -thick / 2)], thick / 2)
    return _joined(cube.GetOutput(), edge, tube([(0, 0, -long), (0, 0, -long - 90)], 4.0))


def grasper(closed: bool) -> vtkPolyData:
    """Two jaws on a shaft."""
    spread = np.radians(2.0 if closed else 14.0)
    jaws = []
    for side in (-1, 1):
        along = np.array([0.0, side * np.sin(spread), np.cos(spread)])
        pivot = np.array([0.0, side * 0.6, -_JAW_MM])
        jaws.append(tube([pivot, pivot + 0.6 * _JAW_MM * along, pivot + _JAW_MM * along], (1.9, 1.5, 0.7), 14))
    return _joined(*jaws, tube([(0, 0, -_JAW_MM + 1), (0, 0, -_SHAFT_MM)], 2.5), ball(2.6, (0, 0, -_JAW_MM)))


def knife() -> vtkPolyData:
    """A small blade on a handle."""
    cube = vtkCubeSource()
    cube.SetBounds(-0.3, 0.3, -2.5, 2.5, -16, -3)
    cube.Update()
    return _joined(
        tube([(0, -1.5, 0), (0, 0.0, -4)], (0.2, 1.6), 8),
        cube.GetOutput(),
        tube([(0, 0, -16), (0, 0, -22), (0, 0, -_SHAFT_MM)], (1.5, 3.0, 3.2)),
    )


def needle() -> vtkPolyData:
    """A straight needle."""
    return _joined(tube([(0, 0, 0), (0, 0, -4), (0, 0, -_SHAFT_MM)], (0.1, 0.9, 0.9), 12), ball(4, (0, 0, -_SHAFT_MM)))


def model_of(tool: str, shape: Shape | None, closed: bool = False) -> vtkPolyData:
    """The instrument that goes by this name."""
    match tool, shape:
        case "grasper", _:
            return grasper(closed)
        case "knife", _:
            return knife()
        case "needle", _:
            return needle()
        case _, Sphere():
            return press_of(shape)
        case _, Blade():
            return blade_of(shape)
        case _, Rod():
            return rod_of(shape)
    return rod_of(Rod())


def steel(model: vtkPolyData, opacity: float = 1.0) -> vtkActor:
    """An actor that looks like steel."""
    actor = actor_of(model)
    prop = actor.GetProperty()
    prop.SetColor(*(c / 255 for c in STEEL))
    prop.SetOpacity(opacity)
    prop.SetInterpolationToPhong()
    prop.SetAmbient(0.12)
    prop.SetDiffuse(0.7)
    prop.SetSpecular(0.55)
    prop.SetSpecularPower(36)
    actor.PickableOff()
    return actor


def placed(tip_mm: ArrayLike, axis: ArrayLike, normal: ArrayLike) -> vtkMatrix4x4:
    """From an instrument's own space to the patient."""
    z = np.asarray(axis, float) / np.linalg.norm(axis)
    y = np.asarray(normal, float) - z * (np.asarray(normal, float) @ z)
    y /= max(float(np.linalg.norm(y)), 1e-12)
    matrix = vtkMatrix4x4()
    for column, values in enumerate((np.cross(y, z), y, z, np.asarray(tip_mm, float))):
        for row in range(3):
            matrix.SetElement(row, column, float(values[row]))
    return matrix


def _mm(quantity: str) -> float:
    return float(parse(quantity, "length"))
