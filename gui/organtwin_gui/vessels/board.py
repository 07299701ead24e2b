"""The strip below the views while a measured vessel is looked at."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSlider, QSplitter, QVBoxLayout, QWidget

from organtwin.model import Centerline, Volume
from organtwin.vessel.laid_straight import section_at, straightened
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.plots.chart import Chart
from organtwin_gui.vessels import curves
from organtwin_gui.vessels.curves import Way
from organtwin_gui.vessels.picture import Picture
from organtwin_gui.views.state import ImageScene

HEIGHT = 270
STEP_MM, TURN_DEG = 1.0, 5
MARK = {"stenosis": "danger", "dilatation": "warning", "aneurysm": "danger"}


class VesselBoard(QFrame):
    """Straightened picture, section and diameters of one way; the crosshair of all views goes along.

    The picture can be turned about the vessel (wheel, or the slider); a click in it or in the chart goes there.
    """

    def __init__(self, bridge: Bridge, scene: ImageScene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFixedHeight(HEIGHT)
        self.bridge, self.scene = bridge, scene
        self.line: Centerline | None = None
        self.way: Way | None = None
        self.at = 0  # index into the way's points
        self.choice = QComboBox()
        self.choice.setToolTip("Which way through the vessel: from its inlet to the end of a branch")
        self.choice.currentIndexChanged.connect(lambda _i: self._take_way())
        self.turn = QSlider(Qt.Orientation.Horizontal)
        self.turn.setRange(0, 360 // TURN_DEG)
        self.turn.setMaximumWidth(130)
        self.turn.setToolTip("Turn the straightened picture about the vessel (wheel over it)")
        self.turn.valueChanged.connect(lambda _v: self._draw_long())
        self.said = QLabel()
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
        for widget in (self.choice, QLabel("Turn"), self.turn):
            head.addWidget(widget)
        head.addWidget(self.said, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(split, 1)
        self.long.setToolTip("The vessel straightened: click to go there, wheel to turn it; [ and ] go along it")
        self.long.pointed.connect(lambda along, _off: self.go_to(along))
        self.long.turned.connect(lambda n: self.turn.setValue((self.turn.value() + n) % (self.turn.maximum() + 1)))
        self.across.setToolTip("The section across the vessel at the crosshair; the wheel goes along it")
        self.across.turned.connect(lambda n: self.step(-n))
        self.chart.clicked.connect(self.go_to)
        for keys, n in (("[", -1), ("]", 1)):
            QShortcut(QKeySequence(keys), self).activated.connect(lambda n=n: self.step(n))
        scene.volume_changed.connect(self._draw)
        scene.window_changed.connect(lambda _l, _w: self._draw())
        self.hide()

    # -- which vessel ---------------------------------------------------------------------------------------------

    def show_line(self, line: Centerline | None) -> None:
        """Show a measured vessel; None puts the strip away."""
        self.line = line
        self.setVisible(line is not None)
        if line is None:
            self.way = None
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
            own = self.line.branches[branch]
            if np.isin(np.arange(own.first + 1, own.last + 1), way.points).all():
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
        series = curves.diameters(self.line, self.way)
        colours = [QColor(c).getRgb()[:3] for c in (theme.current().accent, theme.current().warning, theme.current().good)]  # fmt: skip
        self.chart.show_series(
            series, colours[: len(series)], across="Distance from the inlet (mm)", up="Diameter (mm)"
        )
        if worst:
            self.go_to(worst[0].at_mm)
        else:
            self._draw()

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
        least = f", {self.line.least_mm[here]:.1f} to {self.line.most_mm[here]:.1f} mm" if self.line.least_mm is not None and self.line.most_mm is not None else ""  # fmt: skip
        self.said.setText(
            f"{self.way.along_mm[self.at]:.0f} mm from the inlet: ø {wide:.1f} mm{least}, {float(self.line.area_mm2[here]):.0f} mm²"
        )
        self.chart.set_place(float(self.way.along_mm[self.at]))
        self._draw_long()
        self._draw_section()

    def _draw_long(self) -> None:
        volume = self.scene.volume
        if not self.isVisible() or self.line is None or self.way is None:
            return
        if volume is None or not self._lies_in(volume):
            self.long.clear()
            self.across.clear()
            return
        wide = self._half_width()
        with self.bridge.guarded():
            long = straightened(volume, self.line, self.way.points, angle_deg=self.turn.value() * TURN_DEG, half_width_mm=wide)  # fmt: skip
            look = theme.current()
            at = float(self.way.along_mm[self.at])
            lines = [(np.stack([long.along_mm, wall], axis=1), look.accent, 1.2) for wall in long.walls_mm]
            lines.append((np.array([[at, -wide], [at, wide]]), theme.PLANE_COLOURS["3d"], 1.0))
            for finding in self.line.findings:
                if finding.branch == self.way.branch or finding.at_mm <= self.way.along_mm[-1]:
                    colour = getattr(look, MARK[finding.what])
                    edge = 0.96 * wide
                    lines.append((np.array([[finding.start_mm, edge], [finding.stop_mm, edge]]), colour, 3.0))
            step = (float(long.along_mm[1] - long.along_mm[0]), float(long.off_mm[1] - long.off_mm[0]))
            corner = (float(long.along_mm[0]) - step[0] / 2, float(long.off_mm[0]) - step[1] / 2)
            self.long.show_picture(long.values, step, corner, (self.scene.level, self.scene.width), lines)

    def _draw_section(self) -> None:
        volume = self.scene.volume
        if volume is None or self.line is None or self.way is None or not self._lies_in(volume):
            return
        with self.bridge.guarded():
            section = section_at(volume, self.line, int(self.way.points[self.at]), half_width_mm=self._half_width())
            step = float(section.off_mm[1] - section.off_mm[0])
            corner = float(section.off_mm[0]) - step / 2
            lines = [(section.outline_mm, theme.current().accent, 1.4)] if len(section.outline_mm) else []
            self.across.show_picture(section.values, (step, step), (corner, corner), (self.scene.level, self.scene.width), lines)  # fmt: skip

    def _half_width(self) -> float:
        """Twice the widest radius, and some of what is around."""
        assert self.line is not None
        assert self.way is not None
        return float(2.0 * np.asarray(self.line.radius_mm)[self.way.points].max() + 6.0)

    def _lies_in(self, volume: Volume) -> bool:
        assert self.line is not None
        index = volume.grid.to_index(np.asarray(self.line.points_mm))
        return bool(((index > -1) & (index < np.array(volume.grid.size))).all(axis=1).mean() > 0.5)
