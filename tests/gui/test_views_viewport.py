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
    probe,
)
from organtwin_gui.views.mesh_faces import MeshFaces
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QImage

from organtwin.errors import BadInput
from organtwin.model import Cap, OrganMesh, Result, Segment, Segmentation, Surface, Volume
from organtwin.space import Grid

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


@pytest.fixture(scope="module")
def gl():
    found = probe()
    if not found.works:
        pytest.skip(f"no OpenGL: {found.reason}")
    return found


def ball(centre, radius: float, structure: str, steps: int = 24) -> Surface:
    """A sphere of triangles, outward."""
    theta = np.linspace(0, np.pi, steps + 1)[1:-1]
    phi = np.linspace(0, 2 * np.pi, 2 * steps, endpoint=False)
    ring = np.stack(
        [
            np.outer(np.sin(theta), np.cos(phi)),
            np.outer(np.sin(theta), np.sin(phi)),
            np.repeat(np.cos(theta)[:, None], len(phi), axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate([[(0, 0, 1)], ring, [(0, 0, -1)]])
    count, triangles = len(phi), []
    for n in range(count):
        m = (n + 1) % count
        triangles.append((0, 1 + n, 1 + m))
        triangles.append((len(points) - 1, len(points) - 1 - count + m, len(points) - 1 - count + n))
        for row in range(len(theta) - 1):
            a, b = 1 + row * count + n, 1 + row * count + m
            triangles += [(a, a + count, b), (b, a + count, b + count)]
    return Surface(
        name=structure, structure=structure, points_mm=np.array(centre) + radius * points, triangles=np.array(triangles, np.int32)
    )


@pytest.fixture(scope="module")
def vessel() -> OrganMesh:
    """A straight tube of tetrahedra along z, from an inlet below to an outlet above; radius 8 mm, length 60 mm."""
    layers, radius, length = 24, 8.0, 60.0
    ring = [(0.0, 0.0)] + [
        (r / 4 * np.cos(a), r / 4 * np.sin(a)) for r in range(1, 5) for a in np.linspace(0, 2 * np.pi, 6 * r, endpoint=False)
    ]
    from scipy.spatial import Delaunay

    flat = np.array(ring) * radius
    triangles = np.sort(Delaunay(flat).simplices, axis=1)
    n = len(flat)
    points = np.concatenate([np.column_stack([flat, np.full(n, z)]) for z in np.linspace(0, length, layers + 1)])
    tets = []
    for layer in range(layers):
        (a, b, c), (d, e, f) = (triangles + layer * n).T, (triangles + (layer + 1) * n).T
        tets += [np.stack(t, axis=1) for t in ((a, b, c, f), (a, b, f, e), (a, d, e, f))]
    tets = np.concatenate(tets)
    p, q, r, s = (points[tets[:, k]] for k in range(4))
    wrong = np.einsum("ij,ij->i", q - p, np.cross(r - p, s - p)) < 0
    tets[wrong] = tets[wrong][:, [1, 0, 2, 3]]
    faces = MeshFaces.of(tets, np.empty((0, 3), int))
    outer = faces.faces[faces.other < 0]
    level = outer // n
    tags = np.where((level == 0).all(axis=1), 1, np.where((level == layers).all(axis=1), 2, 0)).astype(np.int16)
    area = np.pi * radius**2
    caps = (
        Cap(name="inlet", role="inlet", centre_mm=(0, 0, 0), normal=(0, 0, -1), area_mm2=area, radius_mm=radius),
        Cap(name="outlet", role="outlet", centre_mm=(0, 0, length), normal=(0, 0, 1), area_mm2=area, radius_mm=radius),
    )
    return OrganMesh(
        name="tube", structure="aorta", points_mm=points, tets=tets.astype(np.int32), boundary_triangles=outer,
        boundary_tags=tags, boundaries={"wall": 0, "inlet": 1, "outlet": 2}, caps=caps,
    )  # fmt: skip


@pytest.fixture(scope="module")
def flow(vessel) -> Result:
    x, y, z = vessel.points_mm.T
    profile = np.zeros((len(x), 3))
    profile[:, 2] = 600 * (1 - (x**2 + y**2) / 64)
    pulse = np.array([0.3, 1.0, 0.5])
    return Result(
        name="flow", physics="flow", mesh=vessel.uuid, times_s=np.array([0.0, 0.4, 0.8]),
        fields={
            "velocity_mm_per_s": (pulse[:, None, None] * profile).astype(np.float32),
            "pressure_pa": (pulse[:, None] * (13332.2 - 20 * z)).astype(np.float32),
            "wall_shear_pa": (pulse[:, None] * np.linspace(0, 5, len(z))).astype(np.float32),
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def tissue(vessel) -> Result:
    moved = np.zeros((2, len(vessel.points_mm), 3), np.float32)
    moved[:, :, 0] = np.array([0.5, 1.0])[:, None] * 12 * np.sin(np.pi * vessel.points_mm[:, 2] / 60)
    return Result(
        name="tissue", physics="tissue", mesh=vessel.uuid, times_s=np.array([0.5, 1.0]),
        fields={"displacement_mm": moved, "strain": np.abs(moved[..., 0]) / 60},
    )  # fmt: skip


@pytest.fixture
def viewport(qtbot, gl):
    scene = ImageScene()
    made = Viewport(scene)
    made.resize(500, 400)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.canvas.show_cube = False
    yield made
    made.shut_down()


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


def test_seen_from_the_front_the_patients_left_is_on_the_right_and_the_head_is_up(qtbot, viewport) -> None:
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
    assert middle_of(picture, "r")[0] < middle_of(picture, "g")[0], "from above the face is up and the left is on the left"


def test_the_same_uuid_takes_the_place_and_remove_takes_out(qtbot, viewport) -> None:
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


def test_a_click_on_a_surface_moves_the_cursor_to_it(qtbot, viewport) -> None:
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


def test_dragging_turns_shift_drag_pans_wheel_zooms_and_keys_look_from_sides(qtbot, viewport) -> None:
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
    inflow, outflow = (label.arrow_mm for label in item.labels)
    assert inflow[0][2] < inflow[1][2] <= 0, "the inlet's arrow points into the vessel"
    assert outflow[1][2] > outflow[0][2] >= 60
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


def test_the_time_bar_begins_at_the_fastest_frame_and_plays(qtbot, viewport, vessel, flow) -> None:
    viewport.show_flow(flow, vessel, FlowLook(wall="pressure", streamlines=False))
    assert viewport.time_bar.isVisible()
    assert viewport.time_bar.fraction == pytest.approx(0.5)
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


@pytest.fixture
def scan() -> tuple[Volume, Segmentation]:
    grid = Grid.make((40, 40, 30), (3, 3, 3), (-58.5, -58.5, -43.5), frame_uid="1")
    k, j, i = np.indices(grid.shape)
    at = grid.to_world(np.stack([i, j, k], axis=-1))
    values = np.full(grid.shape, -1000, np.int16)
    values[np.linalg.norm(at - (25, 0, 0), axis=-1) < 18] = 1200
    labels = (values > 0).astype(np.uint8)
    volume = Volume(name="scan", grid=grid, values=values, modality="CT")
    return volume, Segmentation(name="s", grid=grid, labels=labels, segments=(Segment.of(1, "liver", 1.0),))


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


def test_without_opengl_the_view_says_so_and_takes_everything(qtbot, vessel, flow, scan) -> None:
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
