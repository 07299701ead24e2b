"""The timeline in place of the views: events above, lanes below each other, one span of time for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.errors import OrganTwinError
from organtwin.model import Event, Forecast, Observations
from organtwin.physiology import model as physiology
from organtwin.timeline.days import DAY_S
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.empty_page import EmptyPage
from organtwin_gui.plots import axes
from organtwin_gui.redress import Redress
from organtwin_gui.timeline.gather import Gathered, LaneKind, bands_of, first_lanes, gather
from organtwin_gui.timeline.happenings import Happenings
from organtwin_gui.timeline.lane import AXIS_PX, LANE_PX, Band, Lane
from organtwin_gui.timeline.quarantine import QuarantineList
from organtwin_gui.timeline.span import Hand, Span
from organtwin_gui.twin.sheet import SheetDialog
from organtwin_gui.views.background import Background

RANGES = (
    ("Day", "Alt+D", DAY_S), ("Week", "Alt+W", 7 * DAY_S), ("Month", "Alt+M", 30.5 * DAY_S), ("Year", "Alt+Y", 365.25 * DAY_S),
    ("All", "Alt+A", 0.0),
)  # fmt: skip
FORMATS = "FHIR bundles (JSON, NDJSON), Apple Health exports (XML, zip), CSV of watches, glucose meters and sensors"


class TimeAxis(pg.PlotWidget):
    """Dates below the lanes, by the patient's clock."""

    def __init__(self, span: Span) -> None:
        self._dates = pg.DateAxisItem(orientation="bottom", utcOffset=0)
        super().__init__(axisItems={"bottom": self._dates})
        self.span = span
        self.setFixedHeight(30)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(False, False)
        self.setMouseTracking(True)
        self._hand = Hand(span, lambda: (float(AXIS_PX), float(self.width() - 1)))
        plot = self.getPlotItem()
        plot.getAxis("left").setWidth(AXIS_PX)
        plot.setContentsMargins(0, 0, 0, 0)
        span.changed.connect(self.follow)
        self.dress()
        Redress(self, self.dress)

    def dress(self) -> None:
        axes.dress(self, "", "")
        plot = self.getPlotItem()
        plot.getAxis("bottom").showLabel(False)
        plot.getAxis("left").showLabel(False)
        plot.getAxis("left").setStyle(showValues=False)
        plot.getAxis("left").setPen(None)

    def follow(self) -> None:
        self._dates.utcOffset = -self.span.offset_s
        self.setXRange(self.span.start_s, self.span.end_s, padding=0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._hand.wheel(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hand.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._hand.release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.span.show_all()


class TimelineBoard(QWidget):
    """Everything that was measured and happened. Files with readings can be dropped on it.

    Signals
    -------
    files_dropped(list)
        Paths to be imported.
    import_wanted()
    gathered(object)
        :class:`Gathered`, or None where there are no readings.
    study_wanted(object)
        An imaging event whose study is to be opened.
    """

    files_dropped = Signal(list)
    import_wanted = Signal()
    gathered = Signal(object)
    study_wanted = Signal(object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.span = Span(self)
        self.background = Background(self)
        self.all: Gathered | None = None
        self.chosen: list[str] = []
        self.lanes: list[Lane] = []
        self._imports: tuple[str, ...] | None = None
        self._forecasts: list[Forecast] = []
        self._pages = QStackedWidget()
        self.import_button = QPushButton("Import readings")
        self.import_button.setObjectName("primary")
        self.import_button.setIcon(theme.icon("import", theme.current().accent_text))
        self.import_button.setToolTip("Read files with measurements, events and medication (Ctrl+Return)")
        self.import_button.clicked.connect(self.import_wanted.emit)
        self.empty = EmptyPage(self.import_button)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._full())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages)
        self.span.changed.connect(self._draw)
        self.span.pointed.connect(self._point)
        for signal in (bridge.opened, bridge.closed):
            signal.connect(self.refresh)
        bridge.changed.connect(lambda _c: self.refresh())

    # -- parts --------------------------------------------------------------------------------------------------------

    def _full(self) -> QWidget:
        page = QFrame()
        page.setObjectName("panel")
        self.when = QLabel()
        self.when.setObjectName("quiet")
        self.when.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 8, 4)
        head.setSpacing(4)
        head.addWidget(self.when, 1)
        self.expected = QCheckBox("Forecasts")
        self.expected.setShortcut("Alt+F")
        self.expected.setChecked(True)
        self.expected.setToolTip("Draw what the twin expects: median, 50 % and 90 % of what is likely (Alt+F)")
        self.expected.toggled.connect(lambda _on: self._give_bands())
        head.addWidget(self.expected)
        self.sheet = QToolButton()
        self.sheet.setIcon(theme.icon("sheet"))
        self.sheet.setToolTip("The data sheet behind the newest forecast: sources, where it holds, known bias (Alt+S)")
        self.sheet.setShortcut("Alt+S")
        self.sheet.clicked.connect(self.show_sheet)
        head.addWidget(self.sheet)
        head.addSpacing(8)
        self.range_buttons: list[QToolButton] = []
        for name, key, length in RANGES:
            button = QToolButton()
            button.setObjectName("tool")
            button.setText(name)
            button.setShortcut(key)
            button.setToolTip(f"{'All there is' if not length else f'The last {name.lower()}'} ({key})")
            button.clicked.connect(lambda _c=False, s=length: self.show_range(s))
            head.addWidget(button)
            self.range_buttons.append(button)
        self.aside = QToolButton()
        self.aside.setObjectName("tool")
        self.aside.setIcon(theme.icon("quarantine"))
        self.aside.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.aside.setCheckable(True)
        self.aside.setShortcut("Alt+Q")
        head.addSpacing(8)
        head.addWidget(self.aside)
        self.happenings = Happenings(self.span)
        self.happenings.clicked.connect(self._clicked)
        inner = QWidget()
        inner.setObjectName("panel")
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self._column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._scroll.setWidget(inner)
        self._scroll.verticalScrollBar().valueChanged.connect(lambda _v: self._draw())
        self.axis = TimeAxis(self.span)
        above = QWidget()
        lanes = QVBoxLayout(above)
        lanes.setContentsMargins(0, 0, 0, 0)
        lanes.setSpacing(0)
        lanes.addLayout(head)
        lanes.addWidget(self.happenings)
        lanes.addWidget(self._scroll, 1)
        lanes.addWidget(self.axis)
        self.quarantine = QuarantineList()
        self.quarantine.hide()
        self.aside.toggled.connect(self.quarantine.setVisible)
        self.quarantine.close_button.clicked.connect(lambda: self.aside.setChecked(False))
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(above)
        split.addWidget(self.quarantine)
        split.setChildrenCollapsible(False)
        split.setStretchFactor(0, 1)
        split.setSizes([500, 220])
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(split)
        return page

    # -- what there is ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Gather anew when imports came or went; forecasts are asked for each time."""
        entries = self.bridge.entries("observations")
        uuids = tuple(e.uuid for e in entries)
        self._forecasts = []
        with self.bridge.guarded():
            for entry in reversed(self.bridge.entries("forecast")):
                if not entry.facts.get("scenario") and not entry.facts.get("subject"):
                    found = self.bridge.get(entry.uuid)
                    assert isinstance(found, Forecast)
                    self._forecasts.append(found)
        if uuids == self._imports:
            self._give_bands()
            return
        self._imports = uuids
        if not uuids:
            self._take(None)
            return
        with self.bridge.guarded():
            imports = [one for u in uuids if isinstance(one := self.bridge.get(u), Observations)]
            self._say_empty("Putting the readings in order …", "A million of them take a few seconds.", button=False)
            if self.all is None:
                self._pages.setCurrentIndex(0)
            self.background.submit("gather", _guarded(imports), self._answer)

    def _answer(self, answer: Gathered | str) -> None:
        if isinstance(answer, str):
            self._take(None)
            self._say_empty("These readings cannot be shown together", answer, button=False)
        else:
            self._take(answer)

    def _say_empty(self, headline: str, text: str, *, button: bool = True) -> None:
        self.empty.say(headline, text)
        self.import_button.setVisible(button)

    def _take(self, found: Gathered | None) -> None:
        first = self.all is None
        self.all = found
        if found is None or not (found.lanes or found.timeline.events or found.lines):
            self.all = None
            self._say_empty("No readings yet", f"Drop files here, or choose them. It reads {FORMATS}.")
            self._pages.setCurrentIndex(0)
            self.chosen = []
            self._build([])
        else:
            self._pages.setCurrentIndex(1)
            self.span.offset_s = found.offset_s
            self._limit()
            keys = {lane.key for lane in found.lanes}
            kept = [key for key in self.chosen if key in keys]
            self.chosen = kept or first_lanes(found)
            self.happenings.show_events([e for e in found.timeline.events if e.kind not in ("encounter", "note")])
            self.quarantine.take(found.lines, found.reasons)
            self._dress_aside()
            self._build([lane for lane in found.lanes if lane.key in self.chosen])
            if first:
                self.span.show_all()
        self.gathered.emit(self.all)

    def _limit(self) -> None:
        """From the first thing to the last, forecasts included."""
        if self.all is None:
            return
        first, last = self.all.span_s
        ends = [float(f.times_s[-1]) for f in self._forecasts if len(f.times_s)] if self.expected.isChecked() else []
        if np.isfinite(first):
            self.span.set_limits(first, max([last, *ends]))

    def _dress_aside(self) -> None:
        number = len(self.all.lines) if self.all else 0
        self.aside.setText(f"{number:,} set aside".replace(",", "\u202f"))
        self.aside.setVisible(number > 0)
        self.aside.setToolTip("Readings that were not believed on import, with the reason of each (Alt+Q)")
        self.aside.setIcon(theme.icon("quarantine", theme.current().warning))
        self.aside.setShortcut("Alt+Q")  # Qt takes it away with the old text
        if not number:
            self.aside.setChecked(False)

    # -- lanes --------------------------------------------------------------------------------------------------------

    def choose(self, keys: Sequence[str]) -> None:
        """Which lanes are seen, in the order of the list of codes."""
        self.chosen = list(keys)
        if self.all is not None:
            self._build([lane for lane in self.all.lanes if lane.key in self.chosen])

    def _build(self, kinds: Sequence[LaneKind]) -> None:
        for lane in self.lanes:
            self._column.removeWidget(lane)
            lane.hide()
            lane.deleteLater()
        self.lanes = [Lane(self.span, kind.name, kind.tracks) for kind in kinds]
        for number, lane in enumerate(self.lanes):
            self._column.insertWidget(number, lane)
        self._share_height()
        self._give_bands()

    def _share_height(self) -> None:
        """Lanes fill the room there is; more than fit are scrolled."""
        if self.lanes:
            room = self._scroll.viewport().height() - len(self.lanes)
            high = int(min(max(room / len(self.lanes), 84), 190))
            for lane in self.lanes:
                lane.setFixedHeight(high)

    def _give_bands(self) -> None:
        on = self.expected.isChecked()
        for widget in (self.expected, self.sheet):
            widget.setVisible(bool(self._forecasts))
        for lane in self.lanes:
            given: dict[str, Band] = {}
            for forecast in reversed(self._forecasts) if on else ():  # the newest has the last word
                given |= bands_of(forecast, lane.tracks)
            lane.set_bands(given)
            if self.all is not None:
                lane.set_now(self.all.now_s)
        self._limit()
        self._draw()

    def _draw(self) -> None:
        if self.all is None or not self.isVisible():
            return
        self.when.setText(f"{self.span.said(self.span.start_s)}  –  {self.span.said(self.span.end_s)}")
        pixels = max(self.width() - AXIS_PX, 50)
        scrolled = self._scroll.verticalScrollBar().value()
        seen = range(scrolled - LANE_PX, scrolled + self._scroll.viewport().height() + LANE_PX)
        for lane in self.lanes:
            if lane.y() in seen or lane.y() + lane.height() in seen:
                lane.show_seen([self.all.seen(t, self.span.start_s, self.span.end_s, pixels) for t in lane.tracks])

    def _point(self, at_s: float | None) -> None:
        for lane in self.lanes:
            lane.point_at(at_s)
        if at_s is not None:
            self.when.setText(self.span.said(at_s))
        elif self.all is not None:
            self.when.setText(f"{self.span.said(self.span.start_s)}  –  {self.span.said(self.span.end_s)}")

    def show_range(self, length_s: float) -> None:
        """The last day, week ...; 0: everything."""
        if self.all is None:
            return
        if length_s == 0:
            self.span.show_all()
        else:
            ahead = 0.15 * length_s if self._forecasts and self.expected.isChecked() else 0.0
            self.span.show_last(length_s, self.all.now_s + ahead)

    def show_sheet(self) -> None:
        """What stands behind the newest forecast."""
        known = next((f for f in self._forecasts if f.model in physiology.names()), None)
        if known is not None:
            model = physiology.find(known.model)
            SheetDialog(model.title, model.sheet, known.assumes, self).exec()

    def _clicked(self, event: Event) -> None:
        if event.kind == "imaging":
            self.study_wanted.emit(event)
        else:
            end = event.end_s if event.end_s is not None else self.span.last_s
            length = max(end - event.start_s, 2 * DAY_S)
            self.span.show(event.start_s - 0.15 * length, event.start_s + 1.15 * length)

    # -- the window ---------------------------------------------------------------------------------------------------

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._share_height()
        self.axis.follow()
        self._draw()

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._share_height()
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "aside"):
            self._dress_aside()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        length = self.span.length_s
        middle = self.span.at(0.5)
        doing: dict[int, Callable[[], None]] = {
            Qt.Key.Key_Left: lambda: self.span.pan(-0.2 * length),
            Qt.Key.Key_Right: lambda: self.span.pan(0.2 * length),
            Qt.Key.Key_Up: lambda: self.span.zoom(0.7, middle),
            Qt.Key.Key_Down: lambda: self.span.zoom(1 / 0.7, middle),
            Qt.Key.Key_Home: self.span.show_all,
        }
        if event.key() in doing:
            doing[event.key()]()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.bridge.is_open and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.files_dropped.emit([Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()])

    def shut_down(self) -> None:
        self.background.shut_down()


def _guarded(imports: Sequence[Observations]) -> Callable[[], Gathered | str]:
    """Beside the window's thread; a mistake of the data comes back as its sentence."""

    def work() -> Gathered | str:
        try:
            return gather(imports)
        except OrganTwinError as error:
            return error.sentence

    return work
