"""Small pieces that the forms of the tools are made of: an amount with a slider, a choice of a few, a strip that speaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui import theme

STEPS = 1000
GOOD_NEWS_MS = 8000


class Amount(QWidget):
    """A number with its unit, by slider or by figure; ``log`` where small amounts need finer steps than large ones."""

    changed = Signal(float)

    def __init__(
        self,
        text: str,
        value: float,
        low: float,
        high: float,
        unit: str,
        tip: str,
        *,
        digits: int = 1,
        log: bool = False,
        lowest: str = "",
    ) -> None:
        super().__init__()
        self._log, self._low, self._high = log, low, high
        self.box = QDoubleSpinBox()
        self.box.setRange(low, high)
        self.box.setDecimals(digits)
        self.box.setSuffix(f" {unit}" if unit else "")
        self.box.setSingleStep(10.0**-digits if digits else 1.0)
        self.box.setSpecialValueText(lowest)  # what the lowest amount means, where that is not an amount
        self.box.setKeyboardTracking(False)
        self.box.setFixedWidth(92)
        self.box.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._label = QLabel(text)
        self._label.setObjectName("quiet")
        self._label.setMinimumWidth(74)
        for widget in (self, self.box, self.slider, self._label):
            widget.setToolTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._label)
        row.addWidget(self.slider, 1)
        row.addWidget(self.box)
        self.slider.valueChanged.connect(self._slid)
        self.box.valueChanged.connect(self._typed)
        self.set_value(value)

    @property
    def value(self) -> float:
        return self.box.value()

    def set_value(self, value: float) -> None:
        self.box.setValue(value)
        self._typed(self.box.value(), tell=False)

    def set_range(self, low: float, high: float, unit: str = "") -> None:
        """Other limits; the value stays where it can."""
        self._low, self._high = low, high
        value = self.value
        self.box.setRange(low, high)
        self.box.setSuffix(f" {unit}" if unit else "")
        self.set_value(value)

    def _slid(self, place: int) -> None:
        share = place / STEPS
        value = (
            self._low * (self._high / self._low) ** share if self._log else self._low + share * (self._high - self._low)
        )
        self.box.blockSignals(True)
        self.box.setValue(value)
        self.box.blockSignals(False)
        self.changed.emit(self.box.value())

    def _typed(self, value: float, *, tell: bool = True) -> None:
        value = min(max(value, self._low), self._high)
        if self._log:
            share = math.log(value / self._low) / math.log(self._high / self._low)
        else:
            share = (value - self._low) / max(self._high - self._low, 1e-12)
        self.slider.blockSignals(True)
        self.slider.setValue(round(STEPS * share))
        self.slider.blockSignals(False)
        if tell:
            self.changed.emit(value)


class Line(QLabel):
    """One line of small words as wide as its place, never wider; the rest is in its tip."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("small")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.fontMetrics().height() + 2)
        self._words = ""

    def say(self, words: str) -> None:
        self._words = words
        self.setToolTip(words)
        self._fit()

    def _fit(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


class Choice(QWidget):
    """A few alternatives side by side, one of them taken."""

    changed = Signal(str)

    def __init__(self, options: Sequence[tuple[str, str, str]], taken: str = "", *, columns: int = 0) -> None:
        """``options``: (key, text, tip)."""
        super().__init__()
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QPushButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        columns = columns or len(options)
        for number, (key, text, tip) in enumerate(options):
            button = QPushButton(text)
            button.setObjectName("segment")
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _c=False, k=key: self.changed.emit(k))
            self._group.addButton(button)
            self._buttons[key] = button
            grid.addWidget(button, number // columns, number % columns)
        self.take(taken or options[0][0])

    @property
    def taken(self) -> str:
        return next((k for k, b in self._buttons.items() if b.isChecked()), "")

    def take(self, key: str) -> None:
        if key in self._buttons:
            self._buttons[key].setChecked(True)

    def button(self, key: str) -> QPushButton:
        return self._buttons[key]


def row(*widgets: QWidget, stretch: int = -1) -> QHBoxLayout:
    """Widgets side by side."""
    made = QHBoxLayout()
    made.setContentsMargins(0, 0, 0, 0)
    made.setSpacing(6)
    for number, widget in enumerate(widgets):
        made.addWidget(widget, int(number == stretch))
    return made


def act(text: str, tip: str, slot: Callable[[], object], *, icon: str = "", strong: bool = False) -> QPushButton:
    """A button that does something, and lets the keys go on to the views."""
    button = QPushButton(text)
    if icon:
        button.setIcon(theme.icon(icon, theme.current().accent_text if strong else None))
    if strong:
        button.setObjectName("primary")
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.clicked.connect(lambda _c=False: slot())
    return button


def small(icon: str, tip: str, slot: Callable[[], object] | None = None, *, checkable: bool = False) -> QToolButton:
    """An icon to press."""
    button = QToolButton()
    button.setIcon(theme.icon(icon))
    button.setIconSize(theme.ICON_SIZE)
    button.setToolTip(tip)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.setProperty("icon_name", icon)
    if slot is not None:
        button.clicked.connect(lambda _c=False: slot())
    return button


class Fold(QWidget):
    """A heading that opens and closes what is below it."""

    def __init__(self, heading: str, tip: str, inner: QWidget, *, opened: bool = False) -> None:
        super().__init__()
        self.inner = inner
        self._button = QPushButton(heading)
        self._button.setObjectName("flat")
        self._button.setToolTip(tip)
        self._button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._button.clicked.connect(lambda: self.set_open(not self.is_open))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._button)
        layout.addWidget(inner)
        self.set_open(opened)

    @property
    def is_open(self) -> bool:
        return not self.inner.isHidden()

    def set_open(self, on: bool) -> None:
        self.inner.setVisible(on)
        self._button.setIcon(theme.icon("expand" if on else "collapse"))

    def set_heading(self, text: str) -> None:
        self._button.setText(text)


