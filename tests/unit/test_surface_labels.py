"""Labels to surfaces that are closed, keep their volume, look outwards and fit together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organtwin.errors import BadInput
from organtwin.mesh import triangles as tri
from organtwin.mesh.label_surface import distance_to_voxel_faces, label_surfaces, split_pinched
from organtwin.mesh.masks import clean, well_composed
from organtwin.model import Segment, Segmentation
from organtwin.operations.surface import OPERATION
from organtwin.space import Grid


def segmentation(labels, spacing=(1.0, 1.0, 1.0), directions=None, keys=("liver", "spleen", "aorta")):
    grid = Grid.make(labels.shape[::-1], spacing, (-20.0, 30.0, 5.0), directions)
    present = tuple(Segment.of(at + 1, key, 0.0) for at, key in enumerate(keys))
    return Segmentation(name="test", grid=grid, labels=labels.astype(np.uint8), segments=present)


def ball(spacing=(1.0, 1.0, 2.5), radius=14.0, size=(40, 40, 16)):
    i, j, k = np.meshgrid(*(np.arange(n) * s for n, s in zip(size, spacing, strict=True)), indexing="ij")
    middle = [(n - 1) * s / 2 for n, s in zip(size, spacing, strict=True)]
    inside = (i - middle[0]) ** 2 + (j - middle[1]) ** 2 + (k - middle[2]) ** 2 < radius**2
    return inside.transpose(2, 1, 0)


def test_a_ball_on_thick_slices_becomes_a_closed_surface_of_its_volume():
    spacing = (1.0, 1.0, 2.5)
    (one,) = label_surfaces(segmentation(ball(spacing), spacing), ["liver"])
    assert tri.is_closed(one.triangles)
    exact = np.count_nonzero(one.mask) * 2.5
    assert tri.volume(one.points_mm, one.triangles) == pytest.approx(exact, rel=0.002)
    assert one.report["p95_error_mm"] < 1.0
    assert one.report["max_error_mm"] < 2.0
    radii = np.linalg.norm(one.points_mm - one.points_mm.mean(axis=0), axis=1)
    assert radii.std() < 0.45  # the steps of the slices are gone


def test_smoothing_takes_the_steps_away():
    rough, smooth = (label_surfaces(segmentation(ball(), (1, 1, 2.5)), ["liver"], smoothing=s)[0] for s in (0.0, 0.7))
    assert smooth.report["area_mm2"] < 0.95 * rough.report["area_mm2"]


@settings(max_examples=12, deadline=None)
@given(flips=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3), order=st.permutations([0, 1, 2]))
def test_the_surface_looks_outwards_whatever_the_axes_of_the_scan(flips, order):
    labels = np.zeros((9, 10, 11), bool)
    labels[2:7, 2:8, 3:8] = True
    directions = np.eye(3)[:, order] * np.array(flips)
    (one,) = label_surfaces(segmentation(labels, (1.0, 1.5, 2.0), directions), ["liver"])
    assert tri.is_closed(one.triangles)
    assert tri.volume(one.points_mm, one.triangles) == pytest.approx(150 * 3.0, rel=0.01)


def test_neighbours_share_their_boundary_and_do_not_overlap():
    labels = np.zeros((20, 30, 30), int)
    labels[3:17, 4:26, 4:15] = 1
    labels[3:17, 4:26, 15:26] = 2
    first, second = label_surfaces(segmentation(labels), ["liver", "spleen"])
    shared = {tuple(p) for p in first.points_mm} & {tuple(p) for p in second.points_mm}
    assert len(shared) > 200
    for one in (first, second):
        assert tri.is_closed(one.triangles)
        assert abs(one.report["volume_error_percent"]) < 1.0
    together = (labels > 0).astype(int)
    (whole,) = label_surfaces(segmentation(together), ["liver"])
    volumes = [tri.volume(s.points_mm, s.triangles) for s in (first, second, whole)]
    assert volumes[0] + volumes[1] == pytest.approx(volumes[2], rel=0.005)


def test_a_mask_at_the_border_of_the_scan_is_closed_flat():
    labels = ball((1, 1, 1), 14.0, (40, 40, 40))[20:]
    (one,) = label_surfaces(segmentation(labels), ["liver"])
    assert tri.is_closed(one.triangles)
    flat = one.points_mm[one.on_border]
    assert len(flat) > 400
    assert np.ptp(flat[:, 2]) < 1e-9
    assert flat[0, 2] == pytest.approx(5.0 - 0.5)


def test_the_surface_of_noise_is_closed():
    labels = np.random.default_rng(0).random((18, 18, 18)) < 0.4
    (one,) = label_surfaces(segmentation(labels), ["liver"])
    assert tri.is_closed(one.triangles)
    assert "island" in one.notes[0]


def test_only_the_largest_island_is_kept_and_said_so():
    labels = np.zeros((12, 12, 30), bool)
    labels[2:10, 2:10, 2:10] = True
    labels[3:8, 3:8, 20:25] = True
    (one,) = label_surfaces(segmentation(labels), ["liver"])
    assert tri.parts(one.triangles, len(one.points_mm))[0] == 1
    assert "one island" in one.notes[0]
    (both,) = label_surfaces(segmentation(labels), ["liver"], parts="all")
    assert tri.parts(both.triangles, len(both.points_mm))[0] == 2


@pytest.mark.parametrize("key", ["liver", "spleen"])
def test_an_empty_or_tiny_structure_is_refused_in_a_sentence(key):
    labels = np.zeros((8, 8, 8), int)
    labels[2:4, 2:4, 2:4] = 1
    with pytest.raises(BadInput, match="voxels"):
        label_surfaces(segmentation(labels), [key])


def test_an_unknown_structure_is_named():
    with pytest.raises(BadInput, match="no structure 'heart'"):
        OPERATION({"segmentation": segmentation(ball())}, {"structures": ["heart"]})


def test_the_operation_gives_every_structure_with_its_recipe():
    labels = np.zeros((14, 14, 28), int)
    labels[3:11, 3:11, 3:11] = 1
    labels[3:11, 3:11, 16:24] = 2
    seg = segmentation(labels, keys=("liver", "spleen"))
    made = OPERATION({"segmentation": seg}, {"smoothing": 0.3})
    assert [m.structure for m in made] == ["liver", "spleen"]
    assert all(m.recipe.inputs == {"segmentation": seg.uuid} for m in made)
    assert {"mean_error_mm", "p95_error_mm", "max_error_mm", "volume_error_percent"} <= set(made[0].report)


def test_voxels_that_touch_by_an_edge_or_a_corner_are_joined():
    mask = np.zeros((6, 6, 6), bool)
    mask[1:3, 1:3, 1:3] = mask[3:5, 3:5, 3:5] = True
    better = well_composed(mask)
    assert better[mask].all()
    assert clean(better).islands == 0


def test_cavities_are_filled_only_where_they_hold_nothing():
    labels = np.zeros((16, 16, 16), int)
    labels[2:14, 2:14, 2:14] = 1
    labels[6:9, 6:9, 6:9] = 2
    labels[4, 4, 4] = 0
    seg = segmentation(labels, keys=("liver", "tumour"))
    (open_,) = label_surfaces(seg, ["liver"])
    assert np.count_nonzero(open_.mask) == 12**3 - 27
    (full,) = label_surfaces(seg, ["liver"], fill_cavities=True)
    assert np.count_nonzero(full.mask) == 12**3


def test_distance_to_voxel_faces_is_exact_beside_a_box():
    mask = np.zeros((6, 6, 6), bool)
    mask[2:4, 2:4, 2:4] = True
    grid = Grid.make((6, 6, 6), (1.0, 2.0, 3.0))
    points = grid.to_world([[2.5, 2.5, 1.5 - 0.5], [4.5, 2.5, 2.5], [2.5, 2.5, 2.5]])
    assert distance_to_voxel_faces(points, mask, grid) == pytest.approx([1.5, 1.0, 1.0])


def test_two_sheets_that_touch_in_a_point_get_points_of_their_own():
    tetra = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], float)
    other = np.array([0, 4, 5, 6])[tetra]
    new_points, faces, source = split_pinched(points, np.concatenate([tetra, other]).astype(np.int32))
    assert len(new_points) == 8
    assert tri.parts(faces, 8)[0] == 2
    assert sorted(source.tolist()).count(0) == 2
