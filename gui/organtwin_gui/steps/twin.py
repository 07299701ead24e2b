"""Twin: fit a model of the body to the readings, and see what is to be expected."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QPushButton, QWidget

from organtwin.errors import BadInput
from organtwin.model import FlowCase, Forecast, TwinState
from organtwin.operations import names as operations
from organtwin.physiology import model as physiology
from organtwin.physiology.model import Physiology
from organtwin.timeline.days import DAY_S, clock
from organtwin.twin.inflow import SITES
from organtwin.twin.readings import codes_of
from organtwin.units import parse
from organtwin_gui import theme
from organtwin_gui.forms import QuantityEdit, form, quiet
from organtwin_gui.steps.step import Step, fill, primary, relabel
from organtwin_gui.timeline.gather import Gathered
from organtwin_gui.twin.board import TwinBoard
from organtwin_gui.twin.hearts import HeartDates

HORIZON = {"day": "90 days", "minute": "6 hours"}


class TwinStep(Step):
    name = "Twin"
    icon = "twin"
    patient = True
    purpose = "Fit a model of the body to the readings, and see what is to be expected."

    def build(self) -> None:
        self.board: TwinBoard | None = None
        self.all: Gathered | None = None
        self.model = QComboBox()
        self.model.setToolTip("Which part of the body is modelled")
        for name in physiology.names():
            self.model.addItem(physiology.find(name).title, name)
        self.model.currentIndexChanged.connect(lambda _i: self._model_chosen())
        rows = form()
        rows.addRow("Model", self.model)
        self.page.addLayout(rows)
        self._about = quiet("")
        self.page.addWidget(self._about)
        self.hearts = HeartDates()
        self.hearts.changed.connect(self.refresh)
        self.page.addWidget(self.hearts)
        self.run = primary("Calibrate", "calibrate", "Fit the model to the patient's readings", "Ctrl+Return")
        self.run.clicked.connect(self._calibrate)
        self.page.addWidget(self.run)
        self._missing = quiet("")
        self.page.addWidget(self._missing)
        self.page.addWidget(_rule())
        self._state_label = _heading("Version")
        self.page.addWidget(self._state_label)
        self.states = QComboBox()
        self.states.setToolTip("Which version of the twin is looked at, the newest first")
        self.states.currentIndexChanged.connect(lambda _i: self._show())
        self.page.addWidget(self.states)
        self._news = QLabel()
        self._news.setWordWrap(True)
        self._news.setObjectName("small")
        self.page.addWidget(self._news)
        self.update_button = self._button(
            "Update", "reset", "Take in the readings that are newer than the twin", "Ctrl+U", self._assimilate
        )
        self.flow = self._button("Use for flow", "flow", "Make the boundary conditions of a flow from this twin: its heart rate, output and pressures", "Ctrl+Shift+U", self._use_for_flow)  # fmt: skip
        self.page.addWidget(self.update_button)
        self.vessel = QComboBox()
        self.vessel.setToolTip("The vessel mesh whose flow is to be that of this patient")
        self.site = QComboBox()
        self.site.setToolTip("Where its inlet lies in the circulation; by itself where the mesh tells")
        self.site.addItem("As the mesh tells", "")
        for site in SITES:
            self.site.addItem(site.replace("-", " ").capitalize(), site)
        where = form()
        where.addRow("Vessel", self.vessel)
        where.addRow("Inlet", self.site)
        self._where = QWidget()
        self._where.setLayout(where)
        self._flow_parts = (_rule(), _heading("Flow in a vessel"), self._where, self.flow)
        for part in self._flow_parts:
            self.page.addWidget(part)
        self._case_said = quiet("")
        self.page.addWidget(self._case_said)
        self.solve = self._button(
            "Solve this flow", "run", "Solve the flow in the vessel under this twin's pressures and output", "Ctrl+Shift+F",
            self._solve,
        )  # fmt: skip
        self.page.addWidget(self.solve)
        self.page.addWidget(_rule())
        self._ahead_label = _heading("Look ahead")
        self.page.addWidget(self._ahead_label)
        self.horizon = QuantityEdit("90 days", "time", "How far ahead, with its unit: 6 hours, 30 days, 1 year")
        ahead = form()
        ahead.addRow("How far", self.horizon)
        self.page.addLayout(ahead)
        self.ahead = self._button(
            "Forecast", "forecast", "What is to be expected, with its uncertainty", "Ctrl+Shift+Return", self._forecast
        )
        self.page.addWidget(self.ahead)
        self._notes: list[str] = []
        self.about_fit = self._button(
            "How it was fitted",
            "sheet",
            "From which readings, what they tell, what would teach more",
            "Alt+W",
            self._say_notes,
        )
        self.about_fit.setObjectName("flat")
        self.about_fit.setCheckable(True)
        self.page.addWidget(self.about_fit)
        self._said = quiet("")
        self.page.addWidget(self._said)
        self._shown: tuple[object, ...] | None = None
        self._model_chosen()

    def _button(self, text: str, icon: str, tip: str, key: str, slot: object) -> QPushButton:
        button = QPushButton(text)
        button.setIcon(theme.icon(icon))
        button.setToolTip(f"{tip} ({key})")
        button.setShortcut(key)
        button.clicked.connect(slot)
        return button

    def attach(self, board: TwinBoard) -> None:
        """The board that this page is the hand of."""
        self.board = board
        self.refresh()

    def take_readings(self, all_: Gathered | None) -> None:
        """What the timeline gathered."""
        self.all = all_
        self._shown = None
        self.refresh()

    # -- state --------------------------------------------------------------------------------------------------------

    @property
    def physiology(self) -> Physiology | None:
        name = self.model.currentData()
        return physiology.find(name) if name else None

    def _model_chosen(self) -> None:
        model = self.physiology
        if model is not None:
            self._about.setText(model.about)
            self.horizon.setText(HORIZON[model.pace])
        if hasattr(self, "_said"):
            self._shown = None
            self.refresh()

    def refresh(self) -> None:
        model = self.physiology
        circulation = model is not None and model.name == "circulation"
        self.hearts.offer(self.bridge.entries("dynamic-segmentation"), self.bridge.entries("dynamic"))
        self.hearts.setVisible(circulation and bool(self.hearts.edits))
        there = self._codes_there(model) + (["Segmented heart"] if circulation and self.hearts.used else [])
        busy = self.busy("calibrate") or self.busy("assimilate")
        known = [e for e in self.bridge.entries("twin-state") if model and e.facts.get("model") == model.name]
        fill(self.states, known)
        offset_min = self.all.offset_s / 60.0 if self.all else 0.0
        for place, entry in enumerate(reversed(known)):
            if "at_s" in entry.facts:
                day = clock(entry.facts["at_s"], offset_min)
                self.states.setItemText(place, f"{day:%d %b %Y}, {entry.name}")
        have = self.states.count() > 0
        self.run.setEnabled(bool(there) and not busy and "calibrate" in operations())
        relabel(self.run, "Calibrating" if self.busy("calibrate") else "Calibrate again" if have else "Calibrate")
        if model is None:
            self._missing.setText("No models of the body are installed.")
        elif there:
            self._missing.setText(f"From: {', '.join(there)}")
        else:
            wanted = ", ".join(dict.fromkeys(r.title.lower() for r in model.readings if r.loinc))
            or_heart = " Or the day on which the heart was scanned, above." if circulation and self.hearts.edits else ""
            self._missing.setText(f"It needs readings of one or more of: {wanted}.{or_heart}")
        for widget in (
            self._state_label,
            self.states,
            self._news,
            self.update_button,
            self._ahead_label,
            self.horizon,
            self.ahead,
        ):
            widget.setEnabled(have)
        fill(self.vessel, [e for e in self.bridge.entries("mesh") if e.facts.get("caps")])
        vessels = self.vessel.count() > 0
        for part in self._flow_parts:
            part.setVisible(circulation and vessels and have)
        self.flow.setEnabled(have and vessels and not self.busy("twin-flow") and "twin-flow" in operations())
        self.ahead.setEnabled(have and not self.busy("forecast") and "forecast" in operations())
        case = self._case() if circulation and have else None
        self.solve.setVisible(case is not None)
        self.solve.setEnabled(not self.busy("flow"))
        self._case_said.setVisible(case is not None)
        if case is not None:
            self._case_said.setText(case.name)
            self._case_said.setToolTip("\n".join(case.notes).replace("mm[Hg]", "mmHg"))
        relabel(self.ahead, "Forecasting" if self.busy("forecast") else "Forecast")
        self._show()

    def _codes_there(self, model: Physiology | None) -> list[str]:
        """Titles of the model's readings that were measured."""
        if model is None or self.all is None:
            return []
        timeline = self.all.timeline
        return [r.title for r in model.readings if any(code in timeline for code in codes_of(r.loinc))]

    def state(self) -> TwinState | None:
        uuid = self.states.currentData()
        found = self.bridge.get(uuid) if uuid else None
        return found if isinstance(found, TwinState) else None

    def newer(self, state: TwinState, model: Physiology) -> int:
        """How many readings of the model came after those that the twin knows."""
        if self.all is None:
            return 0
        count = 0
        for code in {code for r in model.readings for code in codes_of(r.loinc)}:
            if code in self.all.timeline:
                times = self.all.timeline.series(code).times_s
                count += len(times) - int(np.searchsorted(times, state.at_s + 1.0))
        return count

    def _show(self) -> None:
        model = self.physiology
        if self.board is None or model is None:
            return
        with self.bridge.guarded():
            state = self.state()
            if state is None:
                self._news.setText("")
                self.update_button.setEnabled(False)
                self._notes = []
                self._say_notes()
                self._shown = None
                if self.bridge.entries("observations") or self.hearts.used:
                    self.board.show_nothing(f"No twin of the {model.title.lower()} yet", "Press Calibrate: the model is fitted to the patient's readings, with what stays uncertain.")  # fmt: skip
                else:
                    self.board.show_nothing("No readings yet", "Import what was measured on the patient, on the page Readings. Then a model can be fitted to it.")  # fmt: skip
                return
            newer = self.newer(state, model)
            days = (self.all.now_s - state.at_s) / DAY_S if self.all else 0.0
            words = (
                f"{newer:,} readings came since, over {days:.0f} days." if newer else "It knows the newest readings."
            )
            self._news.setText(words.replace(",", "\u202f", 1) if newer else words)
            self._news.setObjectName("warning" if newer else "good")
            self._news.style().unpolish(self._news)
            self._news.style().polish(self._news)
            self.update_button.setEnabled(newer > 0 and not self.busy("assimilate") and "assimilate" in operations())
            forecast = self._forecast_of(state)
            self._notes = [note.replace("mm[Hg]", "mmHg") for note in state.notes]
            self._say_notes()
            wanted = (state.uuid, forecast.uuid if forecast else None, id(self.all))
            if wanted != self._shown:
                self._shown = wanted
                self.board.show_state(state, forecast, self.all)

    def _say_notes(self) -> None:
        """The notes of the fit are long: they are shown when they are asked for."""
        self.about_fit.setVisible(bool(self._notes))
        self._said.setVisible(self.about_fit.isChecked())
        self._said.setText("\n".join(f"• {note}" for note in self._notes))

    def _forecast_of(self, state: TwinState) -> Forecast | None:
        """The newest one of this twin that goes on as now; of another version of it where there is none."""
        entries = [
            e
            for e in reversed(self.bridge.entries("forecast"))
            if e.facts.get("model") == state.model and not e.facts.get("scenario")
        ]
        own = [e for e in entries if e.recipe and state.uuid in e.recipe.inputs.values()]
        for entry in own:
            found = self.bridge.get(entry.uuid)
            if isinstance(found, Forecast):
                return found
        return None

    # -- doing --------------------------------------------------------------------------------------------------------

    def inputs(self) -> dict[str, str]:
        """All imports, by role."""
        return {f"observations-{n + 1}": e.uuid for n, e in enumerate(self.bridge.entries("observations"))}

    def _calibrate(self) -> None:
        model = self.physiology
        if model is not None:
            hearts, dates = self.hearts.inputs() if model.name == "circulation" else ({}, {})
            parameters = {"model": model.name, **({"dates": dates} if dates else {})}
            self.bridge.start(
                "calibrate", {**self.inputs(), **hearts}, parameters, f"Calibrate the {model.title.lower()}"
            )

    def _assimilate(self) -> None:
        state = self.state()
        if state is not None:
            self.bridge.start("assimilate", {"state": state.uuid, **self.inputs()}, {}, f"Update {state.name}")

    def _use_for_flow(self) -> None:
        state, mesh = self.state(), self.vessel.currentData()
        if state is not None and mesh is not None:
            parameters = {"site": self.site.currentData() or ""}
            self.bridge.start("twin-flow", {"mesh": mesh, "state": state.uuid}, parameters, "Flow case from the twin")

    def _case(self) -> FlowCase | None:
        """The newest flow case that was made from the twin that is looked at."""
        state = self.states.currentData()
        meshes = {e.uuid for e in self.bridge.entries("mesh")}
        for entry in reversed(self.bridge.entries("flow_case")):
            inputs = entry.recipe.inputs if entry.recipe else {}
            if inputs.get("state") == state and inputs.get("mesh") in meshes:
                found = self.bridge.get(entry.uuid)
                return found if isinstance(found, FlowCase) else None
        return None

    def _solve(self) -> None:
        case = self._case()
        if case is not None and case.recipe is not None:
            told = case.model_dump(mode="json", exclude={"uuid", "created", "recipe", "replaces", "notes"})
            self.bridge.start("flow", {"mesh": case.recipe.inputs["mesh"]}, {"case": told}, case.name)

    def _forecast(self) -> None:
        state = self.state()
        if state is None:
            return
        with self.bridge.guarded():
            days = days_of(self.horizon)
            self.bridge.start(
                "forecast",
                {"state": state.uuid, **self.inputs()},
                {"days": days},
                f"Forecast {self.horizon.text().strip()}",
            )


def days_of(edit: QuantityEdit) -> float:
    """How far ahead a person wants to look, in days.

    Raises
    ------
    BadInput
        When it is no time, or none at all.
    """
    text = edit.quantity
    if text is None or parse(text, "time") <= 0:
        raise BadInput("A forecast must go some time ahead", remedy="Write how far with its unit, such as 90 days.")
    return parse(text, "time") / DAY_S


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("title")
    return label


def _rule() -> QFrame:
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    return line
