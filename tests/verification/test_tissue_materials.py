"""Laws, parts, fibres, springs and pulls point by point, against solutions by hand."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.fem.backend import fem, ufl
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.deform import deform
from organtwin_solvers.tissue.fibres import helix
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.laws.ogden import sum_of_powers
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Problem, Support
from organtwin_solvers.validation import land2015
from organtwin_solvers.validation.block import block

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, Result, TissueCase
from organtwin.model.tissue_case import Fibres, Material, Press, Pull, Region, Spring, TissueNumerics

TAYLOR_HOOD = Formulation(True, 2)
TOP, BOTTOM = Region(boundary="z1"), Region(boundary="z0")
ROLLERS = (("x0", 0), ("y0", 1), ("z0", 2))


def bar() -> OrganMesh:
    """Its lower half is called "tumour"."""
    mesh = block((2, 2, 4), (20.0, 20.0, 40.0), "bar")
    lower = mesh.points_mm[mesh.tets].mean(axis=1)[:, 2] < 20
    return mesh.with_(materials_of_cells=lower.astype(np.int16), materials={"liver": 0, "tumour": 1})


def quantity(result: Result, name: str) -> float:
    return next(q.value for q in result.quantities if q.name == name)


def rolling(elastic: Elastic, **more: object) -> tuple[Problem, object]:
    """A unit cube that may slide on three of its faces."""
    mesh = fem_mesh(block((1, 1, 1), (1.0, 1.0, 1.0)))
    supports = [Support(face, mesh.facets(face), components=(axis,)) for face, axis in ROLLERS]
    return Problem(mesh.mesh, elastic, TAYLOR_HOOD, supports, **more), mesh


# -- laws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0.5, 0.65, 2.0, 3.7, -1.15, -0.5, 7.25])
@pytest.mark.parametrize("stretches", [(1.0, 1.0), (1.3, 1.0), (1.6, 1.6**-0.5), (0.6, 1.2)])
def test_powers_of_stretches_are_summed_without_the_stretches(stretches: tuple[float, float], exponent: float):
    x = np.array([*stretches, 1 / np.prod(stretches)]) ** 2
    assert sum_of_powers(x.sum(), (1 / x).sum(), exponent) == pytest.approx((x**exponent).sum(), rel=1e-7)


def test_one_ogden_term_of_exponent_two_is_neo_hookean():
    def force(name: str, parameters: dict[str, float]) -> float:
        case = TissueCase(
            material=Material(law=name, parameters=parameters),
            fixed=(TOP,),
            pulls=(Pull(region=BOTTOM, displacement_mm=(4, 0, -8)),),
        )
        return quantity(deform(bar(), case), "force at the pulled region")

    assert force("ogden", {"alpha_1": 2.0}) == pytest.approx(force("neo_hookean", {}), rel=1e-6)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"share_2": -0.2}, r"not stable with share_2 = -0\.2.*between 0 and 1"),
        ({"share_2": 0.7, "share_3": 0.5}, r"not stable with shares that leave -0\.2 to the first term"),
        ({"alpha_2": 0.0}, "not stable with alpha_2 = 0"),
        ({"alpha_1": 80.0}, "not stable with alpha_1 = 80"),
    ],
)
def test_an_ogden_term_that_would_give_way_is_refused(given: dict[str, float], sentence: str):
    with pytest.raises(BadInput, match=sentence):
        law("ogden").read(given)


def test_the_stiffness_of_guccione_is_what_youngs_modulus_says_across_the_fibres():
    given = Material(law="guccione", parameters={"bf": 8, "bt": 2, "bfs": 4}, young="6 kPa", poisson=0.5)
    elastic, published = Elastic.of(given), land2015.muscle(2000.0, 8.0, 2.0, 4.0)
    assert elastic.shear_pa == pytest.approx(published.shear_pa)
    assert elastic.bulk_pa == published.bulk_pa == np.inf
    isotropic = Material(law="guccione", parameters={"bf": 1, "bt": 1, "bfs": 1}, young="15 kPa", poisson=0.5)
    assert Elastic.of(isotropic).shear_pa == pytest.approx(land2015.INFLATED.material.shear_pa)


def test_incompressible_tissue_keeps_its_volume_and_stretches_as_by_hand():
    elastic = Elastic.from_young(law("neo_hookean"), 6000.0, 0.5)
    mesh = fem_mesh(block((2, 2, 2), (1.0, 1.0, 1.0)))
    supports = [Support(face, mesh.facets(face), components=(axis,)) for face, axis in ROLLERS]
    supports.append(Support("pull", mesh.facets("z1"), lambda x: np.full((3, x.shape[1]), 0.5), components=(2,)))
    body = Problem(mesh.mesh, elastic, TAYLOR_HOOD, supports)
    follow_load(body, steps=2, tolerance=1e-10)
    rest, now, _ = body.totals()
    assert now / rest == pytest.approx(1.0, abs=1e-9)
    assert body.reactions()["pull"][2] == pytest.approx(2000.0 * (1.5 - 1.5**-2), rel=1e-7)


def test_incompressible_tissue_without_a_pressure_unknown_is_refused():
    case = TissueCase(
        material=Material(poisson=0.5),
        fixed=(TOP,),
        gravity=(0, 0, -1),
        numerics=TissueNumerics(formulation="displacement"),
    )
    with pytest.raises(BadInput, match=r"incompressible.*mixed"):
        deform(bar(), case)


# -- several materials ----------------------------------------------------------------------------------------------


def stretched(**changes: object) -> float:
    case = TissueCase(**{"fixed": (TOP,), "pulls": (Pull(region=BOTTOM, displacement_mm=(0, 0, -4)),), **changes})
    return quantity(deform(bar(), case), "force at the pulled region")


def test_two_materials_one_behind_the_other_stretch_as_springs_in_series():
    soft, stiff = (Material(law="linear", poisson=0.0, young=young) for young in ("3 kPa", "12 kPa"))
    expected = 2 / (1 / 3000 + 1 / 12000) * 0.1 * 400 * 1e-6
    assert stretched(material=soft, materials={"tumour": stiff}) == pytest.approx(expected, rel=1e-6)


def test_two_laws_in_one_mesh_are_each_used_in_their_part():
    same = Material(law="mooney_rivlin", parameters={"second_share": 0.0})
    assert stretched(material=Material(), materials={"tumour": same}) == pytest.approx(stretched(), rel=1e-8)
    other = Material(law="yeoh", parameters={"second": 100.0})
    assert stretched(material=Material(), materials={"tumour": other}) > 1.02 * stretched()


@pytest.mark.parametrize(
    ("materials", "sentence"),
    [
        ({"spleen": Material()}, "no part 'spleen'.*'liver', 'tumour'"),
        ({"tumour": Material(law="linear")}, "linear material cannot stand beside"),
        ({"tumour": Material(young="-3 kPa")}, r"-3 kPa.*not stable"),
        ({"tumour": Material(young="1e12 Pa")}, "times as stiff as the softest"),
    ],
)
def test_parts_that_make_no_sense_are_refused(materials: dict[str, Material], sentence: str):
    with pytest.raises(BadInput, match=sentence):
        stretched(materials=materials)


def test_the_credibility_names_every_material_and_its_source():
    case = TissueCase(
        fixed=(TOP,), gravity=(0, 0, -1), materials={"tumour": Material(young="30 kPa", source="a paper")}
    )
    credibility = deform(bar(), case).credibility
    assert "30 kPa" in credibility["material of tumour"]
    assert credibility["source of the material of tumour"] == "a paper"


# -- fibres ---------------------------------------------------------------------------------------------------------


def test_active_tension_shortens_a_free_muscle_as_by_hand():
    elastic = Elastic.from_young(law("neo_hookean"), 6000.0, 0.5, active_pa=3000.0)
    body, mesh = rolling(elastic, directions={"fibre": ufl.as_vector((0.0, 0.0, 1.0))})
    follow_load(body, steps=2, tolerance=1e-10)
    z = mesh.to_points(body.displacement())[:, 2]
    assert 1 + z.min() == pytest.approx((2000 / (2000 + 3000)) ** (1 / 3), rel=1e-6)


def test_the_fibres_of_a_wall_turn_from_inside_to_outside():
    mesh = land2015.ventricle(6, 12, 2)
    rule = Fibres(endo="endo", epi="epi", endo_deg=90, epi_deg=-90)
    found = helix(mesh.domain, rule, mesh.endo, mesh.epi)
    wanted = land2015.fibre(mesh)
    dx = ufl.dx(domain=mesh.domain, metadata={"quadrature_degree": 4})

    def mean(value: object) -> float:
        volume = fem.assemble_scalar(fem.form(fem.Constant(mesh.domain, 1.0) * dx))
        return float(fem.assemble_scalar(fem.form(value * dx)) / volume)

    assert mean(ufl.inner(found["fibre"], found["fibre"])) == pytest.approx(1.0, abs=1e-6)
    assert mean(ufl.inner(found["fibre"], wanted)) > 0.985
    assert abs(mean(ufl.inner(found["fibre"], found["sheet"]))) < 1e-6


@pytest.mark.parametrize(
    ("fibres", "sentence"),
    [
        (None, "Guccione needs the direction of the fibres"),
        (Fibres(direction=(0, 0, 0)), "direction of the fibres is zero"),
        (Fibres(endo="cavity", epi="z0"), "no boundary 'cavity'"),
    ],
)
def test_a_law_with_fibres_wants_their_direction(fibres: Fibres | None, sentence: str):
    with pytest.raises(BadInput, match=sentence):
        stretched(material=Material(law="guccione"), fibres=fibres)


def test_a_law_with_sheets_wants_them_across_the_fibres():
    with pytest.raises(BadInput, match="Holzapfel-Ogden needs the direction of the sheets"):
        stretched(material=Material(law="holzapfel_ogden"), fibres=Fibres(direction=(0, 0, 1)))
    with pytest.raises(BadInput, match="sheets lie along the fibres"):
        stretched(material=Material(law="holzapfel_ogden"), fibres=Fibres(direction=(0, 0, 1), sheet=(0, 0, 2)))


def test_fibres_along_the_pull_make_a_muscle_stiffer_than_across():
    muscle = Material(law="guccione", young="6 kPa", poisson=0.5)
    along, across = (stretched(material=muscle, fibres=Fibres(direction=axis)) for axis in ((0, 0, 1), (1, 0, 0)))
    assert along > 1.5 * across


# -- springs and pulls of points ------------------------------------------------------------------------------------


def test_springs_bear_the_weight_and_give_way_by_their_stiffness():
    stiff = Material(young="10 MPa", poisson=0.0)
    push = Press(region=BOTTOM, force="0.4 N", direction=(0, 0, 1))
    case = TissueCase(material=stiff, springs=(Spring(region=TOP, stiffness="0.5 kPa/mm"),), presses=(push,))
    result = deform(bar(), case)
    assert quantity(result, "force at the springs") == pytest.approx(0.4, rel=1e-6)
    assert result.fields["displacement_mm"][-1][:, 2] == pytest.approx(0.4e6 / 400 / 500, rel=0.01)


def test_springs_along_the_normal_let_the_surface_slide():
    given = {"material": Material(young="6 kPa"), "fixed": (Region(boundary="x0"),)}
    push = Press(region=Region(boundary="x1"), force="0.02 N", direction=(0, 0, 1))
    moved = [
        abs(
            deform(
                bar(),
                TissueCase(
                    **given,
                    presses=(push,),
                    springs=(Spring(region=Region(boundary="x1"), stiffness="5 kPa/mm", normal_only=only),),
                ),
            ).fields["displacement_mm"][-1][:, 2]
        ).max()
        for only in (True, False)
    ]
    assert moved[0] > 5 * moved[1]


@pytest.mark.parametrize("element", ["linear", "quadratic"])
def test_points_pulled_one_by_one_go_where_each_is_asked_to(element: str):
    mesh = bar()
    points = tuple(int(p) for p in np.unique(mesh.boundary("z0")))
    each = tuple((0.05 * mesh.points_mm[p][0], 0.0, -2 - 0.1 * mesh.points_mm[p][1]) for p in points)
    case = TissueCase(
        fixed=(TOP,),
        pulls=(Pull(region=Region(points=points), each_mm=each),),
        numerics=TissueNumerics(element=element),
    )
    result = deform(mesh, case)
    assert result.fields["displacement_mm"][-1][list(points)] == pytest.approx(np.array(each), abs=1e-5)


def test_a_single_point_can_be_grasped():
    case = TissueCase(fixed=(TOP,), pulls=(Pull(region=Region(points=(0,)), displacement_mm=(0, 0, -2)),))
    result = deform(bar(), case)
    assert result.fields["displacement_mm"][-1][0] == pytest.approx((0, 0, -2), abs=1e-6)
    assert quantity(result, "force at the pulled region") == pytest.approx(
        quantity(result, "force at the fixed region"), rel=1e-4
    )


@pytest.mark.parametrize(
    ("points", "sentence"),
    [((99999,), "names the point 99999"), ((), "names no point"), ((3, 3), "names a point twice")],
)
def test_points_that_the_mesh_does_not_have_are_refused(points: tuple[int, ...], sentence: str):
    with pytest.raises(BadInput, match=sentence):
        deform(bar(), TissueCase(fixed=(Region(points=points),), gravity=(0, 0, -1)))
