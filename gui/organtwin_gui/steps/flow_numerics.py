"""What most people leave as it is: the blood, and how the equations are solved."""

from __future__ import annotations

from os import cpu_count
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox

from organtwin_gui.forms import quiet
from organtwin_gui.steps.flow_fields import Field, Fold, calm, show_row, tidy


class Numerics(Fold):
    """Folded away at first."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Blood and numerics", "The blood, the beats and steps to compute, and the scheme")
        self.law = calm(QComboBox())
        self.law.addItem("Newtonian", "newtonian")
        self.law.addItem("Carreau-Yasuda", "carreau-yasuda")
        self.law.setToolTip("Newtonian: one viscosity. Carreau-Yasuda: thicker where the blood is slow")
        self.viscosity = Field(
            "3.5 mPa*s", "viscosity", "Viscosity of the blood (that at high shear for Carreau-Yasuda)"
        )
        self.density = Field("1.06 g/cm^3", "density", "Density of the blood")
        self.beats = _spin(1, 100, 3, "Number of heart beats to compute; the last one is shown")
        self.steps = _spin(20, 100000, 400, "Time steps in a beat")
        self.steps.setSingleStep(100)
        self.cfl = tidy(QDoubleSpinBox())
        self.cfl.setRange(0.0, 50.0)
        self.cfl.setDecimals(1)
        self.cfl.setSpecialValueText("off")
        self.cfl.setToolTip(
            "Cells that the fastest blood may cross in one step: steps grow and shrink with it. 5 is accurate. Off: equal steps"
        )
        self.scheme = calm(QComboBox())
        self.scheme.addItem("fast", "fast")
        self.scheme.addItem("Taylor-Hood", "taylor-hood")
        self.scheme.setToolTip(
            "fast: linear elements. Taylor-Hood: quadratic velocity, many times slower, as a reference"
        )
        self.ranks = _spin(1, max(cpu_count() or 1, 1), 1, "Processes that share the solve")
        for label, field in (
            ("Blood", self.law),
            ("Viscosity", self.viscosity),
            ("Density", self.density),
            ("Beats", self.beats),
            ("Steps a beat", self.steps),
            ("CFL", self.cfl),
            ("Scheme", self.scheme),
            ("Processes", self.ranks),
        ):
            self.rows.addRow(label, field)
        self.rows.addRow(quiet("Walls are rigid."))
        for box in (self.law, self.scheme):
            box.currentIndexChanged.connect(lambda _i: self.changed.emit())
        for spin in (self.beats, self.steps, self.cfl):
            spin.valueChanged.connect(lambda _v: self.changed.emit())
        for field in (self.viscosity, self.density):
            field.changed.connect(self.changed)

    def show_beats(self, on: bool) -> None:
        """Beats and steps matter only where there are beats."""
        for field in (self.beats, self.steps, self.cfl):
            show_row(self.rows, field, on)
        self.steps.setEnabled(self.cfl.value() == 0.0)

    def blood(self) -> dict[str, Any]:
        return {
            "law": self.law.currentData(),
            "viscosity": self.viscosity.quantity,
            "density": self.density.quantity,
        }

    def numerics(self, *, beating: bool, period_s: float) -> dict[str, Any]:
        made: dict[str, Any] = {
            "mode": "pulsatile" if beating else "steady",
            "scheme": self.scheme.currentData(),
            "period": f"{period_s:.8g} s",
        }
        if beating:
            made |= {"cycles": self.beats.value(), "steps_per_cycle": self.steps.value()}
            if self.cfl.value() > 0.0:
                made["cfl"] = self.cfl.value()
        return made


def _spin(low: int, high: int, value: int, tip: str) -> QSpinBox:
    spin = tidy(QSpinBox())
    spin.setRange(low, high)
    spin.setValue(value)
    spin.setToolTip(tip)
    return spin
