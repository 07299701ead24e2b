"""Yeoh: a polynomial of the first invariant that stiffens at large stretch."""

from __future__ import annotations

from typing import Any

from organtwin_solvers.tissue.laws.base import Law, Parameter
from organtwin_solvers.tissue.laws.invariants import isochoric_invariants


def distortion(F: Any, mu: Any, second: float, third: float) -> Any:
    """μ/2 [(Ī₁ − 3) + second (Ī₁ − 3)² + third (Ī₁ − 3)³]."""
    I1, _ = isochoric_invariants(F)
    e = I1 - 3
    return mu / 2 * (e + second * e**2 + third * e**3)


LAW = Law(
    "yeoh",
    "Yeoh",
    distortion,
    "Yeoh 1993, Rubber Chemistry and Technology 66, 754",
    {
        "second": Parameter(0.5, 0.0, 1e3, "c2 / c1"),
        "third": Parameter(0.5, 0.0, 1e3, "c3 / c1"),
    },
)
