"""Linear elasticity: small strains and no rotation, for comparison with linear references."""

from __future__ import annotations

from typing import Any

import ufl

from organtwin_solvers.tissue.laws.base import Law


def distortion(F: Any, mu: Any) -> Any:
    """μ dev ε : dev ε with ε = sym(F) − I."""
    strain = ufl.dev(ufl.sym(F) - ufl.Identity(3))
    return mu * ufl.inner(strain, strain)


LAW = Law("linear", "Linear elastic", distortion, "Hooke's law", small_strain=True)
