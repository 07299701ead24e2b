"""The flow form: what it makes of what is typed, what it refuses, and what the 0D model answers meanwhile."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from organtwin_gui.bridge import Bridge
from organtwin_gui.steps import FlowStep, StudyStep
from organtwin_gui.views import ImageScene
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel

from organtwin.errors import BadInput
from organtwin.model import FlowCase

sys.path.insert(0, str(Path(__file__).parent))
from vessels import forked, narrow_pipe, project_with


@pytest.fixture
def step(qtbot, tmp_path):
    """The flow page alone, on a vessel with one inlet and two outlets."""
    bridge = Bridge()
    page = FlowStep(bridge, ImageScene())
    qtbot.addWidget(page)
    bridge.open(project_with(tmp_path / "fork.otwin", forked()))
    yield page
    bridge.close()


@pytest.fixture
def shown(step, qtbot):
    """The same, on the screen."""
    step.resize(330, 760)
    step.show()
    qtbot.waitExposed(step)
    return step


def choose(box, data) -> None:
    index = box.findData(data)
    assert index >= 0, f"{data} is not offered"
    box.setCurrentIndex(index)


def card(step, name):
    return next(c for c in step.openings.cards if c.cap.name == name)


def test_cardiac_output_and_targets_are_a_sound_steady_case(step):
    case = FlowCase.model_validate(step.case())
    assert case.numerics.mode == "steady"
    assert [i.cap for i in case.inlets] == ["inlet"]
    assert case.inlets[0].flow == "83.333333 mL/s"
    assert {o.cap for o in case.outlets} == {"left", "right"}
    assert (case.targets.systolic, case.targets.diastolic, case.targets.split) == ("120 mmHg", "80 mmHg", "murray")


def test_stroke_volume_and_heart_rate_make_beats_of_their_length(step):
    choose(step.inflow.source, "stroke")
    choose(step.inflow.time, "pulsatile")
    step.inflow.stroke.setText("80 mL")
    step.inflow.rate.setValue(60)
    choose(step.inflow.profile, "womersley")
    case = FlowCase.model_validate(step.case())
    assert case.inlets[0].stroke_volume == "80 mL"
    assert case.inlets[0].profile == "womersley"
    assert case.inlets[0].waveform == "ascending-aorta"
    assert case.numerics.period == "1 s"
    assert case.numerics.mode == "pulsatile"


def test_every_waveform_on_offer_is_one_that_the_solver_knows(step):
    from organtwin.vessel.waveforms import names

    offered = {step.inflow.template.itemData(n) for n in range(step.inflow.template.count())}
    assert offered <= set(names())
    assert len(offered) > 5


def test_a_measured_flow_brings_its_own_beat(step, tmp_path):
    file = tmp_path / "flow.csv"
    file.write_text("time (s), flow (mL/s)\n" + "\n".join(f"{0.1 * n}, {20 + 10 * (n % 5)}" for n in range(11)))
    choose(step.inflow.source, "csv")
    with pytest.raises(BadInput, match="No file"):
        step.case()
    step.inflow.read(file)
    choose(step.inflow.time, "pulsatile")
    case = FlowCase.model_validate(step.case())
    assert case.inlets[0].waveform.values[0] == 20
    assert case.inlets[0].flow is None
    assert case.numerics.period == "1 s"


@pytest.mark.parametrize("content", ["", "time,flow\n1,2\n", "a picture \0\1\2"])
def test_a_bad_csv_is_one_sentence_beside_its_button(step, tmp_path, content):
    file = tmp_path / "bad.csv"
    file.write_text(content)
    choose(step.inflow.source, "csv")
    step.inflow.read(file)
    assert step.inflow.samples is None
    assert step.inflow._said.objectName() == "danger"
    assert len(step.inflow._said.text()) > 10
    assert "Traceback" not in step.inflow._said.text()


def test_windkessel_values_go_to_their_outlet_and_zero_is_refused(step):
    outlet = card(step, "left")
    choose(outlet.model, "windkessel")
    outlet.fields["compliance"].setText("0.8 mL/mmHg")
    case = FlowCase.model_validate(step.case())
    left = next(o for o in case.outlets if o.cap == "left")
    assert left.windkessel.compliance == "0.8 mL/mmHg"
    outlet.fields["distal"].setText("0 mmHg*s/mL")
    with pytest.raises(BadInput, match="not possible"):
        step.case()
    outlet.fields["distal"].setText("1 mmHg")
    with pytest.raises(BadInput, match="left"):
        step.case()


def test_percent_of_the_outflow_must_make_a_hundred(step):
    choose(step.openings.split, "percent")
    card(step, "left").percent.setValue(70)
    card(step, "right").percent.setValue(30)
    assert step.case()["targets"]["split"] == {"left": 70, "right": 30}
    card(step, "right").percent.setValue(40)
    with pytest.raises(BadInput, match="110"):
        step.case()


def test_two_inlets_share_the_inflow_by_area_and_no_outlet_is_refused(step):
    choose(card(step, "left").role, "inlet")
    flows = [float(i["flow"].split()[0]) for i in step.case()["inlets"]]
    assert sum(flows) == pytest.approx(5000 / 60, rel=1e-6)
    assert flows[0] == pytest.approx(flows[1])
    choose(card(step, "right").role, "inlet")
    with pytest.raises(BadInput, match="No opening is an outlet"):
        step.case()
    for name in ("inlet", "left", "right"):
        choose(card(step, name).role, "outlet")
    with pytest.raises(BadInput, match="No opening is an inlet"):
        step.case()


@pytest.mark.parametrize(
    ("text", "said"), [("5", "no unit"), ("5 mmHg", "not a flow"), ("five litres", "cannot be read"), ("", "")]
)
def test_a_wrong_inflow_is_said_under_its_field(step, text, said):
    told = []
    step.bridge.failed.connect(told.append)
    step.inflow.output.setText(text)
    assert not step.inflow.output._said.isHidden()
    assert said in step.inflow.output._said.text()
    step._start()
    assert len(told) == 1
    assert step.bridge.running() == []


def test_pressures_the_wrong_way_round_and_a_negative_flow_are_refused(step):
    step.openings.systolic.setText("60 mmHg")
    with pytest.raises(BadInput, match="above the systolic"):
        step.case()
    step.openings.systolic.setText("120 mmHg")
    step.inflow.output.setText("-5 L/min")
    with pytest.raises(BadInput, match="brings no blood in"):
        step.case()


def test_the_wheel_scrolls_the_form_and_changes_nothing(step):
    box = step.inflow.source
    down = QPoint(0, -120)
    event = QWheelEvent(
        QPointF(5, 5), box.mapToGlobal(QPointF(5, 5)), QPoint(), down, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, event)
    assert box.currentData() == "output"


def test_the_estimate_answers_beside_the_form_and_leaves_the_project_as_it_was(shown, qtbot):
    document = shown.bridge.document
    entries, undo = len(document.entries()), document.undo_label
    table = shown.estimate.table
    qtbot.waitUntil(lambda: table.isVisible() and table.rowCount() == 3, timeout=60_000)
    assert [table.item(row, 0).text() for row in range(3)] == ["inlet", "left", "right"]
    flows = [float(table.item(row, 1).text()) for row in range(3)]
    assert flows[0] == pytest.approx(flows[1] + flows[2], rel=0.02)
    assert flows[1] == pytest.approx(flows[2], rel=0.02)
    qtbot.waitUntil(lambda: bool(shown.estimate.findings.lines), timeout=60_000)
    assert "mmHg*s" not in card(shown, "left")._found.text()
    assert card(shown, "left")._found.text().startswith("R ")
    assert len(document.entries()) == entries
    assert document.undo_label == undo
    qtbot.waitUntil(lambda: not list((document.project.folder / "drafts").glob("*")), timeout=20_000)


def test_a_case_that_cannot_be_solved_is_said_instead_of_an_estimate(shown):
    shown.inflow.output.setText("nonsense")
    assert not shown.estimate.table.isVisible()
    assert any("cannot be read as a flow" in line for line in shown.estimate.findings.lines)


def test_a_finding_leads_to_what_it_speaks_of(shown):
    shown.estimate.show_findings(
        [
            "warning: 'left' is 4 cells across. Mesh finer.",
            "warning: Too long. Take about 900 steps_per_cycle, or less.",
        ]
    )
    first, second = (label.text() for label in shown.estimate.findings.findChildren(QLabel) if label.text())
    assert 'href="left">left</a> is 4 cells' in first
    assert ">steps a beat</a>" in second
    shown.estimate.findings.picked.emit("left")
    assert shown.scene.cursor.position_mm == pytest.approx(card(shown, "left").cap.centre_mm)
    shown.estimate.findings.picked.emit("numerics")
    assert shown.numerics.inside.isVisible()


def test_steps_follow_the_cfl_where_one_is_given(step):
    choose(step.inflow.time, "pulsatile")
    assert "cfl" not in step.case()["numerics"]
    step.numerics.cfl.setValue(5.0)
    assert FlowCase.model_validate(step.case()).numerics.cfl == 5.0
    assert not step.numerics.steps.isEnabled()


def test_a_known_centreline_is_not_found_again(shown, qtbot, monkeypatch):
    from organtwin.vessel.tree import of_mesh

    uuid = shown.mesh.currentData()
    line = of_mesh(shown.bridge.get(uuid))
    shown.bridge.document.add([line], "Centreline")
    asked = []
    monkeypatch.setattr(shown._draft, "ask", lambda _operation, inputs, _parameters: asked.append(inputs))
    shown.ask_estimate()
    assert asked == [{"mesh": uuid, "line": line.uuid}]


def test_a_project_that_is_closed_during_an_estimate_is_let_go(shown, qtbot):
    told = []
    shown.bridge.failed.connect(told.append)
    qtbot.waitUntil(lambda: shown._draft._job is not None, timeout=5000)
    shown.bridge.close()
    assert not shown._draft.busy
    qtbot.waitUntil(lambda: not shown._draft._leaving, timeout=10_000)
    assert told == []


def test_another_vessel_takes_its_own_openings(step, tmp_path):
    step.bridge.open(project_with(tmp_path / "two.otwin", forked(), narrow_pipe()))
    assert [c.cap.name for c in step.openings.cards] == ["inlet", "outlet"]
    step.mesh.setCurrentIndex(1)
    assert [c.cap.name for c in step.openings.cards] == ["inlet", "left", "right"]


def test_arrows_follow_the_roles_in_the_form(window, tmp_path, opengl):
    if not opengl.works:
        pytest.skip("no OpenGL")
    window.open_project(project_with(tmp_path / "fork.otwin", forked()))
    step = window.workflow.step(FlowStep)
    window.workflow.go_to(FlowStep)
    item = window.quad.viewport.items[step.mesh.currentData()]
    assert window.stage.is_shown(step.mesh.currentData())
    choose(card(step, "left").role, "inlet")
    assert item._roles == {"inlet": "inlet", "left": "inlet", "right": "outlet"}
    window.workflow.go_to(StudyStep)
    assert item._roles["left"] == "outlet"
