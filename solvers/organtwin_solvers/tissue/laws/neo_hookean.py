"""Neo-Hookean: the one-constant law of rubber elasticity."""

from __future__ import annotations

from typing import Any

from organtwin_solvers.tissue.laws.base import Law
from organtwin_solvers.tissue.laws.invariants import isochoric_invariants


def distortion(F: Any, mu: Any) -> Any:
    """μ/2 (Ī₁ − 3)."""
    I1, _ = isochoric_invariants(F)
    return mu / 2 * (I1 - 3)


LAW = Law("neo_hookean", "Neo-Hookean", distortion, "Holzapfel 2000, Nonlinear Solid Mechanics, eq. 6.128")
