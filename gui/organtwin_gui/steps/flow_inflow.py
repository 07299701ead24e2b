"""How much blood comes in, and when: from the pulse, as a constant, or as it was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QPushButton, QSpinBox, QVBoxLayout, QWidget

from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import OrganMesh
from organtwin.model.flow_case import Samples
from organtwin.units import convert, parse
from organtwin.vessel import waveforms
from organtwin.vessel.waveform_csv import period_s, read_waveform
from organtwin_gui import theme
from organtwin_gui.forms import form, quiet
from organtwin_gui.steps.curve import Curve
from organtwin_gui.steps.flow_fields import Field, calm, show_row, tidy

SOURCES = (
    ("Cardiac output", "output", "Flow over a minute, and the heart rate"),
    ("Stroke volume", "stroke", "What enters in one beat, and the heart rate"),
    ("Constant", "constant", "The same flow at all times"),
    ("CSV file", "csv", "A measured flow over one beat"),
)
PROFILES = (
    ("Parabolic", "parabolic", "As in a long straight tube"),
    ("Flat", "flat", "One speed all over the inlet: near the heart"),
    ("Womersley", "womersley", "As a pulse in a long straight tube"),
)


class Inflow(QWidget):
    """The upper part of the flow form."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.samples: Samples | None = None
        self.source = _box(SOURCES, "Where the inflow is known from")
        self.rate = tidy(QSpinBox())
        self.rate.setRange(20, 240)
        self.rate.setValue(75)
        self.rate.setSuffix(" /min")
        self.rate.setToolTip("Heart rate")
        self.output = Field("5 L/min", "flow", 'Mean flow into the vessel, as in "5 L/min" or "83 mL/s"')
        self.stroke = Field("70 mL", "volume", 'What enters the vessel in one beat, as in "70 mL"')
        self.time = calm(QComboBox())
        self.time.addItem("Steady, the mean flow", "steady")
        self.time.addItem("Heart beats", "pulsatile")
        self.time.setToolTip("Mean flow only: quick. Or heart beats: pressures and shear over time")
        self.template = calm(QComboBox())
        for name, template in waveforms.TEMPLATES.items():
            self.template.addItem(template.title.partition(",")[0], name)
            self.template.setItemData(
                self.template.count() - 1, f"{template.title}. Source: {template.source}", Qt.ItemDataRole.ToolTipRole
            )
        self.template.addItem("Half a sine", "systolic")
        self.template.setToolTip("How the flow runs over a beat: the usual curve of this vessel")
        self.profile = _box(PROFILES, "How the inflow is spread over the inlet")
        self.file = QPushButton("Choose a file …")
        self.file.setIcon(theme.icon("open"))
        self.file.setToolTip("A table of time and flow over one beat, with the units in its first line")
        self.plot = Curve("time (s)", "mL/s")
        self.plot.setToolTip("Flow into the vessel over a beat")
        self._said = quiet("")
        self.rows = form()
        for label, field in (
            ("From", self.source),
            ("Heart rate", self.rate),
            ("Output", self.output),
            ("Volume", self.stroke),
            ("File", self.file),
            ("Time", self.time),
            ("Waveform", self.template),
            ("Profile", self.profile),
        ):
            self.rows.addRow(label, field)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self.rows)
        column.addWidget(self.plot)
        column.addWidget(self._said)
        for box in (self.source, self.time, self.template, self.profile):
            box.currentIndexChanged.connect(lambda _i: self._change())
        self.rate.valueChanged.connect(lambda _v: self._change())
        for field in (self.output, self.stroke):
            field.changed.connect(self._change)
        self.file.clicked.connect(lambda: self.choose())
        self._change()

    def suggest(self, mesh: OrganMesh) -> None:
        """Begin with the waveform that fits a vessel."""
        name = waveforms.suggest_for(mesh)
        self.template.setCurrentIndex(max(self.template.findData(name), 0))

    # -- what is chosen -------------------------------------------------------------------------------------------

    @property
    def beating(self) -> bool:
        return self.source.currentData() != "constant" and self.time.currentData() == "pulsatile"

    @property
    def period_s(self) -> float:
        """Of one beat."""
        if self.source.currentData() == "csv" and self.samples is not None:
            return period_s(self.samples)
        return 60.0 / self.rate.value()

    def inlet(self, share: float) -> dict[str, Any]:
        """The inlet of a case, without its cap, that takes a share of the inflow.

        Raises
        ------
        BadInput
            Naming what is wrong or missing.
        """
        source, profile = self.source.currentData(), {"profile": self.profile.currentData()}
        if source == "csv":
            if self.samples is None:
                raise BadInput(
                    "No file with a measured flow has been chosen",
                    remedy="Press Choose a file, or take another source.",
                )
            values = tuple(share * value for value in self.samples.values)
            shared = self.samples.model_copy(update={"values": values}).model_dump(mode="json")
            if self.beating:
                return {"waveform": shared, **profile}
            return {"flow": f"{share * self._mean_of_file():.8g} {self.samples.unit}", **profile}
        waveform = self.template.currentData() if self.beating else "constant"
        if source == "stroke":
            volume = _positive(self.stroke, "volume", "stroke volume")
            return {
                "stroke_volume": f"{share * convert(volume, 'volume', 'mL'):.8g} mL",
                "waveform": waveform,
                **profile,
            }
        flow = _positive(self.output, "flow", "inflow")
        return {"flow": f"{share * convert(flow, 'flow', 'mL/s'):.8g} mL/s", "waveform": waveform, **profile}

    def words(self) -> str:
        """For the name of a case."""
        match self.source.currentData():
            case "csv":
                return "a measured inflow"
            case "stroke":
                return f"{self.stroke.text()} at {self.rate.value()} /min"
            case "constant":
                return self.output.text()
        return f"{self.output.text()} at {self.rate.value()} /min" if self.beating else self.output.text()

    def _mean_of_file(self) -> float:
        assert self.samples is not None
        times, values = np.asarray(self.samples.times_s), np.asarray(self.samples.values)
        return float(np.trapezoid(values, times) / (times[-1] - times[0]))

    # -- the file -------------------------------------------------------------------------------------------------

    def choose(self) -> None:
        """Ask for a file with a measured flow."""
        file, _ = QFileDialog.getOpenFileName(self, "A measured flow over one beat", "", "Tables (*.csv *.txt *.tsv)")
        if file:
            self.read(Path(file))

    def read(self, file: Path) -> None:
        """Take a measured flow from a file; a bad one is explained beside the button."""
        try:
            self.samples = read_waveform(file)
        except (OrganTwinError, ValueError) as error:
            self.samples = None
            self.file.setText("Choose a file …")
            self._say(error.sentence if isinstance(error, OrganTwinError) else str(error), bad=True)
        else:
            self.file.setText(file.name)
            self._say("")
        self._change()

    # -- what is shown --------------------------------------------------------------------------------------------

    def _change(self) -> None:
        source = self.source.currentData()
        for field, shown in (
            (self.rate, source in ("output", "stroke") and (source == "stroke" or self.beating)),
            (self.output, source in ("output", "constant")),
            (self.stroke, source == "stroke"),
            (self.file, source == "csv"),
            (self.time, source != "constant"),
            (self.template, self.beating and source != "csv"),
        ):
            show_row(self.rows, field, shown)
        self.rows.labelForField(self.output).setText("Flow" if source == "constant" else "Output")
        if source == "csv" and self.samples is not None:
            unit = parse(f"1 {self.samples.unit}", "flow")
            values = convert(unit, "flow", "mL/s") * np.asarray(self.samples.values)
            self.show_waveform(np.asarray(self.samples.times_s), values)
        elif self.beating and source != "csv":
            self._show_template()
        else:
            self.plot.hide()
            if self._said.objectName() != "danger" or source != "csv":
                self._say("")
        self.changed.emit()

    def _show_template(self) -> None:
        try:
            if self.source.currentData() == "stroke":
                mean = _positive(self.stroke, "volume", "stroke volume") / self.period_s
            else:
                mean = _positive(self.output, "flow", "inflow")
        except BadInput:
            return  # said under the field; the last good curve stays
        phase = np.linspace(0.0, 1.0, 121)
        shape = waveforms.shape_of(self.template.currentData())
        self.show_waveform(self.period_s * phase, convert(mean, "flow", "mL/s") * shape(phase))

    def show_waveform(self, times_s: ArrayLike, flow_ml_per_s: ArrayLike) -> None:
        """Draw the inflow over a beat, and say its mean and peak."""
        times, flow = np.asarray(times_s, float), np.asarray(flow_ml_per_s, float)
        if len(times) < 2:
            return
        self.plot.show_curve(times - times[0], flow)
        self.plot.show()
        mean = float(np.trapezoid(flow, times) / (times[-1] - times[0]))
        self._say(
            f"Mean {0.06 * mean:.2f} L/min, peak {flow.max():.0f} mL/s, {mean * (times[-1] - times[0]):.0f} mL a beat."
        )

    def _say(self, text: str, *, bad: bool = False) -> None:
        self._said.setObjectName("danger" if bad else "small")
        self._said.style().polish(self._said)
        self._said.setText(text)
        self._said.setVisible(bool(text))


def _positive(field: Field, dimension: str, what: str) -> float:
    value = parse(field.quantity, dimension)
    if value <= 0:
        raise BadInput(f"A {what} of {field.text()} brings no blood in", remedy="Give a positive value.")
    return value


def _box(items: tuple[tuple[str, str, str], ...], tip: str) -> QComboBox:
    box = calm(QComboBox())
    for row, (label, value, about) in enumerate(items):
        box.addItem(label, value)
        box.setItemData(row, about, Qt.ItemDataRole.ToolTipRole)
    box.setToolTip(tip)
    return box
