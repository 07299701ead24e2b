"""A plan of a resection: the organ as glass, its vessels and tumours inside, the cut, and what is taken in a tint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData

from organtwin_gui.views.items.base import (
    Colour,
    PointLabel,
    SceneItem,
    Surroundings,
    actor_of,
    polydata_of,
    tissue_look,
    with_normals,
)

if TYPE_CHECKING:
    from organtwin.resection.shapes import Shape
    from organtwin_gui.planning.live import Drawn

UUID = "plan-at-work"
ORGAN: Colour = (214, 160, 142)
TAKEN: Colour = (226, 96, 84)
OTHER: Colour = (110, 180, 240)
CLOSE, NEAR, CLEAR = np.array([214.0, 62, 58]), np.array([236.0, 178, 84]), np.array([232.0, 226, 214])
VESSELS: dict[str, Colour] = {
    "portal_vein": (166, 110, 214),
    "hepatic_vein": (72, 132, 226),
    "inferior_vena_cava": (38, 84, 176),
    "hepatic_artery": (220, 70, 60),
}
TUMOUR: Colour = (246, 206, 74)
GLASS, TINT, SHEET = 0.2, 0.3, 0.9


def sheet_colours(margin_mm: NDArray[np.float64], asked_mm: float) -> NDArray[np.uint8]:
    """(n, 3) of the cut: red where it is nearer to a tumour than was asked, amber at that distance, pale beyond it."""
    near = np.clip((margin_mm - asked_mm) / max(asked_mm, 4.0), 0.0, 1.0)[:, None]
    colours = NEAR + near * (CLEAR - NEAR)
    return np.where((margin_mm < asked_mm - 1.0)[:, None], CLOSE, colours).astype(np.uint8)


class PlanItem(SceneItem):
    """Shows one plan at a time; :meth:`show_plan` takes another up without a new item."""

    def __init__(self, around: Surroundings, uuid: str = UUID) -> None:
        super().__init__(uuid, "Plan", around)
        self._inside, self._stays, self._taken, self._sheet = (actor_of() for _ in range(4))
        self.props = [self._inside, self._stays, self._taken, self._sheet]
        tissue_look(self._inside.GetProperty(), (255, 255, 255))
        self._inside.GetMapper().ScalarVisibilityOn()
        tissue_look(self._stays.GetProperty(), ORGAN, GLASS)
        tissue_look(self._taken.GetProperty(), TAKEN, TINT)
        tissue_look(self._sheet.GetProperty(), (232, 226, 214), SHEET)
        self._sheet.GetMapper().ScalarVisibilityOn()
        for glass in (self._stays, self._taken):  # seen through: its shade should not darken what is behind
            glass.GetProperty().SetAmbient(0.45)
            glass.GetProperty().SetDiffuse(0.6)
        self._glass = GLASS
        for actor in self.props:
            actor.SetPickable(actor is self._inside)  # type: ignore[attr-defined]
            actor.SetVisibility(False)
        self._filled: set[int] = set()

    def set_inner(self, shapes: dict[str, Shape]) -> None:
        """Vessels and tumours by key."""
        points, triangles, colours, first = [], [], [], 0
        for key, shape in shapes.items():
            if shape.is_empty:
                continue
            points.append(shape.points_mm)
            triangles.append(shape.triangles + first)
            colours.append(np.tile(np.array(VESSELS.get(key, TUMOUR), np.uint8), (len(shape.points_mm), 1)))
            first += len(shape.points_mm)
        if not points:
            self._fill(self._inside, None)
            return
        data = with_normals(polydata_of(np.concatenate(points), np.concatenate(triangles)))
        data.GetPointData().SetScalars(numpy_to_vtk(np.concatenate(colours), deep=True))
        self._fill(self._inside, data)

    def show_plan(self, drawn: Drawn, asked_mm: float) -> None:
        """The organ in two parts, and the cut between them."""
        for actor, shape in ((self._stays, drawn.stays), (self._taken, drawn.taken)):
            self._fill(actor, None if shape.is_empty else with_normals(polydata_of(shape.points_mm, shape.triangles)))
        if drawn.sheet.is_empty:
            self._fill(self._sheet, None)
        else:
            data = with_normals(polydata_of(drawn.sheet.points_mm, drawn.sheet.triangles))
            data.GetPointData().SetScalars(numpy_to_vtk(sheet_colours(drawn.margin_mm, asked_mm), deep=True))
            self._fill(self._sheet, data)
        self.labels = [
            PointLabel(np.array(v.at_mm), f"{v.name}  ⌀ {v.diameter_mm:.1f} mm", (226, 226, 232))
            for v in drawn.plan.vessels_cut[:3]
        ]

    def show_organ(self, organ: Shape) -> None:
        """The organ alone, before there is a plan."""
        self._fill(self._stays, None if organ.is_empty else with_normals(polydata_of(organ.points_mm, organ.triangles)))
        for actor in (self._taken, self._sheet):
            self._fill(actor, None)
        self.labels = []

    def show_cut_only(self, drawn: Drawn) -> None:
        """Only the cut of a plan, thin, beside that of another."""
        self.show_plan(drawn, 0.0)
        self.labels = []
        for actor in (self._stays, self._taken):
            self._fill(actor, None)
        self._sheet.GetMapper().ScalarVisibilityOff()
        tissue_look(self._sheet.GetProperty(), OTHER, 0.45)

    def _fill(self, actor: object, data: vtkPolyData | None) -> None:
        number = self.props.index(actor)  # type: ignore[arg-type]
        if data is None:
            self._filled.discard(number)
        else:
            self._filled.add(number)
            actor.GetMapper().SetInputData(data)  # type: ignore[attr-defined]
        self._apply()

    def _apply(self) -> None:
        for number, prop in enumerate(self.props):
            prop.SetVisibility(self.visible and number in self._filled)

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        self._apply()

    def set_opacity(self, opacity: float) -> None:
        """Of the organ's glass; a solid organ hides the rest."""
        self._glass = opacity
        self._stays.GetProperty().SetOpacity(opacity)
        self._taken.GetProperty().SetOpacity(min(1.0, opacity * TINT / GLASS))
