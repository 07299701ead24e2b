"""What the views show together: the image, its window, the overlays, the marks, the tool in hand and the cursor.

Plain Qt objects with typed signals; they know the objects of :mod:`organtwin.model` and nothing of where these come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QObject, Signal

from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid
from organtwin_gui.views.hands import SliceHand
from organtwin_gui.views.slice_render import LabelStyle, Plane

# (level, width) in HU
WINDOW_PRESETS: dict[str, tuple[float, float]] = {
    "Soft tissue": (40, 400),
    "Lung": (-600, 1500),
    "Liver": (90, 150),
    "Bone": (480, 2500),
    "Brain": (40, 80),
    "Angio": (300, 600),
}


class Tool(StrEnum):
    """What the left mouse button does in a slice view."""

    NAVIGATE = "navigate"
    WINDOW = "window"
    PAN = "pan"
    ZOOM = "zoom"
    MEASURE = "measure"
    PROBE = "probe"
    SEED = "seed"
    PICK = "pick"
    SCROLL = "scroll"
    EDIT = "edit"  # what the hand of the scene does


@dataclass(frozen=True)
class Readout:
    """What is under the mouse pointer."""

    position_mm: NDArray[np.float64]
    value: float
    unit: str
    segments: tuple[str, ...]


@dataclass(frozen=True)
class Distance:
    """A length measured between two points, (2, 3) LPS mm."""

    id: int
    plane: Plane
    points_mm: NDArray[np.float64]

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(self.points_mm[1] - self.points_mm[0]))


@dataclass(frozen=True)
class Disc:
    """Image values probed in a disc in the plane of a slice."""

    id: int
    plane: Plane
    centre_mm: NDArray[np.float64]
    radius_mm: float


@dataclass(frozen=True)
class Stroke:
    """Seeds drawn by hand for one structure: points (n, 3) LPS mm along the stroke, and the brush that drew it."""

    id: int
    key: str
    colour: tuple[int, int, int]
    plane: Plane
    points_mm: NDArray[np.float64]
    radius_mm: float


@dataclass(frozen=True)
class Brush:
    """The structure that seeds are drawn for, and how thick."""

    key: str
    colour: tuple[int, int, int] = (90, 169, 230)
    radius_mm: float = 3.0


@dataclass
class Overlay:
    """A segmentation as it is shown; ``labels`` and ``grid`` are in canonical order."""

    segmentation: Segmentation
    grid: Grid
    labels: NDArray[Any]
    visible: bool = True
    styles: dict[int, LabelStyle] = field(default_factory=dict)

    def segment_at(self, xyz_mm: ArrayLike) -> Segment | None:
        """The segment at a point, None on the background or outside."""
        i, j, k = np.rint(self.grid.to_index(xyz_mm)).astype(int)
        ni, nj, nk = self.grid.size
        if not (0 <= i < ni and 0 <= j < nj and 0 <= k < nk):
            return None
        label = int(self.labels[k, j, i])
        return next((s for s in self.segmentation.segments if s.label == label), None)


@dataclass(frozen=True)
class RangePreview:
    """Values of the scan that a threshold would take, in a colour."""

    low: float
    high: float
    colour: tuple[int, int, int]


class Cursor(QObject):
    """The point that all views are centred on, in LPS mm."""

    moved = Signal(object)  # (3,) array

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._position = np.zeros(3)

    @property
    def position_mm(self) -> NDArray[np.float64]:
        return self._position.copy()

    def move(self, xyz_mm: ArrayLike) -> None:
        """Go there; says so once, and only when it is somewhere else."""
        position = np.asarray(xyz_mm, dtype=float)
        if not np.allclose(position, self._position, atol=1e-6):
            self._position = position.copy()
            self.moved.emit(self.position_mm)


class ImageScene(QObject):
    """What the three slice views and the viewport share. Views listen; panels and tools write."""

    volume_changed = Signal()
    window_changed = Signal(float, float)  # level, width
    overlays_changed = Signal()
    overlay_touched = Signal(object)  # box (k, j, i) of a canonical label array that changed in place
    preview_changed = Signal()
    marks_changed = Signal()
    tool_changed = Signal(object)  # Tool
    brush_changed = Signal()
    probed = Signal(object)  # Readout under the pointer, or None
    picked = Signal(object)  # (3,) LPS mm, by Tool.PICK
    stroke_drawn = Signal(object)  # Stroke, by Tool.SEED

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cursor = Cursor(self)
        self.volume: Volume | None = None
        self.grid: Grid | None = None  # canonical
        self.values: NDArray[Any] | None = None  # canonical view of the volume's values
        self.level, self.width = 40.0, 400.0
        self.overlays: dict[str, Overlay] = {}
        self.overlays_visible = True
        self.overlay_opacity = 0.4
        self.overlay_outline = True
        self.overlay_fill = True
        self.crosshair_visible = True
        self.marks: dict[int, Distance | Disc] = {}
        self.strokes: dict[int, Stroke] = {}
        self.brush = Brush("")
        self.hand: SliceHand | None = None
        self.range_preview: RangePreview | None = None
        self.label_preview: Overlay | None = None  # what a tool would make, over all else
        self.pulse = 1.0  # how strongly previews show at this moment
        self._tool = Tool.NAVIGATE
        self._tool_before = Tool.WINDOW
        self._ids = count(1)

    # -- image ----------------------------------------------------------------------------------------------------

    def set_volume(self, volume: Volume | None) -> None:
        """Show a scan. The window comes from its file; the cursor goes to its centre when it was outside."""
        same_place = volume is not None and self.grid is not None and volume.grid.canonical().same_as(self.grid)
        self.volume = volume
        if volume is None:
            self.grid = self.values = None
        else:
            self.grid = volume.grid.canonical()
            self.values = volume.grid.to_canonical(volume.values)
            if not same_place:
                self.marks.clear()
                self.strokes.clear()
            self.overlays = {uuid: o for uuid, o in self.overlays.items() if o.grid.frame_uid == volume.grid.frame_uid}
        self.volume_changed.emit()
        if volume is not None and self.grid is not None and not same_place:
            self.set_window(*self.proposed_window())
            centre = np.rint((np.asarray(self.grid.size) - 1) / 2)
            self.cursor.move(self.grid.to_world(centre))
        self.overlays_changed.emit()
        self.marks_changed.emit()

    def proposed_window(self) -> tuple[float, float]:
        """(level, width) to begin with: the file's own, soft tissue for CT, else the middle 98 % of the values."""
        if self.volume is None or self.values is None:
            return WINDOW_PRESETS["Soft tissue"]
        if self.volume.window is not None and self.volume.window[1] > 0:
            return self.volume.window
        if self.volume.modality == "CT":
            return WINDOW_PRESETS["Soft tissue"]
        low, high = np.percentile(self.values[::4, ::4, ::4], (1, 99))
        return float(low + high) / 2, float(max(high - low, 1e-6))

    def set_window(self, level: float, width: float) -> None:
        self.level, self.width = float(level), max(float(width), 1e-6)
        self.window_changed.emit(self.level, self.width)

    def value_at(self, xyz_mm: ArrayLike) -> float | None:
        """Value of the nearest voxel, None outside."""
        if self.grid is None or self.values is None:
            return None
        i, j, k = np.rint(self.grid.to_index(xyz_mm)).astype(int)
        ni, nj, nk = self.grid.size
        if not (0 <= i < ni and 0 <= j < nj and 0 <= k < nk):
            return None
        return float(self.values[k, j, i])

    def readout_at(self, xyz_mm: ArrayLike) -> Readout | None:
        value = self.value_at(xyz_mm)
        if value is None or self.volume is None:
            return None
        names = [o.segment_at(xyz_mm) for o in self.overlays.values() if o.visible]
        unit = self.volume.value_unit or ("HU" if self.volume.modality == "CT" else "")
        return Readout(np.asarray(xyz_mm, dtype=float), value, unit, tuple(s.name for s in names if s is not None))

    # -- overlays -------------------------------------------------------------------------------------------------

    def show_segmentation(self, segmentation: Segmentation) -> None:
        """Lay a segmentation over the image, or take up its newer version; styles stay with the structure's key.

        Raises
        ------
        BadInput
            When it lies in another frame of reference than the image.
        """
        if self.grid is not None and segmentation.grid.frame_uid != self.grid.frame_uid:
            raise BadInput(
                f"'{segmentation.name}' lies in another frame of reference than the scan that is shown",
                remedy="Show the scan it was made from.",
            )
        before = self.overlays.get(segmentation.uuid)
        if before is None and segmentation.replaces is not None:
            before = self.overlays.pop(segmentation.replaces, None)
        by_key = {s.key: before.styles[s.label] for s in before.segmentation.segments} if before else {}
        styles: dict[int, LabelStyle] = {}
        for segment in segmentation.segments:
            known = by_key.get(segment.key, LabelStyle(segment.colour))
            styles[segment.label] = replace(known, colour=segment.colour)
        self.overlays[segmentation.uuid] = Overlay(
            segmentation,
            segmentation.grid.canonical(),
            segmentation.grid.to_canonical(segmentation.labels),
            before.visible if before else True,
            styles,
        )
        self.overlays_changed.emit()

    def follow(self, before: str, segmentation: Segmentation) -> None:
        """Lay the next version over the image in place of the one ``before``: a view of its labels, no copy."""
        if before in self.overlays and before != segmentation.uuid:
            self.overlays[segmentation.uuid] = self.overlays.pop(before)
        self.show_segmentation(segmentation)

    def touch(self, before: str, segmentation: Segmentation, box: tuple[slice, slice, slice]) -> None:
        """Labels of an overlay changed in place within a box (of the order of its grid), and nothing else."""
        overlay = self.overlays.pop(before, None)
        if overlay is None:
            self.show_segmentation(segmentation)
            return
        overlay.segmentation = segmentation
        overlay.labels = segmentation.grid.to_canonical(segmentation.labels)
        self.overlays[segmentation.uuid] = overlay
        self.overlay_touched.emit(canonical_box(segmentation.grid, box))

    def set_range_preview(self, preview: RangePreview | None) -> None:
        if preview != self.range_preview:
            self.range_preview = preview
            self.preview_changed.emit()

    def set_label_preview(self, preview: Overlay | None) -> None:
        if preview is not self.label_preview:
            self.label_preview = preview
            self.preview_changed.emit()

    def hide_segmentation(self, uuid: str) -> None:
        """Take an overlay away; unknown ones are no matter."""
        if self.overlays.pop(uuid, None) is not None:
            self.overlays_changed.emit()

    def set_segmentation_visible(self, uuid: str, visible: bool) -> None:
        if uuid in self.overlays:
            self.overlays[uuid].visible = visible
            self.overlays_changed.emit()

    def set_segment_style(
        self,
        uuid: str,
        key: str,
        *,
        visible: bool | None = None,
        opacity: float | None = None,
        colour: tuple[int, int, int] | None = None,
    ) -> None:
        """Change how one segment of an overlay is painted."""
        overlay = self.overlays.get(uuid)
        if overlay is None:
            return
        label = overlay.segmentation.segment(key).label
        style = overlay.styles[label]
        overlay.styles[label] = LabelStyle(
            style.colour if colour is None else colour,
            style.opacity if opacity is None else opacity,
            style.visible if visible is None else visible,
        )
        self.overlays_changed.emit()

    def set_overlay_look(
        self,
        *,
        visible: bool | None = None,
        opacity: float | None = None,
        outline: bool | None = None,
        fill: bool | None = None,
    ) -> None:
        """All overlays at once: on or off, opacity of the areas, outlines, areas."""
        if visible is not None:
            self.overlays_visible = visible
        if opacity is not None:
            self.overlay_opacity = opacity
        if outline is not None:
            self.overlay_outline = outline
        if fill is not None:
            self.overlay_fill = fill
        self.overlays_changed.emit()

    def set_crosshair_visible(self, visible: bool) -> None:
        self.crosshair_visible = visible
        self.marks_changed.emit()

    # -- tool -----------------------------------------------------------------------------------------------------

    @property
    def tool(self) -> Tool:
        return self._tool

    @tool.setter
    def tool(self, tool: Tool) -> None:
        if tool is not self._tool:
            self._tool_before, self._tool = self._tool, tool
            self.tool_changed.emit(tool)

    def toggle_tool(self) -> None:
        """Back to the tool before (the space bar)."""
        self.tool = self._tool_before

    def set_brush(self, brush: Brush) -> None:
        self.brush = brush
        self.brush_changed.emit()

    # -- marks ----------------------------------------------------------------------------------------------------

    def new_id(self) -> int:
        return next(self._ids)

    def put_mark(self, mark: Distance | Disc) -> None:
        """Add a mark, or change the one of the same id."""
        self.marks[mark.id] = mark
        self.marks_changed.emit()

    def remove_mark(self, id: int) -> None:
        if self.marks.pop(id, None) is not None:
            self.marks_changed.emit()

    def clear_marks(self) -> None:
        self.marks.clear()
        self.marks_changed.emit()

    def add_stroke(self, stroke: Stroke) -> None:
        self.strokes[stroke.id] = stroke
        self.marks_changed.emit()
        self.stroke_drawn.emit(stroke)

    def remove_stroke(self, id: int) -> None:
        if self.strokes.pop(id, None) is not None:
            self.marks_changed.emit()

    def clear_strokes(self) -> None:
        self.strokes.clear()
        self.marks_changed.emit()


def canonical_box(grid: Grid, box: tuple[slice, slice, slice]) -> tuple[slice, slice, slice]:
    """A box (k, j, i) of a grid's own order, in the order of its canonical grid."""
    made = []
    for axis in (2, 1, 0):  # k, j, i of the canonical order
        own, sense = grid.canonical_axes[axis]
        part, count = box[2 - own], grid.size[own]
        start, stop = part.indices(count)[:2]
        made.append(slice(start, stop) if sense > 0 else slice(count - stop, count - start))
    return made[0], made[1], made[2]
