"""Mesh: from labels to a smooth surface and tetrahedra with named openings."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QPushButton

from organtwin.model.terminology import structure
from organtwin_gui import theme
from organtwin_gui.forms import QuantityEdit, form, quiet
from organtwin_gui.steps.step import Step, fill, primary, relabel

NOT_MESHED = {"body", "lung_right", "lung_left", "bone", "blood_pool"}


class MeshStep(Step):
    name = "Mesh"
    icon = "mesh"
    purpose = (
        "Turn a structure into a smooth closed surface and into tetrahedra. A vessel's openings are cut flat and named."
    )

    def build(self) -> None:
        self.source = QComboBox()
        self.source.setToolTip("Which segmentation to take the structure from")
        self.source.currentIndexChanged.connect(lambda _i: self._offer_structures())
        self.structure = QComboBox()
        self.structure.setToolTip("Which structure to mesh")
        self.edge = QuantityEdit(
            "",
            "length",
            'Edge length of the tetrahedra, as in "2 mm"; empty: chosen from size and vessel radius',
            optional=True,
        )
        rows = form()
        rows.addRow("From", self.source)
        rows.addRow("Structure", self.structure)
        rows.addRow("Edge", self.edge)
        self.page.addLayout(rows)
        self.run = primary("Mesh", "run", "Make the surface and the tetrahedra", "Ctrl+M")
        self.run.clicked.connect(self._start)
        self.page.addWidget(self.run)
        self._made = quiet("")
        self.page.addWidget(self._made)
        self._heading = QLabel("Flow extensions")
        self.page.addWidget(self._heading)
        self._about = quiet(
            "Straight tubes at the openings of a vessel, for the flow to develop in before it is looked at."
        )
        self.page.addWidget(self._about)
        self.vessel = QComboBox()
        self.vessel.setToolTip("Which vessel mesh to extend")
        self.diameters = QDoubleSpinBox()
        self.diameters.setRange(0.5, 30)
        self.diameters.setSingleStep(0.5)
        self.diameters.setDecimals(1)
        self.diameters.setValue(5)
        self.diameters.setSuffix(" diameters")
        self.diameters.setToolTip("Length of each tube, in diameters of its opening")
        more = form()
        more.addRow("Vessel", self.vessel)
        more.addRow("Length", self.diameters)
        self.page.addLayout(more)
        self.extend = QPushButton("Extend openings")
        self.extend.setIcon(theme.icon("margin"))
        self.extend.setShortcut("Ctrl+Shift+M")
        self.extend.setToolTip("Add a straight tube at every opening, as a new mesh (Ctrl+Shift+M)")
        self.extend.clicked.connect(self._extend)
        self.page.addWidget(self.extend)
        self._extension = (
            self._heading, self._about, self.vessel, self.diameters, self.extend,
            more.labelForField(self.vessel), more.labelForField(self.diameters),
        )  # fmt: skip

    def refresh(self) -> None:
        fill(self.source, self.bridge.entries("segmentation"))
        self._offer_structures()
        self.run.setEnabled(self.structure.count() > 0 and not self.busy("mesh"))
        relabel(self.run, "Meshing" if self.busy("mesh") else "Mesh")
        meshes = self.bridge.entries("mesh")
        open_ones = [
            m for m in meshes if len(m.facts.get("boundaries", ())) > 1 and structure(m.facts["structure"]).vessel
        ]
        fill(self.vessel, open_ones)
        for widget in self._extension:
            widget.setVisible(bool(open_ones))
        self.extend.setEnabled(bool(open_ones) and not self.busy("extend"))
        relabel(self.extend, "Extending" if self.busy("extend") else "Extend openings")
        self._made.setText("\n".join(f"• {m.name}: {m.facts['report'].get('tets', 0):,.0f} tetrahedra" for m in meshes))

    def _offer_structures(self) -> None:
        chosen = self.structure.currentData()
        self.structure.clear()
        uuid = self.source.currentData()
        if uuid is None or self.bridge.document is None:
            return
        segments = self.bridge.document.entry(uuid).facts["segments"]
        keys = [s["key"] for s in segments]
        for key in sorted(keys, key=lambda k: (k in NOT_MESHED, not structure(k).vessel, keys.index(k))):
            self.structure.addItem(next(s["name"] for s in segments if s["key"] == key), key)
        index = self.structure.findData(chosen)
        self.structure.setCurrentIndex(max(index, 0) if keys else -1)

    def _start(self) -> None:
        with self.bridge.guarded():
            parameters: dict[str, Any] = {"structure": self.structure.currentData()}
            if edge := self.edge.quantity:
                parameters["edge"] = edge
            label = f"Mesh {self.structure.currentText()}"
            self.bridge.start("mesh", {"segmentation": self.source.currentData()}, parameters, label)

    def _extend(self) -> None:
        uuid = self.vessel.currentData()
        if uuid is not None:
            label = f"Extend {self.vessel.currentText()}"
            self.bridge.start("extend", {"mesh": uuid}, {"diameters": self.diameters.value()}, label)
