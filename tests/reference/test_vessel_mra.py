"""A real abdominal aorta in MR angiography: two clicks, then measured, against the published centreline and radii."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista
from scipy.spatial import cKDTree

from organtwin.model import Surface, Volume
from organtwin.operations.registry import find

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

TO_LPS = np.array([-1.0, -1.0, 1.0])  # the published geometry is in the axes of the file's own reader


def agrees(line, points, radius, *, line_mm, radius_mm):
    away, at = cKDTree(np.asarray(line.points_mm)).query(points)
    good = np.asarray(line.clear)[at] & (away < radius)
    assert good.mean() > 0.5
    assert np.median(away[good]) < line_mm
    assert np.median(np.abs(np.asarray(line.radius_mm)[at] - radius)[good]) < radius_mm


def test_the_surface_measured_has_the_published_line_and_radii(real_data):
    folder = real_data / "mra-aorta"
    shape = pyvista.read(folder / "aorta-surface-open-ends.stl").clean().triangulate().fill_holes(1e3).triangulate()
    surface = Surface(
        name="aorta",
        structure="vessel",
        points_mm=np.asarray(shape.points, float),
        triangles=shape.faces.reshape(-1, 4)[:, 1:].astype(np.int32),
    )
    (line,) = find("vessel")({"surface": surface})
    assert sum(not b.cap for b in line.branches) == 1  # one fork
    assert len(line.branches) == 3
    reference = pyvista.read(folder / "aorta-centerline.vtp")
    radius = np.asarray(reference["MaximumInscribedSphereRadius"])
    agrees(line, np.asarray(reference.points), radius, line_mm=0.4, radius_mm=0.25)


@pytest.mark.parametrize("way", [0, 1])
def test_two_clicks_from_aorta_to_iliac_give_the_published_radii(real_data, way):
    folder = real_data / "mra-aorta"
    objects = find("import")({}, {"sources": [str(folder / "aorta.mha")]})
    (volume,) = [thing for thing in objects if isinstance(thing, Volume)]
    reference = pyvista.read(folder / "aorta-centerline.vtp")
    points = np.asarray(reference.points) * TO_LPS
    own = np.asarray(reference.get_cell(way).point_ids)
    radius = np.asarray(reference["MaximumInscribedSphereRadius"])
    clicks = [tuple(points[own[5]]), tuple(points[own[-6]])]
    (made,) = find("segment")({"volume": volume}, {"engine": "vessel", "options": {"points_mm": clicks}})
    (line,) = find("vessel")({"segmentation": made}, {"structure": "vessel"})
    agrees(line, points[own], radius[own], line_mm=0.6, radius_mm=0.25)
