"""The strip below the views while a measured vessel is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QSlider,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.model import Centerline, Volume
from organtwin.vessel.reformat import Curved, cross_section, curved
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.plots.chart import Chart
from organtwin_gui.vessels import curves
from organtwin_gui.vessels.curves import Way
from organtwin_gui.vessels.picture import Picture
from organtwin_gui.views import Viewport
from organtwin_gui.views.items.vessel import VesselItem
from organtwin_gui.views.state import ImageScene

HEIGHT = 270
STEP_MM, TURN_DEG = 1.0, 5
PIXELS = {"straightened": 512, "stretched": 360}  # of the longer side; a stretched one is nearly square
IN_SPACE = "vessel looked at"  # its name in the 3D view
# the pictures are on black in either theme, and drawn over in the dark one's colours
MARK = {"stenosis": "danger", "dilatation": "warning", "aneurysm": "danger"}


class VesselBoard(QFrame):
    """Straightened picture, section and diameters of one way; the crosshair of all views goes along.

    The picture can be turned about the vessel (wheel, or the slider); a click in it or in the chart goes there. In the 3D view
    the tree stands with a ring where the crosshair is.

    Signals
    -------
    table_wanted(str, object)
        uuid of the vessel whose numbers are to be written, and the file.
    """

    table_wanted = Signal(str, object)

    def __init__(
        self, bridge: Bridge, scene: ImageScene, viewport: Viewport | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFixedHeight(HEIGHT)
        self.bridge, self.scene, self.viewport = bridge, scene, viewport
        self._made: tuple[tuple[object, ...], Curved] | None = None
        self.line: Centerline | None = None
        self.way: Way | None = None
        self.at = 0  # index into the way's points
        self.choice = QComboBox()
        self.choice.setToolTip("Which way through the vessel: from its inlet to the end of a branch")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(9)
        self.choice.currentIndexChanged.connect(lambda _i: self._take_way())
        self.kind = QComboBox()
        self.kind.addItem("Straightened", "straightened")
        self.kind.addItem("Stretched", "stretched")
        self.kind.setToolTip(
            "Straightened: the line becomes straight, walls on both sides of it.\n"
            "Stretched: the vessel with its bends, lengths kept (Alt+B changes)"
        )
        self.kind.currentIndexChanged.connect(lambda _i: self._draw_long())
        self.turn = QSlider(Qt.Orientation.Horizontal)
        self.turn.setRange(0, 360 // TURN_DEG)
        self.turn.setMinimumWidth(60)
        self.turn.setMaximumWidth(130)
        self.turn.setToolTip("Turn the straightened picture about the vessel (wheel over it)")
        self.turn.valueChanged.connect(lambda _v: self._draw_long())
        self.said = QLabel()
        self.said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.said.setObjectName("quiet")
        self.long = Picture("No scan is shown on this vessel's place: show it to see the vessel straightened.")
        self.across = Picture("")
        self.chart = Chart("Distance from the inlet (mm)", "Diameters along the vessel")
        split = QSplitter(Qt.Orientation.Horizontal)
        for widget, share in ((self.long, 420), (self.across, 210), (self.chart, 420)):
            split.addWidget(widget)
            widget.setProperty("share", share)
        split.setSizes([420, 210, 420])
        split.setChildrenCollapsible(False)
        head = QHBoxLayout()
        head.setContentsMargins(10, 4, 10, 0)
        head.setSpacing(10)
        self.save = QToolButton()
        self.save.setText("Save")
        self.save.setIcon(theme.icon("export"))
        self.save.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.save.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.save.setToolTip("Save the numbers along the vessel (Alt+T) or its picture (Alt+P)")
        menu = QMenu(self.save)
        for text, keys, slot in (
            ("Table of all points (CSV)", "Alt+T", self.save_table),
            ("Picture of the vessel (PNG)", "Alt+P", self.save_picture),
        ):
            action = menu.addAction(text)
            action.setShortcut(keys)
            action.triggered.connect(lambda _c=False, f=slot: f())
            self.addAction(action)  # its key works while the strip is seen
        self.save.setMenu(menu)
        for widget in (self.choice, self.kind, QLabel("Turn"), self.turn):
            head.addWidget(widget)
        head.addWidget(self.said, 1)
        head.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(split, 1)
        self.long.setToolTip("The vessel laid out: click to go there, wheel to turn it; [ and ] go along it")
        self.long.pointed.connect(lambda along, _off: self.go_to(self._distance(along)))
        self.long.turned.connect(lambda n: self.turn.setValue((self.turn.value() + n) % (self.turn.maximum() + 1)))
        self.across.setToolTip("The section across the vessel at the crosshair; the wheel goes along it")
        self.across.turned.connect(lambda n: self.step(-n))
        self.chart.clicked.connect(self.go_to)
        for keys, n in (("[", -1), ("]", 1)):
            QShortcut(QKeySequence(keys), self).activated.connect(lambda n=n: self.step(n))
        QShortcut(QKeySequence("Alt+B"), self).activated.connect(
            lambda: self.kind.setCurrentIndex(1 - self.kind.currentIndex())
        )
        scene.volume_changed.connect(self._draw)
        scene.window_changed.connect(lambda _l, _w: self._draw())
        self.hide()

    # -- which vessel ---------------------------------------------------------------------------------------------

    def show_line(self, line: Centerline | None) -> None:
        """Show a measured vessel; None puts the strip away."""
        self.line = line
        self.setVisible(line is not None)
        self._stand(line)
        if line is None:
            self.way = self._made = None
            return
        with QSignalBlocker(self.choice):
            self.choice.clear()
            for way in curves.ways(line):
                self.choice.addItem(f"to {way.name}", way)
        self._take_way()

    def go_on(self, branch: int, along_mm: float) -> None:
        """Go to a place of a branch, on the first way that leads over it."""
        if self.line is None:
            return
        for n in range(self.choice.count()):
            way: Way = self.choice.itemData(n)
            if way.leads_over(self.line, branch):
                if n != self.choice.currentIndex():
                    self.choice.setCurrentIndex(n)
                self.go_to(along_mm)
                return

    def _take_way(self) -> None:
        self.way = self.choice.currentData()
        if self.line is None or self.way is None:
            return
        self.at = 0
        worst = [f for f in self.line.findings if f.branch == self.way.branch]
        self._chart()
        if worst:
            self.go_to(worst[0].at_mm)
        else:
            self._draw()

    def _chart(self) -> None:
        assert self.line is not None
        assert self.way is not None
        series = curves.diameters(self.line, self.way)
        colours = [QColor(c).getRgb()[:3] for c in (theme.DARK.accent, theme.DARK.warning, theme.DARK.good)]
        self.chart.show_series(
            series, colours[: len(series)], across="Distance from the inlet (mm)", up="Diameter (mm)"
        )

    # -- where ----------------------------------------------------------------------------------------------------

    def go_to(self, along_mm: float) -> None:
        """Go to a distance from the inlet; the crosshair goes along."""
        if self.line is None or self.way is None:
            return
        self.at = self.way.nearest(along_mm)
        self.scene.cursor.move(np.asarray(self.line.points_mm)[self.way.points[self.at]])
        self._draw()

    def step(self, steps: int) -> None:
        """Some millimetres on, or back."""
        if self.way is not None:
            self.go_to(float(self.way.along_mm[self.at]) + steps * STEP_MM)

    # -- drawing --------------------------------------------------------------------------------------------------

    def _draw(self, *_: object) -> None:
        if not self.isVisible() or self.line is None or self.way is None:
            return
        here = self.way.points[self.at]
        wide = float(self.line.diameter_mm[here])
        narrow, most = self.line.least_mm, self.line.most_mm
        least = "" if narrow is None or most is None else f" ({narrow[here]:.1f} to {most[here]:.1f})"
        text = f"{self.way.along_mm[self.at]:.0f} mm: ø {wide:.1f}{least} mm, {float(self.line.area_mm2[here]):.0f} mm²"
        self.said.setText(text)
        self.said.setToolTip(f"From the inlet, diameter (smallest to largest), area: {text}")
        self.chart.set_place(float(self.way.along_mm[self.at]))
        if self.viewport is not None and isinstance(item := self.viewport.items.get(IN_SPACE), VesselItem):
            item.go_to(int(here))
        self._draw_long()
        self._draw_section()

    def _stand(self, line: Centerline | None) -> None:
        """Put the tree into the 3D view, or take it out again."""
        if self.viewport is None:
            return
        if line is None:
            self.viewport.remove(IN_SPACE)
        else:
            self.viewport.put(VesselItem(line, self.viewport.around, IN_SPACE))

    def _draw_long(self) -> None:
        volume = self.scene.volume
        if not self.isVisible() or self.line is None or self.way is None:
            return
        if volume is None or not self._lies_in(volume):
            self.long.clear()
            self.across.clear()
            return
        with self.bridge.guarded():
            self._show(self._laid_out(volume, self.kind.currentData()))

    def _laid_out(self, volume: Volume, kind: Literal["straightened", "stretched"]) -> Curved:
        """The picture, made once for each vessel, way and turn: going along only moves the mark."""
        assert self.line is not None
        assert self.way is not None
        angle = self.turn.value() * TURN_DEG
        key = (id(volume.values), self.line.uuid, self.way.branch, angle, kind)
        if self._made is None or self._made[0] != key:
            wide = 2 * self._half_width() if kind == "straightened" else None
            self._made = key, curved(
                volume, self.line, self.way.branch, angle_deg=angle, kind=kind, width_mm=wide, pixels=PIXELS[kind]
            )  # fmt: skip
        return self._made[1]

    def _show(self, made: Curved) -> None:
        """The vessel runs to the right: rows of the reformat are columns here."""
        assert self.line is not None
        assert self.way is not None
        look, pixel, half = theme.DARK, made.pixel_mm, 0.5 * self._half_width()
        along, middle = pixel * np.arange(len(made.distance_mm)), pixel * made.middle
        lines = [(np.stack([along, pixel * wall], axis=1), look.accent, 1.2) for wall in (made.near, made.far)]
        row = int(np.argmin(np.abs(made.distance_mm - self.way.along_mm[self.at])))
        here = np.array([[along[row], middle[row] - half], [along[row], middle[row] + half]])
        lines.append((here, theme.PLANE_COLOURS["3d"], 1.0))
        for finding in curves.findings_on(self.line, self.way):
            span = (made.distance_mm >= finding.start_mm) & (made.distance_mm <= finding.stop_mm)
            beside = np.stack([along[span], middle[span] + 0.9 * half], axis=1)
            lines.append((beside, getattr(look, MARK[finding.what]), 3.0))
        corner = (-pixel / 2, -pixel / 2)
        self.long.show_picture(made.image.T, (pixel, pixel), corner, (self.scene.level, self.scene.width), lines)

    def _distance(self, right_mm: float) -> float:
        """Distance from the inlet at a place of the picture."""
        if self._made is None:
            return right_mm
        made = self._made[1]
        row = int(np.clip(round(right_mm / made.pixel_mm), 0, len(made.distance_mm) - 1))
        return float(made.distance_mm[row])

    # -- files ----------------------------------------------------------------------------------------------------

    def save_table(self) -> None:
        """Write the numbers of all points of the tree."""
        if self.line is None:
            return
        file, _ = QFileDialog.getSaveFileName(self, "Save the numbers along the vessel", f"{self.line.structure or 'vessel'}.csv", "Table (*.csv)")  # fmt: skip
        if file:
            self.table_wanted.emit(self.line.uuid, Path(file))

    def save_picture(self) -> None:
        """Write the picture of the vessel as it is shown, with walls and marks."""
        if self.line is None or self.long.is_empty:
            self.bridge.failed.emit("There is no picture of the vessel to save. Show the scan that it lies in.")
            return
        kind = self.kind.currentData()
        file, _ = QFileDialog.getSaveFileName(self, "Save the picture of the vessel", f"{self.line.structure or 'vessel'}-{kind}.png", "Pictures (*.png)")  # fmt: skip
        if not file:
            return
        if self.long.picture().save(file, "PNG"):
            self.bridge.told.emit(f"Saved {file}.")
        else:
            self.bridge.failed.emit(f"The picture could not be written ({file}). Choose another place.")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "chart"):
            self.save.setIcon(theme.icon("export"))
            self._draw()

    def _draw_section(self) -> None:
        volume = self.scene.volume
        if volume is None or self.line is None or self.way is None or not self._lies_in(volume):
            return
        with self.bridge.guarded():
            section = cross_section(
                volume, self.line, int(self.way.points[self.at]), width_mm=2 * self._half_width()
            )  # fmt: skip
            pixel = section.pixel_mm
            lines = [(pixel * section.outline, theme.current().accent, 1.4)] if len(section.outline) else []
            corner = (-pixel / 2, -pixel / 2)
            self.across.show_picture(section.image, (pixel, pixel), corner, (self.scene.level, self.scene.width), lines)

    def _half_width(self) -> float:
        """Twice the widest radius, and some of what is around."""
        assert self.line is not None
        assert self.way is not None
        return float(2.0 * np.asarray(self.line.radius_mm)[self.way.points].max() + 6.0)

    def _lies_in(self, volume: Volume) -> bool:
        assert self.line is not None
        index = volume.grid.to_index(np.asarray(self.line.points_mm))
        return bool(((index > -1) & (index < np.array(volume.grid.size))).all(axis=1).mean() > 0.5)
