"""The Segment page as a workbench, under real mouse and key events."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.segmenting.surface_nets import surface_nets
from organtwin_gui.segmenting.surfaces import rough_surfaces
from organtwin_gui.steps import SegmentStep
from organtwin_gui.steps.segment import CORRECT
from organtwin_gui.views import QuadView
from organtwin_gui.views.state import ImageScene, Tool, canonical_box
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QSplitter

from organtwin.document import Document
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
CENTRE = np.array([0.0, 0.0, 60.0])


def study() -> tuple[Volume, Segmentation]:
    """Two bright balls in a grey box, one of them segmented, on a grid that runs the other way along j and k."""
    grid = Grid.make((48, 44, 30), (2.0, 2.0, 4.0), (-47.0, 43.0, 118.0), np.diag([1.0, -1.0, -1.0]), frame_uid="1.2.3")
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    xyz = grid.to_world(np.stack([i, j, k], -1))
    outside = np.linalg.norm(xyz - (-20, 0, 60), axis=-1) - 14
    first = outside < 0
    outside = np.minimum(outside, np.linalg.norm(xyz - (24, 0, 60), axis=-1) - 12)
    values = np.clip(95 - 27.5 * outside, 40, 150).astype(np.int16)  # edges of 4 mm
    volume = Volume(name="CT", grid=grid, values=values, modality="CT", value_unit="HU")
    labels = np.zeros(grid.shape, np.uint8)
    labels[first] = 1
    voxel = grid.voxel_volume_mm3
    segments = (Segment.of(1, "liver", float(first.sum() * voxel), 0.8), Segment.of(2, "aorta", 0.0, 0.9))
    return volume, Segmentation(name="found", grid=grid, labels=labels, segments=segments)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "hand.otwin"
    document = Document.create(folder)
    volume, segmentation = study()
    document.add([volume], "Import")
    document.add([segmentation], "Segment")
    document.close()
    return folder


class Table(QSplitter):
    """The page and the views of the window, and nothing else of it."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge, self.scene = Bridge(self), ImageScene(self)
        self.page = SegmentStep(self.bridge, self.scene)
        self.quad = QuadView(self.scene, opengl=False)
        self.page.attach(self.quad.viewport)
        self.addWidget(self.page)
        self.addWidget(self.quad)
        self.resize(1200, 800)

    def open(self, folder) -> None:
        assert self.bridge.open(folder)
        self.scene.set_volume(self.bridge.get(self.bridge.latest("volume").uuid))

    def shut_down(self) -> None:
        self.page.shut_down()
        self.bridge.close()
        self.quad.shut_down()


@pytest.fixture
def table(qtbot):
    theme.apply(QApplication.instance(), theme.DARK)
    made = Table()
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.shut_down()


@pytest.fixture
def bench(table, qtbot, project):
    """The page with no tool taken up: (table, page, axial canvas)."""
    table.open(project)
    table.page.show_part(CORRECT)
    qtbot.waitUntil(lambda: table.page.desk.bench is not None, timeout=3000)
    qtbot.wait(20)
    table.scene.cursor.move(CENTRE)
    return table, table.page, table.quad.axial.canvas


def drag(canvas, *points_mm, modifiers=NONE) -> None:
    """Press at the first point, go along the others with the button held, let go at the last."""
    places = [canvas.position_of(np.asarray(p, float)) for p in points_mm]
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * len(places[1:]), QEvent.Type.MouseButtonRelease]
    for kind, at in zip(kinds, [*places, places[-1]], strict=True):
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        QApplication.sendEvent(canvas, QMouseEvent(kind, at, canvas.mapToGlobal(at), button, held, modifiers))


def hover(canvas, point_mm) -> None:
    at = canvas.position_of(np.asarray(point_mm, float))
    none = Qt.MouseButton.NoButton
    QApplication.sendEvent(canvas, QMouseEvent(QEvent.Type.MouseMove, at, canvas.mapToGlobal(at), none, none, NONE))


