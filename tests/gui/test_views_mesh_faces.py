"""Cutting meshes open, colours and their legends, and shrinking volumes: the arithmetic behind the 3D view."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_gui.views.colours import MAPS, fair_range, number_text, ramp, ticks
from organtwin_gui.views.items.volume import VOLUME_PRESETS, block_mean, presets_for
from organtwin_gui.views.mesh_faces import MeshFaces, cells_behind, mean_ratio
from scipy.spatial import Delaunay


@pytest.fixture
def cube() -> tuple[np.ndarray, np.ndarray]:
    """A cube of tetrahedra, positively oriented."""
    points = np.stack(np.meshgrid(*[np.arange(5.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    tets = Delaunay(points + np.random.default_rng(3).normal(0, 1e-3, points.shape)).simplices
    a, b, c, d = (points[tets[:, n]] for n in range(4))
    volume = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a))
    tets = tets[np.abs(volume) > 1e-6]
    volume = volume[np.abs(volume) > 1e-6]
    tets[volume < 0] = tets[volume < 0][:, [1, 0, 2, 3]]
    return points, tets


def enclosed(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def test_what_is_seen_of_a_whole_mesh_is_its_boundary_turned_outwards(cube) -> None:
    points, tets = cube
    outer = MeshFaces.of(tets, np.empty((0, 3), int)).seen(np.ones(len(tets), bool))
    faces = MeshFaces.of(tets, outer.triangles)
    seen = faces.seen(np.ones(len(tets), bool))
    assert enclosed(points, seen.triangles) == pytest.approx(64.0)
    assert (seen.boundary >= 0).all()
    assert np.array_equal(np.sort(outer.triangles[seen.boundary]), np.sort(seen.triangles))


def test_a_cut_mesh_is_closed_by_the_cells_along_the_cut(cube) -> None:
    points, tets = cube
    outer = MeshFaces.of(tets, np.empty((0, 3), int)).seen(np.ones(len(tets), bool)).triangles
    faces = MeshFaces.of(tets, outer)
    kept = cells_behind(points, tets, (0, 0, 1), 2.0)
    seen = faces.seen(kept)
    a, b, c, d = (points[tets[kept][:, n]] for n in range(4))
    volume = np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)).sum() / 6
    assert 0 < kept.sum() < len(tets)
    assert enclosed(points, seen.triangles) == pytest.approx(volume)
    assert kept[seen.cell].all()
    inside = seen.boundary < 0
    assert inside.any()
    assert (points[seen.triangles[inside]][..., 2].mean(axis=1) < 3.5).all()
    assert len(faces.seen(np.zeros(len(tets), bool)).triangles) == 0


def test_quality_is_one_for_a_regular_tetrahedron_and_nought_for_a_flat_one() -> None:
    regular = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)], float)
    flat = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)], float)
    tets = np.array([(0, 1, 2, 3), (4, 5, 6, 7)])
    assert mean_ratio(np.concatenate([regular, flat]), tets) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(("low", "high"), [(0, 93.7), (79.4, 91.2), (-3e-4, 8e-4), (0, 1), (10_000, 16_500)])
def test_ticks_are_round_and_inside(low, high) -> None:
    marks = ticks(low, high)
    assert 3 <= len(marks) <= 8
    assert all(low - 1e-9 <= m <= high + 1e-9 for m in marks)
    step = marks[1] - marks[0]
    assert np.allclose(np.diff(marks), step)
    texts = [number_text(m, step) for m in marks]
    assert len(set(texts)) == len(texts), "no two ticks read the same"
    assert ticks(5.0, 5.0) == [5.0]


def test_a_spike_does_not_swallow_the_colour_scale() -> None:
    values = np.concatenate([np.linspace(0, 10, 10_000), [1e6, np.nan]])
    low, high = fair_range(values, from_zero=True)
    assert (low, 9 < high < 11) == (0.0, True)
    assert fair_range(np.zeros(5))[1] > 0


BOTH_WAYS = ("through", "signed")  # of quantities with a sign: zero is the lightest


@pytest.mark.parametrize("quantity", [name for name in MAPS if name not in BOTH_WAYS])
def test_colours_grow_lighter_evenly(quantity) -> None:
    light = ramp(quantity).astype(float) @ (0.2126, 0.7152, 0.0722)
    assert light[-1] - light[0] > 80
    assert (np.diff(light) > -2).all()


@pytest.mark.parametrize("quantity", BOTH_WAYS)
def test_colours_of_a_signed_quantity_grow_darker_away_from_zero(quantity) -> None:
    light = ramp(quantity).astype(float) @ (0.2126, 0.7152, 0.0722)
    below, above = light[:128], light[128:]
    assert min(light[127] - light[0], light[128] - light[-1]) > 80
    assert (np.diff(below) > -2).all()
    assert (np.diff(above) < 2).all()


def test_shrinking_a_volume_keeps_its_mean_and_its_place() -> None:
    values = np.random.default_rng(0).integers(-1000, 1000, (21, 60, 60)).astype(np.int16)
    small, block = block_mean(values, np.array([0.7, 0.7, 2.0]), 20_000)
    assert small.size <= 20_000
    assert small.dtype == values.dtype
    assert block[2] == 1, "the coarse axis is spared"
    kept = values[:, : small.shape[1] * block[1], : small.shape[2] * block[0]]
    assert small.mean() == pytest.approx(kept.mean(), abs=0.6)
    whole, ones = block_mean(values, np.ones(3), values.size)
    assert whole is values
    assert (ones == 1).all()


def test_presets_suit_the_modality_and_rise_in_value() -> None:
    assert presets_for("CT")[0].startswith("CT")
    assert all(name.startswith("MR") for name in presets_for("MR"))
    for preset in VOLUME_PRESETS.values():
        values = [v for v, _, _ in preset.points]
        assert values == sorted(values)
        assert preset.points[0][1] == 0.0
