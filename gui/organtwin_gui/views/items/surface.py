"""The surface of one structure."""

from __future__ import annotations

from vtkmodules.vtkCommonDataModel import vtkPolyData

from organtwin.model import Surface, structure
from organtwin_gui.views.items.base import (
    Colour,
    SceneItem,
    Surroundings,
    actor_of,
    decimated,
    polydata_of,
    tissue_look,
    with_normals,
)

_COARSE_TRIANGLES = 25_000
_FAINT = 0.1


class SurfaceItem(SceneItem):
    """A smooth shaded surface; a coarser one stands in while the camera moves on a machine without graphics card."""

    def __init__(
        self, surface: Surface, around: Surroundings, colour: Colour | None = None, opacity: float = 1.0
    ) -> None:
        super().__init__(surface.uuid, surface.name, around)
        self.opacity = opacity
        self._faint = self._moving = False
        self._fine = with_normals(polydata_of(surface.points_mm, surface.triangles))
        self._coarse: vtkPolyData | None = None
        self._actor = actor_of(self._fine)
        tissue_look(self._actor.GetProperty(), colour or structure(surface.structure).colour, opacity)
        self.props = [self._actor]
        if len(surface.triangles) > 3 * _COARSE_TRIANGLES:
            around.background.submit(
                (self.uuid, "coarse"),
                lambda: decimated(surface.points_mm, surface.triangles, _COARSE_TRIANGLES),
                self._keep_coarse,
            )

    def _keep_coarse(self, coarse: vtkPolyData) -> None:
        self._coarse = coarse
        self._choose_detail()
        if self._faint:
            self.around.refresh()

    def _choose_detail(self) -> None:
        """Without a graphics card: what moves, or is glass in the background, need not be fine."""
        simple = self._coarse is not None and (self._moving or self._faint) and self.around.software()
        self._actor.GetMapper().SetInputData(self._coarse if simple else self._fine)

    def set_opacity(self, opacity: float) -> None:
        self.opacity = opacity
        self._apply_opacity()

    def set_in_background(self, faint: bool) -> None:
        """Turn to glass, so that a result among the organs can be seen."""
        self._faint = faint
        self._choose_detail()
        self._apply_opacity()

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        self._apply_opacity()

    def _apply_opacity(self) -> None:
        opacity = min(self.opacity, _FAINT) if self._faint else self.opacity
        prop = self._actor.GetProperty()
        prop.SetOpacity(opacity)
        prop.SetSpecular(0.0 if self._faint else 0.16)
        self._actor.SetVisibility(self.visible and opacity > 0)

    def set_colour(self, colour: Colour) -> None:
        self._actor.GetProperty().SetColor(*(c / 255 for c in colour))

    def set_moving(self, moving: bool) -> None:
        self._moving = moving
        self._choose_detail()