def volume_of(page, key: str) -> float:
    return next(s.volume_mm3 for s in page.desk.segments if s.key == key) / 1000


def shown_volume(page, key: str) -> float:
    """mL of a segment in the labels that the views paint."""
    (overlay,) = page.scene.overlays.values()
    label = overlay.segmentation.segment(key).label
    return float((overlay.labels == label).sum() * overlay.grid.voxel_volume_mm3 / 1000)


def test_a_stroke_is_an_edit_that_is_seen_at_once_and_undone_through_the_project(bench, qtbot) -> None:
    window, page, canvas = bench
    before = volume_of(page, "liver")
    qtbot.keyClick(canvas, "1")
    assert window.scene.tool is Tool.EDIT
    drag(canvas, (-20, -30, 60), (0, -30, 60), (10, -30, 60))
    after = volume_of(page, "liver")
    assert after > before
    assert shown_volume(page, "liver") == pytest.approx(after)
    assert window.bridge.document.undo_label == "Paint: Liver"
    window.bridge.undo()
    qtbot.wait(20)
    assert volume_of(page, "liver") == pytest.approx(before)
    assert shown_volume(page, "liver") == pytest.approx(before)
    window.bridge.redo()
    qtbot.wait(20)
    assert shown_volume(page, "liver") == pytest.approx(after)
    assert page.list.tree.topLevelItem(0).text(2).startswith(f"{after:.0f}")


@pytest.mark.parametrize("view", ["axial", "coronal", "sagittal"])
def test_a_disc_lies_in_the_slice_it_is_painted_in(bench, qtbot, view) -> None:
    window, page, _ = bench
    canvas = getattr(window.quad, view).canvas
    page.desk.take("aorta")
    qtbot.keyClick(canvas, "1")
    drag(canvas, CENTRE, CENTRE + 0.5)
    where = np.argwhere(page.desk.bench.labels == 2)
    assert len(where) > 5
    through = page.desk.bench.grid.to_world(where[:, ::-1])[:, {"axial": 2, "coronal": 1, "sagittal": 0}[view]]
    assert np.ptp(through) == 0


def test_control_turns_the_brush_round(bench, qtbot) -> None:
    _, page, canvas = bench
    before = volume_of(page, "liver")
    qtbot.keyClick(canvas, "1")
    drag(canvas, (-20, 0, 60), (-15, 0, 60), modifiers=CONTROL)
    assert volume_of(page, "liver") < before


def test_shift_and_wheel_change_the_brush(bench, qtbot) -> None:
    _, page, canvas = bench
    qtbot.keyClick(canvas, "1")
    before, index = page.palette.page.size.value, canvas.index
    centre = QPointF(canvas.rect().center())
    event = QWheelEvent(
        centre, canvas.mapToGlobal(centre), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, SHIFT,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)
    assert page.palette.page.size.value > before
    assert canvas.index == index


def test_a_locked_segment_is_not_touched_and_unlocking_is_one_click_away(bench, qtbot) -> None:
    _, page, canvas = bench
    page.desk.set_locked("liver", True)
    before = volume_of(page, "liver")
    qtbot.keyClick(canvas, "1")
    drag(canvas, (-20, -30, 60), (10, -30, 60))
    assert volume_of(page, "liver") == pytest.approx(before)
    assert "locked" in page.strip.text
    page.strip.way_out.click()
    drag(canvas, (-20, -30, 60), (10, -30, 60))
    assert volume_of(page, "liver") > before


def test_a_stroke_of_another_segment_goes_round_a_locked_one(bench, qtbot) -> None:
    _, page, canvas = bench
    page.desk.set_locked("liver", True)
    liver = volume_of(page, "liver")
    page.desk.take("aorta")
    qtbot.keyClick(canvas, "1")
    drag(canvas, (-20, 0, 60), (0, 0, 60))
    assert volume_of(page, "liver") == pytest.approx(liver)
    assert volume_of(page, "aorta") > 0


