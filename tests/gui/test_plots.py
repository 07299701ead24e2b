"""The plots below the views follow the chosen result, its time and its plane."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from organtwin_gui.plots.panel import PlotsPanel
from organtwin_gui.views import FlowLook
from PySide6.QtCore import QPointF, Qt

from organtwin.document import Document
from organtwin.model import Cap, OrganMesh, Result


def duct() -> OrganMesh:
    """A square duct of 60 mm along z."""
    axes = [np.linspace(-8, 8, 4), np.linspace(-8, 8, 4), np.linspace(0, 60, 9)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(len(points)).reshape(4, 4, 9)
    unit = np.array([number[1, 0, 0], number[0, 1, 0], number[0, 0, 1]])
    ways = [np.cumsum([0, *unit[list(order)]]) for order in permutations(range(3))]
    tets = np.concatenate([number[:-1, :-1, :-1].ravel()[:, None] + way for way in ways])
    corners = points[tets]
    wrong = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
    tets[wrong] = tets[wrong][:, [1, 0, 2, 3]]
    faces = tets[:, [(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)]].reshape(-1, 3)
    _, first, times = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    outer = faces[first[times == 1]]
    z = points[outer][:, :, 2]
    tags = np.where((z < 1e-9).all(axis=1), 1, np.where((z > 60 - 1e-9).all(axis=1), 2, 0))
    caps = (
        Cap(name="inlet", role="inlet", centre_mm=(0, 0, 0), normal=(0, 0, -1), area_mm2=256, radius_mm=9),
        Cap(name="outlet", role="outlet", centre_mm=(0, 0, 60), normal=(0, 0, 1), area_mm2=256, radius_mm=9),
    )
    return OrganMesh(
        name="duct", structure="aorta", points_mm=points, tets=tets.astype(np.int32),
        boundary_triangles=outer.astype(np.int32), boundary_tags=tags.astype(np.int16),
        boundaries={"wall": 0, "inlet": 1, "outlet": 2}, caps=caps,
    )  # fmt: skip


@pytest.fixture
def shown(window, tmp_path, qtbot):
    """The window on a flow over a cycle and a lumped result, plots open."""
    mesh = duct()
    z = np.linspace(0, 60, 31)
    table = {
        "distance_mm": z.tolist(), "x_mm": (0 * z).tolist(), "y_mm": (0 * z).tolist(), "z_mm": z.tolist(),
        "pressure_pa": (13332 - 20 * z).tolist(), "ffr": (1 - z / 200).tolist(),
    }  # fmt: skip
    times = np.linspace(0.02, 0.8, 40)
    histories = {"time_s": times.tolist(), "flow inlet (mL/s)": np.sin(times).tolist()}
    velocity = np.zeros((4, len(mesh.points_mm), 3), np.float32)
    velocity[..., 2] = np.array([100.0, 400, 200, 50])[:, None]
    flow = Result(
        name="flow", physics="flow", mesh=mesh.uuid, times_s=np.array([0.2, 0.4, 0.6, 0.8]),
        fields={"velocity_mm_per_s": velocity}, tables={"inlet → outlet": table}, histories=histories,
    )  # fmt: skip
    lumped = Result(
        name="0D", physics="lumped", mesh=mesh.uuid, times_s=times, fields={},
        tables={"inlet → outlet": {"distance_mm": [0.0, 60.0], "ffr": [1.0, 0.9]}}, histories=histories,
    )  # fmt: skip
    document = Document.create(tmp_path / "duct.otwin")
    document.add([mesh], "Mesh")
    document.add([lumped], "Lumped")
    document.add([flow], "Flow")
    document.close()
    window.open_project(tmp_path / "duct.otwin")
    window.plots_action.trigger()
    qtbot.wait(20)
    return window, flow, lumped


def test_the_key_shows_and_hides_the_plots(shown, picture):
    window, flow, _ = shown
    assert window.plots_action.shortcut().toString() == "F6"
    assert window.plots.isVisible()
    assert window.plots.result.uuid == flow.uuid
    picture(window, "plots")
    window.plots_action.trigger()
    assert not window.plots.isVisible()


def test_the_line_of_time_moves_with_the_time_bar_and_a_click_goes_there(shown):
    window, flow, _ = shown
    plots: PlotsPanel = window.plots
    viewport = window.quad.viewport
    viewport.set_time(1)
    assert plots.over.cursor.isVisible()
    assert plots.over.cursor.value() == pytest.approx(0.4)
    plots.over.clicked.emit(0.6)
    assert viewport.items[flow.uuid].time_in_cycle_s == pytest.approx(0.6)
    assert plots.over.cursor.value() == pytest.approx(0.6)


def test_pointing_at_a_curve_marks_the_place_and_a_click_brings_the_plane(shown):
    window, flow, _ = shown
    plots, viewport = window.plots, window.quad.viewport
    viewport.set_look(flow.uuid, FlowLook(streamlines=False))
    plots.along.hovered.emit((0, 15))
    assert viewport._marked == pytest.approx((0, 0, 30))
    plots.along.hovered.emit(None)
    assert viewport._marked is None
    plots.along.clicked.emit(45.0)
    plane = viewport.look_of(flow.uuid).plane
    assert plane.share == pytest.approx(0.75)
    assert plots.along._place.value() == pytest.approx(45.0)
    assert viewport.items[flow.uuid]._plane.section.area_mm2 == pytest.approx(256, rel=1e-6)


def test_ffr_has_its_limit_and_curves_say_their_value(shown):
    plots = shown[0].plots
    plots.where.setCurrentIndex(plots.where.findData("ffr"))
    assert plots.along._level.isVisible()
    assert plots.along._level.value() == pytest.approx(0.8)
    box = plots.along.getPlotItem().vb
    plots.along._moved(box.mapViewToScene(QPointF(30.0, 0.85)))
    assert "0.85" in plots.along._says.toPlainText()
    plots.where.setCurrentIndex(plots.where.findData("pressure_pa"))
    assert not plots.along._level.isVisible()


def test_time_stays_in_seconds_when_another_curve_is_chosen(shown):
    over = shown[0].plots.over
    for _ in range(2):
        over.dress()  # as when a curve is chosen or the theme changes
        over.getAxis("bottom").setRange(0.0, 0.8)
        assert over.getAxis("bottom").autoSIPrefixScale == 1.0


def test_a_result_that_is_shown_again_is_not_hidden_by_its_mesh(shown, opengl):
    if not opengl.works:
        pytest.skip("no OpenGL")
    window, flow, _ = shown
    window.stage.show(flow.uuid)
    window.stage.show(flow.mesh)
    window.stage.hide(flow.uuid)
    window.stage.show(flow.uuid)
    assert window.stage.is_shown(flow.uuid)
    assert not window.stage.is_shown(flow.mesh)


def test_a_lumped_result_has_plots_without_a_picture(shown):
    window, _, lumped = shown
    window.bridge.select(lumped.uuid)
    assert window.plots.result.uuid == lumped.uuid
    assert lumped.uuid not in window.quad.viewport.items
    assert not window.plots.over.cursor.isVisible()
    window.plots.over.clicked.emit(0.3)  # of no effect
    window.plots.along.clicked.emit(10.0)


def test_without_a_result_the_plots_say_what_to_do(window, tmp_path):
    document = Document.create(tmp_path / "empty.otwin")
    document.close()
    window.open_project(tmp_path / "empty.otwin")
    window.plots_action.trigger()
    assert window.plots._empty.isVisible()
    window.close_project()


def test_the_controls_of_a_flow_follow_the_keys(shown, qtbot):
    from PySide6.QtWidgets import QCheckBox

    window, flow, _ = shown
    window.bridge.select(flow.uuid)
    options = window.inspector.options

    def box(text: str) -> QCheckBox | None:
        return next((b for b in options.findChildren(QCheckBox) if b.text() == text and b.isVisible()), None)

    qtbot.waitUntil(lambda: box("Particles") is not None, timeout=3000)
    assert not box("Particles").isChecked()
    qtbot.keyClick(window.quad.viewport.canvas, Qt.Key.Key_D)
    qtbot.waitUntil(lambda: box("Particles") is not None and box("Particles").isChecked(), timeout=3000)
    qtbot.waitUntil(lambda: box("Plane across") is not None, timeout=3000)
    box("Plane across").click()
    assert window.quad.viewport.look_of(flow.uuid).plane is not None
    for control in options.findChildren(QCheckBox):
        assert control.toolTip()


def test_the_dialog_for_films_offers_what_can_be_made(shown, tmp_path):
    from organtwin_gui.video import VideoDialog

    window, _, _ = shown
    dialog = VideoDialog(window.quad.viewport, window)
    endings = [dialog.format.itemData(n) for n in range(dialog.format.count())]
    assert {".webm", ".gif", ""} <= set(endings)
    assert dialog.go.isEnabled()
    dialog.reject()
