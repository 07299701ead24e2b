"""Which unknowns and shape functions: what decides between locking, accuracy and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Formulation:
    """Unknowns and element.

    ``mixed`` has displacement and pressure as unknowns and does not lock however incompressible the tissue is:
    quadratic-linear Taylor-Hood, or linear-linear made stable by the pressure projection of Dohrmann and Bochev 2004.
    Without it the displacement alone is unknown; linear tetrahedra are then too stiff from moderate Poisson ratios on.
    """

    mixed: bool
    degree: Literal[1, 2]

    @property
    def name(self) -> str:
        if self.mixed:
            return "Taylor-Hood P2-P1" if self.degree == 2 else "stabilised mixed P1-P1"
        return f"displacement P{self.degree}"


# meshes up to this size afford quadratic elements whatever the hardware
QUADRATIC_TETS = 4000
# Poisson ratio from which a pressure of its own is needed in quadratic elements too
NEARLY_INCOMPRESSIBLE = 0.49


def choose(
    kind: Literal["auto", "displacement", "mixed"],
    element: Literal["auto", "linear", "quadratic"],
    poisson: float,
    tets: int,
) -> Formulation:
    """The formulation asked for, or the cheapest one that does not lock."""
    degree: Literal[1, 2] = 1 if element == "linear" or (element == "auto" and tets > QUADRATIC_TETS) else 2
    if kind == "auto":
        return Formulation(mixed=degree == 1 or poisson >= NEARLY_INCOMPRESSIBLE, degree=degree)
    return Formulation(mixed=kind == "mixed", degree=degree)