def test_q_and_w_go_through_the_segments_and_space_puts_the_tool_down(bench, qtbot) -> None:
    window, page, canvas = bench
    assert page.desk.segment.key == "liver"
    qtbot.keyClick(canvas, "w")
    assert page.desk.segment.key == "aorta"
    qtbot.keyClick(canvas, "q")
    assert page.desk.segment.key == "liver"
    qtbot.keyClick(canvas, "2")
    assert page.palette.page.name == "erase"
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    assert page.palette.page is None
    assert window.scene.tool is Tool.NAVIGATE
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    assert page.palette.page.name == "erase"


def test_a_contour_is_closed_by_a_double_click(bench, qtbot) -> None:
    _, page, canvas = bench
    page.desk.take("aorta")
    qtbot.keyClick(canvas, "0")
    corners = [(10, -20, 60), (40, -20, 60), (40, 20, 60), (10, 20, 60)]
    for corner in corners:
        drag(canvas, corner)
    assert volume_of(page, "aorta") == 0
    at = canvas.position_of(np.asarray(corners[0], float))
    qtbot.mouseDClick(canvas, LEFT, NONE, at.toPoint())
    assert volume_of(page, "aorta") == pytest.approx(30 * 40 * 4 / 1000, rel=0.15)


def test_a_threshold_is_seen_before_it_is_applied(bench, qtbot) -> None:
    window, page, canvas = bench
    page.desk.take("aorta")
    qtbot.keyClick(canvas, "6")
    page.palette.page.low.set_value(100)
    page.palette.page.low.changed.emit(100)
    assert window.scene.range_preview is not None
    assert volume_of(page, "aorta") == 0
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert window.scene.range_preview is None
    qtbot.keyClick(canvas, "6")
    window.scene.cursor.move((24, 0, 60))
    page.palette.page.where.take("at")
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: volume_of(page, "aorta") > 0, timeout=60_000)
    assert volume_of(page, "aorta") == pytest.approx(4 / 3 * np.pi * 12**3 / 1000, rel=0.15)


def test_a_click_floods_what_hangs_together(bench, qtbot) -> None:
    _, page, canvas = bench
    page.desk.take("aorta")
    qtbot.keyClick(canvas, "5")
    page.palette.page.tolerance.set_value(50)  # to half way between the two values
    drag(canvas, (24, 0, 60))
    qtbot.waitUntil(lambda: volume_of(page, "aorta") > 0, timeout=60_000)
    assert volume_of(page, "aorta") == pytest.approx(4 / 3 * np.pi * 12**3 / 1000, rel=0.2)


def test_seeds_show_what_they_would_become_and_enter_makes_it_so(bench, qtbot) -> None:
    window, page, canvas = bench
    page.desk.take("aorta")
    qtbot.keyClick(canvas, "7")
    drag(canvas, (20, 0, 60), (28, 0, 60))
    drag(canvas, (0, -30, 60), (40, -30, 60), modifiers=CONTROL)
    qtbot.waitUntil(lambda: window.scene.label_preview is not None, timeout=60_000)
    assert volume_of(page, "aorta") == 0
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: volume_of(page, "aorta") > 0, timeout=60_000)
    assert window.scene.label_preview is None
    assert not window.scene.strokes
    x = page.desk.bench.grid.to_world(np.argwhere(page.desk.bench.labels == 2)[:, ::-1])[:, 0]
    assert x.min() > 8
    assert 2 < volume_of(page, "aorta") < 9


def test_the_line_of_equal_value_follows_the_pointer(bench, qtbot) -> None:
    window, page, canvas = bench
    page.desk.take("aorta")
    qtbot.keyClick(canvas, "4")
    hover(canvas, (36, 0, 60))
    assert window.scene.label_preview is not None
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert window.scene.label_preview is None


