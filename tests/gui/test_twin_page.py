"""The page of the twin: what it believes, how it agrees, what it expects, and the data sheet behind it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from organtwin_gui.steps import TwinStep
from organtwin_gui.steps.twin import days_of
from organtwin_gui.twin.cycle import curve_title
from organtwin_gui.twin.estimates import told
from organtwin_gui.twin.hearts import HeartDates
from organtwin_gui.twin.sheet import SheetDialog, html_of
from PySide6.QtCore import Qt

from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.physiology.model import find

sys.path.insert(0, str(Path(__file__).parent))
import patients
from vessels import narrow_pipe


@pytest.fixture
def page(window, qtbot, tmp_path):
    document = Document.create(tmp_path / "patient.otwin")
    of = patients.readings()
    document.add([of], "Import readings")
    document.close()
    window.open_project(tmp_path / "patient.otwin")
    window.workflow.go_to(TwinStep)
    qtbot.waitUntil(lambda: window.timeline.all is not None, timeout=10_000)
    step = window.workflow.step(TwinStep)
    step.model.setCurrentIndex(step.model.findData("circulation"))
    return step


def add(window, *things) -> None:
    window.bridge.document.add(list(things), "a step")


def test_before_a_calibration_the_page_says_what_it_will_use(page, window):
    assert page.run.isEnabled()
    assert "Systolic pressure" in page._missing.text()
    assert "No twin" in window.twin_board.empty.headline.text()
    assert not page.ahead.isEnabled()
    page.model.setCurrentIndex(page.model.findData("respiration"))
    assert not page.run.isEnabled()
    assert page._missing.text().startswith("It needs readings")


def test_beliefs_agreement_and_a_beat_are_shown(page, window):
    state = patients.state(patients.readings())
    add(window, state)
    board = window.twin_board
    assert board.estimates.rowCount() == 2
    assert board.estimates.item(0, 0).text() == "Heart rate at rest"  # the best told first
    assert board.estimates.item(0, 3).text() == "well"
    assert board.estimates.item(1, 3).text() == "no, tied"
    assert "systemic resistance" in board.estimates.item(1, 3).toolTip()
    assert [board.fit.item(0, column).text() for column in range(4)] == [
        "Systolic pressure", "138 mmHg", "140 mmHg", "−2 mmHg"
    ]  # fmt: skip
    assert board.fit.item(1, 2).text() == "–"  # not measured
    assert board.cycle.choice.itemText(0).startswith("PV loop")
    assert "from 60 readings" in board.when.text()


def test_newer_readings_are_told_and_can_be_taken_in(page, window):
    state = patients.state(patients.readings())
    add(window, state)
    assert "newest" in page._news.text()
    assert not page.update_button.isEnabled()
    add(
        window,
        state.with_(
            uuid="11111111-1111-4111-8111-111111111111", at_s=state.at_s - 10 * patients.DAY_S, replaces=state.uuid
        ),
    )
    assert "over 10 days" in page._news.text()
    assert page.update_button.isEnabled()


def test_a_forecast_belongs_to_the_twin_it_was_made_from(page, window):
    state = patients.state(patients.readings())
    made = patients.forecast(state)
    add(window, state, made)
    trends = window.twin_board.trends
    assert trends.forecast.uuid == made.uuid
    assert trends.choice.currentData() == "systolic"
    assert "held 91 %" in trends.said.text()
    add(window, state.with_(uuid="22222222-2222-4222-8222-222222222222", replaces=state.uuid))
    assert trends.forecast is None
    window.undo_action.trigger()
    assert trends.forecast.uuid == made.uuid


def test_calibrate_forecast_and_undo_with_the_buttons(page, window, qtbot, finished):
    qtbot.mouseClick(page.run, Qt.MouseButton.LeftButton)
    assert not page.run.isEnabled()
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    state = page.state()
    assert state.model == "circulation"
    board = window.twin_board
    assert board.state.uuid == state.uuid
    assert board.cycle.choice.count() > 3
    page.horizon.setText("30 day")
    qtbot.mouseClick(page.ahead, Qt.MouseButton.LeftButton)
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    made = board.trends.forecast
    assert made.times_s[-1] - state.at_s == pytest.approx(30 * patients.DAY_S)
    systolic = np.asarray(made.quantiles)[made.keys.index("systolic")]
    assert 125 < systolic[2].mean() < 155
    window.undo_action.trigger()
    assert board.trends.forecast is None
    window.undo_action.trigger()
    assert board.state is None


def test_the_twin_gives_a_vessel_its_boundary_conditions(page, window, qtbot, finished):
    assert not page.flow.isEnabled()  # there is no vessel
    add(window, narrow_pipe(), patients.state(patients.readings()))
    assert page.flow.isEnabled()
    page.site.setCurrentIndex(page.site.findData("infrarenal-aorta"))
    qtbot.mouseClick(page.flow, Qt.MouseButton.LeftButton)
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    assert page.solve.isVisible()
    case = page._case()
    asked = []
    window.bridge.start = lambda operation, inputs, parameters, label, **_k: asked.append((operation, parameters))
    page._solve()
    assert asked[0][0] == "flow"
    assert FlowCase.model_validate(asked[0][1]["case"]).inlets == case.inlets


def test_the_data_sheet_says_sources_validity_and_bias(qtbot):
    sheet = find("circulation").sheet
    dialog = SheetDialog("Circulation", sheet, ("Something is assumed",))
    qtbot.addWidget(dialog)
    said = html_of(sheet, ("Something is assumed",))
    for part in ("Where it holds", "Known bias", "Sources", "organtwin validate", "Something is assumed"):
        assert part in said


def test_no_time_ahead_is_refused_with_a_sentence(page, window):
    add(window, patients.state(patients.readings()))
    page.horizon.setText("0 day")
    with pytest.raises(BadInput, match="some time ahead"):
        days_of(page.horizon)
    page._forecast()
    assert "some time ahead" in window.notice.text
    assert not window.bridge.running()


def test_what_is_hardly_told_is_not_called_told():
    best, worst = patients.state(patients.readings()).estimates
    assert told(best)[0] == "good"
    assert told(worst)[0] == "poor"


@pytest.mark.parametrize(
    ("name", "title"),
    [("left_ventricular_pressure_mmHg", ("Left ventricular pressure", "mmHg")), ("aortic_flow_mL_per_s", ("Aortic flow", "mL/s"))],
)  # fmt: skip
def test_curves_have_names_and_units(name, title):
    assert curve_title(name) == title


def test_a_segmented_heart_calibrates_once_its_day_is_told(qtbot):
    scan = SimpleNamespace(uuid="s", name="Cine", facts={"acquisition": {}})
    dated = SimpleNamespace(uuid="d", name="Cine 2", facts={"acquisition": {"study date": "20240301"}})
    hearts = [
        SimpleNamespace(uuid="h1", name="Heart", facts={"dynamic": "s", "quantities": [{}]}),
        SimpleNamespace(uuid="h2", name="Heart 2", facts={"dynamic": "d", "quantities": [{}]}),
        SimpleNamespace(uuid="h3", name="Not measured", facts={"dynamic": "d", "quantities": []}),
    ]
    rows = HeartDates()
    qtbot.addWidget(rows)
    rows.offer(hearts, [scan, dated])
    assert [edit.text() for edit in rows.edits] == ["", "20240301"]
    assert rows.inputs() == ({"heart-1": "h2", "dynamic-1": "d"}, {"1": "20240301"})
    rows.edits[0].setText("the other day")
    assert rows.used == ["Heart 2"]
    assert "no day" in rows.edits[0].toolTip()
    rows.edits[0].setText("2024-05-01")
    assert rows.inputs()[0] == {"heart-1": "h1", "dynamic-1": "s", "heart-2": "h2", "dynamic-2": "d"}
    rows.offer(hearts[:1], [scan])
    assert rows.edits[0].text() == "2024-05-01"  # what was typed stays


def test_how_it_was_fitted_is_told_when_asked(page, window):
    state = patients.state(patients.readings()).with_(notes=("Told by the readings: mm[Hg]",))
    add(window, state)
    assert page._said.isHidden()
    page.about_fit.click()
    assert "mmHg" in page._said.text()
    assert not page._said.isHidden()
