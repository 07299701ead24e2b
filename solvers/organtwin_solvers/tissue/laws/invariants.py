"""Invariants of the isochoric right Cauchy-Green tensor, from which the laws are built."""

from __future__ import annotations

from typing import Any

import ufl


def isochoric_invariants(F: Any) -> tuple[Any, Any]:
    """First and second invariant of C̄ = J^(-2/3) Fᵀ F; both are 3 at rest.

    J^(-2/3) of an inverted element is not a number, on purpose: no line search can accept such a state.
    """
    J = ufl.det(F)
    C = F.T * F
    I1 = ufl.tr(C)
    I2 = (I1**2 - ufl.inner(C, C)) / 2
    return J ** (-2 / 3) * I1, J ** (-4 / 3) * I2


def isochoric_strain(F: Any) -> Any:
    """Green-Lagrange strain (C̄ − I) / 2 without the change of volume."""
    return (ufl.det(F) ** (-2 / 3) * F.T * F - ufl.Identity(3)) / 2