def test_a_line_cuts_the_side_that_it_says(bench, qtbot) -> None:
    _, page, canvas = bench
    qtbot.keyClick(canvas, "9")
    page.palette.page.what.take("erase-right")
    drag(canvas, (-20, 30, 60), (-20, -30, 60))  # upwards on the screen: the patient's left lies to the right of it
    qtbot.waitUntil(lambda: volume_of(page, "liver") < 8, timeout=60_000)
    where = np.argwhere(page.desk.bench.labels == 1)
    x = page.desk.bench.grid.to_world(where[:, ::-1])[:, 0]
    assert x.max() <= -19
    assert x.min() < -30


def test_scissors_in_a_slice_cut_what_is_inside_the_line(bench, qtbot) -> None:
    _, page, canvas = bench
    qtbot.keyClick(canvas, "8")
    loop = [(-50, -30, 60), (-20, -30, 60), (-20, -10, 60), (-20, 10, 60), (-20, 30, 60), (-50, 30, 60), (-50, 0, 60)]
    drag(canvas, *loop)
    qtbot.waitUntil(lambda: not page.desk.busy, timeout=60_000)
    x = page.desk.bench.grid.to_world(np.argwhere(page.desk.bench.labels == 1)[:, ::-1])[:, 0]
    assert x.min() >= -22
    assert x.max() > -10


def test_scissors_in_3d_cut_through_the_camera(window, qtbot, project) -> None:
    view = window.quad.viewport.canvas
    if not view.ready:
        pytest.skip("no OpenGL here")
    window.open_project(project)
    window.workflow.go_to(SegmentStep)
    page, canvas = window.workflow.step(SegmentStep), window.quad.axial.canvas
    page.show_part(CORRECT)
    qtbot.waitUntil(lambda: any(u.startswith("bench-") for u in window.quad.viewport.items), timeout=60_000)
    window.quad.viewport.look_from("A")
    qtbot.keyClick(canvas, "8")
    left = [
        view.project(np.array(p, float))
        for p in ((-60, 0, 20), (-20, 0, 20), (-20, 0, 60), (-20, 0, 100), (-60, 0, 100))
    ]
    for kind, at in zip(
        [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * 4, QEvent.Type.MouseButtonRelease],
        [*left, left[-1]],
        strict=True,
    ):
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        QApplication.sendEvent(view, QMouseEvent(kind, at, view.mapToGlobal(at), button, LEFT, NONE))
    qtbot.waitUntil(lambda: not page.desk.busy, timeout=60_000)
    x = page.desk.bench.grid.to_world(np.argwhere(page.desk.bench.labels == 1)[:, ::-1])[:, 0]
    assert -24 <= x.min() <= -16
    assert x.max() > -10


def test_the_list_adds_renames_merges_and_removes_as_edits(bench, qtbot) -> None:
    window, page, _ = bench
    assert page.desk.add("spleen")
    assert page.desk.segment.name == "Spleen"
    assert page.desk.rename("spleen", "Milz")
    assert [page.list.tree.topLevelItem(n).text(1) for n in range(3)] == ["Liver", "Aorta", "Milz"]
    assert page.desk.merge("liver", "spleen")
    assert [s.key for s in page.desk.segments] == ["aorta", "spleen"]
    assert volume_of(page, "spleen") > 10
    assert page.desk.remove("spleen")
    assert [s.key for s in page.desk.segments] == ["aorta"]
    for _ in range(4):
        window.bridge.undo()
    qtbot.wait(20)
    assert [s.name for s in page.desk.segments] == ["Liver", "Aorta"]
    assert not page.strip.isVisible()


def test_eye_and_lock_are_clicked_in_the_list(bench, qtbot) -> None:
    window, page, _ = bench
    tree = page.list.tree

    def click(row: int, column: int) -> None:
        index = tree.model().index(row, column)
        qtbot.mouseClick(tree.viewport(), LEFT, NONE, tree.visualRect(index).center())

    click(0, 0)
    assert not page.desk.is_visible("liver")
    click(0, 0)
    assert page.desk.is_visible("liver")
    click(0, 4)
    assert page.desk.segments[0].locked
    assert window.bridge.document.undo_label is not None


