"""Three problems of cardiac mechanics that eleven codes solved: a bending beam, and a ventricle inflated and contracting.

Land and others 2015, Verification of cardiac mechanics software: benchmark problems and solutions for testing active and
passive material behaviour, Proceedings of the Royal Society A 471, 20150641. All are of Guccione's law, incompressible,
and loaded by a pressure that follows the surface. The shear modulus that the law wants is C b_t / 2.

The ventricle is half an ellipsoid: semi-axes 7 and 17 mm inside, 10 and 20 mm outside, cut 5 mm above its middle; with
t from 0 (inside) to 1 (outside), r_s = 7 + 3t and r_l = 17 + 3t,

    x = (r_s sin u cos v, r_s sin u sin v, r_l cos u),

and its fibres are sin α e_u + cos α e_v with α = 90° − 180° t. Elements are curved, of quadratic shape.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.backend import MPI, basix, create_mesh, dmesh, fem, ufl
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Pressure, Problem, Support
from organtwin_solvers.validation.block import block, nearest_point

SOURCE = "Land 2015, Proc R Soc A 471:20150641, results of its finest code"
TAYLOR_HOOD = Formulation(mixed=True, degree=2)
BASE_MM = 5.0
GRADING = 1.6  # of the rings toward the apex, where the fibres meet


def muscle(c_pa: float, bf: float, bt: float, bfs: float, active_pa: float = 0.0) -> Elastic:
    """Guccione's law by its published constants, incompressible."""
    return Elastic(
        law("guccione"), c_pa * bt / 2, np.inf, parameters={"bf": bf, "bt": bt, "bfs": bfs}, active_pa=active_pa
    )


# -- the beam -------------------------------------------------------------------------------------------------------


