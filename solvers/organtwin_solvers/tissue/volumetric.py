"""The volumetric energy shared by all laws, and its Legendre conjugate for the mixed form.

U(J) = κ/4 (J² − 1 − 2 ln J) (Simo and Taylor 1991). Its conjugate U*(p) = p J̃ − U(J̃), with J̃(p) the volume ratio at
pressure p (here p > 0 is tension, p = U'(J)), turns U(J) into p J − U*(p): an exact restatement whose tangent is
symmetric and stays regular as κ grows without bound: U*(p) tends to p, and p to the multiplier of J = 1. The conjugate
is written with the compliance 1/κ; that of incompressible tissue is ten orders below its shear compliance, where the
volume keeps to the last digits that matter and ln J̃ / κ⁻¹ is still a number.
"""

from __future__ import annotations

from typing import Any

import ufl

INCOMPRESSIBLE = 1e-10  # shear modulus over bulk modulus


def volume_ratio(F: Any, small_strain: bool) -> Any:
    """det F, or its linearisation 1 + tr ε."""
    return 1 + ufl.tr(F - ufl.Identity(3)) if small_strain else ufl.det(F)


def energy(J: Any, kappa: Any, small_strain: bool) -> Any:
    """U(J) per reference volume (Pa)."""
    if small_strain:
        return kappa / 2 * (J - 1) ** 2
    return kappa / 4 * (J**2 - 1 - 2 * ufl.ln(J))


def conjugate(p: Any, compliance: Any, small_strain: bool) -> Any:
    """U*(p): its derivative is the volume ratio at pressure p."""
    q = p * compliance
    if small_strain:
        return p + p * q / 2
    J = q + ufl.sqrt(1 + q**2)
    return p * J / 2 + ufl.ln(J) / (2 * compliance)