def test_removing_the_segmentation_leaves_no_overlay_and_undo_brings_it_back(bench, qtbot) -> None:
    window, page, canvas = bench
    qtbot.keyClick(canvas, "1")
    drag(canvas, (-20, -30, 60), (0, -30, 60))
    uuid = page.desk.uuid
    window.bridge.document.remove([uuid])
    qtbot.waitUntil(lambda: page.desk.bench is None, timeout=3000)
    assert not window.scene.overlays
    window.bridge.undo()
    qtbot.waitUntil(lambda: page.desk.uuid == uuid, timeout=3000)
    assert list(window.scene.overlays) == [uuid]


def test_closing_the_project_leaves_nothing_on_the_bench(bench, qtbot) -> None:
    window, page, canvas = bench
    qtbot.keyClick(canvas, "6")
    window.bridge.close()
    window.scene.set_volume(None)
    assert page.desk.bench is None
    assert not window.scene.overlays
    assert window.scene.range_preview is None
    assert page.palette.page is None


def test_a_new_segmentation_begins_empty_and_is_painted(table, qtbot, tmp_path) -> None:
    document = Document.create(tmp_path / "bare.otwin")
    document.add([study()[0]], "Import")
    document.close()
    table.open(tmp_path / "bare.otwin")
    page = table.page
    qtbot.wait(20)
    assert page.desk.bench is None
    page.list.new.click()
    assert page.desk.bench is not None
    page.desk.add("Something of mine", known=False)
    table.scene.cursor.move(CENTRE)
    page.show_part(CORRECT)
    page.palette.take("paint")
    drag(table.quad.axial.canvas, CENTRE, CENTRE + np.array((10, 0, 0)))
    assert page.desk.segments[0].name == "Something of mine"
    assert volume_of(page, page.desk.segments[0].key) > 0


def test_a_rule_of_values_holds_for_the_brush(bench, qtbot) -> None:
    _, page, canvas = bench
    page.desk.take("aorta")
    page.rules.ranged.setChecked(True)
    page.rules.low.setValue(100)
    page.rules.high.setValue(200)
    assert "100 to 200" in page.rules._button.text()
    qtbot.keyClick(canvas, "1")
    page.palette.page.size.set_value(20)
    drag(canvas, (24, 0, 60), (26, 0, 60))
    values = study()[0].values[page.desk.bench.labels == 2]
    assert len(values)
    assert values.min() >= 100


def test_keys_are_left_alone_while_something_is_written(bench, qtbot) -> None:
    _, page, _ = bench
    page.list.open_adder()
    qtbot.keyClicks(page.list.adding.lineEdit(), "w1q")
    assert page.list.adding.currentText() == "w1q"
    assert page.palette.page is None


def test_a_box_keeps_its_place_in_canonical_order() -> None:
    grid = study()[0].grid
    labels = np.zeros(grid.shape, np.uint8)
    box = (slice(3, 7), slice(2, 9), slice(30, 40))
    labels[box] = 1
    assert (grid.to_canonical(labels)[canonical_box(grid, box)] == 1).all()
    assert labels.sum() == np.prod([s.stop - s.start for s in canonical_box(grid, box)])


def test_a_rough_surface_is_closed_and_looks_outward_whatever_way_the_grid_runs() -> None:
    volume, segmentation = study()
    net = rough_surfaces(segmentation.labels, volume.grid, {"liver": 1, "aorta": 2}, True)
    assert net["aorta"] is None
    points, triangles, normals = net["liver"]
    corners = points[triangles]
    enclosed = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert enclosed == pytest.approx(segmentation.segments[0].volume_mm3, rel=0.25)
    assert (((points - points.mean(axis=0)) * normals).sum(axis=1) > 0).all()
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] % 2 == 0).all()


def test_a_surface_of_nothing_is_nothing() -> None:
    points, triangles, _ = surface_nets(np.zeros((3, 3, 3), bool))
    assert len(points) == len(triangles) == 0


