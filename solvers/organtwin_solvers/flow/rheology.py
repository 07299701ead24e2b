"""How thick blood is: Newtonian, or Carreau-Yasuda."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.flow_case import Blood
from organtwin.units import parse


@dataclass(frozen=True)
class Rheology:
    """Density in g/mm^3, viscosities in g/(mm s), relaxation in s; ``at_rest`` equal to ``at_infinite`` is Newtonian."""

    density: float
    at_infinite: float
    at_rest: float
    relaxation_s: float
    exponent: float
    transition: float

    @property
    def newtonian(self) -> bool:
        return self.at_rest == self.at_infinite

    def viscosity(self, shear_rate: NDArray[np.float64]) -> NDArray[np.float64]:
        """Viscosity in g/(mm s) at shear rates sqrt(2 D:D) in 1/s (Cho and Kensey, Biorheology 28, 1991)."""
        stretched = 1.0 + (self.relaxation_s * shear_rate) ** self.transition
        return self.at_infinite + (self.at_rest - self.at_infinite) * stretched ** (
            (self.exponent - 1.0) / self.transition
        )


def rheology(blood: Blood) -> Rheology:
    """The numbers of a case's blood.

    Raises
    ------
    BadInput
        When one of them is not above zero.
    """
    density, viscosity = parse(blood.density, "density"), parse(blood.viscosity, "viscosity")
    at_rest, relaxation = parse(blood.viscosity_at_rest, "viscosity"), parse(blood.relaxation, "time")
    if min(density, viscosity, at_rest, relaxation) <= 0.0:
        raise BadInput("Density, viscosities and relaxation time of blood must be above zero")
    if blood.law == "newtonian":
        at_rest = viscosity
    return Rheology(density, viscosity, at_rest, relaxation, blood.exponent, blood.transition)
