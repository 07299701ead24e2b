"""The main window as a person uses it: with the mouse, the keyboard and real jobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.steps import FlowStep, MeshStep, ProcedureStep, SegmentStep, StudyStep, TissueStep
from organtwin_gui.views import Tool
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider, QToolButton

from organtwin.document import Document
from organtwin.model import OrganMesh, Result, Segment, Segmentation, Volume
from organtwin.space import Grid


def small_study() -> tuple[Volume, Segmentation]:
    """A bright upright tube and an ellipsoid in a grey block, on a grid that runs to the right, back and down."""
    grid = Grid.make((60, 50, 64), (2.0, 2.0, 2.5), (60, -50, 160), np.diag([-1.0, 1.0, -1.0]), "1.2.3.4")
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    x, y, z = np.moveaxis(grid.to_world(np.stack([i, j, k], axis=-1)), -1, 0)
    values = np.full(grid.shape, 40, np.int16)
    tube = (x - 25) ** 2 + (y - 10) ** 2 < 9.0**2
    ball = ((x + 15) / 24) ** 2 + ((y) / 30) ** 2 + ((z - 80) / 34) ** 2 < 1
    values[tube], values[ball] = 300, 110
    labels = np.zeros(grid.shape, np.uint8)
    labels[tube], labels[ball] = 1, 2
    volume = Volume(name="small CT", grid=grid, values=values, modality="CT", value_unit="HU")
    segments = (
        Segment.of(1, "aorta", float(tube.sum() * 10), 0.9),
        Segment.of(2, "liver", float(ball.sum() * 10), 0.8),
    )
    return volume, Segmentation(name="drawn", grid=grid, labels=labels, segments=segments)


@pytest.fixture
def project(tmp_path) -> Path:
    document = Document.create(tmp_path / "small.otwin")
    volume, segmentation = small_study()
    document.add([volume], "Import")
    document.add([segmentation], "Segment")
    document.close()
    return tmp_path / "small.otwin"


def press(qtbot, button: QAbstractButton) -> None:
    assert button.isEnabled(), f"'{button.text()}' cannot be pressed"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_window_opens_on_the_start_page_and_remembers_what_was_open(window, project, picture):
    assert window._pages.currentIndex() == 0
    window.open_project(project)
    assert window._pages.currentIndex() == 1
    assert window.preferences.recent == [project]
    window.close_project()
    assert window._pages.currentIndex() == 0
    picture(window, "start")


def test_a_folder_dropped_on_the_window_is_imported(window, qtbot, finished, tmp_path):
    from organtwin.sample import sample_folder

    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(sample_folder()))])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)
    finished(window)
    (entry,) = window.bridge.entries("volume")
    assert window.scene.volume.uuid == entry.uuid
    assert window.workflow.current is SegmentStep


def test_a_bad_drop_is_one_sentence_and_the_window_lives(window, qtbot, finished, tmp_path):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.txt").write_text("sun")
    window.open_paths([tmp_path / "holiday"])
    finished(window)
    qtbot.waitUntil(window.notice.isVisible, timeout=5000)
    assert "no scan here" in window.notice.text
    window.open_paths([tmp_path / "nowhere"])
    assert "nothing at this place" in window.notice.text


def test_clicks_in_a_slice_move_the_linked_crosshair(window, qtbot, project):
    window.open_project(project)
    canvas = window.quad.axial.canvas
    before = window.scene.cursor.position_mm
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() // 3, canvas.height() // 2))
    after = window.scene.cursor.position_mm
    assert not np.allclose(before, after)
    assert after[0] < before[0]  # the left of the picture is the patient's right
    index = window.quad.axial.index
    qtbot.keyClick(canvas, Qt.Key.Key_Up)
    assert window.quad.axial.index != index


def test_from_labels_to_mesh_flow_and_pull_with_the_buttons(window, qtbot, project, finished, picture):
    window.open_project(project)
    mesh = window.workflow.step(MeshStep)
    window.workflow.go_to(MeshStep)
    mesh.edge.setText("4 mm")
    mesh.structure.setCurrentIndex(mesh.structure.findData("aorta"))
    press(qtbot, mesh.run)
    assert not mesh.run.isEnabled()
    assert window.jobs.isVisible()
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    vessel = window.bridge.get(window.bridge.latest("mesh", structure="aorta").uuid)
    assert isinstance(vessel, OrganMesh)
    assert {c.role for c in vessel.caps} == {"inlet", "outlet"}
    picture(window, "mesh")

    window.workflow.go_to(FlowStep)
    flow = window.workflow.step(FlowStep)
    flow.inflow.output.setText("1 L/min")
    press(qtbot, flow.run)
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    result = window.bridge.get(window.bridge.latest("result").uuid)
    assert isinstance(result, Result)
    assert result.physics == "flow"
    assert window.stage.is_shown(result.uuid)
    assert not window.stage.is_shown(vessel.uuid)
    qtbot.wait(400)
    picture(window, "flow")

    window.workflow.go_to(MeshStep)
    mesh.edge.setText("9 mm")
    mesh.structure.setCurrentIndex(mesh.structure.findData("liver"))
    press(qtbot, mesh.run)
    finished(window)
    window.workflow.go_to(TissueStep)
    tissue = window.workflow.step(TissueStep)
    press(qtbot, tissue.run)
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    pulled = window.bridge.get(window.bridge.latest("result").uuid)
    assert pulled.physics == "tissue"
    moved = np.linalg.norm(pulled.fields["displacement_mm"][-1], axis=1).max()
    assert moved == pytest.approx(15.0, rel=0.1)
    qtbot.wait(300)
    picture(window, "tissue")

    before = len(window.bridge.entries())
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.undo_action.trigger() if len(window.bridge.entries()) == before else None
    assert len(window.bridge.entries()) == before - 1
    window.redo_action.trigger()
    assert len(window.bridge.entries()) == before


def test_strokes_drawn_with_the_mouse_become_a_segmentation(window, qtbot, project, finished):
    window.open_project(project)
    window.workflow.go_to(SegmentStep)
    step = window.workflow.step(SegmentStep)
    step.engine.setCurrentIndex(step.engine.findData("grow"))
    assert not step.run.isEnabled()
    window.scene.cursor.move((-15, 0, 80))
    canvas = window.quad.axial.canvas

    def stroke(*points_mm) -> None:
        places = [canvas.position_of(np.asarray(p, float)).toPoint() for p in points_mm]
        qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=places[0])
        for place in places[1:]:
            qtbot.mouseMove(canvas, place)
        qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=places[-1])

    press(qtbot, step._draw)
    assert window.scene.tool is Tool.SEED
    stroke((-20, 0, 80), (-10, 0, 80))
    press(qtbot, step._draw_out)
    stroke((20, -40, 80), (40, -40, 80))
    assert len(window.scene.strokes) == 2
    press(qtbot, step.run)
    finished(window)
    assert not window.notice.isVisible(), window.notice.text
    made = window.bridge.get(window.bridge.latest("segmentation").uuid)
    truth = small_study()[1].mask("liver")
    found = made.mask("liver")
    assert 2 * (truth & found).sum() / (truth.sum() + found.sum()) > 0.9


def test_failing_triangles_are_marked_in_3d_and_the_crosshair_goes_there(window, project):
    from organtwin_gui.stage import FAILING

    from organtwin.errors import BadInput
    from organtwin.jobs import Job

    window.open_project(project)
    job = Job.create(window.bridge.document.project.jobs_folder, "mesh", {}, {}, "Mesh")
    job.error = BadInput("Two triangles of the surface cut through each other")
    job.error.places_mm = ((12.0, -3.0, 70.0), (14.0, -3.0, 70.0))
    window.bridge.job_ended.emit(job)
    assert window.stage.is_shown(FAILING)
    assert np.allclose(window.scene.cursor.position_mm, (12, -3, 70))
    job.error = None
    window.bridge.job_ended.emit(job)
    assert not window.stage.is_shown(FAILING)


def test_a_job_can_be_cancelled_from_its_row(window, qtbot, project, finished):
    window.open_project(project)
    job = window.bridge.start(
        "mesh",
        {"segmentation": window.bridge.latest("segmentation").uuid},
        {"structure": "liver", "edge": "1.2 mm"},
        "Slow",
    )
    qtbot.waitUntil(lambda: job.id in window.jobs.rows, timeout=5000)
    row = window.jobs.rows[job.id]
    press(qtbot, row._button)
    qtbot.waitUntil(lambda: job.state.ended, timeout=5000)
    assert job.state.value == "cancelled"
    assert not window.bridge.entries("mesh")


def test_a_wrong_quantity_is_marked_and_explained_before_anything_runs(window, qtbot, project):
    window.open_project(project)
    step = window.workflow.step(MeshStep)
    step.edge.setText("two")
    assert "border-color" in step.edge.styleSheet()
    step._start()
    assert "cannot be read as a length" in window.notice.text
    assert window.bridge.running() == []


def test_every_control_has_a_tooltip(window, project):
    window.open_project(project)
    kinds = (QAbstractButton, QComboBox, QSlider, QLineEdit)
    for step in (StudyStep, SegmentStep, MeshStep, FlowStep, ProcedureStep, TissueStep):
        page = window.workflow.step(step)
        for kind in kinds:
            for control in page.findChildren(kind):
                if control.objectName().startswith("qt_") or isinstance(control.parent(), QComboBox | type(None)):
                    continue
                owner = control if control.toolTip() else control.parent()
                assert owner.toolTip(), (
                    f"{step.name}: {type(control).__name__} '{getattr(control, 'text', str)()}' has no tooltip"
                )
    for button in window.toolbar.findChildren(QToolButton):
        if button.isVisible():
            assert button.toolTip(), button.text()


def test_dark_and_light_and_a_small_screen_show_the_same_controls(window, project, picture):
    window.open_project(project)
    window.toggle_theme()
    picture(window, "light")
    window.toggle_theme()
    assert window.minimumSizeHint().width() <= 1366
    assert window.minimumSizeHint().height() <= 740


def test_undo_of_a_removed_object_brings_it_back_in_the_list(window, qtbot, project):
    window.open_project(project)
    uuid = window.bridge.latest("segmentation").uuid
    window.bridge.select(uuid)
    window.inspector.remove()
    assert not window.bridge.entries("segmentation")
    qtbot.waitUntil(lambda: window.scene.overlays == {}, timeout=2000)
    window.undo_action.trigger()
    assert window.bridge.latest("segmentation").uuid == uuid
    qtbot.waitUntil(lambda: uuid in window.scene.overlays, timeout=2000)


def test_the_main_loop_never_waits_long_while_a_job_runs(window, qtbot, project, finished):
    """Not a timing: how many turns of the loop a job gets. A window that waits gets almost none."""
    from PySide6.QtCore import QTimer

    window.open_project(project)
    turns = []
    clock = QTimer()
    clock.timeout.connect(lambda: turns.append(1))
    clock.start(20)
    window.bridge.start(
        "mesh", {"segmentation": window.bridge.latest("segmentation").uuid}, {"structure": "aorta"}, "Mesh"
    )
    finished(window)
    clock.stop()
    assert len(turns) > 20