def test_another_scan_has_segmentations_of_its_own(bench, qtbot) -> None:
    window, page, _ = bench
    grid = Grid.make((20, 20, 10), (2.0, 2.0, 4.0), (0.0, 0.0, 0.0), frame_uid="9.9")
    other = Volume(name="MR", grid=grid, values=np.zeros(grid.shape, np.int16), modality="MR")
    window.bridge.document.add([other], "Import")
    before = page.desk.uuid
    window.scene.set_volume(other)
    qtbot.wait(20)
    assert page.desk.bench is None
    assert page.list.choice.count() == 0
    assert not window.scene.overlays
    assert page.list.isVisible()
    page.list.new.click()
    assert page.desk.bench.grid.frame_uid == "9.9"
    window.scene.set_volume(window.bridge.get(window.bridge.latest("volume", modality="CT").uuid))
    qtbot.wait(20)
    assert page.desk.uuid == before
    assert list(window.scene.overlays) == [before]


def test_a_segment_is_renamed_in_the_list(bench, qtbot) -> None:
    window, page, _ = bench
    tree = page.list.tree
    tree.setFocus()
    qtbot.keyClick(tree, Qt.Key.Key_F2)
    editor = tree.findChild(QLineEdit)
    assert editor is not None
    qtbot.keyClicks(editor, "Hepar")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.desk.segments[0].name == "Hepar", timeout=3000)
    assert window.bridge.document.undo_label is not None


def test_a_long_doubt_does_not_widen_the_page(table, qtbot, tmp_path) -> None:
    volume, found = study()
    doubtful = found.segments[0].model_copy(update={"doubt": "where two veins touch, shape and direction decide " * 4})
    document = Document.create(tmp_path / "doubt.otwin")
    document.add([volume], "Import")
    document.add([found.with_(segments=(doubtful, *found.segments[1:]))], "Segment")
    document.close()
    table.resize(1366, 768)
    table.setSizes([404, 962])
    table.open(tmp_path / "doubt.otwin")
    qtbot.waitUntil(lambda: table.page.desk.bench is not None, timeout=3000)
    qtbot.wait(20)
    assert doubtful.doubt.startswith(table.page.list._doubt.text()[:20])
    assert table.page.list.minimumSizeHint().width() < 300


def test_enter_that_closes_a_list_of_choices_does_not_apply_the_tool(bench, qtbot) -> None:
    window, page, _ = bench
    page.palette.take("margin")
    page.list.choice.addItem("another", "")
    page.list.choice.showPopup()
    qtbot.wait(50)
    before = page.desk.uuid
    qtbot.keyClick(page.list.choice.view(), Qt.Key.Key_Return)
    qtbot.wait(50)
    assert not page.desk.busy
    assert page.desk.uuid == before
    assert window.bridge.document.undo_label == "Segment"


def test_a_removed_segment_leaves_its_neighbour_in_hand(bench, qtbot) -> None:
    _, page, _ = bench
    for key in ("spleen", "heart"):
        page.desk.add(key)
    page.desk.take("spleen")
    assert page.desk.remove("spleen")
    assert page.desk.segment.key == "heart"
    assert page.desk.remove("heart")
    assert page.desk.segment.key == "aorta"


def test_an_engine_that_lacks_its_file_says_so_in_words(bench, qtbot) -> None:
    window, page, _ = bench
    said = []
    window.bridge.failed.connect(said.append)
    page.finder.engine.setCurrentIndex(page.finder.engine.findData("network"))
    page.finder.start()
    assert said == ["Network of your own needs model. Fill it in under Options."]
    assert not window.bridge.running()


def test_a_new_empty_segment_is_not_called_nothing(bench, qtbot) -> None:
    _, page, _ = bench
    said = []
    page.desk.told.connect(lambda text, *_: said.append(text))
    page.desk.add("spleen")
    assert "Nothing changed." not in said
