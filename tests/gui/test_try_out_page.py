"""The page of scenarios: cards, what is done, comparisons with going on as now."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.scenarios.acts import kinds, name_of, said
from organtwin_gui.scenarios.intervention_dialog import InterventionDialog
from organtwin_gui.scenarios.table import ScenarioTable, Tried, change_words
from organtwin_gui.steps import TryOutStep
from organtwin_gui.twin.expected import there
from organtwin_gui.twin.trends import OKABE_ITO
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QLineEdit

from organtwin.document import Document
from organtwin.model import Intervention, Surface
from organtwin.twin import intervention as interventions

sys.path.insert(0, str(Path(__file__).parent))
import patients

DRUG = Intervention(kind="vasodilator", options={"drug": "amlodipine", "dose": "5 mg"})


def tetrahedron() -> Surface:
    points = np.array([[0, 0, 0], [40, 0, 0], [0, 40, 0], [0, 0, 40]], float)
    triangles = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    return Surface(name="Liver", structure="liver", points_mm=points, triangles=triangles)


@pytest.fixture
def state():
    return patients.state(patients.readings())


@pytest.fixture
def page(window, qtbot, tmp_path, state):
    document = Document.create(tmp_path / "patient.otwin")
    document.add([patients.readings(), state], "begin")
    document.close()
    window.open_project(tmp_path / "patient.otwin")
    window.workflow.go_to(TryOutStep)
    return window.workflow.step(TryOutStep)


def compared(window, page, state, change=-9.0):
    """A scenario and both forecasts, as if they had been made."""
    page.add_scenario((DRUG,))
    (scenario,) = page.scenarios()
    made = [patients.forecast(state), patients.forecast(state, scenario.uuid, change)]
    window.bridge.document.add(made, "Forecast")
    return scenario


def test_without_a_twin_the_page_says_what_is_needed(window, tmp_path):
    Document.create(tmp_path / "empty.otwin").close()
    window.open_project(tmp_path / "empty.otwin")
    window.workflow.go_to(TryOutStep)
    page = window.workflow.step(TryOutStep)
    assert not page.new.isEnabled()
    assert not page.run.isEnabled()
    assert "No twin yet" in window.scenario_board.empty.headline.text()


def test_a_scenario_is_a_card_and_every_change_of_it_can_be_undone(page, window):
    page.add_scenario((DRUG,))
    assert [card.name.text() for card in page.cards] == ["As now", "Amlodipine"]
    page.edit_act(page.scenarios()[0], -1, Intervention(kind="exercise"))
    assert page.cards[1].name.text() == "Amlodipine + Exercise"
    page.cards[1].act_removed.emit(0)
    assert page.scenarios()[0].interventions[0].kind == "exercise"
    page.cards[1].name.setText("Sport")
    page.cards[1].name.editingFinished.emit()
    page.edit_act(page.scenarios()[0], -1, DRUG)
    assert page.cards[1].name.text() == "Sport"  # a name that a person gave stays
    for _ in range(4):
        window.undo_action.trigger()
    assert [a.kind for a in page.scenarios()[0].interventions] == ["vasodilator"]
    window.undo_action.trigger()
    assert len(page.cards) == 1


def test_scenarios_stand_beside_going_on_as_now(page, window, state, qtbot):
    compared(window, page, state)
    board = window.scenario_board
    assert [one.name for one in board.tried] == ["As now", "Amlodipine"]
    assert board.tried[1].colour == OKABE_ITO[0]
    assert board.table.item(0, 0).text() == "Systolic pressure, mmHg\ntarget < 130"
    assert board.table.item(0, 1).text() == "138 (128–148)   9 %"
    assert board.table.item(0, 2).text() == "129 (119–139)   57 %\n−9.0 (−12.3 to −5.7)"  # its own 90 %, in one patient
    assert board.table.item(1, 2).text() == "72 (67.1–76.9)\nno change"
    assert board.when_said.text().startswith("after 90 days")
    assert "Law et al." in board.assumed.text()
    assert not page.run.isEnabled()  # nothing is left to be done
    qtbot.waitUntil(
        lambda: len(board.plots[0].plot.listDataItems()) > 0 or bool(board.plots[0].plot.getPlotItem().items),
        timeout=2000,
    )


def test_a_forecast_without_kept_changes_still_tells_the_difference_of_the_medians(page, window, state):
    page.add_scenario((DRUG,))
    (scenario,) = page.scenarios()
    old = patients.forecast(state, scenario.uuid, -9.0).with_(changes=None)
    window.bridge.document.add([patients.forecast(state), old], "Forecast")
    assert window.scenario_board.table.item(0, 2).text().endswith("\n−9.0")


def test_what_is_zero_throughout_is_not_listed(state):
    now = patients.forecast(state)
    quantiles = np.array(now.quantiles)
    quantiles[1] = 0.0
    assert there([now]) == ["systolic", "heart_rate"]
    assert there([now.with_(quantiles=quantiles)]) == ["systolic"]
    assert there([now.with_(quantiles=quantiles), now]) == ["systolic", "heart_rate"]


def test_a_drug_that_the_patient_takes_already_is_said_on_the_card(page, window, qtbot, state):
    qtbot.waitUntil(lambda: window.timeline.all is not None, timeout=10_000)
    page.add_scenario((DRUG,))
    page.add_scenario((DRUG.model_copy(update={"options": {"drug": "ramipril"}}),))
    words = [" ".join(label.text() for label in card.findChildren(QLabel)) for card in page.cards[1:]]
    assert ["takes already" in each for each in words] == [True, False]


def test_a_card_names_the_drug_also_where_nobody_chose_one():
    assert said(Intervention(kind="beta-blocker")).startswith("Beta-blocker: metoprolol")


def test_a_changed_scenario_loses_its_forecast_a_result_in_3d_does_not(page, window, state):
    scenario = compared(window, page, state)
    page._attach_result(scenario, "33333333-3333-4333-8333-333333333333", True)
    assert len(window.scenario_board.tried) == 2
    assert window.scenario_board.tried[1].results
    page.edit_act(page.scenarios()[0], 0, DRUG.model_copy(update={"options": {"drug": "ramipril"}}))
    assert [one.name for one in window.scenario_board.tried] == ["As now"]
    assert page.run.isEnabled()


def test_another_horizon_asks_for_other_forecasts(page, window, state):
    compared(window, page, state)
    page.horizon.setText("30 day")
    page.horizon.editingFinished.emit()
    assert window.scenario_board.tried == []
    assert page.run.isEnabled()
    page.horizon.setText("a while")
    page.horizon.editingFinished.emit()
    assert window.scenario_board.tried == []


def test_what_is_not_ticked_is_not_compared(page, window, state, qtbot):
    compared(window, page, state)
    qtbot.mouseClick(page.cards[1].tick, Qt.MouseButton.LeftButton, pos=QPoint(8, page.cards[1].tick.height() // 2))
    assert [one.name for one in window.scenario_board.tried] == ["As now"]


def test_each_scenario_has_a_view_and_their_cameras_are_linked(page, window, state, qtbot):
    if not window.quad.viewport.is_ready:
        pytest.skip("no OpenGL")
    window.bridge.document.add([tetrahedron()], "Surface")
    compared(window, page, state)
    board = window.scenario_board
    board.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: len(board.views.views) == 2, timeout=5000)
    qtbot.wait(100)
    one, two = (view.canvas.renderer.GetActiveCamera() for view in board.views.views)
    board.views.views[1].look_from("L")
    qtbot.wait(50)
    assert np.allclose(one.GetPosition(), two.GetPosition())
    assert "systolic 129 mmHg" in board.views.says[1].text()


def test_compare_runs_the_forecasts_one_after_the_other(page, window, qtbot, state):
    asked = []
    window.bridge.start = lambda operation, inputs, parameters, label, **_k: asked.append(
        (operation, inputs, parameters)
    )
    page.add_scenario((DRUG,))
    qtbot.mouseClick(page.run, Qt.MouseButton.LeftButton)
    first, second = asked  # a refused start (None) does not hold up the next
    assert first[0] == "forecast"
    assert "scenario" not in first[1]
    assert second[1]["scenario"] == page.scenarios()[0].uuid
    assert second[1]["state"] == state.uuid
    assert second[2] == {"days": 90.0}


def test_settings_that_make_no_sense_are_told_in_the_dialog(qtbot):
    dialog = InterventionDialog("circulation")
    qtbot.addWidget(dialog)
    dialog.choose("vasodilator")
    dialog.options.set_value("dose", "5")
    dialog._accept()
    assert dialog.act is None
    assert "dose" in dialog._wrong.text()
    dialog.options.set_value("dose", "10 mg")
    dialog.start.setText("2 week")
    dialog.end.setText("1 week")
    dialog._accept()
    assert "ends before it begins" in dialog._wrong.text()
    dialog.end.setText("12 week")
    dialog._accept()
    assert dialog.act.options["dose"] == "10 mg"
    assert (dialog.act.start_day, dialog.act.end_day) == (14.0, 84.0)


@pytest.mark.parametrize("name", interventions.names())
def test_every_intervention_has_a_form(qtbot, name):
    kind = interventions.find(name)
    dialog = InterventionDialog(kind.models[0])
    qtbot.addWidget(dialog)
    dialog.choose(name)
    assert dialog.kind.name == name
    assert set(dialog.options._widgets) == set(kind.options.model_fields)
    assert all(line.toolTip() for line in dialog.options.findChildren(QLineEdit))


def test_only_what_acts_on_a_model_is_offered():
    offered = {kind.name for members in kinds("glucose").values() for kind in members}
    assert "metformin" in offered
    assert "vasodilator" not in offered


def test_what_is_done_is_said_in_words():
    act = Intervention(kind="vasodilator", options={"drug": "amlodipine", "dose": "5 mg"}, start_day=7)
    assert said(act) == "Vasodilator: amlodipine, 5 mg, from day 7"
    assert name_of((act, Intervention(kind="exercise"))) == "Amlodipine + Exercise"


def test_the_table_is_for_the_time_that_is_chosen(qtbot, state):
    table = ScenarioTable()
    qtbot.addWidget(table)
    now, other = patients.forecast(state), patients.forecast(state, "x", -9.0)
    table.show_tried([Tried("As now", "#999999", now), Tried("Drug", "#56b4e9", other)], float(now.times_s[3]), {})
    assert table.columnCount() == 3
    assert table.item(0, 2).text() == "129 (119–139)   57 %\n−9.0 (−12.3 to −5.7)"


@pytest.mark.parametrize(
    ("change", "words"), [(-9.31, "−9.3"), (0.0, "no change"), (0.654, "+0.65"), (-11.5, "−12"), (123.4, "+123")]
)
def test_differences_have_a_sign_and_two_digits(change, words):
    assert change_words(change, 100.0) == words
