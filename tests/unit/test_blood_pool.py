"""Discs, tubes, the spinal canal, and what the vessel finder says when there is little to see."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from organtwin.model import Volume
from organtwin.monitor import NullMonitor
from organtwin.segment.ct.blood_pool import blood_threshold
from organtwin.segment.ct.context import CTContext
from organtwin.segment.ct.discs import best_path, disc_evidence
from organtwin.segment.ct.great_vessels import KEYS, great_vessels
from organtwin.segment.ct.tube import closed_paths, find_wall, follow, paint
from organtwin.space import Grid

FAT, MUSCLE, BLOOD, BONE = -90.0, 55.0, 320.0, 600.0


def _tube(shape: tuple[int, int, int], spacing: NDArray[np.float64], line: NDArray[np.float64], radius: float):
    """Signed distance (mm) to a tube around a polyline, positive inside."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    points = (index + 0.5) * spacing
    nearest = np.full(shape, np.inf)
    for a, b in pairwise(line):
        along = np.clip(((points - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - a - along[..., None] * (b - a), axis=-1))
    return radius - nearest


def _soft(inside_mm: NDArray[np.float64], low: float, high: float, width: float = 1.5) -> NDArray[np.float32]:
    return (low + (high - low) * np.clip(0.5 + inside_mm / width, 0, 1)).astype(np.float32)


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_a_closed_path_follows_the_cheap_columns_and_closes() -> None:
    cost = np.ones((1, 24, 30))
    wave = np.rint(12 + 5 * np.sin(2 * np.pi * np.arange(24) / 24)).astype(int)
    cost[0, np.arange(24), wave] = 0
    assert (closed_paths(cost, stiffness=0.001)[0] == wave).all()


def test_a_leaning_disc_is_found_in_noise() -> None:
    rng = np.random.default_rng(1)
    k, j, i = np.mgrid[:30, :60, :60]
    centre_j, centre_i = 30 + 0.3 * (k - 15), 28 - 0.2 * (k - 15)
    inside = 12 - 2 * np.hypot(j - centre_j, i - centre_i)
    image = np.clip(_soft(inside, MUSCLE, 160) + rng.normal(0, 15, k.shape), 0, 180).astype(np.float32)
    radii = (8.0, 10.0, 12.0, 14.0, 16.0)
    path = best_path(disc_evidence(image, 2.0, radii), radii)
    miss = np.hypot(path.centre[:, 0] - centre_j[:, 0, 0], path.centre[:, 1] - centre_i[:, 0, 0])
    assert miss.mean() < 1
    assert abs(np.median(path.radius_mm) - 12) <= 2


def test_a_tube_is_followed_round_an_arch() -> None:
    spacing = np.array([2.0, 2.0, 2.0])
    angle = np.linspace(0, np.pi, 25)
    bow = np.stack([60 + 36 * np.sin(angle), 90 - 36 * np.cos(angle), np.full(25, 40.0)], axis=1)
    line = np.concatenate([[[6.0, 54, 40]], bow, [[6.0, 126, 40]]])
    image = np.clip(_soft(_tube((56, 80, 40), spacing, line, 13.0), FAT, BLOOD), 0, 180)
    sections = follow(image, spacing, np.array([30.0, 54, 40]), np.array([1.0, 0, 0]), 12.0)
    end = sections[-1]
    assert end.normal[0] < -0.9, "it comes down on the other side"
    assert abs(end.centre[1] - 126) < 3
    assert np.median([s.radius_mm for s in sections]) == pytest.approx(13.0, abs=1.0)


@pytest.mark.parametrize("outside", [FAT, MUSCLE])
def test_the_wall_lies_halfway_between_blood_and_surroundings(outside: float) -> None:
    spacing = np.array([2.0, 1.0, 1.0])
    line = np.array([[-10.0, 30, 30], [90.0, 34, 30]])
    inside = _tube((40, 64, 60), spacing, line, 10.0)
    image = _soft(inside, outside, BLOOD)
    rough = np.linspace([2.0, 32, 30], [78.0, 34, 31], 20)
    tube = find_wall(image, spacing, rough, np.full(20, 11.5))
    assert np.median(tube.radius_mm) == pytest.approx(10.0, abs=0.4)
    assert _dice(paint(tube, image.shape, spacing)[2:-2], (inside > 0)[2:-2]) > 0.96


def test_calcium_in_the_wall_belongs_to_the_vessel_and_bone_beside_it_does_not() -> None:
    spacing = np.array([1.5, 1.0, 1.0])
    line = np.array([[-10.0, 32, 32], [70.0, 32, 32]])
    inside = _tube((40, 80, 64), spacing, line, 11.0)
    image = _soft(inside, MUSCLE, 170.0)
    j, i = np.mgrid[:80, :64]
    plaque = (np.hypot(j - 31.5, i - 31.5) > 8.5) & (np.hypot(j - 31.5, i - 31.5) < 11) & (i > 38)
    image[:, plaque] = 900
    image[:, 46:70, 10:54] = BONE  # a vertebra, 3 mm behind
    rough = np.linspace([2.0, 32, 32], [58.0, 32, 32], 20)
    painted = paint(find_wall(image, spacing, rough, np.full(20, 11.0)), image.shape, spacing)
    assert painted[5:-5, plaque].mean() > 0.85
    assert not painted[:, 47:70].any()
    assert _dice(painted[2:-2], (inside > 0)[2:-2]) > 0.95


def test_what_is_painted_is_open_to_both_ends_of_the_scan() -> None:
    spacing = np.array([2.0, 1.0, 1.0])
    image = _soft(_tube((30, 50, 50), spacing, np.array([[-10.0, 25, 25], [80.0, 25, 25]]), 9.0), FAT, BLOOD)
    painted = paint(
        find_wall(image, spacing, np.array([[-3.0, 25, 25], [63.0, 25, 25]]), np.array([9.0, 9.0])),
        image.shape,
        spacing,
    )
    areas = painted.sum(axis=(1, 2))
    assert areas.min() > 0.9 * areas.max()


def test_the_blood_threshold_keeps_muscle_out_and_a_paler_right_heart_in() -> None:
    assert 110 < blood_threshold(150.0) < 140
    assert 150 < blood_threshold(320.0) < 230
    assert blood_threshold(600.0) <= 200


def _trunk(blood: float, slices: int = 48, fork: int = 0, narrow: tuple[int, int] = (0, 0)) -> Volume:
    """A schematic trunk: fat in a skin, a vertebral column with its canal, psoas muscles, and an aorta on its left.

    The aorta forks in slice ``fork``, and is narrowed to half between the slices ``narrow``.
    """
    shape, spacing = (slices, 110, 110), (2.0, 2.0, 2.5)
    k, j, i = np.mgrid[: shape[0], : shape[1], : shape[2]]
    hu = np.full(shape, -1000.0)
    hu[((j - 55) / 42) ** 2 + ((i - 55) / 50) ** 2 < 1] = FAT

    def disc(cj: float, ci: float, radius_mm: float) -> NDArray[np.bool_]:
        return np.hypot(j - cj, i - ci) * 2 < radius_mm

    hu[disc(72, 55, 21)] = 180
    hu[disc(72, 55, 21) & ~disc(72, 55, 18.5)] = BONE
    hu[disc(86, 55, 13)] = BONE
    hu[disc(86, 55, 8.5)] = 35
    for side in (38, 72):
        hu[disc(74, side, 15)] = MUSCLE
    radius = np.where((k >= narrow[0]) & (k < narrow[1]), 5.5, 11.0)
    hu[(np.hypot(j - 55, i - 62) * 2 < radius) & (k >= fork)] = blood
    for side in (-1, 1):  # iliac arteries, apart and forwards
        away = 3 + 0.5 * (fork - k)
        hu[(np.hypot(j - 55 + 0.1 * away, i - 62 - side * away) * 2 < 6.5) & (k < fork)] = blood
    rng = np.random.default_rng(3)
    values = (hu + rng.normal(0, 12, shape)).astype(np.int16)
    return Volume(name="trunk", grid=Grid.make(shape[::-1], spacing), values=values, modality="CT")


def test_the_abdominal_aorta_is_found_beside_the_spine() -> None:
    volume = _trunk(BLOOD)
    found = great_vessels(CTContext(volume), NullMonitor())
    assert set(found) == set(KEYS)
    aorta = found["aorta"]
    assert aorta.mask is not None
    assert aorta.confidence is not None
    assert aorta.confidence > 0.7
    j, i = np.mgrid[:110, :110]
    truth = np.broadcast_to(np.hypot(j - 55, i - 62) * 2 < 11, aorta.mask.shape)
    assert _dice(aorta.mask, truth) > 0.92
    assert found["heart"].mask is None
    assert "lungs" in found["heart"].doubt


def test_the_aorta_ends_where_it_forks() -> None:
    aorta = great_vessels(CTContext(_trunk(BLOOD, slices=80, fork=30)), NullMonitor())["aorta"].mask
    assert aorta is not None
    lowest = int(np.flatnonzero(aorta.any(axis=(1, 2)))[0])
    assert abs(lowest - 30) * 2.5 < 12


def test_the_aorta_goes_on_below_a_stenosis() -> None:
    aorta = great_vessels(CTContext(_trunk(BLOOD, slices=80, narrow=(36, 44))), NullMonitor())["aorta"].mask
    assert aorta is not None
    areas = aorta.sum(axis=(1, 2)) * 4.0
    assert areas.all()
    assert areas[40] < 0.45 * areas[10]


def test_a_scan_turned_over_gives_the_same_aorta() -> None:
    upright = _trunk(BLOOD)
    values = np.ascontiguousarray(upright.values[::-1, ::-1, ::-1])
    grid = upright.grid
    turned = Grid.make(
        grid.size, grid.spacing_mm, grid.to_world(np.asarray(grid.size) - 1), directions=-np.eye(3), frame_uid=""
    )
    found = great_vessels(CTContext(upright.with_(values=values, grid=turned)), NullMonitor())["aorta"]
    straight = great_vessels(CTContext(upright), NullMonitor())["aorta"]
    assert found.mask is not None
    assert straight.mask is not None
    assert _dice(found.mask[::-1, ::-1, ::-1], straight.mask) > 0.97


def test_without_contrast_nothing_is_painted_and_the_reason_is_given() -> None:
    found = great_vessels(CTContext(_trunk(42.0)), NullMonitor())
    assert all(f.mask is None for f in found.values())
    assert "contrast" in found["aorta"].doubt
    assert "aorta" in found["heart"].doubt


def test_a_cancel_is_noticed() -> None:
    class Impatient(NullMonitor):
        def progress(self, fraction: float, what: str = "") -> None:
            if fraction > 0.2:
                raise InterruptedError

    with pytest.raises(InterruptedError):
        great_vessels(CTContext(_trunk(BLOOD)), Impatient())
