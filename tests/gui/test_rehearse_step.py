"""A rehearsal with the mouse and the keys, on an engine that is only pretended."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.rehearsal.room import State
from organtwin_gui.steps import PlanStep, RehearseStep
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QInputDevice, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from organtwin.document import Document
from organtwin.model import OrganMesh, Surface
from organtwin.model.rehearsal import Close, Deviation, Drain, Incise, Lay, Open, PlaneResection, Take
from organtwin.rehearsal import messages as say

sys.path.insert(0, str(Path(__file__).parent))
from pretend import PretendSession, boundary_of

LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def block(n: int = 8, edge_mm: float = 10.0) -> OrganMesh:
    """A cube of tetrahedra."""
    k, j, i = (a.ravel() for a in np.indices((n + 1, n + 1, n + 1)))
    points = np.stack([i, j, k], axis=1) * edge_mm
    at = np.arange((n + 1) ** 3).reshape(n + 1, n + 1, n + 1)
    c = [at[z : z + n, y : y + n, x : x + n].ravel() for z in (0, 1) for y in (0, 1) for x in (0, 1)]
    six = ((0, 1, 3, 7), (0, 3, 2, 7), (0, 2, 6, 7), (0, 6, 4, 7), (0, 4, 5, 7), (0, 5, 1, 7))
    tets = np.concatenate([np.stack([c[m] for m in t], axis=1) for t in six]).astype(np.int32)
    skin = boundary_of(tets).astype(np.int32)
    return OrganMesh(
        name="Liver", structure="liver", points_mm=points.astype(float), tets=tets, boundary_triangles=skin,
        boundary_tags=np.zeros(len(skin), np.int16), boundaries={"surface": 0},
    )  # fmt: skip


def tumour() -> Surface:
    corners = 12.0 * np.vstack([np.eye(3), -np.eye(3)]) + 40
    faces = np.array([(a, b, c) for a in (0, 3) for b in (1, 4) for c in (2, 5)], np.int32)
    return Surface(name="Tumour", structure="liver_tumour", points_mm=corners, triangles=faces)


@pytest.fixture
def table(window, qtbot, tmp_path):
    """The window with an organ on the table; gives the page."""
    document = Document.create(tmp_path / "block.otwin")
    organ = block()
    document.add([tumour()], "Tumour")
    document.add([organ], "Mesh")
    document.close()
    PretendSession.organ = organ
    PretendSession.made.clear()
    window.open_project(tmp_path / "block.otwin")
    window.room.make_session = window.rehearsals.make_session = PretendSession
    window.quad.set_layout("only_3d")
    window.workflow.go_to(RehearseStep)
    return window.workflow.step(RehearseStep)


@pytest.fixture
def live(table, window, qtbot):
    """... and begun."""
    qtbot.mouseClick(table.begin, LEFT)
    qtbot.waitUntil(lambda: window.room.state is State.LIVE, timeout=5000)
    window.quad.viewport.reset_camera()
    qtbot.wait(60)
    return window.room


def session() -> PretendSession:
    return PretendSession.made[-1]


def press_key(window, key) -> None:
    QTest.keyClick(window.quad.viewport.canvas, key)


def middle(window) -> QPoint:
    item = window.room.item
    return window.quad.viewport.canvas.project((item.low_mm + item.high_mm) / 2).toPoint()


def drag(window, start: QPoint, end: QPoint, qtbot, *, release: bool = True) -> None:
    canvas = window.quad.viewport.canvas
    QTest.mouseMove(canvas, start)
    QTest.mousePress(canvas, LEFT, NO_KEYS, start)
    for share in np.linspace(0.1, 1, 10):
        QTest.mouseMove(canvas, start + (end - start) * float(share))
        qtbot.wait(2)
    if release:
        QTest.mouseRelease(canvas, LEFT, NO_KEYS, end)


def test_what_lies_on_the_table_is_what_the_form_says(table, live):
    roles = session().inputs
    assert set(roles) == {"mesh", "inside-1"}
    assert session().scene.material.young == "6.9 kPa"
    assert session().scene.fixed
    assert session().scene.gravity is None


def test_the_grasper_closes_on_press_pulls_on_drag_and_opens_on_release(live, window, qtbot):
    press_key(window, Qt.Key.Key_2)
    start = middle(window)
    drag(window, start, start + QPoint(80, 0), qtbot, release=False)
    qtbot.waitUntil(lambda: len(session().steps) == 2, timeout=2000)
    assert [type(c) for c in session().asked] == [Take, Close]
    tips = np.array([p.tip_mm for p in session().poses])
    moved = tips[-1] - session()._grabbed
    assert np.linalg.norm(moved) > 5
    towards = live.hand.axes()[2]
    assert abs(moved @ towards) < 0.05 * np.linalg.norm(moved)  # in the plane of the screen
    qtbot.waitUntil(lambda: live.item.frame.grasping and live.measures.force_n > 0, timeout=2000)
    assert np.abs(live.item.frame.points_mm - live.item.frame.rest_mm).max() > 5
    QTest.mouseRelease(window.quad.viewport.canvas, LEFT, NO_KEYS, start + QPoint(80, 0))
    assert type(session().asked[-1]) is Open


def pen(window, kind, at: QPoint, pressure: float, held: Qt.MouseButton) -> None:
    """What the driver of a tablet sends."""
    canvas = window.quad.viewport.canvas
    device = QPointingDevice(
        "pen",
        7,
        QInputDevice.DeviceType.Stylus,
        QPointingDevice.PointerType.Pen,
        QInputDevice.Capability.Pressure,
        1,
        1,
    )
    QApplication.sendEvent(
        canvas,
        QTabletEvent(
            kind, device, QPointF(at), QPointF(canvas.mapToGlobal(at)), pressure, 0, 0, 0, 0, 0, NO_KEYS, LEFT, held
        ),
    )


def test_a_pen_presses_the_ball_in_as_deep_as_it_is_pressed(live, window, qtbot):
    press_key(window, Qt.Key.Key_4)
    at, towards = middle(window), live.hand.axes()[2]
    pen(window, QEvent.Type.TabletPress, at, 0.25, LEFT)
    lightly = np.array(session().poses[-1].tip_mm) @ towards
    pen(window, QEvent.Type.TabletMove, at, 0.75, LEFT)
    firmly = np.array(session().poses[-1].tip_mm) @ towards
    assert lightly - firmly == pytest.approx(0.5 * 8.0, abs=0.1)  # half of the depth that is set
    pen(window, QEvent.Type.TabletRelease, at, 0.0, Qt.MouseButton.NoButton)
    assert not live.hand._working


def test_a_vessel_can_neither_be_drained_nor_taken_out_with_a_margin(table, window, qtbot):
    vein = tumour().with_(name="Portal vein", structure="portal_vein")
    window.bridge.document.add([vein], "Vein")
    qtbot.mouseClick(table.begin, LEFT)
    qtbot.waitUntil(lambda: window.room.state is State.LIVE, timeout=5000)
    assert "inside-2" in window.room._inputs  # it is on the table
    assert window.room.inside == ("Tumour",)
    press_key(window, Qt.Key.Key_Minus)
    assert [table.tray.inside.itemData(n) for n in range(table.tray.inside.count())] == ["Tumour"]
    press_key(window, Qt.Key.Key_Return)
    assert session().asked[-1] == Drain(inside="Tumour", keep=0.2)


def test_only_another_shape_is_another_tool(live, table, window, qtbot):
    press_key(window, Qt.Key.Key_2)
    table.tray.spins["reach"].setValue(12)
    assert [type(c) for c in session().asked] == [Take]
    drag(window, middle(window), middle(window) + QPoint(4, 0), qtbot)
    assert next(c for c in session().asked if isinstance(c, Close)).reach == "12 mm"
    press_key(window, Qt.Key.Key_4)
    table.tray.spins["radius"].setValue(12)
    assert [c.shape.radius for c in session().asked if isinstance(c, Take) and c.tool == "ball"] == ["8 mm", "12 mm"]


def test_what_was_found_of_a_moment_goes_when_that_moment_is_undone(live, window, qtbot):
    live.do(Take())
    qtbot.waitUntil(lambda: live._newest is not None and len(live.steps) == 1, timeout=2000)
    live._checked(Deviation(tick=live._newest.tick + 10**6, largest_mm=0.4, percent=1.0, result="r"))
    qtbot.waitUntil(lambda: live.deviation is None, timeout=2000)
    assert live.badge.text == "Rehearsal, not yet checked"


def test_the_plan_does_not_draw_over_a_live_rehearsal(live, window):
    window.workflow.step(PlanStep).board.open(None)
    assert [uuid for uuid, item in window.quad.viewport.items.items() if item.visible] == ["live"]


def test_a_pose_is_sent_on_every_move_of_the_mouse_and_shown_at_once(live, window, qtbot):
    press_key(window, Qt.Key.Key_1)
    canvas, start = window.quad.viewport.canvas, middle(window)
    before = len(session().poses)
    for n in range(12):
        QTest.mouseMove(canvas, start + QPoint(3 * n, n))
    assert len(session().poses) >= before + 11
    assert np.allclose(live.item._ghost_at[:3], session().poses[-1].tip_mm)


def test_space_lifts_the_tool_and_gives_the_mouse_to_the_camera(live, window, qtbot):
    press_key(window, Qt.Key.Key_4)
    camera = window.quad.viewport.canvas.renderer.GetActiveCamera()
    eye = camera.GetPosition()
    start = middle(window)
    drag(window, start, start + QPoint(60, 20), qtbot)
    assert camera.GetPosition() == eye
    press_key(window, Qt.Key.Key_Space)
    assert live.hand.lifted
    item = live.item
    assert np.linalg.norm(np.array(session().poses[-1].tip_mm) - (item.low_mm + item.high_mm) / 2) > 100
    drag(window, start, start + QPoint(60, 20), qtbot)
    assert camera.GetPosition() != eye
    press_key(window, Qt.Key.Key_Space)
    assert not live.hand.lifted


def test_the_wheel_moves_a_working_tool_along_the_line_of_sight_and_zooms_otherwise(live, window, qtbot):
    press_key(window, Qt.Key.Key_1)
    start = middle(window)
    drag(window, start, start + QPoint(20, 0), qtbot, release=False)
    tip = np.array(session().poses[-1].tip_mm)
    assert live.hand._gesture.wheel(2.0)
    moved = np.array(session().poses[-1].tip_mm) - tip
    assert moved @ live.hand.axes()[2] < -3.5
    QTest.mouseRelease(window.quad.viewport.canvas, LEFT, NO_KEYS, start)
    assert not live.hand._gesture.wheel(2.0)


def test_a_drawn_path_is_cut_when_the_button_is_released(live, window, qtbot, picture):
    press_key(window, Qt.Key.Key_7)
    start = middle(window)
    drag(window, start - QPoint(50, 10), start + QPoint(50, 10), qtbot)
    (cut,) = [c for c in session().asked if isinstance(c, Incise)]
    assert len(cut.path_mm) > 4
    path = np.array(cut.path_mm)
    assert np.allclose(path[:, 1], 0, atol=1e-3)  # on the face that is looked at
    assert cut.depth == "15 mm"
    picture(window, "rehearse-incise")


def test_a_plane_is_turned_by_its_arrow_confirmed_by_enter_and_its_cut_shows_the_scan(live, window, qtbot, picture):
    press_key(window, Qt.Key.Key_8)
    gesture = live.hand._gesture
    assert live.item._plane.GetVisibility()
    arrow = live.hand.project(gesture._arrow).toPoint()
    normal = gesture._normal.copy()
    drag(window, arrow, arrow + QPoint(0, -70), qtbot)
    assert gesture._normal @ normal < 0.99
    press_key(window, Qt.Key.Key_Return)
    (cut,) = [c for c in session().asked if isinstance(c, PlaneResection)]
    assert np.allclose(cut.normal, gesture._normal)
    qtbot.waitUntil(lambda: len(live.item.cut.points) > 0, timeout=3000)
    assert live.hand.grip is None
    assert not live.item._plane.GetVisibility()
    picture(window, "rehearse-cut")


def test_escape_puts_the_plane_aside_and_nothing_is_cut(live, window, qtbot):
    press_key(window, Qt.Key.Key_8)
    press_key(window, Qt.Key.Key_Escape)
    assert not session().asked
    assert live.hand.grip is None


def test_undo_and_redo_go_to_the_rehearsal_while_it_runs(live, table, window, qtbot):
    press_key(window, Qt.Key.Key_8)
    press_key(window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(live.steps) == 1, timeout=2000)
    assert "Resect" in window.undo_action.toolTip()
    window.undo_action.trigger()
    qtbot.waitUntil(lambda: not live.steps, timeout=2000)
    assert len(window.bridge.entries("mesh")) == 1  # the project was left alone
    qtbot.waitUntil(lambda: len(live.item.cut.points) == 0, timeout=2000)
    window.redo_action.trigger()
    qtbot.waitUntil(lambda: len(live.steps) == 1, timeout=2000)
    table.list.wanted.emit(0)
    qtbot.waitUntil(lambda: not live.steps and len(live.undone) == 1, timeout=2000)
    assert table.list.count() == 2


def test_what_is_refused_is_one_sentence_and_the_rehearsal_goes_on(live, window, qtbot):
    live.do(PlaneResection(point_mm=(500, 0, 0), normal=(1, 0, 0)))
    qtbot.waitUntil(lambda: bool(live.refusal), timeout=2000)
    assert "goes through nothing" in live.refusal
    assert not window.notice.isVisible()  # a bar across the window would move the organ away under the hand
    assert live.state is State.LIVE


def test_an_engine_that_died_is_told_and_gone_on_with_from_its_recording(live, table, window, qtbot):
    from organtwin.rehearsal.recording import Recording

    live.do(Take())
    qtbot.waitUntil(lambda: len(live.steps) == 1, timeout=2000)
    first = session()
    recording = Recording(first.folder, first.inputs, first.scene)
    recording({"step": first.steps[0].model_dump(mode="json")})
    recording.close()
    first.die("The rehearsal was ended by signal 9; it can go on from its last step.")
    qtbot.waitUntil(lambda: live.state is State.BROKEN, timeout=2000)
    assert "signal 9" in table.why.text()
    assert table.resume.isVisible()
    qtbot.mouseClick(table.resume, LEFT)
    qtbot.waitUntil(lambda: live.state is State.LIVE, timeout=2000)
    assert session() is not first
    assert session().replay.steps == tuple(first.steps)


def test_a_kept_rehearsal_is_in_the_project_undoable_and_can_be_replayed_and_compared(live, table, window, qtbot):
    for _ in range(2):
        live.do(Take())
        qtbot.waitUntil(lambda: bool(live.steps), timeout=2000)
        count = len(window.bridge.entries("rehearsal"))
        qtbot.mouseClick(table.keep, LEFT)
        qtbot.waitUntil(lambda n=count: len(window.bridge.entries("rehearsal")) == n + 1, timeout=3000)
    kept = session()
    live.leave()
    qtbot.waitUntil(lambda: kept.closed, timeout=2000)
    assert kept.forgotten  # it lives in the project now
    table.kept.selectAll()
    qtbot.mouseClick(table.versus, LEFT)
    assert window._middle.currentWidget() is window.rehearsals
    assert window.rehearsals.table.rowCount() == 1
    qtbot.wait(100)
    window.rehearsals.left.emit()
    table.kept.setCurrentRow(0)
    qtbot.mouseClick(table.play, LEFT)
    qtbot.waitUntil(lambda: live.state is State.LIVE, timeout=2000)
    assert session().replay is not None
    assert len(session().replay.steps) == 2
    live.leave()
    window.bridge.undo()
    assert len(window.bridge.entries("rehearsal")) == 1


def test_one_looks_back_with_the_time_bar_while_the_tissue_waits(live, table, window, qtbot):
    live.do(Take())
    qtbot.waitUntil(lambda: len(live._reel.frames) > 3, timeout=4000)
    qtbot.mouseClick(table.look_back, LEFT)
    assert live.state is State.LOOKING_BACK
    assert session().paused
    assert window.quad.viewport.canvas.hasFocus() or not window.isActiveWindow()  # Space plays, and is not the button's
    assert table.list.focusPolicy() == Qt.FocusPolicy.TabFocus  # nor are digits the list's after a click on a step
    bar = window.quad.viewport.time_bar
    assert bar.isVisible()
    bar.set_fraction(0.5)
    assert live.item.frame in live._reel.frames
    qtbot.mouseClick(table.look_back, LEFT)
    assert live.state is State.LIVE
    assert not bar.isVisible()
    assert not session().paused


def test_the_badge_says_what_is_known_and_of_which_moment(live, qtbot):
    assert live.badge.text == "Rehearsal, not yet checked"
    live._checked(Deviation(tick=0, largest_mm=0.42, percent=1.7, result="r"))
    qtbot.waitUntil(lambda: live.item.frame.tick > 20, timeout=3000)
    assert live.badge.text == "Rehearsal, deviation 0.42 mm (1.7 %), checked at 0.0 s"


def test_the_picture_shows_the_organ_its_numbers_and_the_badge(live, window, qtbot, opengl):
    if not opengl.works:
        pytest.skip("no OpenGL")
    qtbot.wait(400)
    image = window.quad.viewport.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    red = image.pixelColor(middle(window))
    assert red.red() > 1.3 * red.green()  # liver, not the green of the label map
    live.hand.project(np.zeros(3))


def test_leaving_brings_back_what_stood_in_the_view(live, table, window, qtbot):
    uuid = window.bridge.latest("mesh").uuid
    assert not window.stage.is_shown(uuid)
    qtbot.mouseClick(table.end, LEFT)
    assert window.stage.is_shown(uuid)
    assert live.state is State.EMPTY
    assert table.begin.isVisible()


def test_a_pen_presses_as_deep_as_it_is_pressed(live, window):
    from organtwin_gui.rehearsal.instruments import INSTRUMENTS, Grip

    live.take(Grip.of(next(i for i in INSTRUMENTS if i.key == "press")))
    hand, gesture = live.hand, live.hand._gesture
    ray = hand._ray(QPointF(middle(window)))
    gesture.press(ray, 0.25)
    light = np.array(session().poses[-1].tip_mm)
    gesture.drag(ray, 0.75)
    firm = np.array(session().poses[-1].tip_mm)
    assert (firm - light) @ -hand.axes()[2] == pytest.approx(0.5 * 8, abs=0.2)
    live.take(None)
    assert isinstance(session().asked[-1], Lay)


def test_events_of_an_unknown_kind_are_no_matter(live):
    live._hear(say.Frames(path="x"))


def test_undo_takes_the_tool_out_of_the_hand_and_says_nothing_more(live, window, qtbot):
    press_key(window, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: len(live.steps) == 1, timeout=2000)
    live.undo()
    qtbot.waitUntil(lambda: live.hand.grip is None, timeout=2000)
    assert [type(c) for c in session().asked] == [Take]
    assert len(live.undone) == 1  # nothing was done that would forbid redo


def test_a_retractor_that_is_left_stays_in_sight_until_it_is_undone(live, window, qtbot):
    press_key(window, Qt.Key.Key_3)
    QTest.mouseMove(window.quad.viewport.canvas, middle(window))
    qtbot.wait(60)
    press_key(window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(live.steps) == 2, timeout=2000)
    assert session().asked[-1] == Lay(leave=True)
    assert live.hand.grip is None
    assert live.item._standing[0].GetVisibility()
    live.undo()
    qtbot.waitUntil(lambda: not live.item._standing[0].GetVisibility(), timeout=2000)


def test_what_is_looked_back_at_can_be_filmed(live, table, window, qtbot, opengl, tmp_path):
    from organtwin_gui.video import VideoDialog

    if not opengl.works:
        pytest.skip("no OpenGL")
    live.do(Take())
    qtbot.waitUntil(lambda: len(live._reel.frames) > 4, timeout=4000)
    live.look_back(True)
    dialog = VideoDialog(window.quad.viewport, window)
    qtbot.addWidget(dialog)
    assert "as it was" in dialog.length.itemText(0)
    dialog.format.setCurrentIndex(dialog.format.findData(".gif"))
    dialog.record(tmp_path / "film.gif")
    qtbot.waitUntil((tmp_path / "film.gif").exists, timeout=30_000)


def test_the_organ_that_a_rehearsal_left_does_not_push_itself_forward(live, table, window, qtbot):
    from organtwin.model import Recipe

    first = table.table.organ.currentData()
    left = PretendSession.organ.with_(
        uuid="0b0e3d5c-0000-4000-8000-000000000001", name="Liver, after", recipe=Recipe(operation="rehearse")
    )
    live.leave()
    window.bridge.document.add([left], "Rehearsal")
    assert table.table.organ.currentData() == first
    window.bridge.document.add([left.with_(uuid="0b0e3d5c-0000-4000-8000-000000000002", recipe=None)], "Mesh")
    assert table.table.organ.currentData() == "0b0e3d5c-0000-4000-8000-000000000002"
