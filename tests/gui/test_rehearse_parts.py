"""The parts of a rehearsal's picture: lines of sight, read-outs, badge, reel, moving surfaces."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from organtwin_gui.rehearsal.badge import Badge
from organtwin_gui.rehearsal.instruments import BY_DIGIT, INSTRUMENTS, Grip
from organtwin_gui.rehearsal.ray import Ray, first_hit
from organtwin_gui.rehearsal.readouts import rows_of
from organtwin_gui.rehearsal.reel import Reel
from organtwin_gui.rehearsal.room import in_hand
from organtwin_gui.rehearsal.words import ICONS, words_of
from organtwin_gui.theme import ICONS as KNOWN_ICONS
from organtwin_gui.views.items.cut_faces import CutFaces, ScanSampler
from organtwin_gui.views.items.live import share_around
from organtwin_gui.views.items.moving_triangles import MovingTriangles, thinned, vertex_normals
from pydantic import TypeAdapter

from organtwin.model import Volume
from organtwin.model.rehearsal import Command, Deviation, Lay, Step, Take
from organtwin.rehearsal.frame import Frame, Measures
from organtwin.space import Grid

SQUARE = np.array([(0, 0, 0), (10, 0, 0), (10, 10, 0), (0, 10, 0)], float)
TWO = np.array([(0, 1, 2), (0, 2, 3)])


def frame(tick: int, *, topology: int = 1, step_s: float = 1 / 60) -> Frame:
    points = SQUARE.astype(np.float32)
    return Frame(
        tick=tick, topology=topology, points_mm=points, rest_mm=points, triangles=TWO.astype(np.int32),
        kinds=np.zeros(2, np.uint8), strain=np.zeros(4, np.float32), force_n=np.zeros(4, np.float32),
        measures=Measures(time_s=tick * step_s),
    )  # fmt: skip


def test_a_ray_hits_the_nearest_triangle_from_either_side():
    double = np.concatenate([SQUARE, SQUARE + np.array([0, 0, 5])])
    triangles = np.concatenate([TWO, TWO + 4])
    down = first_hit(Ray(np.array([3.0, 4, 20]), np.array([0, 0, -1.0])), double, triangles)
    up = first_hit(Ray(np.array([3.0, 4, -20]), np.array([0, 0, 1.0])), double, triangles)
    assert down.point_mm == pytest.approx((3, 4, 5))
    assert up.point_mm == pytest.approx((3, 4, 0))
    assert first_hit(Ray(np.array([30.0, 4, 20]), np.array([0, 0, -1.0])), double, triangles) is None


def test_a_ray_beside_a_ball_gives_the_point_of_the_ball_nearest_to_it():
    ray = Ray(np.array([20.0, 0, 50]), np.array([0, 0, -1.0]))
    assert ray.on_ball((0, 0, 0), 10) == pytest.approx((10, 0, 0))
    assert Ray(np.array([0.0, 0, 50]), np.array([0, 0, -1.0])).on_ball((0, 0, 0), 10) == pytest.approx((0, 0, 10))


def test_every_instrument_has_a_key_an_icon_a_tip_and_settings_with_units():
    assert list(BY_DIGIT) == [*"1234567890", "-"]
    for instrument in INSTRUMENTS:
        assert instrument.icon in KNOWN_ICONS
        assert instrument.tip
        for mode in instrument.modes:
            grip = Grip.of(instrument, mode.key)
            for setting in mode.settings:
                assert setting.low <= grip.values[setting.key] <= setting.high
                assert setting.unit
                assert setting.tip


def test_every_command_has_words_and_an_icon():
    examples = {
        "fix": {"at_mm": (0, 0, 0)}, "clip": {"at_mm": (0, 0, 0)}, "incise": {"path_mm": ((0, 0, 0), (1, 0, 0))},
        "resect-plane": {"point_mm": (0, 0, 0), "normal": (1, 0, 0)},
        "resect-surface": {"path_mm": ((0, 0, 0), (1, 0, 0)), "direction": (0, 0, 1), "take_mm": (0, 0, 0)},
        "resect-margin": {"inside": "Tumour"}, "ablate": {"tip_mm": (0, 0, 0), "axis": (0, 0, 1)},
        "suture": {"from_mm": (0, 0, 0), "to_mm": (1, 0, 0)}, "drain": {"inside": "Cyst"},
    }  # fmt: skip
    union, _ = get_args(Command)
    assert set(ICONS) == {get_args(kind.model_fields["do"].annotation)[0] for kind in get_args(union)}
    for do, icon in ICONS.items():
        command = TypeAdapter(Command).validate_python({"do": do, **examples.get(do, {})})
        assert words_of(command) != "Step"
        assert icon in KNOWN_ICONS


def test_what_is_in_hand_follows_from_the_steps():
    take, lay = Step(tick=0, command=Take(tool="grasper")), Step(tick=1, command=Lay())
    assert in_hand(()) == ""
    assert in_hand((take,)) == "grasper"
    assert in_hand((take, lay)) == ""


def test_strain_over_the_limit_and_a_near_vessel_are_marked_and_silence_where_nothing_is_known():
    rows = {r.name: r for r in rows_of(Measures())}
    assert "Resected" not in rows
    assert not any(name.startswith("To ") for name in rows)
    said = Measures(
        largest_strain_percent=41, strain_limit_percent=40, vessel="portal_vein", vessel_mm=6.0, resected_ml=3.0,
        bleeding=("portal vein left", "b", "c"), vessels_cut=("portal vein left", "b", "c"),
    )  # fmt: skip
    rows = {r.name: r for r in rows_of(said)}
    assert rows["Largest strain"].level == "over"
    assert rows["To portal vein"].level == "near"
    assert rows["Bleeding"].value == "portal vein left + 2"
    assert rows["Bleeding"].level == "over"


def test_the_badge_never_claims_more_than_is_known():
    assert Badge().text == "Rehearsal, not yet checked"
    small = Badge(Deviation(tick=6, largest_mm=0.0004, percent=0.02, result="r"), at_s=0.1, now_s=0.1)
    assert small.text == "Rehearsal, deviation under 0.01 mm (under 0.1 %)"
    later = Badge(Deviation(tick=6, largest_mm=1.24, percent=3.0, result="r"), at_s=0.1, now_s=2.0, checking=True)
    assert later.text == "Rehearsal, deviation 1.24 mm (3.0 %), checked at 0.1 s · checking"


def test_a_reel_forgets_what_was_undone_and_thins_itself_but_keeps_every_cut():
    reel = Reel(most_bytes=40 * 200)
    for tick in range(0, 1200, 2):
        reel.add(frame(tick, topology=1 + (tick > 100)))
    assert len(reel.frames) < 120
    assert any(a.topology != b.topology for a, b in zip(reel.frames, reel.frames[1:], strict=False))
    assert reel.frames[-1].tick > 1100
    reel.add(frame(50))
    assert 40 <= reel.frames[-1].tick <= 50  # one so soon after another may be left out
    assert all(f.tick <= 50 for f in reel.frames)


def test_moving_triangles_are_written_in_place_and_shaded_by_their_normals():
    drawn = MovingTriangles()
    drawn.set_triangles(TWO)
    points, data = drawn.points, drawn.surface.GetPoints().GetData()
    drawn.move(SQUARE + np.array([0, 0, 3]))
    assert drawn.points is points
    assert drawn.surface.GetPoints().GetData() is data
    assert drawn.surface.GetPoint(2) == pytest.approx((10, 10, 3))
    assert vertex_normals(SQUARE, TWO) == pytest.approx(np.tile((0, 0, 1.0), (4, 1)))


def test_a_thinned_surface_says_which_triangles_it_stands_for():
    n = 40
    points = (
        np.stack([*np.meshgrid(np.arange(n), np.arange(n)), np.zeros((n, n))], axis=-1).reshape(-1, 3).astype(float)
    )
    at = np.arange(n * n).reshape(n, n)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, 1:].ravel(), at[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    coarse, of = thinned(points, triangles, 300)
    assert 100 < len(coarse) < 600
    assert len(of) == len(coarse)
    middle, fine = points[coarse].mean(axis=1), points[triangles[of]].mean(axis=1)
    assert np.linalg.norm(middle - fine, axis=1).max() < 8
    same, every = thinned(points, triangles, 10_000)
    assert len(same) == len(triangles) == len(every)


def test_a_cut_face_carries_the_voxels_it_goes_through():
    grid = Grid.make((40, 40, 10), (1, 1, 1), (-5, -5, -5), frame_uid="1")
    k, j, i = np.indices(grid.shape)
    x = grid.to_world(np.stack([i, j, k], axis=-1))[..., 0]
    volume = Volume(name="ramp", grid=grid, values=(10 * x).astype(np.int16), modality="CT")
    sampler = ScanSampler(volume, (50.0, 100.0), SQUARE.min(axis=0), SQUARE.max(axis=0))
    assert sampler(np.array([(5.0, 5, 0)])) == pytest.approx([127.5], abs=2)
    assert sampler(np.array([(500.0, 5, 0)])) == pytest.approx([255], abs=1)  # beyond the scan: its edge
    faces = CutFaces(sampler, (130, 60, 50))
    faces.cover(TWO, SQUARE)
    faces.move(SQUARE)
    assert len(faces.points) == 6
    picture = faces._picture.astype(float)
    assert picture.max() > 1.8 * picture[picture > 0].min()
    assert faces.actor.GetTexture() is not None
    faces.cover(TWO[:0], SQUARE)
    assert faces.actor.GetTexture() is None


def test_char_is_dark_in_its_middle_and_fades_at_its_edge():
    n = 9
    at = np.arange(n * n).reshape(n, n)
    a, b, c, d = (at[i : n - 1 + i, j : n - 1 + j].ravel() for i, j in ((0, 0), (0, 1), (1, 1), (1, 0)))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    middle = np.stack([triangles % n, triangles // n], axis=2).mean(axis=1)
    burnt = np.linalg.norm(middle - 4, axis=1) < 3
    share = share_around(triangles, burnt, n * n).reshape(n, n)
    assert share[4, 4] == pytest.approx(1)
    assert share[0, 0] == pytest.approx(0)
    assert np.unique(share.round(3)).size > 4  # not black or nothing
    assert not share_around(triangles, np.zeros(len(triangles), bool), n * n).any()
