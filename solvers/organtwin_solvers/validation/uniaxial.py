"""A bar stretched and compressed along its axis, its sides free: every law against the solution by hand.

The reference is the stress of an isotropic material of two isochoric invariants (Holzapfel 2000, section 6.4),
σ = U'(J) I + 2/J dev[(w₁ + w₂ Ī₁) B̄ − w₂ B̄²], with w₁ and w₂ the derivatives of W_iso by Ī₁ and Ī₂ written out here
law by law, and the side stretch that makes the stress across the bar vanish.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import LAWS, law
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Elastic, Problem, Support
from organtwin_solvers.validation.block import block, nearest_point

YOUNG_PA = 6000.0
BAR_MM = (4.0, 1.0, 1.0)
COMPRESSIBLE, NEARLY_INCOMPRESSIBLE = 0.3, 0.4999

Derivatives = Callable[[float, float, float, Mapping[str, float]], tuple[float, float]]

# (dW_iso/dĪ₁, dW_iso/dĪ₂) at (Ī₁, Ī₂) for shear modulus mu
DERIVATIVES: dict[str, Derivatives] = {
    "neo_hookean": lambda i1, i2, mu, q: (mu / 2, 0.0),
    "mooney_rivlin": lambda i1, i2, mu, q: (mu / 2 * (1 - q["second_share"]), mu / 2 * q["second_share"]),
    "yeoh": lambda i1, i2, mu, q: (mu / 2 * (1 + 2 * q["second"] * (i1 - 3) + 3 * q["third"] * (i1 - 3) ** 2), 0.0),
    "veronda_westmann": lambda i1, i2, mu, q: (mu * math.exp(q["gamma"] * (i1 - 3)), -mu / 2),
}


def by_hand(name: str, poisson: float, stretch: float) -> tuple[float, float]:
    """Force per area at rest (Pa), and side stretch, of a bar of length ratio ``stretch``."""
    mu, kappa = YOUNG_PA / (2 * (1 + poisson)), YOUNG_PA / (3 * (1 - 2 * poisson))
    if name == "linear":
        return YOUNG_PA * (stretch - 1), 1 - poisson * (stretch - 1)
    parameters = law(name).read({})

    def cauchy(side: float) -> tuple[float, float]:
        J = stretch * side**2
        b1, b2 = J ** (-2 / 3) * stretch**2, J ** (-2 / 3) * side**2
        i1, i2 = b1 + 2 * b2, 2 * b1 * b2 + b2**2
        w1, w2 = DERIVATIVES[name](i1, i2, mu, parameters)
        s1, s2 = ((w1 + w2 * i1) * b - w2 * b**2 for b in (b1, b2))
        mean, volumetric = (s1 + 2 * s2) / 3, kappa / 2 * (J - 1 / J)
        return volumetric + 2 / J * (s1 - mean), volumetric + 2 / J * (s2 - mean)

    guess = stretch**-0.5
    side = float(brentq(lambda s: cauchy(s)[1], 0.7 * guess, 1.4 * guess, xtol=1e-15, rtol=1e-15))
    return cauchy(side)[0] * side**2, side


@dataclass(frozen=True)
class Bar:
    """What the solver finds."""

    stress_pa: float
    side_stretch: float
    mesh: str


def solve(
    name: str, poisson: float, stretch: float, formulation: Formulation, cells: int = 2, monitor: Monitor | None = None
) -> Bar:
    """Stretch the bar by the solver of the tissue operation."""
    mesh = block((2 * cells, cells, cells), BAR_MM, "bar")
    fem = fem_mesh(mesh)
    chosen = law(name)
    elastic = Elastic.from_young(chosen, YOUNG_PA, poisson, parameters=chosen.read({}))
    supports = [
        Support(f"{face} rolls", fem.facets(face), components=(axis,)) for axis, face in enumerate(("x0", "y0", "z0"))
    ]
    extension = (stretch - 1) * BAR_MM[0]
    supports.append(Support("pull", fem.facets("x1"), lambda x: np.full((3, x.shape[1]), extension), components=(0,)))
    problem = Problem(fem.mesh, elastic, formulation, supports)
    follow_load(problem, steps=2, tolerance=1e-9, monitor=monitor or NullMonitor())
    u = fem.to_points(problem.displacement())
    side = 1 + float(u[nearest_point(mesh, (BAR_MM[0] / 2, BAR_MM[1], BAR_MM[2])), 1]) / BAR_MM[1]
    force = float(problem.reactions()["pull"][0])
    return Bar(force / (BAR_MM[1] * BAR_MM[2]), side, f"{len(mesh.tets)} tetrahedra, {formulation.name}")


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Every law, compressible and nearly incompressible, pulled and pushed; the full run with every element."""
    rows: list[Row] = []
    ways = [(COMPRESSIBLE, Formulation(False, 2)), (NEARLY_INCOMPRESSIBLE, Formulation(True, 1))]
    if not quick:
        ways += [(COMPRESSIBLE, Formulation(False, 1)), (NEARLY_INCOMPRESSIBLE, Formulation(True, 2))]
    todo = [(name, poisson, way, s) for name in LAWS for poisson, way in ways for s in (1.5, 0.75)]
    for i, (name, poisson, way, stretch) in enumerate(todo):
        begin = time.perf_counter()
        bar = solve(
            name, poisson, stretch, way, 2 if quick else 4, PartMonitor(monitor, i / len(todo), (i + 1) / len(todo))
        )
        seconds = time.perf_counter() - begin
        stress, side = by_hand(name, poisson, stretch)
        label = f"{name}, Poisson {poisson:g}, stretch {stretch:g}"
        source = "solution by hand, Holzapfel 2000, section 6.4" if name != "linear" else "Hooke's law"
        rows.append(Row(f"{label}: nominal stress", stress, bar.stress_pa, "Pa", 0.01, source, bar.mesh, seconds))
        rows.append(Row(f"{label}: side stretch", side, bar.side_stretch, "1", 0.01, source, bar.mesh, seconds))
    return rows


CASE = Case("uniaxial", "A bar stretched along its axis, every law", run)
