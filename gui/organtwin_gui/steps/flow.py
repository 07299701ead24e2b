"""Flow: blood through a vessel mesh, set up in the terms of the clinic."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHeaderView, QLabel, QSpinBox, QTableWidget, QTableWidgetItem

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.units import parse
from organtwin_gui.forms import QuantityEdit, form, quiet
from organtwin_gui.steps.step import Step, fill, primary

NAME, ROLE, CONDITION = range(3)


class FlowStep(Step):
    name = "Flow"
    icon = "flow"
    purpose = "Solve the blood flow through a vessel mesh. Arrows on the openings show where blood goes in and out."

    def build(self) -> None:
        self.mesh = QComboBox()
        self.mesh.setToolTip("Which vessel mesh")
        self.mesh.currentIndexChanged.connect(lambda _i: self._offer_caps())
        self.inflow = QuantityEdit("5 L/min", "flow", 'Flow into the vessel, as in "5 L/min" or "83 mL/s"')
        self.profile = QComboBox()
        self.profile.addItem("Parabolic", "parabolic")
        self.profile.addItem("Flat", "flat")
        self.profile.setToolTip("How the inflow is spread over the inlet")
        self.mode = QComboBox()
        self.mode.addItem("Steady", "steady")
        self.mode.addItem("Pulsatile", "pulsatile")
        self.mode.setToolTip("Mean flow only, or heart beats")
        self.rate = QSpinBox()
        self.rate.setRange(20, 240)
        self.rate.setValue(75)
        self.rate.setSuffix(" /min")
        self.rate.setToolTip("Heart rate")
        self.beats = QSpinBox()
        self.beats.setRange(1, 10)
        self.beats.setValue(2)
        self.beats.setToolTip("Number of heart beats to compute")
        self.mode.currentIndexChanged.connect(lambda _i: self._show_mode())
        self._rate_label, self._beats_label = QLabel("Heart rate"), QLabel("Beats")
        rows = form()
        rows.addRow("Vessel", self.mesh)
        rows.addRow("Inflow", self.inflow)
        rows.addRow("Profile", self.profile)
        rows.addRow("Time", self.mode)
        rows.addRow(self._rate_label, self.rate)
        rows.addRow(self._beats_label, self.beats)
        self.page.addLayout(rows)
        self.caps = QTableWidget(0, 3)
        self.caps.setHorizontalHeaderLabels(["Opening", "Role", "Pressure"])
        self.caps.verticalHeader().hide()
        self.caps.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.caps.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        self.caps.setToolTip('What holds at each outlet: a pressure ("90 mmHg") or a resistance ("1.2 mmHg*s/mL")')
        self.caps.setMinimumHeight(170)
        self.page.addWidget(self.caps)
        self.run = primary("Solve flow", "run", "Start the flow solve as a job", "Ctrl+F")
        self.run.clicked.connect(self._start)
        self.page.addWidget(self.run)
        self.page.addWidget(quiet("Blood: 1.06 g/cm³, 3.5 mPa·s, Newtonian. Walls are rigid."))
        self._show_mode()

    def refresh(self) -> None:
        before = self.mesh.currentData()
        vessels = [m for m in self.bridge.entries("mesh") if m.facts.get("caps")]
        fill(self.mesh, vessels)
        if self.mesh.currentData() != before:
            self._offer_caps()
        self.run.setEnabled(bool(vessels) and not self.busy("flow"))
        self.run.setText("Solving" if self.busy("flow") else "Solve flow")

    def _show_mode(self) -> None:
        beating = self.mode.currentData() == "pulsatile"
        for widget in (self.rate, self.beats, self._rate_label, self._beats_label):
            widget.setVisible(beating)

    def _offer_caps(self) -> None:
        self.caps.setRowCount(0)
        uuid = self.mesh.currentData()
        if uuid is None:
            return
        mesh = self.bridge.get(uuid)
        assert isinstance(mesh, OrganMesh)
        self.caps.setRowCount(len(mesh.caps))
        for row, cap in enumerate(mesh.caps):
            name = QTableWidgetItem(cap.name.replace("_", " "))
            name.setData(Qt.ItemDataRole.UserRole, cap.name)
            name.setFlags(Qt.ItemFlag.ItemIsEnabled)
            name.setToolTip(f"{cap.area_mm2:.0f} mm², radius {cap.radius_mm:.1f} mm")
            role = QComboBox()
            role.addItem("in", "inlet")
            role.addItem("out", "outlet")
            role.setCurrentIndex(role.findData(cap.role))
            role.setToolTip("Blood goes in or out here")
            role.currentIndexChanged.connect(lambda _i, r=row: self._show_condition(r))
            self.caps.setItem(row, NAME, name)
            self.caps.setCellWidget(row, ROLE, role)
            self._show_condition(row)

    def _show_condition(self, row: int) -> None:
        role = self.caps.cellWidget(row, ROLE)
        assert isinstance(role, QComboBox)
        inlet = role.currentData() == "inlet"
        item = QTableWidgetItem("share of inflow" if inlet else "90 mmHg")
        item.setFlags(Qt.ItemFlag.ItemIsEnabled if inlet else Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsEditable)
        self.caps.setItem(row, CONDITION, item)

    def case(self) -> dict[str, Any]:
        """The case as it stands in the form.

        Raises
        ------
        BadInput
            Naming the field that is wrong.
        """
        mesh = self.bridge.get(self.mesh.currentData())
        assert isinstance(mesh, OrganMesh)
        inlets, outlets = [], []
        for row in range(self.caps.rowCount()):
            name = self.caps.item(row, NAME).data(Qt.ItemDataRole.UserRole)
            role = self.caps.cellWidget(row, ROLE)
            assert isinstance(role, QComboBox)
            if role.currentData() == "inlet":
                inlets.append(name)
            else:
                outlets.append({"cap": name, **condition(self.caps.item(row, CONDITION).text(), name)})
        if not inlets:
            raise BadInput(
                "No opening is an inlet, so no blood would come in", remedy="Set the role of one opening to in."
            )
        if not outlets:
            raise BadInput(
                "No opening is an outlet, so blood could not leave", remedy="Set the role of one opening to out."
            )
        total = parse(self.inflow.text(), "flow") / 1000.0  # mL/s
        areas = {name: mesh.cap(name).area_mm2 for name in inlets}
        waveform = "systolic" if self.mode.currentData() == "pulsatile" else "constant"
        numerics: dict[str, Any] = {"mode": self.mode.currentData()}
        if waveform == "systolic":
            numerics |= {"period": f"{60.0 / self.rate.value():.6g} s", "cycles": self.beats.value()}
        return {
            "name": f"Flow in {self.mesh.currentText()}, {self.mode.currentText().lower()} {self.inflow.text()}",
            "inlets": [
                {
                    "cap": name,
                    "flow": f"{total * areas[name] / sum(areas.values()):.8g} mL/s",
                    "profile": self.profile.currentData(),
                    "waveform": waveform,
                }
                for name in inlets
            ],
            "outlets": outlets,
            "numerics": numerics,
        }

    def _start(self) -> None:
        with self.bridge.guarded():
            case = self.case()
            self.bridge.start(
                "flow", {"mesh": self.mesh.currentData()}, {"case": case}, f"Flow, {self.mode.currentText().lower()}"
            )


def condition(text: str, cap: str) -> dict[str, str]:
    """What was typed for an outlet: a pressure or a resistance.

    Raises
    ------
    BadInput
        When it is neither.
    """
    for dimension in ("pressure", "resistance"):
        try:
            parse(text, dimension)
        except BadInput:
            continue
        return {dimension: text}
    raise BadInput(
        f"'{text}' at '{cap.replace('_', ' ')}' is neither a pressure nor a resistance",
        remedy='Write for example "90 mmHg" or "1.2 mmHg*s/mL".',
    )
