"""A tetrahedral mesh: its boundary regions with their names, its edges, and its inside where it is cut open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import vtkAppendPolyData
from vtkmodules.vtkFiltersGeneral import vtkTransformFilter
from vtkmodules.vtkFiltersSources import vtkArrowSource
from vtkmodules.vtkRenderingCore import vtkActor

from organtwin.model import OrganMesh, structure
from organtwin_gui.views.colours import Legend, lookup_table
from organtwin_gui.views.items.base import (
    Colour,
    PointLabel,
    SceneItem,
    Surroundings,
    actor_of,
    cells_of,
    number_look,
    points_of,
    polydata_of,
    tissue_look,
    with_normals,
)
from organtwin_gui.views.items.looks import Clip, MeshLook
from organtwin_gui.views.mesh_faces import MeshFaces, cells_behind, mean_ratio

INLET_COLOUR: Colour = (90, 169, 230)  # the accent of the dark theme: the pictures stay dark in both
OUTLET_COLOURS: tuple[Colour, ...] = (
    (232, 177, 79),
    (98, 212, 146),
    (190, 140, 235),
    (240, 128, 150),
    (120, 205, 205),
    (205, 205, 110),
)
_INSIDE_COLOUR: Colour = (188, 178, 158)
_SIDE_COLOURS: dict[str, Colour] = {
    "left": (206, 186, 112),
    "right": (180, 152, 88),
    "anterior": (122, 180, 148),
    "posterior": (90, 142, 120),
    "superior": (206, 132, 124),
    "inferior": (160, 98, 98),
}
_SIDES: dict[str, tuple[int, int, int]] = {
    "left": (1, 0, 0),
    "right": (-1, 0, 0),
    "anterior": (0, -1, 0),
    "posterior": (0, 1, 0),
    "superior": (0, 0, 1),
    "inferior": (0, 0, -1),
}


Roles = dict[str, str]  # opening -> "inlet" or "outlet"


def boundary_colours(mesh: OrganMesh, roles: Roles | None = None) -> dict[str, Colour]:
    """A colour for each named boundary region: inlets in the accent, outlets apart from each other, the wall as the structure.

    ``roles`` takes the place of those that the mesh was made with.
    """
    own = structure(mesh.structure).colour
    colours: dict[str, Colour] = {}
    known = {cap.name: (roles or {}).get(cap.name, cap.role) for cap in mesh.caps}
    inlets = {name for name, role in known.items() if role == "inlet"}
    outlets = [name for name, role in known.items() if role == "outlet"]
    for name in mesh.boundaries:
        if name in inlets:
            colours[name] = INLET_COLOUR
        elif name in outlets:
            colours[name] = OUTLET_COLOURS[outlets.index(name) % len(OUTLET_COLOURS)]
        else:
            colours[name] = _SIDE_COLOURS.get(name, own)
    return colours


def cap_labels(mesh: OrganMesh, roles: Roles | None = None) -> list[PointLabel]:
    """The names of the openings with their diameter, and which way the blood goes through them."""
    colours = boundary_colours(mesh, roles)
    labels = []
    for cap in mesh.caps:
        at, out = np.array(cap.centre_mm), np.array(cap.normal) * max(2.4 * cap.radius_mm, 8.0)
        arrow = (at + out, at) if (roles or {}).get(cap.name, cap.role) == "inlet" else (at, at + out)
        text = f"{cap.name.replace('_', ' ')}  ⌀ {2 * cap.radius_mm:.1f} mm"
        labels.append(PointLabel(at, text, colours.get(cap.name, INLET_COLOUR), arrow))
    return labels


def _side_labels(mesh: OrganMesh) -> list[PointLabel]:
    """The names of the boundary regions of an organ, each at the middle of its region."""
    labels = []
    colours = boundary_colours(mesh)
    for name in mesh.boundaries:
        if name in _SIDE_COLOURS:
            corners = mesh.points_mm[mesh.boundary(name)]
            if len(corners):
                middle = corners.mean(axis=1)
                nearest = middle[np.argmin(np.linalg.norm(middle - middle.mean(axis=0), axis=1))]
                labels.append(PointLabel(nearest, name, colours[name], normal=np.array(_SIDES[name], float)))
    return labels


def _arrows(labels: list[PointLabel]) -> vtkPolyData:
    """Solid arrows, as thick as their opening bears, each in the colour of its label."""
    parts = vtkAppendPolyData()
    for label in labels:
        if label.arrow_mm is None:
            continue
        start, end = label.arrow_mm
        along = end - start
        length = float(np.linalg.norm(along))
        first = along / length
        second = np.cross(first, np.eye(3)[np.argmin(np.abs(first))])
        second /= np.linalg.norm(second)
        source = vtkArrowSource()
        source.SetShaftResolution(24)
        source.SetTipResolution(24)
        source.SetShaftRadius(0.07)
        source.SetTipRadius(0.19)
        source.SetTipLength(0.4)
        place = vtkTransform()  # the arrow of VTK runs from 0 to 1 along x
        frame = np.eye(4)
        frame[:3] = np.column_stack([length * first, length * second, length * np.cross(first, second), start])
        place.SetMatrix(frame.ravel().tolist())
        move = vtkTransformFilter()
        move.SetInputConnection(source.GetOutputPort())
        move.SetTransform(place)
        move.Update()
        arrow = with_normals(move.GetPolyDataOutput(), 50.0)
        colours = np.tile(np.array(label.colour, np.uint8), (arrow.GetNumberOfCells(), 1))
        arrow.GetCellData().SetScalars(numpy_to_vtk(colours, deep=True))
        parts.AddInputData(arrow)
    parts.Update()
    return parts.GetOutput()


class MeshItem(SceneItem):
    """See :class:`MeshLook` for the ways to show it."""

    def __init__(self, mesh: OrganMesh, around: Surroundings, look: MeshLook | None = None) -> None:
        super().__init__(mesh.uuid, mesh.name, around)
        self.mesh = mesh
        self.look = look or MeshLook()
        self._faces: MeshFaces | None = None
        self._quality: NDArray[np.float64] | None = None
        self._shell = actor_of()
        self._inside = actor_of()
        self._arrows = actor_of()
        self.props = [self._shell, self._inside, self._arrows]
        self._paint = np.full((int(max(mesh.boundaries.values(), default=0)) + 1, 3), 150, np.uint8)
        self._points = points_of(mesh.points_mm)
        self._take_roles({})
        self.set_look(self.look)

    def set_roles(self, roles: Roles) -> None:
        """Let the arrows follow other roles of the openings than those the mesh was made with."""
        if {cap.name: roles.get(cap.name, cap.role) for cap in self.mesh.caps} != self._roles:
            self._take_roles(roles)
            self._show()
            self.around.refresh()

    def _take_roles(self, roles: Roles) -> None:
        mesh = self.mesh
        self._roles = {cap.name: roles.get(cap.name, cap.role) for cap in mesh.caps}
        colours = boundary_colours(mesh, roles)
        for name, tag in mesh.boundaries.items():
            self._paint[tag] = colours[name]
        arrows = cap_labels(mesh, roles)
        self._labels = [replace(label, arrow_mm=None) for label in arrows] or _side_labels(mesh)
        if arrows:
            self._arrows.GetMapper().SetInputData(_arrows(arrows))
            _colour_cells(self._arrows, direct=True)
            tissue_look(self._arrows.GetProperty(), INLET_COLOUR)

    def set_look(self, look: MeshLook) -> None:
        """Take on another look."""
        self.look = look
        if self._faces is None and (look.clip is not None or look.colour_by == "quality"):
            mesh = self.mesh
            self.around.background.submit(
                (self.uuid, "faces"),
                lambda: (MeshFaces.of(mesh.tets, mesh.boundary_triangles), mean_ratio(mesh.points_mm, mesh.tets)),
                self._take_faces,
            )
        self._show()

    def _take_faces(self, found: tuple[MeshFaces, NDArray[np.float64]]) -> None:
        self._faces, self._quality = found
        self._show()
        self.around.refresh()

    def _kept(self, clip: Clip) -> NDArray[np.bool_]:
        normal = np.asarray(clip.normal, dtype=float)
        normal = normal / np.linalg.norm(normal)
        height = self.mesh.points_mm @ normal
        offset = float(height.min() + clip.position * (height.max() - height.min()))
        return cells_behind(self.mesh.points_mm, self.mesh.tets, normal, offset)

    def _show(self) -> None:
        look, mesh = self.look, self.mesh
        self.legends = []
        opened = self._faces is not None and (look.clip is not None or look.colour_by == "quality")
        if opened:
            self._show_cells()
        else:
            self._show_boundary()
        for actor in (self._shell, self._inside):
            prop = actor.GetProperty()
            prop.SetEdgeVisibility(look.edges)
            prop.SetEdgeColor(0.07, 0.09, 0.11)
            prop.SetEdgeOpacity(0.65)
            prop.SetLineWidth(1.0)
            prop.SetOpacity(look.opacity)
        self._inside.SetVisibility(self.visible and opened)
        self._shell.SetVisibility(self.visible)
        self._arrows.SetVisibility(self.visible and look.names and bool(mesh.caps))
        self.labels = self._labels if look.names and mesh.boundaries else []

    def _show_boundary(self) -> None:
        """The outside, one colour a region or one for all."""
        mesh, look = self.mesh, self.look
        surface = polydata_of(mesh.points_mm, mesh.boundary_triangles)
        tissue_look(self._shell.GetProperty(), structure(mesh.structure).colour, look.opacity)
        if look.colour_by == "boundary" and mesh.boundaries:
            surface.GetCellData().SetScalars(numpy_to_vtk(self._paint[mesh.boundary_tags], deep=True))
            _colour_cells(self._shell, direct=True)
        else:
            self._shell.GetMapper().ScalarVisibilityOff()
        self._shell.GetMapper().SetInputData(with_normals(surface, 40.0))

    def _show_cells(self) -> None:
        """What is left of the mesh behind the clip plane: its outside, and the cells along the cut."""
        mesh, look = self.mesh, self.look
        if self._faces is None or self._quality is None:
            return
        kept = np.ones(len(mesh.tets), dtype=bool) if look.clip is None else self._kept(look.clip)
        seen = self._faces.seen(kept)
        outside = seen.boundary >= 0
        own = structure(mesh.structure).colour
        for actor, part in ((self._shell, outside), (self._inside, ~outside)):
            surface = vtkPolyData()
            surface.SetPoints(self._points)
            surface.SetPolys(cells_of(seen.triangles[part]))
            tissue_look(actor.GetProperty(), _INSIDE_COLOUR if actor is self._inside else own, look.opacity)
            actor.GetProperty().SetInterpolationToFlat()
            if look.colour_by == "quality":
                surface.GetCellData().SetScalars(
                    numpy_to_vtk(self._quality[seen.cell[part]].astype(np.float32), deep=True)
                )
                _colour_cells(actor, direct=False)
            elif actor is self._shell and look.colour_by == "boundary":
                tags = np.asarray(mesh.boundary_tags)[seen.boundary[part]]
                surface.GetCellData().SetScalars(numpy_to_vtk(self._paint[tags], deep=True))
                _colour_cells(actor, direct=True)
            else:
                actor.GetMapper().ScalarVisibilityOff()
            actor.GetMapper().SetInputData(surface)
        if look.colour_by == "quality":
            self.legends = [Legend("Quality", "mean ratio", "quality", 0.0, 1.0)]

    def set_opacity(self, opacity: float) -> None:
        self.set_look(replace(self.look, opacity=opacity))

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        self._show()


def _colour_cells(actor: vtkActor, *, direct: bool) -> None:
    """Take colours from the cells: as they are, or quality through its map."""
    mapper = actor.GetMapper()
    mapper.SetScalarModeToUseCellData()
    mapper.ScalarVisibilityOn()
    if direct:
        mapper.SetColorModeToDirectScalars()
    else:
        mapper.SetColorModeToMapScalars()
        number_look(actor.GetProperty())
        actor.GetProperty().SetInterpolationToFlat()
        mapper.SetLookupTable(lookup_table("quality", 0.0, 1.0))
        mapper.UseLookupTableScalarRangeOn()
