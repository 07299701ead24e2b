"""Tissue: hold an organ somewhere, pull or press it elsewhere, and see how it gives way."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QPushButton

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.model.tissue_case import Material
from organtwin.model.tissues import material
from organtwin_gui import theme
from organtwin_gui.forms import QuantityEdit, form, quiet
from organtwin_gui.steps.step import Step, fill, primary, relabel
from organtwin_gui.views.state import Tool

DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "up (to the head)": (0, 0, 1),
    "down (to the feet)": (0, 0, -1),
    "front": (0, -1, 0),
    "back": (0, 1, 0),
    "patient's left": (1, 0, 0),
    "patient's right": (-1, 0, 0),
}


def directions(tip: str, chosen: str) -> QComboBox:
    box = QComboBox()
    for label, vector in DIRECTIONS.items():
        box.addItem(label, vector)
    box.setCurrentText(chosen)
    box.setToolTip(tip)
    return box


class TissueStep(Step):
    name = "Tissue"
    icon = "tissue"
    purpose = "Solve how an organ gives way: hold it at one side, pull or press it at another."

    def build(self) -> None:
        self.mesh = QComboBox()
        self.mesh.setToolTip("Which organ mesh")
        self.mesh.currentIndexChanged.connect(lambda _i: self._take_stiffness())
        self.young = QuantityEdit("5 kPa", "pressure", "Young's modulus of the tissue")
        self.poisson = QDoubleSpinBox()
        self.poisson.setRange(0.0, 0.4999)
        self.poisson.setDecimals(4)
        self.poisson.setSingleStep(0.01)
        self.poisson.setValue(0.45)
        self.poisson.setToolTip(
            "Poisson's ratio; from 0.49 on the solver switches to a displacement-pressure form that does not lock"
        )
        self.fixed = directions("Which side is held", "up (to the head)")
        self.kind = QComboBox()
        for label, key in (("Pull", "pull"), ("Press with a force", "press"), ("Gravity only", "gravity")):
            self.kind.addItem(label, key)
        self.kind.setToolTip("What is done to the organ")
        self.kind.currentIndexChanged.connect(lambda _i: self._show_kind())
        self.where = directions("Which side is pulled or pressed", "down (to the feet)")
        self.where.addItem("at the picked point", "picked")
        self.pick = QPushButton("Pick a point")
        self.pick.setIcon(theme.icon("pick"))
        self.pick.setToolTip("Then click on the organ in the 3D view or in a slice")
        self.pick.setCheckable(True)
        self.pick.clicked.connect(lambda on: setattr(self.scene, "tool", Tool.PICK if on else Tool.NAVIGATE))
        self.toward = directions("Which way it is moved or pressed", "front")
        self.distance = QDoubleSpinBox()
        self.distance.setRange(0.1, 200)
        self.distance.setValue(15)
        self.distance.setSuffix(" mm")
        self.distance.setToolTip("How far it is pulled")
        self.force = QuantityEdit("1 N", "force", "Total force")
        self.gravity = QCheckBox("Gravity, lying on the back")
        self.gravity.setToolTip("The organ also carries its own weight")
        self._labels = {name: QLabel(name) for name in ("Where", "Direction", "Distance", "Force")}
        rows = form()
        rows.addRow("Organ", self.mesh)
        self._source = quiet("")
        rows.addRow("Stiffness", self.young)
        rows.addRow("Poisson", self.poisson)
        rows.addRow(self._source)
        rows.addRow("Held at", self.fixed)
        rows.addRow("Action", self.kind)
        rows.addRow(self._labels["Where"], self.where)
        rows.addRow("", self.pick)
        rows.addRow(self._labels["Direction"], self.toward)
        rows.addRow(self._labels["Distance"], self.distance)
        rows.addRow(self._labels["Force"], self.force)
        rows.addRow(self.gravity)
        self.page.addLayout(rows)
        self.run = primary("Solve tissue", "run", "Start the tissue solve as a job", "Ctrl+T")
        self.run.clicked.connect(self._start)
        self.page.addWidget(self.run)
        self._said = quiet("")
        self.page.addWidget(self._said)
        self._picked: np.ndarray | None = None
        self._known = Material()
        self.scene.picked.connect(self.take_point)
        self.scene.tool_changed.connect(lambda tool: self.pick.setChecked(tool is Tool.PICK))
        self._show_kind()

    def refresh(self) -> None:
        before = self.mesh.currentData()
        organs = [m for m in self.bridge.entries("mesh") if not m.facts.get("caps")]
        fill(self.mesh, organs)
        if self.mesh.currentData() != before:
            self._take_stiffness()
        self.run.setEnabled(bool(organs) and not self.busy("tissue"))
        relabel(self.run, "Solving" if self.busy("tissue") else "Solve tissue")

    def take_point(self, xyz_mm: np.ndarray) -> None:
        """Grasp at this point of the surface from now on."""
        self._picked = np.asarray(xyz_mm, dtype=float)
        self.where.setCurrentIndex(self.where.findData("picked"))
        self.scene.tool = Tool.NAVIGATE
        x, y, z = self._picked
        self._said.setText(f"Grasp at L {x:.0f}, P {y:.0f}, S {z:.0f} mm, 15 mm around it.")

    def _take_stiffness(self) -> None:
        uuid = self.mesh.currentData()
        if uuid is None or self.bridge.document is None:
            return
        try:
            known = material(self.bridge.document.entry(uuid).facts["structure"])
        except BadInput:
            known = Material()
        self._known = known
        self.young.setText(known.young)
        self.poisson.setValue(known.poisson)
        self._source.setText(
            f"Stiffness: {known.source}."
            if known.source
            else "Stiffness: no published value for this structure; a guess."
        )

    def _show_kind(self) -> None:
        kind = self.kind.currentData()
        for widget in (self.where, self._labels["Where"], self.pick, self.toward, self._labels["Direction"]):
            widget.setVisible(kind != "gravity")
        for widget in (self.distance, self._labels["Distance"]):
            widget.setVisible(kind == "pull")
        for widget in (self.force, self._labels["Force"]):
            widget.setVisible(kind == "press")
        self.gravity.setChecked(kind == "gravity" or self.gravity.isChecked())
        self.gravity.setEnabled(kind != "gravity")

    def case(self) -> dict[str, Any]:
        """The case as it stands in the form.

        Raises
        ------
        BadInput
            Naming what is missing.
        """
        mesh = self.bridge.get(self.mesh.currentData())
        assert isinstance(mesh, OrganMesh)
        case: dict[str, Any] = {
            "name": f"{self.mesh.currentText()}, {self.kind.currentText().lower()} {self.toward.currentText()}",
            "material": self._material(),
            "fixed": [{"toward": list(self.fixed.currentData()), "fraction": 0.2}],
        }
        toward = np.asarray(self.toward.currentData(), dtype=float)
        kind = self.kind.currentData()
        if kind == "pull":
            case["pulls"] = [{"region": self._region(), "displacement_mm": (self.distance.value() * toward).tolist()}]
        elif kind == "press":
            case["presses"] = [{"region": self._region(), "force": self.force.quantity, "direction": toward.tolist()}]
        if self.gravity.isChecked():
            case["gravity"] = [0.0, 1.0, 0.0]
        return case

    def _material(self) -> dict[str, Any]:
        """The published material where its values stand unchanged, else a neo-Hookean one of the values typed."""
        young, poisson = self.young.quantity, self.poisson.value()
        if young == self._known.young and poisson == self._known.poisson:
            return self._known.model_dump(mode="json")
        return {"young": young, "poisson": poisson, "source": "chosen by hand"}

    def _region(self) -> dict[str, Any]:
        where = self.where.currentData()
        if where != "picked":
            return {"toward": list(where), "fraction": 0.08}
        if self._picked is None:
            raise BadInput("No point has been picked yet", remedy="Press Pick a point, then click on the organ.")
        return {"centre_mm": self._picked.tolist(), "radius": "15 mm"}

    def _start(self) -> None:
        with self.bridge.guarded():
            case = self.case()
            name = self.mesh.currentText()
            self.bridge.start(
                "tissue", {"mesh": self.mesh.currentData()}, {"case": case}, f"{self.kind.currentText()}: {name}"
            )