def beam(cells: int, monitor: Monitor | None = None) -> tuple[NDArray[np.float64], int]:
    """Where the middle of the upper edge at the free end comes to, (3,) mm, and the number of unknowns."""

    def shape(unit: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([10 * unit[:, 0] ** 1.5, unit[:, 1], unit[:, 2]], axis=1)  # finer at the clamp

    mesh = block((6 * cells, cells, cells), shape, "beam")
    fem_ = fem_mesh(mesh)
    problem = Problem(
        fem_.mesh,
        muscle(2000.0, 8.0, 2.0, 4.0),
        TAYLOR_HOOD,
        [Support("clamped", fem_.facets("x0"))],
        [Pressure(fem_.facets("z0"), 4.0)],
        directions={"fibre": ufl.as_vector((1.0, 0.0, 0.0))},
    )
    follow_load(problem, steps=4, tolerance=1e-8, monitor=monitor)
    u = fem_.to_points(problem.displacement())
    tip = nearest_point(mesh, (10.0, 0.5, 1.0))
    return np.asarray(mesh.points_mm[tip] + u[tip]), problem.size


def run_beam(quick: bool, monitor: Monitor) -> list[Row]:
    """The deflection; the full run adds a finer mesh."""
    rows = []
    for cells in (4,) if quick else (4, 6):
        begin = time.perf_counter()
        tip, size = beam(cells, monitor)
        seconds = time.perf_counter() - begin
        for axis, name, reference in ((2, "z", 4.1695), (0, "x", 9.1767)):
            mesh = f"{size} unknowns, {TAYLOR_HOOD.name}"
            rows.append(Row(f"tip {name}", reference, float(tip[axis]), "mm", 0.5, SOURCE, mesh, seconds))
    return rows


# -- the ventricle --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ventricle:
    """The mesh of a ventricle, with t at the nodes of its quadratic elements."""

    domain: Any
    depth: Any
    endo: NDArray[np.int32]
    epi: NDArray[np.int32]
    base: NDArray[np.int32]


def disc(rings: int, most: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points (n, 2) and triangles of a unit disc of rings with 6, 12, 18 ... up to ``most`` points, finer in the middle."""
    radii = np.linspace(0, 1, rings + 1) ** GRADING
    counts = [1] + [min(6 * k, most) for k in range(1, rings + 1)]
    first = np.concatenate([[0], np.cumsum(counts)])
    turns = [np.arange(n) / n for n in counts]
    points = np.concatenate(
        [
            r * np.stack([np.cos(2 * np.pi * a), np.sin(2 * np.pi * a)], axis=1)
            for r, a in zip(radii, turns, strict=True)
        ]
    )
    triangles = [(0, 1 + i, 1 + (i + 1) % counts[1]) for i in range(counts[1])]
    for k in range(1, rings):
        inner, outer, i, j = counts[k], counts[k + 1], 0, 0
        while i < inner or j < outer:  # go round both rings, always on the one that is behind
            a, b = first[k] + i % inner, first[k + 1] + j % outer
            if j < outer and (i == inner or (j + 1) / outer <= (i + 1) / inner + 1e-9):
                triangles.append((a, b, first[k + 1] + (j + 1) % outer))
                j += 1
            else:
                triangles.append((a, b, first[k] + (i + 1) % inner))
                i += 1
    return points, np.array(triangles, np.int64)


def ventricle(rings: int, most: int, layers: int) -> Ventricle:
    """Prisms over a disc, ``layers`` across the wall, each cut into three tetrahedra."""
    flat, triangles = disc(rings, most)
    n = len(flat)
    triangles = np.sort(triangles, axis=1)  # the cut goes by number, so that neighbours agree
    prisms = np.concatenate([np.hstack([triangles + k * n, triangles + (k + 1) * n]) for k in range(layers)])
    cells = np.concatenate([prisms[:, cut] for cut in ([0, 1, 2, 5], [0, 1, 4, 5], [0, 3, 4, 5])])
    place = np.concatenate([np.column_stack([flat, np.full(n, k / layers)]) for k in range(layers + 1)])
    x = _in_space(place)
    corners = x[cells]
    volumes = np.linalg.det(corners[:, 1:] - corners[:, :1])
    cells[volumes < 0] = cells[volumes < 0][:, [0, 2, 1, 3]]

    sides = np.array([(2, 3), (1, 3), (1, 2), (0, 3), (0, 2), (0, 1)])  # the order of quadratic tetrahedra in Basix
    edges, number = np.unique(np.sort(cells[:, sides].reshape(-1, 2), axis=1), axis=0, return_inverse=True)
    quadratic = np.hstack([cells, len(place) + number.reshape(-1, 6)])
    middle = place[edges].mean(axis=1)
    middle[:, :2] *= _scale(np.linalg.norm(place[edges][:, :, :2], axis=2).mean(axis=1), middle[:, :2])
    element = basix.ufl.element("Lagrange", "tetrahedron", 2, shape=(3,))
    domain = create_mesh(MPI.COMM_SELF, quadratic, ufl.Mesh(element), np.concatenate([x, _in_space(middle)]))

    depth = fem.Function(fem.functionspace(domain, ("Lagrange", 2)))
    depth.interpolate(_depth)
    domain.topology.create_connectivity(2, 3)

    def facets(near: Any) -> NDArray[np.int32]:
        return dmesh.locate_entities_boundary(domain, 2, near)

    return Ventricle(
        domain,
        depth,
        facets(lambda x: _depth(x) < 1e-6),
        facets(lambda x: _depth(x) > 1 - 1e-6),
        facets(lambda x: abs(x[2] - BASE_MM) < 1e-6),
    )


def _scale(length: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factors (n, 1) that give vectors that length."""
    return (length / np.maximum(np.linalg.norm(vectors, axis=1), 1e-300))[:, None]


def _in_space(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places (n, 3) on the disc and across the wall, in mm: the middle of the disc is the apex, its rim the base."""
    share, t = np.linalg.norm(place[:, :2], axis=1), place[:, 2]
    r_s, r_l = 7 + 3 * t, 17 + 3 * t
    u = -np.pi + share * (np.pi - np.arccos(BASE_MM / r_l))
    around = place[:, :2] * _scale(np.ones(len(place)), place[:, :2])
    return np.column_stack([-(r_s * np.sin(u))[:, None] * around, r_l * np.cos(u)])


def _depth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """t at points (3, n): the ellipsoid that goes through each, by Newton's method."""
    t = np.full(x.shape[1], 0.5)
    for _ in range(30):
        r_s, r_l = 7 + 3 * t, 17 + 3 * t
        value = (x[0] ** 2 + x[1] ** 2) / r_s**2 + x[2] ** 2 / r_l**2 - 1
        slope = -6 * ((x[0] ** 2 + x[1] ** 2) / r_s**3 + x[2] ** 2 / r_l**3)
        t = np.clip(t - value / slope, -0.5, 1.5)
    return t


def fibre(mesh: Ventricle) -> Any:
    """The direction of the fibres as the benchmark defines it."""
    x, t = ufl.SpatialCoordinate(mesh.domain), mesh.depth
    r_s, r_l = 7 + 3 * t, 17 + 3 * t
    d = ufl.sqrt(x[0] ** 2 + x[1] ** 2 + 1e-20)
    angle = np.pi / 2 - np.pi * t
    e_u = ufl.as_vector((-r_s * x[2] * x[0] / (r_l * d), -r_s * x[2] * x[1] / (r_l * d), r_l * d / r_s))
    e_v = ufl.as_vector((-x[1] / d, x[0] / d, 0.0))
    return ufl.sin(angle) * e_u / ufl.sqrt(ufl.inner(e_u, e_u)) + ufl.cos(angle) * e_v


def solve(
    mesh: Ventricle, material: Elastic, pressure_pa: float, direction: Any, steps: int, monitor: Monitor | None = None
) -> tuple[dict[str, float], Problem]:
    """Where both sides of the apex come to (z, mm), and the volume of the cavity (mm³)."""
    problem = Problem(
        mesh.domain,
        material,
        TAYLOR_HOOD,
        [Support("base", mesh.base)],
        [Pressure(mesh.endo, pressure_pa)],
        directions={"fibre": direction},
    )
    follow_load(problem, steps=steps, tolerance=1e-7, monitor=monitor)
    return measure(mesh, problem), problem


def measure(mesh: Ventricle, problem: Problem) -> dict[str, float]:
    """The numbers that the benchmark asks for."""
    space, u = problem.displacement_space, problem.displacement()
    at = space.tabulate_dof_coordinates()
    z = at[:, 2] + u.x.array.reshape(-1, 3)[:, 2]
    on_axis = np.linalg.norm(at[:, :2], axis=1) < 1e-6
    found = {
        f"apex {name} z": float(z[np.flatnonzero(on_axis)[np.abs(at[on_axis, 2] - rest).argmin()]])
        for name, rest in (("endo", -17.0), ("epi", -20.0))
    }
    tags = [
        (0, fem.compute_integration_domains(fem.IntegralType.exterior_facet, mesh.domain.topology, np.sort(mesh.endo)))
    ]
    ds = ufl.ds(domain=mesh.domain, subdomain_data=tags, metadata={"quadrature_degree": 6})
    height = (
        ufl.SpatialCoordinate(mesh.domain)[2] + u[2] - BASE_MM
    )  # 0 on the lid: the flux of (0, 0, height) is the volume
    area = ufl.cofac(ufl.Identity(3) + ufl.grad(u)) * ufl.FacetNormal(mesh.domain)
    found["cavity"] = -float(fem.assemble_scalar(fem.form(height * area[2] * ds(0))))
    return found


@dataclass(frozen=True)
class Variant:
    """A ventricle problem and its reference values."""

    material: Elastic
    pressure_pa: float
    reference: dict[str, float]
    accepted_percent: float
    steps: int


INFLATED = Variant(
    muscle(10_000.0, 1.0, 1.0, 1.0),
    10_000.0,
    {"apex endo z": -26.612, "apex epi z": -28.279, "cavity": 10734.3},
    0.5,
    6,
)
CONTRACTING = Variant(
    muscle(2000.0, 8.0, 2.0, 4.0, active_pa=60_000.0),
    15_000.0,
    {"apex endo z": -12.347, "apex epi z": -15.452, "cavity": 1795.9},
    1.0,
    10,
)


def run_ventricle(variant: Variant, quick: bool, monitor: Monitor) -> list[Row]:
    """One mesh; the full run adds a finer one."""
    rows = []
    for rings, most, layers in ((14, 24, 3),) if quick else ((14, 24, 3), (18, 36, 3)):
        begin = time.perf_counter()
        mesh = ventricle(rings, most, layers)
        found, problem = solve(mesh, variant.material, variant.pressure_pa, fibre(mesh), variant.steps, monitor)
        seconds = time.perf_counter() - begin
        for name, reference in variant.reference.items():
            unit = "mm^3" if name == "cavity" else "mm"
            rows.append(
                Row(
                    name, reference, found[name], unit, variant.accepted_percent, SOURCE,
                    f"{problem.size} unknowns, {TAYLOR_HOOD.name}, curved", seconds,
                )
            )  # fmt: skip
    return rows


P1 = Case("land2015-p1", "A beam of heart muscle bent by a pressure", run_beam)
P2 = Case("land2015-p2", "A passive ventricle inflated", partial(run_ventricle, INFLATED))
P3 = Case("land2015-p3", "A ventricle with fibres that contracts", partial(run_ventricle, CONTRACTING))
