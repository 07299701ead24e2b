"""An organ that is rehearsed on: it moves with each frame of the engine, shows what it carries inside, and the instruments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor

from organtwin.model import OrganMesh, Surface, Volume, structure
from organtwin.model.tool import Shape
from organtwin.rehearsal.frame import BURNT, CUT, Frame
from organtwin.resection.anatomy import is_tumour
from organtwin_gui.views.colours import Legend, ramp
from organtwin_gui.views.items.base import (
    Colour,
    SceneItem,
    Surroundings,
    actor_of,
    cells_of,
    number_look,
    polydata_of,
    tissue_look,
    with_normals,
)
from organtwin_gui.views.items.cut_faces import CutFaces, ScanSampler
from organtwin_gui.views.items.moving_triangles import MovingTriangles, thinned
from organtwin_gui.views.items.plan import TUMOUR, VESSELS
from organtwin_gui.views.items.tool_models import ball, model_of, placed, steel

UUID = "live"
ColourBy = Literal["tissue", "strain", "force"]
_INSIDE_TRIANGLES = 60_000  # of all things inside together; half as many without a graphics card
_MOST_STANDING = 4  # instruments that are left in the organ
_STILL_MM = 2e-3  # what moves less is not drawn anew
_CHARRED = np.array([52, 40, 36], np.float32)
_BEYOND = np.array([79, 227, 255], np.float32)  # more strain than the tissue bears
# what one sees on opening a body, not the colours that tell structures apart on slices
_NATURAL: dict[str, Colour] = {
    "liver": (136, 62, 50),
    "spleen": (112, 50, 66),
    "kidney_left": (140, 72, 58),
    "kidney_right": (140, 72, 58),
    "heart": (158, 66, 58),
    "stomach": (196, 132, 120),
    "pancreas": (214, 170, 120),
}


def share_around(triangles: NDArray[np.integer], marked: NDArray[np.bool_], count: int) -> NDArray[np.float32]:
    """(count,) how much of what surrounds each point is marked: fades at the edge, also where triangles are coarse."""
    if not marked.any():
        return np.zeros(count, np.float32)
    around = np.bincount(triangles.ravel(), minlength=count)
    share = np.bincount(triangles[marked].ravel(), minlength=count) / np.maximum(around, 1)
    # once more over the neighbours, so that no point stands out of its surroundings as the tip of a star
    mean = share[triangles].mean(axis=1)
    smooth = np.bincount(triangles.ravel(), np.repeat(mean, 3), minlength=count) / np.maximum(around, 1)
    return np.asarray(smooth, np.float32)


def natural(key: str) -> Colour:
    """The colour of a structure in an operation."""
    if is_tumour(key):
        return TUMOUR
    return _NATURAL.get(key) or VESSELS.get(key) or structure(key).colour


_PIN: Colour = (122, 178, 236)
_SHADOW = 0.45


@dataclass(frozen=True)
class LiveLook:
    """What colours the organ, and how solid it is."""

    colour_by: ColourBy = "tissue"
    opacity: float = 1.0


@dataclass
class Inside:
    """A surface that the organ carries, as it is drawn: with no more triangles than can be moved in a moment."""

    surface: Surface
    colour: Colour
    finest: int
    drawn: MovingTriangles = field(default_factory=MovingTriangles)
    gone: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        self._triangles, self._of = thinned(self.surface.points_mm, self.surface.triangles, self.finest)

    def take(self, points_mm: NDArray[np.floating], gone: NDArray[np.bool_] | None) -> None:
        """Where it is now, and which of its triangles are no more."""
        changed = self.gone is None or (gone is not None and not np.array_equal(gone, self.gone))
        if changed:
            self.gone = np.zeros(len(self.surface.triangles), bool) if gone is None else np.array(gone)
            self.drawn.set_triangles(self._triangles[~self.gone[self._of]])
        self.drawn.move(points_mm)


class LiveItem(SceneItem):
    """Takes the frames of a rehearsal.

    Parameters
    ----------
    name, structure_key : str
        Of the organ.
    inside : surfaces it carries, by the name that the frames call them
    neighbours : organs beside it, shown as glass
    volume, window : the scan that cut faces show, with its level and width
    """

    def __init__(
        self,
        organ: OrganMesh,
        around: Surroundings,
        *,
        inside: dict[str, Surface] | None = None,
        neighbours: tuple[OrganMesh, ...] = (),
        volume: Volume | None = None,
        window: tuple[float, float] = (40.0, 400.0),
    ) -> None:
        super().__init__(UUID, organ.name, around)
        self.look = LiveLook()
        self.frame: Frame | None = None
        self.deformed = False  # by the last frame
        self.colour = natural(organ.structure)
        self.low_mm, self.high_mm = organ.points_mm.min(axis=0), organ.points_mm.max(axis=0)
        sampler = ScanSampler(volume, window, self.low_mm, self.high_mm) if volume is not None else None
        self.skin = MovingTriangles()
        tissue_look(self.skin.actor.GetProperty(), self.colour)
        self.cut = CutFaces(sampler, self.colour)
        finest = _INSIDE_TRIANGLES // max(len(inside or {}), 1) // (2 if around.software() else 1)
        self.inside = {n: Inside(s, natural(s.structure), finest) for n, s in (inside or {}).items()}
        for thing in self.inside.values():
            tissue_look(thing.drawn.actor.GetProperty(), thing.colour)
        self._glass = []
        for organ_beside in neighbours:
            triangles = organ_beside.boundary_triangles
            actor = actor_of(with_normals(polydata_of(organ_beside.points_mm, triangles)))
            tissue_look(actor.GetProperty(), natural(organ_beside.structure), 0.16)
            self._glass.append(actor)
        self._pins, self._pins_at = _dots(_PIN, 9.0)
        self._standing = [steel(vtkPolyData(), 0.85) for _ in range(_MOST_STANDING)]
        self._felt, self._hand = steel(vtkPolyData()), steel(vtkPolyData(), 0.28)
        self._tool: tuple[str, Shape | None] = ("", None)
        self._closed = self._held_out = False
        self._ghost_at: NDArray[np.float64] | None = None
        self._preview = _glass_actor((255, 170, 90), 0.28)
        self._plane = _glass_actor((90, 169, 230), 0.30)
        self._burnt: NDArray[np.float32] = np.zeros(0, np.float32)
        self._topology: int | None = None
        self._high = {"strain": 10.0, "force": 0.5}
        self._light = np.array([0.2, -0.7, -0.7])
        self.reel: list[Frame] = []
        self._take_rest(organ)
        self.props = [
            self.skin.actor,
            self.cut.actor,
            *(i.drawn.actor for i in self.inside.values()),
            *self._glass,
            self._pins,
            self._preview,
            self._plane,
            self._felt,
            self._hand,
            *self._standing,
        ]
        self._show_instruments()

    def _take_rest(self, organ: OrganMesh) -> None:
        """The organ as it lies before the first frame."""
        triangles = np.asarray(organ.boundary_triangles)
        points = np.asarray(organ.points_mm, np.float32)
        none = np.zeros(len(points), np.float32)
        self.take(
            Frame(
                tick=0, topology=-1, points_mm=points, rest_mm=points, triangles=triangles,
                kinds=np.zeros(len(triangles), np.uint8), strain=none, force_n=none,
                carried_mm={n: np.asarray(i.surface.points_mm, np.float32) for n, i in self.inside.items()},
            )
        )  # fmt: skip

    # -- frames -----------------------------------------------------------------------------------------------------

    def take(self, frame: Frame) -> bool:
        """Show a frame; returns whether anything in the picture is other than before."""
        before, self.frame = self.frame, frame
        anew = frame.topology != self._topology or len(frame.triangles) != len(before.triangles if before else ())
        if anew:
            self._take_topology(frame)
        moved = anew or before is None or _moved(before.points_mm, frame.points_mm)
        self.deformed = moved
        if moved:
            self.skin.move(frame.points_mm)
            self.cut.move(frame.points_mm)
            for name, points in frame.carried_mm.items():
                if name in self.inside:
                    self.inside[name].take(points, frame.carried_gone.get(name))
        _move_dots(self._pins_at, _pins(frame))
        swung = self._place_felt(frame)
        if moved or swung:
            self._paint()
        return moved or swung

    def _take_topology(self, frame: Frame) -> None:
        self._topology = frame.topology
        cut = frame.kinds == CUT
        self.skin.set_triangles(frame.triangles[~cut])
        self.cut.cover(frame.triangles[cut], frame.rest_mm)
        self._burnt = share_around(frame.triangles, frame.kinds == BURNT, len(frame.points_mm))
        for thing in self.inside.values():
            thing.gone = None

    # -- colours ----------------------------------------------------------------------------------------------------

    def set_look(self, look: LiveLook) -> None:
        """Take on another look."""
        self.look = look
        skin = self.skin.actor.GetProperty()
        if look.colour_by == "tissue":
            tissue_look(skin, self.colour, look.opacity)
        else:
            number_look(skin, look.opacity)
        self.cut.actor.GetProperty().SetOpacity(min(1.0, look.opacity + 0.35))
        self._paint()
        self.around.refresh()

    def set_opacity(self, opacity: float) -> None:
        self.set_look(LiveLook(self.look.colour_by, opacity))

    def set_light(self, direction: ArrayLike) -> None:
        """Where the light that makes the instruments' shadows falls to."""
        self._light = np.asarray(direction, float) / np.linalg.norm(direction)

    def _paint(self) -> None:
        frame = self.frame
        if frame is None:
            return
        at = self.skin.shown
        colours = self._base_colours(frame, at)
        burnt = self._burnt[at, None]
        colours = colours + burnt * (_CHARRED - colours)
        colours *= self._shade(self.skin)
        self.skin.paint(np.clip(colours, 0, 255).astype(np.uint8))
        if len(self.cut.points):
            shade = np.broadcast_to(255 * self._shade(self.cut), (len(self.cut.points), 3))
            self.cut.paint(shade.astype(np.uint8))

    def _base_colours(self, frame: Frame, at: NDArray[np.int64]) -> NDArray[np.float32]:
        by = self.look.colour_by
        if by == "tissue":
            self.legends = []
            return np.tile(np.array(self.colour, np.float32), (len(at), 1))
        values = 100 * frame.strain[at] if by == "strain" else frame.force_n[at]
        limit = frame.measures.strain_limit_percent if by == "strain" else None
        # the range only grows, so that the same colour means the same from one moment to the next
        least = limit * 1.25 if limit else self._high[by]
        top = float(np.percentile(values, 99.5)) if len(values) else 0.0
        if max(least, top) > self._high[by]:
            self._high[by] = _round_up(max(least, top))
        high = self._high[by]
        title, unit = ("Strain", "%") if by == "strain" else ("Force", "N")
        self.legends = [Legend(title, unit, "strain" if by == "strain" else "stress", 0.0, high, limit=limit)]
        table = ramp("strain" if by == "strain" else "stress")
        colours = table[np.clip(values / high * 255, 0, 255).astype(np.uint8)].astype(np.float32)
        if limit:  # fades in around the limit, so that the coarse triangles do not show
            beyond = np.clip((values / limit - 0.94) / 0.12, 0, 1)[:, None]
            colours += beyond * (_BEYOND - colours)
        return colours

    def _shade(self, drawn: MovingTriangles) -> NDArray[np.float32]:
        """(n, 1) light left on points under the instrument: a soft shadow of its shaft and tip."""
        if self._ghost_at is None or not self._tool[0]:
            return np.ones((len(drawn.points), 1), np.float32)
        tip, axis = self._ghost_at[:3], self._ghost_at[3:6]
        light = self._light
        flat = np.eye(3) - np.outer(light, light)
        start, end = flat @ tip, flat @ (tip - 60 * axis)
        along = end - start
        points = drawn.points.astype(np.float64)
        here = points @ flat
        share = np.clip((here - start) @ along / max(along @ along, 1e-9), 0, 1)
        away = np.linalg.norm(here - start - share[:, None] * along, axis=1)
        above = (tip - points) @ -light - share * 60 * (axis @ -light)
        facing = np.clip(-(drawn.normals @ light) * 3, 0, 1)
        soft = 5.0 + 0.12 * np.clip(above, 0, 60)
        dark = np.where(above > -3.0, np.exp(-((away / soft) ** 2)), 0.0) * facing * _SHADOW
        return (1.0 - dark).astype(np.float32)[:, None]

    # -- instruments --------------------------------------------------------------------------------------------------

    def set_tool(self, tool: str, shape: Shape | None = None) -> None:
        """Take an instrument into the picture; "" for none."""
        self._tool, self._closed, self._held_out, self._ghost_at = (tool, shape), False, False, None
        if tool:
            self._dress_tool()
        self._show_instruments()
        self._paint()
        self.around.refresh()

    def _dress_tool(self) -> None:
        model = model_of(*self._tool, self._closed)
        for actor in (self._felt, self._hand):
            actor.GetMapper().SetInputData(model)
            actor.SetUserMatrix(None)

    def hold(self, tip_mm: ArrayLike, axis: ArrayLike, normal: ArrayLike) -> None:
        """Where the hand holds the instrument; shown at once, before the tissue has felt it."""
        pose = np.concatenate([np.asarray(tip_mm, float), np.asarray(axis, float), np.asarray(normal, float)])
        self._ghost_at = pose
        self._hand.SetUserMatrix(placed(pose[:3], pose[3:6], pose[6:9]))
        self._held_out = True
        self._show_instruments()
        self._paint()
        self.around.refresh()

    def put_aside(self) -> None:
        """The instrument is lifted out of the picture."""
        self._held_out, self._ghost_at = False, None
        self._show_instruments()
        self._paint()
        self.around.refresh()

    def stand(self, tools: list[tuple[Shape, NDArray[np.float64]]]) -> None:
        """Instruments that stand without a hand: shapes, and (9,) tip, axis, normal."""
        for actor, at in zip(self._standing, [*tools, *[None] * len(self._standing)], strict=False):
            actor.SetVisibility(at is not None and self.visible)
            if at is not None:
                actor.GetMapper().SetInputData(model_of("standing", at[0]))
                actor.SetUserMatrix(placed(at[1][:3], at[1][3:6], at[1][6:9]))
        self.around.refresh()

    def _place_felt(self, frame: Frame) -> bool:
        if not self._tool[0]:
            return False
        if frame.grasping != self._closed and self._tool[0] == "grasper":
            self._closed = frame.grasping
            model = model_of("grasper", None, self._closed)
            for actor in (self._felt, self._hand):
                actor.GetMapper().SetInputData(model)
        before = self._felt.GetUserMatrix()
        if frame.tool is not None:
            self._felt.SetUserMatrix(placed(frame.tool[:3], frame.tool[3:6], frame.tool[6:9]))
        self._show_instruments()
        after = self._felt.GetUserMatrix()
        if before is None or after is None:
            return before is not after
        return any(
            abs(before.GetElement(r, c) - after.GetElement(r, c)) > _STILL_MM for r in range(3) for c in range(4)
        )

    def _show_instruments(self) -> None:
        """The one that the tissue feels is solid; that of the hand is a ghost where it is ahead, and solid before it is felt."""
        felt = self.frame.tool if self.frame is not None else None
        self._felt.SetVisibility(self._held_out and felt is not None and self.visible)
        ahead = self._ghost_at is not None and (
            felt is None or float(np.linalg.norm(felt[:3] - self._ghost_at[:3])) > 1.5
        )
        self._hand.SetVisibility(self._held_out and ahead and self.visible)
        self._hand.GetProperty().SetOpacity(1.0 if felt is None else 0.28)

    # -- what is about to be done -----------------------------------------------------------------------------------

    def show_needle(
        self, tip_mm: ArrayLike | None, axis: ArrayLike = (0, 0, -1), along: float = 18.0, across: float = 14.0
    ) -> None:
        """The ellipsoid that would be burnt around the tip of a needle; None takes it away."""
        self._preview.SetVisibility(tip_mm is not None)
        if tip_mm is not None:
            self._preview.GetMapper().SetInputData(ball(1.0, (0, 0, 0), (across, across, along)))
            side = np.cross(axis, (0.31, 0.87, 0.39))
            self._preview.SetUserMatrix(placed(tip_mm, axis, side))
        self.around.refresh()

    def show_plane(self, point_mm: ArrayLike | None, normal: ArrayLike = (1, 0, 0)) -> None:
        """A translucent plane through the organ; None takes it away."""
        self._plane.SetVisibility(point_mm is not None)
        if point_mm is not None:
            half = 0.34 * float(np.linalg.norm(self.high_mm - self.low_mm))
            corners = half * np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], float)
            self._plane.GetMapper().SetInputData(polydata_of(corners, np.array([(0, 1, 2), (0, 2, 3)])))
            side = np.cross(normal, (0.31, 0.87, 0.39))
            self._plane.SetUserMatrix(placed(point_mm, normal, side))
        self.around.refresh()

    # -- a reel: what was, to be seen again -------------------------------------------------------------------------

    def load_reel(self, frames: list[Frame]) -> None:
        """Frames to go through by the time bar; none: live again."""
        self.reel = frames
        self.times_s = np.array([f.measures.time_s for f in frames]) if len(frames) > 1 else None
        self.around.changed()

    def set_time(self, frame: float) -> None:
        if self.reel:
            self.take(self.reel[min(max(round(frame), 0), len(self.reel) - 1)])

    def first_frame(self) -> float:
        return float(max(len(self.reel) - 1, 0))

    def time_text(self, frame: float) -> str:
        if not self.reel:
            return ""
        now = self.reel[min(max(round(frame), 0), len(self.reel) - 1)].measures
        return f"{now.time_s:.1f} s, step {now.steps}"

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        for prop in self.props:
            prop.SetVisibility(visible)
        for prop in (self._preview, self._plane, *self._standing):
            prop.VisibilityOff()
        if visible:
            self._show_instruments()


