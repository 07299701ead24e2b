"""How the chosen object is shown in 3D: colours, clip, streamlines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QSlider, QVBoxLayout, QWidget

from organtwin.model import OrganMesh, Result, Surface, Volume
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import form, title
from organtwin_gui.stage import Stage
from organtwin_gui.views.items.flow import FlowItem
from organtwin_gui.views.items.looks import Clip, MeshLook, PlaneLook, TissueLook
from organtwin_gui.views.items.slices import UUID as SLICES_UUID
from organtwin_gui.views.items.volume import VolumeItem, presets_for

CUTS: tuple[tuple[str, tuple[float, float, float] | None], ...] = (
    ("not cut", None),
    ("from the front", (0.0, -1.0, 0.0)),
    ("from the left", (1.0, 0.0, 0.0)),
    ("from above", (0.0, 0.0, 1.0)),
)


class ViewOptions(QWidget):
    """Controls that belong to the kind of the chosen object."""

    def __init__(self, bridge: Bridge, stage: Stage) -> None:
        super().__init__()
        self._bridge, self._stage, self._viewport = bridge, stage, stage.viewport
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._uuid: str | None = None
        self._seen: tuple[Any, ...] | None = None
        self._changing = False
        self._viewport.items_changed.connect(self._follow)

    def show_object(self, uuid: str | None) -> None:
        """Offer what fits the object."""
        self._uuid, self._seen = uuid, None
        while item := self._column.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        if uuid is None or not any(e.uuid == uuid for e in self._bridge.entries()):
            return
        with self._bridge.guarded():
            thing = self._bridge.get(uuid)
            made: QFormLayout | None = None
            match thing:
                case Volume():
                    made = self._volume(thing)
                case Surface():
                    made = self._surface()
                case OrganMesh():
                    made = self._mesh()
                case Result():
                    made = {"flow": self._flow, "tissue": self._tissue}.get(thing.physics, lambda: None)()
            if made is None:
                return
            box = QWidget()
            box.setLayout(made)
            self._column.addWidget(title("How it is shown"))
            self._column.addWidget(box)

    # -- by kind --------------------------------------------------------------------------------------------------

    def _volume(self, volume: Volume) -> QFormLayout:
        rows = form()
        shown = self._stage.is_shown(volume.uuid)
        preset = QComboBox()
        preset.addItem("not shown", None)
        for name in presets_for(volume.modality):
            preset.addItem(name, name)
        preset.setToolTip("Draw the whole scan in 3D")
        item = self._viewport.items.get(volume.uuid)
        preset.setCurrentIndex(
            max(preset.findData(item.preset.name if isinstance(item, VolumeItem) else None), 0) if shown else 0
        )
        preset.currentIndexChanged.connect(lambda _i: self._volume_chosen(volume, preset.currentData()))
        rows.addRow("Scan in 3D", preset)
        rows.addRow(
            _check(
                "Slices in 3D",
                SLICES_UUID in self._viewport.items,
                "Show the three slices in the 3D view",
                self._viewport.show_slices,
            )
        )
        return rows

    def _volume_chosen(self, volume: Volume, preset: str | None) -> None:
        if preset is None:
            self._stage.hide(volume.uuid)
        else:
            self._viewport.show_volume(volume, preset)
            self._stage.show(volume.uuid)

    def _surface(self) -> QFormLayout:
        rows = form()
        rows.addRow(
            "Opacity", _slider(100, "How solid it is", lambda v: self._viewport.set_opacity(self._uuid or "", v / 100))
        )
        return rows

    def _look(self) -> Any:
        return self._viewport.look_of(self._uuid or "")

    def _change(self, **changes: Any) -> None:
        look = self._look()
        if look is not None:
            self._changing = True
            self._viewport.set_look(self._uuid or "", replace(look, **changes))
            self._changing = False

    def _mesh(self) -> QFormLayout:
        look = self._look() or MeshLook()
        rows = form()
        choices = (("openings and wall", "boundary"), ("plain", "plain"), ("quality of cells", "quality"))
        rows.addRow(
            "Colours", _choice(choices, look.colour_by, "What the colours mean", lambda v: self._change(colour_by=v))
        )
        cut = QComboBox()
        for name, normal in CUTS:
            cut.addItem(name, normal)
        cut.setToolTip("Open the mesh to see the tetrahedra inside")
        depth = QSlider(Qt.Orientation.Horizontal)
        depth.setRange(2, 98)
        depth.setValue(50)
        depth.setToolTip("How deep the cut goes")

        def cut_changed(*_: object) -> None:
            normal = cut.currentData()
            depth.setEnabled(normal is not None)
            self._change(clip=None if normal is None else Clip(tuple(normal), depth.value() / 100))

        depth.setEnabled(False)
        cut.currentIndexChanged.connect(cut_changed)
        depth.valueChanged.connect(cut_changed)
        rows.addRow("Cut", cut)
        rows.addRow("Depth", depth)
        rows.addRow(_check("Edges", look.edges, "Show the edges of the triangles", lambda on: self._change(edges=on)))
        rows.addRow(_check("Names", look.names, "Show the names of the openings", lambda on: self._change(names=on)))
        return rows

    def _flow(self) -> QFormLayout | None:
        item = self._viewport.items.get(self._uuid or "")
        if not isinstance(item, FlowItem):
            return None
        look = item.look
        rows = form()
        everywhere = [(_within(s.title), key) for key, s in item.shades.items() if not s.on_wall]
        walls = [(_within(s.title), key) for key, s in item.shades.items() if s.on_wall]
        names = [("glassy", "plain"), *walls, *((t, k) for t, k in everywhere if k != "speed"), ("none", "none")]
        rows.addRow("Wall", _choice(names, look.wall, "What the wall shows", lambda v: self._change(wall=v)))
        for text, field, tip in (
            ("Streamlines", "streamlines", "Lines along the flow of a moment, coloured by speed (S)"),
            ("Particles", "particles", "Particles carried through the cycle, coloured by speed (D)"),
            ("Arrows", "glyphs", "Velocity arrows inside the vessel"),
            ("Names", "names", "Names of the openings, with the direction of flow"),
        ):
            rows.addRow(_check(text, getattr(look, field), tip, lambda on, f=field: self._change(**{f: on})))
        plane = look.plane or PlaneLook()
        rows.addRow(
            _check("Plane across", look.plane is not None, "A plane with what flows through it (C)", self._plane_wanted)
        )
        self._plane_rows: list[QWidget] = []
        colours = [*everywhere, *([("through the plane", "through")] if item.has("speed") else []), *walls]
        place = _slider(
            round(1000 * plane.share),
            "Along the middle of the vessel ([ and ] in the 3D view; or click in the vessel)",
            lambda v: self._change_plane(share=v / 1000),
            0,
            1000,
        )
        self._plane_place = place
        facings = [("across the vessel", "across"), *((name, name) for name in ("axial", "coronal", "sagittal"))]
        ways = [(guide.name, number) for number, guide in enumerate(item.guides)]
        parts: list[tuple[str, QWidget]] = [
            ("Colours", _choice(colours, plane.colour_by, "What it shows", lambda v: self._change_plane(colour_by=v))),
            ("Place", place),
            ("Facing", _choice(facings, plane.facing, "How it stands", lambda v: self._change_plane(facing=v))),
            (
                "Tilt",
                _slider(round(plane.tilt_deg), "Tilt it", lambda v: self._change_plane(tilt_deg=float(v)), 0, 80),
            ),
            (
                "Turn",
                _slider(
                    round(plane.turn_deg), "Turn the tilt", lambda v: self._change_plane(turn_deg=float(v)), 0, 360
                ),
            ),
        ]
        if len(ways) > 1:
            parts.insert(1, ("Along", _choice(ways, plane.path, "Which way", lambda v: self._change_plane(path=v))))
        for text, widget in parts:
            rows.addRow(text, widget)
            self._plane_rows += [widget, rows.labelForField(widget)]
        lines = _check("Contours", plane.contours, "Lines of equal value", lambda on: self._change_plane(contours=on))
        rows.addRow(lines)
        self._plane_rows.append(lines)
        for widget in self._plane_rows:
            widget.setVisible(look.plane is not None)
        self._seen = _state_of(item)
        return rows

    def _plane_wanted(self, on: bool) -> None:
        self._change(plane=PlaneLook() if on else None)
        for widget in self._plane_rows:
            widget.setVisible(on)

    def _change_plane(self, **changes: Any) -> None:
        look = self._look()
        if look is not None and look.plane is not None:
            self._change(plane=replace(look.plane, **changes))

    def _follow(self) -> None:
        """The look was changed from elsewhere, by a key or a click: the controls say what is shown."""
        item = self._viewport.items.get(self._uuid or "")
        if not isinstance(item, FlowItem):
            return
        look, now = item.look, _state_of(item)
        if now != self._seen and not self._changing:
            QTimer.singleShot(0, lambda: self.show_object(self._uuid))
        elif look.plane is not None and not self._changing:
            with QSignalBlocker(self._plane_place):
                self._plane_place.setValue(round(1000 * look.plane.share))
        self._seen = now

    def _tissue(self) -> QFormLayout:
        look = self._look() or TissueLook()
        rows = form()
        colours = (("displacement", "displacement"), ("strain", "strain"), ("stress", "stress"))
        rows.addRow(
            "Colours", _choice(colours, look.colour_by, "What the colours mean", lambda v: self._change(colour_by=v))
        )
        scale = QLabel("1.0 x")
        slider = _slider(
            round(look.scale * 10),
            "Exaggerate the motion",
            lambda v: (scale.setText(f"{v / 10:.1f} x"), self._change(scale=v / 10)),
            0,
            30,
        )
        rows.addRow("Motion", slider)
        rows.addRow("", scale)
        rows.addRow(
            _check(
                "Shape at rest", look.ghost, "Keep the undeformed shape as a ghost", lambda on: self._change(ghost=on)
            )
        )
        rows.addRow(_check("Edges", look.edges, "Show the edges of the triangles", lambda on: self._change(edges=on)))
        return rows


def _within(title: str) -> str:
    """A title as it stands inside a sentence: "Wall shear" begins small, "OSI" and "Q-criterion" do not."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _state_of(item: FlowItem) -> tuple[Any, ...]:
    """What the controls of a flow show of it, but for the place of the plane."""
    look = item.look
    ways = look.streamlines, look.particles, look.glyphs, look.plane is None
    return item.visible, look.wall, *ways, len(item.guides)


def _check(text: str, on: bool, tip: str, slot: Callable[[bool], Any]) -> QCheckBox:
    box = QCheckBox(text)
    box.setChecked(on)
    box.setToolTip(tip)
    box.toggled.connect(slot)
    return box


def _choice(items: Sequence[tuple[str, Any]], chosen: Any, tip: str, slot: Callable[[Any], Any]) -> QComboBox:
    box = QComboBox()
    for text, value in items:
        box.addItem(text, value)
    box.setCurrentIndex(max(box.findData(chosen), 0))
    box.setToolTip(tip)
    box.currentIndexChanged.connect(lambda _i: slot(box.currentData()))
    return box


def _slider(value: int, tip: str, slot: Callable[[int], Any], low: int = 0, high: int = 100) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(low, high)
    slider.setValue(value)
    slider.setToolTip(tip)
    slider.valueChanged.connect(slot)
    return slider