class Strip(QFrame):
    """One sentence below the tools, with a way out where there is one, and the progress of what takes longer."""

    stop_wanted = Signal()
    seen = Signal()  # shown, hidden, or of another height

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._way_out = QPushButton()
        self._way_out.setToolTip("A way out of what is said here")
        self._way_out.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._stop = small("cancel", "Stop this (Esc)", self.stop_wanted.emit)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._do: Callable[[], object] | None = None
        self._way_out.clicked.connect(self._take_way_out)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._icon)
        top.addWidget(self._text, 1)
        top.addWidget(self._stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self._bar)
        column.addWidget(self._way_out)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(lambda: self._see(False))
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    @property
    def way_out(self) -> QPushButton:
        return self._way_out

    def tell(
        self, sentence: str, *, trouble: bool = False, way_out: str = "", do: Callable[[], object] | None = None
    ) -> None:
        """Say something; "" says nothing more."""
        self._timer.stop()
        if not sentence:
            self._see(False)
            return
        look = theme.current()
        icon, colour = ("error", look.warning) if trouble else ("info", look.accent)
        self._icon.setPixmap(theme.icon(icon, colour).pixmap(theme.ICON_SIZE))
        self._text.setText(sentence)
        self._do = do
        self._way_out.setText(way_out)
        self._way_out.setVisible(bool(way_out))
        self._bar.hide()
        self._stop.hide()
        self._see(True)
        if not trouble:
            self._timer.start(GOOD_NEWS_MS)

    def progress(self, fraction: float, what: str) -> None:
        """Something goes on."""
        self._timer.stop()
        self._do = None
        self._icon.setPixmap(theme.icon("jobs", theme.current().accent).pixmap(theme.ICON_SIZE))
        self._text.setText(what)
        self._bar.setRange(0, 1000 if fraction > 0 else 0)
        self._bar.setValue(round(1000 * fraction))
        self._bar.show()
        self._stop.show()
        self._way_out.hide()
        self._see(True)

    def _take_way_out(self) -> None:
        do, self._do = self._do, None
        self._see(False)
        if do is not None:
            do()

    def _see(self, on: bool) -> None:
        self.setVisible(on)
        self.seen.emit()
