"""A measured vessel in space: its lines, its narrow and wide places, and the section that is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor

from organtwin.model import Centerline
from organtwin_gui.vessels.curves import called
from organtwin_gui.views.items.base import Colour, PointLabel, SceneItem, Surroundings, actor_of, points_of

LINE, RING = 3.0, 3.5  # pixels
NARROW, WIDE, OWN, HERE = (239, 106, 103), (232, 177, 79), (124, 188, 236), (244, 222, 90)


class VesselItem(SceneItem):
    """Drawn over all that stands there: the line is inside the vessel, and is there to be seen."""

    def __init__(self, line: Centerline, around: Surroundings, uuid: str) -> None:
        super().__init__(uuid, line.name, around)
        self._line = line
        self._tree, self._ring = _in_front(LINE), _in_front(RING)
        self._ring.GetProperty().SetColor(*(c / 255 for c in HERE))
        self._ring.SetVisibility(False)
        self._tree.GetMapper().SetInputData(_tree(line))
        self._tree.GetMapper().ScalarVisibilityOn()
        self.props = [self._tree, self._ring]
        points = np.asarray(line.points_mm, float)
        if len(line.branches) > 1:
            parents = {branch.parent for branch in line.branches}
            self.labels = [
                PointLabel(points[branch.last], called(branch.name))
                for number, branch in enumerate(line.branches)
                if number not in parents
            ]

    def set_visible(self, visible: bool) -> None:
        super().set_visible(visible)
        self._ring.SetVisibility(visible and self._ring.GetMapper().GetInput() is not None)

    def go_to(self, point: int) -> None:
        """Stand the ring of the wall at a point of the line (its index)."""
        self._ring.GetMapper().SetInputData(_lines([ring(self._line, point)]))
        self._ring.SetVisibility(self.visible)
        self.around.refresh()


def ring(line: Centerline, point: int) -> NDArray[np.float64]:
    """(m, 3) LPS mm: the wall across the vessel at a point, closed; a circle where it was not measured."""
    centre = np.asarray(line.points_mm, float)[point]
    if line.outline_mm is None or line.up is None or line.tangent is None:
        branch = next(b for b in line.branches if b.first <= point <= b.last)
        ahead = np.asarray(line.points_mm, float)[min(point + 1, branch.last)]
        behind = np.asarray(line.points_mm, float)[max(point - 1, branch.first)]
        tangent = (ahead - behind) / max(float(np.linalg.norm(ahead - behind)), 1e-9)
        up = np.cross(tangent, np.eye(3)[np.argmin(np.abs(tangent))])
        up /= np.linalg.norm(up)
        wall = np.full(36, float(line.diameter_mm[point]) / 2)
    else:
        tangent, up = np.asarray(line.tangent, float)[point], np.asarray(line.up, float)[point]
        wall = np.asarray(line.outline_mm, float)[point]
    angle = np.linspace(0, 2 * np.pi, len(wall), endpoint=False)[:, None]
    made = centre + wall[:, None] * (np.cos(angle) * up + np.sin(angle) * np.cross(tangent, up))
    return np.asarray(np.vstack([made, made[:1]]))


def _tree(line: Centerline) -> vtkPolyData:
    points = np.asarray(line.points_mm, float)
    made = _lines([points[b.first : b.last + 1] for b in line.branches])
    colours = np.tile(np.array(OWN, np.uint8), (len(points), 1))
    for finding in line.findings:
        own = line.branches[finding.branch]
        span = slice(own.first, own.last + 1)
        along = np.asarray(line.distance_mm, float)[span]
        colour: Colour = NARROW if finding.what == "stenosis" else WIDE
        colours[span][(along >= finding.start_mm) & (along <= finding.stop_mm)] = colour
    drawn = np.concatenate([colours[b.first : b.last + 1] for b in line.branches])
    made.GetPointData().SetScalars(numpy_to_vtk(drawn, deep=True))
    return made


def _lines(lines: list[NDArray[np.float64]]) -> vtkPolyData:
    made, cells, first = vtkPolyData(), vtkCellArray(), 0
    for points in lines:
        cells.InsertNextCell(len(points))
        for number in range(first, first + len(points)):
            cells.InsertCellPoint(number)
        first += len(points)
    made.SetPoints(points_of(np.concatenate(lines)))
    made.SetLines(cells)
    return made


def _in_front(pixels: float) -> vtkActor:
    actor = actor_of()
    mapper = actor.GetMapper()
    mapper.SetResolveCoincidentTopologyToPolygonOffset()
    mapper.SetRelativeCoincidentTopologyLineOffsetParameters(0, -66000)
    prop = actor.GetProperty()
    prop.SetLineWidth(pixels)
    prop.LightingOff()
    actor.PickableOff()
    return actor
