"""A closed surface as a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.space import Grid
from organtwin.vessel.polyline import Points

PER_RADIUS = 8.0  # voxels
MOST = 40e6  # voxels


def of_surface(points: Points, triangles: NDArray[np.integer], frame_uid: str = "") -> tuple[NDArray[np.bool_], Grid]:
    """Which voxels of a fine enough cubic grid lie inside; the spacing is an eighth of the mean radius 2 V / A.

    Raises
    ------
    BadInput
        When the surface encloses nothing.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
    from vtkmodules.vtkImagingStencil import vtkImageStencil, vtkPolyDataToImageStencil

    corners = points[triangles] - points.mean(axis=0)
    twice = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = 0.5 * float(np.linalg.norm(twice, axis=1).sum())
    volume = abs(float(np.einsum("ij,ij->", corners[:, 0], twice)) / 6)
    if area <= 0 or volume <= 0:
        raise BadInput("The surface encloses nothing", remedy="Close it, or make it again.")
    low, high = points.min(axis=0), points.max(axis=0)
    step = max(2 * volume / area / PER_RADIUS, float(np.prod(high - low) / MOST) ** (1 / 3))
    size = np.ceil((high - low) / step).astype(int) + 4
    grid = Grid.make(size, (step, step, step), low - 1.5 * step, frame_uid=frame_uid)

    shape = vtkPolyData()
    where = vtkPoints()
    where.SetData(numpy_to_vtk(np.ascontiguousarray(points, float), deep=True))
    cells = vtkCellArray()
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(triangles, np.int64).ravel(), deep=True))
    shape.SetPoints(where)
    shape.SetPolys(cells)
    image = vtkImageData()
    image.SetDimensions(*(int(n) for n in size))
    image.SetSpacing(step, step, step)
    image.SetOrigin(*grid.origin_mm)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ones(int(np.prod(size)), np.uint8), deep=True))
    stencil = vtkPolyDataToImageStencil()
    stencil.SetInputData(shape)
    stencil.SetOutputOrigin(*grid.origin_mm)
    stencil.SetOutputSpacing(step, step, step)
    stencil.SetOutputWholeExtent(image.GetExtent())
    cut = vtkImageStencil()
    cut.SetInputData(image)
    cut.SetStencilConnection(stencil.GetOutputPort())
    cut.SetBackgroundValue(0)
    cut.Update()
    inside = vtk_to_numpy(cut.GetOutput().GetPointData().GetScalars())
    return inside.reshape(grid.shape).astype(bool), grid
