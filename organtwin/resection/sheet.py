"""The cut surface as triangles: smooth, and reaching a little beyond the organ, so that it cuts a mesh of it through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.resection.anatomy import Anatomy
from organtwin.resection.cut import Cut
from organtwin.resection.distance import at, smoothed

OVERHANG_MM = 3.0
EDGE_MM = 2.2


def sheet(
    anatomy: Anatomy, cut: Cut, *, overhang_mm: float = OVERHANG_MM, edge_mm: float = EDGE_MM
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Points (n, 3) mm and triangles (m, 3) of the surface where the field is zero, up to ``overhang_mm`` outside the organ.

    Its normals point away from what is taken. Empty where the cut meets the organ nowhere.
    """
    from skimage.measure import marching_cubes

    steps = np.maximum(1, np.floor(edge_mm / anatomy.grid.spacing_mm[::-1] + 0.25)).astype(int)
    thin = tuple(slice(None, None, int(s)) for s in steps)
    field, organ_mm = cut.field[thin], anatomy.organ_mm[thin]
    reach = overhang_mm + 2.0 * float((steps * anatomy.grid.spacing_mm[::-1]).max())
    mask = organ_mm < reach
    low = np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    if not mask.any() or field[mask].min() >= 0 or field[mask].max() <= 0:
        return low
    spans = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    start = np.array([max(s[0] - 1, 0) for s in spans])
    box = tuple(slice(int(a), int(s[-1]) + 2) for a, s in zip(start, spans, strict=True))
    try:
        kji, triangles, _, _ = marching_cubes(np.ascontiguousarray(field[box]), 0.0, mask=mask[box])
    except (ValueError, RuntimeError):  # no voxel of the mask has a change of sign beside it
        return low
    points = anatomy.grid.to_world(((kji + start) * steps)[:, ::-1])
    points, triangles = clipped(points, triangles, at(organ_mm_of(anatomy), anatomy.grid, points), overhang_mm)
    if not len(triangles):
        return low
    a, b, c = (points[triangles[:, n]] for n in range(3))
    normal = np.cross(b - a, c - a)
    middle = (a + b + c) / 3
    length = np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    step = anatomy.voxel_mm * normal / length
    rise = at(cut.field, anatomy.grid, middle + step) - at(cut.field, anatomy.grid, middle - step)
    if rise.sum() < 0:
        triangles = triangles[:, ::-1]
    return points, np.ascontiguousarray(triangles, np.int32)


def organ_mm_of(anatomy: Anatomy) -> NDArray[np.float32]:
    """The organ's distance, a little smoothed: its voxels would make the rim of the sheet a staircase."""
    return anatomy.once(("organ", "soft"), lambda: smoothed(anatomy.organ_mm, 1.2, anatomy.grid))


def inside(
    anatomy: Anatomy, points: NDArray[np.float64], triangles: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The part of a sheet within the organ: what is really cut."""
    return (
        clipped(points, triangles, at(organ_mm_of(anatomy), anatomy.grid, points), 0.0)
        if len(points)
        else (points, triangles)
    )


def area_mm2(points: NDArray[np.float64], triangles: NDArray[np.int32]) -> float:
    """Area of triangles (m, 3) of points (n, 3) mm."""
    a, b, c = (points[triangles[:, n]] for n in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2


def clipped(
    points: NDArray[np.float64], triangles: NDArray[np.int32], value: NDArray[np.float64], most: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Triangles where ``value`` (n,) at the points is at most ``most``, cut along that line."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkClipPolyData, vtkTriangleFilter

    data, places, cells = vtkPolyData(), vtkPoints(), vtkCellArray()
    places.SetData(numpy_to_vtk(np.ascontiguousarray(points, np.float64), deep=True))
    offsets = np.arange(0, 3 * len(triangles) + 1, 3, dtype=np.int64)
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True),
        numpy_to_vtkIdTypeArray(np.ascontiguousarray(triangles, np.int64).ravel(), deep=True),
    )
    data.SetPoints(places)
    data.SetPolys(cells)
    data.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(value, np.float64), deep=True))
    clip = vtkClipPolyData()
    clip.SetInputData(data)
    clip.SetValue(most)
    clip.InsideOutOn()
    whole = vtkTriangleFilter()
    whole.SetInputConnection(clip.GetOutputPort())
    whole.Update()
    made = whole.GetOutput()
    if made.GetNumberOfCells() == 0:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    corners = vtk_to_numpy(made.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int32)
    kept = vtk_to_numpy(made.GetPoints().GetData()).astype(np.float64)
    used, numbers = np.unique(corners, return_inverse=True)
    return kept[used], numbers.reshape(-1, 3).astype(np.int32)
