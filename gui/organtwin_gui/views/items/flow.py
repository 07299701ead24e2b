"""Blood flow: the wall in one of its quantities, and inside streamlines, particles, arrows or a plane, through the cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersSources import vtkArrowSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkGlyph3DMapper, vtkMapper

from organtwin.errors import BadInput
from organtwin.model import Centerline, OrganMesh, Result, structure
from organtwin.trace.cells import Cells
from organtwin.trace.particles import Particles, entrances, period_of, stream
from organtwin.vessel import tree
from organtwin_gui.views.colours import Legend, fair_range, lookup_table
from organtwin_gui.views.items.base import (
    SceneItem,
    Surroundings,
    actor_of,
    number_look,
    points_of,
    polydata_of,
    tissue_look,
    with_normals,
)
from organtwin_gui.views.items.cut_plane import THROUGH, CutPlane
from organtwin_gui.views.items.guide import Guide, direction, guides_along, guides_of
from organtwin_gui.views.items.looks import FlowLook, PlaneLook
from organtwin_gui.views.items.organ_mesh import cap_labels
from organtwin_gui.views.items.particle_stream import ParticleStream
from organtwin_gui.views.items.quantities import Shade, frame_at, level_of, magnitude, shades
from organtwin_gui.views.items.streams import MOMENTS, Streams

_PARTICLE_MOMENTS = 72
_AGES = 3.0  # periods that a particle lives


class _GoneError(Exception):
    """The item left the scene while something was computed for it."""


class FlowItem(SceneItem):
    """See :class:`FlowLook` for the ways to show it.

    Frames of a flow of several are taken as evenly spread over one period: after the last one comes the first again.

    Raises
    ------
    BadInput
        When the result does not fit the mesh.
    """

    def __init__(
        self,
        result: Result,
        mesh: OrganMesh,
        around: Surroundings,
        look: FlowLook | None = None,
        line: Centerline | None = None,
    ) -> None:
        super().__init__(result.uuid, result.name, around)
        if any(values.shape[1] != len(mesh.points_mm) for values in result.fields.values()):
            raise BadInput(f"The result '{result.name}' was computed on another mesh than '{mesh.name}'")
        self.result, self.mesh = result, mesh
        self.look = look or FlowLook()
        self.shades = shades(result)
        self.period_s = period_of(np.asarray(result.times_s))
        self.guides = guides_of(result) or (guides_along(line) if line is not None else [])
        self._frames = len(result.times_s)
        self._frame = 0.0
        self._moving = self._closed = False
        self._cells: Cells | None = None
        self._arrow_cells: NDArray[np.intp] = np.empty(0, np.intp)
        self._ranges: dict[tuple[str, bool], tuple[float, float]] = {}
        self._beside: FlowItem | None = None
        caps = {mesh.boundaries[cap.name] for cap in mesh.caps if cap.name in mesh.boundaries}
        tags = np.asarray(mesh.boundary_tags)
        self._is_wall = ~np.isin(tags, list(caps)) if caps else np.ones(len(tags), dtype=bool)
        self.size_mm = (
            float(np.median([cap.radius_mm for cap in mesh.caps]))
            if mesh.caps
            else float(np.ptp(mesh.points_mm, axis=0).max()) / 20
        )
        self._wall_surface = with_normals(polydata_of(mesh.points_mm, mesh.boundary_triangles[self._is_wall]))
        self._wall = actor_of(self._wall_surface)
        self._inlets = entrances(mesh, result.fields["velocity_mm_per_s"]) if self.has("speed") else []
        self._lines = Streams(mesh, 0.028 * self.size_mm, self._inlets)
        self._streams = self._lines.actor
        self._particles = ParticleStream()
        self._particle_count = 0
        self._particles_done = 0.0
        self._line_asked, self._line_missing = False, ""
        self._plane = CutPlane(result, mesh)
        self._arrows = vtkActor()
        self._arrow_mapper = vtkGlyph3DMapper()
        self._set_up_arrows()
        self.props = [self._wall, self._streams, *self._particles.actors, self._arrows, *self._plane.actors]
        self._labels = cap_labels(mesh)
        self.set_look(self.look)

    def _set_up_arrows(self) -> None:
        number_look(self._arrows.GetProperty())
        arrow = vtkArrowSource()
        arrow.SetTipResolution(8)
        arrow.SetShaftResolution(6)
        arrow.SetTipLength(0.38)
        arrow.SetTipRadius(0.13)
        arrow.SetShaftRadius(0.045)
        self._arrow_mapper.SetSourceConnection(arrow.GetOutputPort())
        self._arrow_mapper.SetOrientationArray("velocity")
        self._arrow_mapper.SetScaleArray("length")
        self._arrow_mapper.SetScaleModeToScaleByMagnitude()
        self._arrows.SetMapper(self._arrow_mapper)

    # -- numbers --------------------------------------------------------------------------------------------------

    def has(self, quantity: str) -> bool:
        """Whether the result holds a quantity, by its key in :attr:`shades`."""
        return quantity in self.shades

    def range_of(self, quantity: str) -> tuple[float, float]:
        """Fair range over all frames, in house units."""
        return self._range(self.shades[quantity], on_wall=self.shades[quantity].on_wall)

    def share_ranges(self, other: FlowItem) -> None:
        """From now on the colours of both mean the same numbers."""
        for one, two in ((self, other), (other, self)):
            one._beside = two
            one.set_look(one.look)

    def _range(self, shade: Shade, *, on_wall: bool) -> tuple[float, float]:
        low, high = self._own_range(shade, on_wall=on_wall)
        if self._beside is not None and shade.key in self._beside.shades:
            also = self._beside._own_range(self._beside.shades[shade.key], on_wall=on_wall)
            low, high = min(low, also[0]), max(high, also[1])
        return low, high

    def _own_range(self, shade: Shade, *, on_wall: bool) -> tuple[float, float]:
        key = (shade.key, on_wall)
        if key not in self._ranges:
            frames = self.result.fields[shade.field]
            chosen = frames[:: max(1, len(frames) // 8)]
            if on_wall:
                chosen = chosen[:, np.unique(self.mesh.boundary_triangles[self._is_wall])]
            values = np.concatenate([magnitude(np.asarray(f)) for f in chosen])
            low, high = fair_range(values, from_zero=shade.from_zero)
            if shade.signed:
                low, high = -max(-low, high), max(-low, high)
            self._ranges[key] = low, high
        return self._ranges[key]

    def _plane_shade(self) -> tuple[Shade, float, float]:
        """What the plane shows, and its range."""
        wanted = self.look.plane.colour_by if self.look.plane is not None else "speed"
        if wanted == "through" and self.has("speed"):
            top = self.range_of("speed")[1]
            return THROUGH, -top, top
        shade = self.shades.get(wanted) or next(iter(self.shades.values()))
        return shade, *self._range(shade, on_wall=shade.on_wall)

    def _legend(self, shade: Shade, low: float, high: float) -> Legend:
        level = level_of(self.result, shade)
        return Legend(
            shade.short or shade.title, shade.unit, shade.colours, low * shade.factor, high * shade.factor, level
        )

    def _colour_by(self, mapper: vtkMapper, shade: Shade, low: float, high: float) -> None:
        mapper.SetLookupTable(lookup_table(shade.colours, low, high))
        mapper.UseLookupTableScalarRangeOn()
        mapper.SetColorModeToMapScalars()
        mapper.SetInterpolateScalarsBeforeMapping(mapper is not self._arrow_mapper)
        mapper.ScalarVisibilityOn()

    @property
    def readings(self) -> list[tuple[str, str]]:
        """What is measured on the plane: what and how much."""
        return self._plane.reading.lines if self.visible and self._plane.reading is not None else []

    @property
    def status(self) -> str:
        """What is still being computed, or nothing."""
        if not self.visible:
            return ""
        if self.look.particles and self.has("speed") and not self._particles.ready:
            return f"Particles {100 * self._particles_done:.0f} %"
        if self.look.plane is not None and not self.guides and self._line_asked:
            return self._line_missing or "Finding the middle of the vessel …"
        return ""

    @property
    def is_ready(self) -> bool:
        """Whether what is shown is that of its own moment, and nothing stands in for it."""
        lines, particles = self._shown[1], self._shown[2]
        return (not lines or self._moment in self._lines.lines) and (not particles or self._particles.ready)

    # -- look -----------------------------------------------------------------------------------------------------

    def set_look(self, look: FlowLook) -> None:
        """Take on another look."""
        if look.seeds != self.look.seeds:
            self._lines.forget()
        self.look = look
        self.legends = []
        moves = self.has("speed")
        lines, particles, arrows = (moves and on for on in (look.streamlines, look.particles, look.glyphs))
        self._place_plane(look.plane)
        plane = self._plane.section is not None
        self._dress_wall(
            look.wall if look.wall == "none" or self.has(look.wall) else "plain", lines or particles or arrows or plane
        )
        if lines or particles or arrows:
            speed = self.shades["speed"], *self.range_of("speed")
            for mapper in (
                self._streams.GetMapper(),
                *(a.GetMapper() for a in self._particles.actors),
                self._arrow_mapper,
            ):
                self._colour_by(mapper, *speed)
            self._arrow_mapper.SetScalarModeToUsePointFieldData()
            self._arrow_mapper.SelectColorArray("speed")
            self._add_legend(*speed)
        if plane:
            self._add_legend(*self._plane_shade())
        self._shown = (
            self._wall_shown, lines, particles, particles, arrows,
            plane, plane and look.plane is not None and look.plane.contours, plane,
        )  # fmt: skip
        self.labels = self._labels if look.names else []
        self._set_times()
        self.set_visible(self.visible)
        self.set_time(self._frame)

    def _dress_wall(self, wall: str, inside: bool) -> None:
        # with something inside only the far side of the wall is drawn: it gives the shape and tints nothing before it
        look = self.look
        opened = inside and look.wall_opacity is None
        opacity = look.wall_opacity if look.wall_opacity is not None else (0.35 if opened and wall == "plain" else 1.0)
        self._wall_shown = wall != "none" and opacity > 0
        self._wall_shade = self.shades.get(wall)
        prop = self._wall.GetProperty()
        tissue_look(prop, structure(self.mesh.structure).colour, opacity)
        prop.SetFrontfaceCulling(opened)
        mapper = self._wall.GetMapper()
        if self._wall_shade is None:
            mapper.ScalarVisibilityOff()
            return
        low, high = self._range(self._wall_shade, on_wall=True) if self._wall_shade.on_wall else self.range_of(wall)
        self._colour_by(mapper, self._wall_shade, low, high)
        mapper.SetScalarModeToUsePointData()
        number_look(prop, opacity)
        self._add_legend(self._wall_shade, low, high)

    def _add_legend(self, shade: Shade, low: float, high: float) -> None:
        legend = self._legend(shade, low, high)
        if legend not in self.legends:
            self.legends.append(legend)

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        for prop, shown in zip(self.props, self._shown, strict=True):
            prop.SetVisibility(visible and shown)

    def set_opacity(self, opacity: float) -> None:
        self._wall.GetProperty().SetOpacity(opacity)

    def set_moving(self, moving: bool) -> None:
        """While anything moves streamlines are plain lines: threads cost ten times as much without a graphics card."""
        if self._moving != moving:
            self._moving = moving
            if self._shown[1]:
                self._show_streams()

    # -- time -----------------------------------------------------------------------------------------------------

    def _set_times(self) -> None:
        """A cycle ends where it began; particles in a steady flow have a clock of their own."""
        if self._frames > 1:
            times = np.asarray(self.result.times_s)
            self.times_s = np.append(times, times[0] + self.period_s)
        elif self.look.particles and self.has("speed"):
            self.times_s = np.linspace(0.0, self._steady_period_s(), _PARTICLE_MOMENTS + 1)
        else:
            self.times_s = np.asarray(self.result.times_s)

    def _steady_period_s(self) -> float:
        """After which the picture of particles in a steady flow repeats: a share of the time they need to pass."""
        speed = magnitude(np.asarray(self.result.fields["velocity_mm_per_s"][0]))
        fast = float((speed**2).sum() / max(float(speed.sum()), 1e-9))
        extent = float(np.linalg.norm(np.ptp(self.mesh.points_mm, axis=0)))
        return 1.5 * extent / max(fast, 1e-6) / _AGES

    def time_text(self, frame: float) -> str:
        return f"{self._seconds(frame):.2f} s"

    def _seconds(self, frame: float) -> float:
        """From the start of the cycle."""
        time = float(np.interp(frame, np.arange(len(self.times_s)), self.times_s))
        if self._frames > 1 and time > self.period_s > 0:
            time -= self.period_s * np.floor(time / self.period_s - 1e-6)
        return time

    @property
    def time_in_cycle_s(self) -> float:
        """Of what is shown, from the start of the cycle."""
        return self._seconds(self._frame)

    def frame_at_s(self, time_s: float) -> float:
        """The frame at a time from the start of the cycle."""
        if self.period_s <= 0:
            return 0.0
        return (time_s - self._seconds(0.0)) / self.period_s * self._frames % self._frames

    def first_frame(self) -> float:
        """The frame in which the blood is fastest."""
        if not self.has("speed") or self._frames < 2:
            return 0.0
        frames = self.result.fields["velocity_mm_per_s"]
        return float(np.argmax([float(np.mean(magnitude(np.asarray(f[::7])))) for f in frames]))

    @property
    def phase(self) -> float:
        """Share of the cycle, from 0 to 1, of what is shown."""
        last = len(self.times_s) - 1
        return (self._frame / last) % 1.0 if last > 0 else 0.0

    @property
    def _field_frame(self) -> float:
        """Frame of the fields: particles in a steady flow have more moments than there are frames."""
        return self._frame if self._frames > 1 else 0.0

    def set_time(self, frame: float) -> None:
        self._frame = frame
        if not self.visible:
            return
        if self._wall_shade is not None and self._wall_shown:
            values = magnitude(frame_at(self.result.fields[self._wall_shade.field], self._field_frame, cyclic=True))
            self._wall_surface.GetPointData().SetScalars(
                numpy_to_vtk(np.ascontiguousarray(values, np.float32), deep=True)
            )
        _, lines, particles, _, arrows, plane, _, _ = self._shown
        if arrows:
            self._place_arrows(self._field_frame)
        if lines:
            self._show_streams()
        if particles:
            self._show_particles()
        if plane:
            self._plane.show(*self._plane_shade(), self._field_frame)
        self.around.refresh()

    # -- streamlines ------------------------------------------------------------------------------------------------

    @property
    def _moments(self) -> int:
        return max(self._frames, MOMENTS) if self._frames > 1 else 1

    @property
    def _moment(self) -> int:
        return round(self.phase * self._moments) % self._moments if self._frames > 1 else 0

    def _show_streams(self) -> None:
        moment = self._moment
        if not self._lines.show(moment, fine=not self._moving):
            self._compute_streams(moment)

    def _compute_streams(self, moment: int) -> None:
        velocity, frame, seeds = (
            self.result.fields["velocity_mm_per_s"],
            moment * self._frames / self._moments,
            self.look.seeds,
        )

        def work() -> vtkPolyData:
            return self._lines.work(self._located(), np.asarray(frame_at(velocity, frame, cyclic=True)), seeds)

        def done(lines: vtkPolyData) -> None:
            if seeds != self.look.seeds:
                return
            self._lines.keep(moment, lines)
            if not self._shown[1] or not self.visible:
                return
            if abs(moment - self._moment) <= 1 or len(self._lines.lines) == 1:
                self._show_streams()
                self.around.refresh()
            following = ((moment + n) % self._moments for n in range(1, self._moments))
            missing = next((m for m in following if m not in self._lines.lines), None)
            if missing is not None and not self.around.background.has((self.uuid, "lines")):
                self._compute_streams(missing)  # the others, before they are asked for

        self.around.background.submit((self.uuid, "lines"), work, done)

    def _located(self) -> Cells:
        """The cells with their neighbours; made once, beside the window."""
        if self._cells is None:
            self._cells = Cells.of(self.mesh)
        return self._cells

    # -- particles --------------------------------------------------------------------------------------------------

    def _show_particles(self) -> None:
        if self._particles.ready and self._particle_count == self.look.at_once:
            self._particles.show(self.phase)
            return
        if self._particle_count == self.look.at_once:  # on its way
            return
        self._particles.take(None)
        self._particle_count, self._particles_done = self.look.at_once, 0.0
        velocity, count = self.result.fields["velocity_mm_per_s"], self.look.at_once
        period = self.period_s if self._frames > 1 else self._steady_period_s()

        def progress(share: float) -> None:
            if self._closed:
                raise _GoneError
            self._particles_done = share
            self.around.background.progressed.emit()

        def work() -> Particles:
            return stream(
                self.mesh, self._located(), velocity, period, self._inlets,
                moments=_PARTICLE_MOMENTS, at_once=count, longest=_AGES, progress=progress,
            )  # fmt: skip

        def done(particles: Particles) -> None:
            self._particles.take(particles)
            self._particles.show(self.phase)
            self.around.refresh()

        self.around.background.submit((self.uuid, "particles"), work, done)

    def close(self) -> None:
        self._closed = True
        super().close()

    # -- arrows -----------------------------------------------------------------------------------------------------

    def _place_arrows(self, frame: float) -> None:
        mesh = self.mesh
        count = min(self.look.glyph_count, len(mesh.tets))
        if len(self._arrow_cells) != count:
            self._arrow_cells = np.random.default_rng(7).choice(len(mesh.tets), count, replace=False)
        corners = mesh.tets[self._arrow_cells]
        frames: NDArray[Any] = self.result.fields["velocity_mm_per_s"]
        velocity = frame_at(frames, frame, cyclic=True)[corners].mean(axis=1).astype(np.float32)
        speed = np.linalg.norm(velocity, axis=1)
        data = vtkPolyData()
        data.SetPoints(points_of(mesh.points_mm[corners].mean(axis=1)))
        top = max(self.range_of("speed")[1], 1e-9)
        for name, values in (
            ("velocity", velocity),
            ("speed", speed),
            ("length", (0.25 + 0.75 * np.clip(speed / top, 0, 1)) * 1.1 * self.size_mm),
        ):
            array = numpy_to_vtk(np.ascontiguousarray(values, dtype=np.float32), deep=True)
            array.SetName(name)
            data.GetPointData().AddArray(array)
        self._arrow_mapper.SetInputData(data)

    # -- the plane --------------------------------------------------------------------------------------------------

    def _place_plane(self, look: PlaneLook | None) -> None:
        if look is None or not self.guides:
            self._plane.take_away()
            if look is not None:
                self._ask_for_line()
            return
        guide = self.guides[min(look.path, len(self.guides) - 1)]
        centre, along = guide.at(look.share)
        self._plane.place(centre, direction(along, look.facing, look.tilt_deg, look.turn_deg))

    def _ask_for_line(self) -> None:
        """Find the middle of the vessel, once, where neither the result nor the project knows it."""
        if self._line_asked:
            return
        self._line_asked = True

        def work() -> list[Guide] | str:
            def progress(_share: float, _what: str) -> None:
                if self._closed:
                    raise _GoneError

            try:
                return guides_along(tree.of_mesh(self.mesh, progress))
            except BadInput as problem:
                return problem.sentence

        def done(found: list[Guide] | str) -> None:
            if isinstance(found, str):
                self._line_missing = found
            else:
                self.guides = found
                self.around.changed()
                self.set_look(self.look)
            self.around.refresh()

        self.around.background.submit((self.uuid, "line"), work, done)
