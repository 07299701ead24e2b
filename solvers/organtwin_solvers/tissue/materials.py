"""Materials in the units of the solver, and which of them each tetrahedron is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TissueCase
from organtwin.model.tissue_case import Material
from organtwin.units import parse
from organtwin_solvers.tissue import laws
from organtwin_solvers.tissue.laws import Law

STIFFEST_TO_SOFTEST = 1e8  # beyond, double precision cannot hold both in one system


@dataclass(frozen=True)
class Elastic:
    """A law with its constants in mm-g-s: shear and bulk modulus at rest (Pa), density (g/mm³), shape parameters.

    ``bulk_pa`` is infinite when incompressible; ``active_pa`` is a tension along the fibres; ``relaxation`` has the
    terms (share of the shear stiffness, time constant in s) of a Prony series.
    """

    law: Law
    shear_pa: float
    bulk_pa: float
    density: float = 1e-3
    parameters: Mapping[str, float] = field(default_factory=dict)
    active_pa: float = 0.0
    relaxation: tuple[tuple[float, float], ...] = ()

    @classmethod
    def from_young(cls, law: Law, young_pa: float, poisson: float, **more: Any) -> Elastic:
        """From Young's modulus and Poisson's ratio, 0.5 included."""
        bulk = young_pa / (3 * (1 - 2 * poisson)) if poisson < 0.5 else np.inf
        return cls(law, young_pa / (2 * (1 + poisson)), bulk, **more)

    @classmethod
    def of(cls, material: Material) -> Elastic:
        """From the material of a case.

        Raises
        ------
        BadInput
            For values with which it would not be stable.
        """
        law = laws.law(material.law)
        young, density = parse(material.young, "pressure"), parse(material.density, "density")
        if young <= 0 or density <= 0:
            raise BadInput(
                f"A tissue with Young's modulus {material.young} and density {material.density} is not stable",
                remedy="Both must be positive.",
            )
        relaxation = tuple((term.share, parse(term.time, "time")) for term in material.relaxation)
        if any(time <= 0 for _, time in relaxation):
            raise BadInput("A time constant of the relaxation is not positive", remedy='Give for example "2 s".')
        active = parse(material.active, "pressure") if material.active else 0.0
        if active < 0:
            raise BadInput(f"An active tension of {material.active} would push", remedy="Give a positive tension.")
        return cls.from_young(
            law,
            young,
            material.poisson,
            density=density,
            parameters=law.read(material.parameters),
            active_pa=active,
            relaxation=relaxation,
        )


@dataclass(frozen=True)
class Parts:
    """What each tetrahedron is made of: ``of_cells`` (local cells,) are indices into ``materials``."""

    materials: tuple[Elastic, ...]
    of_cells: NDArray[np.integer]

    @classmethod
    def everywhere(cls, elastic: Elastic, cells: int) -> Parts:
        """One material."""
        return cls((elastic,), np.zeros(cells, np.int16))

    @property
    def small_strain(self) -> bool:
        return self.materials[0].law.small_strain

    def of_law(self) -> list[tuple[Law, dict[str, float], list[int]]]:
        """Materials that share a law and what is fixed in its form, as numbers: each such group is one integral."""
        groups: dict[tuple[str, tuple[tuple[str, float], ...]], list[int]] = {}
        for number, material in enumerate(self.materials):
            fixed = tuple((name, material.parameters[name]) for name, p in material.law.parameters.items() if p.fixed)
            groups.setdefault((material.law.name, fixed), []).append(number)
        return [(self.materials[numbers[0]].law, dict(fixed), numbers) for (_, fixed), numbers in groups.items()]


def parts(mesh: OrganMesh, case: TissueCase, cell_of_cell: NDArray[np.integer]) -> Parts:
    """The materials of a case on the cells of a solver's mesh, of which ``cell_of_cell`` are the organ's numbers.

    Raises
    ------
    BadInput
        For a part that the mesh does not have, for materials that cannot stand side by side, and unstable ones.
    """
    of_cells = np.zeros(len(mesh.tets), np.int16)
    materials = [Elastic.of(case.material)]
    for name, material in case.materials.items():
        if name not in mesh.materials or mesh.materials_of_cells is None:
            known = ", ".join(f"'{part}'" for part in mesh.materials) or "no named parts"
            raise BadInput(f"The mesh '{mesh.name}' has no part '{name}' to give a material", remedy=f"It has {known}.")
        inside = np.asarray(mesh.materials_of_cells) == mesh.materials[name]
        if inside.any():
            of_cells[inside] = len(materials)
            materials.append(Elastic.of(material))
    if not (of_cells == 0).any():  # nothing is left of the organ's own material
        of_cells -= 1
        materials = materials[1:]
    if len({material.law.small_strain for material in materials}) > 1:
        raise BadInput(
            "A linear material cannot stand beside one of large strains",
            remedy="Take 'neo_hookean' instead of 'linear'.",
        )
    moduli = [material.shear_pa for material in materials]
    if max(moduli) > STIFFEST_TO_SOFTEST * min(moduli):
        raise BadInput(
            f"The stiffest part is {max(moduli) / min(moduli):.0e} times as stiff as the softest",
            remedy="Check their units, or fix the stiff part instead.",
        )
    return Parts(tuple(materials), of_cells[cell_of_cell])
