"""Hyperelastic cases whose numbers an independent code computed: FElupe 11.3 with its own elements and derivatives.

There: 27-node hexahedra, displacement unknowns, stresses by automatic differentiation (tensortrax) of the energies below with
the volumetric part κ/4 (J² − 1 − 2 ln J), Newton to 1e-8. E = 6 kPa.

Ogden block: 10 mm cube, Poisson 0.45, terms (share, exponent) (0.7, 3) and (0.3, −2.5), the face z = 0 held, the face z = 10
moved by (3, 0, −2) mm, six steps. Displacement of (10, 5, 5), with 4, 5, 6 cells along each edge:
(2.0528, 0, −1.7660), (2.0534, 0, −1.7670), (2.0535, 0, −1.7665) mm.

Mooney-Rivlin bar: 60 x 10 x 10 mm, Poisson 0.3, second share 0.4, the face x = 0 held, a dead shear of 10 Pa along −z on the
face x = 60, eight steps. Displacement of (60, 5, 5), with 3 and 4 cells across: (−1.8689, 0, −13.7872), (−1.8712, 0,
−13.7975) mm.
"""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Problem, Support, Traction
from organtwin_solvers.validation.block import block, nearest_point

QUADRATIC = [Formulation(False, 2), Formulation(True, 2)]


def elastic(name: str, poisson: float, **parameters: float) -> Elastic:
    return Elastic.from_young(law(name), 6000.0, poisson, parameters=law(name).read(parameters))


@pytest.mark.parametrize(
    "formulation", [QUADRATIC[0], pytest.param(QUADRATIC[1], marks=pytest.mark.slow)], ids=lambda f: f.name
)
def test_an_ogden_block_sheared_and_squeezed_bulges_as_felupe_says(formulation: Formulation):
    mesh = block((6, 6, 6), (10.0, 10.0, 10.0))
    fem = fem_mesh(mesh)
    moved = Support("moved", fem.facets("z1"), lambda x: np.tile([[3.0], [0.0], [-2.0]], x.shape[1]))
    ogden = elastic("ogden", 0.45, alpha_1=3.0, share_2=0.3, alpha_2=-2.5)
    body = Problem(fem.mesh, ogden, formulation, [Support("held", fem.facets("z0")), moved])
    follow_load(body, steps=3)
    u = fem.to_points(body.displacement())[nearest_point(mesh, (10.0, 5.0, 5.0))]
    assert u == pytest.approx([2.0535, 0.0, -1.7665], abs=0.012)  # half a percent of the motion


@pytest.mark.parametrize("formulation", QUADRATIC, ids=lambda f: f.name)
def test_a_mooney_rivlin_bar_bends_as_felupe_says(formulation: Formulation):
    mesh = block((15, 3, 3), (60.0, 10.0, 10.0))
    fem = fem_mesh(mesh)
    body = Problem(
        fem.mesh,
        elastic("mooney_rivlin", 0.3, second_share=0.4),
        formulation,
        [Support("held", fem.facets("x0"))],
        [Traction(fem.facets("x1"), (0.0, 0.0, -10.0))],
    )
    follow_load(body, steps=3)
    u = fem.to_points(body.displacement())
    middle = nearest_point(mesh, (60.0, 10 / 3, 10 / 3)), nearest_point(mesh, (60.0, 20 / 3, 20 / 3))
    assert np.mean(u[list(middle)], axis=0) == pytest.approx([-1.871, 0.0, -13.80], rel=0.005, abs=0.02)
