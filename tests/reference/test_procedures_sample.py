"""The stenosis of the sample's aorta, from its drawn labels: found where it is, opened and bypassed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from organtwin.io.dicom_seg import read_seg
from organtwin.mesh import quality
from organtwin.mesh.procedures import perform
from organtwin.mesh.procedures.suggest import stenoses
from organtwin.model import Segment, Segmentation, Volume
from organtwin.model.procedure import Bypass, Widen
from organtwin.operations import find
from organtwin.vessel import tree

SAMPLE = Path(__file__).parents[2] / "sample_dicom"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def truth():
    stations = json.loads((SAMPLE / "truth.json").read_text())["aorta"]["stations"]
    return {station["name"]: station for station in stations}


@pytest.fixture(scope="module")
def aorta():
    objects = find("import")({}, {"sources": [str(SAMPLE / "series")]})
    (volume,) = [thing for thing in objects if isinstance(thing, Volume)]
    stored = read_seg(SAMPLE / "truth.dcm", volume.grid)
    parts = json.loads((SAMPLE / "truth.json").read_text())["composites"].get("aorta", ["aorta"])
    mask = np.any([stored.mask(part) for part in parts], axis=0)
    segmentation = Segmentation(
        name="truth", grid=volume.grid, labels=mask.astype(np.uint8), segments=(Segment.of(1, "aorta", 0.0),)
    )
    _, mesh = find("mesh")({"segmentation": segmentation}, {"structure": "aorta"})
    return mesh, tree.of_mesh(mesh)


@pytest.fixture(scope="module")
def worst(aorta, truth):
    """The coarctation; the half-closed valve is a narrow place too."""
    _, line = aorta
    return next(one for one in stenoses(line) if _away(line, one, truth) < 4.0)


def _away(line, stenosis, truth):
    at = np.abs(np.asarray(line.distance_mm) - stenosis.throat_mm).argmin()
    return np.linalg.norm(np.asarray(line.points_mm)[at] - truth["stenosis_throat"]["centre_mm"])


def test_the_stenosis_is_found_where_it_was_drawn(worst, truth):
    throat = truth["stenosis_throat"]
    healthy = (truth["above_stenosis"]["diameter_mm"] + truth["below_stenosis"]["diameter_mm"]) / 2
    assert worst.diameter_mm == pytest.approx(healthy, rel=0.06)
    assert worst.loss == pytest.approx(1 - throat["diameter_mm"] / healthy, abs=0.08)


def test_a_stent_opens_it(aorta, worst):
    mesh, line = aorta
    action = Widen(
        action="stent",
        toward=worst.toward,
        start_mm=worst.start_mm,
        stop_mm=worst.stop_mm,
        diameter=f"{worst.diameter_mm:.1f} mm",
    )
    after = perform(mesh, action, line)
    assert quality.volumes(after.points_mm, after.tets).min() > 0
    assert after.report["worst_quality"] > 0.15
    assert after.report["kept_tets"] > 0.7 * len(mesh.tets)
    assert after.caps == mesh.caps
    left = [one for one in stenoses(tree.of_mesh(after)) if abs(one.throat_mm - worst.throat_mm) < 20]
    assert all(one.loss < 0.25 for one in left)


def test_a_bypass_leads_round_it(aorta, worst):
    pytest.importorskip("manifold3d")
    mesh, line = aorta
    action = Bypass(
        action="bypass",
        start_toward=worst.toward,
        start_mm=worst.start_mm - 15,
        stop_toward=worst.toward,
        stop_mm=worst.stop_mm + 25,
        diameter="12 mm",
    )
    after = perform(mesh, action, line)
    assert quality.volumes(after.points_mm, after.tets).min() > 0
    assert after.report["worst_quality"] > 0.15
    assert after.report["kept_tets"] > 0.8 * len(mesh.tets)
    assert after.caps == mesh.caps
    length = np.ptp([action.start_mm, action.stop_mm])
    assert 0.4 * length * np.pi * 36 < after.report["volume_change_mm3"] < 1.6 * length * np.pi * 36
