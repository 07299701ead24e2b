"""What stands in the 3D view: follows the document, and does what the object list and the inspector ask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor

from organtwin.document import Change
from organtwin.jobs import Job, JobState
from organtwin.model import Centerline, OrganMesh, Result, Segmentation, Surface, Volume
from organtwin.store import Entry
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.command import Command
from organtwin_gui.views import ImageScene, Viewport
from organtwin_gui.views.items.organ_mesh import MeshItem

# structures whose surfaces would hide everything else, or mean little in 3D
NOT_AT_FIRST = {"body", "blood_pool", "skin", "fat", "muscle"}
SHOWN_IN_3D = ("surface", "mesh", "result")
FAILING, MARK_MM = "failing", 2.0
SPAN = "span"


def seen_in_3d(entry: Entry) -> bool:
    """Whether an object can stand in the 3D view: a 0D result has numbers only."""
    return entry.kind in SHOWN_IN_3D and entry.facts.get("physics") != "lumped"


class Stage(QObject):
    """Decides what is shown when something new arrives, and remembers what the person shows and hides.

    The newest thing made is shown alone with what it needs: a mesh hides its surface, a result hides its mesh.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, scene: ImageScene, viewport: Viewport) -> None:
        super().__init__(viewport)
        self.bridge, self.scene, self.viewport = bridge, scene, viewport
        self._commands: list[Command] = []
        bridge.opened.connect(self._opened)
        bridge.closed.connect(self._closed)
        bridge.changed.connect(self._document_changed)
        bridge.job_ended.connect(self._job_ended)
        scene.volume_changed.connect(self._volume_changed)

    # -- following ------------------------------------------------------------------------------------------------

    def _opened(self) -> None:
        self.viewport.clear()
        results = [e for e in self.bridge.entries("result") if seen_in_3d(e)]
        meshes = [] if results else self.bridge.entries("mesh")
        for entry in [*self._first_surfaces(), *meshes[-1:], *results[-1:]]:
            self.show(entry.uuid)
        self._volume_changed()  # a scan may have come before its view was cleared
        self.changed.emit()

    def _volume_changed(self) -> None:
        """A scan alone stands in space as its three slices, so that the 3D view is never empty."""
        bare = not any(self.bridge.entries(kind) for kind in SHOWN_IN_3D)
        self.viewport.show_slices(self.scene.volume is not None and bare)

    def _first_surfaces(self) -> list:
        return [e for e in self.bridge.entries("surface") if e.facts["structure"] not in NOT_AT_FIRST]

    def _closed(self) -> None:
        self.viewport.clear()
        self.changed.emit()

    def _document_changed(self, change: Change) -> None:
        if self.bridge.only_edited(change):  # a stroke: nothing that stands here
            return
        for uuid in change.removed:
            self.viewport.remove(uuid)
        if self.viewport.is_live:  # a rehearsal has the picture
            self.changed.emit()
            return
        for uuid in change.added:
            entry = next((e for e in self.bridge.entries() if e.uuid == uuid), None)
            if entry is None or not seen_in_3d(entry):
                continue
            if entry.kind == "surface" and entry.facts["structure"] in NOT_AT_FIRST:
                continue
            self.viewport.show_slices(False)
            self.show(uuid)
            self.bridge.select(uuid)
        self.changed.emit()

    def _job_ended(self, job: Job) -> None:
        """A new segmentation gets its surfaces, so that it is seen in 3D without a further click; failing places are marked."""
        self.viewport.remove(FAILING)
        if job.error is not None and job.error.places_mm:
            self._mark(np.array(job.error.places_mm))
        if job.state is not JobState.DONE or job.spec.operation not in ("segment", "liver") or job.done is None:
            return
        for uuid in job.done.objects:
            if any(e.uuid == uuid for e in self.bridge.entries("segmentation")):
                segmentation = self.bridge.get(uuid)
                assert isinstance(segmentation, Segmentation)
                keys = [s.key for s in segmentation.segments if s.key not in NOT_AT_FIRST]
                if keys:
                    self.bridge.start(
                        "surface", {"segmentation": uuid}, {"structures": keys}, "Surfaces for the 3D view"
                    )

    def _mark(self, places_mm: np.ndarray) -> None:
        """Small red octahedra where something failed; the crosshair goes to the first."""
        corners = MARK_MM * np.vstack([np.eye(3), -np.eye(3)])
        faces = np.array([(a, b, c) for a in (0, 3) for b in (1, 4) for c in (2, 5)], np.int32)
        points = (places_mm[:, None] + corners).reshape(-1, 3)
        triangles = (faces + 6 * np.arange(len(places_mm), dtype=np.int32)[:, None, None]).reshape(-1, 3)
        marks = Surface(
            uuid=FAILING, name="Failing triangles", structure=FAILING, points_mm=points, triangles=triangles
        )
        self.viewport.show_surface(marks, colour=(239, 60, 60), mark=True)
        self.scene.cursor.move(places_mm[0])

    # -- showing --------------------------------------------------------------------------------------------------

    def is_shown(self, uuid: str) -> bool:
        item = self.viewport.items.get(uuid)
        return item is not None and item.visible

    def show(self, uuid: str) -> None:
        """Put an object into the 3D view; what it is made from steps back."""
        with self.bridge.guarded():
            thing = self.bridge.get(uuid)
            if isinstance(thing, Result) and thing.physics != "lumped":
                self._clear_for(thing)
            if uuid in self.viewport.items:
                self.viewport.set_visible(uuid, True)
                self.changed.emit()
                return
            match thing:
                case Result(physics="lumped"):  # has no fields: it is seen in the plots
                    return
                case Surface():
                    self.viewport.show_surface(thing)
                case OrganMesh():
                    for kind in ("surface", "mesh"):  # of a vessel and its changed self only one is looked at
                        self._step_back(kind, thing.structure)
                    self.viewport.show_mesh(thing)
                case Result():
                    mesh = self.bridge.get(thing.mesh)
                    assert isinstance(mesh, OrganMesh)
                    if thing.physics == "flow":
                        self.viewport.show_flow(thing, mesh, line=self._line_of(mesh.uuid))
                    else:
                        self.viewport.show_tissue(thing, mesh)
                case Volume():
                    self.viewport.show_volume(thing)
            self.changed.emit()

    def _clear_for(self, result: Result) -> None:
        """What would hide a result steps back: its organ, and other results, which would need legends and clocks of their own."""
        mesh = self.bridge.get(result.mesh)
        assert isinstance(mesh, OrganMesh)
        for kind in ("surface", "mesh"):
            self._step_back(kind, mesh.structure)
        for other in self.bridge.entries("result"):
            if other.uuid != result.uuid:
                self.viewport.set_visible(other.uuid, False)

    def present(self, uuid: str | None, roles: dict[str, str], *, bare: bool = False) -> None:
        """Show a vessel mesh with arrows that follow the roles of its openings.

        A result on it that is shown may stay, unless the mesh is wanted ``bare``.
        """
        for other, item in self.viewport.items.items():
            if isinstance(item, MeshItem) and other != uuid:
                item.set_roles({})
        self.viewport.set_glass(uuid is not None)
        if uuid is None:
            return
        results = [e.uuid for e in self.bridge.entries("result") if e.facts.get("mesh") == uuid]
        if not self.is_shown(uuid) and (bare or not any(map(self.is_shown, results))):
            for entry in self.bridge.entries():
                if entry.kind in ("mesh", "result"):
                    self.viewport.set_visible(entry.uuid, False)
            self.show(uuid)
        item = self.viewport.items.get(uuid)
        if isinstance(item, MeshItem):
            item.set_roles(roles)

    def mark_span(self, sleeve: Surface | None) -> None:
        """Lay a coloured sleeve over a part of a vessel; None takes it away."""
        if sleeve is None:
            self.viewport.remove(SPAN)
        else:
            accent = QColor(theme.DARK.accent)
            self.viewport.show_surface(
                sleeve, colour=(accent.red(), accent.green(), accent.blue()), opacity=0.6, mark=True
            )

    def _line_of(self, mesh: str) -> Centerline | None:
        """The newest centreline of a mesh, if it has one."""
        for entry in reversed(self.bridge.entries("centerline")):
            line = self.bridge.get(entry.uuid)
            if isinstance(line, Centerline) and line.mesh == mesh:
                return line
        return None

    def hide(self, uuid: str) -> None:
        self.viewport.set_visible(uuid, False)
        self.changed.emit()

    def set_shown(self, uuid: str, on: bool) -> None:
        (self.show if on else self.hide)(uuid)

    def _step_back(self, kind: str, structure: str) -> None:
        for entry in self.bridge.entries(kind):
            if entry.facts["structure"] == structure:
                self.viewport.set_visible(entry.uuid, False)

    # -- files ----------------------------------------------------------------------------------------------------

    def write_report(self, file: Path, options: Sequence[str] = ()) -> None:
        """Write the report in a process of its own; tell when it is there."""
        self._run(["report", self._project(), "-o", str(file), *options], f"Wrote the report {file}.")

    def export(self, uuid: str, file: Path) -> None:
        """Export an object in a process of its own."""
        self._run(["export", self._project(), uuid, str(file)], f"Wrote {file}.")

    def export_readings(self, file: Path) -> None:
        """Write all readings and events as FHIR in a process of its own."""
        self._run(["readings", "export", self._project(), str(file)], f"Wrote {file}.")

    def _project(self) -> str:
        assert self.bridge.document is not None
        return str(self.bridge.document.project.folder)

    def _run(self, arguments: list[str], good: str) -> None:
        command = Command(arguments, self)
        self._commands.append(command)
        command.answered.connect(lambda _said: self._ran(command, good))
        command.refused.connect(lambda sentence: self._ran(command, "", sentence))
        self.bridge.told.emit("Writing …")

    def _ran(self, command: Command, good: str, refused: str = "") -> None:
        self._commands.remove(command)
        if good:
            self.bridge.told.emit(good)
        else:
            self.bridge.failed.emit(refused or "The file could not be written.")
        command.deleteLater()

    def shut_down(self) -> None:
        """End what is still being written."""
        for command in self._commands:
            command.stop()
