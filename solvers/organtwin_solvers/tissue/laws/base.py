"""What a law is: a strain energy per reference volume, and the ranges in which it is stable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from organtwin.errors import BadInput


@dataclass(frozen=True)
class Parameter:
    """A dimensionless shape parameter of a law, with the range in which the energy stays stable.

    One that is ``fixed`` reaches the energy as a number, not as a symbol: it decides the form of the energy.
    """

    default: float
    lowest: float
    highest: float
    meaning: str
    fixed: bool = False


def _always_stable(parameters: Mapping[str, float]) -> str:
    return ""


@dataclass(frozen=True)
class Law:
    """A hyperelastic law, W = W_iso + U, given by its distortional part alone.

    ``distortion(F, mu, **directions, **parameters)`` is W_iso as a UFL expression of the deformation gradient F and of
    the shear modulus at rest (Pa); it must not change with the volume. The volumetric part U is the same for all laws
    (:mod:`organtwin_solvers.tissue.volumetric`), so that each works compressible, nearly incompressible and mixed.

    ``directions`` are the unit vectors at rest that the law wants, of "fibre" and "sheet". Where a law is not the same
    in all directions, its documentation says for which shear mu stands. ``unstable`` says in a few words what is wrong
    with parameters that are each in range but not together. ``small_strain`` laws are functions of the linear strain:
    no rotation, for comparison with linear references.
    """

    name: str
    title: str
    distortion: Callable[..., Any]
    source: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    small_strain: bool = False
    directions: tuple[str, ...] = ()
    unstable: Callable[[Mapping[str, float]], str] = _always_stable

    def read(self, given: Mapping[str, float]) -> dict[str, float]:
        """Every parameter of the law, from those given and the defaults.

        Raises
        ------
        BadInput
            For a parameter that the law does not have, or a value outside the stable range.
        """
        for name in given:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise BadInput(f"The law '{self.name}' has no parameter '{name}'", remedy=f"It has: {known}.")
        values = {name: float(given.get(name, p.default)) for name, p in self.parameters.items()}
        for name, value in values.items():
            p = self.parameters[name]
            if not p.lowest <= value <= p.highest:
                raise BadInput(
                    f"The law '{self.name}' is not stable with {name} = {value:g}",
                    remedy=f"Choose {name} between {p.lowest:g} and {p.highest:g}.",
                )
        reason = self.unstable(values)
        if reason:
            raise BadInput(f"The law '{self.name}' is not stable {reason}", remedy="Check its parameters.")
        return values
