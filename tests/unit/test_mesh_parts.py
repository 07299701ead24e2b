"""Parts inside an organ's mesh: cells given to them, smaller cells near them, the boundary untouched, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.model import Segment, Segmentation
from organtwin.operations.mesh import OPERATION
from organtwin.operations.surface import OPERATION as SURFACE
from organtwin.space import Grid

LIVER, TUMOUR, VEIN = 20, 21, 18


@pytest.fixture(scope="module")
def organ():
    """A ball of 30 mm with a tumour inside, one at its surface, and a vein that comes in from below."""
    k, j, i = np.indices((44, 44, 44)) - 21.5
    labels = np.zeros((44, 44, 44), np.uint8)
    labels[k**2 + j**2 + i**2 < 15**2] = LIVER
    labels[(k - 4) ** 2 + (j - 3) ** 2 + (i - 4) ** 2 < 5**2] = TUMOUR
    labels[(np.hypot(j + 3, i + 4) < 2) & (k < 0)] = VEIN
    grid = Grid.make((44, 44, 44), (2, 2, 2))
    keys = {VEIN: "portal_vein", LIVER: "liver", TUMOUR: "tumour"}
    segments = tuple(Segment.of(n, key, float((labels == n).sum()) * 8) for n, key in keys.items())
    return Segmentation(name="ball", grid=grid, labels=labels, segments=segments)


@pytest.fixture(scope="module")
def meshes(organ):
    plain = OPERATION({"segmentation": organ}, {"structure": "liver", "edge": "7 mm"})[1]
    parted = OPERATION(
        {"segmentation": organ}, {"structure": "liver", "edge": "7 mm", "parts": ["tumour", "portal_vein"]}
    )[1]
    return plain, parted


def test_every_cell_belongs_to_what_it_lies_in(organ, meshes):
    mesh = meshes[1]
    assert mesh.materials == {"liver": 0, "tumour": 1, "portal_vein": 2}
    volumes = quality.volumes(mesh.points_mm, mesh.tets)
    tumour = mesh.materials_of_cells == 1
    assert volumes[tumour].sum() == pytest.approx(organ.segment("tumour").volume_mm3, rel=0.12)
    middle = mesh.points_mm[mesh.tets[tumour]].mean(axis=(0, 1))
    assert np.allclose(middle, organ.grid.to_world((25.5, 24.5, 25.5)), atol=1.0)
    assert (mesh.materials_of_cells == 2).any()
    assert any("Tumour" in note and "mL in the mesh" in note for note in mesh.notes)


def test_cells_near_parts_are_smaller_and_the_boundary_stays(meshes):
    plain, parted = meshes
    assert len(parted.tets) > len(plain.tets)
    sizes = quality.volumes(parted.points_mm, parted.tets)
    assert np.median(sizes[parted.materials_of_cells == 1]) < 0.6 * np.median(sizes[parted.materials_of_cells == 0])
    assert sizes.min() > 0
    assert tri.is_closed(parted.boundary_triangles)
    assert sizes.sum() == pytest.approx(quality.volumes(plain.points_mm, plain.tets).sum(), rel=1e-3)
    assert set(parted.boundaries) == set(plain.boundaries)
    assert parted.report["min_dihedral_deg"] > 8
    assert parted.report["tets"] == len(parted.tets)


def test_the_liver_is_a_whole_whatever_lies_in_it(organ, meshes):
    ball = 4 / 3 * np.pi * 30**3
    assert quality.volumes(meshes[0].points_mm, meshes[0].tets).sum() == pytest.approx(ball, rel=0.03)
    (surface,) = SURFACE({"segmentation": organ}, {"structures": ["liver"]})
    assert tri.volume(surface.points_mm, surface.triangles) == pytest.approx(ball, rel=0.03)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"structure": "liver", "parts": ["spleen"]}, "no structure 'spleen'"),
        ({"structure": "liver", "parts": ["liver"]}, "asked for twice"),
        ({"structure": "portal_vein", "parts": ["tumour"]}, "Only organs have parts"),
        ({"structure": "liver", "parts": ["tumour"], "part_edge": "-1 mm"}, "makes no mesh"),
    ],
)
def test_parts_that_cannot_be_are_refused(organ, parameters, sentence):
    with pytest.raises(BadInput, match=sentence):
        OPERATION({"segmentation": organ}, parameters)