def _moved(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    return before.shape != after.shape or float(np.abs(after - before).max(initial=0.0)) > _STILL_MM


def _pins(frame: Frame) -> NDArray[np.float32]:
    """Places that are held, but for that in the jaws, which one sees."""
    if not frame.grasping or frame.tool is None or not len(frame.held_mm):
        return frame.held_mm
    return frame.held_mm[np.linalg.norm(frame.held_mm - frame.tool[:3], axis=1) > 8.0]


def _round_up(value: float) -> float:
    """The next round number that people like at the end of a scale."""
    power = 10.0 ** np.floor(np.log10(max(value, 1e-6)))
    return float(next(m * power for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if m * power >= value - 1e-12))


def _glass_actor(colour: Colour, opacity: float) -> vtkActor:
    actor = actor_of(vtkPolyData())
    prop = actor.GetProperty()
    prop.SetColor(*(c / 255 for c in colour))
    prop.SetOpacity(opacity)
    prop.SetAmbient(0.5)
    actor.PickableOff()
    actor.VisibilityOff()
    return actor


def _dots(colour: Colour, size: float) -> tuple[vtkActor, vtkPolyData]:
    """Small balls of a size in pixels."""
    cloud = vtkPolyData()
    cloud.SetPoints(vtkPoints())
    actor = actor_of(cloud)
    prop = actor.GetProperty()
    prop.SetColor(*(c / 255 for c in colour))
    prop.SetPointSize(size)
    prop.SetRenderPointsAsSpheres(True)
    actor.PickableOff()
    return actor, cloud


def _move_dots(cloud: vtkPolyData, points_mm: NDArray[np.float32]) -> None:
    at = np.ascontiguousarray(points_mm, np.float32)
    if not len(at) and not cloud.GetNumberOfPoints():
        return
    if cloud.GetNumberOfPoints() != len(at):
        cloud.SetVerts(cells_of(np.arange(len(at)).reshape(-1, 1)))
    cloud.GetPoints().SetData(numpy_to_vtk(at, deep=True))
    cloud.Modified()


__all__ = ["UUID", "ColourBy", "LiveItem", "LiveLook"]
