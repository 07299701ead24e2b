"""Try out: scenarios made of interventions, tried on the twin, and compared with going on as now."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from uuid import uuid4

from PySide6.QtWidgets import QComboBox, QMenu, QPushButton, QVBoxLayout, QWidget

from organtwin.errors import OrganTwinError
from organtwin.jobs import Job, JobState
from organtwin.model import Forecast, Intervention, Observations, Scenario
from organtwin.operations import names as operations
from organtwin.physiology import model as physiology
from organtwin.store import Entry
from organtwin.twin.scenario import already
from organtwin_gui import theme
from organtwin_gui.forms import QuantityEdit, form, quiet
from organtwin_gui.scenarios.acts import AS_NOW, changed, name_of
from organtwin_gui.scenarios.board import ScenarioBoard
from organtwin_gui.scenarios.cards import Card
from organtwin_gui.scenarios.intervention_dialog import InterventionDialog
from organtwin_gui.scenarios.table import Tried
from organtwin_gui.steps.step import Step, primary, relabel
from organtwin_gui.steps.twin import HORIZON, days_of
from organtwin_gui.timeline.gather import Gathered
from organtwin_gui.twin.trends import OKABE_ITO

NOW_COLOUR = "#9aa5b1"
MOST = 6


class TryOutStep(Step):
    name = "Try out"
    icon = "try_out"
    patient = True
    purpose = "Try treatments on the twin before one is chosen."

    def build(self) -> None:
        self.board: ScenarioBoard | None = None
        self.all: Gathered | None = None
        self._off: set[str] = set()  # scenarios that are not to be compared
        self.model = QComboBox()
        self.model.setToolTip("On which twin: those that were calibrated")
        self.model.currentIndexChanged.connect(lambda _i: self._model_chosen())
        self.horizon = QuantityEdit("90 days", "time", "How far ahead, with its unit: 6 hours, 30 days, 1 year")
        self.horizon.editingFinished.connect(self.refresh)
        rows = form()
        rows.addRow("Twin of", self.model)
        rows.addRow("How far", self.horizon)
        self.page.addLayout(rows)
        self.new = QPushButton("New scenario")
        self.new.setIcon(theme.icon("add"))
        self.new.setToolTip("Begin a scenario with something that can be done (Alt+N)")
        self.new.setShortcut("Alt+N")
        self.new.clicked.connect(lambda: self.add_scenario())
        self.page.addWidget(self.new)
        self._missing = quiet("")
        self.page.addWidget(self._missing)
        holder = QWidget()
        self._cards = QVBoxLayout(holder)
        self._cards.setContentsMargins(0, 0, 0, 0)
        self._cards.setSpacing(8)
        self.page.addWidget(holder)
        self.cards: list[Card] = []
        self._waiting: list[Scenario | None] = []  # forecasts are made one after the other: each takes all cores
        self.bridge.job_ended.connect(self._next)
        self.bridge.closed.connect(self._waiting.clear)
        foot = self.foot()
        self.run = primary(
            "Compare",
            "run",
            "Forecast every ticked scenario that has no forecast yet, and going on as now",
            "Ctrl+Return",
        )
        self.run.clicked.connect(self.compare)
        foot.addWidget(self.run)
        self._shown: tuple[object, ...] | None = None
        self._listed: list[tuple[object, ...]] = []

    def attach(self, board: ScenarioBoard) -> None:
        """The board that this page is the hand of."""
        self.board = board
        self.refresh()

    def take_readings(self, all_: Gathered | None) -> None:
        self.all = all_
        self._shown = None
        self.refresh()

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> Entry | None:
        """The newest twin of the chosen model."""
        name = self.model.currentData()
        return self.bridge.latest("twin-state", model=name) if name else None

    def scenarios(self) -> list[Scenario]:
        """In the order in which they were made; a version stands where the first one stood."""
        found = [s for e in self.bridge.entries("scenario") if isinstance(s := self.bridge.get(e.uuid), Scenario)]
        document = self.bridge.document
        if document is None:
            return []
        order = {e.uuid: n for n, e in enumerate(self.bridge.entries("scenario"))}
        return sorted(found, key=lambda s: (document.entry(document.project.root(s.uuid)).created, order[s.uuid]))

    def forecast_of(self, scenario: Scenario | None) -> Forecast | None:
        """The newest forecast of a scenario as it is now, from the newest twin, as far ahead as is asked for."""
        state = self.state
        if state is None:
            return None
        try:
            days = days_of(self.horizon)
        except ValueError:
            return None
        for entry in reversed(self.bridge.entries("forecast")):
            recipe = entry.recipe
            if (
                recipe is None
                or entry.facts.get("subject")
                or not self._same(scenario, entry.facts.get("scenario") or "")
            ):
                continue
            far = recipe.parameters.get("days", days)
            if recipe.inputs.get("state") == state.uuid and abs(float(far) - days) < 1e-6 * days:
                found = self.bridge.get(entry.uuid)
                if isinstance(found, Forecast):
                    return found
        return None

    def _same(self, scenario: Scenario | None, uuid: str) -> bool:
        """Whether a forecast's scenario is this one, or a version of it in which the same is done."""
        document = self.bridge.document
        if scenario is None or not uuid or document is None:
            return (scenario.uuid if scenario else "") == uuid
        if scenario.uuid == uuid:
            return True
        if document.project.root(scenario.uuid) != document.project.root(uuid):
            return False
        other = self.bridge.get(uuid)
        return isinstance(other, Scenario) and other.interventions == scenario.interventions

    def on(self, scenario: Scenario) -> bool:
        return scenario.uuid not in self._off

    def refresh(self) -> None:
        with self.bridge.guarded():
            self._offer_models()
            self._list()
            self._show()

    def _offer_models(self) -> None:
        there = [m for m in physiology.names() if self.bridge.latest("twin-state", model=m) is not None]
        if there != [self.model.itemData(n) for n in range(self.model.count())]:
            chosen = self.model.currentData()
            self.model.blockSignals(True)
            self.model.clear()
            for name in there:
                self.model.addItem(physiology.find(name).title, name)
            self.model.setCurrentIndex(max(self.model.findData(chosen), 0) if there else -1)
            self.model.blockSignals(False)
            if self.model.currentData() != chosen:
                self._model_chosen(refresh=False)
        have = self.model.count() > 0
        for widget in (self.model, self.horizon, self.new):
            widget.setEnabled(have)
        self._missing.setVisible(not have)
        self._missing.setText("It needs a twin: calibrate a model on the page Twin first.")

    def _model_chosen(self, *, refresh: bool = True) -> None:
        name = self.model.currentData()
        if name:
            self.horizon.setText(HORIZON[physiology.find(name).pace])
        if refresh:
            self.refresh()

    def _list(self) -> None:
        scenarios = self.scenarios() if self.model.count() else []
        busy = self.busy("forecast") or bool(self._waiting)
        rows = []
        for number, scenario in enumerate([None, *scenarios] if self.model.count() else []):
            colour = NOW_COLOUR if scenario is None else OKABE_ITO[(number - 1) % len(OKABE_ITO)]
            on = scenario is None or self.on(scenario)
            state = "" if not on or self.forecast_of(scenario) is not None else "working" if busy else "no forecast yet"
            rows.append((scenario, scenario.name if scenario else AS_NOW, colour, on, state, self._twice(scenario)))
        signature = [(s.uuid if s else "", *more) for s, *more in rows]
        if signature != self._listed:  # cards are made anew only when one differs
            self._listed = signature
            self._make_cards(rows)
        missing = [s for s in self._chosen(scenarios) if self.forecast_of(s) is None] if rows else []
        self.run.setEnabled(bool(missing) and not busy and "forecast" in operations())
        relabel(self.run, "Comparing" if busy else "Compare" if missing or len(scenarios) == 0 else "Compared")

    def _twice(self, scenario: Scenario | None) -> str:
        """What the patient takes already: the twin has learned its effect."""
        state = self.state
        if scenario is None or state is None or self.all is None:
            return ""
        with suppress(OrganTwinError):  # an intervention of another version
            imports = [self.bridge.get(e.uuid) for e in self.bridge.entries("observations")]
            told = [one for one in imports if isinstance(one, Observations)]
            return "\n".join(already(scenario, told, float(state.facts["at_s"])))
        return ""

    def _make_cards(self, rows: list[tuple[Scenario | None, str, str, bool, str, str]]) -> None:
        for card in self.cards:
            self._cards.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = []
        for scenario, name, colour, on, state, warning in rows:
            card = Card(scenario, name, colour, on, state, warning)
            if scenario is not None:
                card.ticked.connect(partial(self._tick, scenario))
                card.act_wanted.connect(partial(self.edit_act, scenario))
                card.act_removed.connect(partial(self._remove_act, scenario))
                card.renamed.connect(partial(self._rename, scenario))
                card.copied.connect(partial(self._copy, scenario))
                card.removed.connect(partial(self._remove, scenario))
                card.results_wanted.connect(partial(self._offer_results, scenario))
            self._cards.addWidget(card)
            self.cards.append(card)

    def _chosen(self, scenarios: list[Scenario]) -> list[Scenario | None]:
        return [None, *[s for s in scenarios if self.on(s)][: MOST - 1]]

    def _show(self) -> None:
        if self.board is None:
            return
        if self.model.count() == 0:
            self._shown = None
            self.board.show_nothing(
                "No twin yet", "Calibrate a model on the page Twin. Then treatments can be tried on it here."
            )
            return
        scenarios = self.scenarios()
        tried = []
        for scenario in self._chosen(scenarios):
            forecast = self.forecast_of(scenario)
            if forecast is not None:
                colour = NOW_COLOUR if scenario is None else OKABE_ITO[scenarios.index(scenario) % len(OKABE_ITO)]
                name, results = (scenario.name, scenario.results) if scenario else (AS_NOW, ())
                tried.append(Tried(name, colour, forecast, results))
        wanted = (*((t.forecast.uuid, t.name, t.results) for t in tried), id(self.all))
        if not tried or tried[0].name != AS_NOW:
            self._shown = None
            text = (
                "Press Compare: going on as now and every ticked scenario are forecast, and stand side by side here."
                if scenarios
                else "Press New scenario, and choose a drug, a change of life, a device or a procedure. Then press Compare."
            )
            self.board.show_nothing("Nothing is compared yet", text)
        elif wanted != self._shown:
            self._shown = wanted
            self.board.show_tried(self.model.currentData(), tried, self.all)

    # -- doing --------------------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Make what is not forecast yet, one after the other."""
        with self.bridge.guarded():
            days_of(self.horizon)
            self._waiting[:] = [s for s in self._chosen(self.scenarios()) if self.forecast_of(s) is None]
            self._start()

    def _start(self) -> None:
        """The next of those that wait; one that was changed or taken away meanwhile is passed over."""
        state = self.state
        live = {e.uuid for e in self.bridge.entries("scenario")}
        while self._waiting and state is not None:
            scenario = self._waiting.pop(0)
            if scenario is not None and scenario.uuid not in live:
                continue
            readings = {f"observations-{n + 1}": e.uuid for n, e in enumerate(self.bridge.entries("observations"))}
            inputs = {"state": state.uuid, **readings} | ({"scenario": scenario.uuid} if scenario else {})
            name = scenario.name if scenario else AS_NOW
            if self.bridge.start("forecast", inputs, {"days": days_of(self.horizon)}, f"Forecast: {name}") is not None:
                return

    def _next(self, job: Job) -> None:
        if job.spec.operation == "forecast" and self._waiting:
            if job.state is JobState.CANCELLED:
                self._waiting.clear()
                self.refresh()
            elif not self.busy("forecast"):
                with self.bridge.guarded():
                    self._start()

    def ask(self, act: Intervention | None = None) -> Intervention | None:
        """Let the person choose what is done, and how."""
        dialog = InterventionDialog(self.model.currentData() or "", act, self)
        chosen = dialog.act if dialog.exec() else None
        dialog.deleteLater()
        return chosen

    def add_scenario(self, acts: tuple[Intervention, ...] | None = None) -> None:
        """A scenario with something in it; it is asked for unless given."""
        if acts is None:
            act = self.ask()
            if act is None:
                return
            acts = (act,)
        self._do(Scenario(name=self._free(name_of(acts)), interventions=acts), "New scenario")

    def _free(self, name: str) -> str:
        taken = {s.name for s in self.scenarios()}
        number, found = 2, name
        while found in taken:
            found, number = f"{name} {number}", number + 1
        return found

    def edit_act(self, scenario: Scenario, place: int, act: Intervention | None = None) -> None:
        """Change an intervention, or add one (place -1)."""
        acts = list(scenario.interventions)
        act = act or self.ask(acts[place] if place >= 0 else None)
        if act is None:
            return
        if place >= 0:
            acts[place] = act
        else:
            acts.append(act)
        self._do(changed(scenario, acts), f"Change {scenario.name}")

    def _remove_act(self, scenario: Scenario, place: int) -> None:
        acts = [a for n, a in enumerate(scenario.interventions) if n != place]
        self._do(changed(scenario, acts), f"Change {scenario.name}")

    def _copy(self, scenario: Scenario) -> None:
        copy = Scenario(
            name=self._free(f"{scenario.name}, copy"), interventions=scenario.interventions, results=scenario.results
        )
        self._do(copy, f"Copy {scenario.name}")

    def _offer_results(self, scenario: Scenario, under: QWidget) -> None:
        menu = QMenu(self)
        for entry in self.bridge.entries("result"):
            if entry.facts["physics"] in ("flow", "tissue"):
                action = menu.addAction(entry.name)
                action.setCheckable(True)
                action.setChecked(entry.uuid in scenario.results)
                action.triggered.connect(partial(self._attach_result, scenario, entry.uuid))
        if menu.isEmpty():
            menu.addAction("No flow or tissue was solved yet").setEnabled(False)
        menu.exec(under.mapToGlobal(under.rect().bottomLeft()))

    def _attach_result(self, scenario: Scenario, uuid: str, on: bool) -> None:
        """What shows a scenario in 3D changes none of its numbers: its forecasts stay."""
        results = tuple(r for r in scenario.results if r != uuid) + ((uuid,) if on else ())
        new = scenario.with_(uuid=str(uuid4()), replaces=scenario.uuid, results=results, recipe=None)
        self._do(new, f"Result of {scenario.name}")

    def _do(self, scenario: Scenario, label: str) -> None:
        if self.bridge.document is not None:
            if scenario.replaces in self._off:
                self._off.add(scenario.uuid)
            self.setFocus()
            with self.bridge.guarded():
                self.bridge.document.add([scenario], label)

    def _rename(self, scenario: Scenario, name: str) -> None:
        if self.bridge.document is not None:
            with self.bridge.guarded():
                self.bridge.document.rename(scenario.uuid, name)

    def _remove(self, scenario: Scenario) -> None:
        if self.bridge.document is not None:
            with self.bridge.guarded():
                self.bridge.document.remove([scenario.uuid])

    def _tick(self, scenario: Scenario, on: bool) -> None:
        (self._off.discard if on else self._off.add)(scenario.uuid)
        self.refresh()
