"""What files of readings often do not tell: time zone, order of dates, units, and which of several patients."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

from PySide6.QtCore import QTimeZone
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from organtwin.errors import BadInput
from organtwin_gui.forms import form

ORDERS = (
    ("As the file tells", ""),
    ("Day first: 03/04 is 3 April", "day-first"),
    ("Month first: 03/04 is March 4", "month-first"),
)
_UNIT = re.compile(r"\s*([^=,;]+?)\s*=\s*([^=,;]+?)\s*")


class Untold(QWidget):
    """Asked for when a file needs it; used only where it does not tell by itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zone = QComboBox()
        self.zone.setEditable(True)
        self.zone.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.zone.setMinimumContentsLength(8)
        self.zone.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        here = bytes(QTimeZone.systemTimeZoneId().data()).decode()
        self.zone.addItems(["", *dict.fromkeys([here, *sorted(available_timezones())])])
        self.zone.lineEdit().setPlaceholderText("UTC")
        self.zone.setToolTip(
            "Where the patient lives, for times that tell no zone: Europe/Berlin. Empty: they are taken for UTC"
        )
        self.order = QComboBox()
        for words, key in ORDERS:
            self.order.addItem(words, key)
        self.order.setToolTip("Which comes first in dates such as 03/04/2025, where no date of the file tells")
        self.units = QLineEdit()
        self.units.setPlaceholderText("weight=kg, glucose=mmol/L")
        self.units.setToolTip("Units of readings whose file tells none, parted by commas; the others are set aside")
        self.patient = QLineEdit()
        self.patient.setPlaceholderText("all are of one")
        self.patient.setToolTip(
            "Whose readings to take of a file with several patients: the id that the file has for him or her"
        )
        rows = form()
        for name, widget in (
            ("Time zone", self.zone), ("Dates", self.order), ("Units", self.units), ("Patient", self.patient),
        ):  # fmt: skip
            rows.addRow(name, widget)
        self.setLayout(rows)

    def parameters(self) -> dict[str, object]:
        """Of an import; only what was told.

        Raises
        ------
        BadInput
            When the units cannot be read.
        """
        found: dict[str, object] = {
            "timezone": self.zone.currentText().strip(),
            "dates": self.order.currentData(),
            "patient": self.patient.text().strip(),
            "units": units_of(self.units.text()),
        }
        return {key: value for key, value in found.items() if value}


def units_of(text: str) -> dict[str, str]:
    """ "weight=kg, glucose=mmol/L" as units by reading.

    Raises
    ------
    BadInput
        When it is written otherwise.
    """
    found = {}
    for part in re.split("[,;]", text):
        if part.strip():
            match = _UNIT.fullmatch(part)
            if match is None:
                raise BadInput(f"'{part.strip()}' tells no unit of a reading", remedy="Write for example weight=kg.")
            found[match[1]] = match[2]
    return found
