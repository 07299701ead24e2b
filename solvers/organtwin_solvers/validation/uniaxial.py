"""A bar stretched and compressed along its axis, its sides free: every law against the solution by hand.

The reference is the stress of a material of the isochoric principal stretches (Holzapfel 2000, section 6.2),
σᵢ = U'(J) + 1/J dev(λ̄ᵢ ∂W_iso/∂λ̄ᵢ), with those derivatives written out here law by law, and the side stretches that make
the stress across the bar vanish. Laws with directions have their fibres along the bar and their sheets in x and y.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root

from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.backend import ufl
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import LAWS, law
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Elastic, Problem, Support
from organtwin_solvers.validation.block import block, nearest_point

YOUNG_PA = 6000.0
BAR_MM = (4.0, 1.0, 1.0)
COMPRESSIBLE, NEARLY_INCOMPRESSIBLE = 0.3, 0.4999

Stretches = NDArray[np.float64]
Parameters = Mapping[str, float]


def _yeoh(x: Stretches, q: Parameters) -> Stretches:
    e = (x**2).sum() - 3
    return np.asarray((1 + 2 * q["second"] * e + 3 * q["third"] * e**2) * x**2)


def _ogden(x: Stretches, q: Parameters) -> Stretches:
    shares = (1 - q["share_2"] - q["share_3"], q["share_2"], q["share_3"])
    return np.asarray(sum(2 * share / q[f"alpha_{p}"] * x ** q[f"alpha_{p}"] for p, share in enumerate(shares, 1)))


def _guccione(x: Stretches, q: Parameters) -> Stretches:
    strain, b = (x**2 - 1) / 2, np.array([q["bf"], q["bt"], q["bt"]])
    return np.asarray(2 / q["bt"] * np.exp(b @ strain**2) * b * strain * x**2)


def _holzapfel_ogden(x: Stretches, q: Parameters) -> Stretches:
    slope = np.exp(q["b"] * ((x**2).sum() - 3)) * x**2
    for axis, (ratio, rate) in enumerate((("fibre_ratio", "bf"), ("sheet_ratio", "bs"))):
        tension = max(x[axis] ** 2 - 1, 0.0)
        slope[axis] += 2 * q[ratio] * tension * math.exp(q[rate] * tension**2) * x[axis] ** 2
    return np.asarray(slope)


# λ̄ᵢ ∂W_iso/∂λ̄ᵢ over the shear modulus, of the three isochoric stretches
SLOPES: dict[str, Callable[[Stretches, Parameters], Stretches]] = {
    "neo_hookean": lambda x, q: x**2,
    "mooney_rivlin": lambda x, q: (1 - q["second_share"]) * x**2 - q["second_share"] * x**-2,
    "yeoh": _yeoh,
    "ogden": _ogden,
    "veronda_westmann": lambda x, q: 2 * np.exp(q["gamma"] * ((x**2).sum() - 3)) * x**2 + x**-2,
    "guccione": _guccione,
    "holzapfel_ogden": _holzapfel_ogden,
}
# shape parameters and stretches, where they are not the defaults and 1.5 and 0.75
PARAMETERS: dict[str, Parameters] = {
    "ogden": {"alpha_1": 1.3, "alpha_2": 5.0, "share_2": 0.3, "alpha_3": -2.0, "share_3": 0.1}
}
STRETCHES = {"holzapfel_ogden": (1.1, 0.9)}  # its fibres lock


def by_hand(name: str, poisson: float, stretch: float) -> tuple[float, float]:
    """Force per area at rest (Pa), and side stretch in y, of a bar of length ratio ``stretch``."""
    if name == "linear":
        return YOUNG_PA * (stretch - 1), 1 - poisson * (stretch - 1)
    mu, kappa = YOUNG_PA / (2 * (1 + poisson)), YOUNG_PA / (3 * (1 - 2 * poisson))
    parameters = law(name).read(PARAMETERS.get(name, {}))

    def cauchy(sides: NDArray[np.float64]) -> NDArray[np.float64]:
        stretches = np.array([stretch, *sides])
        J = stretches.prod()
        slope = mu * SLOPES[name](J ** (-1 / 3) * stretches, parameters)
        return np.asarray(kappa / 2 * (J - 1 / J) + (slope - slope.mean()) / J)

    sides = root(lambda s: cauchy(s)[1:] / kappa, np.full(2, stretch**-0.5), tol=1e-14).x
    return float(cauchy(sides)[0] * sides.prod()), float(sides[0])


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
    elastic = Elastic.from_young(chosen, YOUNG_PA, poisson, parameters=chosen.read(PARAMETERS.get(name, {})))
    supports = [
        Support(f"{face} rolls", fem.facets(face), components=(axis,)) for axis, face in enumerate(("x0", "y0", "z0"))
    ]
    extension = (stretch - 1) * BAR_MM[0]
    supports.append(Support("pull", fem.facets("x1"), lambda x: np.full((3, x.shape[1]), extension), components=(0,)))
    axes = {direction: ufl.as_vector(np.eye(3)[axis]) for axis, direction in enumerate(("fibre", "sheet"))}
    problem = Problem(fem.mesh, elastic, formulation, supports, directions=axes)
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
    todo = [(name, poisson, way, s) for name in LAWS for poisson, way in ways for s in STRETCHES.get(name, (1.5, 0.75))]
    for i, (name, poisson, way, stretch) in enumerate(todo):
        begin = time.perf_counter()
        bar = solve(
            name, poisson, stretch, way, 2 if quick else 4, PartMonitor(monitor, i / len(todo), (i + 1) / len(todo))
        )
        seconds = time.perf_counter() - begin
        stress, side = by_hand(name, poisson, stretch)
        label = f"{name}, Poisson {poisson:g}, stretch {stretch:g}"
        source = "solution by hand, Holzapfel 2000, section 6.2" if name != "linear" else "Hooke's law"
        rows.append(Row(f"{label}: nominal stress", stress, bar.stress_pa, "Pa", 0.01, source, bar.mesh, seconds))
        rows.append(Row(f"{label}: side stretch", side, bar.side_stretch, "1", 0.01, source, bar.mesh, seconds))
    return rows


CASE = Case("uniaxial", "A bar stretched along its axis, every law", run)
