"""One lane of the timeline: readings of one unit over time, their usual range, and what is expected of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QLabel

from organtwin.timeline.days import DAY_S
from organtwin.timeline.pyramid import Window
from organtwin_gui import theme
from organtwin_gui.plots import axes
from organtwin_gui.redress import Redress
from organtwin_gui.timeline.span import Hand, Span
from organtwin_gui.timeline.units import number_words

LANE_PX, AXIS_PX = 96, 54
DOTS = 150  # so many readings in sight are drawn as dots too
GAP = 8.0  # so many usual steps without a reading break the line

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Band:
    """What is expected: quantiles (q, n) over ``times_s`` (n), lowest first, the middle one is the median."""

    times_s: Floats
    quantiles: Floats
    name: str = ""


@dataclass(frozen=True)
class Track:
    """A series of a lane; ``usual`` is the range that most healthy people are in. What ``adds`` is drawn as a bar a day."""

    code: str
    title: str
    unit: str
    usual: tuple[float, float] | None = None
    adds: bool = False
    said: str = ""


@dataclass(frozen=True, eq=False)
class Seen:
    """What of a track is in sight: from its readings, or one value a day."""

    window: Window
    daily: bool = False


class Lane(pg.PlotWidget):
    """Drawn anew by :meth:`show`; turning the wheel, dragging and pointing move the span that all lanes share."""

    def __init__(self, span: Span, name: str, tracks: Sequence[Track]) -> None:
        super().__init__(enableMenu=False)
        self.span, self.name, self.tracks = span, name, tuple(tracks)
        self.setFixedHeight(LANE_PX)
        self.setAccessibleName(name)
        self.hideButtons()
        self.setMouseEnabled(False, False)
        self.setMouseTracking(True)
        self.setToolTip(f"{name}: wheel zooms in time, drag or Shift + wheel goes along, double click shows all")
        plot = self.getPlotItem()
        plot.setContentsMargins(0, 2, 0, 2)
        plot.getAxis("left").setWidth(AXIS_PX)
        plot.hideAxis("bottom")
        plot.getViewBox().setDefaultPadding(0.0)
        self._hand = Hand(span, self.edges)
        self._usual = [pg.LinearRegionItem(orientation="horizontal", movable=False) for _ in self.tracks]
        self._spreads = [pg.PlotCurveItem() for _ in self.tracks]
        self._lines = [pg.PlotCurveItem() for _ in self.tracks]
        self._dots = [pg.ScatterPlotItem(size=5, pxMode=True) for _ in self.tracks]
        self._bars = [pg.BarGraphItem(x=[], height=[], width=0.8 * DAY_S) for _ in self.tracks]
        self._expected: list[tuple[pg.PlotCurveItem, pg.PlotCurveItem, pg.FillBetweenItem]] = []
        self._middles: list[pg.PlotCurveItem] = []
        self._now = pg.InfiniteLine(angle=90, movable=False)
        self._pointer = pg.InfiniteLine(angle=90, movable=False)
        self._pointer.hide()
        for item in (*self._usual, *self._bars, *self._spreads, *self._lines, *self._dots, self._now, self._pointer):
            if isinstance(item, pg.LinearRegionItem):
                item.setZValue(-20)
                for line in item.lines:
                    line.hide()
            plot.addItem(item, ignoreBounds=True)
        self._title, self._value = QLabel(self), QLabel(self)
        for label in (self._title, self._value):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._shown: list[Seen] = []
        self._bands: list[list[Band]] = [[] for _ in self.tracks]
        self.dress()
        Redress(self, self.dress)

    # -- looks --------------------------------------------------------------------------------------------------------

    def colours(self) -> list[str]:
        look = theme.current()
        return [look.accent, look.good, look.warning, look.danger]

    def dress(self) -> None:
        """Take on the colours of the theme."""
        look = theme.current()
        axes.dress(self, "", "")
        axis = self.getPlotItem().getAxis("left")
        axis.showLabel(False)
        axis.setTickDensity(0.6)
        for usual, track in zip(self._usual, self.tracks, strict=True):
            first = next(t for t in self.tracks if t.usual == track.usual)
            usual.setVisible(track.usual is not None and first is track)  # the same range is shaded once
            usual.setBrush(pg.mkBrush(_faint(look.good, 26)))
            if track.usual is not None:
                usual.setRegion(track.usual)
        for line, spread, dots, bars, colour in zip(
            self._lines, self._spreads, self._dots, self._bars, self.colours(), strict=False
        ):
            spread.setPen(pg.mkPen(_faint(colour, 110), width=1))
            bars.setOpts(brush=pg.mkBrush(_faint(colour, 150)), pen=pg.mkPen(None))
            line.setPen(pg.mkPen(colour, width=1))
            dots.setBrush(pg.mkBrush(colour))
            dots.setPen(None)
        self._now.setPen(pg.mkPen(look.text_quiet, width=1, style=Qt.PenStyle.DotLine))
        self._pointer.setPen(pg.mkPen(look.text_quiet, width=1))
        keys = "  ".join(
            f"<span style='color:{c}'>●</span> {t.said or t.title}"
            for t, c in zip(self.tracks, self.colours(), strict=False)
        )
        unit = self.tracks[0].unit
        said = self.name if len(self.tracks) == 1 else f"{self.name} &nbsp; {keys}"
        if unit.lower() == self.name.lower():  # steps
            unit = ""
        self._title.setText(f"<b>{said}</b> <span style='color:{look.text_quiet}'>{unit}</span>")
        self._title.adjustSize()
        back = QColor(look.surface_0)
        for label in (self._title, self._value):
            label.setFont(theme.font(theme.SMALL_POINTS))
            label.setStyleSheet(f"background: rgba({back.red()},{back.green()},{back.blue()},170); padding: 0px 3px;")
        self._place_labels()
        self._dress_bands()

    def _place_labels(self) -> None:
        self._title.adjustSize()
        self._value.adjustSize()
        self._title.move(AXIS_PX + 6, 3)
        self._value.move(max(self.width() - self._value.width() - 8, AXIS_PX), 3)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_value"):
            self._place_labels()

    def edges(self) -> tuple[float, float]:
        """Pixels between which the span lies."""
        return float(AXIS_PX), float(self.width() - 1)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def set_bands(self, bands: Mapping[str, Band]) -> None:
        """What is expected after now, by code."""
        self._bands = [[bands[t.code]] if t.code in bands else [] for t in self.tracks]
        plot = self.getPlotItem()
        for low, high, fill in self._expected:
            for item in (low, high, fill):
                plot.removeItem(item)
        for middle in self._middles:
            plot.removeItem(middle)
        self._expected, self._middles = [], []
        for bands_of in self._bands:
            for band in bands_of:
                rows = len(band.quantiles)
                for inner in range(rows // 2):
                    low = pg.PlotCurveItem(band.times_s, band.quantiles[inner])
                    high = pg.PlotCurveItem(band.times_s, band.quantiles[rows - 1 - inner])
                    fill = pg.FillBetweenItem(low, high)
                    fill.setZValue(-10)
                    plot.addItem(fill, ignoreBounds=True)
                    self._expected.append((low, high, fill))
                middle = pg.PlotCurveItem(band.times_s, band.quantiles[rows // 2])
                plot.addItem(middle, ignoreBounds=True)
                self._middles.append(middle)
        self._dress_bands()

    def _dress_bands(self) -> None:
        colours = [c for c, bands in zip(self.colours(), self._bands, strict=False) for _ in bands]
        per = len(self._expected) // max(len(self._middles), 1)
        for number, (low, high, fill) in enumerate(self._expected):
            colour = colours[number // max(per, 1)]
            fill.setBrush(pg.mkBrush(_faint(colour, 55)))
            for edge in (low, high):
                edge.setPen(None)
        for middle, colour in zip(self._middles, colours, strict=True):
            middle.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine))

    def set_now(self, at_s: float) -> None:
        self._now.setValue(at_s)

    def show_seen(self, seen: Sequence[Seen]) -> None:
        """Draw what is in sight of each track, and take in its heights."""
        self._shown = list(seen)
        self.setXRange(self.span.start_s, self.span.end_s, padding=0)
        for one, line, spread, dots, bars in zip(seen, self._lines, self._spreads, self._dots, self._bars, strict=True):
            window = one.window
            spread.clear()
            if one.daily:
                line.clear()
                dots.clear()
                bars.setOpts(x=window.times_s, height=window.mean)
                continue
            bars.setOpts(x=[], height=[])
            many = bool(len(window)) and int(window.count.max()) > 1
            if many:
                spread.setData(*_zigzag(window.times_s, window.low, window.high), connect="finite")
            line.setData(*_broken(window.times_s, window.mean), connect="finite")
            if not many and len(window) <= DOTS:
                dots.setData(window.times_s, window.mean)
            else:
                dots.clear()
        self._fit()
        self._say_value(None)

    def _fit(self) -> None:
        """Heights of what is in sight, expected things too, with a usual limit that is not far off."""
        parts = [np.concatenate([s.window.low, s.window.high]) for s in self._shown]
        parts += [np.zeros(1) for s in self._shown if s.daily and len(s.window)]
        for bands in self._bands:
            for band in bands:
                seen = (band.times_s >= self.span.start_s) & (band.times_s <= self.span.end_s)
                if seen.any():
                    parts.append(band.quantiles[:, seen].ravel())
        values = np.concatenate(parts) if parts else np.empty(0)
        values = values[np.isfinite(values)]
        limits = [v for t in self.tracks for v in t.usual or ()]
        if len(values) == 0:
            values = np.array(limits or [0.0, 1.0])
        low, high = float(values.min()), float(values.max())
        span = max(high - low, 0.04 * max(abs(low), abs(high)), 1e-9)
        near = [v for v in limits if low - 0.35 * span < v < high + 0.35 * span]
        low, high = min([low, *near]), max([high, *near])
        span = max(high - low, span)
        middle = (low + high) / 2
        bottom = low if all(s.daily for s in self._shown) else middle - 0.58 * span
        self.setYRange(bottom, middle + 0.78 * span, padding=0)  # the title stands above

    # -- pointer ------------------------------------------------------------------------------------------------------

    def point_at(self, at_s: float | None) -> None:
        """Mark a time and say what was measured then."""
        self._pointer.setVisible(at_s is not None)
        if at_s is not None:
            self._pointer.setValue(at_s)
        self._say_value(at_s)

    def _say_value(self, at_s: float | None) -> None:
        said = []
        for seen, colour in zip(self._shown, self.colours(), strict=False):
            window = seen.window
            if not len(window):
                continue
            n = len(window) - 1 if at_s is None else int(np.argmin(np.abs(window.times_s - at_s)))
            if at_s is not None and abs(window.times_s[n] - at_s) > max(0.03 * self.span.length_s, 1.0):
                continue
            value = number_words(float(window.mean[n]))
            if window.count[n] > 1 and not seen.daily:
                value += f" ({number_words(float(window.low[n]))} to {number_words(float(window.high[n]))})"
            said.append(f"<span style='color:{colour}'>{value}</span>" if len(self.tracks) > 1 else value)
        text = " / ".join(said)
        if text and at_s is None:
            text = f"<span style='color:{theme.current().text_quiet}'>last</span> {text}"
        self._value.setText(text)
        self._value.setVisible(bool(text))
        self._place_labels()

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

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.span.pointed.emit(None)


def _faint(colour: str, alpha: int) -> QColor:
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


def _broken(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """With a gap (NaN) where no reading came for much longer than is usual in sight."""
    if len(times) < 3:
        return times, values
    steps = np.diff(times)
    breaks = np.flatnonzero(steps > GAP * max(float(np.median(steps)), 1.0)) + 1
    if not len(breaks):
        return times, values
    return np.insert(times, breaks, times[breaks - 1]), np.insert(values, breaks, np.nan)


def _zigzag(times: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Every column from its least to its largest value, and on to the next."""
    up = np.empty(2 * len(times))
    up[0::4], up[1::4] = low[0::2], high[0::2]
    up[2::4], up[3::4] = high[1::2], low[1::2]
    return _broken(np.repeat(times, 2), up)
