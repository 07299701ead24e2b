"""The hyperelastic laws as the rehearsal uses them: the very energies of the full solve, as numbers for compiled loops.

Every isotropic law is W_iso(I1, I2) of the isochoric invariants, shear modulus at rest and shape parameters; a law is the
small function that gives its derivatives. The volumetric part is U(J) = kappa/4 (J^2 - 1 - 2 ln J) for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.tissue_case import Material
from organtwin.units import parse
from organtwin_solvers.rehearsal import ogden
from organtwin_solvers.rehearsal.compiled import always_inlined

# law -> number in the compiled loops, and its shape parameters in order
CODES: dict[str, tuple[int, tuple[str, ...]]] = {
    "neo_hookean": (0, ()),
    "mooney_rivlin": (1, ("second_share",)),
    "yeoh": (2, ("second", "third")),
    "veronda_westmann": (3, ("gamma",)),
    "ogden": (4, ogden.PARAMETERS),
}

# Beyond this the tissue is held incompressible enough: displacements change by less than a percent
MOST_BULK = 100.0  # times the shear modulus; Poisson's ratio 0.495


@dataclass(frozen=True)
class Elastic:
    """A material in mm-g-s: moduli at rest (Pa), density (g/mm^3), shape parameters in the order of the law."""

    law: str
    shear_pa: float
    bulk_pa: float
    density: float
    parameters: tuple[float, ...] = ()

    @classmethod
    def of(cls, material: Material) -> Elastic:
        """From the material of a scene.

        Raises
        ------
        BadInput
            For a law that the rehearsal does not have, and values that are not stable.
        """
        from organtwin_solvers.tissue.laws import law

        if material.law not in CODES:
            raise BadInput(
                f"The rehearsal cannot follow the law '{material.law}'", remedy=f"It has: {', '.join(CODES)}."
            )
        young, density = parse(material.young, "pressure"), parse(material.density, "density")
        if young <= 0 or density <= 0:
            raise BadInput(
                f"A tissue with Young's modulus {material.young} and density {material.density} is not stable",
                remedy="Both must be positive.",
            )
        shape = law(material.law).read(material.parameters)
        shear = young / (2 * (1 + material.poisson))
        room = 3 * (1 - 2 * material.poisson)
        bulk = min(young / room, MOST_BULK * shear) if room > 0 else MOST_BULK * shear
        return cls(material.law, shear, bulk, density, tuple(shape[name] for name in CODES[material.law][1]))


def constants(materials: tuple[Elastic, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers of the laws (k,), and constants (k, 2 + numbers of the shape) of the materials, for the compiled loops."""
    codes = np.array([CODES[m.law][0] for m in materials])
    shapes = [ogden.numbers(m.parameters) if m.law == "ogden" else np.array(m.parameters) for m in materials]
    rows = np.zeros((len(materials), 2 + max(2, *map(len, shapes))))
    for row, m, shape in zip(rows, materials, shapes, strict=True):
        row[:2], row[2 : 2 + len(shape)] = (m.shear_pa, m.bulk_pa), shape
    return codes, rows


LARGEST_EXPONENT = 30.0
ogden_derivatives = ogden.derivatives


@always_inlined
def derivatives(code, mu, q, I1, I2):
    """W_iso, and its first and second derivatives by the isochoric invariants: w, w1, w2, w11, w12, w22.

    ``q`` is the row of constants of the material: shear modulus, bulk modulus, shape parameters.
    """
    e = I1 - 3.0
    if code == 0:
        return 0.5 * mu * e, 0.5 * mu, 0.0, 0.0, 0.0, 0.0
    if code == 1:
        first, second = 0.5 * mu * (1.0 - q[2]), 0.5 * mu * q[2]
        return first * e + second * (I2 - 3.0), first, second, 0.0, 0.0, 0.0
    if code == 2:
        b, c = q[2], q[3]
        return (
            0.5 * mu * (e + b * e * e + c * e * e * e),
            0.5 * mu * (1.0 + 2.0 * b * e + 3.0 * c * e * e),
            0.0,
            0.5 * mu * (2.0 * b + 6.0 * c * e),
            0.0,
            0.0,
        )
    if code == 4:
        return ogden_derivatives(mu, q, I1, I2)
    # Veronda-Westmann; beyond LARGEST_EXPONENT the exponential goes on as its parabola, so that it stays a number
    gamma = q[2]
    at = min(gamma * e, LARGEST_EXPONENT)
    rest = gamma * e - at
    grown = np.exp(at)
    return (
        mu * ((grown * (1.0 + rest + 0.5 * rest * rest) - 1.0) / gamma - 0.5 * (I2 - 3.0)),
        mu * grown * (1.0 + rest),
        -0.5 * mu,
        mu * gamma * grown,
        0.0,
        0.0,
    )
