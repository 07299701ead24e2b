"""Flow: blood through a vessel mesh, set up in the terms of the clinic."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox

from organtwin.errors import BadInput
from organtwin.model import FlowCase, OrganMesh, Result
from organtwin.operations import names
from organtwin_gui.draft import Draft
from organtwin_gui.forms import form
from organtwin_gui.steps.flow_estimate import Estimate
from organtwin_gui.steps.flow_fields import calm, caption
from organtwin_gui.steps.flow_inflow import Inflow
from organtwin_gui.steps.flow_numerics import Numerics
from organtwin_gui.steps.flow_outlets import Openings, said
from organtwin_gui.steps.step import Step, fill, primary, relabel

ESTIMATE, CHECK, SOLVE = "lumped", "flow-check", "flow"
NUMERICS = "numerics"  # the place in the form that a finding about steps speaks of


class FlowStep(Step):
    """Signals: ``shown(uuid, roles)`` says which mesh the page is about, with the role of each opening; None when it is left."""

    name = "Flow"
    icon = "flow"
    purpose = "Solve the blood flow through a vessel. Arrows on the openings show where blood goes in and out."
    shown = Signal(object, dict)

    def build(self) -> None:
        self.mesh = calm(QComboBox())
        self.mesh.setToolTip("Which vessel mesh")
        self.mesh.currentIndexChanged.connect(lambda _i: self._offer_openings())
        rows = form()
        rows.addRow("Vessel", self.mesh)
        self.page.addLayout(rows)
        self.page.addWidget(caption("Blood coming in"))
        self.inflow = Inflow()
        self.page.addWidget(self.inflow)
        self.page.addWidget(caption("Openings"))
        self.openings = Openings()
        self.page.addWidget(self.openings)
        self.numerics = Numerics()
        self.page.addWidget(self.numerics)
        self.estimate = Estimate()
        self.estimate.findings.picked.connect(self._go_to)
        self.page.addWidget(self.estimate)
        self._draft = Draft(self.bridge)
        self._draft.asked.connect(self.estimate.wait)
        self._draft.answered.connect(self._take_estimate)
        self._draft.failed.connect(self.estimate.fail)
        self._check = Draft(self.bridge)
        self._check.answered.connect(self._take_check)
        self._check.failed.connect(lambda sentence: self.estimate.show_findings([f"error: {sentence}"]))
        for part in (self.inflow, self.openings, self.numerics):
            part.changed.connect(self._changed)
        self.run = primary("Solve flow", "run", "Start the flow solve as a job", "Ctrl+F")
        self.run.clicked.connect(self._start)
        self.foot().addWidget(self.run)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._changed()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.shown.emit(None, {})

    def refresh(self) -> None:
        before = self.mesh.currentData()
        vessels = [m for m in self.bridge.entries("mesh") if m.facts.get("caps")]
        fill(self.mesh, vessels)
        if self.mesh.currentData() != before:
            self._offer_openings()
        self.run.setEnabled(bool(vessels) and not self.busy(SOLVE))
        relabel(self.run, "Solving" if self.busy(SOLVE) else "Solve flow")

    def _offer_openings(self) -> None:
        uuid = self.mesh.currentData()
        mesh = self.bridge.get(uuid) if uuid is not None and self.bridge.is_open else None
        if isinstance(mesh, OrganMesh):
            self.inflow.suggest(mesh)
        caps = mesh.caps if isinstance(mesh, OrganMesh) else ()
        self.openings.offer(caps)
        named = {f"'{name}'": (cap.name, said(cap.name)) for cap in caps for name in (cap.name, said(cap.name))}
        self.estimate.findings.places = {
            **named,
            "steps_per_cycle": (NUMERICS, "steps a beat"),
            " cfl ": (NUMERICS, " CFL "),
        }

    # -- the case -------------------------------------------------------------------------------------------------

    def case(self) -> dict[str, Any]:
        """The case as it stands in the form.

        Raises
        ------
        BadInput
            Naming the field that is wrong.
        """
        outlets = self.openings.case()
        inlets = self.openings.inlets
        area = sum(card.cap.area_mm2 for card in inlets)
        beating = self.inflow.beating
        return {
            "name": f"Flow in {self.mesh.currentText()}, {'beats' if beating else 'steady'}, {self.inflow.words()}",
            "blood": self.numerics.blood(),
            "inlets": [{"cap": c.cap.name, **self.inflow.inlet(c.cap.area_mm2 / area)} for c in inlets],
            **outlets,
            "numerics": self.numerics.numerics(beating=beating, period_s=self.inflow.period_s),
        }

    def _start(self) -> None:
        with self.bridge.guarded():
            case = self.case()
            inputs = {"mesh": self.mesh.currentData()}
            label = f"Flow in {self.mesh.currentText()}, {'beats' if self.inflow.beating else 'steady'}"
            self.bridge.start(SOLVE, inputs, {"case": case}, label, ranks=self.numerics.ranks.value())

    # -- the estimate ---------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Something in the form is different: arrows and estimate follow, while the page is looked at."""
        self.numerics.show_beats(self.inflow.beating)
        if not self.isVisible():
            return
        uuid = self.mesh.currentData()
        if uuid is None:
            self._draft.forget()
            self.estimate.clear("Make a vessel mesh first.")
            self.shown.emit(None, {})
            return
        self.shown.emit(uuid, {card.cap.name: card.role.currentData() for card in self.openings.cards})
        self.ask_estimate()

    def ask_estimate(self) -> None:
        """Ask the 0D model for the form as it stands."""
        uuid = self.mesh.currentData()
        if uuid is None or not self.bridge.is_open:
            return
        try:
            case = self.case()
        except BadInput as error:
            self._draft.forget()
            self._check.forget()
            self.estimate.fail(error.sentence)
            return
        if CHECK in names():
            self._check.ask(CHECK, {"mesh": uuid}, {"case": case})
        if ESTIMATE in names():
            line = self.bridge.latest("centerline", mesh=uuid)  # spares the model finding it again
            self._draft.ask(ESTIMATE, {"mesh": uuid} | ({"line": line.uuid} if line else {}), {"case": case})
        else:
            self.estimate.clear("The 0D model is not installed.")

    def _go_to(self, place: str) -> None:
        """Show what a finding speaks of: an opening, in the form and in the views, or the steps of a beat."""
        if place == NUMERICS:
            self.numerics.button.setChecked(True)
            self.ensureWidgetVisible(self.numerics.steps)
            self.numerics.steps.setFocus()
        for card in self.openings.cards:
            if card.cap.name == place:
                self.ensureWidgetVisible(card)
                card.role.setFocus()
                self.scene.cursor.move(np.array(card.cap.centre_mm))

    def _take_estimate(self, made: list[Any]) -> None:
        result = next((thing for thing in made if isinstance(thing, Result)), None)
        if result is None:
            self.estimate.clear()
        else:
            self.estimate.show_result(result, [card.cap.name for card in self.openings.cards])

    def _take_check(self, made: list[Any]) -> None:
        case = next((thing for thing in made if isinstance(thing, FlowCase)), None)
        if case is not None:
            self.estimate.show_findings(list(case.notes))
            self.openings.show_values(case.outlets)
