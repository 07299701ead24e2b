"""Laws, presets and regions: what a tissue case may say, and the sentence when it says something else."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from organtwin_solvers.tissue import presets
from organtwin_solvers.tissue.formulation import choose
from organtwin_solvers.tissue.laws import LAWS, law
from organtwin_solvers.tissue.operation import OPERATION
from organtwin_solvers.tissue.regions import describe, resolve, triangles
from organtwin_solvers.validation.block import block

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TissueCase
from organtwin.model.tissue_case import Material, Press, Pull, Region

FRONT, BACK = Region(boundary="y0"), Region(boundary="y1")


@pytest.fixture
def mesh() -> OrganMesh:
    return block((4, 4, 4), (40.0, 40.0, 40.0))


def case(**changes: object) -> TissueCase:
    given: dict[str, object] = {"fixed": (BACK,), "pulls": (Pull(region=FRONT, displacement_mm=(0, -5, 0)),)}
    return TissueCase(**{**given, **changes})


# -- laws and presets -----------------------------------------------------------------------------------------------


def test_a_case_can_name_every_registered_law_and_no_other():
    assert set(get_args(Material.model_fields["law"].annotation)) == set(LAWS)


def test_an_unknown_parameter_of_a_law_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match=r"no parameter 'c1'.*second_share"):
        law("mooney_rivlin").read({"c1": 1.0})


def test_a_parameter_outside_its_stable_range_is_refused():
    with pytest.raises(BadInput, match=r"not stable with second_share = -0\.5.*between 0 and 1"):
        law("mooney_rivlin").read({"second_share": -0.5})


def test_every_preset_is_a_case_with_literature_values_and_their_source():
    for name in presets.names():
        ready = presets.preset(name)
        assert ready.material.source
        assert law(ready.material.law).read(ready.material.parameters) is not None


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(BadInput, match="liver-pull"):
        presets.preset("liver-explode")
    with pytest.raises(BadInput, match="no tissue values for 'gallstone'"):
        presets.preset("gallstone-pull")


def test_large_meshes_and_nearly_incompressible_tissue_get_a_pressure_of_their_own():
    assert choose("auto", "auto", 0.3, 1000).name == "displacement P2"
    assert choose("auto", "auto", 0.49, 1000).name == "Taylor-Hood P2-P1"
    assert choose("auto", "auto", 0.3, 50_000).name == "stabilised mixed P1-P1"
    assert choose("displacement", "linear", 0.3, 50_000).name == "displacement P1"


# -- regions --------------------------------------------------------------------------------------------------------


def test_a_direction_selects_the_far_end(mesh: OrganMesh):
    mask = triangles(mesh, Region(toward=(0, 0, 1), fraction=0.1), "fixed region")
    z = mesh.points_mm[mesh.boundary_triangles[mask]].mean(axis=1)[:, 2]
    assert mask.any()
    assert (z > 35.9).all()


def test_a_sphere_selects_what_lies_within_its_radius(mesh: OrganMesh):
    mask = triangles(mesh, Region(centre_mm=(0, 20, 20), radius="1 cm"), "pulled region")
    centroids = mesh.points_mm[mesh.boundary_triangles].mean(axis=1)
    assert np.array_equal(mask, np.linalg.norm(centroids - (0, 20, 20), axis=1) <= 10)


@pytest.mark.parametrize(
    ("region", "sentence"),
    [
        (
            Region(centre_mm=(200, 20, 20), radius="5 mm"),
            r"within 5 mm of \(200, 20, 20\) mm\) catches no face.*mm from the centre",
        ),
        (Region(boundary="apex"), "no boundary 'apex'.*x0"),
        (Region(toward=(0, 0, 0), fraction=0.5), "direction of the fixed region is zero"),
    ],
)
def test_a_region_that_catches_nothing_is_named(mesh: OrganMesh, region: Region, sentence: str):
    with pytest.raises(BadInput, match=sentence):
        resolve(mesh, case(fixed=(region,)))


def test_fixed_and_pulled_regions_that_touch_are_refused(mesh: OrganMesh):
    beside = Pull(region=Region(boundary="x0"), displacement_mm=(5, 0, 0))
    with pytest.raises(
        BadInput, match=r"pulled region \(the boundary 'x0'\) touches the fixed region \(the boundary 'y1'\)"
    ):
        resolve(mesh, case(pulls=(beside,)))


def test_a_press_wholly_on_fixed_tissue_is_refused(mesh: OrganMesh):
    with pytest.raises(BadInput, match="wholly on fixed or pulled tissue"):
        resolve(mesh, case(presses=(Press(region=BACK, pressure="1 kPa"),)))


def test_a_press_loads_only_the_free_part_of_its_region(mesh: OrganMesh):
    everywhere = Region(toward=(0, 0, 1), fraction=1.0)
    regions = resolve(mesh, case(presses=(Press(region=everywhere, pressure="1 kPa"),)))
    assert not (regions.presses[0] & (regions.fixed[0] | regions.pulls[0])).any()


def test_a_loose_piece_of_the_mesh_is_refused_with_its_place(mesh: OrganMesh):
    n = len(mesh.points_mm)
    two = mesh.with_(
        points_mm=np.concatenate([mesh.points_mm, mesh.points_mm + np.array((0, 0, 100))]),
        tets=np.concatenate([mesh.tets, mesh.tets + n]),
        boundary_triangles=np.concatenate([mesh.boundary_triangles, mesh.boundary_triangles + n]),
        boundary_tags=np.concatenate([mesh.boundary_tags, np.zeros_like(mesh.boundary_tags)]),
    )
    with pytest.raises(BadInput, match=r"separate piece.*held nowhere \(125 points around \(20, 20, 120\) mm\)"):
        resolve(two, case())


def test_a_direction_is_described_as_a_surgeon_would():
    assert describe(Region(toward=(0, 0.5, 1), fraction=0.2)) == "the outer 20 % toward superior-posterior"


# -- the operation --------------------------------------------------------------------------------------------------


def test_the_operation_wants_a_case_or_a_preset_and_not_both(mesh: OrganMesh):
    for wrong in ({}, {"preset": "liver-pull", "case": {}}):
        with pytest.raises(BadInput, match="either a case or a preset"):
            OPERATION({"mesh": mesh}, wrong)


def test_an_unknown_key_in_the_case_is_named(mesh: OrganMesh):
    with pytest.raises(BadInput, match="Unknown key 'fixt'"):
        OPERATION({"mesh": mesh}, {"case": {**case().model_dump(mode="json"), "fixt": 1}})


def test_a_bare_number_for_the_stiffness_is_refused(mesh: OrganMesh):
    with pytest.raises(BadInput, match="young"):
        OPERATION(
            {"mesh": mesh}, {"case": {"fixed": [{"boundary": "y1"}], "gravity": [0, 0, -1], "material": {"young": 5}}}
        )
