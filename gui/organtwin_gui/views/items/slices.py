"""The three slices standing in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersSources import vtkPlaneSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from organtwin_gui import theme
from organtwin_gui.views.items.base import SceneItem, Surroundings
from organtwin_gui.views.slice_render import Plane, SliceGeometry, colour_table
from organtwin_gui.views.state import ImageScene

UUID = "slices"


class SlicesItem(SceneItem):
    """Textured planes where the slice views are, in the same window and with the same overlays."""

    def __init__(self, scene: ImageScene, around: Surroundings) -> None:
        super().__init__(UUID, "Slices", around)
        self._scene = scene
        self._planes = [_TexturedPlane(plane) for plane in Plane]
        self.props = [actor for plane in self._planes for actor in (plane.actor, plane.rim)]
        scene.cursor.moved.connect(self._refresh)
        for signal in (scene.window_changed, scene.overlays_changed, scene.volume_changed):
            signal.connect(self._refresh_all)
        self._refresh_all()

    def _refresh_all(self, *_: object) -> None:
        for plane in self._planes:
            plane.index = -1
        self._refresh()

    def _refresh(self, *_: object) -> None:
        if not self.visible:
            return
        changed = [plane.update(self._scene) for plane in self._planes]
        if any(changed):
            self.around.refresh()

    def set_visible(self, visible: bool) -> None:
        super().set_visible(visible)
        self._refresh_all()

    def close(self) -> None:
        super().close()
        self._scene.cursor.moved.disconnect(self._refresh)
        for signal in (self._scene.window_changed, self._scene.overlays_changed, self._scene.volume_changed):
            signal.disconnect(self._refresh_all)


class _TexturedPlane:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.index = -1
        self._source = vtkPlaneSource()
        self._texture = vtkTexture()
        self._texture.InterpolateOn()
        mapper = vtkPolyDataMapper()
        mapper.SetInputConnection(self._source.GetOutputPort())
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.SetTexture(self._texture)
        self.actor.GetProperty().LightingOff()
        self.rim = vtkActor()
        rim_mapper = vtkPolyDataMapper()
        rim_mapper.SetInputConnection(self._source.GetOutputPort())
        self.rim.SetMapper(rim_mapper)
        ink = self.rim.GetProperty()
        ink.SetRepresentationToWireframe()
        ink.LightingOff()
        ink.SetLineWidth(1.5)
        colour = theme.PLANE_COLOURS[plane.value]
        ink.SetColor(*(int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)))

    def update(self, scene: ImageScene) -> bool:
        """Follow the scene; says whether anything changed."""
        if scene.grid is None or scene.values is None:
            self.actor.VisibilityOff()
            self.rim.VisibilityOff()
            return True
        geometry = SliceGeometry(scene.grid, self.plane)
        index = geometry.slice_of(scene.cursor.position_mm)
        if index == self.index:
            return False
        self.index = index
        self.actor.VisibilityOn()
        self.rim.VisibilityOn()
        image = geometry.slice_image(scene.values, index)
        low = scene.level - scene.width / 2
        grey = np.clip((image.astype(np.float32) - low) * (255 / scene.width), 0, 255).astype(np.uint8)
        picture = np.repeat(grey[..., None], 3, axis=2)
        if scene.overlays_visible:
            _blend(picture, scene, geometry, index)
        rows, columns = grey.shape
        texture = vtkImageData()
        texture.SetDimensions(columns, rows, 1)
        texture.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture[::-1]).reshape(-1, 3), deep=True))
        self._texture.SetInputData(texture)
        # the outer faces of the voxels; the texture's first row is the picture's last
        corner = geometry.to_world(((-0.5, rows - 0.5, index), (columns - 0.5, rows - 0.5, index), (-0.5, -0.5, index)))
        self._source.SetOrigin(*corner[0])
        self._source.SetPoint1(*corner[1])
        self._source.SetPoint2(*corner[2])
        return True


def _blend(picture: NDArray[np.uint8], scene: ImageScene, geometry: SliceGeometry, index: int) -> None:
    """Lay the overlays that share the image's grid over the picture."""
    for overlay in scene.overlays.values():
        if not overlay.visible or scene.grid is None or not overlay.grid.same_as(scene.grid):
            continue
        labels = geometry.slice_image(overlay.labels, index)
        painted = labels > 0
        if not painted.any():
            continue
        table = colour_table(overlay.styles, scene.overlay_opacity)[labels[painted]]
        paint = table.view(np.uint8).reshape(-1, 4)  # blue, green, red, alpha; premultiplied
        under = picture[painted].astype(np.float32) * (1 - paint[:, 3:4] / 255)
        picture[painted] = np.clip(under + paint[:, 2::-1], 0, 255).astype(np.uint8)
