"""A scrubber over the frames of a result, and a button that plays them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from organtwin.model import Result
from organtwin_gui import theme

FRAME_MS = 80


class TimeBar(QWidget):
    """Tells ``show`` the frame index; a flow is labelled in seconds, a deformation in percent of its load."""

    def __init__(self, result: Result, show: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result, self._show = result, show
        self._button = QToolButton()
        self._button.setCheckable(True)
        self._button.setIcon(theme.icon("play"))
        self._button.setToolTip("Play or pause (Ctrl+Space)")
        self._button.setShortcut("Ctrl+Space")
        self._button.toggled.connect(self._play)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(result.times_s) - 1)
        self.slider.setValue(len(result.times_s) - 1)
        self.slider.setToolTip("Move through time")
        self.slider.valueChanged.connect(self._moved)
        self._label = QLabel()
        self._label.setMinimumWidth(64)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self._button, self.slider, self._label):
            row.addWidget(widget)
        self._clock = QTimer(self)
        self._clock.setInterval(FRAME_MS)
        self._clock.timeout.connect(self._next)
        self._say()

    def _play(self, on: bool) -> None:
        self._button.setIcon(theme.icon("pause" if on else "play"))
        (self._clock.start if on else self._clock.stop)()

    def _next(self) -> None:
        if not self.isVisible():
            return
        self.slider.setValue((self.slider.value() + 1) % (self.slider.maximum() + 1))

    def _moved(self, frame: int) -> None:
        self._show(frame)
        self._say()

    def _say(self) -> None:
        time = float(self._result.times_s[self.slider.value()])
        last = float(self._result.times_s[-1]) or 1.0
        self._label.setText(f"{time:.3f} s" if self._result.physics == "flow" else f"{100 * time / last:.0f} % load")
