"""A liver that is a ball, with tumours, veins and territories that are known exactly."""

from __future__ import annotations

import numpy as np

from organtwin.model import Centerline, Segment, Segmentation
from organtwin.model.centerline import Branch
from organtwin.space import Grid

RADIUS, VOXEL = 50.0, 2.0
LABELS = {"liver": 1, "tumour": 2, "tumour_2": 3, "portal_vein": 4, "hepatic_vein": 5, "inferior_vena_cava": 6}
Ball = tuple[tuple[float, float, float], float]
Tube = tuple[tuple[float, float, float], tuple[float, float, float], float]


def grid(voxel: float = VOXEL) -> Grid:
    count = int(2 * (RADIUS + 6) / voxel) + 1
    return Grid.make((count,) * 3, (voxel,) * 3, (-voxel * (count - 1) / 2,) * 3, frame_uid="1.2.3")


def places(of: Grid) -> np.ndarray:
    k, j, i = np.meshgrid(*(np.arange(n) for n in of.shape), indexing="ij")
    return of.to_world(np.stack([i, j, k], axis=-1))


def ball_liver(
    tumours: dict[str, Ball] | None = None, tubes: dict[str, list[Tube]] | None = None, voxel: float = VOXEL
) -> Segmentation:
    """A ball of :data:`RADIUS` mm about the origin."""
    own = grid(voxel)
    at = places(own)
    labels = np.zeros(own.shape, np.uint8)
    labels[np.linalg.norm(at, axis=-1) <= RADIUS] = 1
    for key, lines in (tubes or {}).items():
        for start, stop, radius in lines:
            labels[to_line(at, start, stop) <= radius] = LABELS[key]
    for key, (centre, radius) in (tumours or {}).items():
        labels[np.linalg.norm(at - centre, axis=-1) <= radius] = LABELS[key]
    present = {k: n for k, n in LABELS.items() if (labels == n).any()}
    segments = tuple(
        Segment.of(n, k, float((labels == n).sum()) * own.voxel_volume_mm3, 0.9) for k, n in present.items()
    )
    return Segmentation(name="ball", grid=own, labels=labels, segments=segments)


def to_line(at: np.ndarray, start: tuple[float, ...], stop: tuple[float, ...]) -> np.ndarray:
    a, along = np.array(start), np.array(stop, float) - np.array(start)
    t = np.clip((at - a) @ along / (along @ along), 0, 1)
    return np.linalg.norm(at - a - t[..., None] * along, axis=-1)


def quarters(of: Segmentation) -> Segmentation:
    """Territories by the signs of x and z: left is x > 0."""
    at = places(of.grid)
    inside = of.labels > 0
    number = 1 + (at[..., 0] > 0).astype(np.uint8) + 2 * (at[..., 2] > 0).astype(np.uint8)
    labels = np.where(inside, number, 0).astype(np.uint8)
    names = ("right_inferior", "left_inferior", "right_superior", "left_superior")
    segments = tuple(
        Segment.of(n, f"territory_{name}", float((labels == n).sum()) * of.grid.voxel_volume_mm3)
        for n, name in enumerate(names, start=1)
    )
    return Segmentation(name="quarters", grid=of.grid, labels=labels, segments=segments)


def portal_fork() -> Centerline:
    """From below to the middle, then a branch to the right (x < 0) and one to the left, each 40 mm."""
    trunk = np.stack([np.zeros(11), np.zeros(11), np.linspace(-55, 0, 11)], axis=1)
    right = np.stack([np.linspace(0, -40, 21), np.zeros(21), np.zeros(21)], axis=1)
    points = np.concatenate([trunk, right, right * (-1, 1, 1)])
    radius = np.concatenate([np.full(11, 5.0), np.full(42, 3.0)])
    return Centerline(
        name="Portal vein, tree",
        segmentation="ball",
        structure="portal_vein",
        inlet="portal trunk",
        branches=(
            Branch(name="portal vein trunk", parent=-1, cap="", first=0, last=10),
            Branch(name="portal vein right", parent=0, cap="right", first=11, last=31),
            Branch(name="portal vein left", parent=0, cap="left", first=32, last=52),
        ),
        points_mm=points,
        distance_mm=np.arange(53.0),
        radius_mm=radius,
        area_mm2=np.pi * radius**2,
    )
