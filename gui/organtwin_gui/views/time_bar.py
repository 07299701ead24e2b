"""Play, pause and the slider of time."""

from __future__ import annotations

import time

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from organtwin_gui import theme

_STEPS = 1000
_TICK_MS = 33
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)


class TimeBar(QWidget):
    """Moves through time as a fraction from 0 to 1.

    Signals
    -------
    moved(float)
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.seconds = 2.5  # for the whole way
        self.frames = 0  # whole steps in the way
        self.back_and_forth = False
        self.loop = True
        self._fraction = 0.0
        self._sense = 1.0
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.button = QToolButton(self)
        self.button.setIconSize(theme.ICON_SIZE)
        self.button.setToolTip("Play or pause (space in the 3D view; , and . go one step)")
        self.button.setAccessibleName("Play or pause")
        self.button.clicked.connect(self.toggle)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setAccessibleName("Time")
        self.slider.valueChanged.connect(lambda value: self._go(value / _STEPS))
        self.slider.sliderPressed.connect(self.pause)
        self.text = QLabel(self)
        self.text.setObjectName("quiet")
        self.text.setFont(theme.font(theme.SMALL_POINTS))
        self.speed = QComboBox(self)
        for times in SPEEDS:
            self.speed.addItem(f"{times:g}×", times)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.setToolTip(f"How fast it plays; 1×: once through in {self.seconds:g} s")
        self.speed.setAccessibleName("Speed")
        self.speed.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.again = QToolButton(self)
        self.again.setIconSize(theme.ICON_SIZE)
        self.again.setIcon(theme.icon("loop"))
        self.again.setCheckable(True)
        self.again.setChecked(True)
        self.again.setToolTip("Again and again, or once")
        self.again.setAccessibleName("Again and again")
        self.again.toggled.connect(lambda on: setattr(self, "loop", on))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 12, 3)
        row.setSpacing(8)
        row.addWidget(self.button)
        row.addWidget(self.slider, 1)
        row.addWidget(self.text)
        row.addWidget(self.speed)
        row.addWidget(self.again)
        self._dress()

    @property
    def fraction(self) -> float:
        return self._fraction

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def set_fraction(self, fraction: float) -> None:
        """Go to a time; says so."""
        self._go(fraction)

    def set_text(self, text: str) -> None:
        """What the time is called; the label keeps its widest so that the slider does not jump."""
        self.text.setText(text)
        self.text.setMinimumWidth(max(self.text.minimumWidth(), self.text.sizeHint().width()))

    def play(self) -> None:
        if not self.playing:
            if self._fraction >= 1.0:
                self._fraction, self._sense = (1.0, -1.0) if self.back_and_forth else (0.0, 1.0)
            self._last = time.monotonic()
            self._timer.start()
            self._dress()

    def step(self, frames: int) -> None:
        """Go some whole steps on, or back; around the end where it plays again and again."""
        if self.frames > 0:
            self.pause()
            there = round(self._fraction * self.frames) + frames
            around = self.loop and not self.back_and_forth
            self._go((there % self.frames if around else there) / self.frames)

    def pause(self) -> None:
        self._timer.stop()
        self._dress()

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def _dress(self) -> None:
        self.button.setIcon(theme.icon("pause" if self.playing else "play"))

    def _tick(self) -> None:
        now = time.monotonic()
        step = min(now - self._last, 0.2) / self.seconds * self.speed.currentData()
        self._last = now
        fraction = self._fraction + self._sense * step
        if not self.loop and not 0.0 <= fraction < 1.0:
            self._go(fraction)
            self.pause()
            return
        if self.back_and_forth:
            if fraction >= 1.0 or fraction <= 0.0:
                self._sense = -1.0 if fraction >= 1.0 else 1.0
        else:
            fraction %= 1.0
        self._go(fraction)

    def _go(self, fraction: float) -> None:
        self._fraction = min(1.0, max(0.0, fraction))
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(self._fraction * _STEPS))
        self.moved.emit(self._fraction)
