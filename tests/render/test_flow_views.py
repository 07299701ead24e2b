"""What flows can be seen with: particles, a plane and its readings, every field, and films."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from organtwin_gui.views import FlowLook
from organtwin_gui.views.items.cut_plane import read
from organtwin_gui.views.items.guide import Guide, direction, guides_along, guides_of
from organtwin_gui.views.items.looks import PlaneLook
from organtwin_gui.views.items.quantities import frame_at, level_of, shades
from PySide6.QtCore import Qt

from organtwin.model import Quantity, Result


@pytest.fixture
def shown(viewport, vessel, flow):
    """The viewport with a flow whose result knows the middle of the tube."""
    z = np.linspace(0, 60, 31)
    table = {"distance_mm": z.tolist(), "x_mm": (0 * z).tolist(), "y_mm": (0 * z).tolist(), "z_mm": z.tolist()}
    result = flow.model_copy(update={"tables": {"inlet → outlet": table}})
    viewport.show_flow(result, vessel, FlowLook(streamlines=False))
    return viewport.items[result.uuid]


def settle(qtbot, viewport) -> None:
    qtbot.waitUntil(lambda: not viewport._background.busy, timeout=60_000)
    qtbot.wait(30)


def test_what_flows_through_the_plane_is_the_same_all_along_the_tube(viewport, shown) -> None:
    viewport.set_time(1)
    flows = []
    for share in (0.1, 0.35, 0.62, 0.9):
        viewport.set_look(shown.uuid, replace(shown.look, plane=PlaneLook(share=share)))
        flows.append(shown._plane.reading.flow_ml_per_s)
    assert np.allclose(flows, flows[0], rtol=1e-5)
    assert flows[0] == pytest.approx(0.5 * 600 * np.pi * 64 / 1000, rel=0.08), "half the highest speed times the area"
    assert [what for what, _ in shown.readings] == [
        "Area", "Flow", "Mean velocity", "Highest speed", "Mean pressure",
    ]  # fmt: skip


def test_a_tilted_plane_is_larger_and_carries_the_same_flow(viewport, shown) -> None:
    viewport.set_look(shown.uuid, replace(shown.look, plane=PlaneLook()))
    straight = shown._plane.reading
    viewport.set_look(shown.uuid, replace(shown.look, plane=PlaneLook(tilt_deg=40, turn_deg=70)))
    tilted = shown._plane.reading
    assert tilted.area_mm2 == pytest.approx(straight.area_mm2 / np.cos(np.radians(40)), rel=0.02)
    assert tilted.flow_ml_per_s == pytest.approx(straight.flow_ml_per_s, rel=1e-4)
    assert tilted.mean_cm_per_s < straight.mean_cm_per_s


def test_flow_is_positive_from_the_inlet_on_however_the_plane_faces() -> None:
    down = np.array([0.0, 0.1, -1.0])
    for facing in ("across", "axial", "coronal", "sagittal"):
        assert direction(down, facing, 0, 0) @ down >= 0


def test_keys_show_particles_and_the_plane_and_move_it(qtbot, viewport, shown) -> None:
    for key in (Qt.Key.Key_C, Qt.Key.Key_D):
        qtbot.keyClick(viewport.canvas, key)
    assert shown.look.particles
    before = shown.look.plane.share
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_BracketRight)
    assert shown.look.plane.share == pytest.approx(before + 0.01)
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_C)
    assert shown.look.plane is None
    assert shown.readings == []
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Space)
    assert viewport.time_bar.playing
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Space)
    at = viewport.time_bar.fraction
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Period)
    assert viewport.time_bar.fraction == pytest.approx((round(at * 3) + 1) % 3 / 3)


def test_particles_fill_the_tube_and_another_moment_is_another_picture_of_the_same_actors(qtbot, viewport, shown):
    viewport.set_look(shown.uuid, FlowLook(streamlines=False, particles=True))
    settle(qtbot, viewport)
    heads = shown._particles.heads
    first = heads.GetMapper().GetInput()
    assert first.GetNumberOfPoints() > 300
    low, high = first.GetBounds()[4:]
    assert (low < 6, high > 45) == (True, True)
    viewport.set_time(2)
    assert heads.GetMapper().GetInput() is not first
    viewport.set_time(1)
    assert heads.GetMapper().GetInput() is first, "moments are kept"
    assert shown.is_ready


def test_particles_in_a_steady_flow_have_a_clock_of_their_own(qtbot, viewport, vessel, flow) -> None:
    steady = flow.model_copy(
        update={"times_s": np.zeros(1), "fields": {n: v[1:2] for n, v in flow.fields.items()}, "uuid": "steady"}
    )
    viewport.show_flow(steady, vessel, FlowLook(streamlines=False))
    assert not viewport.time_bar.isVisible()
    viewport.set_look("steady", FlowLook(streamlines=False, particles=True, wall="pressure"))
    settle(qtbot, viewport)
    assert viewport.time_bar.isVisible()
    first = viewport.items["steady"]._particles.heads.GetMapper().GetInput()
    viewport.time_bar.set_fraction(0.5)
    assert viewport.items["steady"]._particles.heads.GetMapper().GetInput() is not first


def test_the_middle_of_the_vessel_is_found_where_nobody_knows_it(qtbot, viewport, vessel, flow) -> None:
    viewport.show_flow(flow, vessel, FlowLook(streamlines=False, plane=PlaneLook(share=0.5)))
    item = viewport.items[flow.uuid]
    settle(qtbot, viewport)
    assert [guide.name for guide in item.guides] == ["inlet → outlet"]
    assert item._plane.section.centre_mm[2] == pytest.approx(30, abs=2)


def test_streamlines_are_lines_while_moving_and_threads_at_rest(qtbot, viewport, vessel, flow) -> None:
    viewport.show_flow(flow, vessel)
    settle(qtbot, viewport)
    item = viewport.items[flow.uuid]
    item.set_moving(True)
    assert item._streams.GetMapper().GetInput().GetNumberOfPolys() == 0
    assert item._streams.GetMapper().GetInput().GetNumberOfLines() > 50
    item.set_moving(False)
    assert item._streams.GetMapper().GetInput().GetNumberOfStrips() > 50
    assert len(item._lines.lines) == item._moments, "those of the whole cycle are made beforehand"


def test_every_field_has_a_name_a_unit_and_its_frames(flow) -> None:
    n = flow.fields["pressure_pa"].shape[1]
    one = np.ones((1, n), np.float32)
    result = flow.model_copy(
        update={
            "fields": {
                **flow.fields,
                **dict.fromkeys(("tawss_pa", "osi", "rrt_per_pa", "vorticity_per_s", "new_thing_pa"), one),
                "q_criterion_per_s2": -one,
            },
            "quantities": (
                Quantity(name="Mean wall shear", value=1, unit="Pa", level="poor"),
                Quantity(name="Peak velocity", value=1, unit="cm/s", level="good"),
            ),
        }
    )
    made = shades(result)
    assert [(s.short or s.title, s.unit) for s in made.values()] == [
        ("Speed", "cm/s"), ("Pressure", "mmHg"), ("Wall shear", "Pa"), ("TAWSS", "Pa"), ("OSI", ""), ("RRT", "1/Pa"),
        ("Vorticity", "1/s"), ("New thing", "Pa"), ("Q-criterion", "1/s²"),
    ]  # fmt: skip
    assert made["q_criterion_per_s2"].signed
    assert frame_at(one, 17.3) is not None
    assert level_of(result, made["wall_shear"]) == "poor"
    assert level_of(result, made["speed"]) == "good"
    assert level_of(result, made["osi"]) == "unknown"


def test_fields_of_one_frame_are_shown_beside_those_of_many(viewport, vessel, flow) -> None:
    still = np.linspace(0, 0.5, len(vessel.points_mm), dtype=np.float32)[None]
    result = flow.model_copy(update={"fields": {**flow.fields, "osi": still}, "uuid": "with-osi"})
    viewport.show_flow(result, vessel, FlowLook(wall="osi", streamlines=False))
    viewport.set_time(2)
    item = viewport.items["with-osi"]
    assert item._wall_surface.GetPointData().GetScalars().GetRange()[1] == pytest.approx(0.5)
    assert item.legends[0].title == "OSI"


def test_the_cycle_closes_between_its_last_frame_and_its_first() -> None:
    frames = np.array([[0.0], [10.0], [20.0]])
    assert frame_at(frames, 2.5, cyclic=True)[0] == pytest.approx(10.0)
    assert frame_at(frames, 3.0, cyclic=True)[0] == 0.0
    assert frame_at(frames, 2.5)[0] == 20.0


def test_guides_come_from_tables_or_a_centreline(vessel) -> None:
    from organtwin.vessel import tree

    made = guides_along(tree.of_mesh(vessel))
    assert [g.name for g in made] == ["inlet → outlet"]
    share, away = made[0].share_near((1.0, 0.0, 45.0))
    assert share == pytest.approx(0.75, abs=0.03)
    assert away < 3
    bare = Result(name="r", physics="lumped", mesh="m", times_s=np.zeros(1), fields={})
    assert guides_of(bare) == []
    assert isinstance(made[0], Guide)


def test_a_reading_without_pressure_leaves_it_out(vessel, flow) -> None:
    from organtwin.trace.plane import cut

    only = flow.model_copy(update={"fields": {"velocity_mm_per_s": flow.fields["velocity_mm_per_s"]}})
    section = cut(vessel.points_mm, vessel.tets, (0, 0, 21), (0, 0, 1))
    assert [what for what, _ in read(section, only, 0).lines] == ["Area", "Flow", "Mean velocity", "Highest speed"]


def test_a_film_is_recorded_and_one_cancelled_leaves_nothing(qtbot, viewport, shown, tmp_path) -> None:
    from organtwin_gui.video import Film, Gif, Pictures, Recorder, WebM
    from PIL import Image

    viewport.resize(240, 200)
    small = Film(frames_per_second=5, seconds=1.0)
    for kind, name in ((WebM, "film.webm"), (Gif, "film.gif"), (Pictures, "film")):
        ends: list[str] = []
        recorder = Recorder(viewport, small, kind(tmp_path / name, 5))
        recorder.ended.connect(ends.append)
        recorder.start()
        qtbot.waitUntil(lambda ends=ends: bool(ends), timeout=60_000)
        assert ends == [""]
    assert (tmp_path / "film.webm").read_bytes()[:4] == b"\x1a\x45\xdf\xa3"
    assert Image.open(tmp_path / "film.gif").n_frames == 5
    assert sorted(p.name for p in (tmp_path / "film").iterdir()) == [f"{n:04d}.png" for n in range(5)]
    recorder = Recorder(viewport, small, WebM(tmp_path / "no.webm", 5))
    ends = []
    recorder.ended.connect(ends.append)
    recorder.start()
    recorder.cancel()
    assert ends == ["The film was cancelled."]
    assert not list(tmp_path.glob("no*"))


def test_a_film_that_cannot_be_written_says_so(qtbot, viewport, shown, tmp_path) -> None:
    from organtwin_gui.video import Film, Recorder, WebM

    ends: list[str] = []
    recorder = Recorder(viewport, Film(5, 0.4), WebM(tmp_path / "missing" / "film.webm", 5))
    recorder.ended.connect(ends.append)
    recorder.start()
    qtbot.waitUntil(lambda: bool(ends), timeout=60_000)
    assert "could not be written" in ends[0]
