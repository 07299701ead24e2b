"""Veronda-Westmann: the exponential law of soft tissue, first fitted to skin."""

from __future__ import annotations

from typing import Any

import ufl

from organtwin_solvers.tissue.laws.base import Law, Parameter
from organtwin_solvers.tissue.laws.invariants import isochoric_invariants


def distortion(F: Any, mu: Any, gamma: float) -> Any:
    """μ [(exp(γ (Ī₁ − 3)) − 1) / γ − (Ī₂ − 3) / 2]: C₁ = μ/γ and C₂ = −μ/2 of the paper, μ the shear modulus at rest."""
    I1, I2 = isochoric_invariants(F)
    return mu * ((ufl.exp(gamma * (I1 - 3)) - 1) / gamma - (I2 - 3) / 2)


LAW = Law(
    "veronda_westmann",
    "Veronda-Westmann",
    distortion,
    "Veronda and Westmann 1970, Journal of Biomechanics 3, 111",
    {"gamma": Parameter(2.0, 0.5, 100.0, "how fast it stiffens")},
)
