"""VTK XML files as bytes: made in memory, so that a full disk is noticed by the one place that writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cells = dict[str, NDArray[Any]]
Dress = Callable[[Any], None]


def add_names(names: Mapping[str, list[str]]) -> Dress:
    """Field data of strings, to be added to a VTK data object."""

    def dress(data: Any) -> None:
        from vtkmodules.vtkCommonCore import vtkStringArray

        for name, texts in names.items():
            array = vtkStringArray()
            array.SetName(name)
            for text in texts:
                array.InsertNextValue(text)
            data.GetFieldData().AddArray(array)

    return dress


def encode_polygons(points: NDArray[Any], triangles: NDArray[Any], cell_arrays: Cells, dress: Dress) -> bytes:
    """A ``.vtp`` file of triangles."""
    from vtkmodules.vtkCommonDataModel import vtkPolyData
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    data = vtkPolyData()
    data.SetPoints(_points(points))
    data.SetPolys(_cells(triangles))
    _add(data.GetCellData(), cell_arrays)
    dress(data)
    return _encode(vtkXMLPolyDataWriter(), data)


def encode_lines(points: NDArray[Any], lines: list[NDArray[Any]], point_arrays: Cells, dress: Dress) -> bytes:
    """A ``.vtp`` file of polylines, each the numbers of its points."""
    from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    data, cells = vtkPolyData(), vtkCellArray()
    data.SetPoints(_points(points))
    offsets = np.cumsum([0, *(len(line) for line in lines)], dtype=np.int64)
    numbers = np.concatenate(lines).astype(np.int64)
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(numbers, deep=True))
    data.SetLines(cells)
    _add(data.GetPointData(), point_arrays)
    dress(data)
    return _encode(vtkXMLPolyDataWriter(), data)


def encode_tetrahedra(
    points: NDArray[Any],
    tets: NDArray[Any],
    triangles: NDArray[Any],
    point_arrays: Cells,
    cell_arrays: Cells,
    dress: Dress,
) -> bytes:
    """A ``.vtu`` file of tetrahedra followed by boundary triangles; cell arrays are in that order."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonDataModel import VTK_TETRA, VTK_TRIANGLE, vtkCellArray, vtkUnstructuredGrid
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    data = vtkUnstructuredGrid()
    data.SetPoints(_points(points))
    offsets = np.concatenate(
        [np.arange(0, 4 * len(tets), 4), 4 * len(tets) + np.arange(0, 3 * len(triangles) + 1, 3)]
    ).astype(np.int64)
    corners = np.concatenate([np.asarray(tets).ravel(), np.asarray(triangles).ravel()]).astype(np.int64)
    cells = vtkCellArray()
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(corners, deep=True))
    types = np.concatenate([np.full(len(tets), VTK_TETRA), np.full(len(triangles), VTK_TRIANGLE)]).astype(np.uint8)
    data.SetCells(numpy_to_vtk(types, deep=True), cells)
    _add(data.GetPointData(), point_arrays)
    _add(data.GetCellData(), cell_arrays)
    dress(data)
    return _encode(vtkXMLUnstructuredGridWriter(), data)


def _points(points: NDArray[Any]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints

    made = vtkPoints()
    made.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float64), deep=True))
    return made


def _cells(triangles: NDArray[Any]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonDataModel import vtkCellArray

    cells = vtkCellArray()
    flat = np.ascontiguousarray(triangles, dtype=np.int64).ravel()
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.arange(0, len(flat) + 1, 3, dtype=np.int64), deep=True),
        numpy_to_vtkIdTypeArray(flat, deep=True),
    )
    return cells


def _add(attributes: Any, arrays: Cells) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk

    for name, values in arrays.items():
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        attributes.AddArray(array)


def _encode(writer: Any, data: Any) -> bytes:
    writer.SetInputData(data)
    writer.SetWriteToOutputString(True)
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOn()
    writer.SetCompressorTypeToZLib()
    writer.SetHeaderTypeToUInt64()
    if writer.Write() != 1:
        raise MemoryError("the file could not be made in memory")
    declaration, _, rest = str(writer.GetOutputString()).partition("\n")
    return f"{declaration}\n<!-- SPACE=LPS -->\n{rest}".encode()
