"""Holzapfel-Ogden: heart muscle as a soft matrix with fibres and sheets that bear tension alone.

The shear modulus at rest that Young's modulus sets is that of the matrix, μ = a; the stiffness of fibres, sheets and of
the coupling between them is given as multiples of it. The defaults are the paper's fit to shear tests of pig myocardium
(table 1: a 0.059, b 8.023, a_f 18.472, b_f 16.026, a_s 2.481, b_s 11.120, a_fs 0.216, b_fs 11.436, the a in kPa).
"""

from __future__ import annotations

from typing import Any

import ufl

from organtwin_solvers.tissue.laws.base import Law, Parameter
from organtwin_solvers.tissue.laws.invariants import isochoric_strain


def distortion(
    F: Any, mu: Any, fibre: Any, sheet: Any, b: Any, fibre_ratio: Any, bf: Any, sheet_ratio: Any, bs: Any,
    coupling_ratio: Any, bfs: Any,
) -> Any:  # fmt: skip
    """a/2b (exp b(Ī₁ − 3) − 1) + Σ_f,s a_i/2b_i (exp b_i ⟨Ī₄ᵢ − 1⟩² − 1) + a_fs/2b_fs (exp b_fs Ī₈² − 1), a = μ."""
    E = isochoric_strain(F)
    energy = mu / (2 * b) * (ufl.exp(2 * b * ufl.tr(E)) - 1)
    for direction, ratio, rate in ((fibre, fibre_ratio, bf), (sheet, sheet_ratio, bs)):
        stretch = 2 * ufl.dot(direction, E * direction)  # Ī₄ − 1
        tension = (stretch + abs(stretch)) / 2  # fibres buckle under compression
        energy += ratio * mu / (2 * rate) * (ufl.exp(rate * tension**2) - 1)
    coupling = 2 * ufl.dot(fibre, E * sheet)  # Ī₈
    return energy + coupling_ratio * mu / (2 * bfs) * (ufl.exp(bfs * coupling**2) - 1)


def _rate(default: float, of: str) -> Parameter:
    return Parameter(default, 0.01, 200.0, f"how fast {of} stiffens")


def _ratio(default: float, of: str) -> Parameter:
    return Parameter(default, 0.0, 1e5, f"stiffness of {of} over that of the matrix")


LAW = Law(
    "holzapfel_ogden",
    "Holzapfel-Ogden",
    distortion,
    "Holzapfel and Ogden 2009, Philosophical Transactions of the Royal Society A 367, 3445, eq. 5.38",
    {
        "b": _rate(8.023, "the matrix"),
        "fibre_ratio": _ratio(313.1, "the fibres"),
        "bf": _rate(16.026, "the fibres"),
        "sheet_ratio": _ratio(42.05, "the sheets"),
        "bs": _rate(11.12, "the sheets"),
        "coupling_ratio": _ratio(3.661, "the coupling of both"),
        "bfs": _rate(11.436, "the coupling"),
    },
    directions=("fibre", "sheet"),
)
