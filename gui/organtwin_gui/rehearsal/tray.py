"""The instruments side by side, and what can be set about the one in hand."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui import theme
from organtwin_gui.forms import form, quiet
from organtwin_gui.rehearsal.instruments import INSTRUMENTS, Grip, Instrument

_ACROSS = 4
_SHAPE = ("radius", "width", "length")  # settings of an instrument that touches that make another one of it


class _Slot(QToolButton):
    """An instrument with its name below and its key in the corner."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        self._digit = instrument.digit
        self.setText(instrument.name)
        self.setIcon(theme.icon(instrument.icon))
        self.setIconSize(QSize(20, 20))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setFont(theme.font(theme.SMALL_POINTS))
        self.setToolTip(f"{instrument.tip} ({instrument.digit})")
        self.setAccessibleName(instrument.name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setStyleSheet("padding: 7px 0px 5px 0px;")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_POINTS - 1.5))
        painter.setPen(QColor(theme.current().text_quiet if self.isEnabled() else theme.current().text_off))
        painter.drawText(
            QRectF(0, 3, self.width() - 6, 14),
            int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop),
            self._digit,
        )
        painter.end()


class Tray(QWidget):
    """Chooses; what is chosen and set leaves as a :class:`Grip`.

    Signals
    -------
    taken(Grip or None)
        Another instrument, mode or setting.
    confirmed()
        The button that does as Enter does.
    """

    taken = Signal(object)
    confirmed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[tuple[str, str], float] = {}
        self._modes: dict[str, str] = {}
        self._inside: tuple[str, ...] = ()
        self._has_plan = False
        self.grip: Grip | None = None
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        self.slots_: dict[str, _Slot] = {}
        for number, instrument in enumerate(INSTRUMENTS):
            slot = _Slot(instrument)
            slot.clicked.connect(lambda on, key=instrument.key: self.choose(key if on else ""))
            grid.addWidget(slot, number // _ACROSS, number % _ACROSS)
            self.slots_[instrument.key] = slot
        for column in range(_ACROSS):
            grid.setColumnStretch(column, 1)
        self.mode = QComboBox()
        self.mode.setToolTip("How the instrument is used")
        self.mode.currentIndexChanged.connect(lambda _i: self._mode_chosen())
        self.inside = QComboBox()
        self.inside.setToolTip("Which of the things inside the organ")
        self.inside.currentIndexChanged.connect(lambda _i: self._changed())
        self._rows = QWidget()
        self._form: QFormLayout = form()
        self._rows.setLayout(self._form)
        self.hint = quiet("")
        self.go = QPushButton("Do it")
        self.go.setIcon(theme.icon("done"))
        self.go.setToolTip("Do it now (Enter in the 3D view)")
        self.go.clicked.connect(self.confirmed)
        self.spins: dict[str, QDoubleSpinBox] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(grid)
        column.addWidget(self._rows)
        column.addWidget(self.go)
        column.addWidget(self.hint)
        self.choose("", quietly=True)

    def dress(self) -> None:
        """In the colours of another theme."""
        for instrument in INSTRUMENTS:
            self.slots_[instrument.key].setIcon(theme.icon(instrument.icon))

    def offer(self, inside: tuple[str, ...], has_plan: bool) -> None:
        """What lies inside the organ, and whether there is a plan."""
        self._inside, self._has_plan = inside, has_plan
        self.slots_["drain"].setEnabled(bool(inside))
        with QSignalBlocker(self.inside):
            self.inside.clear()
            # what one resects or drains first
            for name in sorted(inside, key=lambda n: not any(w in n.lower() for w in ("tumo", "lesion", "cyst"))):
                self.inside.addItem(name.replace("_", " "), name)

    def choose(self, key: str, *, quietly: bool = False) -> None:
        """Take an instrument by its key, or "" for none."""
        for name, slot in self.slots_.items():
            slot.setChecked(name == key)
        instrument = next((i for i in INSTRUMENTS if i.key == key), None)
        if instrument is None or not self.slots_[key].isEnabled():
            self.grip = None
        else:
            self.grip = Grip.of(instrument, self._modes.get(key, ""))
            with QSignalBlocker(self.mode):
                self.mode.clear()
                for mode in instrument.modes:
                    able = (
                        mode.needs == ""
                        or (mode.needs == "inside" and self._inside)
                        or (mode.needs == "plan" and self._has_plan)
                    )
                    if able:
                        self.mode.addItem(mode.name, mode.key)
                self.mode.setCurrentIndex(max(self.mode.findData(self.grip.mode.key), 0))
        self._lay_out()
        if not quietly:
            self.taken.emit(self.grip)

    def _mode_chosen(self) -> None:
        if self.grip is not None:
            self._modes[self.grip.instrument.key] = self.mode.currentData()
            self.grip = Grip.of(self.grip.instrument, self.mode.currentData())
            self._lay_out()
            self.taken.emit(self.grip)

    def _lay_out(self) -> None:
        """Rows for what can be set."""
        for widget in (self.mode, self.inside):
            widget.setParent(None)
        while self._form.rowCount():
            self._form.removeRow(0)
        self.spins = {}
        grip = self.grip
        self._rows.setVisible(grip is not None and bool(grip.mode.settings or len(grip.instrument.modes) > 1))
        if grip is None:
            self.hint.setText("Choose an instrument, or press its key. Without one the mouse turns the view.")
            self.go.hide()
            return
        if self.mode.count() > 1:
            self._form.addRow("Way", self.mode)
            self.mode.show()
        if grip.mode.needs == "inside":
            self._form.addRow("What", self.inside)
            self.inside.show()
            grip.inside = self.inside.currentData() or ""
        for setting in grip.mode.settings:
            spin = QDoubleSpinBox()
            spin.setRange(setting.low, setting.high)
            spin.setSingleStep(setting.step)
            spin.setDecimals(1 if setting.step < 1 else 0)
            spin.setSuffix(f" {setting.unit}")
            spin.setToolTip(f"{setting.tip} ({setting.unit})")
            spin.setKeyboardTracking(False)
            spin.setValue(self._values.get((grip.mode.key, setting.key), setting.value))
            grip.values[setting.key] = spin.value()
            spin.valueChanged.connect(lambda _v: self._changed())
            self.spins[setting.key] = spin
            self._form.addRow(setting.name, spin)
        self.hint.setText(grip.mode.hint)
        self.go.setVisible(grip.mode.gesture in ("plane", "confirm") or grip.mode.key == "retract")
        self.go.setText("Leave it standing" if grip.mode.key == "retract" else "Do it")

    def _changed(self) -> None:
        if self.grip is None:
            return
        before = [self.grip.values.get(key) for key in _SHAPE]
        for key, spin in self.spins.items():
            self._values[(self.grip.mode.key, key)] = spin.value()
            self.grip.values[key] = spin.value()
        self.grip.inside = self.inside.currentData() or ""
        # another shape is another tool
        if self.grip.mode.gesture == "hold" and before != [self.grip.values.get(key) for key in _SHAPE]:
            self.taken.emit(self.grip)

    def follow(self, grip: Grip | None, hint: str) -> None:
        """Agree with the hand: what it holds, what it says, and the depth that the wheel has set."""
        if grip is None and self.grip is not None:
            self.choose("", quietly=True)
        elif grip is not None:
            self.hint.setText(hint)
            for key, spin in self.spins.items():
                if abs(spin.value() - grip.values.get(key, spin.value())) > 1e-9:
                    with QSignalBlocker(spin):
                        spin.setValue(grip.values[key])
