"""Scenarios side by side in place of the views: plots, 3D, what each assumes, and one table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from organtwin.physiology import model as physiology
from organtwin.physiology.model import Physiology
from organtwin.timeline.days import DAY_S, clock
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.empty_page import with_empty_page
from organtwin_gui.forms import title
from organtwin_gui.redress import Redress
from organtwin_gui.scenarios.table import ScenarioTable, Tried, ink
from organtwin_gui.scenarios.views import ScenarioViews
from organtwin_gui.timeline.gather import Gathered
from organtwin_gui.timeline.units import unit_words
from organtwin_gui.twin.expected import there
from organtwin_gui.twin.sheet import SheetButton, SheetDialog
from organtwin_gui.twin.trends import BandPlot, telling

PLOTS = 4


class ChosenPlot(QWidget):
    """A plot with a box above it that says which reading it is of."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = QComboBox()
        self.choice.setToolTip("Which reading is drawn. Shaded: 50 % of what is expected; dotted: 90 %; dots: measured")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(8)
        self.plot = BandPlot()
        self.plot.setMinimumHeight(90)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 0)
        column.setSpacing(3)
        column.addWidget(self.choice)
        column.addWidget(self.plot, 1)


class ScenarioBoard(QWidget):
    """What was tried, filled by the page at the left."""

    def __init__(self, bridge: Bridge, *, opengl: bool = True) -> None:
        super().__init__()
        self.bridge = bridge
        self.tried: list[Tried] = []
        self.model: Physiology | None = None
        self.all: Gathered | None = None
        self._due: list[ChosenPlot] = []
        self._turn = QTimer(self)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._draw_one)
        self.plots = [ChosenPlot() for _ in range(PLOTS)]
        for one in self.plots:
            one.choice.currentIndexChanged.connect(lambda _i: self._draw())
        self.views = ScenarioViews(bridge, opengl=opengl)
        self.assumed = QLabel()
        self.assumed.setWordWrap(True)
        self.assumed.setTextFormat(Qt.TextFormat.RichText)
        self.assumed.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.assumed.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.assumed.setContentsMargins(12, 8, 12, 8)
        self.table = ScenarioTable()
        self.when = QSlider(Qt.Orientation.Horizontal)
        self.when.setMaximumWidth(220)
        self.when.setMinimumWidth(90)
        self.when.setToolTip("The time that the table and the 3D views are for")
        self.when.valueChanged.connect(lambda _v: self._take_time())
        self.when_said = QLabel()
        self.when_said.setObjectName("quiet")
        self.heading = title("")
        self.said = QLabel()
        self.said.setObjectName("quiet")
        self.said.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.sheet = SheetButton()
        self.sheet.clicked.connect(self.show_sheet)
        self.tabs = QTabWidget()
        for widget, name, tip in (
            (self._plots(), "Plots", "Readings over time, one colour for each scenario"),
            (self.views, "3D", "One view for each scenario; they turn together"),
            (self._assumptions(), "What it assumes", "What each scenario takes for granted, with sources"),
        ):
            index = self.tabs.addTab(widget, name)
            self.tabs.setTabToolTip(index, f"{tip} (Ctrl+Tab: the next)")
        self.tabs.setDocumentMode(True)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 8, 6)
        head.setSpacing(12)
        for part, stretch in ((self.heading, 0), (self.said, 1), (self.sheet, 0)):
            head.addWidget(part, stretch)
        below = QFrame()
        below.setObjectName("panel")
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(title("Compared"))
        legend = QLabel("expected (90 %), chance of the target; below: the change to going on as now (90 %)")
        legend.setObjectName("small")
        legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        legend.setToolTip(self.table.toolTip())
        row.addWidget(legend, 1)
        row.addWidget(self.when_said)
        row.addWidget(self.when)
        inside = QVBoxLayout(below)
        inside.setContentsMargins(10, 6, 6, 6)
        inside.setSpacing(4)
        inside.addLayout(row)
        inside.addWidget(self.table, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.tabs)
        split.addWidget(below)
        split.setSizes([470, 280])
        split.setHandleWidth(4)
        split.setChildrenCollapsible(False)
        self.empty, self._pages = with_empty_page(self, head, split)
        Redress(self, self._redress)

    def _plots(self) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(4, 0, 4, 0)
        grid.setSpacing(4)
        for number, plot in enumerate(self.plots):
            grid.addWidget(plot, number // 2, number % 2)
        return page

    def _assumptions(self) -> QWidget:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.assumed)
        return scroll

    def _redress(self) -> None:
        self._say_assumed()
        self._take_time()

    # -- showing ------------------------------------------------------------------------------------------------------

    def show_nothing(self, headline: str, text: str) -> None:
        """Say what to do to compare something."""
        self.tried = []
        self.views.clear()
        self.empty.say(headline, text)
        self._pages.setCurrentIndex(0)

    def show_tried(self, model: str, tried: Sequence[Tried], all_: Gathered | None) -> None:
        """The first is to go on as now."""
        self.tried, self.all = list(tried), all_
        self.model = physiology.find(model) if model in physiology.names() else None
        self._pages.setCurrentIndex(1)
        self.heading.setText(self.model.title if self.model else model)
        first = tried[0].forecast
        self.said.setText(f"{len(tried)} futures, each of {first.members} members")
        self.said.setToolTip(first.checked)
        self.when.blockSignals(True)
        self.when.setRange(0, max(len(first.times_s) - 1, 0))
        self.when.setValue(self.when.maximum())
        self.when.blockSignals(False)
        keys = there([one.forecast for one in tried])
        wanted = telling(first, all_)
        for number, plot in enumerate(self.plots):
            chosen = plot.choice.currentData()
            plot.choice.blockSignals(True)
            plot.choice.clear()
            for key in keys:
                plot.choice.addItem(self._titles().get(key, key), key)
            keep = chosen if chosen in keys else wanted[min(number, len(keys) - 1)]
            plot.choice.setCurrentIndex(plot.choice.findData(keep))
            plot.choice.blockSignals(False)
            plot.setVisible(number < len(keys))
        self._draw()
        self._say_assumed()
        self._take_time()

    def _titles(self) -> dict[str, str]:
        return {r.key: r.title for r in self.model.readings} if self.model else {}

    @property
    def at_s(self) -> float:
        """The time that the table is for."""
        times = np.asarray(self.tried[0].forecast.times_s, float) if self.tried else np.zeros(0)
        return float(times[min(self.when.value(), len(times) - 1)]) if len(times) else 0.0

    def _draw(self) -> None:
        """One plot at a turn of the loop: the window does not wait for all of them."""
        self._due = list(self.plots)
        self._turn.start()

    def _draw_one(self) -> None:
        if not self._due or not self.tried:
            self._turn.stop()
            return
        plot = self._due.pop(0)
        key = plot.choice.currentData()
        forecasts, colours = [one.forecast for one in self.tried], [one.colour for one in self.tried]
        if key in forecasts[0].keys:
            unit = unit_words(forecasts[0].units[forecasts[0].keys.index(key)])
            plot.plot.show_reading(forecasts, colours, key, plot.choice.currentText(), unit, self.all)

    def _take_time(self) -> None:
        if not self.tried:
            return
        at_s = self.at_s
        offset = self.all.offset_s if self.all else 0.0
        times = np.asarray(self.tried[0].forecast.times_s, float)
        begin = times[0] - (times[1] - times[0] if len(times) > 1 else 0.0)  # the twin's own time is a step before
        days = (at_s - begin) / DAY_S
        day = clock(at_s, offset / 60.0)
        self.when_said.setText(f"after {days:.0f} days, {day:%d %b %Y}" if days >= 2 else f"{day:%d %b %Y, %H:%M}")
        self.table.show_tried(self.tried, at_s, self._titles())
        self.views.show_tried(self.tried, at_s)

    def _say_assumed(self) -> None:
        quiet_colour = theme.current().text_quiet
        checked = self.tried[0].forecast.checked if self.tried else ""
        parts = [f"<p style='margin:0 0 6px 0; color:{quiet_colour}'>{escape(checked)}</p>"] if checked else []
        common = self.tried[0].forecast.assumes if self.tried else ()
        for number, one in enumerate(self.tried):
            own = [line for line in one.forecast.assumes if not number or line not in common]
            lines = "".join(f"<div style='margin:2px 0'>•&nbsp;{escape(line)}</div>" for line in own)
            body = (
                lines
                or f"<span style='color:{quiet_colour}'>Nothing beyond the model itself: see its data sheet.</span>"
            )
            parts.append(
                f"<p style='margin:6px 0 2px 0'><span style='color:{ink(one.colour)}'>●</span> <b>{escape(one.name)}</b></p>{body}"
            )
        self.assumed.setText("".join(parts))

    def show_sheet(self) -> None:
        if self.model is not None:
            SheetDialog(self.model.title, self.model.sheet, parent=self).exec()

    def shut_down(self) -> None:
        self.views.shut_down()
