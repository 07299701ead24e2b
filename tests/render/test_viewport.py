"""The 3D viewport on a real OpenGL window: what is shown, where it lies, what it leaves behind."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from organtwin_gui.views import (
    Clip,
    FlowLook,
    ImageScene,
    Layout,
    MeshLook,
    QuadView,
    TissueLook,
    Viewport,
)
from organtwin_gui.views.items.organ_mesh import cap_labels
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QImage

from organtwin.errors import BadInput

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


def settle(qtbot, viewport) -> None:
    """Until nothing is computed and the picture is a fine one."""
    qtbot.waitUntil(lambda: not viewport._background.busy, timeout=30_000)
    qtbot.wait(20)


def pixels(viewport) -> np.ndarray:
    """(h, w, 3) of the picture without the row of buttons."""
    viewport.bar.hide()
    image = viewport.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return raw[:, : image.width(), 2::-1].astype(int)


def middle_of(picture: np.ndarray, colour: str) -> np.ndarray:
    """(x, y) of the pixels in which one channel rules."""
    n = "rgb".index(colour)
    others = [c for c in range(3) if c != n]
    found = np.argwhere(picture[..., n] - picture[..., others].max(axis=-1) > 40)
    assert len(found) > 50, f"nothing {colour} to be seen"
    return found.mean(axis=0)[::-1]


def test_seen_from_the_front_the_patients_left_is_on_the_right_and_the_head_is_up(qtbot, viewport, ball) -> None:
    for centre, colour in (((60, 0, 0), (255, 0, 0)), ((-60, 0, 0), (0, 255, 0)), ((0, 0, 50), (0, 0, 255))):
        viewport.show_surface(ball(centre, 15, "liver"), colour=colour)
    settle(qtbot, viewport)
    picture = pixels(viewport)
    red, green, blue = (middle_of(picture, c) for c in "rgb")
    assert red[0] > blue[0] > green[0]
    assert blue[1] < red[1]
    viewport.look_from("P")
    picture = pixels(viewport)
    assert middle_of(picture, "r")[0] < middle_of(picture, "g")[0]
    viewport.look_from("S")
    picture = pixels(viewport)
    assert middle_of(picture, "r")[0] < middle_of(picture, "g")[0], (
        "from above the face is up and the left is on the left"
    )


def test_the_same_uuid_takes_the_place_and_remove_takes_out(qtbot, viewport, ball) -> None:
    first = ball((0, 0, 0), 20, "liver")
    viewport.show_surface(first, colour=(255, 0, 0))
    viewport.show_surface(first, colour=(0, 255, 0))
    settle(qtbot, viewport)
    assert len(viewport.items) == 1
    assert viewport.canvas.renderer.GetViewProps().GetNumberOfItems() == 1
    middle_of(pixels(viewport), "g")
    viewport.set_visible(first.uuid, False)
    with pytest.raises(AssertionError, match="nothing g"):
        middle_of(pixels(viewport), "g")
    viewport.remove(first.uuid)
    viewport.remove("never there")
    assert viewport.canvas.renderer.GetViewProps().GetNumberOfItems() == 0


def test_a_click_on_a_surface_moves_the_cursor_to_it(qtbot, viewport, ball) -> None:
    viewport.show_surface(ball((5, -10, 20), 25, "liver"))
    settle(qtbot, viewport)
    pixels(viewport)
    with qtbot.waitSignal(viewport.picked) as caught:
        qtbot.mouseClick(viewport.canvas, LEFT, pos=viewport.canvas.project(np.array([5.0, -35.0, 20.0])).toPoint())
    assert np.allclose(caught.args[0], (5, -35, 20), atol=1.0)
    assert np.allclose(viewport.scene.cursor.position_mm, caught.args[0])
    viewport.set_opacity(next(iter(viewport.items)), 0.4)
    pixels(viewport)
    assert np.allclose(viewport.canvas.point_at(QPointF(250, 200)), (5, -35, 20), atol=3.0), "glass can be picked too"
    assert viewport.canvas.point_at(QPointF(3, 396)) is None


def test_dragging_turns_shift_drag_pans_wheel_zooms_and_keys_look_from_sides(qtbot, viewport, ball) -> None:
    viewport.show_surface(ball((0, 0, 0), 25, "liver"))
    settle(qtbot, viewport)
    camera = viewport.canvas.renderer.GetActiveCamera()
    before = np.array(camera.GetPosition())
    canvas = viewport.canvas
    qtbot.mousePress(canvas, LEFT, pos=QPoint(250, 200))
    for x in (260, 290, 330):
        qtbot.mouseMove(canvas, QPoint(x, 210))
    qtbot.mouseRelease(canvas, LEFT, pos=QPoint(330, 210))
    assert not np.allclose(camera.GetPosition(), before)
    assert np.allclose(camera.GetFocalPoint(), (0, 0, 0), atol=1e-6)
    qtbot.mousePress(canvas, LEFT, Qt.KeyboardModifier.ShiftModifier, QPoint(250, 200))
    for x in (260, 290, 330):
        qtbot.mouseMove(canvas, QPoint(x, 210))
    qtbot.mouseRelease(canvas, LEFT, pos=QPoint(330, 210))
    assert not np.allclose(camera.GetFocalPoint(), (0, 0, 0), atol=1)
    qtbot.keyClick(canvas, Qt.Key.Key_3)
    assert np.allclose(camera.GetDirectionOfProjection(), (-1, 0, 0), atol=1e-6)
    qtbot.keyClick(canvas, Qt.Key.Key_P)
    assert camera.GetParallelProjection()
    qtbot.waitUntil(lambda: not canvas._moving, timeout=5000)


def test_mesh_regions_have_colours_and_names_and_the_clip_shows_cells(qtbot, viewport, vessel) -> None:
    viewport.show_mesh(vessel)
    settle(qtbot, viewport)
    item = viewport.items[vessel.uuid]
    assert [label.text.split()[0] for label in item.labels] == ["inlet", "outlet"]
    inflow, outflow = (label.arrow_mm for label in cap_labels(vessel))
    assert inflow[0][2] < inflow[1][2] <= 0, "the inlet's arrow points into the vessel"
    assert outflow[1][2] > outflow[0][2] >= 60
    assert item._arrows.GetVisibility()
    low, high = item._arrows.GetBounds()[4:]
    assert (low < -5, high > 65) == (True, True), "solid arrows before the inlet and after the outlet"
    whole = item._shell.GetMapper().GetInput().GetNumberOfCells()
    viewport.set_look(vessel.uuid, MeshLook(clip=Clip((0, -1, 0), 0.5)))
    settle(qtbot, viewport)
    assert item._shell.GetMapper().GetInput().GetNumberOfCells() < whole
    assert item._inside.GetMapper().GetInput().GetNumberOfCells() > 100
    viewport.set_look(vessel.uuid, MeshLook(colour_by="quality"))
    settle(qtbot, viewport)
    assert [legend.title for legend in item.legends] == ["Quality"]
    viewport.set_look(vessel.uuid, MeshLook(colour_by="plain", edges=False, names=False))
    assert (item.legends, item.labels) == ([], [])
    pixels(viewport)


def test_flow_is_shown_in_the_units_of_the_clinic(qtbot, viewport, vessel, flow) -> None:
    viewport.show_flow(flow, vessel, FlowLook(wall="pressure"))
    settle(qtbot, viewport)
    item = viewport.items[flow.uuid]
    pressure, speed = item.legends
    assert (pressure.title, pressure.unit) == ("Pressure", "mmHg")
    assert pressure.high == pytest.approx(100, abs=1)
    assert (speed.title, speed.unit) == ("Speed", "cm/s")
    assert 50 < speed.high <= 60
    lines = item._streams.GetMapper().GetInput()
    assert lines.GetNumberOfPoints() > 1000
    low, high = lines.GetBounds()[4:]
    assert (low < 3, high > 57) == (True, True), "streamlines run from end to end"
    viewport.set_look(flow.uuid, FlowLook(wall="wall_shear", streamlines=False, glyphs=True))
    settle(qtbot, viewport)
    assert [legend.unit for legend in item.legends] == ["Pa", "cm/s"]
    pixels(viewport)


def test_a_result_turns_the_surfaces_around_it_to_glass(qtbot, viewport, vessel, flow, ball) -> None:
    liver = ball((20, 0, 30), 15, "liver")
    viewport.show_surface(liver)
    opacity = lambda: viewport.items[liver.uuid]._actor.GetProperty().GetOpacity()  # noqa: E731
    assert opacity() == 1
    viewport.show_flow(flow, vessel)
    assert opacity() < 0.2
    viewport.set_visible(flow.uuid, False)
    assert opacity() == 1


def test_the_time_bar_begins_at_the_fastest_frame_and_plays(qtbot, viewport, vessel, flow) -> None:
    viewport.show_flow(flow, vessel, FlowLook(wall="pressure", streamlines=False))
    assert viewport.time_bar.isVisible()
    assert viewport.time_bar.fraction == pytest.approx(1 / 3), "after the last of three frames comes the first again"
    assert viewport.time_bar.text.text() == "0.40 s"
    viewport.set_time(0)
    scalars = viewport.items[flow.uuid]._wall_surface.GetPointData().GetScalars()
    assert scalars.GetRange()[1] == pytest.approx(0.3 * 13332.2, rel=1e-3)
    viewport.set_time(0.5)
    scalars = viewport.items[flow.uuid]._wall_surface.GetPointData().GetScalars()
    assert scalars.GetRange()[1] == pytest.approx(0.65 * 13332.2, rel=1e-3), "between two frames"
    viewport.time_bar.play()
    before = viewport.time_bar.fraction
    qtbot.waitUntil(lambda: viewport.time_bar.fraction != before, timeout=3000)
    viewport.remove(flow.uuid)
    assert not viewport.time_bar.playing
    assert not viewport.time_bar.isVisible()


def test_a_deformation_begins_at_rest_and_its_scale_exaggerates_the_shape_only(qtbot, viewport, vessel, tissue) -> None:
    viewport.show_tissue(tissue, vessel)
    item = viewport.items[tissue.uuid]
    assert item.legends[0].high == pytest.approx(12, rel=0.01)
    assert item.legends[0].unit == "mm"
    assert viewport.time_bar.text.text() == "100 % of the load"
    viewport.set_time(0)
    assert item._surface.GetBounds()[1] == pytest.approx(8, abs=0.1)
    viewport.set_time(2)
    assert item._surface.GetBounds()[1] == pytest.approx(20, abs=0.2)
    viewport.set_look(tissue.uuid, TissueLook(colour_by="strain", scale=2.0))
    assert item._surface.GetBounds()[1] == pytest.approx(32, abs=0.3)
    assert item.legends[0].unit == "%"
    assert item.legends[0].high == pytest.approx(20, rel=0.02)
    pixels(viewport)


def test_a_result_on_another_mesh_is_refused_in_words(viewport, vessel, flow, tissue) -> None:
    other = vessel.model_copy(update={"points_mm": vessel.points_mm[:-1]})
    with pytest.raises(BadInput, match="another mesh"):
        viewport.show_flow(flow, other)
    with pytest.raises(BadInput, match="another mesh"):
        viewport.show_tissue(tissue, other)
    assert not viewport.items


def test_the_scan_as_a_volume_lies_where_the_scan_lies(qtbot, viewport, scan) -> None:
    volume, _ = scan
    viewport.scene.set_volume(volume)
    viewport.scene.set_crosshair_visible(False)
    viewport.show_volume(volume, "CT bone")
    settle(qtbot, viewport)
    qtbot.wait(250)
    picture = pixels(viewport)
    bright = np.argwhere(picture.sum(axis=-1) > 330)
    assert len(bright) > 200
    x, y = bright.mean(axis=0)[::-1]
    expected = viewport.canvas.project(np.array([25.0, -10.0, 0.0]))
    assert np.hypot(x - expected.x(), y - expected.y()) < 12
    viewport.show_volume(volume, "CT skin")
    assert viewport.items[volume.uuid].preset.name == "CT skin"
    with pytest.raises(KeyError):
        viewport.show_volume(volume, "no such preset")


def test_slices_in_space_follow_the_cursor_and_wear_the_overlay(qtbot, viewport, scan) -> None:
    volume, segmentation = scan
    viewport.scene.set_volume(volume)
    viewport.scene.show_segmentation(segmentation)
    viewport.show_slices()
    item = viewport.items["slices"]
    axial = item._planes[0]
    viewport.scene.cursor.move((25, 0, 13.5))
    axial._source.Update()
    assert axial._source.GetOutput().GetBounds()[4:] == pytest.approx((13.5, 13.5))
    viewport.scene.set_crosshair_visible(False)
    viewport.scene.set_overlay_look(opacity=1.0)
    settle(qtbot, viewport)
    middle_of(pixels(viewport), "g")
    viewport.scene.set_volume(None)
    assert not axial.actor.GetVisibility()
    viewport.scene.set_volume(volume)
    assert axial.actor.GetVisibility()
    viewport.show_slices(False)
    viewport.scene.cursor.move((0, 0, 0))
    assert "slices" not in viewport.items


def test_a_screenshot_has_twice_the_pixels_and_its_legends(qtbot, viewport, vessel, flow, tmp_path) -> None:
    viewport.show_flow(flow, vessel, FlowLook(wall="pressure", streamlines=False))
    settle(qtbot, viewport)
    image = viewport.screenshot(tmp_path / "view.png")
    assert (image.width(), image.height()) == (2 * viewport.canvas.width(), 2 * viewport.canvas.height())
    kept = QImage(str(tmp_path / "view.png"))
    assert kept.size() == image.size()
    corner = kept.pixelColor(image.width() - 40, 60)
    assert corner.value() < 60, "the legend's plate"
    with pytest.raises(BadInput, match="could not be written"):
        viewport.screenshot(tmp_path / "no such folder" / "view.png")


def test_without_opengl_the_view_says_so_and_takes_everything(qtbot, vessel, flow, scan, ball) -> None:
    viewport = Viewport(ImageScene(), opengl=False)
    qtbot.addWidget(viewport)
    viewport.show()
    viewport.scene.set_volume(scan[0])
    viewport.show_mesh(vessel)
    viewport.show_surface(ball((0, 0, 0), 5, "liver"))
    viewport.show_flow(flow, vessel)
    viewport.show_slices()
    viewport.look_from("L")
    viewport.grab()
    assert "OpenGL" in viewport.canvas.message
    viewport.shut_down()


def test_four_up_maximises_changes_layout_and_remembers_it(qtbot, gl, tmp_path) -> None:
    scene = ImageScene()
    quad = QuadView(scene)
    qtbot.addWidget(quad)
    quad.resize(900, 600)
    quad.show()
    qtbot.waitExposed(quad)
    shown = lambda: {name for name, view in quad.views.items() if view.isVisible()}  # noqa: E731
    assert shown() == {"axial", "3d", "coronal", "sagittal"}
    qtbot.mouseDClick(quad.coronal.canvas, LEFT, pos=QPoint(50, 50))
    assert shown() == {"coronal"}
    assert quad.coronal.width() > 850
    qtbot.mouseDClick(quad.coronal.canvas, LEFT, pos=QPoint(50, 50))
    assert shown() == set(quad.views)
    quad.toggle_maximised("3d")
    qtbot.keyClick(quad.viewport.canvas, Qt.Key.Key_Escape)
    assert shown() == set(quad.views)
    quad.set_layout("big_3d")
    qtbot.wait(20)
    assert quad.viewport.width() > 1.5 * quad.axial.width()
    quad.set_layout(Layout.ONLY_3D)
    assert shown() == {"3d"}
    quad.set_layout(Layout.BIG_3D)
    settings = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    quad.save_to(settings)
    quad.shut_down()
    again = QuadView(ImageScene())
    qtbot.addWidget(again)
    again.restore_from(settings)
    assert again.view_layout is Layout.BIG_3D
    settings.setValue("views/layout", "nonsense")
    settings.setValue("views/big_3d", "nonsense")
    again.restore_from(settings)
    again.shut_down()


def test_a_closed_viewport_leaves_no_window_timer_or_thread(qtbot, gl, vessel, flow) -> None:
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

    def windows() -> int:
        gc.collect()
        return sum(isinstance(o, vtkRenderWindow) for o in gc.get_objects())

    before, threads = windows(), threading.active_count()
    for _ in range(3):
        scene = ImageScene()
        viewport = Viewport(scene)
        viewport.show()
        qtbot.waitExposed(viewport)
        viewport.show_flow(flow, vessel)
        viewport.time_bar.play()
        qtbot.wait(60)
        viewport.shut_down()
        assert not viewport.time_bar.playing
        assert not viewport.canvas._rest.isActive()
        viewport.close()
        viewport.deleteLater()
        scene.cursor.move((1, 2, 3))
        del viewport
        qtbot.wait(20)
    assert windows() == before
    assert threading.active_count() == threads
