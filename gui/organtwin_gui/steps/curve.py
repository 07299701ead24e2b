"""A small plot in the app's colours: one curve, axes with units, nothing else."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QColor

from organtwin_gui import theme
from organtwin_gui.plots import axes


class Curve(pg.PlotWidget):
    """A curve with its axes; the mouse does not drag it about."""

    dressed = Signal()  # in the colours of another theme

    def __init__(self, across: str, up: str, height: int = 110) -> None:
        super().__init__(enableMenu=False)
        self._across, self._up = across, up
        self.setFixedHeight(height)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        item = self.getPlotItem()
        item.setContentsMargins(0, 4, 6, 0)
        self.line = self.plot([], [])
        self.dress()

    def dress(self) -> None:
        """Take on the colours of the theme."""
        look = theme.current()
        axes.dress(self, self._across, self._up)
        self.line.setPen(pg.mkPen(look.accent, width=2))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "line"):
            self.dress()
            self.dressed.emit()

    def show_curve(self, x: ArrayLike, y: ArrayLike, *, from_zero: bool = True) -> None:
        """Draw another curve, (n,) over (n,)."""
        across, up = np.asarray(x, float), np.asarray(y, float)
        self.line.setData(across, up)
        if len(across):
            low, high = float(up.min()), float(up.max())
            low = min(low, 0.0) if from_zero else low
            margin = 0.08 * (high - low) or 1.0
            self.setXRange(float(across[0]), float(across[-1]), padding=0.0)
            self.setYRange(low - (margin if low < 0 else 0.0), high + margin, padding=0.0)

    def clear_curve(self) -> None:
        self.line.setData([], [])

    def tint(self, alpha: int = 60) -> QColor:
        """The accent as a transparent area."""
        colour = QColor(theme.current().accent)
        colour.setAlpha(alpha)
        return colour
