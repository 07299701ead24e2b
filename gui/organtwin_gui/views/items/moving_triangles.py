"""Triangles that move sixty times a second: the arrays that VTK draws from are written in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkPolyData

from organtwin_gui.views.items.base import actor_of, cells_of


class MovingTriangles:
    """A surface over some of the points of a body.

    New VTK objects are made only by :meth:`set_triangles`; :meth:`move` and :meth:`paint` write into those there are.
    With ``apart`` each triangle has corners of its own, as a texture needs; the shading is smooth all the same.
    """

    def __init__(self, *, apart: bool = False) -> None:
        self.surface = vtkPolyData()
        self.actor = actor_of(self.surface)
        self._apart = apart
        self.set_triangles(np.zeros((0, 3), np.int32))

    def set_triangles(self, triangles: NDArray[np.integer]) -> None:
        """Other triangles (t, 3), numbers of the body's points."""
        used, corners = np.unique(triangles, return_inverse=True)
        self.used = used.astype(np.int64)
        self.corners = corners.reshape(-1, 3)
        shown = np.arange(3 * len(triangles)).reshape(-1, 3) if self._apart else self.corners
        count = 3 * len(triangles) if self._apart else len(used)
        self.points = np.zeros((count, 3), np.float32)
        self.normals = np.zeros((count, 3), np.float32)
        self.colours = np.full((count, 3), 255, np.uint8)
        points = vtkPoints()
        self._points = numpy_to_vtk(self.points)
        points.SetData(self._points)
        self._normals, self._colours = numpy_to_vtk(self.normals), numpy_to_vtk(self.colours)
        self.surface.Initialize()
        self.surface.SetPoints(points)
        self.surface.SetPolys(cells_of(shown))
        self.surface.GetPointData().SetNormals(self._normals)

    @property
    def shown(self) -> NDArray[np.int64]:
        """(count,) numbers of the body's points behind each point that is drawn."""
        return self.used[self.corners.ravel()] if self._apart else self.used

    def move(self, points_mm: NDArray[np.floating]) -> None:
        """To the places of the body's points (n, 3)."""
        if not len(self.used):
            return
        at = np.asarray(points_mm, np.float32)[self.used]
        normals = vertex_normals(at, self.corners)
        if self._apart:
            flat = self.corners.ravel()
            self.points[:], self.normals[:] = at[flat], normals[flat]
        else:
            self.points[:], self.normals[:] = at, normals
        self._points.Modified()
        self._normals.Modified()
        self.surface.GetPoints().Modified()
        self.surface.Modified()

    def paint(self, colours: NDArray[np.uint8]) -> None:
        """Give the points that are drawn these colours (count, 3)."""
        if self.surface.GetPointData().GetScalars() is None:
            self.surface.GetPointData().SetScalars(self._colours)
            mapper = self.actor.GetMapper()
            mapper.ScalarVisibilityOn()
            mapper.SetColorModeToDirectScalars()
        self.colours[:] = colours
        self._colours.Modified()


def vertex_normals(points: NDArray[np.floating], corners: NDArray[np.integer]) -> NDArray[np.float32]:
    """(n, 3) unit normals at points, each triangle counting by its area."""
    a, b, c = (points[corners[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    flat, count = corners.ravel(), len(points)
    total = np.stack([np.bincount(flat, np.repeat(face[:, k], 3), count) for k in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.maximum(length, 1e-12)).astype(np.float32)


def thinned(
    points_mm: NDArray[np.floating], triangles: NDArray[np.integer], wanted: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """About so many triangles over some of the same points, and which of the triangles each of them stands for.

    The points of each box of a grid are drawn as the first of them (Rossignac and Borrel 1993), so that the coarse
    surface moves with the points of the fine one.
    """
    corners, every = np.asarray(triangles, np.int64), np.arange(len(triangles))
    if len(corners) <= wanted:
        return corners, every
    points = np.asarray(points_mm, np.float64)
    a, b, c = (points[corners[:, k]] for k in range(3))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2
    box = np.floor((points - points.min(axis=0)) / np.sqrt(2 * area / max(wanted, 1))).astype(np.int64)
    size = box.max(axis=0) + 1
    _, first, owner = np.unique(
        (box[:, 0] * size[1] + box[:, 1]) * size[2] + box[:, 2], return_index=True, return_inverse=True
    )
    coarse = first[owner][corners]
    whole = (coarse[:, 0] != coarse[:, 1]) & (coarse[:, 1] != coarse[:, 2]) & (coarse[:, 2] != coarse[:, 0])
    _, kept = np.unique(np.sort(coarse[whole], axis=1), axis=0, return_index=True)
    kept.sort()
    return coarse[whole][kept], every[whole][kept]
