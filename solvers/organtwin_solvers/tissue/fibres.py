"""Directions of muscle fibres and their sheets: the same everywhere, or a helix in the wall of a ventricle.

In the wall, φ solves Laplace's equation with 0 on the inner and 1 on the outer boundary (Bayer, Blake, Plank and
Trayanova 2012, Annals of Biomedical Engineering 40, 2243). Its gradient points across the wall, e_t; the circumferential
direction is e_c = a × e_t with a the axis from apex to base, and the longitudinal one e_l = e_t × e_c. The fibre is
cos α e_c + sin α e_l, and its angle α goes with φ from the one value to the other. Sheets lie along e_t.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.tissue_case import Fibres
from organtwin_solvers.fem.backend import fem, ufl

TINY = 1e-12


def uniform(fibres: Fibres) -> dict[str, Any]:
    """The same directions everywhere, as UFL vectors; the sheet is turned to be normal to the fibre.

    Raises
    ------
    BadInput
        For a direction that is none.
    """
    fibre = _unit(fibres.direction, "The direction of the fibres is zero")
    directions = {"fibre": ufl.as_vector(fibre.tolist())}
    if fibres.sheet is not None:
        given = _unit(fibres.sheet, "The direction of the sheets is zero")
        across = given - (given @ fibre) * fibre
        sheet = _unit(across if np.linalg.norm(across) > 1e-6 else None, "The sheets lie along the fibres")
        directions["sheet"] = ufl.as_vector(sheet.tolist())
    return directions


def helix(domain: Any, fibres: Fibres, endo: NDArray[np.int32], epi: NDArray[np.int32]) -> dict[str, Any]:
    """A helix between the exterior facets ``endo`` and ``epi``, as UFL vectors.

    Raises
    ------
    BadInput
        When the axis is zero.
    """
    axis = ufl.as_vector(_unit(fibres.base_axis, "The axis of the ventricle is zero").tolist())
    depth = transmural(domain, endo, epi)
    across = _normalised(ufl.grad(depth))
    around = _normalised(ufl.cross(axis, across))
    along = ufl.cross(across, around)
    angle = np.radians(fibres.endo_deg) + depth * np.radians(fibres.epi_deg - fibres.endo_deg)
    return {"fibre": _normalised(ufl.cos(angle) * around + ufl.sin(angle) * along), "sheet": across}


def transmural(domain: Any, endo: NDArray[np.int32], epi: NDArray[np.int32]) -> Any:
    """The solution of Laplace's equation that is 0 on the facets ``endo`` and 1 on ``epi``: quadratic, for its gradient."""
    space = fem.functionspace(domain, ("Lagrange", 2))
    domain.topology.create_connectivity(2, 3)
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    conditions = [
        fem.dirichletbc(np.float64(value), fem.locate_dofs_topological(space, 2, facets), space)
        for value, facets in ((0.0, endo), (1.0, epi))
    ]
    problem = fem.petsc.LinearProblem(
        ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx,
        fem.Constant(domain, 0.0) * v * ufl.dx,
        bcs=conditions,
        petsc_options_prefix="tissue_transmural_",
        petsc_options={"ksp_type": "cg", "pc_type": "gamg", "ksp_rtol": 1e-8},
    )
    return problem.solve()


def _normalised(vector: Any) -> Any:
    return vector / ufl.sqrt(ufl.inner(vector, vector) + TINY)


def _unit(vector: Any, what: str) -> NDArray[np.float64]:
    given = np.zeros(3) if vector is None else np.array(vector, float)
    length = np.linalg.norm(given)
    if length == 0:
        raise BadInput(what, remedy="Give for example [1, 0, 0].")
    return np.asarray(given / length)
