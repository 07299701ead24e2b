"""The segments on the bench in 3D: rough surfaces, worked out beside the window and renewed after every edit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkRenderingCore import vtkCamera

from organtwin.space import Grid
from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.segmenting.surface_nets import boxes_of, surface_nets
from organtwin_gui.views.items.base import Colour, SceneItem, Surroundings, actor_of, polydata_of, tissue_look
from organtwin_gui.views.viewport import Viewport

AFTER_MS, CALM_MS = 250, 1500
COARSE_VOXELS = 3_000_000  # of the whole label map, for all segments
FINE_VOXELS, SOFT_VOXELS = 1_500_000, 300_000  # of the box of one segment; where the processor draws
PREFIX = "bench-"
GLASS = 0.16

Net = tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float64]]


def rough_surfaces(
    labels: NDArray[Any], grid: Grid, wanted: dict[str, int], fine: bool, most_each: int = FINE_VOXELS
) -> dict[str, Net | None]:
    """Points in LPS mm, triangles and normals of segments (key: label); None for one without voxels."""
    most = 4 * COARSE_VOXELS if fine else COARSE_VOXELS
    step = steps_of(labels.shape, grid, most)
    coarse = np.ascontiguousarray(labels[:: step[0], :: step[1], :: step[2]])
    boxes = boxes_of(coarse, max(wanted.values(), default=0) + 1)
    made: dict[str, Net | None] = {}
    for key, label in wanted.items():
        low, high = boxes[label, :3], boxes[label, 3:]
        if (low >= high).any():
            made[key] = None
            continue
        start = low * step
        part = coarse[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
        more = steps_of(part.shape, grid, most_each)
        points, triangles, normals = surface_nets(part[:: more[0], :: more[1], :: more[2]] == label)
        factor = (step * more)[::-1]
        world = grid.to_world(points * factor + start[::-1])
        turn = np.linalg.inv(grid.affine[:3, :3] * factor).T
        normals = normals @ turn.T
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        if np.linalg.det(grid.affine[:3, :3]) < 0:
            triangles = triangles[:, ::-1]
        made[key] = world, triangles, normals
    return made


def steps_of(shape: tuple[int, ...], grid: Grid, most: int) -> NDArray[np.int64]:
    """Every how many voxels (k, j, i) to take, so that at most so many stay: first where they are closest."""
    step = np.ones(3, np.int64)
    while np.prod(np.ceil(np.array(shape) / step)) > most:
        step[np.argmin(grid.spacing_mm[::-1] * step + 1e9 * (np.array(shape) < 2 * step))] += 1
    return step


class SegmentItem(SceneItem):
    """A segment as it is now."""

    def __init__(self, uuid: str, name: str, around: Surroundings, colour: Colour) -> None:
        super().__init__(uuid, name, around)
        self._actor = actor_of(vtkPolyData())
        tissue_look(self._actor.GetProperty(), colour)
        self.props = [self._actor]

    def take(self, net: Net | None) -> None:
        """Another shape."""
        surface = vtkPolyData()
        if net is not None:
            points, triangles, normals = net
            surface = polydata_of(points, triangles)
            surface.GetPointData().SetNormals(numpy_to_vtk(np.ascontiguousarray(normals, np.float32), deep=True))
        self._actor.GetMapper().SetInputData(surface)

    def set_opacity(self, opacity: float) -> None:
        prop = self._actor.GetProperty()
        prop.SetOpacity(opacity)
        prop.SetSpecular(0.16 if opacity == 1 else 0.0)

    def set_colour(self, colour: Colour) -> None:
        self._actor.GetProperty().SetColor(*(c / 255 for c in colour))


class LiveSurfaces(QObject):
    """While the bench is worked on, its segments have the 3D view; what stood there before comes back after."""

    def __init__(self, desk: Desk, viewport: Viewport) -> None:
        super().__init__(viewport)
        self.desk, self.viewport = desk, viewport
        self.on = False
        self.glass = False
        self._volumes: dict[str, float] = {}
        self._camera: vtkCamera | None = None
        self._framed = False
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(AFTER_MS)
        self._due.timeout.connect(self._work)
        self._calm = QTimer(self)  # after the last edit there is time for a fine picture
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self._refine)
        desk.opened.connect(self._reopen)
        desk.table_changed.connect(self._table)
        desk.in_hand_changed.connect(lambda: self.set_glass(self.glass))
        desk.touched.connect(lambda _t: self._touched())

    def set_on(self, on: bool) -> None:
        """Give the 3D view to the bench, or give it back."""
        on = on and self.desk.bench is not None and self.viewport.canvas.ready and not self.viewport.is_live
        if on == self.on:
            return
        self.on = on
        camera = self.viewport.canvas.renderer.GetActiveCamera()
        if on:
            self._camera = vtkCamera()
            self._camera.DeepCopy(camera)
            self.viewport.put_aside(True)
            self._hurry()
            self._framed = False
            self._begin()
        else:
            self._due.stop()
            self._calm.stop()
            self._clear()
            self.viewport.canvas.hurried = False
            self.viewport.put_aside(False)
            if self._camera is not None:
                camera.DeepCopy(self._camera)
            self.viewport.canvas.refresh()

    def _hurry(self) -> None:
        """A stroke must not wait for a picture."""
        self.viewport.canvas.hurried = True
        self._calm.start()

    def _refine(self) -> None:
        """Glass drawn finely by the processor takes a second or more: it stays as it is."""
        self.viewport.canvas.hurried = self.glass and self.viewport.canvas.software
        self.viewport.canvas.refresh()

    def set_glass(self, on: bool) -> None:
        """Whether all but the segment in hand are glass."""
        self.glass = on
        if not self.on:
            return
        mine = PREFIX + self.desk.segment.key if self.desk.segment is not None else ""
        for uuid, item in self.viewport.items.items():
            if uuid.startswith(PREFIX):
                item.set_opacity(GLASS if on and uuid != mine else 1.0)
        self.viewport.canvas.refresh()

    def _reopen(self) -> None:
        if self.on and self.desk.bench is None:
            self.set_on(False)
        elif self.on:
            self._clear()
            self._begin()

    def _begin(self) -> None:
        self._volumes = {}
        self._table()

    def _clear(self) -> None:
        self.viewport.background.forget(PREFIX)
        self._volumes = {}
        for uuid in [u for u in self.viewport.items if u.startswith(PREFIX)]:
            self.viewport.remove(uuid)

    def _table(self) -> None:
        """Segments that came, went, changed colour or are hidden."""
        if not self.on:
            return
        keys = {s.key: s for s in self.desk.segments}
        for uuid in [u for u in self.viewport.items if u.startswith(PREFIX) and u.removeprefix(PREFIX) not in keys]:
            self.viewport.remove(uuid)
            self._volumes.pop(uuid.removeprefix(PREFIX), None)
        for key, segment in keys.items():
            item = self.viewport.items.get(PREFIX + key)
            if item is not None:
                item.set_colour(segment.colour)
                item.set_visible(self.desk.is_visible(key))
        self.viewport.canvas.refresh()
        self._due.start()

    def _touched(self) -> None:
        if self.on:
            self._hurry()
            self._due.start()

    def _work(self) -> None:
        """Work out anew what changed: a segment whose volume is another one, and the one in hand."""
        bench = self.desk.bench
        if not self.on or bench is None:
            return
        stale = {
            s.key: s for s in bench.segments if self.desk.is_visible(s.key) and self._volumes.get(s.key) != s.volume_mm3
        }
        if not stale:
            return
        volumes = {key: s.volume_mm3 for key, s in stale.items()}
        labels, grid, wanted = bench.labels, bench.grid, {key: s.label for key, s in stale.items()}
        fine = len(wanted) <= 2
        most_each = SOFT_VOXELS if self.viewport.canvas.software else FINE_VOXELS
        self.viewport.background.submit(
            (PREFIX, "surfaces"),
            lambda: rough_surfaces(labels, grid, wanted, fine, most_each),
            lambda found: self._take(found, volumes),
        )

    def _take(self, found: dict[str, Net | None], volumes: dict[str, float]) -> None:
        if not self.on:
            return
        known = {s.key: s for s in self.desk.segments}
        for key, net in found.items():
            segment = known.get(key)
            if segment is None:
                continue
            self._volumes[key] = volumes[key]
            item = self.viewport.items.get(PREFIX + key)
            if not isinstance(item, SegmentItem):
                item = SegmentItem(PREFIX + key, segment.name, self.viewport.around, segment.colour)
                self.viewport.put(item)
            item.take(net)
            item.set_visible(self.desk.is_visible(key))
        if not self._framed and any(net is not None for net in found.values()):
            self._framed = True
            self.viewport.canvas.look_from("A")
        self._calm.start()
        self.set_glass(self.glass)
        self.viewport.canvas.contents_changed()
        if any(s.volume_mm3 != self._volumes.get(s.key) for s in self.desk.segments if self.desk.is_visible(s.key)):
            self._due.start()  # it was edited meanwhile
