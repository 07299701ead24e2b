"""Plan: from structures to proposals, a plan changed by hand, kept, and compared."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.bridge import Bridge
from organtwin_gui.planning import turning
from organtwin_gui.planning.board import Board
from organtwin_gui.planning.compare import ComparePlans
from organtwin_gui.planning.live import draw, ground_of
from organtwin_gui.steps.plan import PlanStep
from organtwin_gui.views import ImageScene, Viewport
from organtwin_gui.views.items.plan import CLOSE, UUID, sheet_colours
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtTest import QTest

from organtwin.document import Document
from organtwin.model import ResectionPlan, Surface
from organtwin.operations import find
from organtwin.resection.measure import MARGIN, value_of
from organtwin.resection.settings import CutPlane, Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from resection import ball_liver, portal_fork, quarters

PORTAL = {"portal_vein": [((0, 0, -55), (0, 0, 0), 5.0), ((-40, 0, 0), (40, 0, 0), 3.0)]}
TUMOUR = {"tumour": ((-30.0, 0.0, 20.0), 7.0)}


def project(folder: Path, tumours: dict | None = TUMOUR, plans: int = 0) -> Path:
    """A ball of a liver with a portal tree and territories, and some plans of it."""
    document = Document.create(folder)
    liver = ball_liver(tumours, PORTAL)
    parts = quarters(liver)
    from organtwin.model import Recipe

    parts = parts.with_(recipe=Recipe(operation="territories", inputs={"segmentation": liver.uuid}))
    line = portal_fork().with_(segmentation=liver.uuid)
    document.add([liver, parts, line], "made")
    for n in range(plans):
        made = find("resection-plan")({"segmentation": liver}, {"margin": f"{6 + 6 * n} mm", "name": f"plan {n}"})
        document.add(list(made), "plan")
    document.close()
    return folder


@pytest.fixture
def step(qtbot, tmp_path, opengl):
    """The page with a 3D view, on the screen."""
    bridge = Bridge()
    page, view = PlanStep(bridge, ImageScene()), Viewport(opengl=opengl.works)
    page.attach(view)
    for widget in (page, view):
        qtbot.addWidget(widget)
    view.resize(500, 420)
    page.resize(330, 700)
    view.show()
    bridge.open(project(tmp_path / "ball.otwin", plans=2))
    page.show()
    qtbot.waitExposed(page)
    qtbot.waitUntil(lambda: page._drawn is not None, timeout=30_000)
    yield page
    bridge.close()
    page.live.shut_down()
    view.shut_down()


def settle(qtbot, page: PlanStep, change) -> None:
    """Do something, and wait for the plan that comes of it."""
    with qtbot.waitSignal(page.live.drew, timeout=30_000):
        change()


def test_a_plan_by_margin_stands_there_as_soon_as_the_structures_are_read(step):
    assert step.plan is not None
    assert step.numbers.bar.share == pytest.approx(94, abs=4)
    assert "1 tumour" in step._structures_said.text()
    assert step.board is not None
    assert UUID in step.board.viewport.items


def test_the_inputs_are_the_segmentation_its_territories_and_its_trees(step):
    assert set(step.inputs()) == {"segmentation", "territories", "tree-1"}
    assert step.segmentation.count() == 1  # the territories are no structures to plan on


def test_a_larger_margin_takes_more_and_the_number_follows(qtbot, step):
    before = step.numbers.bar.share
    settle(qtbot, step, lambda: step.margin.setText("16 mm"))
    assert step.numbers.bar.share < before - 2
    step.margin.setText("wide")
    assert step._settings.margin == "16 mm"  # what is no length changes nothing
    assert "length" in step._said.text() or "wide" in step._said.text()


def test_a_margin_that_takes_everything_is_told_and_cannot_be_kept(qtbot, step):
    with qtbot.waitSignal(step.live.failed, timeout=30_000):
        step.margin.setText("150 mm")
    assert "nothing would stay" in step._said.text()
    assert not step.keep.isEnabled()
    settle(qtbot, step, lambda: step.margin.setText("10 mm"))
    assert step.keep.isEnabled()


def test_territories_touched_are_ticked_and_can_be_changed(qtbot, step):
    settle(qtbot, step, lambda: step.strategy.setCurrentIndex(step.strategy.findData("territories")))
    ticked = [
        step.parts.item(n).text()
        for n in range(step.parts.count())
        if step.parts.item(n).checkState() is Qt.CheckState.Checked
    ]
    assert any("right" in t.lower() and "superior" in t.lower() for t in ticked)
    share = step.numbers.bar.share
    free = next(n for n in range(step.parts.count()) if step.parts.item(n).checkState() is Qt.CheckState.Unchecked)
    settle(qtbot, step, lambda: step.parts.item(free).setCheckState(Qt.CheckState.Checked))
    assert step.numbers.bar.share < share - 15


def test_a_plane_is_shifted_by_its_field_and_taken_back_by_a_step(qtbot, step):
    settle(qtbot, step, lambda: step.strategy.setCurrentIndex(step.strategy.findData("plane")))
    share = step.numbers.bar.share
    settle(qtbot, step, lambda: step.shift.setValue(-15.0))
    assert step.numbers.bar.share < share - 3
    settle(qtbot, step, step.back.click)
    assert step.numbers.bar.share == pytest.approx(share, abs=0.1)
    settle(qtbot, step, step.redo)
    assert step.numbers.bar.share < share - 3
    assert not step.can_redo


def test_changes_before_a_plan_was_kept_are_not_the_next_to_be_undone(qtbot, step):
    settle(qtbot, step, lambda: step.margin.setText("14 mm"))
    assert step.can_undo
    with qtbot.waitSignal(step.bridge.job_ended, timeout=60_000):
        step.keep.click()
    assert not step.can_undo  # the kept plan is, which is the project's
    settle(qtbot, step, lambda: step.margin.setText("12 mm"))
    settle(qtbot, step, step.undo)
    assert step.margin.text() == "14 mm"
    assert not step.can_undo


def test_territories_of_other_structures_are_not_offered(step):
    from organtwin.model import Recipe

    other = ball_liver(TUMOUR, PORTAL)
    foreign = quarters(other).with_(recipe=Recipe(operation="territories", inputs={"segmentation": other.uuid}))
    offered = step.territories.currentData()
    step.bridge.document.add([foreign], "territories of another search")
    step.refresh()
    assert step.territories.count() == 1
    assert step.territories.currentData() == offered


def test_surfaces_made_meanwhile_do_not_hide_the_plan(step):
    ground = step.live.ground
    assert step.board is not None
    assert ground is not None
    view = step.board.viewport
    made = Surface(name="Liver", structure="liver", points_mm=ground.organ.points_mm, triangles=ground.organ.triangles)
    view.show_surface(made)
    assert not view.items[made.uuid].visible
    step.board.close()
    assert view.items[made.uuid].visible


def test_a_second_plane_makes_a_wedge_that_takes_less_and_can_be_removed(qtbot, step):
    settle(qtbot, step, lambda: step.strategy.setCurrentIndex(step.strategy.findData("plane")))
    share = step.numbers.bar.share
    settle(qtbot, step, step.add_plane.click)
    assert len(step._settings.planes) == 2
    assert step.which.currentIndex() == 1
    assert step.numbers.bar.share > share
    assert step.plan is not None
    assert value_of(step.plan.quantities, MARGIN) > 6  # the tumour lies beyond both, with its margin
    first = step._settings.planes[0]
    settle(qtbot, step, lambda: step.shift.setValue(-8.0))
    assert step._settings.planes[0] == first  # the fields move the chosen one
    settle(qtbot, step, step.drop_plane.click)
    assert step.numbers.bar.share == pytest.approx(share, abs=0.1)


def test_clicks_make_a_line_along_which_more_is_taken_or_left(qtbot, step):
    share = step.numbers.bar.share
    step.take_here.click()
    settle(qtbot, step, lambda: step.scene.picked.emit(np.array([30.0, 0.0, -20.0])))
    settle(qtbot, step, lambda: step.scene.picked.emit(np.array([30.0, 20.0, -20.0])))
    assert [len(s.points_mm) for s in step._settings.strokes] == [2]
    assert step.numbers.bar.share < share - 0.5
    step.leave_here.click()
    assert not step.take_here.isChecked()
    settle(qtbot, step, lambda: step.scene.picked.emit(np.array([30.0, 20.0, -20.0])))
    assert [s.take for s in step._settings.strokes] == [True, False]
    assert not step._seeds  # these clicks are for the cut, not for the search


def test_keys_work_while_the_fold_of_their_button_is_closed(qtbot, step):
    step.fold.button.setChecked(False)
    settle(qtbot, step, lambda: step.margin.setText("14 mm"))
    back = [key for key in step.findChildren(QShortcut) if key.key() == QKeySequence("Alt+Backspace")]
    assert [key.isEnabled() for key in back] == [True]  # of the page, not of the button that is out of sight
    settle(qtbot, step, back[0].activated.emit)  # there need be no window manager to make the page the active window
    assert step.margin.text() == "10 mm"


def test_a_handle_that_is_dragged_pushes_the_cut(qtbot, step):
    board = step.board
    if not board.viewport.canvas.ready:
        pytest.skip("no OpenGL here")
    step.drag.setChecked(True)
    canvas = board.viewport.canvas
    canvas.draw(canvas.width(), canvas.height())
    at = canvas.project(board._points[0]).toPoint()
    before = step.numbers.bar.share
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert board.held_at() is not None
    normal = board.held_at()[2]
    seen = canvas.project(board._points[0] + 12 * normal).toPoint()
    settle(qtbot, step, lambda: QTest.mouseMove(canvas, seen))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, seen)
    assert board.held_at() is None
    assert len(step._settings.pushes) == 1
    assert step.numbers.bar.share < before
    assert step.back.isEnabled()


def test_proposals_are_listed_and_one_is_chosen(qtbot, step):
    with qtbot.waitSignal(step.live.proposed, timeout=60_000):
        step.propose.click()
    assert step.candidates.rowCount() >= 3
    qtbot.wait(50)
    assert step.plan is step.candidates.plans[0]
    row = next(n for n, p in enumerate(step.candidates.plans) if p.settings["strategy"] == "territories")
    step.candidates.selectRow(row)
    assert step.strategy.currentData() == "territories"
    assert step.plan is step.candidates.plans[row]


def test_a_plan_is_kept_as_an_object_that_undo_takes_back(qtbot, step):
    count = len(step.bridge.entries("plan"))
    step.keep.click()
    qtbot.waitUntil(lambda: len(step.bridge.entries("plan")) == count + 1, timeout=60_000)
    kept = step.bridge.get(step.bridge.entries("plan")[-1].uuid)
    assert isinstance(kept, ResectionPlan)
    assert kept.recipe is not None
    assert kept.recipe.parameters["margin"] == "10 mm"
    step.bridge.undo()
    assert len(step.bridge.entries("plan")) == count


def test_two_plans_stand_side_by_side_with_their_numbers(qtbot, step):
    dialog = ComparePlans(step.bridge, step.live.ground, opengl=step.board.viewport.canvas.ready)
    qtbot.addWidget(dialog)
    names = [box.currentText() for box in dialog.boxes]
    assert names == ["plan 0", "plan 1"]
    rows = {dialog.table.item(n, 0).text(): n for n in range(dialog.table.rowCount())}
    assert dialog.table.item(rows["remnant volume"], 1).font().bold()
    assert not dialog.table.item(rows["remnant volume"], 2).font().bold()
    assert "Both take" in dialog.said.text()
    dialog.done(0)


def test_leaving_the_page_brings_back_what_stood_there(step):
    viewport = step.board.viewport
    step.hide()
    assert UUID not in viewport.items
    step.show()
    assert UUID in viewport.items


def test_without_a_tumour_the_page_says_what_to_do(qtbot, tmp_path):
    bridge = Bridge()
    page = PlanStep(bridge, ImageScene())
    qtbot.addWidget(page)
    bridge.open(project(tmp_path / "healthy.otwin", tumours=None))
    page.show()
    qtbot.waitUntil(lambda: page.live.ground is not None, timeout=30_000)
    assert "No tumour is known yet" in page._said.text()
    assert not page.propose.isEnabled()
    assert page.fold.isEnabled()
    bridge.close()
    page.live.shut_down()


def test_every_button_says_what_it_does_and_no_two_have_one_key(step):
    from PySide6.QtWidgets import QAbstractButton

    keys = []
    for button in step.findChildren(QAbstractButton):
        if button.text() and button.parent() is not None:
            assert button.toolTip(), button.text()
        if not button.shortcut().isEmpty():
            keys.append(button.shortcut().toString())
    assert len(keys) == len(set(keys))


# -- the pieces ---------------------------------------------------------------------------------------------------------


def test_a_plane_turns_about_the_long_axis_and_tilts_up():
    plane = CutPlane(point_mm=(0, 0, 0), normal=(1, 0, 0))
    assert turning.moved(plane, 5.0, 0, 0).point_mm == pytest.approx((5, 0, 0))
    turned = np.array(turning.moved(plane, 0, 0, 90).normal)
    assert abs(turned[0]) < 1e-6
    assert abs(turned[2]) < 1e-6
    tilted = np.array(turning.moved(plane, 0, 90, 0).normal)
    assert tilted == pytest.approx((0, 0, 1), abs=1e-6)


@pytest.mark.parametrize("handle", [0, 1, 2])
def test_a_plane_goes_through_the_handle_where_it_was_dropped(handle):
    plane = CutPlane(point_mm=(3, -4, 5), normal=(0.6, 0.7, 0.2))
    points, normals = turning.handles(plane)
    goal = points[handle] + 12.0 * normals[handle]
    moved = turning.moved(plane, *turning.dragged(handle, 12.0))
    normal = np.array(moved.normal)
    away = (goal - np.array(moved.point_mm)) @ normal / np.linalg.norm(normal)
    assert abs(away) < 1e-3


def test_the_cut_is_red_where_it_comes_nearer_than_was_asked():
    colours = sheet_colours(np.array([2.0, 10.0, 40.0]), 10.0)
    assert tuple(colours[0]) == tuple(CLOSE.astype(int))
    assert colours[2].min() > 200


def test_the_rough_plan_agrees_with_the_exact_one():
    liver = ball_liver(TUMOUR, PORTAL)
    ground = ground_of(liver, quarters(liver), [portal_fork()], "liver")
    rough = {q.name: q.value for q in draw(ground, Settings()).plan.quantities}
    (plan,) = find("resection-plan")({"segmentation": liver}, {})
    exact = {q.name: q.value for q in plan.quantities}
    assert rough["remnant of functional liver"] == pytest.approx(exact["remnant of functional liver"], abs=1.5)


def test_the_way_of_a_drag_is_that_along_the_normal_as_it_is_seen(qtbot, opengl):
    view = Viewport(opengl=opengl.works)
    qtbot.addWidget(view)
    view.resize(400, 400)
    board = Board(view)
    point, normal = np.zeros(3), np.array([1.0, 0.0, 0.0])
    start = view.canvas.project(point)
    board._held = 0, start, point, normal
    assert board._way(view.canvas.project(point + 20 * normal)) == pytest.approx(20, rel=0.1)
    board._held = 0, start, point, np.array([0.0, 1.0, 0.0])  # straight at the eye: up and down count
    assert board._way(start + QPointF(0, -30)) > 0
    view.shut_down()
