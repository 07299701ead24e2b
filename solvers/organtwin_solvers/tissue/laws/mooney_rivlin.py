"""Mooney-Rivlin: neo-Hookean with a share of the stiffness in the second invariant."""

from __future__ import annotations

from typing import Any

from organtwin_solvers.tissue.laws.base import Law, Parameter
from organtwin_solvers.tissue.laws.invariants import isochoric_invariants


def distortion(F: Any, mu: Any, second_share: float) -> Any:
    """c₁ (Ī₁ − 3) + c₂ (Ī₂ − 3) with c₁ + c₂ = μ/2 and c₂ = second_share μ/2."""
    I1, I2 = isochoric_invariants(F)
    return mu / 2 * ((1 - second_share) * (I1 - 3) + second_share * (I2 - 3))


LAW = Law(
    "mooney_rivlin",
    "Mooney-Rivlin",
    distortion,
    "Holzapfel 2000, Nonlinear Solid Mechanics, eq. 6.127",
    {"second_share": Parameter(0.25, 0.0, 1.0, "share of the second invariant, c2 / (c1 + c2)")},
)
