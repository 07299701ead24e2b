"""The openings of a vessel: which way blood goes through each, and what holds at those where it leaves."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from organtwin.errors import BadInput
from organtwin.model import Cap
from organtwin.model.flow_case import Outlet
from organtwin.units import parse
from organtwin_gui import theme
from organtwin_gui.elided import Elided
from organtwin_gui.forms import form
from organtwin_gui.steps.flow_fields import Field, calm, show_row, tidy

MODELS = (
    ("as targets", "targets", "Chosen so that the pressures and the split above come about"),
    ("pressure", "pressure", "A fixed pressure"),
    ("resistance", "resistance", "Pressure = resistance x flow, above a fixed pressure"),
    ("Windkessel", "windkessel", "The vessels beyond: a resistance, then a compliance beside a resistance"),
)
# what a model asks for: label, key, dimension, value to begin with, tip
ASKED: dict[str, tuple[tuple[str, str, str, str, str], ...]] = {
    "targets": (),
    "pressure": (("P", "pressure", "pressure", "90 mmHg", 'Pressure at this outlet, as in "90 mmHg"'),),
    "resistance": (
        ("R", "resistance", "resistance", "1.2 mmHg*s/mL", 'Resistance beyond this outlet, as in "1.2 mmHg*s/mL"'),
        ("P", "pressure", "pressure", "5 mmHg", "Pressure beyond the resistance"),
    ),
    "windkessel": (
        ("Rp", "proximal", "resistance", "0.1 mmHg*s/mL", "Proximal resistance: that of the large vessels"),
        ("C", "compliance", "compliance", "1 mL/mmHg", "Compliance: how much the vessels beyond take up"),
        ("Rd", "distal", "resistance", "1.1 mmHg*s/mL", "Distal resistance: that of the small vessels"),
    ),
}


class OpeningCard(QFrame):
    """One opening."""

    changed = Signal()

    def __init__(self, cap: Cap) -> None:
        super().__init__()
        self.cap = cap
        self.setObjectName("card")
        name = Elided(said(cap.name))
        name.setFont(theme.font(theme.BODY_POINTS, bold=True))
        self._size = QLabel(f"⌀ {2 * cap.radius_mm:.1f} mm")
        self._size.setObjectName("small")
        self.setToolTip(f"{said(cap.name)}: {cap.area_mm2:.0f} mm², radius {cap.radius_mm:.1f} mm")
        self.role = calm(QComboBox())
        self.role.addItem("in", "inlet")
        self.role.addItem("out", "outlet")
        self.role.setCurrentIndex(self.role.findData(cap.role))
        self.role.setToolTip("Blood goes in or out here")
        self.model = calm(QComboBox())
        for row, (label, key, about) in enumerate(MODELS):
            self.model.addItem(label, key)
            self.model.setItemData(row, about, Qt.ItemDataRole.ToolTipRole)
        self.model.setToolTip("What holds at this outlet")
        self.percent = tidy(QDoubleSpinBox())
        self.percent.setRange(0.0, 100.0)
        self.percent.setDecimals(1)
        self.percent.setSuffix(" %")
        self.percent.setToolTip("Share of the outflow that leaves here")
        self.percent.hide()
        self._found = QLabel()  # what the targets come to here
        self._found.setObjectName("small")
        self._found.setWordWrap(True)
        self._found.hide()
        self._fields = QWidget()
        self._rows = form()
        self._fields.setLayout(self._rows)
        self.fields: dict[str, Field] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 8, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.addWidget(name, 0, 0)
        grid.addWidget(self.role, 0, 1)
        grid.addWidget(self.model, 1, 0)
        grid.addWidget(self._size, 1, 1)
        grid.addWidget(self.percent, 1, 1)
        grid.addWidget(self._fields, 2, 0, 1, 2)
        grid.addWidget(self._found, 3, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        self.role.setFixedWidth(88)
        self.percent.setFixedWidth(88)
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(6)
        self.role.currentIndexChanged.connect(lambda _i: self._change())
        self.model.currentIndexChanged.connect(lambda _i: self._ask())
        self.percent.valueChanged.connect(lambda _v: self.changed.emit())
        self._ask()

    @property
    def is_inlet(self) -> bool:
        return bool(self.role.currentData() == "inlet")

    def _ask(self) -> None:
        """Offer the fields of the chosen model."""
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self.fields = {}
        for label, key, dimension, text, tip in ASKED[self.model.currentData()]:
            field = self.fields[key] = Field(text, dimension, tip)
            field.changed.connect(self.changed)
            self._rows.addRow(label, field)
        self._change()

    def _change(self) -> None:
        self.model.setVisible(not self.is_inlet)
        self._size.setVisible(not self.is_inlet)
        self._fields.setVisible(not self.is_inlet and bool(self.fields))
        self._found.hide()
        self.changed.emit()

    def show_values(self, outlet: Outlet | None) -> None:
        """Say which values the targets come to at this opening."""
        if outlet is None or self.is_inlet or self.model.currentData() != "targets":
            self._found.hide()
            return
        if outlet.windkessel is not None:
            w = outlet.windkessel
            parts = [("Rp", w.proximal), ("C", w.compliance), ("Rd", w.distal)]
        else:
            parts = [("R", outlet.resistance)] if outlet.resistance else [("P", outlet.pressure)]
        self._found.setText("   ".join(f"{name} {_short(value)}" for name, value in parts))
        self._found.setToolTip("What the targets come to at this opening")
        self._found.show()

    def show_percent(self, on: bool) -> None:
        shown = on and not self.is_inlet and self.model.currentData() == "targets"
        self.percent.setVisible(shown)
        self._size.setVisible(not shown and not self.is_inlet)

    def outlet(self) -> dict[str, Any]:
        """The outlet of a case.

        Raises
        ------
        BadInput
            Naming the field that is wrong.
        """
        values = {}
        for key, field in self.fields.items():
            try:
                values[key] = field.quantity
                number = parse(field.quantity, field.dimension)
            except BadInput as error:
                raise BadInput(f"At '{said(self.cap.name)}': {error.sentence.rstrip('.')}") from error
            if field.dimension != "pressure" and number <= 0:
                raise BadInput(
                    f"A {field.dimension} of {field.text()} at '{said(self.cap.name)}' is not possible",
                    remedy="Give a positive value.",
                )
        if self.model.currentData() == "windkessel":
            return {"cap": self.cap.name, "windkessel": values}
        return {"cap": self.cap.name, **values}


class Openings(QWidget):
    """Target pressures and split, and a card for each opening."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.systolic = Field(
            "120 mmHg",
            "pressure",
            "Highest pressure of the beat, at the outlets: what the vessel itself loses comes on top",
        )
        self.diastolic = Field("80 mmHg", "pressure", "Lowest pressure of the beat, at the outlets")
        self.split = calm(QComboBox())
        self.split.addItem("by size (Murray)", "murray")
        self.split.addItem("in percent", "percent")
        self.split.setToolTip("How the outflow divides: as the cube of the radius (Murray's law), or as you say")
        self.rows = form()
        self.rows.addRow("Systolic", self.systolic)
        self.rows.addRow("Diastolic", self.diastolic)
        self.rows.addRow("Split", self.split)
        self.cards: list[OpeningCard] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self.rows)
        column.addLayout(self._list)
        for field in (self.systolic, self.diastolic):
            field.changed.connect(self.changed)
        self.split.currentIndexChanged.connect(lambda _i: self._change())

    def offer(self, caps: tuple[Cap, ...]) -> None:
        """Take up the openings of a mesh."""
        for card in self.cards:
            card.hide()
            card.deleteLater()
        self.cards = [OpeningCard(cap) for cap in caps]
        for card in self.cards:
            card.changed.connect(self._change)
            self._list.addWidget(card)
        self._share_by_size()
        self._change()

    def _share_by_size(self) -> None:
        outlets = self.outlets
        total = sum(card.cap.radius_mm**3 for card in outlets)
        for card in outlets:
            card.percent.setValue(100.0 * card.cap.radius_mm**3 / total)

    @property
    def inlets(self) -> list[OpeningCard]:
        return [card for card in self.cards if card.is_inlet]

    @property
    def outlets(self) -> list[OpeningCard]:
        return [card for card in self.cards if not card.is_inlet]

    @property
    def targeted(self) -> list[OpeningCard]:
        """Outlets that get their values from the targets."""
        return [card for card in self.outlets if card.model.currentData() == "targets"]

    def _change(self) -> None:
        percent = self.split.currentData() == "percent"
        for card in self.cards:
            card.show_percent(percent and len(self.targeted) > 1)
        for field in (self.systolic, self.diastolic):
            show_row(self.rows, field, bool(self.targeted))
        show_row(self.rows, self.split, len(self.targeted) > 1)
        self.changed.emit()

    def case(self) -> dict[str, Any]:
        """The outlets and targets of a case.

        Raises
        ------
        BadInput
            When blood could not come in or leave, or naming the field that is wrong.
        """
        if not self.inlets:
            raise BadInput(
                "No opening is an inlet, so no blood would come in", remedy="Set the role of one opening to in."
            )
        if not self.outlets:
            raise BadInput(
                "No opening is an outlet, so blood could not leave", remedy="Set the role of one opening to out."
            )
        made: dict[str, Any] = {"outlets": [card.outlet() for card in self.outlets]}
        if self.targeted:
            if parse(self.diastolic.quantity, "pressure") > parse(self.systolic.quantity, "pressure"):
                raise BadInput(
                    f"The diastolic pressure ({self.diastolic.text()}) is above the systolic one ({self.systolic.text()})",
                    remedy="Change one of them.",
                )
            made["targets"] = {"systolic": self.systolic.quantity, "diastolic": self.diastolic.quantity}
            if self.split.currentData() == "percent" and len(self.targeted) > 1:
                made["targets"]["split"] = self._percents()
        return made

    def show_values(self, outlets: tuple[Outlet, ...]) -> None:
        """Say which values the targets come to."""
        known = {outlet.cap: outlet for outlet in outlets}
        for card in self.cards:
            card.show_values(known.get(card.cap.name))

    def _percents(self) -> dict[str, float]:
        shares = {card.cap.name: card.percent.value() for card in self.targeted}
        total = sum(shares.values())
        if len(self.targeted) == len(self.outlets) and abs(total - 100.0) > 0.5:
            raise BadInput(
                f"The outlets share {total:.1f} % of the flow", remedy="Change the shares so that they make 100 %."
            )
        return shares


def _short(quantity: str) -> str:
    """ "1.23456789 mmHg*s/mL" with three figures."""
    value, _, unit = quantity.partition(" ")
    return f"{float(value):.3g} {unit}".replace("*", "·")


def said(name: str) -> str:
    """The name of an opening as people read it."""
    return name.replace("_", " ")
