"""The strip below the views while a moving scan is shown: play, the volumes over the cycle, and what to do with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from organtwin.store.relations import on_grid
from organtwin_gui import theme
from organtwin_gui.badges import colour_of, said_of
from organtwin_gui.bridge import Bridge
from organtwin_gui.moving.shown import Shown
from organtwin_gui.plots.chart import Chart
from organtwin_gui.plots.series import Series
from organtwin_gui.steps.step import relabel
from organtwin_gui.views.state import ImageScene
from organtwin_gui.views.time_bar import TimeBar

CHART_PX = 190
WITH_TEXT_PX = 800
ONE_COLUMN_PX = 270  # that the numbers need in one column; in two, twice that


class MotionPanel(QFrame):
    """Hidden while nothing moves."""

    def __init__(self, bridge: Bridge, scene: ImageScene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.bridge, self.scene = bridge, scene
        self._columns = 2
        self._texts: dict[QPushButton, str] = {}
        self.shown = Shown(bridge, scene, self)
        self.bar = TimeBar()
        self.bar.button.setToolTip("Play or pause the cycle (K); , and . in a slice go one phase")
        self.bar.button.setShortcut("K")
        self.bar.slider.setMinimumWidth(70)
        self.find = self._button(
            "Ventricles", "segment", "Ctrl+Shift+C",
            "Cavities and heart muscle in every phase of a short-axis cine MR, with volumes and ejection fraction",
        )  # fmt: skip
        self.follow = self._button(
            "Follow", "loop", "Ctrl+Alt+F",
            "Carry the segmentation that lies over this phase through the whole cycle by registration",
        )  # fmt: skip
        self.take = self._button(
            "Take phase", "import", "Ctrl+Alt+T", "Make this phase a scan of its own: to segment, mesh and edit"
        )
        self.chart = Chart("Time (s)", "Volumes over the cycle")
        self.chart.setFixedHeight(CHART_PX)
        self.chart.setMinimumWidth(260)
        self.numbers = QWidget()
        self._grid = QGridLayout(self.numbers)
        self._grid.setContentsMargins(8, 0, 12, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(1)
        self._curves = QWidget()
        side = QHBoxLayout(self._curves)
        side.setContentsMargins(6, 0, 6, 4)
        side.addWidget(self.chart, 1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(ONE_COLUMN_PX)
        scroll.setFixedHeight(CHART_PX)
        scroll.setWidget(self.numbers)
        side.addWidget(scroll, 1)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 8, 0)
        row.addWidget(self.bar, 1)
        for button in (self.find, self.follow, self.take):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._curves)
        self.bar.moved.connect(self._moved)
        self.chart.clicked.connect(self._go_to)
        self.find.clicked.connect(self._find)
        self.follow.clicked.connect(self._follow)
        self.take.clicked.connect(self._take)
        self.shown.changed.connect(self.refresh)
        self.shown.moved.connect(lambda _p: self._say())
        bridge.job_changed.connect(lambda _j: self._enable())
        bridge.changed.connect(lambda _c: self._enable())
        self.refresh()

    def _button(self, text: str, icon: str, key: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setMinimumWidth(38)
        button.setAccessibleName(text)
        self._texts[button] = text
        button.setIcon(theme.icon(icon))
        button.setShortcut(key)
        button.setToolTip(f"{text}: {tip[0].lower()}{tip[1:]} ({key})")
        return button

    # -- showing --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Fill it for the scan that is shown."""
        volume = self.shown.volume
        self.setVisible(volume is not None)
        if volume is None:
            self.bar.pause()
            return
        self.bar.frames = max(self.shown.phases - 1, 1)
        self.bar.seconds = max(volume.period_s or 0.0, 1.0)
        self._draw()
        self._say()
        self._enable()

    def _draw(self) -> None:
        labels, volume = self.shown.labels, self.shown.volume
        self._curves.setVisible(labels is not None)
        if labels is None or volume is None:
            return
        made = [Series(s.name, s.key, self._across(), np.asarray(labels.volumes_mm3, float)[:, n] / 1000) for n, s in enumerate(labels.segments)]  # fmt: skip
        across = "Time (s)" if volume.period_s > 0 else "Phase"  # counted where nobody timed them
        self.chart.show_series(made, [s.colour for s in labels.segments], across=across, up="Volume (mL)")
        self._fill_numbers()

    def _across(self) -> NDArray[np.float64]:
        """Where the phases are in the chart: their times, or their numbers from 1 where nobody timed them."""
        volume = self.shown.volume
        assert volume is not None
        return np.asarray(volume.times_s, float) if volume.period_s > 0 else 1.0 + np.arange(len(volume.times_s))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for button, text in self._texts.items():  # on a narrow window their pictures alone
            relabel(button, text if self.width() > WITH_TEXT_PX else "")
        if self._columns != self._fitting_columns():
            self._fill_numbers()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "numbers"):
            for button, icon in zip(self._texts, ("segment", "loop", "import"), strict=False):
                button.setIcon(theme.icon(icon))

    def _fitting_columns(self) -> int:
        return 2 if self.width() > 2 * 1.8 * ONE_COLUMN_PX else 1

    def _fill_numbers(self) -> None:
        labels, self._columns = self.shown.labels, self._fitting_columns()
        while (item := self._grid.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().deleteLater()
        if labels is None:
            return
        rows = -(-len(labels.quantities) // self._columns)
        for n, quantity in enumerate(labels.quantities):
            at, side = n % max(rows, 1), 3 * (n // max(rows, 1))
            name, value, unit = QLabel(quantity.name), QLabel(f"{quantity.value:.3g}"), QLabel(quantity.unit)
            name.setObjectName("quiet")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setStyleSheet(f"color: {colour_of(quantity.level)};")
            for place, label in enumerate((name, value, unit)):
                label.setToolTip(said_of(quantity.level, quantity.why))
                self._grid.addWidget(label, at, side + place)

    def _say(self) -> None:
        volume = self.shown.volume
        if volume is None:
            return
        time_s = float(volume.times_s[self.shown.phase])
        when = f", {1000 * time_s:.0f} ms" if volume.period_s > 0 else ""
        self.bar.set_text(f"phase {self.shown.phase + 1} of {self.shown.phases}{when}")
        self.chart.set_cursor(float(self._across()[self.shown.phase]))

    def _enable(self) -> None:
        if self.shown.volume is None:
            return
        running = {job.spec.operation for job in self.bridge.running()}
        self.find.setEnabled(self.shown.volume.modality in ("MR", "OT") and "cine" not in running)
        self.follow.setEnabled(self._fitting() is not None and "propagate" not in running)
        self.take.setEnabled("phase" not in running)

    # -- time -----------------------------------------------------------------------------------------------------

    def _moved(self, fraction: float) -> None:
        self.shown.go_to(round(fraction * (self.shown.phases - 1)))

    def _go_to(self, across: float) -> None:
        if self.shown.volume is not None:
            self.bar.pause()
            nearest = int(np.argmin(np.abs(self._across() - across)))
            self.bar.set_fraction(nearest / max(self.shown.phases - 1, 1))

    def step(self, phases: int) -> None:
        """Some phases on or back."""
        self.bar.step(phases)

    # -- doing ----------------------------------------------------------------------------------------------------

    def _fitting(self) -> str | None:
        """uuid of the newest segmentation on this scan's grid."""
        volume = self.shown.volume
        fitting = on_grid(volume.grid, self.bridge.entries("segmentation")) if volume is not None else []
        return fitting[-1].uuid if fitting else None

    def _find(self) -> None:
        if self.shown.volume is not None:
            self.bridge.start("cine", {"dynamic": self.shown.volume.uuid}, {}, "Ventricles over the cycle")

    def _follow(self) -> None:
        fitting = self._fitting()
        if self.shown.volume is not None and fitting is not None:
            inputs = {"dynamic": self.shown.volume.uuid, "segmentation": fitting}
            self.bridge.start("propagate", inputs, {"phase": self.shown.phase + 1}, "Follow through the cycle")

    def _take(self) -> None:
        if self.shown.volume is not None:
            inputs = {"dynamic": self.shown.volume.uuid}
            if self.shown.labels is not None:
                inputs["segmentation"] = self.shown.labels.uuid
            number = self.shown.phase + 1
            self.bridge.start("phase", inputs, {"phase": number}, f"Phase {number}")
