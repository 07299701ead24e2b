"""The slice views under real mouse and key events."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_gui.views import Brush, Disc, Distance, ImageScene, Plane, SliceView, Tool
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def volume() -> Volume:
    grid = Grid.make((60, 50, 40), (2.0, 2.0, 3.0), (-59, -49, -58.5), frame_uid="1.2.3")
    values = np.zeros(grid.shape, np.int16)
    values[:, :, 30:] = 100
    return Volume(name="scan", grid=grid, values=values, modality="CT", value_unit="HU")


@pytest.fixture
def segmentation(volume) -> Segmentation:
    labels = np.zeros(volume.grid.shape, np.uint8)
    labels[10:30, 10:40, 35:50] = 3
    return Segmentation(name="s", grid=volume.grid, labels=labels, segments=(Segment.of(3, "liver", 1.0),))


@pytest.fixture
def views(qtbot, volume):
    scene = ImageScene()
    made = {plane: SliceView(plane, scene) for plane in Plane}
    for view in made.values():
        qtbot.addWidget(view)
        view.resize(420, 400)
        view.show()
        qtbot.waitExposed(view)
    scene.set_volume(volume)
    return scene, made


def drag(qtbot, canvas, start, end, button=LEFT, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    a, b = QPoint(*start), QPoint(*end)
    qtbot.mousePress(canvas, button, modifier, a)
    for share in (0.3, 0.7, 1.0):
        qtbot.mouseMove(canvas, a + (b - a) * share)
    _held_move(canvas, b, button, modifier)
    qtbot.mouseRelease(canvas, button, modifier, b)


def _held_move(canvas, at: QPoint, button, modifier) -> None:
    """A move with its button held: QTest's own move does not say so."""
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    where = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove, where, canvas.mapToGlobal(where), Qt.MouseButton.NoButton, button, modifier
    )
    QApplication.sendEvent(canvas, event)


