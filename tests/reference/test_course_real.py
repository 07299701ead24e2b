"""A follow-up of a real scan, made by a known motion: turned, moved, noisier, and with a tumour that has grown."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from organtwin.io.study import read, scan
from organtwin.model import Segment, Segmentation, Volume
from organtwin.monitor import NullMonitor
from organtwin.space import Grid
from organtwin.timeline.days import YEAR_S
from organtwin.twin.course.courses import courses
from organtwin.twin.course.registration import lay_over
from organtwin.twin.course.study import Study

MOTION = np.eye(4)  # later to first
MOTION[:3, :3] = Rotation.from_euler("xyz", (2.0, -1.0, 4.0), degrees=True).as_matrix()
LABEL = {"liver": 1, "tumour": 2}
RADIUS_MM = (12.0, 14.0)


@pytest.fixture(scope="module")
def dates(real_data):
    """The scan at half its resolution, and its follow-up; the organ is a ball in the middle of the body."""
    with scan([str(real_data / "ct-abdomen")]) as study:
        (whole,) = read(study.best())
    step = 2
    size = tuple(-(-n // s) for n, s in zip(whole.grid.size, (step, step, 1), strict=True))
    grid = Grid(size, whole.grid.affine @ np.diag([step, step, 1, 1]), whole.grid.frame_uid)
    values = np.array(whole.values[:, ::step, ::step], np.float32)
    motion = MOTION.copy()
    centre = grid.centre_mm
    motion[:3, 3] = centre - motion[:3, :3] @ centre + (12.0, -8.0, 15.0)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), axis=-1)
    at = grid.to_world(index)
    there = at @ motion[:3, :3].T + motion[:3, 3]
    made = []
    middle = centre - np.array((50.0, 20.0, 0.0))
    for date, (places, frame) in enumerate(((at, grid.frame_uid), (there, "1.2.3.4"))):
        seen = values.copy()
        if date:
            where = grid.to_index(places)[..., ::-1].transpose(3, 2, 1, 0)
            seen = ndimage.map_coordinates(values, where, order=1, cval=-1000.0)
            seen += np.random.default_rng(1).normal(size=seen.shape).astype(np.float32) * 15
        from_middle = np.linalg.norm(places - middle, axis=-1).transpose(2, 1, 0)
        labels = np.zeros(seen.shape, np.uint8)
        labels[from_middle < 55.0] = LABEL["liver"]
        labels[from_middle < RADIUS_MM[date]] = LABEL["tumour"]
        seen[labels == LABEL["tumour"]] = 45.0
        own = Grid(size, grid.affine, frame)
        count = np.bincount(labels.ravel(), minlength=3) * grid.voxel_volume_mm3
        volume = Volume(name="CT", grid=own, values=np.round(seen).astype(np.int16), modality="CT", value_unit="HU")
        segments = tuple(Segment.of(label, key, float(count[label])) for key, label in LABEL.items())
        made.append(
            Study(
                str(date + 1),
                date * YEAR_S,
                False,
                volume,
                Segmentation(name="labels", grid=own, labels=labels, segments=segments),
            )
        )
    return made, motion


@pytest.mark.real_data
def test_a_real_scan_is_laid_over_its_follow_up_within_a_voxel(dates):
    (one, other), motion = dates
    laid = lay_over(one.segmentation, other.segmentation, (one.volume, other.volume), "liver", NullMonitor(), "tumour")
    points = other.volume.grid.to_world(np.argwhere(other.segmentation.mask("liver"))[::100, ::-1])
    error = np.linalg.norm(laid.first(points) - (points @ motion[:3, :3].T + motion[:3, 3]), axis=1)
    assert error.max() < one.volume.grid.spacing_mm.max()


@pytest.mark.real_data
def test_the_growth_of_a_tumour_in_a_real_scan_is_found_within_eight_percent(dates):
    course = courses(dates[0], "tumour", "auto", None, None, None, NullMonitor())[0]
    assert course.values[1] / course.values[0] == pytest.approx((RADIUS_MM[1] / RADIUS_MM[0]) ** 3, rel=0.08)
    assert course.change.startswith("grew by more than measuring explains")
