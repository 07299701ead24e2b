"""What if: choosing a place on a vessel, changing it, solving again, and seeing both."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.bridge import Bridge
from organtwin_gui.steps import FlowStep, ProcedureStep
from organtwin_gui.steps.procedure import without_caps
from organtwin_gui.steps.procedure_span import Way
from organtwin_gui.views import ImageScene
from pydantic import TypeAdapter
from PySide6.QtCore import Qt

from organtwin.errors import BadInput
from organtwin.model import Centerline, OrganMesh, Procedure, Quantity, Result
from organtwin.model.centerline import Branch
from organtwin.model.procedure import Action
from organtwin.report.comparison import Row

sys.path.insert(0, str(Path(__file__).parent))
from vessels import forked, narrow_pipe, project_with

ACTION = TypeAdapter(Action)


def line_of(mesh: OrganMesh, depth: float = 0.4, caps: tuple[str, ...] = ("outlet",)) -> Centerline:
    """A straight line of 40 mm to each of some openings; only the last one is narrow, half-way."""
    z = np.linspace(0, 40, 161)
    dip = 1 - depth * np.exp(-(((z - 20) / 3) ** 2))
    radius = [np.full(161, 4.0)] * (len(caps) - 1) + [4.0 * dip]
    count = len(caps)
    return Centerline(
        name="line",
        mesh=mesh.uuid,
        inlet="inlet",
        branches=tuple(
            Branch(name=cap, parent=-1, cap=cap, first=161 * n, last=161 * n + 160) for n, cap in enumerate(caps)
        ),
        points_mm=np.tile(np.stack([0 * z, 0 * z, z], axis=1), (count, 1)),
        distance_mm=np.tile(z, count),
        radius_mm=np.concatenate(radius),
        area_mm2=np.pi * np.concatenate(radius) ** 2,
    )


@pytest.fixture
def step(qtbot, tmp_path):
    """The page alone, on the screen, with a narrow vessel and its centreline."""
    mesh = narrow_pipe()
    bridge = Bridge()
    page = ProcedureStep(bridge, ImageScene())
    qtbot.addWidget(page)
    bridge.open(project_with(tmp_path / "pipe.otwin", mesh, line_of(mesh)))
    page.resize(330, 760)
    page.show()
    qtbot.waitExposed(page)
    yield page
    bridge.close()


def choose(box, data) -> None:
    box.setCurrentIndex(box.findData(data))


def test_the_span_begins_on_the_stenosis_with_the_diameter_beside_it(step):
    start, stop = step.span.span_mm
    assert 12 < start < 18
    assert 22 < stop < 28
    assert float(step.diameter.text().split()[0]) == pytest.approx(8.0, abs=0.3)


def test_a_vessel_that_only_tapers_has_no_stenosis_to_point_at():
    line = line_of(narrow_pipe(), depth=0.0)
    tapering = line.with_(radius_mm=np.linspace(6, 3, 161))
    assert Way(tapering, "outlet").narrowing.min() == pytest.approx(1.0)
    start, stop = Way(tapering, "outlet").narrowest()
    assert 0 < start < 20 < stop < 40


def test_of_several_branches_the_narrow_one_is_chosen_first(step, tmp_path):
    mesh = forked()
    step.bridge.open(project_with(tmp_path / "fork.otwin", mesh, line_of(mesh, caps=("left", "right"))))
    assert step.branch.currentData() == "right"


@pytest.mark.parametrize("action", ["stent", "balloon", "remove-stenosis", "clamp", "bypass"])
def test_each_action_in_the_form_is_one_that_the_operation_takes(step, action):
    choose(step.action, action)
    made = ACTION.validate_python(step.parameters())
    assert made.action == action


def test_a_dragged_span_is_what_is_done_and_stays_when_the_page_is_left(step):
    step.span.region.setRegion((5.0, 9.0))
    assert step.span.span_mm == (5.0, 9.0)
    assert step.parameters()["start_mm"] == 5.0
    step.hide()
    step.show()
    assert step.span.span_mm == (5.0, 9.0)
    step.span.start.setValue(30.0)
    assert step.span.span_mm == (30.0, 30.0)
    with pytest.raises(BadInput, match="no length"):
        step.parameters()


def test_the_span_is_marked_in_3d_and_the_mark_goes_with_the_page(step):
    marks = []
    step.marked.connect(marks.append)
    step.span.set_span(10.0, 20.0)
    z = marks[-1].points_mm[:, 2]
    assert (z.min(), z.max()) == pytest.approx((10.0, 20.0))
    step.hide()
    assert marks[-1] is None


def test_a_diameter_that_was_typed_stays_when_the_span_moves(step, qtbot):
    step.diameter.edit.selectAll()
    qtbot.keyClicks(step.diameter.edit, "7 mm")
    step.span.set_span(3.0, 9.0)
    assert step.diameter.text() == "7 mm"
    step.diameter.setText("0 mm")
    with pytest.raises(BadInput, match="not possible"):
        step.parameters()
    step.diameter.setText("7")
    with pytest.raises(BadInput, match="no unit"):
        step.parameters()


def test_without_a_vessel_nothing_can_be_pressed(step, tmp_path):
    step.bridge.close()
    assert not step.apply.isEnabled()
    assert not step.again.isEnabled()
    assert not step.compare.isEnabled()
    with pytest.raises(BadInput, match="no place"):
        step.parameters()


def test_a_case_loses_what_it_says_of_a_clamped_branch():
    case = {
        "inlets": [{"cap": "inlet"}],
        "outlets": [{"cap": "left"}, {"cap": "right"}, {"cap": "*"}],
        "targets": {"systolic": "120 mmHg", "split": {"left": 30, "right": 30, "other": 40}},
    }
    kept = without_caps({"case": case}, {"inlet", "left", "other"})["case"]
    assert [o["cap"] for o in kept["outlets"]] == ["left", "*"]
    assert sum(kept["targets"]["split"].values()) == pytest.approx(100)
    assert case["outlets"][1]["cap"] == "right"


def result_on(mesh: OrganMesh, drop: float, name: str) -> Result:
    n = len(mesh.points_mm)
    return Result(
        name=name,
        physics="flow",
        mesh=mesh.uuid,
        times_s=np.zeros(1),
        fields={
            "velocity_mm_per_s": np.full((1, n, 3), drop, np.float32),
            "pressure_pa": np.linspace(0, drop, n, dtype=np.float32)[None],
        },
        quantities=(
            Quantity(name="Pressure drop inlet → outlet", value=drop, unit="mmHg", level="good", why="fine mesh"),
            Quantity(name="FFR outlet", value=1 - drop / 100, unit="", level="poor", why="coarse"),
            Quantity(name=f"Only {name}", value=1.0, unit="Pa"),
        ),
    )


@pytest.fixture
def tried(window, tmp_path):
    """A window with a vessel before and after a procedure, both solved."""
    before, after = narrow_pipe(0.4), narrow_pipe(0.0).with_(name="Narrow vessel, stent 8 mm")
    action = {"action": "stent", "toward": "outlet", "start_mm": 10, "stop_mm": 30, "diameter": "8 mm"}
    done = Procedure(name="Stent 8 mm", action=ACTION.validate_python(action), before=before.uuid, after=after.uuid)
    things = (before, result_on(before, 20.0, "before"), after, done, result_on(after, 5.0, "after"))
    window.open_project(project_with(tmp_path / "tried.otwin", *things))
    return window


def test_before_and_after_stand_side_by_side_with_one_camera_one_scale_and_one_table(tried, qtbot, opengl, picture):
    window = tried
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    if not window.compare_action.isChecked():
        window.compare_action.trigger()
    assert window.compare.isVisible()
    table = window.compare.table
    assert table.item(0, 0).text() == "Pressure drop inlet → outlet"
    assert [table.item(0, n).text() for n in (1, 2, 3)] == ["20 mmHg", "5 mmHg", "−15 mmHg  (−75 %)"]
    assert "fine mesh" in table.item(0, 1).toolTip()
    assert "Not to be relied on: coarse" in table.item(1, 2).toolTip()
    words = {table.item(row, 3).text() for row in range(table.rowCount())}
    assert {"only before", "only after"} <= words
    one, two = window.compare._items()
    assert one.range_of("speed") == two.range_of("speed")
    if opengl.works:
        left, right = (view.canvas.renderer.GetActiveCamera() for view in window.compare.views)
        window.compare.views[0].look_from("L")
        assert left.GetPosition() == right.GetPosition()
        assert left.GetViewUp() == right.GetViewUp()
        qtbot.wait(300)
        picture(window, "compare")
    window.compare_action.trigger()
    assert not window.compare.isVisible()


def test_a_result_that_is_undone_leaves_the_comparison(tried):
    window = tried
    window.compare_action.trigger()
    assert window.compare.isVisible()
    window.undo_action.trigger()
    assert not window.compare.isVisible()
    window.compare_action.trigger()
    assert not window.compare.isVisible()
    assert not window.compare_action.isChecked()
    assert "nothing to compare" in window.notice.text


def test_a_change_is_said_with_its_unit_and_never_as_noise():
    from organtwin_gui.compare_table import change_text

    def row(a: float, b: float, unit: str = "mmHg") -> Row:
        before, after = (Quantity(name="x", value=v, unit=unit) for v in (a, b))
        return Row("x", unit, before, after)

    assert change_text(row(10, 12)) == "+2 mmHg  (+20 %)"
    assert change_text(row(10, 10.0000001)) == "no change"
    assert change_text(row(0, 0)) == "no change"
    assert change_text(row(40, 30, "%")) == "−10 %"


@pytest.mark.slow
def test_a_stent_is_put_in_solved_again_and_compared_with_the_buttons(window, qtbot, finished, tmp_path, picture):
    window.open_project(project_with(tmp_path / "pipe.otwin", narrow_pipe(0.5)))
    flow, step = window.workflow.step(FlowStep), window.workflow.step(ProcedureStep)
    window.workflow.go_to(FlowStep)
    flow.inflow.output.setText("0.2 L/min")
    qtbot.mouseClick(flow.run, Qt.MouseButton.LeftButton)
    finished(window)
    window.workflow.go_to(ProcedureStep)
    finished(window)
    qtbot.waitUntil(step.apply.isEnabled, timeout=5000)
    qtbot.mouseClick(step.apply, Qt.MouseButton.LeftButton)
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    assert len(window.bridge.entries("mesh")) == 2
    qtbot.mouseClick(step.again, Qt.MouseButton.LeftButton)
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    qtbot.mouseClick(step.compare, Qt.MouseButton.LeftButton)
    assert window.compare.isVisible()
    drops = [float(window.compare.table.item(0, n).text().split()[0]) for n in (1, 2)]
    assert drops[1] < 0.7 * drops[0]
    picture(window, "stent")


def test_a_button_keeps_its_key_when_its_text_changes(step):
    from organtwin_gui.steps.step import relabel

    relabel(step.again, "Solving")
    relabel(step.again, "Solve again")
    assert step.again.shortcut().toString() == "Ctrl+Shift+F"


def test_the_buttons_are_in_sight_on_a_low_screen(step):
    step.resize(330, 520)
    step.show()
    for button in (step.apply, step.again, step.compare):
        assert button.isVisible()
        assert button.mapTo(step, button.rect().bottomLeft()).y() < step.height()
    shown = step.viewport().geometry()
    assert shown.bottom() <= step.apply.mapTo(step, step.apply.rect().topLeft()).y()