def wheel(canvas, steps: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    centre = QPointF(canvas.rect().center())
    event = QWheelEvent(
        centre,
        canvas.mapToGlobal(centre),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        modifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def test_a_new_scan_is_fitted_and_centred(views, volume) -> None:
    scene, made = views
    assert [made[p].index for p in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)] == [20, 24, 30]
    assert made[Plane.AXIAL].canvas.zoom == pytest.approx(1.0)
    assert (scene.level, scene.width) == (40, 400)


def test_the_window_of_the_file_comes_first(volume) -> None:
    scene = ImageScene()
    scene.set_volume(volume.with_(window=(90.0, 150.0)))
    assert (scene.level, scene.width) == (90, 150)


def test_a_click_moves_the_cursor_and_the_other_views_follow(qtbot, views) -> None:
    scene, made = views
    canvas = made[Plane.AXIAL].canvas
    target = np.array([21.0, -15.0, scene.cursor.position_mm[2]])
    qtbot.mouseClick(canvas, LEFT, pos=canvas.position_of(target).toPoint())
    assert np.allclose(scene.cursor.position_mm, target, atol=0.5)
    assert made[Plane.SAGITTAL].index == 40
    assert made[Plane.CORONAL].index == 17


def test_shift_and_move_is_a_linked_crosshair(views) -> None:
    _, made = views
    canvas = made[Plane.CORONAL].canvas
    where = canvas.position_of(np.array([-31.0, 0.0, 31.5]))
    _held_move(canvas, where.toPoint(), Qt.MouseButton.NoButton, SHIFT)
    assert made[Plane.AXIAL].index == 30
    assert made[Plane.SAGITTAL].index == 14


def test_wheel_and_keys_go_through_slices_and_stop_at_the_ends(qtbot, views) -> None:
    scene, made = views
    view = made[Plane.AXIAL]
    wheel(view.canvas, 3)
    assert view.index == 23
    assert view.slider.value() == 23
    for key, expected in ((Qt.Key.Key_Up, 24), (Qt.Key.Key_F, 25), (Qt.Key.Key_B, 24), (Qt.Key.Key_Left, 23)):
        qtbot.keyClick(view.canvas, key)
        assert view.index == expected
    wheel(view.canvas, 200)
    assert view.index == 39
    wheel(view.canvas, -200)
    assert view.index == 0
    view.slider.setValue(7)
    assert view.index == 7
    assert scene.cursor.position_mm[2] == pytest.approx(-58.5 + 7 * 3)


def test_right_drag_zooms_middle_and_shift_drag_pan_r_resets(qtbot, views) -> None:
    _, made = views
    canvas = made[Plane.AXIAL].canvas
    drag(qtbot, canvas, (200, 200), (200, 280), RIGHT)
    zoomed = canvas.zoom
    assert zoomed > 1.5
    for button, modifier in ((MIDDLE, Qt.KeyboardModifier.NoModifier), (LEFT, SHIFT)):
        before = canvas.framing
        drag(qtbot, canvas, (200, 200), (240, 170), button, modifier)
        assert canvas.framing.centre_column < before.centre_column
        assert canvas.framing.centre_row > before.centre_row
        assert canvas.zoom == pytest.approx(zoomed)
    qtbot.keyClick(canvas, Qt.Key.Key_R)
    assert canvas.zoom == pytest.approx(1.0)
    wheel(canvas, 2, CONTROL)
    assert canvas.zoom > 1.3


def test_the_window_changes_only_with_its_own_tool(qtbot, views) -> None:
    scene, made = views
    canvas = made[Plane.AXIAL].canvas
    drag(qtbot, canvas, (100, 100), (200, 160))
    assert (scene.level, scene.width) == (40, 400)
    scene.tool = Tool.WINDOW
    drag(qtbot, canvas, (100, 100), (200, 160))
    assert scene.width > 400
    assert scene.level > 40
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    assert scene.tool is Tool.NAVIGATE


def test_figures_choose_tools_in_their_order(qtbot, views) -> None:
    scene, made = views
    for number, tool in enumerate(t for t in Tool if t is not Tool.EDIT):
        qtbot.keyClick(made[Plane.AXIAL].canvas, str(number + 1))
        assert scene.tool is tool


def test_a_distance_is_in_millimetres_can_be_edited_and_deleted(qtbot, views) -> None:
    scene, made = views
    canvas = made[Plane.SAGITTAL].canvas
    scene.tool = Tool.MEASURE
    a, b = np.array([1.0, -20.0, -30.0]), np.array([1.0, 20.0, 0.0])
    start, end = canvas.position_of(a).toPoint(), canvas.position_of(b).toPoint()
    drag(qtbot, canvas, start.toTuple(), end.toTuple())
    (mark,) = scene.marks.values()
    assert isinstance(mark, Distance)
    assert mark.length_mm == pytest.approx(50.0, abs=0.6)
    new_end = canvas.position_of(np.array([1.0, 20.0, -30.0])).toPoint()
    drag(qtbot, canvas, end.toTuple(), new_end.toTuple())
    assert scene.marks[mark.id].length_mm == pytest.approx(40.0, abs=0.6)
    assert len(scene.marks) == 1
    _held_move(canvas, new_end, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    qtbot.keyClick(canvas, Qt.Key.Key_Delete)
    assert not scene.marks


def test_a_disc_probes_and_a_double_click_leaves_none_behind(qtbot, views) -> None:
    scene, made = views
    canvas = made[Plane.AXIAL].canvas
    scene.tool = Tool.PROBE
    centre = canvas.position_of(np.array([21.0, 1.0, 1.5])).toPoint()
    drag(qtbot, canvas, centre.toTuple(), (centre.x() + 20, centre.y()))
    (mark,) = scene.marks.values()
    assert isinstance(mark, Disc)
    assert mark.radius_mm == pytest.approx(20 * canvas.framing.mm_per_pixel * canvas.devicePixelRatioF(), rel=0.05)
    assert canvas._disc_lines(mark)[0] == "100 ± 0 HU"
    with qtbot.waitSignal(canvas.maximise_requested):
        qtbot.mousePress(canvas, LEFT, pos=QPoint(60, 60))
        qtbot.mouseRelease(canvas, LEFT, pos=QPoint(60, 60))
        qtbot.mouseDClick(canvas, LEFT, pos=QPoint(60, 60))
    assert list(scene.marks) == [mark.id]


def test_a_stroke_comes_out_in_patient_coordinates_with_its_structure(qtbot, views) -> None:
    scene, made = views
    canvas = made[Plane.CORONAL].canvas
    scene.tool = Tool.SEED
    drag(qtbot, canvas, (100, 200), (160, 200))
    assert not scene.strokes, "no structure, no seeds"
    scene.set_brush(Brush("liver", (40, 140, 40), 4.0))
    ends = [np.array([-30.0, 1.0, 1.5]), np.array([10.0, 1.0, 1.5])]
    with qtbot.waitSignal(scene.stroke_drawn) as caught:
        drag(qtbot, canvas, *(canvas.position_of(p).toPoint().toTuple() for p in ends))
    (stroke,) = caught.args
    assert (stroke.key, stroke.radius_mm) == ("liver", 4.0)
    assert np.allclose(stroke.points_mm[0][[0, 2]], ends[0][[0, 2]], atol=3)
    assert np.ptp(stroke.points_mm[:, 0]) == pytest.approx(40, abs=1.5)
    wheel(canvas, 3, SHIFT)
    assert scene.brush.radius_mm > 4.0


def test_the_readout_names_value_and_segment(views, segmentation) -> None:
    scene, _ = views
    scene.show_segmentation(segmentation)
    inside = scene.readout_at(segmentation.grid.to_world((40, 20, 20)))
    assert (inside.value, inside.unit, inside.segments) == (100, "HU", ("Liver",))
    assert scene.readout_at((500.0, 0, 0)) is None


def test_g_hides_the_segmentation_and_styles_survive_a_new_version(qtbot, views, segmentation) -> None:
    scene, made = views
    scene.show_segmentation(segmentation)
    scene.set_segment_style(segmentation.uuid, "liver", opacity=0.3)
    canvas = made[Plane.AXIAL].canvas
    coloured = _saturation(canvas.grab().toImage())
    qtbot.keyClick(canvas, Qt.Key.Key_G)
    assert not scene.overlays_visible
    assert _saturation(canvas.grab().toImage()) < coloured
    newer = segmentation.model_copy(update={"uuid": "new", "replaces": segmentation.uuid})
    scene.show_segmentation(newer)
    assert list(scene.overlays) == ["new"]
    assert scene.overlays["new"].styles[3].opacity == 0.3


def _saturation(image) -> int:
    """Number of green pixels."""
    pixels = (
        np.frombuffer(image.convertToFormat(image.Format.Format_RGB32).constBits(), np.uint8).reshape(-1, 4).astype(int)
    )
    return int(((pixels[:, 1] - pixels[:, 2] > 15) & (pixels[:, 1] - pixels[:, 0] > 15)).sum())


def test_a_segmentation_of_another_frame_is_refused_in_words(views, segmentation) -> None:
    scene, _ = views
    grid = Grid(segmentation.grid.size, segmentation.grid.affine, "9.9.9")
    with pytest.raises(BadInput, match="another frame of reference"):
        scene.show_segmentation(segmentation.model_copy(update={"grid": grid}))


def test_pick_says_where(qtbot, views) -> None:
    scene, made = views
    scene.tool = Tool.PICK
    canvas = made[Plane.AXIAL].canvas
    target = np.array([-11.0, 13.0, 1.5])
    with qtbot.waitSignal(scene.picked) as caught:
        qtbot.mouseClick(canvas, LEFT, pos=canvas.position_of(target).toPoint())
    assert np.allclose(caught.args[0], target, atol=0.6)


def test_no_scan_and_a_tiny_view_are_no_trouble(qtbot, views) -> None:
    scene, made = views
    view = made[Plane.AXIAL]
    view.resize(60, 50)
    view.grab()
    scene.set_volume(None)
    view.grab()
    wheel(view.canvas, 1)
    qtbot.mouseClick(view.canvas, LEFT, pos=QPoint(10, 10))
    qtbot.keyClick(view.canvas, Qt.Key.Key_R)
    assert not view.slider.isEnabled()


def test_one_slice_is_enough(qtbot) -> None:
    scene = ImageScene()
    view = SliceView("sagittal", scene)
    qtbot.addWidget(view)
    view.show()
    grid = Grid.make((1, 8, 1), (1, 1, 1))
    scene.set_volume(Volume(name="thin", grid=grid, values=np.zeros(grid.shape, np.float32)))
    view.grab()
    wheel(view.canvas, 1)
    assert view.index == 0
