"""The hyperelastic laws as the rehearsal uses them: the very energies of the full solve, as numbers for compiled loops.

Every isotropic law is W_iso(I1, I2) of the isochoric invariants, shear modulus at rest and shape parameters; a law is the
small function that gives its derivatives. The volumetric part is U(J) = kappa/4 (J^2 - 1 - 2 ln J) for all.
"""

from __future__ import annotations

from dataclasses import dataclass

from organtwin.errors import BadInput
from organtwin.model.tissue_case import Material
from organtwin.units import parse

# law -> number in the compiled loops, and its shape parameters in order
CODES: dict[str, tuple[int, tuple[str, ...]]] = {
    "neo_hookean": (0, ()),
    "mooney_rivlin": (1, ("second_share",)),
    "yeoh": (2, ("second", "third")),
    "veronda_westmann": (3, ("gamma",)),
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
